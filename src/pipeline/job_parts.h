/* The inside of the queue, shared by the job_*.c files.
 *
 * Two kinds of locks: the queue's for its lists, and each job's for its state, events and
 * listeners. Who needs both takes the queue's first. */
#ifndef VOX_PIPELINE_JOB_PARTS_H
#define VOX_PIPELINE_JOB_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "pipeline/infer_task.h"
#include "pipeline/job_queue.h"
#include "pipeline/job_turn.h"
#include "util/private_folder.h"

enum { VOX_JOB_MAX_RUNNING = 32 };

/* A file that jobs share, the image above all. */
struct vox_job_file {
    atomic_int refs;
    bool own; /* unlinked with the last job */
    char *path;
};

/* What a finished inference can be continued from. */
struct vox_job_run {
    struct vox_image *image;
    struct vox_infer_data *data;
};

struct vox_job_event {
    struct vox_job_event *next;
    int64_t number;
    const char *kind; /* static */
    size_t size;
    char json[];
};

struct vox_job_listener {
    struct vox_job_listener *next;
    vox_job_listener_fn *fn;
    void *context;
};

struct vox_job {
    atomic_int refs;
    struct vox_job_queue *queue; /* not looked at once the job has ended */
    char id[VOX_JOB_ID_BYTES], client[VOX_JOB_CLIENT_BYTES];
    enum vox_job_class class;
    struct vox_request *request; /* once it is done, with what it was corrected by */
    struct vox_job_file *image, *mask;
    bool raw_mask, masks;
    double timeout;
    struct vox_job *base; /* to continue; NULL: none; the runner lets it go */
    void (*finished)(void *context, struct vox_job *job);
    void *context;
    atomic_int cancel;

    /* under the queue's lock */
    struct vox_job *next;  /* that waits, or has to be ended */
    struct vox_job *older; /* that can be looked up */
    bool waiting, listed;
    struct vox_job_run run;
    int64_t run_used; /* when; of all runs the lowest goes first */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum vox_job_state state;
    int64_t done, total;
    double created, submitted, started, ended;
    struct vox_err err;
    bool valid;
    char extension[16];
    char *file, *json;
    size_t json_size;
    uint64_t file_bytes;
    int64_t encoded, cached;
    struct vox_job_event *events, **events_end;
    size_t events_bytes;
    int64_t n_events;
    struct vox_job_listener *listeners;
};

struct vox_job_list {
    struct vox_job *first, **end;
    int n;
};

/* How often an image was opened. */
struct vox_job_opened {
    char *path;
    double count; /* halved from time to time */
};

struct vox_job_queue {
    struct vox_job_queue_setup setup;
    struct vox_private_folder *folder;
    char *counts_path;
    struct vox_turn turn;

    pthread_mutex_t lock;
    pthread_cond_t work;    /* something may begin, or has to be ended, or all ends */
    pthread_cond_t emptied; /* a job has ended */
    bool closing, draining;
    bool asked; /* the model is there, or it is known why not */
    struct vox_model *model;
    struct vox_err model_err;
    struct vox_job_list waiting[VOX_JOB_CLASSES];
    struct vox_job_list ending; /* cancelled while they waited */
    struct vox_job *newest;     /* that can be looked up */
    int n_listed;
    struct vox_job *running[VOX_JOB_MAX_RUNNING + 1]; /* clicks and the batch job */
    int n_running[VOX_JOB_CLASSES];
    int64_t clock;      /* of the runs' use */
    char *prefetch;     /* an image that waits for it */
    atomic_int give_up; /* the prefetch under way */
    struct vox_job_queue_counts counts;
    struct vox_job_opened *opened;
    size_t n_opened, room_opened;
    bool opened_changed;

    pthread_t threads[VOX_JOB_MAX_RUNNING + 4];
    int n_threads;
};

/* ---- jobs (job_record.c) ---- */

/* Takes over the request and the files of its own, also on failure. One reference. */
enum vox_code vox_job_new(struct vox_job_queue *queue, const struct vox_job_setup *setup,
                          struct vox_job **out, struct vox_err *err) VOX_MUST_USE;

/* The job's state becomes this, unless it has ended; started and ended are set. */
void vox_job_begin(struct vox_job *job);

/* Ends it: state, event, listeners, `finished`. err is of a job that failed or was cancelled. */
void vox_job_end(struct vox_job *job, enum vox_code code, const struct vox_err *err);

void vox_job_run_free(struct vox_job_run *run);
struct vox_job_file *vox_job_file_new(const char *path, bool own); /* NULL: no memory */
struct vox_job_file *vox_job_file_hold(struct vox_job_file *file);
void vox_job_file_release(struct vox_job_file *file); /* NULL is allowed */

/* ---- events (job_events.c) ---- */

/* Adds an event and tells the listeners; json may have line breaks between its values. Where there
 * is no memory it is lost. Under the job's lock. */
void vox_job_log(struct vox_job *job, const char *kind, const char *json);

void vox_job_log_queued(struct vox_job *job, int position);
void vox_job_log_plan(struct vox_job *job, const struct vox_plan *plan);
void vox_job_log_progress(struct vox_job *job, const struct vox_event *event);
void vox_job_log_end(struct vox_job *job);     /* under the job's lock */
void vox_job_trim_events(struct vox_job *job); /* the last one stays; under the job's lock */
void vox_job_free_events(struct vox_job *job);

/* ---- work ---- */

/* Runs a job from its image to its result's file and JSON. The seat has no turn. */
enum vox_code vox_job_infer(struct vox_job *job, struct vox_turn_seat *seat,
                            struct vox_err *err) VOX_MUST_USE;

/* What a job has to be given to go on from another: the other's request with corrections for what
 * only this one has, from number *first on. The caller frees *out. */
enum vox_code vox_job_refined(const struct vox_request *before, const struct vox_request *now,
                              struct vox_request **out, size_t *first,
                              struct vox_err *err) VOX_MUST_USE;

/* Takes over from `now` what says how the file looks, not what is in it. */
void vox_job_take_file_options(struct vox_request *out, const struct vox_request *now);

/* Reads the masks of a job's file into its request. */
enum vox_code vox_job_take_mask(struct vox_job *job, struct vox_image *image,
                                struct vox_err *err) VOX_MUST_USE;

/* ---- lists (job_keep.c), under the queue's lock ---- */

void vox_job_push(struct vox_job_list *list, struct vox_job *job);
void vox_job_take_out(struct vox_job_list *list, struct vox_job *job); /* which is in it */

/* Takes the job at *at out of those that can be looked up. */
struct vox_job *vox_job_unlist(struct vox_job_queue *queue, struct vox_job **at);

/* Takes out all that are beyond the limits, linked by `next`. */
struct vox_job *vox_job_sift(struct vox_job_queue *queue);

/* Takes out the run that was not used for longest, where there are more than may be. */
struct vox_job_run vox_job_sift_runs(struct vox_job_queue *queue);

/* Ends jobs that were taken out. Without the lock. */
void vox_job_let_go(struct vox_job_queue *queue, struct vox_job *gone);

/* ---- threads: of a queue (job_runner.c, job_keep.c, job_prefetch.c) ---- */

void *vox_job_model_asker(void *queue);
void *vox_job_click_runner(void *queue);
void *vox_job_batch_runner(void *queue);
void *vox_job_keeper(void *queue);
void *vox_job_prefetcher(void *queue);

/* ---- what is opened often (job_opened.c) ---- */

void vox_job_opened_load(struct vox_job_queue *queue);
void vox_job_opened_count(struct vox_job_queue *queue, const char *path); /* takes the lock */
void vox_job_opened_save(struct vox_job_queue *queue);                    /* takes the lock */

/* The n-th most often opened image, for the caller to vox_free; NULL: there are fewer. Takes the
 * lock. */
char *vox_job_opened_at(struct vox_job_queue *queue, size_t n);
void vox_job_opened_free(struct vox_job_queue *queue);

#endif
