/* What a client gets of an inference: answers, refusals, states of jobs; and what the datastore
 * gets. */
#ifndef VOX_SERVER_INFER_ANSWER_H
#define VOX_SERVER_INFER_ANSWER_H

#include <stdbool.h>

#include "pipeline/job_queue.h"
#include "util/error.h"

struct vox_datastore;
struct vox_exchange;
struct vox_json_writer;

enum vox_infer_output { VOX_OUTPUT_ALL, VOX_OUTPUT_IMAGE, VOX_OUTPUT_JSON };

/* The value "output" of the query. False: answered. */
bool vox_infer_output_read(struct vox_exchange *x, enum vox_infer_output *out) VOX_MUST_USE;

/* Refuses: 400 ARG, 404 NOT_FOUND, 413 LIMIT, 415 FORMAT and UNSUPPORTED, 499 CANCELLED, 503 BUSY
 * and NOMEM, 507 for a full disk, else 500. */
void vox_infer_fail(struct vox_exchange *x, const struct vox_err *err);

/* The same for an error of vox_job_submit: 409 for an id that is taken. */
void vox_infer_fail_submit(struct vox_exchange *x, const struct vox_err *err);

/* Answers with what a job has come to: its result, or why there is none. */
void vox_infer_answer(struct vox_exchange *x, struct vox_job *job, enum vox_infer_output output);

/* {"id", "state", "class", "done", "total", "waited", "seconds", "created", ...} */
void vox_infer_answer_state(struct vox_exchange *x, struct vox_job *job);
void vox_infer_put_state(struct vox_json_writer *json, struct vox_job *job);

/* Stores the mask of a job that is done as the label of an image, with info {"model", "params"}. */
enum vox_code vox_infer_save(struct vox_datastore *store, const char *model, struct vox_job *job,
                             const char *id, const char *tag, struct vox_err *err) VOX_MUST_USE;

#endif
