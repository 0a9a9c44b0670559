/* The inside of a batch, shared by batch.c and batch_task.c. */
#ifndef VOX_SERVER_BATCH_PARTS_H
#define VOX_SERVER_BATCH_PARTS_H

#include <pthread.h>

#include "server/batch.h"
#include "server/batch_ask.h"

struct vox_job;
struct vox_json_writer;

enum {
    VOX_BATCH_DETAILS = 20,
    VOX_BATCH_DETAIL_BYTES = 160,
    VOX_BATCH_ID_BYTES = 33,
    VOX_BATCH_TIME_BYTES = 32
};

enum vox_batch_status { VOX_BATCH_RUNNING, VOX_BATCH_DONE, VOX_BATCH_STOPPED, VOX_BATCH_FAILED };

struct vox_batch_task {
    bool there;
    enum vox_batch_status status;
    char id[VOX_BATCH_ID_BYTES];
    char start[VOX_BATCH_TIME_BYTES], end[VOX_BATCH_TIME_BYTES];
    struct vox_batch_ask ask;
    char *after; /* the image done last; NULL: none yet */
    int64_t total, done, failed, skipped;
    char details[VOX_BATCH_DETAILS][VOX_BATCH_DETAIL_BYTES];
    int n_details, next_detail;
};

struct vox_batch {
    struct vox_batch_setup setup;
    char *state;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closing, stopping;
    struct vox_batch_task task;
    struct vox_job *job; /* of the image at hand; held by the thread */
    vox_batch_ended *ended;
    void *context;
    struct vox_json_writer *results; /* where somebody waits for them */
};

const char *vox_batch_status_name(enum vox_batch_status status); /* "RUNNING"; static */

/* "2026-11-24 16:00:00", local time. */
void vox_batch_write_time(char out[VOX_BATCH_TIME_BYTES]);

/* ---- all under the lock ---- */

/* A line more among the last ones. */
void vox_batch_note(struct vox_batch_task *task, const char *format, ...) VOX_PRINTF(2, 3);

void vox_batch_end_task(struct vox_batch_task *task);

/* The task as JSON; the caller frees *out. */
enum vox_code vox_batch_copy_task(const struct vox_batch *batch, char **out,
                                  struct vox_err *err) VOX_MUST_USE;

/* The file that a task goes on from. One that is damaged is nobody's task. */
enum vox_code vox_batch_save_state(struct vox_batch *batch, struct vox_err *err) VOX_MUST_USE;
void vox_batch_drop_state(const struct vox_batch *batch);
void vox_batch_load_state(struct vox_batch *batch);

#endif
