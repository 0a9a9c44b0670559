#include "server/batch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "pipeline/job_queue.h"
#include "pipeline/request.h"
#include "server/batch_parts.h"
#include "server/infer_answer.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { CLIENT_PATIENCE = 1 }; /* seconds between two tries while the queue is full */

/* ---- one image; without the lock ---- */

static bool must_end(struct vox_batch *batch)
{
    pthread_mutex_lock(&batch->lock);
    bool end = batch->closing || batch->stopping;
    pthread_mutex_unlock(&batch->lock);
    return end;
}

static void wait_a_while(struct vox_batch *batch)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLIENT_PATIENCE;
    pthread_mutex_lock(&batch->lock);
    if (!batch->closing && !batch->stopping) {
        (void)pthread_cond_clockwait(&batch->changed, &batch->lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&batch->lock);
}

/* From here on a stop cancels it. */
static void show_job(struct vox_batch *batch, struct vox_job *job)
{
    pthread_mutex_lock(&batch->lock);
    batch->job = job;
    bool end = batch->closing || batch->stopping;
    pthread_mutex_unlock(&batch->lock);
    if (job != NULL && end) {
        vox_job_cancel(job);
    }
}

/* Submits again and again while the queue is full; a request is used up by each try. */
static enum vox_code submit(struct vox_batch *batch, const struct vox_image_record *image,
                            const struct vox_batch_prompts *prompts, struct vox_job **out,
                            struct vox_err *err)
{
    for (;;) {
        struct vox_job_setup setup = {
            .class = VOX_JOB_BATCH,
            .client = "batch",
            .image = image->path,
            .mask = prompts->mask,
            .raw_mask = prompts->raw,
            .timeout = batch->setup.timeout,
        };
        enum vox_code code = vox_request_copy(prompts->request, &setup.request, err);
        if (code == VOX_OK) {
            code = vox_job_submit(batch->setup.queue, &setup, out, err);
        }
        if (code != VOX_E_BUSY) {
            return code;
        }
        if (must_end(batch)) {
            return vox_fail(err, VOX_E_CANCELLED, "stopped");
        }
        wait_a_while(batch);
    }
}

static void put_result(struct vox_batch *batch, const char *id, const char *json)
{
    if (batch->results == NULL) {
        return;
    }
    vox_json_begin_object(batch->results, id);
    vox_json_put_text(batch->results, "label", id);
    vox_json_put_text(batch->results, "tag", batch->task.ask.tag);
    vox_json_put_raw(batch->results, "params", json);
    vox_json_end(batch->results);
}

static enum vox_code take_result(struct vox_batch *batch, struct vox_job *job, const char *id,
                                 struct vox_err *err)
{
    struct vox_job_facts facts;
    while (!vox_job_wait(job, 3600.0)) {
    }
    vox_job_describe(job, &facts);
    if (facts.state != VOX_JOB_DONE) {
        return vox_fail(err, facts.code, "%s", facts.message);
    }
    if (!facts.valid) {
        return vox_fail(err, VOX_E_NOT_FOUND, "none of its prompts can be used");
    }
    enum vox_code code = VOX_OK;
    if (batch->task.ask.save) {
        code = vox_infer_save(batch->setup.store, batch->setup.model, job, id, batch->task.ask.tag,
                              err);
    }
    if (code == VOX_OK) {
        put_result(batch, id, facts.json);
    }
    return code;
}

static enum vox_code run_prompts(struct vox_batch *batch, const struct vox_image_record *image,
                                 const struct vox_batch_prompts *prompts, struct vox_err *err)
{
    struct vox_job *job;
    enum vox_code code = submit(batch, image, prompts, &job, err);
    if (code != VOX_OK) {
        return code;
    }
    show_job(batch, job);
    code = take_result(batch, job, image->id, err);
    show_job(batch, NULL);
    vox_job_release(job);
    return code;
}

static enum vox_code run_image(struct vox_batch *batch, const char *id, const char *before,
                               struct vox_err *err)
{
    struct vox_image_record image;
    struct vox_batch_prompts prompts;
    struct vox_datastore *store = batch->setup.store;
    enum vox_code code = vox_datastore_image(store, id, &image, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_batch_prompts_find(store, batch->setup.labels, &batch->task.ask, &image, before,
                                  &prompts, err);
    if (code == VOX_OK) {
        code = run_prompts(batch, &image, &prompts, err);
        vox_request_free(prompts.request);
        vox_free(prompts.mask);
    }
    vox_image_record_free(&image);
    return code;
}

/* ---- the thread ---- */

static void note_image(struct vox_batch *batch, const char *id, enum vox_code code,
                       const struct vox_err *why)
{
    struct vox_batch_task *task = &batch->task;
    struct vox_err err;
    char *after = vox_strdup(id);
    pthread_mutex_lock(&batch->lock);
    task->done += code == VOX_OK;
    task->skipped += code == VOX_E_NOT_FOUND;
    task->failed += code != VOX_OK && code != VOX_E_NOT_FOUND;
    vox_batch_note(task, "%.80s: %s", id, code == VOX_OK ? "done" : why->msg);
    if (after != NULL) {
        vox_free(task->after);
        task->after = after;
    }
    if (vox_batch_save_state(batch, &err) != VOX_OK) {
        vox_batch_note(task, "the task will not go on after a restart: %s", err.msg);
    }
    pthread_mutex_unlock(&batch->lock);
}

/* The place behind the last image that is done. */
static size_t first_of(const struct vox_batch_task *task, char *const *ids, size_t n)
{
    size_t i = 0;
    while (i < n && task->after != NULL && strcmp(ids[i], task->after) <= 0) {
        i++;
    }
    return i;
}

static void run_images(struct vox_batch *batch, char *const *ids, size_t n)
{
    struct vox_batch_task *task = &batch->task;
    size_t i = first_of(task, ids, n);
    int64_t tried = task->done + task->failed + task->skipped;
    int64_t total = tried + (int64_t)(n - i);
    total = task->ask.most > 0 && total > task->ask.most ? task->ask.most : total;
    pthread_mutex_lock(&batch->lock);
    task->total = total;
    pthread_mutex_unlock(&batch->lock);
    for (; tried < total && i < n && !must_end(batch); i++, tried++) {
        struct vox_err err = {0};
        enum vox_code code = run_image(batch, ids[i], i > 0 ? ids[i - 1] : NULL, &err);
        if (code == VOX_E_CANCELLED && must_end(batch)) {
            return;
        }
        note_image(batch, ids[i], code, &err);
    }
}

static enum vox_code run_task(struct vox_batch *batch, struct vox_err *err)
{
    char **ids;
    size_t n;
    enum vox_code code = vox_batch_images(batch->setup.store, &batch->task.ask, &ids, &n, err);
    if (code == VOX_OK) {
        run_images(batch, ids, n);
        vox_batch_images_free(ids, n);
    }
    return code;
}

/* Tells who waits. */
static void hand_over(struct vox_batch *batch)
{
    const char *text;
    size_t size;
    pthread_mutex_lock(&batch->lock);
    struct vox_json_writer *results = batch->results;
    vox_batch_ended *ended = batch->ended;
    void *context = batch->context;
    batch->results = NULL;
    batch->ended = NULL;
    pthread_mutex_unlock(&batch->lock);
    if (ended != NULL) {
        vox_json_end(results);
        bool there = vox_json_writer_text(results, &text, &size, NULL) == VOX_OK;
        ended(context, there ? text : "{}");
    }
    vox_json_writer_free(results);
}

/* Under the lock. One that a closing server breaks off goes on with the next. */
static void finish(struct vox_batch *batch, enum vox_code code, const struct vox_err *err)
{
    struct vox_batch_task *task = &batch->task;
    bool broken_off = batch->closing && !batch->stopping;
    vox_batch_write_time(task->end);
    task->status = code != VOX_OK                  ? VOX_BATCH_FAILED
                   : batch->stopping || broken_off ? VOX_BATCH_STOPPED
                                                   : VOX_BATCH_DONE;
    if (code != VOX_OK) {
        vox_batch_note(task, "%s", err->msg);
    }
    vox_batch_note(task, "%s: %lld done, %lld failed, %lld without prompts",
                   vox_batch_status_name(task->status), (long long)task->done,
                   (long long)task->failed, (long long)task->skipped);
    batch->stopping = false;
    if (!broken_off) {
        vox_batch_drop_state(batch);
    }
    pthread_cond_broadcast(&batch->changed);
}

static void *run(void *context)
{
    struct vox_batch *batch = context;
    pthread_mutex_lock(&batch->lock);
    for (;;) {
        while (!batch->closing && !(batch->task.there && batch->task.status == VOX_BATCH_RUNNING)) {
            pthread_cond_wait(&batch->changed, &batch->lock);
        }
        if (!batch->task.there || batch->task.status != VOX_BATCH_RUNNING) {
            break;
        }
        struct vox_err err = {0};
        pthread_mutex_unlock(&batch->lock);
        enum vox_code code = run_task(batch, &err);
        pthread_mutex_lock(&batch->lock);
        finish(batch, code, &err);
        pthread_mutex_unlock(&batch->lock);
        hand_over(batch);
        pthread_mutex_lock(&batch->lock);
    }
    pthread_mutex_unlock(&batch->lock);
    return NULL;
}

/* ---- opening and closing ---- */

static enum vox_code make_locks(struct vox_batch *batch, struct vox_err *err)
{
    if (pthread_mutex_init(&batch->lock, NULL) != 0) {
        return vox_fail(err, VOX_E_NOMEM, "no memory for a lock");
    }
    if (pthread_cond_init(&batch->changed, NULL) != 0) {
        pthread_mutex_destroy(&batch->lock);
        return vox_fail(err, VOX_E_NOMEM, "no memory for a condition");
    }
    return VOX_OK;
}

static void free_batch(struct vox_batch *batch)
{
    vox_batch_end_task(&batch->task);
    vox_free(batch->state);
    vox_free(batch);
}

enum vox_code vox_batch_open(const struct vox_batch_setup *setup, struct vox_batch **out,
                             struct vox_err *err)
{
    struct vox_batch *batch = vox_calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    batch->setup = *setup;
    batch->setup.state = NULL;
    enum vox_code code = VOX_OK;
    if (setup->state != NULL) {
        batch->state = vox_strdup(setup->state);
        code = batch->state != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        code = make_locks(batch, err);
    }
    if (code != VOX_OK) {
        free_batch(batch);
        return code;
    }
    vox_batch_load_state(batch);
    int error = pthread_create(&batch->thread, NULL, run, batch);
    if (error != 0) {
        pthread_cond_destroy(&batch->changed);
        pthread_mutex_destroy(&batch->lock);
        free_batch(batch);
        return vox_fail_sys(err, VOX_E_NOMEM, error, "cannot start a thread");
    }
    *out = batch;
    return VOX_OK;
}

void vox_batch_close(struct vox_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    pthread_mutex_lock(&batch->lock);
    batch->closing = true;
    if (batch->job != NULL) {
        vox_job_cancel(batch->job);
    }
    pthread_cond_broadcast(&batch->changed);
    pthread_mutex_unlock(&batch->lock);
    pthread_join(batch->thread, NULL);
    pthread_cond_destroy(&batch->changed);
    pthread_mutex_destroy(&batch->lock);
    free_batch(batch);
}

/* ---- use ---- */

static enum vox_code make_id(char id[VOX_BATCH_ID_BYTES], struct vox_err *err)
{
    unsigned char random[(VOX_BATCH_ID_BYTES - 1) / 2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return vox_fail_sys(err, VOX_E_IO, errno, "no random numbers");
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(id + 2 * i, VOX_BATCH_ID_BYTES - 2 * i, "%02x", random[i]);
    }
    return VOX_OK;
}

/* Under the lock; takes over the ask. */
static enum vox_code begin(struct vox_batch *batch, struct vox_batch_ask *ask,
                           vox_batch_ended *ended, void *context, struct vox_err *err)
{
    struct vox_json_writer *results = NULL;
    char id[VOX_BATCH_ID_BYTES];
    if (batch->closing || (batch->task.there && batch->task.status == VOX_BATCH_RUNNING) ||
        batch->ended != NULL) {
        return vox_fail(err, VOX_E_BUSY, "++++++++++ Batch_infer Task is Already Running");
    }
    enum vox_code code = make_id(id, err);
    if (code == VOX_OK && ended != NULL) {
        results = vox_json_writer_new();
        if (results == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        vox_json_begin_object(results, NULL);
    }
    if (code != VOX_OK) {
        return code;
    }
    vox_batch_end_task(&batch->task);
    batch->task = (struct vox_batch_task){.there = true, .status = VOX_BATCH_RUNNING, .ask = *ask};
    *ask = (struct vox_batch_ask){0};
    memcpy(batch->task.id, id, sizeof(id));
    vox_batch_write_time(batch->task.start);
    batch->ended = ended;
    batch->context = context;
    batch->results = results;
    code = vox_batch_save_state(batch, err);
    if (code != VOX_OK) {
        vox_batch_end_task(&batch->task);
        batch->ended = NULL;
        batch->results = NULL;
        vox_json_writer_free(results);
        return code;
    }
    vox_batch_note(&batch->task, "begins");
    pthread_cond_broadcast(&batch->changed);
    return VOX_OK;
}

enum vox_code vox_batch_start(struct vox_batch *batch, const char *images,
                              const struct vox_json *body, vox_batch_ended *ended, void *context,
                              struct vox_err *err)
{
    struct vox_batch_ask ask;
    enum vox_code code = vox_batch_ask_read(images, body, &ask, err);
    if (code != VOX_OK) {
        return code;
    }
    pthread_mutex_lock(&batch->lock);
    code = begin(batch, &ask, ended, context, err);
    pthread_mutex_unlock(&batch->lock);
    vox_batch_ask_fini(&ask);
    return code;
}

enum vox_code vox_batch_show(struct vox_batch *batch, bool running, char **out, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    char *text = NULL;
    pthread_mutex_lock(&batch->lock);
    if (batch->task.there && (!running || batch->task.status == VOX_BATCH_RUNNING)) {
        code = vox_batch_copy_task(batch, &text, err);
    }
    pthread_mutex_unlock(&batch->lock);
    if (code == VOX_OK) {
        *out = text;
    }
    return code;
}

/* Under the lock; false: none runs. */
static bool tell_to_stop(struct vox_batch *batch)
{
    bool runs = batch->task.there && batch->task.status == VOX_BATCH_RUNNING;
    if (runs) {
        batch->stopping = true;
        if (batch->job != NULL) {
            vox_job_cancel(batch->job);
        }
        pthread_cond_broadcast(&batch->changed);
    }
    return runs;
}

void vox_batch_give_up(struct vox_batch *batch, const void *context)
{
    pthread_mutex_lock(&batch->lock);
    if (batch->ended != NULL && batch->context == context) {
        (void)tell_to_stop(batch);
    }
    pthread_mutex_unlock(&batch->lock);
}

enum vox_code vox_batch_stop(struct vox_batch *batch, char **out, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    char *text = NULL;
    pthread_mutex_lock(&batch->lock);
    bool runs = tell_to_stop(batch);
    while (runs && batch->task.status == VOX_BATCH_RUNNING && !batch->closing) {
        pthread_cond_wait(&batch->changed, &batch->lock);
    }
    if (runs) {
        code = vox_batch_copy_task(batch, &text, err);
    }
    pthread_mutex_unlock(&batch->lock);
    if (code == VOX_OK) {
        *out = text;
    }
    return code;
}
