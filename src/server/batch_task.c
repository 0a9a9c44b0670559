/* A task: what clients and the next server hear of it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/batch_parts.h"
#include "util/file.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { STATE_BYTES = 16 << 20 };

const char *vox_batch_status_name(enum vox_batch_status status)
{
    static const char *const names[] = {"RUNNING", "DONE", "STOPPED", "ERROR"};
    return names[status];
}

void vox_batch_write_time(char out[VOX_BATCH_TIME_BYTES])
{
    struct tm tm;
    time_t now = time(NULL);
    if (localtime_r(&now, &tm) == NULL ||
        strftime(out, VOX_BATCH_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm) == 0) {
        out[0] = '\0';
    }
}

/* ---- the task; all under the lock ---- */

void vox_batch_note(struct vox_batch_task *task, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(task->details[task->next_detail], VOX_BATCH_DETAIL_BYTES, format, arguments);
    va_end(arguments);
    task->next_detail = (task->next_detail + 1) % VOX_BATCH_DETAILS;
    task->n_details += task->n_details < VOX_BATCH_DETAILS;
}

void vox_batch_end_task(struct vox_batch_task *task)
{
    vox_batch_ask_fini(&task->ask);
    vox_free(task->after);
    *task = (struct vox_batch_task){0};
}

static void put_request(struct vox_json_writer *json, const struct vox_batch *batch)
{
    const struct vox_batch_task *task = &batch->task;
    vox_json_begin_object(json, "request");
    vox_json_put_text(json, "model", batch->setup.model);
    vox_json_put_text(json, "label_tag", task->ask.tag);
    vox_json_put_raw(json, "body", task->ask.request);
    vox_json_end(json);
}

static void put_details(struct vox_json_writer *json, const struct vox_batch_task *task)
{
    vox_json_begin_array(json, "details");
    for (int i = 0; i < task->n_details; i++) {
        int at = (task->next_detail - task->n_details + i + VOX_BATCH_DETAILS) % VOX_BATCH_DETAILS;
        vox_json_put_text(json, NULL, task->details[at]);
    }
    vox_json_end(json);
}

static void put_task(struct vox_json_writer *json, const struct vox_batch *batch)
{
    const struct vox_batch_task *task = &batch->task;
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "id", task->id);
    vox_json_put_text(json, "status", vox_batch_status_name(task->status));
    put_request(json, batch);
    vox_json_put_text(json, "start_ts", task->start);
    put_details(json, task);
    if (task->status != VOX_BATCH_RUNNING) {
        vox_json_put_text(json, "end_ts", task->end);
    }
    vox_json_put_int(json, "total", task->total);
    vox_json_put_int(json, "done", task->done);
    vox_json_put_int(json, "failed", task->failed);
    vox_json_put_int(json, "skipped", task->skipped);
    vox_json_end(json);
}

enum vox_code vox_batch_copy_task(const struct vox_batch *batch, char **out, struct vox_err *err)
{
    const char *text;
    size_t size;
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    put_task(json, batch);
    enum vox_code code = vox_json_writer_text(json, &text, &size, err);
    if (code == VOX_OK) {
        *out = vox_strdup(text);
        code = *out != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_json_writer_free(json);
    return code;
}

/* ---- the file ---- */

static struct vox_json_writer *write_state(const struct vox_batch *batch)
{
    static const char *const images[] = {[VOX_IMAGES_ALL] = "all",
                                         [VOX_IMAGES_LABELLED] = "labeled",
                                         [VOX_IMAGES_UNLABELLED] = "unlabeled"};
    const struct vox_batch_task *task = &batch->task;
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return NULL;
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "id", task->id);
    vox_json_put_text(json, "start_ts", task->start);
    vox_json_put_text(json, "images", images[task->ask.images]);
    vox_json_put_raw(json, "body", task->ask.request);
    vox_json_put_text(json, "after", task->after);
    vox_json_put_int(json, "done", task->done);
    vox_json_put_int(json, "failed", task->failed);
    vox_json_put_int(json, "skipped", task->skipped);
    vox_json_end(json);
    return json;
}

/* Under the lock. A task whose file cannot be written would not go on after a restart; it is told
 * among its details. */
enum vox_code vox_batch_save_state(struct vox_batch *batch, struct vox_err *err)
{
    const char *text;
    size_t size;
    if (batch->state == NULL) {
        return VOX_OK;
    }
    struct vox_json_writer *json = write_state(batch);
    if (json == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_json_writer_text(json, &text, &size, err);
    if (code == VOX_OK) {
        code = vox_file_save(batch->state, text, size, err);
    }
    vox_json_writer_free(json);
    return code;
}

void vox_batch_drop_state(const struct vox_batch *batch)
{
    if (batch->state != NULL) {
        (void)unlink(batch->state);
    }
}

static void take_number(const struct vox_json *json, const char *key, int64_t *out)
{
    int64_t n;
    if (vox_json_int(vox_json_get(json, key), &n) && n >= 0) {
        *out = n;
    }
}

static void take_text(const struct vox_json *json, const char *key, char *out, size_t size)
{
    const char *text = vox_json_text(vox_json_get(json, key));
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static void take_state(struct vox_batch *batch, const struct vox_json *json)
{
    struct vox_batch_task *task = &batch->task;
    const char *after = vox_json_text(vox_json_get(json, "after"));
    if (vox_batch_ask_read(vox_json_text(vox_json_get(json, "images")), vox_json_get(json, "body"),
                           &task->ask, NULL) != VOX_OK) {
        return;
    }
    task->after = after != NULL ? vox_strdup(after) : NULL;
    if (after != NULL && task->after == NULL) {
        vox_batch_ask_fini(&task->ask);
        return;
    }
    take_text(json, "id", task->id, sizeof(task->id));
    take_text(json, "start_ts", task->start, sizeof(task->start));
    take_number(json, "done", &task->done);
    take_number(json, "failed", &task->failed);
    take_number(json, "skipped", &task->skipped);
    task->there = true;
    task->status = VOX_BATCH_RUNNING;
    vox_batch_note(task, "goes on after a restart");
}

void vox_batch_load_state(struct vox_batch *batch)
{
    const struct vox_json_limits limits = {.bytes = STATE_BYTES, .depth = 34, .values = 2000000};
    struct vox_mapping file;
    struct vox_json *json;
    if (batch->state == NULL || vox_file_map(batch->state, &file, NULL) != VOX_OK) {
        return;
    }
    if (vox_json_parse((const char *)file.data, file.size, &limits, &json, NULL) == VOX_OK) {
        take_state(batch, json);
        vox_json_free(json);
    }
    vox_file_unmap(&file);
}
