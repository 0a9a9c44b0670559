#include "app/segment_request.h"

#include <string.h>

#include "app/message.h"
#include "app/segment_options.h"
#include "app/segment_prompts.h"
#include "util/memory.h"

static int add_json(struct vox_request *request, const struct vox_segment_json *json)
{
    struct vox_err err = {0};
    if (json->text == NULL || vox_request_params(request, json->text, json->size, &err) == VOX_OK) {
        return 0;
    }
    return vox_say_wrong(json->subject, &err);
}

/* The parameters of a line of a list; --label wins over their label. */
static int add_job_params(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                          struct vox_request *request)
{
    if (job == NULL || job->params == NULL) {
        return 0;
    }
    struct vox_segment_json params = {vox_strdup(job->params), strlen(job->params), "params"};
    if (params.text == NULL) {
        return vox_say_no_memory();
    }
    int status = 0;
    if (vox_argument_given(ask->arguments, "--label")) {
        status = vox_segment_json_override(&params, "label");
    }
    if (status == 0) {
        status = add_json(request, &params);
    }
    vox_free(params.text);
    return status;
}

static int add_all(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                   struct vox_request *request)
{
    int status = 0;
    if (vox_argument_given(ask->arguments, "--label")) {
        /* Whom the prompts of all that follows belong to. */
        status = vox_segment_options_set(ask->arguments, request);
    }
    if (status == 0) {
        status = add_json(request, &ask->params);
    }
    if (status == 0) {
        status = add_job_params(ask, job, request);
    }
    if (status == 0) {
        status = vox_segment_options_set(ask->arguments, request);
    }
    if (status == 0) {
        status = add_json(request, &ask->points);
    }
    return status == 0 ? vox_segment_prompts_add(ask->arguments, request) : status;
}

static int move_from_ras(const struct vox_segment_job *job, struct vox_image *image,
                         struct vox_request *request)
{
    struct vox_err err = {0};
    return vox_request_ras(request, image, &err) == VOX_OK ? 0 : vox_say_error(job->image, &err);
}

int vox_segment_request_open(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                             struct vox_image *image, struct vox_request **out)
{
    struct vox_request *request = NULL;
    struct vox_err err = {0};
    if (vox_request_open(ask->labels, ask->n_labels, &request, &err) != VOX_OK) {
        return vox_say_wrong("--label-names", &err);
    }
    int status = add_all(ask, job, request);
    if (status == 0 && image != NULL && vox_argument_given(ask->arguments, "--ras")) {
        status = move_from_ras(job, image, request);
    }
    if (status != 0) {
        vox_request_close(request);
        return status;
    }
    *out = request;
    return 0;
}

int vox_segment_request_masks(const struct vox_segment_ask *ask, const struct vox_segment_job *job,
                              struct vox_image *image, struct vox_request *request)
{
    struct vox_err err = {0};
    const char *mask =
        job->prompt_mask != NULL ? job->prompt_mask : vox_argument(ask->arguments, "--mask", 0);
    if (mask == NULL || vox_request_mask_file(request, image, mask, &err) == VOX_OK) {
        return 0;
    }
    return vox_say_error(mask, &err);
}
