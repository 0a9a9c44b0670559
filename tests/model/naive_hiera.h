/* A block of the Hiera trunk as plain loops in double, on maps in raster order, in the order of the
 * reference (modeling/backbones/hieradet.py): windows are cut after the norm and padded with zero
 * tokens. */
#ifndef VOX_TESTS_NAIVE_HIERA_H
#define VOX_TESTS_NAIVE_HIERA_H

#include "model/hiera_block.h"
#include "support/naive.h"

/* x is side x side tokens of shape->in channels; the result, side (or half of it, where pooled)
 * squared tokens of shape->out, lives until naive_release. window 0: no windows, whatever
 * shape->global says. */
double *naive_hiera_block(const struct vox_weights *weights, const char *prefix,
                          const struct vox_block_shape *shape, int64_t side, int64_t window,
                          const double *x);

#endif
