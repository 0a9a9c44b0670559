/* A job's record: making, ending, letting go. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/job_parts.h"
#include "pipeline/stopwatch.h"
#include "util/memory.h"

const char *vox_job_class_name(enum vox_job_class class)
{
    static const char *const names[VOX_JOB_CLASSES] = {"click", "batch", "prefetch"};
    VOX_ASSERT((unsigned)class < VOX_JOB_CLASSES);
    return names[class];
}

const char *vox_job_state_name(enum vox_job_state state)
{
    static const char *const names[] = {"queued", "running", "done", "failed", "cancelled"};
    VOX_ASSERT((unsigned)state < sizeof(names) / sizeof(names[0]));
    return names[state];
}

/* ---- files ---- */

struct vox_job_file *vox_job_file_new(const char *path, bool own)
{
    struct vox_job_file *file = vox_calloc(1, sizeof(*file));
    char *copy = vox_strdup(path);
    if (file == NULL || copy == NULL) {
        vox_free(file);
        vox_free(copy);
        return NULL;
    }
    file->path = copy;
    file->own = own;
    atomic_init(&file->refs, 1);
    return file;
}

struct vox_job_file *vox_job_file_hold(struct vox_job_file *file)
{
    atomic_fetch_add(&file->refs, 1);
    return file;
}

void vox_job_file_release(struct vox_job_file *file)
{
    if (file == NULL || atomic_fetch_sub(&file->refs, 1) > 1) {
        return;
    }
    if (file->own) {
        (void)unlink(file->path);
    }
    vox_free(file->path);
    vox_free(file);
}

/* ---- making ---- */

static bool is_id(const char *id)
{
    size_t n = strlen(id);
    return n >= 1 && n < VOX_JOB_ID_BYTES &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static enum vox_code make_id(char id[VOX_JOB_ID_BYTES], struct vox_err *err)
{
    unsigned char random[16];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return vox_fail(err, VOX_E_IO, "no random numbers");
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(id + 2 * i, VOX_JOB_ID_BYTES - 2 * i, "%02x", random[i]);
    }
    return VOX_OK;
}

static enum vox_code set_names(struct vox_job *job, const struct vox_job_setup *setup,
                               struct vox_err *err)
{
    snprintf(job->client, sizeof(job->client), "%s", setup->client != NULL ? setup->client : "");
    if (setup->id == NULL || setup->id[0] == '\0') {
        return make_id(job->id, err);
    }
    if (!is_id(setup->id)) {
        return vox_fail(err, VOX_E_ARG, "a job's id must be 1 to %d of A-Z a-z 0-9 . _ -",
                        VOX_JOB_ID_BYTES - 1);
    }
    snprintf(job->id, sizeof(job->id), "%s", setup->id);
    return VOX_OK;
}

static enum vox_code set_file(struct vox_job_file **out, const char *path, bool own,
                              struct vox_err *err)
{
    if (path == NULL) {
        return VOX_OK;
    }
    *out = vox_job_file_new(path, own);
    return *out != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code make_locks(struct vox_job *job, struct vox_err *err)
{
    if (pthread_mutex_init(&job->lock, NULL) != 0) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for a lock");
    }
    if (pthread_cond_init(&job->changed, NULL) != 0) {
        pthread_mutex_destroy(&job->lock);
        return vox_fail(err, VOX_E_NOMEM, "no memory for a condition");
    }
    return VOX_OK;
}

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void drop_inputs(const struct vox_job_setup *setup)
{
    vox_request_free(setup->request);
    if (setup->own_image && setup->image != NULL) {
        (void)unlink(setup->image);
    }
    if (setup->own_mask && setup->mask != NULL) {
        (void)unlink(setup->mask);
    }
}

enum vox_code vox_job_new(struct vox_job_queue *queue, const struct vox_job_setup *setup,
                          struct vox_job **out, struct vox_err *err)
{
    struct vox_job *job = vox_calloc(1, sizeof(*job));
    enum vox_code code =
        job != NULL ? make_locks(job, err) : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code != VOX_OK) {
        drop_inputs(setup);
        vox_free(job);
        return code;
    }
    job->queue = queue;
    job->class = setup->class;
    job->request = setup->request;
    job->raw_mask = setup->raw_mask;
    job->masks = setup->masks;
    job->timeout = setup->timeout;
    job->finished = setup->finished;
    job->context = setup->context;
    job->events_end = &job->events;
    job->created = wall_clock();
    job->submitted = vox_seconds();
    atomic_init(&job->refs, 1);
    atomic_init(&job->cancel, 0);
    code = set_file(&job->image, setup->image, setup->own_image, err);
    if (code == VOX_OK) {
        code = set_file(&job->mask, setup->mask, setup->own_mask, err);
    }
    if (code == VOX_OK) {
        code = set_names(job, setup, err);
    }
    if (code != VOX_OK) {
        struct vox_job_setup rest = *setup;
        rest.request = NULL;
        rest.own_image = rest.own_image && job->image == NULL;
        rest.own_mask = rest.own_mask && job->mask == NULL;
        drop_inputs(&rest);
        vox_job_release(job);
        return code;
    }
    *out = job;
    return VOX_OK;
}

void vox_job_run_free(struct vox_job_run *run)
{
    vox_infer_free(run->data);
    vox_image_close(run->image);
    *run = (struct vox_job_run){0};
}

void vox_job_hold(struct vox_job *job)
{
    atomic_fetch_add(&job->refs, 1);
}

void vox_job_release(struct vox_job *job)
{
    if (job == NULL || atomic_fetch_sub(&job->refs, 1) > 1) {
        return;
    }
    VOX_ASSERT(job->listeners == NULL && job->run.data == NULL);
    vox_job_release(job->base);
    vox_job_free_events(job);
    if (job->file != NULL) {
        (void)unlink(job->file);
    }
    vox_free(job->file);
    vox_free(job->json);
    vox_request_free(job->request);
    vox_job_file_release(job->image);
    vox_job_file_release(job->mask);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    vox_free(job);
}

/* ---- state ---- */

void vox_job_begin(struct vox_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->state = VOX_JOB_RUNNING;
    job->started = vox_seconds();
    pthread_mutex_unlock(&job->lock);
}

void vox_job_end(struct vox_job *job, enum vox_code code, const struct vox_err *err)
{
    pthread_mutex_lock(&job->lock);
    job->state = code == VOX_OK            ? VOX_JOB_DONE
                 : code == VOX_E_CANCELLED ? VOX_JOB_CANCELLED
                                           : VOX_JOB_FAILED;
    job->ended = vox_seconds();
    if (job->started <= 0.0) {
        job->started = job->ended;
    }
    if (code != VOX_OK) {
        job->err = *err;
    }
    vox_job_log_end(job);
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
    if (job->finished != NULL) {
        job->finished(job->context, job);
    }
}

bool vox_job_wait(struct vox_job *job, double seconds)
{
    struct timespec until;
    double most = seconds < 1e9 ? seconds : 1e9;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)most;
    until.tv_nsec += (long)((most - (double)(time_t)most) * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int waited = 0;
    pthread_mutex_lock(&job->lock);
    while (job->state < VOX_JOB_DONE && waited == 0) {
        waited = pthread_cond_clockwait(&job->changed, &job->lock, CLOCK_MONOTONIC, &until);
    }
    bool ended = job->state >= VOX_JOB_DONE;
    pthread_mutex_unlock(&job->lock);
    return ended;
}
