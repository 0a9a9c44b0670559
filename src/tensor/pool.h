/* The compute threads. Work is cut into tiles whose size depends on the shape alone, and each tile
 * is computed by one thread with single-threaded kernels, so the same inputs give the same bits for
 * any number of threads. */
#ifndef VOX_TENSOR_POOL_H
#define VOX_TENSOR_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum { VOX_POOL_MAX_THREADS = 1024 };

struct vox_pool;

/* What one thread owns while it computes a tile. Belongs to that thread until the tile function
 * returns. */
struct vox_lane {
    int index;     /* 0 ... threads - 1 */
    float *memory; /* scratch of vox_pool_reserve, 64-byte aligned */
    size_t size;   /* floats in it */
    size_t used;   /* floats taken by vox_lane_take; reset before every tile */
};

/* Computes one tile. Returning an error stops the run; tiles that have not begun are skipped. */
typedef enum vox_code (*vox_tile_fn)(void *context, int64_t tile, struct vox_lane *lane,
                                     struct vox_err *err);

/* Starts `threads` threads (1 ... VOX_POOL_MAX_THREADS). The caller owns *out. */
enum vox_code vox_pool_new(int threads, struct vox_pool **out, struct vox_err *err) VOX_MUST_USE;

/* Joins the threads and frees; NULL is allowed. No run may be under way. */
void vox_pool_free(struct vox_pool *pool);

int vox_pool_threads(const struct vox_pool *pool);

/* Gives every lane at least `floats` of scratch. Called while planning, never inside a run. */
enum vox_code vox_pool_reserve(struct vox_pool *pool, size_t floats,
                               struct vox_err *err) VOX_MUST_USE;

/* The next `floats` of a lane's scratch, 64-byte aligned, not cleared, valid until the tile ends.
 * That the scratch is large enough was settled by vox_pool_reserve; too little is a defect and ends
 * the process. */
float *vox_lane_take(struct vox_lane *lane, size_t floats);

/* Calls fn for every tile 0 ... tiles - 1 on the pool's threads and returns when all have ended.
 * The error of the lowest failing tile among those that ran is returned. Calls from several threads
 * take turns. fn must not call vox_pool_run. */
enum vox_code vox_pool_run(struct vox_pool *pool, int64_t tiles, vox_tile_fn fn, void *context,
                           struct vox_err *err) VOX_MUST_USE;

#endif
