/* Resizing of one grey 8-bit slice as Pillow does it (src/libImaging/Resample.c, Image.resize
 * without a filter argument: bicubic, a = -0.5, widened when it shrinks), bit for bit: rows first,
 * as in the releases of MedSAM2's days. (Since 12.3 Pillow does columns first for some slices that
 * become much lower, which rounds differently.) */
#ifndef VOX_PIPELINE_SLICE_RESIZE_H
#define VOX_PIPELINE_SLICE_RESIZE_H

#include <stdint.h>

#include "util/error.h"

enum { VOX_RESIZE_MAX_SIDE = 1 << 16 };

/* The coefficients of both axes and a buffer between the two passes; belongs to one thread at a
 * time. */
struct vox_slice_resize;

/* Plans in_width x in_height -> out_width x out_height pixels, each side 1 ... VOX_RESIZE_MAX_SIDE;
 * VOX_E_LIMIT beyond it. The caller owns *out. */
enum vox_code vox_slice_resize_new(int64_t in_width, int64_t in_height, int64_t out_width,
                                   int64_t out_height, struct vox_slice_resize **out,
                                   struct vox_err *err) VOX_MUST_USE;
void vox_slice_resize_free(struct vox_slice_resize *resize); /* NULL is allowed */

/* Resizes a row-major slice; `in` and `out` must not overlap. Neither allocates nor fails. */
void vox_slice_resize_run(struct vox_slice_resize *resize, const uint8_t *in, uint8_t *out);

/* For tests: the first input pixel and the fixed-point weights (22 fractional bits, *n of them,
 * borrowed) of output pixel d along an axis (0: width, 1: height). NULL where the axis keeps its
 * size. */
const int32_t *vox_slice_resize_weights(const struct vox_slice_resize *resize, int axis, int64_t d,
                                        int64_t *first, int64_t *n);

#endif
