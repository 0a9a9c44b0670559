/* Work ahead of the first click: images are read, and encoded where the model sees whole slices. */
#include "pipeline/job_parts.h"
#include "pipeline/slice_features.h"
#include "util/memory.h"
#include "volume/volume.h"

static bool given_up(void *context)
{
    struct vox_job_queue *queue = context;
    return atomic_load(&queue->give_up) != 0;
}

/* Slices from the middle outwards: n / 2, then one before, one behind, ... */
static int64_t slice_at(int64_t step, int64_t n)
{
    int64_t middle = n / 2, away = (step + 1) / 2;
    int64_t k = step % 2 == 0 ? middle + away : middle - away;
    return k;
}

static enum vox_code encode_slice(struct vox_job_queue *queue, struct vox_turn_seat *seat,
                                  struct vox_slice_features *features, int64_t k,
                                  struct vox_err *err)
{
    const struct vox_feature_source source = vox_slice_features_source(features);
    const struct vox_features *made;
    vox_turn_take(&queue->turn, seat);
    enum vox_code code = source.features(source.context, k, &made, err);
    vox_turn_give(&queue->turn, seat);
    return code;
}

/* Stops where the features that are made throw others out. */
static enum vox_code encode_all(struct vox_job_queue *queue, struct vox_slice_features *features,
                                int64_t n, struct vox_err *err)
{
    struct vox_turn_seat seat;
    enum vox_code code = vox_turn_seat_init(&seat, VOX_JOB_PREFETCH, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_feature_store *store = queue->model->features;
    int64_t evicted = vox_feature_store_counts(store).evicted;
    for (int64_t step = 0; step <= n && code == VOX_OK; step++) {
        int64_t k = slice_at(step, n);
        if (k >= 0 && k < n) {
            code = encode_slice(queue, &seat, features, k, err);
        }
        if (vox_feature_store_counts(store).evicted > evicted) {
            break;
        }
    }
    vox_turn_seat_fini(&seat);
    return code;
}

static enum vox_code encode(struct vox_job_queue *queue, struct vox_slice_source *slices,
                            const struct vox_intensity *intensity, const struct vox_watch *watch,
                            struct vox_err *err)
{
    const int64_t *size = vox_slice_source_volume(slices)->size;
    const struct vox_slice_features_setup setup = {
        .network = queue->model->network,
        .slices = slices,
        .intensity = intensity,
        .window = vox_zoom_whole(size),
        .frames = size[2],
        .store = queue->model->features,
        .watch = watch,
    };
    struct vox_slice_features *features;
    enum vox_code code = vox_slice_features_new(&setup, &features, err);
    if (code == VOX_OK) {
        code = encode_all(queue, features, size[2], err);
        vox_slice_features_free(features);
    }
    return code;
}

static enum vox_code look_ahead(struct vox_job_queue *queue, struct vox_image *image, bool encodes,
                                struct vox_err *err)
{
    const struct vox_watch watch = {.cancelled = given_up, .context = queue};
    const struct vox_window window = {.automatic = true};
    struct vox_slice_source *slices;
    struct vox_intensity intensity;
    enum vox_code code = vox_image_load(image, &watch, &slices, err);
    if (code == VOX_OK) {
        code = vox_watch_check(&watch, err);
    }
    if (code == VOX_OK) {
        code = vox_image_intensity(image, &window, &watch, &intensity, err);
    }
    if (code == VOX_OK && encodes && !(queue->model->defaults.zoom > 0.0)) {
        code = encode(queue, slices, &intensity, &watch, err);
    }
    return code;
}

static enum vox_code read_ahead(struct vox_job_queue *queue, const char *path, bool encodes,
                                struct vox_err *err)
{
    struct vox_image *image;
    enum vox_code code = vox_image_open(queue->model, path, &image, err);
    if (code == VOX_OK) {
        code = look_ahead(queue, image, encodes, err);
        vox_image_close(image);
    }
    return code;
}

/* ---- what was opened often ---- */

static bool find_bytes(struct vox_job_queue *queue, const char *path, uint64_t *bytes)
{
    struct vox_image *image;
    struct vox_image_facts facts;
    size_t n = 1;
    if (vox_image_open(queue->model, path, &image, NULL) != VOX_OK) {
        return false;
    }
    bool found = vox_image_describe(image, &facts, NULL) == VOX_OK;
    vox_image_close(image);
    for (int a = 0; a < 3 && found; a++) {
        found = vox_mul(n, (size_t)facts.size[a], &n);
    }
    found = found && vox_mul(n, vox_voxel_size(facts.type), &n);
    *bytes = n;
    return found;
}

static void warm_up(struct vox_job_queue *queue)
{
    uint64_t left = queue->setup.warm_bytes, bytes;
    char *path;
    for (size_t n = 0; (path = vox_job_opened_at(queue, n)) != NULL; n++) {
        if (given_up(queue)) {
            vox_free(path);
            break;
        }
        if (find_bytes(queue, path, &bytes) && bytes <= left &&
            read_ahead(queue, path, false, NULL) == VOX_OK) {
            left -= bytes;
        }
        vox_free(path);
    }
}

/* ---- the thread ---- */

static bool can_begin(const struct vox_job_queue *queue)
{
    bool clicks = queue->waiting[VOX_JOB_CLICK].n > 0 || queue->n_running[VOX_JOB_CLICK] > 0;
    return queue->asked && !clicks && !queue->draining;
}

/* Waits until there is time for it; false: all ends. *path is the image that is asked for, NULL
 * where `any` is true and time is all that is wanted. */
static bool await_time(struct vox_job_queue *queue, bool any, char **path)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->closing && !(can_begin(queue) && (any || queue->prefetch != NULL))) {
        pthread_cond_wait(&queue->work, &queue->lock);
    }
    bool open = !queue->closing;
    if (open) {
        *path = queue->prefetch;
        queue->prefetch = NULL;
        queue->n_running[VOX_JOB_PREFETCH]++;
        atomic_store(&queue->give_up, 0);
    }
    pthread_mutex_unlock(&queue->lock);
    return open;
}

static void end_time(struct vox_job_queue *queue, enum vox_code code)
{
    pthread_mutex_lock(&queue->lock);
    queue->n_running[VOX_JOB_PREFETCH]--;
    queue->counts.done += code == VOX_OK;
    queue->counts.cancelled += code == VOX_E_CANCELLED;
    queue->counts.failed += code != VOX_OK && code != VOX_E_CANCELLED;
    pthread_cond_broadcast(&queue->emptied);
    pthread_mutex_unlock(&queue->lock);
}

void *vox_job_prefetcher(void *context)
{
    struct vox_job_queue *queue = context;
    char *path = NULL;
    bool warm = queue->setup.warm_bytes == 0;
    while (await_time(queue, !warm, &path)) {
        enum vox_code code = VOX_OK;
        if (queue->model == NULL) {
            code = queue->model_err.code;
        } else if (path != NULL) {
            vox_job_opened_count(queue, path);
            code = read_ahead(queue, path, true, NULL);
        } else if (!warm) {
            warm = true;
            warm_up(queue);
        }
        warm = warm || queue->model == NULL;
        vox_free(path);
        path = NULL;
        end_time(queue, code);
    }
    return NULL;
}
