/* How often images are opened, remembered in a small file: a JSON object, path to number. */
#include <string.h>

#include "pipeline/job_parts.h"
#include "util/file.h"
#include "util/json.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum { MOST_OPENED = 256, MOST_BYTES = 1 << 20 };
static const double halved_at = 64.0;

/* ---- the list, under the queue's lock ---- */

static bool make_room(struct vox_job_queue *queue)
{
    if (queue->n_opened < queue->room_opened) {
        return true;
    }
    size_t room = queue->room_opened > 0 ? 2 * queue->room_opened : 16,
           size = sizeof(*queue->opened);
    void *grown = vox_realloc(queue->opened, queue->room_opened * size, room * size);
    if (grown == NULL) {
        return false;
    }
    queue->opened = grown;
    queue->room_opened = room;
    return true;
}

static void drop_least(struct vox_job_queue *queue)
{
    size_t least = 0;
    for (size_t i = 1; i < queue->n_opened; i++) {
        if (queue->opened[i].count < queue->opened[least].count) {
            least = i;
        }
    }
    vox_free(queue->opened[least].path);
    queue->opened[least] = queue->opened[--queue->n_opened];
}

static void add(struct vox_job_queue *queue, const char *path, double count)
{
    if (queue->n_opened >= MOST_OPENED) {
        drop_least(queue);
    }
    char *copy = vox_strdup(path);
    if (copy == NULL || !make_room(queue)) {
        vox_free(copy);
        return;
    }
    queue->opened[queue->n_opened++] = (struct vox_job_opened){copy, count};
}

static void count(struct vox_job_queue *queue, const char *path)
{
    size_t i = 0;
    while (i < queue->n_opened && strcmp(queue->opened[i].path, path) != 0) {
        i++;
    }
    if (i == queue->n_opened) {
        add(queue, path, 1.0);
        return;
    }
    queue->opened[i].count += 1.0;
    bool halve = queue->opened[i].count > halved_at;
    for (size_t j = 0; j < queue->n_opened && halve; j++) {
        queue->opened[j].count /= 2.0;
    }
}

void vox_job_opened_count(struct vox_job_queue *queue, const char *path)
{
    if (queue->counts_path == NULL) {
        return;
    }
    pthread_mutex_lock(&queue->lock);
    count(queue, path);
    queue->opened_changed = true;
    pthread_mutex_unlock(&queue->lock);
}

char *vox_job_opened_at(struct vox_job_queue *queue, size_t n)
{
    char *path = NULL;
    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < queue->n_opened && path == NULL; i++) {
        size_t before = 0;
        for (size_t j = 0; j < queue->n_opened; j++) {
            double more = queue->opened[j].count - queue->opened[i].count;
            before += more > 0.0 || (!(more < 0.0) && j < i);
        }
        if (before == n) {
            path = vox_strdup(queue->opened[i].path);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return path;
}

void vox_job_opened_free(struct vox_job_queue *queue)
{
    for (size_t i = 0; i < queue->n_opened; i++) {
        vox_free(queue->opened[i].path);
    }
    vox_free(queue->opened);
}

/* ---- the file ---- */

static void take_counts(struct vox_job_queue *queue, const struct vox_json *json)
{
    void *cursor = NULL;
    const char *path;
    const struct vox_json *value;
    double count;
    while (vox_json_next(json, &cursor, &path, &value)) {
        if (vox_json_number(value, &count) && count > 0.0 && count < 1e6) {
            add(queue, path, count);
        }
    }
}

/* One that is missing or damaged counts for nothing. */
void vox_job_opened_load(struct vox_job_queue *queue)
{
    const struct vox_json_limits limits = {
        .bytes = MOST_BYTES, .depth = 2, .values = MOST_OPENED + 1};
    struct vox_mapping file;
    struct vox_json *json;
    if (queue->counts_path == NULL || vox_file_map(queue->counts_path, &file, NULL) != VOX_OK) {
        return;
    }
    if (vox_json_parse((const char *)file.data, file.size, &limits, &json, NULL) == VOX_OK) {
        take_counts(queue, json);
        vox_json_free(json);
    }
    vox_file_unmap(&file);
}

static struct vox_json_writer *write_counts(struct vox_job_queue *queue)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return NULL;
    }
    vox_json_begin_object(json, NULL);
    for (size_t i = 0; i < queue->n_opened; i++) {
        vox_json_put_real(json, queue->opened[i].path, queue->opened[i].count);
    }
    vox_json_end(json);
    return json;
}

void vox_job_opened_save(struct vox_job_queue *queue)
{
    const char *text;
    size_t size;
    pthread_mutex_lock(&queue->lock);
    struct vox_json_writer *json = queue->opened_changed ? write_counts(queue) : NULL;
    queue->opened_changed = false;
    pthread_mutex_unlock(&queue->lock);
    if (json != NULL && vox_json_writer_text(json, &text, &size, NULL) == VOX_OK) {
        /* It is a help; the next change tries again. */
        (void)!vox_file_save(queue->counts_path, text, size, NULL);
    }
    vox_json_writer_free(json);
}
