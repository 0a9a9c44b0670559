#include "pipeline/volume_cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "pipeline/file_identity.h"
#include "util/memory.h"

enum {
    MAX_FILES = 1024, /* that are remembered; most of them without voxels */
    MAX_ATTEMPTS = 3, /* at reading a file that changes meanwhile */
    LOOK_MS = 20      /* between two looks of one who waits at who may cancel */
};

struct remembered {
    struct vox_window window;
    struct vox_intensity intensity;
};

enum state { READING, READY, FAILED, CHANGED };

/* One state of a file. */
struct file {
    struct vox_file_identity identity;
    enum state state;
    struct vox_err err;             /* where it failed */
    struct vox_slice_source *owner; /* of the voxels; NULL: none are here */
    uint64_t bytes;                 /* of the voxels */
    bool counted;                   /* the voxels are within the budget */
    bool streamed;                  /* each user opens it */
    bool listed;
    bool queued; /* listed, and nobody uses it */
    int64_t holders;
    struct file *next;          /* of those that are listed, or that are to be freed */
    struct file *newer, *older; /* of those that are queued */

    pthread_mutex_t lock; /* guards what follows; never taken with the cache's */
    pthread_cond_t found; /* nobody looks at the voxels any more */
    bool looking;         /* somebody does */
    struct remembered windows[VOX_REMEMBERED_WINDOWS];
    int64_t n_windows; /* that were ever remembered */
};

struct vox_volume_cache {
    struct vox_volume_cache_setup setup;
    pthread_mutex_t lock;   /* guards what follows and all of a file but what is said there */
    pthread_cond_t settled; /* a file is no longer being read */
    struct file *files;
    int64_t n_files;
    struct file *newest, *oldest;
    uint64_t idle_bytes; /* of counted voxels that nobody uses */
    int64_t held;
    struct vox_volume_cache_counts counts;
};

struct vox_held_volume {
    struct vox_volume_cache *cache;
    struct file *file;
    struct vox_slice_source *slices;
};

/* --- files --- */

static struct file *file_new(const struct vox_file_identity *identity)
{
    struct file *file = vox_calloc(1, sizeof(*file));
    if (file == NULL || pthread_mutex_init(&file->lock, NULL) != 0) {
        vox_free(file);
        return NULL;
    }
    if (pthread_cond_init(&file->found, NULL) != 0) {
        pthread_mutex_destroy(&file->lock);
        vox_free(file);
        return NULL;
    }
    file->identity = *identity;
    return file;
}

/* What is to be freed once the lock is given back: that may take long. */
struct garbage {
    struct file *files;
    struct vox_slice_source *voxels[16];
    int n;
};

static void files_free(struct file *file)
{
    while (file != NULL) {
        struct file *next = file->next;
        vox_slice_source_close(file->owner);
        pthread_cond_destroy(&file->found);
        pthread_mutex_destroy(&file->lock);
        vox_free(file);
        file = next;
    }
}

static void garbage_free(struct garbage *garbage)
{
    files_free(garbage->files);
    for (int i = 0; i < garbage->n; i++) {
        vox_slice_source_close(garbage->voxels[i]);
    }
}

static void discard_file(struct file *file, struct garbage *garbage)
{
    file->next = garbage->files;
    garbage->files = file;
}

static void discard_voxels(struct file *file, struct garbage *garbage)
{
    if (garbage->n < (int)(sizeof(garbage->voxels) / sizeof(garbage->voxels[0]))) {
        garbage->voxels[garbage->n++] = file->owner;
    } else {
        vox_slice_source_close(file->owner);
    }
    file->owner = NULL;
}

/* Waits for the condition, not for long where somebody watches; who is asked outside the lock. */
static enum vox_code wait_watching(pthread_cond_t *condition, pthread_mutex_t *lock,
                                   const struct vox_watch *watch, struct vox_err *err)
{
    if (watch == NULL) {
        pthread_cond_wait(condition, lock);
        return VOX_OK;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    vox_watch_wait(watch, true);
    pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(lock);
    vox_watch_wait(watch, false);
    enum vox_code code = vox_watch_check(watch, err);
    pthread_mutex_lock(lock);
    return code;
}

/* --- the list and the queue; under the cache's lock --- */

static void list_file(struct vox_volume_cache *cache, struct file *file)
{
    file->listed = true;
    file->next = cache->files;
    cache->files = file;
    cache->n_files++;
}

static void unlist_file(struct vox_volume_cache *cache, struct file *file)
{
    struct file **at = &cache->files;
    while (*at != file) {
        at = &(*at)->next;
    }
    *at = file->next;
    file->next = NULL;
    file->listed = false;
    cache->n_files--;
    if (file->counted) {
        cache->counts.bytes -= file->bytes;
        file->counted = false;
    }
}

static void leave_queue(struct vox_volume_cache *cache, struct file *file)
{
    if (!file->queued) {
        return;
    }
    file->queued = false;
    cache->idle_bytes -= file->counted ? file->bytes : 0;
    *(file->newer != NULL ? &file->newer->older : &cache->newest) = file->older;
    *(file->older != NULL ? &file->older->newer : &cache->oldest) = file->newer;
}

static void join_queue(struct vox_volume_cache *cache, struct file *file)
{
    file->queued = true;
    cache->idle_bytes += file->counted ? file->bytes : 0;
    file->newer = NULL;
    file->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = file;
    cache->newest = file;
}

/* Counts a listed file's voxels into the budget, if those that nobody uses can make room for them.
 * Of files whose voxels go the ranges are still known. */
static void count_in(struct vox_volume_cache *cache, struct file *file, struct garbage *garbage)
{
    uint64_t budget = cache->setup.bytes;
    uint64_t in_use = cache->counts.bytes - cache->idle_bytes;
    if (file->counted || file->owner == NULL || file->bytes > budget ||
        in_use > budget - file->bytes) {
        return;
    }
    struct file *oldest = cache->oldest;
    while (cache->counts.bytes > budget - file->bytes) {
        VOX_ASSERT(oldest != NULL); /* idle_bytes says that there is enough */
        if (oldest->counted) {
            oldest->counted = false;
            cache->idle_bytes -= oldest->bytes;
            cache->counts.bytes -= oldest->bytes;
            cache->counts.evicted++;
            discard_voxels(oldest, garbage);
        }
        oldest = oldest->newer;
    }
    file->counted = true;
    cache->counts.bytes += file->bytes;
}

static void forget_oldest(struct vox_volume_cache *cache, struct garbage *garbage)
{
    struct file *file = cache->oldest;
    leave_queue(cache, file);
    cache->counts.evicted += file->owner != NULL;
    unlist_file(cache, file);
    discard_file(file, garbage);
}

static struct file *look_up(const struct vox_volume_cache *cache,
                            const struct vox_file_identity *identity)
{
    struct file *file = cache->files;
    while (file != NULL && !vox_file_identity_equal(&file->identity, identity)) {
        file = file->next;
    }
    return file;
}

/* One holder less. The last one leaves the file to the cache as far as that may keep it. */
static void release_file(struct vox_volume_cache *cache, struct file *file)
{
    struct garbage garbage = {0};
    pthread_mutex_lock(&cache->lock);
    cache->held--;
    bool last = --file->holders == 0;
    if (last && !file->listed) {
        discard_file(file, &garbage);
    } else if (last) {
        count_in(cache, file, &garbage);
        if (!file->counted && file->owner != NULL) {
            discard_voxels(file, &garbage);
        }
        join_queue(cache, file);
        while (cache->n_files > MAX_FILES && cache->oldest != NULL) {
            forget_oldest(cache, &garbage);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    garbage_free(&garbage);
}

/* --- reading --- */

/* Opens the file and makes sure that it is the one meant. */
static enum state open_file(const struct vox_volume_cache *cache, const char *path,
                            const struct vox_file_identity *identity, struct vox_slice_source **out,
                            struct vox_err *err)
{
    struct vox_slice_source *source = NULL;
    const struct vox_volume_cache_setup *setup = &cache->setup;
    enum vox_code code =
        vox_slice_source_open(path, &setup->limits, setup->max_memory, &source, err);
    struct vox_file_identity now;
    if (vox_file_identify(path, &now, NULL) != VOX_OK || !vox_file_identity_equal(&now, identity)) {
        vox_slice_source_close(source);
        return CHANGED;
    }
    if (code != VOX_OK) {
        return FAILED;
    }
    *out = source;
    return READY;
}

/* Reads a file for all who wait for it. What is streamed becomes the reader's own. */
static enum state read_file(struct vox_volume_cache *cache, struct file *file, const char *path,
                            struct vox_slice_source **own, struct vox_err *err)
{
    struct vox_slice_source *source = NULL;
    enum state state = open_file(cache, path, &file->identity, &source, err);
    struct garbage garbage = {0};
    pthread_mutex_lock(&cache->lock);
    if (state == READY) {
        cache->counts.opened++;
        file->streamed = !vox_slice_source_resident(source);
        if (file->streamed) {
            *own = source;
        } else {
            file->owner = source;
            file->bytes = vox_slice_source_bytes(source);
            count_in(cache, file, &garbage);
        }
    } else {
        file->err = *err;
        unlist_file(cache, file);
    }
    file->state = state;
    pthread_cond_broadcast(&cache->settled);
    pthread_mutex_unlock(&cache->lock);
    garbage_free(&garbage);
    return state;
}

/* Holds the file of this identity, for its reader or to wait until it has been read; NULL where
 * there is no memory. */
static struct file *join(struct vox_volume_cache *cache, const struct vox_file_identity *identity,
                         bool *reader)
{
    pthread_mutex_lock(&cache->lock);
    struct file *file = look_up(cache, identity);
    *reader = file == NULL || (file->state == READY && file->owner == NULL && !file->streamed);
    if (file == NULL) {
        file = file_new(identity);
        if (file == NULL) {
            pthread_mutex_unlock(&cache->lock);
            return NULL;
        }
        list_file(cache, file);
    }
    leave_queue(cache, file);
    file->holders++;
    cache->held++;
    if (*reader) {
        file->state = READING;
    }
    pthread_mutex_unlock(&cache->lock);
    return file;
}

/* Waits until another thread has read the file. */
static enum state await_reader(struct vox_volume_cache *cache, const struct file *file,
                               const struct vox_watch *watch, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    pthread_mutex_lock(&cache->lock);
    while (code == VOX_OK && file->state == READING) {
        code = wait_watching(&cache->settled, &cache->lock, watch, err);
    }
    enum state state = code == VOX_OK ? file->state : FAILED;
    if (code == VOX_OK && state == FAILED) {
        *err = file->err;
    }
    cache->counts.shared += state == READY && file->owner != NULL;
    pthread_mutex_unlock(&cache->lock);
    return state;
}

/* The user's own source, where the reading did not give one already. */
static enum state open_slices(struct vox_volume_cache *cache, const struct file *file,
                              const char *path, struct vox_slice_source **own, struct vox_err *err)
{
    /* Neither changes while the file is held. */
    if (!file->streamed) {
        const struct vox_volume *volume = vox_slice_source_volume(file->owner);
        return vox_slice_source_borrow(volume, own, err) == VOX_OK ? READY : FAILED;
    }
    if (*own != NULL) {
        return READY;
    }
    enum state state = open_file(cache, path, &file->identity, own, err);
    if (state == READY) {
        pthread_mutex_lock(&cache->lock);
        cache->counts.opened++;
        pthread_mutex_unlock(&cache->lock);
    }
    return state;
}

static enum state try_get(struct vox_volume_cache *cache, const char *path,
                          const struct vox_watch *watch, struct vox_held_volume *held,
                          struct vox_err *err)
{
    struct vox_file_identity identity;
    if (vox_file_identify_settled(path, &identity, err) != VOX_OK) {
        return FAILED;
    }
    bool reader;
    struct file *file = join(cache, &identity, &reader);
    if (file == NULL) {
        (void)!vox_fail(err, VOX_E_NOMEM, "out of memory");
        return FAILED;
    }
    struct vox_slice_source *own = NULL;
    enum state state =
        reader ? read_file(cache, file, path, &own, err) : await_reader(cache, file, watch, err);
    if (state == READY) {
        state = open_slices(cache, file, path, &own, err);
    }
    if (state != READY) {
        release_file(cache, file);
        return state;
    }
    held->file = file;
    held->slices = own;
    return READY;
}

/* --- use --- */

enum vox_code vox_volume_cache_get(struct vox_volume_cache *cache, const char *path,
                                   const struct vox_watch *watch, struct vox_held_volume **out,
                                   struct vox_err *err)
{
    struct vox_held_volume *held = vox_calloc(1, sizeof(*held));
    if (held == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    held->cache = cache;
    struct vox_err why = {0};
    enum state state = CHANGED;
    for (int i = 0; i < MAX_ATTEMPTS && state == CHANGED; i++) {
        state = try_get(cache, path, watch, held, &why);
    }
    if (state == READY) {
        *out = held;
        return VOX_OK;
    }
    vox_free(held);
    if (state == CHANGED) {
        return vox_fail(err, VOX_E_BUSY, "the file is being written; try again later");
    }
    return vox_fail_sys(err, why.code, why.sys, "%s", why.msg);
}

struct vox_slice_source *vox_held_volume_slices(struct vox_held_volume *held)
{
    return held->slices;
}

/* Under the file's lock. */
static const struct vox_intensity *recall(const struct file *file, const struct vox_window *window)
{
    for (int64_t i = 0; i < file->n_windows && i < VOX_REMEMBERED_WINDOWS; i++) {
        if (vox_window_equal(&file->windows[i].window, window)) {
            return &file->windows[i].intensity;
        }
    }
    return NULL;
}

/* Under the file's lock: waits while somebody looks at the voxels. True where the answer is known;
 * else, with VOX_OK, it is up to the caller to look. */
static bool await_answer(struct file *file, const struct vox_window *window,
                         const struct vox_watch *watch, struct vox_intensity *out,
                         enum vox_code *code, struct vox_err *err)
{
    const struct vox_intensity *known = recall(file, window);
    while (known == NULL && file->looking && *code == VOX_OK) {
        *code = wait_watching(&file->found, &file->lock, watch, err);
        known = recall(file, window);
    }
    if (known != NULL) {
        *out = *known;
        *code = VOX_OK;
    }
    return known != NULL;
}

enum vox_code vox_held_volume_intensity(struct vox_held_volume *held,
                                        const struct vox_window *window,
                                        const struct vox_watch *watch, struct vox_intensity *out,
                                        struct vox_err *err)
{
    struct file *file = held->file;
    enum vox_code code = VOX_OK;
    pthread_mutex_lock(&file->lock);
    bool known = await_answer(file, window, watch, out, &code, err);
    file->looking = file->looking || (!known && code == VOX_OK);
    pthread_mutex_unlock(&file->lock);
    if (known || code != VOX_OK) {
        return code;
    }
    struct remembered found = {.window = *window};
    code = vox_intensity_prepare_watched(held->slices, window, watch, &found.intensity, err);
    pthread_mutex_lock(&file->lock);
    if (code == VOX_OK) {
        file->windows[file->n_windows++ % VOX_REMEMBERED_WINDOWS] = found;
        *out = found.intensity;
    }
    file->looking = false;
    pthread_cond_broadcast(&file->found);
    pthread_mutex_unlock(&file->lock);
    pthread_mutex_lock(&held->cache->lock);
    held->cache->counts.prepared += code == VOX_OK;
    pthread_mutex_unlock(&held->cache->lock);
    return code;
}

void vox_volume_cache_release(struct vox_volume_cache *cache, struct vox_held_volume *held)
{
    if (held != NULL) {
        VOX_ASSERT(held->cache == cache);
        vox_slice_source_close(held->slices); /* before the voxels that it may borrow */
        release_file(cache, held->file);
        vox_free(held);
    }
}

struct vox_volume_cache_counts vox_volume_cache_counts(struct vox_volume_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    struct vox_volume_cache_counts counts = cache->counts;
    pthread_mutex_unlock(&cache->lock);
    return counts;
}

/* --- making --- */

enum vox_code vox_volume_cache_new(const struct vox_volume_cache_setup *setup,
                                   struct vox_volume_cache **out, struct vox_err *err)
{
    struct vox_volume_cache *cache = vox_calloc(1, sizeof(*cache));
    if (cache == NULL || pthread_mutex_init(&cache->lock, NULL) != 0) {
        vox_free(cache);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (pthread_cond_init(&cache->settled, NULL) != 0) {
        pthread_mutex_destroy(&cache->lock);
        vox_free(cache);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    cache->setup = *setup;
    *out = cache;
    return VOX_OK;
}

void vox_volume_cache_free(struct vox_volume_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    VOX_ASSERT(cache->held == 0);
    files_free(cache->files);
    pthread_cond_destroy(&cache->settled);
    pthread_mutex_destroy(&cache->lock);
    vox_free(cache);
}
