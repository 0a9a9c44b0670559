#include "pipeline/combine.h"

#include <stddef.h>
#include <string.h>

#include "pipeline/combine_parts.h"
#include "util/memory.h"

void vox_label_slab_fini(struct vox_label_slab *slab)
{
    vox_free(slab->values);
    *slab = (struct vox_label_slab){0};
}

/* All objects while they become one map. */
struct merge {
    struct vox_combined *objects; /* ascending value */
    int n;
    uint16_t uncertain;
    struct vox_label_slab slab;
    double *best; /* w * h: the mean logit of a contested voxel's owner so far; NULL until needed */
};

static uint16_t value_of(const struct vox_combined *object)
{
    return (uint16_t)vox_label_value(object->plan->label);
}

static bool holds_slice(const struct vox_state_box *box, int64_t k)
{
    return k >= box->lo[2] && k < box->lo[2] + box->size[2];
}

/* The row of states of slice k at row j of the box. */
static const uint8_t *states_at(const struct vox_state_box *box, int64_t j, int64_t k)
{
    return box->states + ((k - box->lo[2]) * box->size[1] + j) * box->size[0];
}

static uint16_t *values_at(const struct vox_label_slab *slab, const struct vox_state_box *box,
                           int64_t j, int64_t k)
{
    return slab->values + ((k - slab->first) * slab->size[1] + box->lo[1] + j) * slab->size[0] +
           box->lo[0];
}

/* Paints one object's share of a slice; true where another one has agreed voxels of its own in the
 * same place. Uncertain voxels yield to any agreed one. */
static bool paint(struct merge *merge, const struct vox_combined *object, int64_t k)
{
    const struct vox_state_box *box = &object->box;
    bool contested = false;
    for (int64_t j = 0; j < box->size[1]; j++) {
        const uint8_t *states = states_at(box, j, k);
        uint16_t *values = values_at(&merge->slab, box, j, k);
        for (int64_t i = 0; i < box->size[0]; i++) {
            bool owned = values[i] != 0 && values[i] != merge->uncertain;
            if (states[i] == VOX_VOXEL_AGREED) {
                contested = contested || owned;
                values[i] = owned ? values[i] : value_of(object);
            } else if (states[i] == VOX_VOXEL_UNCERTAIN && !owned) {
                values[i] = merge->uncertain;
            }
        }
    }
    return contested;
}

/* Gives each agreed voxel of the slice to the object of the higher mean logit; the lower value
 * comes first and stays where they are equal. */
static enum vox_code settle_object(struct merge *merge, struct vox_combined *object, int64_t k,
                                   struct vox_err *err)
{
    const struct vox_state_box *box = &object->box;
    int n = 0;
    enum vox_code code = vox_combined_look(object, k, &n, err);
    if (code != VOX_OK) {
        return code;
    }
    for (int64_t j = 0; j < box->size[1]; j++) {
        const uint8_t *states = states_at(box, j, k);
        uint16_t *values = values_at(&merge->slab, box, j, k);
        double *best = merge->best + (box->lo[1] + j) * merge->slab.size[0] + box->lo[0];
        for (int64_t i = 0; i < box->size[0]; i++) {
            if (states[i] != VOX_VOXEL_AGREED) {
                continue;
            }
            double mean = vox_combined_mean(object, n, box->lo[0] + i - object->patch.lo[0],
                                            box->lo[1] + j - object->patch.lo[1]);
            bool owned = values[i] != 0 && values[i] != merge->uncertain;
            if (!owned || mean > best[i]) {
                values[i] = value_of(object);
                best[i] = mean;
            }
        }
    }
    return VOX_OK;
}

/* Begins the slice again, with logits. */
static enum vox_code settle_slice(struct merge *merge, int64_t k, struct vox_err *err)
{
    size_t pixels = (size_t)merge->slab.size[0] * (size_t)merge->slab.size[1];
    uint16_t *values = merge->slab.values + (size_t)(k - merge->slab.first) * pixels;
    if (merge->best == NULL) {
        merge->best = vox_calloc(pixels, sizeof(*merge->best));
        if (merge->best == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    for (size_t i = 0; i < pixels; i++) {
        values[i] = values[i] == merge->uncertain ? values[i] : 0;
    }
    enum vox_code code = VOX_OK;
    for (int o = 0; o < merge->n && code == VOX_OK; o++) {
        if (holds_slice(&merge->objects[o].box, k)) {
            code = settle_object(merge, &merge->objects[o], k, err);
            vox_combined_rest(&merge->objects[o]);
        }
    }
    return code;
}

/* The slices that hold something. */
static enum vox_code make_slab(struct merge *merge, const int64_t size[3], struct vox_err *err)
{
    int64_t first = INT64_MAX, last = -1;
    for (int o = 0; o < merge->n; o++) {
        const struct vox_state_box *box = &merge->objects[o].box;
        if (box->size[2] > 0) {
            int64_t top = box->lo[2] + box->size[2] - 1;
            first = box->lo[2] < first ? box->lo[2] : first;
            last = top > last ? top : last;
        }
    }
    memcpy(merge->slab.size, size, sizeof(merge->slab.size));
    if (last < 0) {
        return VOX_OK;
    }
    size_t pixels, voxels;
    if (!vox_mul((size_t)size[0], (size_t)size[1], &pixels) ||
        !vox_mul(pixels, (size_t)(last - first + 1), &voxels)) {
        return vox_fail(err, VOX_E_LIMIT, "the result is too large");
    }
    merge->slab.first = first;
    merge->slab.n = last - first + 1;
    merge->slab.values = vox_calloc(voxels, sizeof(*merge->slab.values));
    return merge->slab.values != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code merge_all(struct merge *merge, const struct vox_watch *watch,
                               struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int64_t s = 0; s < merge->slab.n && code == VOX_OK; s++) {
        int64_t k = merge->slab.first + s;
        bool contested = false;
        code = vox_watch_check(watch, err);
        for (int o = 0; o < merge->n && code == VOX_OK; o++) {
            if (holds_slice(&merge->objects[o].box, k)) {
                contested = paint(merge, &merge->objects[o], k) || contested;
            }
        }
        if (code == VOX_OK && contested) {
            code = settle_slice(merge, k, err);
        }
    }
    return code;
}

static void count_voxel(struct vox_label_count *count, const int64_t at[3])
{
    for (int a = 0; a < 3; a++) {
        count->lo[a] = count->voxels == 0 || at[a] < count->lo[a] ? at[a] : count->lo[a];
        count->hi[a] = count->voxels == 0 || at[a] > count->hi[a] ? at[a] : count->hi[a];
    }
    count->voxels++;
}

static void count_all(const struct vox_label_slab *slab, struct vox_label_count *counts, int n)
{
    memset(counts, 0, (size_t)n * sizeof(*counts));
    const uint16_t *row = slab->values;
    for (int64_t s = 0; s < slab->n; s++) {
        for (int64_t j = 0; j < slab->size[1]; j++, row += slab->size[0]) {
            for (int64_t i = 0; i < slab->size[0]; i++) {
                if (row[i] != 0) {
                    count_voxel(&counts[row[i] - 1], (const int64_t[3]){i, j, slab->first + s});
                }
            }
        }
    }
}

/* Where object i of the caller comes among the others by value; equal ones in their order. */
static int rank_of(const struct vox_plan_object *const *plans, int n, int i)
{
    int rank = 0;
    for (int o = 0; o < n; o++) {
        int other = plans[o]->label, own = plans[i]->label;
        rank += other < own || (other == own && o < i);
    }
    return rank;
}

enum vox_code vox_combine(const struct vox_object_run *const *runs,
                          const struct vox_plan_object *const *plans, int n,
                          const struct vox_plan_image *image, const struct vox_labels *labels,
                          const struct vox_combine_options *options, const struct vox_watch *watch,
                          struct vox_label_slab *out, struct vox_object_scores *scores,
                          struct vox_label_count *counts, struct vox_err *err)
{
    struct merge merge = {.n = n, .uncertain = (uint16_t)vox_uncertain_value(labels)};
    struct vox_object_scores *found = vox_calloc((size_t)n, sizeof(*found));
    merge.objects = vox_calloc((size_t)n, sizeof(*merge.objects));
    enum vox_code code = VOX_OK;
    if (merge.objects == NULL || found == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < n && code == VOX_OK; i++) {
        code = vox_combined_init(&merge.objects[rank_of(plans, n, i)], runs[i], plans[i], image,
                                 options, watch, &found[i], err);
    }
    if (code == VOX_OK) {
        code = make_slab(&merge, image->size, err);
    }
    if (code == VOX_OK) {
        code = merge_all(&merge, watch, err);
    }
    if (code == VOX_OK) {
        count_all(&merge.slab, counts, labels->n + 1);
        if (n > 0) {
            memcpy(scores, found, (size_t)n * sizeof(*found));
        }
        *out = merge.slab;
    } else {
        vox_label_slab_fini(&merge.slab);
    }
    for (int i = 0; i < n && merge.objects != NULL; i++) {
        vox_combined_fini(&merge.objects[i]);
    }
    vox_free(merge.objects);
    vox_free(found);
    vox_free(merge.best);
    return code;
}
