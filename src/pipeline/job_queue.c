/* The queue: what waits, what runs, what can be looked up. */
#include "pipeline/job_queue.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pipeline/job_parts.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

enum {
    DEFAULT_WAITING = 64,
    DEFAULT_RUNNING = 8,
    DEFAULT_JOBS = 256,
    DEFAULT_SECONDS = 3600,
    DEFAULT_RUNS = 2
};
static const uint64_t default_bytes = UINT64_C(4) << 30;

static struct vox_job *find(const struct vox_job_queue *queue, const char *id)
{
    struct vox_job *job = queue->newest;
    while (job != NULL && strcmp(job->id, id) != 0) {
        job = job->older;
    }
    return job;
}

static bool is_idle(const struct vox_job_queue *queue)
{
    int n = queue->ending.n;
    for (int c = 0; c < VOX_JOB_CLASSES; c++) {
        n += queue->waiting[c].n + queue->n_running[c];
    }
    return n == 0;
}

/* ---- opening and closing ---- */

static void set_defaults(struct vox_job_queue_setup *setup)
{
    setup->max_waiting = setup->max_waiting > 0 ? setup->max_waiting : DEFAULT_WAITING;
    setup->max_running = setup->max_running > 0 ? setup->max_running : DEFAULT_RUNNING;
    if (setup->max_running > VOX_JOB_MAX_RUNNING) {
        setup->max_running = VOX_JOB_MAX_RUNNING;
    }
    setup->keep_jobs = setup->keep_jobs > 0 ? setup->keep_jobs : DEFAULT_JOBS;
    setup->keep_seconds = setup->keep_seconds > 0 ? setup->keep_seconds : DEFAULT_SECONDS;
    setup->keep_bytes = setup->keep_bytes > 0 ? setup->keep_bytes : default_bytes;
    setup->keep_runs = setup->keep_runs > 0   ? setup->keep_runs
                       : setup->keep_runs < 0 ? 0
                                              : DEFAULT_RUNS;
}

static enum vox_code start_thread(struct vox_job_queue *queue, void *(*run)(void *),
                                  struct vox_err *err)
{
    int error = pthread_create(&queue->threads[queue->n_threads], NULL, run, queue);
    if (error != 0) {
        return vox_fail_sys(err, VOX_E_NOMEM, error, "cannot start a thread");
    }
    queue->n_threads++;
    return VOX_OK;
}

static enum vox_code start_threads(struct vox_job_queue *queue, struct vox_err *err)
{
    static void *(*const others[])(void *) = {vox_job_model_asker, vox_job_keeper,
                                              vox_job_batch_runner, vox_job_prefetcher};
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && code == VOX_OK; i++) {
        code = start_thread(queue, others[i], err);
    }
    for (int i = 0; i < queue->setup.max_running && code == VOX_OK; i++) {
        code = start_thread(queue, vox_job_click_runner, err);
    }
    return code;
}

static enum vox_code make_locks(struct vox_job_queue *queue, struct vox_err *err)
{
    enum vox_code code = vox_turn_init(&queue->turn, err);
    if (code != VOX_OK) {
        return code;
    }
    bool made = pthread_mutex_init(&queue->lock, NULL) == 0;
    bool work = made && pthread_cond_init(&queue->work, NULL) == 0;
    bool emptied = work && pthread_cond_init(&queue->emptied, NULL) == 0;
    if (emptied) {
        return VOX_OK;
    }
    if (work) {
        pthread_cond_destroy(&queue->work);
    }
    if (made) {
        pthread_mutex_destroy(&queue->lock);
    }
    vox_turn_fini(&queue->turn);
    return vox_fail(err, VOX_E_NOMEM, "no memory for locks");
}

enum vox_code vox_job_queue_open(const struct vox_job_queue_setup *setup,
                                 struct vox_job_queue **out, struct vox_err *err)
{
    struct vox_job_queue *queue = vox_calloc(1, sizeof(*queue));
    if (queue == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = make_locks(queue, err);
    if (code != VOX_OK) {
        vox_free(queue);
        return code;
    }
    queue->setup = *setup;
    set_defaults(&queue->setup);
    for (int c = 0; c < VOX_JOB_CLASSES; c++) {
        queue->waiting[c].end = &queue->waiting[c].first;
    }
    queue->ending.end = &queue->ending.first;
    atomic_init(&queue->give_up, 0);
    code = vox_private_folder_open(setup->folder, &queue->folder, err);
    if (code == VOX_OK && setup->counts != NULL) {
        queue->counts_path = vox_strdup(setup->counts);
        code = queue->counts_path != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        vox_job_opened_load(queue);
        code = start_threads(queue, err);
    }
    if (code != VOX_OK) {
        vox_job_queue_close(queue);
        return code;
    }
    *out = queue;
    return VOX_OK;
}

/* Nothing new begins, what waits goes to be ended, what runs is told to stop. */
static void stop(struct vox_job_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    atomic_store(&queue->give_up, 1);
    for (int c = 0; c < VOX_JOB_CLASSES; c++) {
        for (struct vox_job *job; (job = queue->waiting[c].first) != NULL;) {
            vox_job_take_out(&queue->waiting[c], job);
            job->waiting = false;
            vox_job_push(&queue->ending, job);
        }
    }
    for (int i = 0; i <= VOX_JOB_MAX_RUNNING; i++) {
        if (queue->running[i] != NULL) {
            atomic_store(&queue->running[i]->cancel, 1);
        }
    }
    pthread_cond_broadcast(&queue->work);
    pthread_mutex_unlock(&queue->lock);
}

void vox_job_queue_close(struct vox_job_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    stop(queue);
    for (int i = 0; i < queue->n_threads; i++) {
        pthread_join(queue->threads[i], NULL);
    }
    while (queue->newest != NULL) {
        vox_job_let_go(queue, vox_job_unlist(queue, &queue->newest));
    }
    vox_job_opened_save(queue);
    vox_job_opened_free(queue);
    vox_free(queue->counts_path);
    vox_free(queue->prefetch);
    vox_private_folder_close(queue->folder);
    pthread_cond_destroy(&queue->emptied);
    pthread_cond_destroy(&queue->work);
    pthread_mutex_destroy(&queue->lock);
    vox_turn_fini(&queue->turn);
    vox_free(queue);
}

bool vox_job_queue_drain(struct vox_job_queue *queue, double seconds)
{
    struct timespec until;
    double most = seconds > 0.0 && seconds < 1e6 ? seconds : seconds > 0.0 ? 1e6 : 0.0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)most + 1;
    int waited = 0;
    pthread_mutex_lock(&queue->lock);
    queue->draining = true;
    atomic_store(&queue->give_up, 1);
    while (!is_idle(queue) && waited == 0) {
        waited = pthread_cond_clockwait(&queue->emptied, &queue->lock, CLOCK_MONOTONIC, &until);
    }
    bool idle = is_idle(queue);
    pthread_mutex_unlock(&queue->lock);
    return idle;
}

struct vox_job_queue_counts vox_job_queue_counts(struct vox_job_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct vox_job_queue_counts counts = queue->counts;
    for (int c = 0; c < VOX_JOB_CLASSES; c++) {
        counts.waiting[c] = queue->waiting[c].n;
        counts.running[c] = queue->n_running[c];
    }
    counts.waiting[VOX_JOB_PREFETCH] = queue->prefetch != NULL;
    counts.kept = queue->n_listed;
    pthread_mutex_unlock(&queue->lock);
    vox_turn_counts(&queue->turn, &counts.slices, &counts.busy_seconds);
    return counts;
}

/* ---- jobs ---- */

/* Under the queue's lock. */
static enum vox_code check_room(struct vox_job_queue *queue, const struct vox_job *job,
                                struct vox_err *err)
{
    if (queue->closing || queue->draining) {
        return vox_fail(err, VOX_E_BUSY, "the server is being stopped");
    }
    if (queue->waiting[job->class].n >= queue->setup.max_waiting) {
        return vox_fail(err, VOX_E_BUSY, "%d jobs wait already; try again later",
                        queue->waiting[job->class].n);
    }
    if (find(queue, job->id) != NULL) {
        return vox_fail(err, VOX_E_LIMIT, "there is a job of this id; choose another");
    }
    return VOX_OK;
}

static bool can_be_refined(struct vox_job *base, const struct vox_job *job)
{
    pthread_mutex_lock(&base->lock);
    bool done = base->state == VOX_JOB_DONE;
    pthread_mutex_unlock(&base->lock);
    return done && strcmp(base->client, job->client) == 0 &&
           (job->image == NULL || strcmp(base->image->path, job->image->path) == 0);
}

/* Under the queue's lock. A job without an image of its own has that of the refined one. */
static enum vox_code set_base(struct vox_job_queue *queue, struct vox_job *job, const char *refine,
                              struct vox_err *err)
{
    if (refine == NULL || refine[0] == '\0') {
        return job->image != NULL ? VOX_OK : vox_fail(err, VOX_E_ARG, "a job needs an image");
    }
    struct vox_job *base = find(queue, refine);
    if (base == NULL || !can_be_refined(base, job)) {
        return vox_fail(err, VOX_E_NOT_FOUND,
                        "'refine' names no finished job of this client and image; send the request "
                        "without it");
    }
    vox_job_hold(base);
    job->base = base;
    if (job->image == NULL) {
        job->image = vox_job_file_hold(base->image);
    }
    return VOX_OK;
}

static enum vox_code enter(struct vox_job_queue *queue, struct vox_job *job, const char *refine,
                           struct vox_err *err)
{
    pthread_mutex_lock(&queue->lock);
    enum vox_code code = check_room(queue, job, err);
    if (code == VOX_OK) {
        code = set_base(queue, job, refine, err);
    }
    if (code != VOX_OK) {
        queue->counts.refused++;
        pthread_mutex_unlock(&queue->lock);
        return code;
    }
    vox_job_log_queued(job, queue->waiting[job->class].n);
    job->older = queue->newest;
    queue->newest = job;
    queue->n_listed++;
    job->listed = true;
    job->waiting = true;
    vox_job_push(&queue->waiting[job->class], job);
    queue->counts.submitted++;
    if (job->class == VOX_JOB_CLICK) {
        atomic_store(&queue->give_up, 1);
    }
    /* Of the list, of the runner, of the caller. */
    vox_job_hold(job);
    vox_job_hold(job);
    pthread_cond_broadcast(&queue->work);
    pthread_mutex_unlock(&queue->lock);
    return VOX_OK;
}

enum vox_code vox_job_submit(struct vox_job_queue *queue, const struct vox_job_setup *setup,
                             struct vox_job **out, struct vox_err *err)
{
    struct vox_job *job;
    VOX_ASSERT(setup->class == VOX_JOB_CLICK || setup->class == VOX_JOB_BATCH);
    enum vox_code code = vox_job_new(queue, setup, &job, err);
    if (code != VOX_OK) {
        return code;
    }
    code = enter(queue, job, setup->refine, err);
    if (code != VOX_OK) {
        vox_job_release(job);
        return code;
    }
    *out = job;
    return VOX_OK;
}

struct vox_job *vox_job_at(struct vox_job_queue *queue, int i)
{
    pthread_mutex_lock(&queue->lock);
    struct vox_job *job = queue->newest;
    for (; job != NULL && i > 0; i--) {
        job = job->older;
    }
    if (job != NULL) {
        vox_job_hold(job);
    }
    pthread_mutex_unlock(&queue->lock);
    return job;
}

struct vox_job *vox_job_find(struct vox_job_queue *queue, const char *id)
{
    pthread_mutex_lock(&queue->lock);
    struct vox_job *job = find(queue, id);
    if (job != NULL) {
        vox_job_hold(job);
    }
    pthread_mutex_unlock(&queue->lock);
    return job;
}

static bool has_ended(struct vox_job *job)
{
    pthread_mutex_lock(&job->lock);
    bool ended = job->state >= VOX_JOB_DONE;
    pthread_mutex_unlock(&job->lock);
    return ended;
}

void vox_job_cancel(struct vox_job *job)
{
    if (has_ended(job)) {
        return;
    }
    struct vox_job_queue *queue = job->queue;
    pthread_mutex_lock(&queue->lock);
    atomic_store(&job->cancel, 1);
    if (job->waiting) {
        vox_job_take_out(&queue->waiting[job->class], job);
        job->waiting = false;
        vox_job_push(&queue->ending, job);
        pthread_cond_broadcast(&queue->work);
    }
    pthread_mutex_unlock(&queue->lock);
}

static int position_of(struct vox_job *job)
{
    struct vox_job_queue *queue = job->queue;
    int position = 0;
    pthread_mutex_lock(&queue->lock);
    const struct vox_job *other = job->waiting ? queue->waiting[job->class].first : job;
    for (; other != job; other = other->next) {
        position++;
    }
    pthread_mutex_unlock(&queue->lock);
    return position;
}

void vox_job_describe(struct vox_job *job, struct vox_job_facts *out)
{
    int position = has_ended(job) ? 0 : position_of(job);
    pthread_mutex_lock(&job->lock);
    double now = vox_seconds();
    bool ended = job->state >= VOX_JOB_DONE, begun = job->state != VOX_JOB_QUEUED;
    bool done = job->state == VOX_JOB_DONE;
    *out = (struct vox_job_facts){
        .id = job->id,
        .client = job->client,
        .class = job->class,
        .state = job->state,
        .position = position,
        .done = job->done,
        .total = job->total,
        .waited = (begun ? job->started : now) - job->submitted,
        .seconds = begun ? (ended ? job->ended : now) - job->started : 0.0,
        .created = job->created,
        .code = ended ? job->err.code : VOX_OK,
        .sys = ended ? job->err.sys : 0,
        .message = job->err.msg,
        .valid = job->valid,
        .file = done ? job->file : NULL,
        .extension = job->extension,
        .json = done ? job->json : NULL,
        .json_size = done ? job->json_size : 0,
    };
    pthread_mutex_unlock(&job->lock);
}

void vox_job_prefetch(struct vox_job_queue *queue, const char *image)
{
    char *copy = vox_strdup(image);
    pthread_mutex_lock(&queue->lock);
    if (queue->closing || queue->draining) {
        pthread_mutex_unlock(&queue->lock);
        vox_free(copy);
        return;
    }
    char *before = queue->prefetch;
    queue->prefetch = copy;
    atomic_store(&queue->give_up, 1);
    queue->counts.submitted++;
    pthread_cond_broadcast(&queue->work);
    pthread_mutex_unlock(&queue->lock);
    vox_free(before);
}
