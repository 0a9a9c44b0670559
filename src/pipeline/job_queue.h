/* Jobs: inferences that wait for their turn, run slice by slice, are watched, cancelled and looked
 * up again.
 *
 * Every job that runs has a thread of its own, but one of them computes at a time: it holds the
 * turn, and offers it to the others whenever it has come to the end of a slice. Who gets it next:
 * clicks before batch work before prefetching; of these the job that has computed for the shortest
 * time, so that a click which comes while a long propagation runs waits for one slice and is then
 * finished first; a job of the same class that waited for two seconds goes before the others.
 * VOX_JOB_PER_CLIENT clicks of one client run at the same time; of those that wait the one whose
 * client has the fewest running ones begins next. Files are read and results written without the
 * turn.
 *
 * A job is a counted reference: what vox_job_submit and vox_job_find give is ended with
 * vox_job_release. All functions may be called from any thread. */
#ifndef VOX_PIPELINE_JOB_QUEUE_H
#define VOX_PIPELINE_JOB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_model;
struct vox_request;
struct vox_labels;
struct vox_job_queue;
struct vox_job;

enum vox_job_class { VOX_JOB_CLICK, VOX_JOB_BATCH, VOX_JOB_PREFETCH, VOX_JOB_CLASSES };
enum vox_job_state {
    VOX_JOB_QUEUED,
    VOX_JOB_RUNNING,
    VOX_JOB_DONE,
    VOX_JOB_FAILED,
    VOX_JOB_CANCELLED
};

enum {
    VOX_JOB_PER_CLIENT = 2,
    VOX_JOB_ID_BYTES = 65,    /* with the NUL */
    VOX_JOB_CLIENT_BYTES = 65 /* the same; longer names are cut */
};

/* "click", "batch", "prefetch"; "queued", "running", "done", "failed", "cancelled"; static. */
const char *vox_job_class_name(enum vox_job_class class);
const char *vox_job_state_name(enum vox_job_state state);

/* ---- the queue ---- */

struct vox_job_queue_setup {
    /* Gives the model, which outlives the queue. Called once, on a thread of the queue, and may
     * take its time: jobs wait meanwhile. Where it fails every job fails with VOX_E_BACKEND and its
     * text. */
    enum vox_code (*model)(void *context, struct vox_model **out, struct vox_err *err);
    void *context;

    const char *folder; /* for results: made with mode 0700; what is left of processes that are gone
                           is removed. It may be shared by several processes. */
    int max_waiting;    /* jobs of each class that wait; 0: 64 */
    int max_running;    /* clicks that take turns, 1 ... 32; 0: 8. Beside them one batch job and one
                           prefetch run. */
    int keep_jobs;      /* finished ones that can be looked up; 0: 256 */
    double keep_seconds; /* for how long; 0: 3600 */
    uint64_t keep_bytes; /* of their result files; 0: 4 GiB */
    int keep_runs;       /* finished runs that `refine` goes on from at once; 0: 2; less: none */
    const char *counts;  /* file that remembers how often images were opened; NULL: none */
    uint64_t warm_bytes; /* of images opened often that are decoded again at the start; 0: none */
};

/* Starts its threads. VOX_E_IO, VOX_E_NOMEM. The caller owns *out. */
enum vox_code vox_job_queue_open(const struct vox_job_queue_setup *setup,
                                 struct vox_job_queue **out, struct vox_err *err) VOX_MUST_USE;

/* Cancels what waits and what runs, waits for it and ends the threads; the results' files go. Held
 * jobs stay valid until they are released, which must be before the model is closed. setup.model
 * must return soon where it is being asked. NULL is allowed. */
void vox_job_queue_close(struct vox_job_queue *queue);

/* No new jobs (VOX_E_BUSY); those that are there go on. True once none is left, within `seconds`.
 * Prefetching is given up. */
bool vox_job_queue_drain(struct vox_job_queue *queue, double seconds);

struct vox_job_queue_counts {
    int waiting[VOX_JOB_CLASSES];
    int running[VOX_JOB_CLASSES];
    int kept;                                            /* finished jobs that can be looked up */
    int64_t submitted, done, failed, cancelled, refused; /* since the start; prefetches too */
    int64_t slices;                                      /* turns that were taken */
    double busy_seconds;                                 /* during which a job held the turn */
    int64_t encoded_slices, cached_slices;               /* of finished inferences */
};
struct vox_job_queue_counts vox_job_queue_counts(struct vox_job_queue *queue);

/* ---- jobs ---- */

struct vox_job_setup {
    enum vox_job_class class; /* click or batch */
    const char *id;     /* chosen by the client: 1 to 64 of [A-Za-z0-9._-], not in use by a job
                           that can be looked up; NULL or "": one is made */
    const char *client; /* who asks: turns are shared among clients, and only the same one may
                           refine; NULL: "" */
    struct vox_request *request; /* taken over, on failure too */
    const char *image;           /* its file */
    bool own_image;              /* which is the job's: unlinked when nobody can ask for the job any
                                    more, and where submitting fails */
    const char *mask;            /* label file with masks as prompts; NULL: none */
    bool own_mask;
    bool raw_mask;      /* bytes without a header, i fastest, of the image's size */
    const char *refine; /* id of a finished job of the same client and image: points that it did not
                           have become corrections, in the order of labels and their points,
                           `background` last; NULL or "": none */
    bool masks;         /* events of slices carry masks */
    double timeout;     /* seconds of running after which the job fails; 0: none */

    /* Called once, on a thread of the queue, when the job has ended; NULL: none. It must not close
     * the queue. */
    void (*finished)(void *context, struct vox_job *job);
    void *context;
};

/* VOX_E_BUSY where the queue is full or drains; VOX_E_ARG for an id that cannot be, VOX_E_LIMIT for
 * one that is taken; VOX_E_NOT_FOUND for an unknown `refine`; VOX_E_NOMEM. The image is opened when
 * the job runs. The caller releases *out. */
enum vox_code vox_job_submit(struct vox_job_queue *queue, const struct vox_job_setup *setup,
                             struct vox_job **out, struct vox_err *err) VOX_MUST_USE;

/* Reads the image's file into memory behind everything else and, where the model sees whole slices,
 * encodes them, the middle first. Given up when a click comes, and where a later one is asked for.
 * Counts as an opening of the image. Failure is nobody's concern. */
void vox_job_prefetch(struct vox_job_queue *queue, const char *image);

/* The i-th job that can be looked up, from the newest on, or that of an id; held; NULL: none. */
struct vox_job *vox_job_at(struct vox_job_queue *queue, int i);
struct vox_job *vox_job_find(struct vox_job_queue *queue, const char *id);

void vox_job_hold(struct vox_job *job);
void vox_job_release(struct vox_job *job); /* NULL is allowed */

/* Asks the job to stop: one that waits ends now, one that runs within a slice. */
void vox_job_cancel(struct vox_job *job);

/* Waits until the job has ended, for up to `seconds`; false: it has not. */
bool vox_job_wait(struct vox_job *job, double seconds);

struct vox_job_facts {
    const char *id, *client; /* borrowed from the job */
    enum vox_job_class class;
    enum vox_job_state state;
    int position;           /* jobs of its class before it, where it waits */
    int64_t done, total;    /* slices, as far as is known */
    double waited, seconds; /* before it ran; running, or until it ended */
    double created;         /* seconds since 1970 */
    enum vox_code code;     /* of a job that failed or was cancelled */
    int sys;                /* the system's number of that */
    const char *message;    /* of that; "" */

    /* of a job that is done; borrowed */
    bool valid;            /* else the mask is empty, and the JSON says why */
    const char *file;      /* the mask */
    const char *extension; /* its ending: ".nrrd" */
    const char *json;      /* the result, one JSON object */
    size_t json_size;
};
void vox_job_describe(struct vox_job *job, struct vox_job_facts *out);

/* ---- events ---- */

/* What happened to a job, in order, from number 1 on: `kind` is "queued", "plan", "slice",
 * "restart", and at the end "done", "failed" or "cancelled"; `json` an object of one line.
 *
 * queued: id, position. plan: plan (docs/prompts.md), size. slice: done, total, seconds, k, label,
 * pass ("forward", "backward"), and with masks: runs, numbers of voxels in turn outside and inside,
 * beginning with outside, i fastest; the rest of the slice is outside. restart: total. done: the
 * result's JSON. failed, cancelled: detail.
 *
 * A job keeps its last events, up to VOX_JOB_EVENT_BYTES; of those that have ended long ago the
 * last one alone is kept. */
/* False: it wants no more, and is not called again. */
typedef bool vox_job_listener_fn(void *context, int64_t number, const char *kind, const char *json);

enum { VOX_JOB_EVENT_BYTES = 1 << 20 };

struct vox_job_listener; /* a place in the job's list */

/* Calls fn for the events after number `after` that are kept, and then for each that comes, on the
 * thread on which it does and one at a time; of a job that has ended for the last one in any case,
 * as none comes any more. fn must be quick and may call nothing of this header but vox_job_release.
 * VOX_E_NOMEM. The listener is gone once fn has said false, in the call itself
 * too: then *out is NULL. Otherwise the caller ends it with vox_job_unlisten before he releases the
 * job. */
enum vox_code vox_job_listen(struct vox_job *job, int64_t after, vox_job_listener_fn *fn,
                             void *context, struct vox_job_listener **out,
                             struct vox_err *err) VOX_MUST_USE;

/* No call is under way when it returns, and none comes any more. NULL is allowed. */
void vox_job_unlisten(struct vox_job *job, struct vox_job_listener *listener);

#endif
