/* Threads that run jobs. */
#include <string.h>

#include "pipeline/job_parts.h"

static int running_of(const struct vox_job_queue *queue, const struct vox_job *job)
{
    int n = 0;
    for (int i = 0; i <= VOX_JOB_MAX_RUNNING; i++) {
        const struct vox_job *other = queue->running[i];
        n += other != NULL && other->class == job->class && strcmp(other->client, job->client) == 0;
    }
    return n;
}

/* Which job begins next; NULL: none may. */
static struct vox_job *choose(const struct vox_job_queue *queue, enum vox_job_class class)
{
    struct vox_job *best = NULL;
    int fewest = VOX_JOB_PER_CLIENT;
    for (struct vox_job *job = queue->waiting[class].first; job != NULL; job = job->next) {
        int n = running_of(queue, job);
        if (n < fewest) {
            best = job;
            fewest = n;
        }
    }
    return best;
}

void *vox_job_model_asker(void *context)
{
    struct vox_job_queue *queue = context;
    struct vox_model *model = NULL;
    struct vox_err err = {0};
    enum vox_code code = queue->setup.model(queue->setup.context, &model, &err);
    pthread_mutex_lock(&queue->lock);
    queue->asked = true;
    queue->model = code == VOX_OK ? model : NULL;
    queue->model_err = err;
    queue->model_err.code = code;
    pthread_cond_broadcast(&queue->work);
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* ---- runners ---- */

static int find_room(const struct vox_job_queue *queue)
{
    int i = 0;
    while (queue->running[i] != NULL) {
        i++;
    }
    return i;
}

/* Waits for a job of the class; NULL: all ends. */
static struct vox_job *next_job(struct vox_job_queue *queue, enum vox_job_class class, int *room)
{
    struct vox_job *job = NULL;
    pthread_mutex_lock(&queue->lock);
    while (!queue->closing) {
        job = queue->asked ? choose(queue, class) : NULL;
        if (job != NULL) {
            break;
        }
        pthread_cond_wait(&queue->work, &queue->lock);
    }
    if (job != NULL) {
        vox_job_take_out(&queue->waiting[class], job);
        job->waiting = false;
        *room = find_room(queue);
        queue->running[*room] = job;
        queue->n_running[class]++;
    }
    pthread_mutex_unlock(&queue->lock);
    return job;
}

static void count_end(struct vox_job_queue *queue, const struct vox_job *job, enum vox_code code)
{
    queue->counts.done += code == VOX_OK;
    queue->counts.cancelled += code == VOX_E_CANCELLED;
    queue->counts.failed += code != VOX_OK && code != VOX_E_CANCELLED;
    if (code == VOX_OK) {
        queue->counts.encoded_slices += job->encoded;
        queue->counts.cached_slices += job->cached;
    }
}

/* A run goes with a job that nobody can ask for any more, and with one without an object. */
static void keep_run(struct vox_job_queue *queue, struct vox_job *job)
{
    bool keep = job->run.data != NULL && job->listed && job->valid && queue->setup.keep_runs > 0;
    struct vox_job_run run = {0};
    if (keep) {
        job->run_used = ++queue->clock;
    } else {
        run = job->run;
        job->run = (struct vox_job_run){0};
    }
    struct vox_job_run other = vox_job_sift_runs(queue);
    pthread_mutex_unlock(&queue->lock);
    vox_job_run_free(&run);
    vox_job_run_free(&other);
    pthread_mutex_lock(&queue->lock);
}

static void end_running(struct vox_job_queue *queue, struct vox_job *job, int room,
                        enum vox_code code, const struct vox_err *err)
{
    struct vox_job *base = job->base;
    job->base = NULL;
    vox_job_release(base);
    pthread_mutex_lock(&queue->lock);
    keep_run(queue, job);
    count_end(queue, job, code);
    pthread_mutex_unlock(&queue->lock);
    vox_job_end(job, code, err);
    pthread_mutex_lock(&queue->lock);
    queue->running[room] = NULL;
    queue->n_running[job->class]--;
    struct vox_job *gone = vox_job_sift(queue);
    pthread_cond_broadcast(&queue->work);
    pthread_cond_broadcast(&queue->emptied);
    pthread_mutex_unlock(&queue->lock);
    vox_job_let_go(queue, gone);
    vox_job_release(job);
}

static enum vox_code run_job(struct vox_job_queue *queue, struct vox_job *job, struct vox_err *err)
{
    if (queue->model == NULL) {
        return vox_fail(err, VOX_E_BACKEND, "the model could not be opened: %s",
                        queue->model_err.msg);
    }
    struct vox_turn_seat seat;
    enum vox_code code = vox_turn_seat_init(&seat, (int)job->class, err);
    if (code == VOX_OK) {
        if (job->class == VOX_JOB_CLICK && !job->image->own) {
            vox_job_opened_count(queue, job->image->path);
        }
        code = vox_job_infer(job, &seat, err);
        vox_turn_seat_fini(&seat);
    }
    return code;
}

static void serve(struct vox_job_queue *queue, enum vox_job_class class)
{
    int room;
    for (struct vox_job *job; (job = next_job(queue, class, &room)) != NULL;) {
        struct vox_err err = {0};
        vox_job_begin(job);
        enum vox_code code = run_job(queue, job, &err);
        end_running(queue, job, room, code, &err);
    }
}

void *vox_job_click_runner(void *queue)
{
    serve(queue, VOX_JOB_CLICK);
    return NULL;
}

void *vox_job_batch_runner(void *queue)
{
    serve(queue, VOX_JOB_BATCH);
    return NULL;
}
