/* Which jobs are kept, and the thread that lets the others go. */
#include <time.h>

#include "pipeline/job_parts.h"
#include "pipeline/stopwatch.h"

enum {
    KEEPER_SECONDS = 1,
    SAVE_SECONDS = 15,
    MOST_EVENTS = 32 << 20 /* bytes of the events of all jobs that have ended */
};

/* ---- lists, under the queue's lock ---- */

void vox_job_push(struct vox_job_list *list, struct vox_job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
    list->n++;
}

/* The place of a job in a list that has it. */
void vox_job_take_out(struct vox_job_list *list, struct vox_job *job)
{
    struct vox_job **at = &list->first;
    while (*at != job) {
        at = &(*at)->next;
    }
    *at = job->next;
    if (list->end == &job->next) {
        list->end = at;
    }
    job->next = NULL;
    list->n--;
}

/* ---- what is kept, under the queue's lock ---- */

/* A finished job that can be looked up no more, at *at of the list; its run and reference are the
 * caller's to end without the lock. */
struct vox_job *vox_job_unlist(struct vox_job_queue *queue, struct vox_job **at)
{
    struct vox_job *job = *at;
    *at = job->older;
    job->older = NULL;
    job->listed = false;
    queue->n_listed--;
    return job;
}

struct kept {
    int jobs;
    uint64_t bytes;
    size_t events; /* bytes */
    double now;
};

/* Whether a job has to go, counted from the newest on. Events of older ones go before. */
static bool is_beyond(const struct vox_job_queue *queue, struct vox_job *job, struct kept *kept)
{
    pthread_mutex_lock(&job->lock);
    bool ended = job->state >= VOX_JOB_DONE;
    double age = kept->now - job->ended;
    uint64_t bytes = job->file_bytes;
    if (ended && kept->events + job->events_bytes > MOST_EVENTS) {
        vox_job_trim_events(job);
    }
    kept->events += ended ? job->events_bytes : 0;
    pthread_mutex_unlock(&job->lock);
    if (!ended) {
        return false;
    }
    kept->jobs++;
    kept->bytes += bytes;
    return age > queue->setup.keep_seconds || kept->jobs > queue->setup.keep_jobs ||
           (kept->bytes > queue->setup.keep_bytes && kept->jobs > 1);
}

/* Takes out what is beyond the limits; the caller ends the list of them with let_go. */
struct vox_job *vox_job_sift(struct vox_job_queue *queue)
{
    struct vox_job *gone = NULL, **at = &queue->newest;
    struct kept kept = {.now = vox_seconds()};
    while (*at != NULL) {
        if (!is_beyond(queue, *at, &kept)) {
            at = &(*at)->older;
            continue;
        }
        struct vox_job *job = vox_job_unlist(queue, at);
        job->next = gone;
        gone = job;
    }
    return gone;
}

/* Without the lock. */
void vox_job_let_go(struct vox_job_queue *queue, struct vox_job *gone)
{
    while (gone != NULL) {
        struct vox_job *job = gone;
        gone = job->next;
        job->next = NULL;
        pthread_mutex_lock(&queue->lock);
        struct vox_job_run run = job->run;
        job->run = (struct vox_job_run){0};
        pthread_mutex_unlock(&queue->lock);
        vox_job_run_free(&run);
        vox_job_release(job);
    }
}

/* The run that was not used for longest where there are more than may be, taken out. */
struct vox_job_run vox_job_sift_runs(struct vox_job_queue *queue)
{
    struct vox_job *oldest = NULL;
    int n = 0;
    for (struct vox_job *job = queue->newest; job != NULL; job = job->older) {
        if (job->run.data != NULL && job->run_used > 0) {
            n++;
            oldest = oldest == NULL || job->run_used < oldest->run_used ? job : oldest;
        }
    }
    struct vox_job_run run = {0};
    if (n > queue->setup.keep_runs) {
        run = oldest->run;
        oldest->run = (struct vox_job_run){0};
        oldest->run_used = 0;
    }
    return run;
}

/* ---- the keeper ---- */

static void end_cancelled(struct vox_job_queue *queue, struct vox_job *job)
{
    struct vox_err err;
    enum vox_code code = vox_fail(&err, VOX_E_CANCELLED, "cancelled before it began");
    pthread_mutex_lock(&queue->lock);
    queue->counts.cancelled++;
    pthread_mutex_unlock(&queue->lock);
    vox_job_end(job, code, &err);
    vox_job_release(job);
}

static void wait_a_while(struct vox_job_queue *queue)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += KEEPER_SECONDS;
    (void)pthread_cond_clockwait(&queue->work, &queue->lock, CLOCK_MONOTONIC, &until);
}

/* Ends a job that was cancelled while it waited, lets old ones go, or waits a while. False once all
 * ends and nothing is to be ended any more. */
static bool keep(struct vox_job_queue *queue)
{
    struct vox_job *gone = NULL;
    pthread_mutex_lock(&queue->lock);
    struct vox_job *job = queue->ending.first;
    bool goes_on = !queue->closing || job != NULL;
    if (job != NULL) {
        vox_job_take_out(&queue->ending, job);
        queue->n_running[job->class]++;
    } else if (goes_on) {
        gone = vox_job_sift(queue);
        if (gone == NULL) {
            wait_a_while(queue);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    vox_job_let_go(queue, gone);
    if (job != NULL) {
        enum vox_job_class class = job->class;
        end_cancelled(queue, job);
        pthread_mutex_lock(&queue->lock);
        queue->n_running[class]--;
        pthread_cond_broadcast(&queue->emptied);
        pthread_mutex_unlock(&queue->lock);
    }
    return goes_on;
}

void *vox_job_keeper(void *context)
{
    struct vox_job_queue *queue = context;
    double saved = vox_seconds();
    while (keep(queue)) {
        if (vox_seconds() - saved > SAVE_SECONDS) {
            vox_job_opened_save(queue);
            saved = vox_seconds();
        }
    }
    return NULL;
}
