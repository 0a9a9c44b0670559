/* How sure the network is of an object. */
#include <math.h>

#include "pipeline/combine_parts.h"

double vox_agreement_dice(const struct vox_plan_object *plan, int64_t in_both, int64_t in_one)
{
    bool both = plan->passes == VOX_PASSES_INTERSECTION || plan->passes == VOX_PASSES_UNION;
    if (!both || in_both + in_one == 0) {
        return (double)NAN;
    }
    return 2.0 * (double)in_both / (2.0 * (double)in_both + (double)in_one);
}

/* Of a voxel that is in the object with probability 1 / (1 + exp(-logit)), in bits. */
static double binary_entropy(double logit)
{
    const double ln2 = 0.69314718055994530942;
    double x = fabs(logit);
    double small = exp(-x);
    return (log1p(small) + x * small / (1.0 + small)) / ln2;
}

/* A rectangle of voxels, inclusive; empty where a lo is greater than its hi. */
struct area {
    int64_t lo[2], hi[2];
};

static void grow_area(struct area *area, const struct vox_rect *rect)
{
    const double lo[2] = {rect->i0, rect->j0}, hi[2] = {rect->i1, rect->j1};
    for (int a = 0; a < 2; a++) {
        int64_t first = (int64_t)floor(lo[a] + 0.5), last = (int64_t)floor(hi[a] + 0.5);
        area->lo[a] = first < area->lo[a] ? first : area->lo[a];
        area->hi[a] = last > area->hi[a] ? last : area->hi[a];
    }
}

/* The rectangles that hold on slice k, else all of the object's together; where it has none, the
 * box of found voxels. */
static struct area area_of_slice(const struct vox_combined *object, int64_t k)
{
    const struct vox_plan_object *plan = object->plan;
    const struct vox_state_box *found = &object->box;
    struct area area = {{INT64_MAX, INT64_MAX}, {INT64_MIN, INT64_MIN}};
    if (!plan->has_rects) {
        for (int a = 0; a < 2 && k >= found->lo[2] && k < found->lo[2] + found->size[2]; a++) {
            area.lo[a] = found->lo[a];
            area.hi[a] = found->lo[a] + found->size[a] - 1;
        }
        return area;
    }
    for (int64_t p = 0; p < plan->n_pieces; p++) {
        const struct vox_plan_piece *piece = &plan->pieces[p];
        if (piece->boxed && k >= piece->first && k <= piece->last) {
            grow_area(&area, &piece->rect);
        }
    }
    for (int64_t p = 0; p < plan->n_prompts; p++) {
        if (plan->prompts[p].boxed && plan->prompts[p].k == k) {
            grow_area(&area, &plan->prompts[p].box);
        }
    }
    if (area.lo[0] > area.hi[0]) {
        grow_area(&area, &plan->rects);
    }
    return area;
}

/* Only what the window shows counts. */
static void fit_area(struct area *area, const struct vox_slice_patch *patch)
{
    for (int a = 0; a < 2; a++) {
        int64_t last = patch->lo[a] + patch->size[a] - 1;
        area->lo[a] = area->lo[a] < patch->lo[a] ? patch->lo[a] : area->lo[a];
        area->hi[a] = area->hi[a] > last ? last : area->hi[a];
    }
}

enum vox_code vox_combined_entropy(struct vox_combined *object, const struct vox_watch *watch,
                                   double *out, struct vox_err *err)
{
    double sum = 0.0;
    int64_t voxels = 0;
    for (int64_t k = object->outcome.first; k <= object->outcome.last; k++) {
        struct area area = area_of_slice(object, k);
        fit_area(&area, &object->patch);
        if (area.lo[0] > area.hi[0] || area.lo[1] > area.hi[1]) {
            continue;
        }
        int n = 0;
        enum vox_code code = vox_watch_check(watch, err);
        if (code == VOX_OK) {
            code = vox_combined_look(object, k, &n, err);
        }
        if (code != VOX_OK) {
            return code;
        }
        for (int64_t j = area.lo[1]; j <= area.hi[1] && n > 0; j++) {
            for (int64_t i = area.lo[0]; i <= area.hi[0]; i++) {
                sum += binary_entropy(
                    vox_combined_mean(object, n, i - object->patch.lo[0], j - object->patch.lo[1]));
                voxels++;
            }
        }
    }
    *out = voxels > 0 ? sum / (double)voxels : (double)NAN;
    return VOX_OK;
}
