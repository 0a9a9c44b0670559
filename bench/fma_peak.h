/* The most f32 arithmetic that this machine does: independent fused multiply-adds in registers. */
#ifndef VOX_BENCH_FMA_PEAK_H
#define VOX_BENCH_FMA_PEAK_H

#include "tensor/pool.h"

/* GFLOP/s of all the pool's threads together (a multiply-add counts two), the best of a few runs;
 * *isa gets the name of the instructions used. 0 where the run failed. */
double vox_fma_peak(struct vox_pool *pool, const char **isa);

/* Seconds of a clock that only runs forward. */
double vox_seconds(void);

#endif
