#include "pipeline/late_correction.h"

#include <stddef.h>

#include "pipeline/engine.h"
#include "util/memory.h"

static const struct vox_plan_object *find_object(const struct vox_plan *plan, int label)
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

static enum vox_code add_to_request(struct vox_request *request,
                                    const struct vox_late_clicks *clicks, struct vox_err *err)
{
    struct vox_click *list = vox_calloc((size_t)clicks->n, sizeof(*list));
    if (list == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (int64_t i = 0; i < clicks->n && code == VOX_OK; i++) {
        list[i] = (struct vox_click){.at = {clicks->ij[i][0], clicks->ij[i][1]},
                                     .positive = clicks->labels[i] == 1};
        if (clicks->labels[i] != 0 && clicks->labels[i] != 1) {
            code =
                vox_fail(err, VOX_E_ARG, "label %lld of a correction must be 1 or 0", (long long)i);
        }
    }
    if (code == VOX_OK) {
        code = vox_request_add_correction(request, clicks->label, (double)clicks->k, list,
                                          (size_t)clicks->n, err);
    }
    vox_free(list);
    return code;
}

/* The plan of the request, in which the object must have got a correction. */
static enum vox_code plan_anew(const struct vox_request *request,
                               const struct vox_plan_image *image,
                               const struct vox_plan_defaults *defaults,
                               const struct vox_plan_object *before, struct vox_plan **out,
                               struct vox_err *err)
{
    struct vox_plan *made;
    enum vox_code code = vox_plan_new(request, image, defaults, &made, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_plan_object *object = find_object(made, before->label);
    if (object == NULL || object->n_corrections <= before->n_corrections) {
        vox_plan_free(made);
        return vox_fail(err, VOX_E_ARG, "no click lies inside the slice");
    }
    *out = made;
    return VOX_OK;
}

enum vox_code vox_late_correction_add(struct vox_request *request, const struct vox_plan *plan,
                                      const struct vox_plan_defaults *defaults,
                                      const struct vox_late_clicks *clicks, struct vox_plan **out,
                                      struct vox_err *err)
{
    const struct vox_plan_object *object = find_object(plan, clicks->label);
    if (object == NULL) {
        return vox_fail(err, VOX_E_ARG, "there is no object to correct; give it a prompt first");
    }
    if (clicks->n < 1) {
        return vox_fail(err, VOX_E_ARG, "a correction needs a click");
    }
    enum vox_code code = check_slice(plan, object, clicks->k, err);
    if (code == VOX_OK) {
        code = add_to_request(request, clicks, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = plan_anew(request, &plan->image, defaults, object, out, err);
    if (code != VOX_OK) {
        vox_late_correction_drop(request);
    }
    return code;
}

void vox_late_correction_drop(struct vox_request *request)
{
    struct vox_correction_ask *last = &request->corrections[--request->n_corrections];
    request->n_points -= last->n_clicks;
    vox_free(last->clicks);
}

const struct vox_plan_correction *vox_late_correction_last(const struct vox_plan *plan, int label)
{
    const struct vox_plan_object *object = find_object(plan, label);
    VOX_ASSERT(object != NULL && object->n_corrections > 0);
    return &object->corrections[object->n_corrections - 1];
}

enum vox_code vox_late_correction_apply(struct vox_infer_data *data,
                                        const struct vox_late_clicks *clicks,
                                        const struct vox_watch *watch, struct vox_err *err)
{
    struct vox_plan *plan, *before = data->plan;
    enum vox_code code =
        vox_late_correction_add(data->request, before, &data->model->defaults, clicks, &plan, err);
    if (code != VOX_OK) {
        return code;
    }
    data->plan = plan;
    code = vox_infer_correct(data, vox_late_correction_last(plan, clicks->label), 1, clicks->label,
                             watch, err);
    if (code != VOX_OK) {
        data->plan = before;
        vox_late_correction_drop(data->request);
        vox_plan_free(plan);
        return code;
    }
    vox_plan_free(before);
    return VOX_OK;
}
