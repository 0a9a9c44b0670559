#include "tensor/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "util/memory.h"

enum {
    TAKE_UNIT = 16, /* floats of a cache line */
    /* A tile loop follows the last one within microseconds; waking a sleeping thread costs tens of
       them. */
    SPINS = 4000
};

struct worker {
    pthread_t thread;
    struct vox_pool *pool;
    struct vox_lane lane;
};

struct vox_pool {
    int threads;
    int started;
    struct worker *workers;

    pthread_mutex_t turn; /* held for the length of a run: runs take turns */
    pthread_mutex_t lock; /* guards what follows, up to the atomics */
    pthread_cond_t work;
    pthread_cond_t done;
    int running; /* workers still inside the current run */
    bool stop;
    enum vox_code code;
    int64_t failed_tile;
    struct vox_err err;

    /* The run: written under `lock` before `generation` moves on. */
    vox_tile_fn fn;
    void *context;
    int64_t tiles;

    atomic_uint generation;
    atomic_bool failed;
    _Atomic int64_t next;
};

float *vox_lane_take(struct vox_lane *lane, size_t floats)
{
    size_t rounded = (floats + TAKE_UNIT - 1) / TAKE_UNIT * TAKE_UNIT;
    VOX_ASSERT(rounded <= lane->size - lane->used);
    float *at = lane->memory + lane->used;
    lane->used += rounded;
    return at;
}

static void record_failure(struct vox_pool *pool, int64_t tile, enum vox_code code,
                           const struct vox_err *err)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->code == VOX_OK || tile < pool->failed_tile) {
        pool->code = code;
        pool->failed_tile = tile;
        pool->err = *err;
    }
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->failed, true);
}

static void work_through(struct vox_pool *pool, struct vox_lane *lane)
{
    int64_t tile;
    while ((tile = atomic_fetch_add(&pool->next, 1)) < pool->tiles) {
        if (atomic_load(&pool->failed)) {
            break;
        }
        struct vox_err err = {VOX_OK, 0, ""};
        lane->used = 0;
        enum vox_code code = pool->fn(pool->context, tile, lane, &err);
        if (code != VOX_OK) {
            record_failure(pool, tile, code, &err);
        }
    }
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Waits for a run other than `seen`; false when the pool is ending. */
static bool next_run(struct vox_pool *pool, unsigned *seen)
{
    for (int i = 0; i < SPINS && atomic_load(&pool->generation) == *seen; i++) {
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (!pool->stop && atomic_load(&pool->generation) == *seen) {
        pthread_cond_wait(&pool->work, &pool->lock);
    }
    bool go = !pool->stop;
    *seen = atomic_load(&pool->generation);
    pthread_mutex_unlock(&pool->lock);
    return go;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct vox_pool *pool = worker->pool;
    unsigned seen = 0;
    while (next_run(pool, &seen)) {
        work_through(pool, &worker->lane);
        pthread_mutex_lock(&pool->lock);
        if (--pool->running == 0) {
            pthread_cond_signal(&pool->done);
        }
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

enum vox_code vox_pool_new(int threads, struct vox_pool **out, struct vox_err *err)
{
    if (threads < 1 || threads > VOX_POOL_MAX_THREADS) {
        return vox_fail(err, VOX_E_ARG, "the number of threads must be 1 to %d, not %d",
                        VOX_POOL_MAX_THREADS, threads);
    }
    struct vox_pool *pool = vox_calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = threads;
    pool->workers = vox_calloc((size_t)threads, sizeof(*pool->workers));
    if (pool->workers == NULL) {
        vox_pool_free(pool);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->lane.index = i;
        int number = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (number != 0) {
            vox_pool_free(pool);
            return vox_fail_sys(err, VOX_E_NOMEM, number, "cannot start a compute thread");
        }
        pool->started++;
    }
    *out = pool;
    return VOX_OK;
}

void vox_pool_free(struct vox_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->started; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        vox_free(pool->workers[i].lane.memory);
    }
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->turn);
    vox_free(pool->workers);
    vox_free(pool);
}

int vox_pool_threads(const struct vox_pool *pool)
{
    return pool->threads;
}

enum vox_code vox_pool_reserve(struct vox_pool *pool, size_t floats, struct vox_err *err)
{
    size_t bytes;
    if (!vox_add(floats, TAKE_UNIT, &floats) ||
        !vox_mul(floats / TAKE_UNIT * TAKE_UNIT, sizeof(float), &bytes)) {
        return vox_fail(err, VOX_E_LIMIT,
                        "the scratch memory of a shape is beyond the address space");
    }
    floats = floats / TAKE_UNIT * TAKE_UNIT;
    pthread_mutex_lock(&pool->turn);
    enum vox_code code = VOX_OK;
    for (int i = 0; i < pool->threads && code == VOX_OK; i++) {
        struct vox_lane *lane = &pool->workers[i].lane;
        if (lane->size >= floats) {
            continue;
        }
        float *memory = vox_alloc(bytes);
        if (memory == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        } else {
            vox_free(lane->memory);
            lane->memory = memory;
            lane->size = floats;
        }
    }
    pthread_mutex_unlock(&pool->turn);
    return code;
}

enum vox_code vox_pool_run(struct vox_pool *pool, int64_t tiles, vox_tile_fn fn, void *context,
                           struct vox_err *err)
{
    if (tiles <= 0) {
        return VOX_OK;
    }
    pthread_mutex_lock(&pool->turn);
    pthread_mutex_lock(&pool->lock);
    pool->fn = fn;
    pool->context = context;
    pool->tiles = tiles;
    pool->code = VOX_OK;
    pool->running = pool->threads;
    atomic_store(&pool->failed, false);
    atomic_store(&pool->next, 0);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->work);
    while (pool->running > 0) {
        pthread_cond_wait(&pool->done, &pool->lock);
    }
    enum vox_code code = pool->code;
    if (code != VOX_OK && err != NULL) {
        *err = pool->err;
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&pool->turn);
    return code;
}
