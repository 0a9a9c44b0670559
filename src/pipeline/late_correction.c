#include "pipeline/late_correction.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "util/memory.h"

static struct vox_plan_object *find_object(const struct vox_plan *plan, int label)
{
    for (int i = 0; i < plan->n_objects; i++) {
        if (plan->objects[i].label == label) {
            return &plan->objects[i];
        }
    }
    return NULL;
}

static enum vox_code check_slice(const struct vox_plan *plan, const struct vox_plan_object *object,
                                 int64_t k, struct vox_err *err)
{
    if (k < 0 || k >= plan->image.size[2]) {
        return vox_fail(err, VOX_E_ARG, "slice %lld is not there; slices are 0 to %lld",
                        (long long)k, (long long)plan->image.size[2] - 1);
    }
    if (!object->free && (k < object->first || k > object->last)) {
        return vox_fail(err, VOX_E_ARG, "slice %lld lies outside the borders %lld to %lld",
                        (long long)k, (long long)object->first, (long long)object->last);
    }
    return VOX_OK;
}

/* NaN is outside. */
static bool is_inside(const struct vox_plan_image *image, const double ij[2])
{
    double i = floor(ij[0] + 0.5), j = floor(ij[1] + 0.5);
    return i >= 0.0 && i < (double)image->size[0] && j >= 0.0 && j < (double)image->size[1];
}

static bool conditions(const struct vox_plan_object *object, int64_t k)
{
    for (int64_t i = 0; i < object->n_prompts; i++) {
        if (object->prompts[i].k == k) {
            return true;
        }
    }
    return false;
}

enum vox_code vox_late_correction_new(const struct vox_plan *plan, int label, int64_t k,
                                      const double (*ij)[2], const int *labels, int64_t n,
                                      struct vox_plan_correction **out, struct vox_err *err)
{
    const struct vox_plan_object *object = find_object(plan, label);
    if (object == NULL) {
        return vox_fail(err, VOX_E_ARG, "there is no object to correct; give it a prompt first");
    }
    enum vox_code code = check_slice(plan, object, k, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_plan_correction *correction = vox_calloc(1, sizeof(*correction));
    struct vox_plan_click *clicks = vox_calloc((size_t)n, sizeof(*clicks));
    if (correction == NULL || clicks == NULL) {
        vox_free(correction);
        vox_free(clicks);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    correction->k = k;
    correction->on_prompt = conditions(object, k);
    correction->clicks = clicks;
    for (int64_t i = 0; i < n; i++) {
        if (is_inside(&plan->image, ij[i])) {
            clicks[correction->n_clicks++] =
                (struct vox_plan_click){.i = ij[i][0], .j = ij[i][1], .positive = labels[i] != 0};
        }
    }
    if (correction->n_clicks == 0) {
        vox_late_correction_free(correction);
        return vox_fail(err, VOX_E_ARG, "no click lies inside the slice");
    }
    *out = correction;
    return VOX_OK;
}

void vox_late_correction_free(struct vox_plan_correction *correction)
{
    if (correction != NULL) {
        vox_free(correction->clicks);
        vox_free(correction);
    }
}

/* Room for one more correction of n clicks. */
static enum vox_code make_room(struct vox_plan_object *object, int64_t n, struct vox_err *err)
{
    size_t had = (size_t)object->n_corrections, has = (size_t)object->n_clicks;
    struct vox_plan_correction *corrections = vox_realloc(
        object->corrections, had * sizeof(*corrections), (had + 1) * sizeof(*corrections));
    if (corrections != NULL) {
        object->corrections = corrections;
    }
    struct vox_plan_click *clicks = vox_calloc(has + (size_t)n, sizeof(*clicks));
    if (corrections == NULL || clicks == NULL) {
        vox_free(clicks);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(clicks, object->clicks, has * sizeof(*clicks));
    for (int64_t i = 0; i < object->n_prompts; i++) {
        object->prompts[i].clicks = clicks + (object->prompts[i].clicks - object->clicks);
    }
    for (int64_t i = 0; i < object->n_corrections; i++) {
        corrections[i].clicks = clicks + (corrections[i].clicks - object->clicks);
    }
    vox_free(object->clicks);
    object->clicks = clicks;
    return VOX_OK;
}

enum vox_code vox_late_correction_join(struct vox_plan *plan, int label,
                                       const struct vox_plan_correction *correction,
                                       struct vox_err *err)
{
    struct vox_plan_object *object = find_object(plan, label);
    if (object == NULL) {
        return vox_fail(err, VOX_E_ARG, "there is no object to correct; give it a prompt first");
    }
    enum vox_code code = make_room(object, correction->n_clicks, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_plan_correction *joined = &object->corrections[object->n_corrections++];
    *joined = *correction;
    joined->clicks = object->clicks + object->n_clicks;
    memcpy(joined->clicks, correction->clicks,
           (size_t)correction->n_clicks * sizeof(*joined->clicks));
    object->n_clicks += correction->n_clicks;
    return VOX_OK;
}

void vox_late_correction_part(struct vox_plan *plan, int label)
{
    struct vox_plan_object *object = find_object(plan, label);
    if (object != NULL && object->n_corrections > 0) {
        object->n_clicks -= object->corrections[--object->n_corrections].n_clicks;
    }
}
