/* The two resizing kernels of torch.nn.functional.interpolate(mode="bilinear",
 * align_corners=False) that the network uses, in its float32 arithmetic. */
#ifndef VOX_MODEL_RESIZE_H
#define VOX_MODEL_RESIZE_H

#include <stdint.h>

#include "util/error.h"

/* One output sample along an axis: (1 - weight) * in[first] + weight * in[second]. */
struct vox_bilinear {
    int64_t first, second;
    float weight;
};

/* Fills the `out` entries of an axis of `in` samples resized to `out` samples, without
 * antialiasing. */
void vox_bilinear_axis(int64_t in, int64_t out, struct vox_bilinear *axis);

/* One row of `width` samples of the resized map: `y` is its entry of the vertical axis, `x` the
 * horizontal axis; in has rows of in_width samples. */
void vox_bilinear_row(const float *in, int64_t in_width, const struct vox_bilinear *y,
                      const struct vox_bilinear *x, int64_t width, float *out);

/* Resizes with antialias=True: in (in_height x in_width) to out (height x width). */
enum vox_code vox_resize_antialias(const float *in, int64_t in_height, int64_t in_width, float *out,
                                   int64_t height, int64_t width, struct vox_err *err) VOX_MUST_USE;

#endif
