/* What a client asks of a model: image, prompts, how it wants the answer. */
#ifndef VOX_SERVER_INFER_REQUEST_H
#define VOX_SERVER_INFER_REQUEST_H

#include <stdbool.h>

#include "pipeline/job_queue.h"
#include "store/datastore.h"

struct vox_app;
struct vox_exchange;
struct vox_served_model;

struct vox_infer_request {
    const struct vox_served_model *model;
    struct vox_job_setup job; /* its texts are those below or the exchange's */
    char *image, *mask;       /* files */
    bool save;                /* the result is to be stored, as the label of */
    char *id;                 /* this image */
    char tag[VOX_TAG_MAX + 1];
};

/* Reads query and form of an exchange for a model of that name ("": the default). False: answered.
 * The caller submits out->job, or ends the request with vox_infer_request_drop. */
bool vox_infer_request_read(struct vox_exchange *x, struct vox_app *app, const char *model,
                            const char *spaced, struct vox_infer_request *out) VOX_MUST_USE;

/* What is left of it once job was submitted. */
void vox_infer_request_fini(struct vox_infer_request *request);

/* The same, with the job's parts; files of the exchange are removed. */
void vox_infer_request_drop(struct vox_infer_request *request);

#endif
