#include "app/compare_measure.h"

#include <stddef.h>
#include <string.h>

#include "util/memory.h"
#include "volume/overlap.h"

/* The affine and the size of a grid that both files have. */
struct grid {
    double affine[3][4];
    int64_t size[3];
    double tolerance;
};

enum vox_code vox_comparison_all(const struct vox_label_file *a, const struct vox_label_file *b,
                                 struct vox_comparison *out, struct vox_err *err)
{
    struct vox_compared *labels = vox_calloc((size_t)a->n + (size_t)b->n, sizeof(*labels));
    if (labels == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the labels");
    }
    int n = 0, i = 0, j = 0;
    while (i < a->n || j < b->n) {
        bool from_a = j == b->n || (i < a->n && a->sorted[i].value <= b->sorted[j].value);
        int64_t value = from_a ? a->sorted[i].value : b->sorted[j].value;
        i += i < a->n && a->sorted[i].value == value;
        j += j < b->n && b->sorted[j].value == value;
        labels[n].value_a = labels[n].value_b = value;
        n++;
    }
    *out = (struct vox_comparison){labels, n};
    return VOX_OK;
}

/* `slice` is -1 for the whole grid. */
static enum vox_code measure(const struct vox_region *a, const struct vox_region *b,
                             struct grid *grid, int64_t slice, struct vox_measures *out,
                             struct vox_err *err)
{
    struct vox_region part_a = *a, part_b = *b;
    struct vox_surface *surfaces[2] = {NULL, NULL};
    enum vox_code code = VOX_OK;
    if (slice >= 0) {
        vox_region_slice(a, grid->size, slice, &part_a);
        vox_region_slice(b, grid->size, slice, &part_b);
    }
    for (int s = 0; s < 2 && code == VOX_OK; s++) {
        const struct vox_region *region = s == 0 ? &part_a : &part_b;
        code = slice < 0 ? vox_surface_new(region, grid->size, grid->affine, &surfaces[s], err)
                         : vox_surface_new_slice(region, grid->size, slice, grid->affine,
                                                 &surfaces[s], err);
    }
    struct vox_measures found = {part_a.count, part_b.count, 0, {0}};
    if (code == VOX_OK) {
        found.both = vox_overlap_count(&part_a, &part_b, grid->size);
        code = vox_surface_compare(surfaces[0], surfaces[1], grid->tolerance, &found.surface, err);
    }
    vox_surface_free(surfaces[0]);
    vox_surface_free(surfaces[1]);
    if (code == VOX_OK) {
        *out = found;
    }
    return code;
}

static enum vox_code measure_slices(const struct vox_region *a, const struct vox_region *b,
                                    struct grid *grid, struct vox_compared *label,
                                    struct vox_err *err)
{
    int64_t first = 0, last = -1;
    for (int r = 0; r < 2; r++) {
        const struct vox_region *region = r == 0 ? a : b;
        if (region->count > 0) {
            first = last < 0 || region->low[2] < first ? region->low[2] : first;
            last = region->high[2] > last ? region->high[2] : last;
        }
    }
    label->slices = vox_calloc((size_t)(last - first + 1), sizeof(label->slices[0]));
    if (label->slices == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the slices");
    }
    enum vox_code code = VOX_OK;
    for (int64_t k = first; k <= last && code == VOX_OK; k++) {
        struct vox_measures found;
        code = measure(a, b, grid, k, &found, err);
        if (code == VOX_OK && found.a + found.b > 0) {
            label->slices[label->n_slices++] = (struct vox_compared_slice){k, found};
        }
    }
    return code;
}

enum vox_code vox_comparison_measure(const struct vox_label_file *a, const struct vox_label_file *b,
                                     double tolerance, bool per_slice,
                                     struct vox_comparison *comparison, struct vox_err *err)
{
    struct grid grid = {.tolerance = tolerance};
    memcpy(grid.affine, a->geometry.affine, sizeof(grid.affine));
    memcpy(grid.size, a->size, sizeof(grid.size));
    enum vox_code code = VOX_OK;
    for (int i = 0; i < comparison->n && code == VOX_OK; i++) {
        struct vox_compared *label = &comparison->labels[i];
        struct vox_region in_a = vox_label_file_region(a, label->value_a);
        struct vox_region in_b = vox_label_file_region(b, label->value_b);
        code = measure(&in_a, &in_b, &grid, -1, &label->whole, err);
        if (code == VOX_OK && per_slice) {
            code = measure_slices(&in_a, &in_b, &grid, label, err);
        }
    }
    return code;
}

void vox_comparison_free(struct vox_comparison *comparison)
{
    for (int i = 0; i < comparison->n; i++) {
        vox_free(comparison->labels[i].slices);
    }
    vox_free(comparison->labels);
    *comparison = (struct vox_comparison){0};
}
