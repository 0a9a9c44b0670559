/* Batch inference: one image of the datastore after the other, each as a job behind all clicks, its
 * mask stored as a label.
 *
 * One task at a time. What it has done is kept in a file, so that a server that starts again goes
 * on with it, killed or not. An image's prompts come from a rule:
 *
 *     stored          the member "prompts" of the image's info, an object as docs/prompts.md has it
 *     centre_box      a roi over the middle half of each slice, on all slices
 *     previous_label  the image's newest label (tag `label_from`, else "final", else "original") as
 *                     mask, else that of the image before it
 *
 * Images without prompts are left out. All functions may be called from any thread. */
#ifndef VOX_SERVER_BATCH_H
#define VOX_SERVER_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct vox_batch;
struct vox_datastore;
struct vox_job_queue;
struct vox_json;
struct vox_labels;

struct vox_batch_setup {
    struct vox_datastore *store;
    struct vox_job_queue *queue;
    const struct vox_labels *labels;
    const char *model; /* its name, for the labels' info and the task's request */
    double timeout;    /* of each image; 0: none */
    const char *state; /* file of the task that runs; NULL: none is resumed */
};

/* Starts its thread, and goes on with a task that is in the file. The caller closes *out before the
 * queue. VOX_E_NOMEM. */
enum vox_code vox_batch_open(const struct vox_batch_setup *setup, struct vox_batch **out,
                             struct vox_err *err) VOX_MUST_USE;

/* Stops the task, which goes on when the next server starts. NULL is allowed. */
void vox_batch_close(struct vox_batch *batch);

/* Called once when a task has ended or was stopped: {"case_1": {"label", "tag", "params"}, ...}. */
typedef void vox_batch_ended(void *context, const char *results);

/* Starts a task over `images`: "all", "labeled", "unlabeled" (NULL: those of the body, else all).
 * The body may be NULL; of it these count: `images` (one of those texts, or a list of ids),
 * `prompts` (a rule; without it stored ones, and where an image has none it is left out),
 * `label_from`, `params` (of all images, before their prompts), `label_tag`, `save_label`,
 * `max_batch_size`. `ended` NULL: nobody waits. VOX_E_BUSY while one runs, VOX_E_ARG for a body
 * that cannot be, VOX_E_IO, VOX_E_NOMEM. */
enum vox_code vox_batch_start(struct vox_batch *batch, const char *images,
                              const struct vox_json *body, vox_batch_ended *ended, void *context,
                              struct vox_err *err) VOX_MUST_USE;

/* The last task as MONAI Label's clients know it: {"id", "status", "request", "start_ts",
 * "details", ...}; NULL in *out where there was none, or with `running` none that runs. The caller
 * frees *out. */
enum vox_code vox_batch_show(struct vox_batch *batch, bool running, char **out,
                             struct vox_err *err) VOX_MUST_USE;

/* Stops the task that runs for good; *out is that task, NULL where none did. */
enum vox_code vox_batch_stop(struct vox_batch *batch, char **out, struct vox_err *err) VOX_MUST_USE;

/* The same without waiting for it, where the task is the one that was started with this context. */
void vox_batch_give_up(struct vox_batch *batch, const void *context);

#endif
