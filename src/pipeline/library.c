/* The functions of the public header that are not those of a part of their own. */
#include <stdbool.h>
#include <string.h>

#include "pipeline/late_correction.h"
#include "pipeline/params_read.h"
#include "pipeline/result.h"
#include "util/json_writer.h"
#include "util/memory.h"

struct vox_result {
    struct vox_infer_data *data;
    struct vox_json_writer *json;
};

const char *vox_version(void)
{
    return VOX_VERSION;
}

/* ---- request ---- */

enum vox_code vox_request_open(const char *const *labels, int n_labels, struct vox_request **out,
                               struct vox_err *err)
{
    struct vox_labels own = {0};
    enum vox_code code = labels != NULL ? vox_labels_init(&own, labels, n_labels, err)
                                        : vox_labels_default(&own, err);
    if (code == VOX_OK) {
        code = vox_request_new(&own, out, err);
    }
    vox_labels_fini(&own);
    return code;
}

void vox_request_close(struct vox_request *request)
{
    vox_request_free(request);
}

enum vox_code vox_request_params(struct vox_request *request, const char *json, size_t size,
                                 struct vox_err *err)
{
    return vox_params_read(request, json, size, err);
}

static enum vox_code find_label(const struct vox_request *request, const char *name, int *out,
                                struct vox_err *err)
{
    int label = name == NULL ? request->chosen : vox_labels_find(&request->labels, name);
    if (label < 0) {
        return vox_fail(err, VOX_E_NOT_FOUND, "'%.80s' is no label of this request", name);
    }
    *out = label;
    return VOX_OK;
}

enum vox_code vox_request_click(struct vox_request *request, const char *label, const double ijk[3],
                                int positive, struct vox_err *err)
{
    const struct vox_click click = {.at = {ijk[0], ijk[1], ijk[2]}, .positive = positive != 0};
    int index;
    enum vox_code code = find_label(request, label, &index, err);
    return code == VOX_OK ? vox_request_add_click(request, index, &click, err) : code;
}

enum vox_code vox_request_box(struct vox_request *request, const char *label, double key,
                              const double corners[4], const double *z, struct vox_err *err)
{
    struct vox_box_ask box = {.key = key, .bounded = z != NULL};
    memcpy(box.corners, corners, sizeof(box.corners));
    if (z != NULL) {
        box.first = z[0];
        box.last = z[1];
    }
    int index;
    enum vox_code code = find_label(request, label, &index, err);
    return code == VOX_OK ? vox_request_add_box(request, index, &box, err) : code;
}

void vox_request_clear_boxes(struct vox_request *request)
{
    for (int i = 0; i < request->labels.n; i++) {
        vox_free(request->objects[i].boxes);
        request->objects[i].boxes = NULL;
        request->objects[i].n_boxes = 0;
    }
}

enum vox_code vox_request_mask(struct vox_request *request, const char *label,
                               const int64_t size[3], const uint8_t *voxels, struct vox_err *err)
{
    int index;
    enum vox_code code = find_label(request, label, &index, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_request_set_mask(request, index, size[0], size[1], 0, size[2], voxels, err);
    if (code == VOX_OK) {
        request->objects[index].mask_depth = size[2];
    }
    return code;
}

enum vox_code vox_request_ras(struct vox_request *request, struct vox_image *image,
                              struct vox_err *err)
{
    struct vox_image_facts facts;
    enum vox_code code = vox_image_describe(image, &facts, err);
    return code == VOX_OK ? vox_request_from_ras(request, facts.affine, err) : code;
}

/* ---- runs ---- */

/* Callbacks of the public interface as the inside knows them. */
struct bridge {
    const struct vox_callbacks *callbacks;
    bool cancelled; /* said once, it holds */
    struct vox_watch watch;
};

static bool ask(void *context)
{
    struct bridge *bridge = context;
    const struct vox_callbacks *callbacks = bridge->callbacks;
    bridge->cancelled = bridge->cancelled || callbacks->cancelled(callbacks->context) != 0;
    return bridge->cancelled;
}

static void pass_on(void *context, const struct vox_event *event)
{
    const struct bridge *bridge = context;
    const struct vox_callbacks *callbacks = bridge->callbacks;
    if (event->kind == VOX_EVENT_PLAN) {
        return;
    }
    const struct vox_progress progress = {
        .step = event->step,
        .done = event->done,
        .total = event->total,
        .seconds = event->seconds,
        .restarted = event->kind == VOX_EVENT_RESTART,
    };
    callbacks->progress(callbacks->context, &progress);
}

static const struct vox_watch *begin_bridge(struct bridge *bridge,
                                            const struct vox_callbacks *callbacks)
{
    if (callbacks == NULL) {
        return NULL;
    }
    *bridge = (struct bridge){.callbacks = callbacks};
    bridge->watch = (struct vox_watch){
        .event = callbacks->progress != NULL ? pass_on : NULL,
        .cancelled = callbacks->cancelled != NULL ? ask : NULL,
        .context = bridge,
    };
    return &bridge->watch;
}

enum vox_code vox_explain(struct vox_model *model, struct vox_image *image,
                          const struct vox_request *request, char **text, struct vox_err *err)
{
    struct vox_image_facts facts;
    enum vox_code code = vox_image_describe(image, &facts, err);
    if (code != VOX_OK) {
        return code;
    }
    static const struct vox_plan_defaults none = {0};
    struct vox_plan_image plan_image;
    memcpy(plan_image.size, facts.size, sizeof(plan_image.size));
    memcpy(plan_image.spacing, facts.spacing, sizeof(plan_image.spacing));
    struct vox_plan *plan;
    code = vox_plan_new(request, &plan_image, model != NULL ? &model->defaults : &none, &plan, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_plan_text(plan, &request->labels, text, err);
    vox_plan_free(plan);
    return code;
}

void vox_text_free(char *text)
{
    vox_free(text);
}

enum vox_code vox_segment(struct vox_model *model, struct vox_image *image,
                          const struct vox_request *request, const struct vox_callbacks *callbacks,
                          struct vox_result **out, struct vox_err *err)
{
    struct bridge bridge;
    struct vox_result *result = vox_calloc(1, sizeof(*result));
    if (result == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    const struct vox_infer_input input = {
        .task = &vox_sam_task,
        .model = model,
        .image = image,
        .request = request,
        .watch = begin_bridge(&bridge, callbacks),
    };
    enum vox_code code = vox_infer_run(&input, &result->data, err);
    if (code != VOX_OK) {
        vox_free(result);
        return code;
    }
    *out = result;
    return VOX_OK;
}

enum vox_code vox_result_correct(struct vox_result *result, const char *label, int64_t k,
                                 const double (*ij)[2], const int *labels, int n,
                                 const struct vox_callbacks *callbacks, struct vox_err *err)
{
    struct vox_infer_data *data = result->data;
    struct vox_late_clicks clicks = {.k = k, .ij = ij, .labels = labels, .n = n};
    enum vox_code code = find_label(data->request, label, &clicks.label, err);
    if (code != VOX_OK) {
        return code;
    }
    struct bridge bridge;
    return vox_late_correction_apply(data, &clicks, begin_bridge(&bridge, callbacks), err);
}

void vox_result_close(struct vox_result *result)
{
    if (result != NULL) {
        vox_json_writer_free(result->json);
        vox_infer_free(result->data);
        vox_free(result);
    }
}

void vox_result_describe(const struct vox_result *result, struct vox_result_facts *out)
{
    const struct vox_infer_data *data = result->data;
    const struct vox_outcome *outcome = &data->outcome;
    *out = (struct vox_result_facts){
        .valid = outcome->valid,
        .reason = outcome->reason,
        .size = {data->w, data->h, data->d},
        .first = outcome->slab.first,
        .n = outcome->slab.n,
        .n_warnings = outcome->warnings.n,
    };
    for (int i = 0; i <= data->request->labels.n; i++) {
        out->voxels += outcome->counts[i].voxels;
    }
    out->volume_ml = vox_voxel_ml(vox_slice_source_volume(data->img_3d)) * (double)out->voxels;
}

const char *vox_result_warning(const struct vox_result *result, int i)
{
    const struct vox_warnings *warnings = &result->data->outcome.warnings;
    return i >= 0 && i < warnings->n ? warnings->text[i] : "";
}

void vox_outcome_slice(const struct vox_outcome *outcome, int64_t k, uint16_t *out)
{
    const struct vox_label_slab *slab = &outcome->slab;
    size_t pixels = (size_t)slab->size[0] * (size_t)slab->size[1];
    if (slab->values == NULL || k < slab->first || k >= slab->first + slab->n) {
        memset(out, 0, pixels * sizeof(*out));
        return;
    }
    memcpy(out, slab->values + pixels * (size_t)(k - slab->first), pixels * sizeof(*out));
}

void vox_result_slice(const struct vox_result *result, int64_t k, uint16_t *out)
{
    vox_outcome_slice(&result->data->outcome, k, out);
}

const char *vox_result_extension(const struct vox_result *result)
{
    const char *asked = result->data->request->result_extension;
    if (asked[0] == '\0') {
        return vox_image_extension(result->data->image);
    }
    return strcmp(asked, ".mhd") == 0 ? ".mha" : asked;
}

enum vox_code vox_result_json(struct vox_result *result, const struct vox_files *files,
                              const char **text, size_t *size, struct vox_err *err)
{
    struct vox_json_writer *json;
    enum vox_code code = vox_result_write_json(result->data, files, &json, err);
    if (code == VOX_OK) {
        code = vox_json_writer_text(json, text, size, err);
        if (code != VOX_OK) {
            vox_json_writer_free(json);
            return code;
        }
        vox_json_writer_free(result->json);
        result->json = json;
    }
    return code;
}

enum vox_code vox_result_save(struct vox_result *result, const struct vox_files *files,
                              const struct vox_callbacks *callbacks, const char **which,
                              struct vox_err *err)
{
    struct bridge bridge;
    return vox_result_write_files(result->data, files, begin_bridge(&bridge, callbacks), which,
                                  err);
}
