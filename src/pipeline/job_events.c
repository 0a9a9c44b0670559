/* What happens to a job, for those who follow it. */
#include <stdio.h>
#include <string.h>

#include "pipeline/job_parts.h"
#include "pipeline/tracked_slice.h"
#include "util/json_writer.h"
#include "util/memory.h"

/* ---- the log ---- */

static void drop_oldest(struct vox_job *job)
{
    struct vox_job_event *event = job->events;
    job->events = event->next;
    if (job->events == NULL) {
        job->events_end = &job->events;
    }
    job->events_bytes -= event->size;
    vox_free(event);
}

/* The writer puts each member of the outermost object on a line of its own; texts have no line
 * breaks. */
static void join_lines(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            *text = ' ';
        }
    }
}

void vox_job_log(struct vox_job *job, const char *kind, const char *json)
{
    size_t length = strlen(json);
    while (length > 0 && json[length - 1] == '\n') {
        length--;
    }
    struct vox_job_event *event = vox_alloc(sizeof(*event) + length + 1);
    if (event == NULL) {
        return;
    }
    *event = (struct vox_job_event){.number = ++job->n_events, .kind = kind, .size = length};
    memcpy(event->json, json, length);
    event->json[length] = '\0';
    join_lines(event->json);
    *job->events_end = event;
    job->events_end = &event->next;
    job->events_bytes += length;
    while (job->events_bytes > VOX_JOB_EVENT_BYTES && job->events != event) {
        drop_oldest(job);
    }
    struct vox_job_listener **at = &job->listeners;
    while (*at != NULL) {
        struct vox_job_listener *listener = *at;
        if (listener->fn(listener->context, event->number, kind, event->json)) {
            at = &listener->next;
        } else {
            *at = listener->next;
            vox_free(listener);
        }
    }
}

void vox_job_trim_events(struct vox_job *job)
{
    while (job->events != NULL && job->events->next != NULL) {
        drop_oldest(job);
    }
}

void vox_job_free_events(struct vox_job *job)
{
    while (job->events != NULL) {
        drop_oldest(job);
    }
}

enum vox_code vox_job_listen(struct vox_job *job, int64_t after, vox_job_listener_fn *fn,
                             void *context, struct vox_job_listener **out, struct vox_err *err)
{
    struct vox_job_listener *listener = vox_calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    listener->fn = fn;
    listener->context = context;
    pthread_mutex_lock(&job->lock);
    bool wants = true, ended = job->state >= VOX_JOB_DONE;
    for (struct vox_job_event *event = job->events; event != NULL && wants; event = event->next) {
        bool known = event->number <= after && !(ended && event->next == NULL);
        wants = known || fn(context, event->number, event->kind, event->json);
    }
    if (wants) {
        listener->next = job->listeners;
        job->listeners = listener;
    }
    *out = wants ? listener : NULL;
    pthread_mutex_unlock(&job->lock);
    if (!wants) {
        vox_free(listener);
    }
    return VOX_OK;
}

void vox_job_unlisten(struct vox_job *job, struct vox_job_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    pthread_mutex_lock(&job->lock);
    struct vox_job_listener **at = &job->listeners;
    while (*at != NULL && *at != listener) {
        at = &(*at)->next;
    }
    bool found = *at != NULL;
    if (found) {
        *at = listener->next;
    }
    pthread_mutex_unlock(&job->lock);
    if (found) {
        vox_free(listener);
    }
}

/* ---- kinds ---- */

/* Ends the object, logs it and frees the writer. */
static void log_object(struct vox_job *job, const char *kind, struct vox_json_writer *json)
{
    const char *text;
    size_t size;
    vox_json_end(json);
    if (vox_json_writer_text(json, &text, &size, NULL) == VOX_OK) {
        pthread_mutex_lock(&job->lock);
        vox_job_log(job, kind, text);
        pthread_mutex_unlock(&job->lock);
    }
    vox_json_writer_free(json);
}

static struct vox_json_writer *begin_object(void)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json != NULL) {
        vox_json_begin_object(json, NULL);
    }
    return json;
}

void vox_job_log_queued(struct vox_job *job, int position)
{
    struct vox_json_writer *json = begin_object();
    if (json == NULL) {
        return;
    }
    vox_json_put_text(json, "id", job->id);
    vox_json_put_int(json, "position", position);
    log_object(job, "queued", json);
}

void vox_job_log_plan(struct vox_job *job, const struct vox_plan *plan)
{
    struct vox_json_writer *json = begin_object();
    if (json == NULL) {
        return;
    }
    vox_plan_write_json(plan, &job->request->labels, json, "plan");
    vox_json_begin_array(json, "size");
    for (int a = 0; a < 3; a++) {
        vox_json_put_int(json, NULL, plan->image.size[a]);
    }
    vox_json_end(json);
    log_object(job, "plan", json);
}

static void put_mask(struct vox_json_writer *json, const struct vox_object_run *run)
{
    int64_t *runs;
    size_t n;
    if (vox_tracked_slice_runs(run, &runs, &n, NULL) != VOX_OK) {
        return;
    }
    vox_json_begin_array(json, "runs");
    for (size_t i = 0; i < n; i++) {
        vox_json_put_int(json, NULL, runs[i]);
    }
    vox_json_end(json);
    vox_free(runs);
}

static void put_slice(struct vox_json_writer *json, const struct vox_job *job,
                      const struct vox_object_run *run)
{
    struct vox_tracked_slice slice = vox_tracked_slice(run);
    vox_json_put_int(json, "k", slice.k);
    vox_json_put_text(json, "label", job->request->labels.names[slice.label]);
    vox_json_put_text(json, "pass", slice.reverse ? "backward" : "forward");
    if (job->masks) {
        put_mask(json, run);
    }
}

void vox_job_log_progress(struct vox_job *job, const struct vox_event *event)
{
    struct vox_json_writer *json = begin_object();
    if (json == NULL) {
        return;
    }
    vox_json_put_int(json, "done", event->done);
    vox_json_put_int(json, "total", event->total);
    vox_json_put_real(json, "seconds", event->seconds);
    if (event->kind == VOX_EVENT_SLICE && event->run != NULL) {
        put_slice(json, job, event->run);
    }
    log_object(job, event->kind == VOX_EVENT_RESTART ? "restart" : "slice", json);
}

void vox_job_log_end(struct vox_job *job)
{
    const char *kind = vox_job_state_name(job->state);
    if (job->state == VOX_JOB_DONE) {
        vox_job_log(job, kind, job->json != NULL ? job->json : "{}");
        return;
    }
    const char *text;
    size_t size;
    struct vox_json_writer *json = begin_object();
    if (json == NULL) {
        vox_job_log(job, kind, "{}");
        return;
    }
    vox_json_put_text(json, "detail", job->err.msg);
    vox_json_end(json);
    vox_job_log(job, kind, vox_json_writer_text(json, &text, &size, NULL) == VOX_OK ? text : "{}");
    vox_json_writer_free(json);
}
