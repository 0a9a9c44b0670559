#include <string.h>

#include "pipeline/infer_task.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

typedef enum vox_code stage_function(struct vox_infer_data *data, struct vox_err *err);

const char *vox_stage_name(enum vox_stage stage)
{
    static const char *const names[VOX_STAGES] = {
        [VOX_STAGE_COPY] = "copy",
        [VOX_STAGE_PRE_TRANSFORM] = "pre_transform",
        [VOX_STAGE_RUN_INFERER] = "run_inferer",
        [VOX_STAGE_POST_TRANSFORM] = "post_transform",
        [VOX_STAGE_WRITER] = "writer",
    };
    VOX_ASSERT((unsigned)stage < VOX_STAGES);
    return names[stage];
}

static void free_outcome(const struct vox_infer_task *task, struct vox_outcome *outcome)
{
    if (outcome->account != NULL && task->free_account != NULL) {
        task->free_account(outcome);
    }
    vox_label_slab_fini(&outcome->slab);
    vox_free(outcome->counts);
    vox_free(outcome->scores);
    *outcome = (struct vox_outcome){0};
}

void vox_infer_free(struct vox_infer_data *data)
{
    if (data == NULL) {
        return;
    }
    if (data->pred != NULL && data->task->free_pred != NULL) {
        data->task->free_pred(data->pred);
    }
    free_outcome(data->task, &data->outcome);
    vox_free(data->obj_ids);
    vox_plan_free(data->plan);
    vox_request_free(data->request);
    vox_free(data);
}

static enum vox_code run_stage(struct vox_infer_data *data, enum vox_stage stage,
                               stage_function *function, struct vox_err *err)
{
    enum vox_code code = vox_watch_check(data->watch, err);
    if (code != VOX_OK) {
        return code;
    }
    double start = vox_seconds();
    code = function(data, err);
    data->stage_seconds[stage] += vox_seconds() - start;
    return code;
}

/* The writer makes the outcome as a whole, so that one that fails leaves none. */
static enum vox_code write_outcome(struct vox_infer_data *data, struct vox_err *err)
{
    struct vox_outcome before = data->outcome;
    data->outcome = (struct vox_outcome){0};
    double start = vox_seconds();
    enum vox_code code = run_stage(data, VOX_STAGE_WRITER, data->task->writer, err);
    data->latencies.post += vox_seconds() - start;
    if (code != VOX_OK) {
        free_outcome(data->task, &data->outcome);
        data->outcome = before;
        return code;
    }
    free_outcome(data->task, &before);
    return VOX_OK;
}

static enum vox_code run_stages(struct vox_infer_data *data, struct vox_err *err)
{
    enum vox_code code = run_stage(data, VOX_STAGE_PRE_TRANSFORM, data->task->pre_transform, err);
    if (code == VOX_OK) {
        code = run_stage(data, VOX_STAGE_RUN_INFERER, data->task->run_inferer, err);
    }
    if (code == VOX_OK) {
        code = run_stage(data, VOX_STAGE_POST_TRANSFORM, data->task->post_transform, err);
    }
    if (code == VOX_OK) {
        code = write_outcome(data, err);
    }
    return code;
}

enum vox_code vox_infer_run(const struct vox_infer_input *input, struct vox_infer_data **out,
                            struct vox_err *err)
{
    struct vox_infer_data *data = vox_calloc(1, sizeof(*data));
    if (data == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    data->task = input->task;
    data->model = input->model;
    data->image = input->image;
    data->watch = input->watch;
    data->params = input->params;
    data->params_size = input->params_size;
    data->start = vox_seconds();
    enum vox_code code = vox_request_copy(input->request, &data->request, err);
    data->stage_seconds[VOX_STAGE_COPY] = vox_seconds() - data->start;
    if (code == VOX_OK) {
        code = run_stages(data, err);
    }
    /* Neither outlives the call. */
    data->watch = NULL;
    data->params = NULL;
    if (code != VOX_OK) {
        vox_infer_free(data);
        return code;
    }
    *out = data;
    return VOX_OK;
}

static enum vox_code correct(struct vox_infer_data *data,
                             const struct vox_plan_correction *corrections, int64_t n, int label,
                             struct vox_err *err)
{
    enum vox_code code = data->task->correct(data, corrections, n, label, err);
    data->stage_seconds[VOX_STAGE_RUN_INFERER] = vox_seconds() - data->start;
    if (code == VOX_OK) {
        code = run_stage(data, VOX_STAGE_POST_TRANSFORM, data->task->post_transform, err);
    }
    return code == VOX_OK ? write_outcome(data, err) : code;
}

enum vox_code vox_infer_correct(struct vox_infer_data *data,
                                const struct vox_plan_correction *corrections, int64_t n, int label,
                                const struct vox_watch *watch, struct vox_err *err)
{
    if (data->task->correct == NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "this model takes no corrections");
    }
    if (data->stale) {
        return vox_fail(err, VOX_E_ARG, "an earlier correction failed; segment again");
    }
    enum vox_code code = vox_watch_check(watch, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_infer_data before = *data;
    data->watch = watch;
    data->start = vox_seconds();
    memset(data->stage_seconds, 0, sizeof(data->stage_seconds));
    data->latencies = (struct vox_latencies){0};
    code = correct(data, corrections, n, label, err);
    data->watch = NULL;
    if (code != VOX_OK) {
        memcpy(data->stage_seconds, before.stage_seconds, sizeof(data->stage_seconds));
        data->latencies = before.latencies;
        data->encoded_slices = before.encoded_slices;
        data->cached_slices = before.cached_slices;
        data->stale = true;
    }
    return code;
}
