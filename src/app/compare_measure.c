#include "app/compare_measure.h"

#include <stddef.h>
#include <string.h>

#include "util/memory.h"
#include "volume/overlap.h"

/* What all measuring needs. */
struct bench {
    double affine[3][4];
    int64_t sides[3];
    int64_t first_slice;
    double tolerance;
};

struct label_source {
    const struct vox_label_map *map;
    const struct vox_label_ref *ref;
};

static int64_t give_slice(void *context, int64_t k, uint8_t *mask)
{
    const struct label_source *source = context;
    if (source->ref->segment >= 0) {
        return vox_label_map_segment_slice(source->map, source->ref->segment, k, mask);
    }
    return vox_label_map_value_slice(source->map, source->ref->value, k, mask);
}

static enum vox_code read_region(const struct vox_label_map *map, const struct vox_label_ref *ref,
                                 const int64_t size[3], struct vox_region *out, struct vox_err *err)
{
    if (!ref->has_value) {
        *out = (struct vox_region){0};
        return VOX_OK;
    }
    struct label_source source = {map, ref};
    const struct vox_region_source supply = {give_slice, &source};
    return vox_region_read(&supply, size, out, err);
}

/* A region's surface, or that of its slice k (-1: of all). */
static enum vox_code find_surface(const struct vox_region *region, struct bench *bench, int64_t k,
                                  struct vox_surface **out, struct vox_err *err)
{
    return k < 0 ? vox_surface_new(region, bench->sides, bench->affine, out, err)
                 : vox_surface_new_slice(region, bench->sides, k, bench->affine, out, err);
}

static enum vox_code measure(const struct vox_region *a, const struct vox_region *b,
                             struct bench *bench, int64_t k, struct vox_measures *out,
                             struct vox_err *err)
{
    struct vox_region part_a = k < 0 ? *a : vox_region_slice(a, k);
    struct vox_region part_b = k < 0 ? *b : vox_region_slice(b, k);
    struct vox_measures found = {
        part_a.count, part_b.count, vox_overlap_count(&part_a, &part_b), {0}};
    struct vox_surface *surface_a = NULL, *surface_b = NULL;
    enum vox_code code = find_surface(a, bench, k, &surface_a, err);
    if (code == VOX_OK) {
        code = find_surface(b, bench, k, &surface_b, err);
    }
    if (code == VOX_OK) {
        code = vox_surface_compare(surface_a, surface_b, bench->tolerance, &found.surface, err);
    }
    vox_surface_free(surface_a);
    vox_surface_free(surface_b);
    if (code == VOX_OK) {
        *out = found;
    }
    return code;
}

static enum vox_code measure_slices(const struct vox_region *a, const struct vox_region *b,
                                    struct bench *bench, struct vox_compared *label,
                                    struct vox_err *err)
{
    int64_t first = 0, end = 0;
    for (int r = 0; r < 2; r++) {
        const struct vox_region *region = r == 0 ? a : b;
        if (region->count > 0) {
            int64_t stop = region->low[2] + region->size[2];
            first = end == 0 || region->low[2] < first ? region->low[2] : first;
            end = stop > end ? stop : end;
        }
    }
    label->slices = vox_calloc((size_t)(end - first), sizeof(label->slices[0]));
    if (label->slices == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the slices");
    }
    enum vox_code code = VOX_OK;
    for (int64_t k = first; k < end && code == VOX_OK; k++) {
        struct vox_measures found = {0};
        code = measure(a, b, bench, k, &found, err);
        if (found.a + found.b > 0) {
            label->slices[label->n_slices++] =
                (struct vox_compared_slice){bench->first_slice + k, found};
        }
    }
    return code;
}

enum vox_code vox_comparison_measure(const struct vox_label_map *a, const struct vox_label_map *b,
                                     const struct vox_common_grid *grid,
                                     const struct vox_label_pairs *pairs, double tolerance,
                                     bool per_slice, struct vox_comparison *out,
                                     struct vox_err *err)
{
    struct bench bench = {.first_slice = grid->first_slice, .tolerance = tolerance};
    memcpy(bench.affine, grid->grid.geometry.affine, sizeof(bench.affine));
    memcpy(bench.sides, grid->sides, sizeof(bench.sides));
    struct vox_comparison comparison = {vox_calloc((size_t)pairs->n, sizeof(comparison.labels[0])),
                                        0};
    if (comparison.labels == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the labels");
    }
    enum vox_code code = VOX_OK;
    while (comparison.n < pairs->n && code == VOX_OK) {
        struct vox_compared *label = &comparison.labels[comparison.n];
        struct vox_region in_a = {0}, in_b = {0};
        label->pair = pairs->at[comparison.n++];
        code = read_region(a, &label->pair.a, grid->grid.size, &in_a, err);
        if (code == VOX_OK) {
            code = read_region(b, &label->pair.b, grid->grid.size, &in_b, err);
        }
        if (code == VOX_OK) {
            code = measure(&in_a, &in_b, &bench, -1, &label->whole, err);
        }
        if (code == VOX_OK && per_slice) {
            code = measure_slices(&in_a, &in_b, &bench, label, err);
        }
        vox_region_free(&in_a);
        vox_region_free(&in_b);
    }
    if (code != VOX_OK) {
        vox_comparison_free(&comparison);
        return code;
    }
    *out = comparison;
    return VOX_OK;
}

void vox_comparison_free(struct vox_comparison *comparison)
{
    for (int i = 0; i < comparison->n; i++) {
        vox_free(comparison->labels[i].slices);
    }
    vox_free(comparison->labels);
    *comparison = (struct vox_comparison){0};
}
