#include "pipeline/slice_resize.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "util/memory.h"

enum { FRACTION_BITS = 32 - 8 - 2 };

/* Where an output pixel's weights are. */
struct span {
    int32_t first; /* input pixel of the first weight */
    int32_t n;
};

struct axis {
    int64_t in, out;
    int64_t stride; /* weights kept per output pixel */
    struct span *spans;
    int32_t *weights; /* NULL where in == out: the pass is left out */
};

struct vox_slice_resize {
    struct axis axes[2];
    uint8_t *between; /* out width x in height, where both passes run */
};

/* Keys' cubic convolution kernel, written with Pillow's order of operations. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    }
    if (x < 2.0) {
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    }
    return 0.0;
}

static int32_t fixed_point(double weight)
{
    const double one = (double)(1 << FRACTION_BITS);
    return (int32_t)(weight * one + (weight < 0.0 ? -0.5 : 0.5));
}

static void fill_pixel(struct axis *axis, int64_t d, double scale, double *work)
{
    double widening = scale < 1.0 ? 1.0 : scale;
    double support = 2.0 * widening;
    double centre = ((double)d + 0.5) * scale;
    int64_t first = (int64_t)(centre - support + 0.5);
    int64_t end = (int64_t)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > axis->in ? axis->in : end;
    double sum = 0.0;
    for (int64_t j = 0; j < end - first; j++) {
        double w = bicubic(((double)(j + first) - centre + 0.5) * (1.0 / widening));
        work[j] = w;
        sum += w;
    }
    axis->spans[d] = (struct span){(int32_t)first, (int32_t)(end - first)};
    for (int64_t j = 0; j < end - first; j++) {
        axis->weights[d * axis->stride + j] = fixed_point(sum == 0.0 ? work[j] : work[j] / sum);
    }
}

/* Plans one axis; false where there is no memory. */
static bool axis_plan(struct axis *axis, int64_t in, int64_t out)
{
    axis->in = in;
    axis->out = out;
    if (in == out) {
        return true;
    }
    double scale = (double)in / (double)out;
    axis->stride = (int64_t)ceil(2.0 * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
    size_t weights;
    if (!vox_mul((size_t)out, (size_t)axis->stride, &weights)) {
        return false;
    }
    axis->spans = vox_calloc((size_t)out, sizeof(*axis->spans));
    axis->weights = vox_calloc(weights, sizeof(*axis->weights));
    double *work = vox_calloc((size_t)axis->stride, sizeof(*work));
    bool made = axis->spans != NULL && axis->weights != NULL && work != NULL;
    for (int64_t d = 0; made && d < out; d++) {
        fill_pixel(axis, d, scale, work);
    }
    vox_free(work);
    return made;
}

enum vox_code vox_slice_resize_new(int64_t in_width, int64_t in_height, int64_t out_width,
                                   int64_t out_height, struct vox_slice_resize **out,
                                   struct vox_err *err)
{
    const int64_t sides[4] = {in_width, in_height, out_width, out_height};
    for (int i = 0; i < 4; i++) {
        if (sides[i] < 1 || sides[i] > VOX_RESIZE_MAX_SIDE) {
            return vox_fail(err, VOX_E_LIMIT, "a slice's side must be 1 to %d pixels, not %lld",
                            VOX_RESIZE_MAX_SIDE, (long long)sides[i]);
        }
    }
    struct vox_slice_resize *resize = vox_calloc(1, sizeof(*resize));
    if (resize == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    bool made = axis_plan(&resize->axes[0], in_width, out_width) &&
                axis_plan(&resize->axes[1], in_height, out_height);
    if (made && resize->axes[0].weights != NULL && resize->axes[1].weights != NULL) {
        resize->between = vox_alloc((size_t)out_width * (size_t)in_height);
        made = resize->between != NULL;
    }
    if (!made) {
        vox_slice_resize_free(resize);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = resize;
    return VOX_OK;
}

void vox_slice_resize_free(struct vox_slice_resize *resize)
{
    if (resize == NULL) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        vox_free(resize->axes[i].spans);
        vox_free(resize->axes[i].weights);
    }
    vox_free(resize->between);
    vox_free(resize);
}

/* Sum of n pixels, `step` apart, with their weights, rounded and clamped. The weights' absolute
 * values sum to less than 2, so the sum fits. */
static uint8_t weigh(const uint8_t *pixels, int64_t step, const int32_t *weights, int32_t n)
{
    int32_t sum = 1 << (FRACTION_BITS - 1);
    for (int32_t j = 0; j < n; j++) {
        sum += pixels[j * step] * weights[j];
    }
    if (sum < 0) {
        return 0;
    }
    int32_t value = sum >> FRACTION_BITS;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void resize_rows(const struct axis *axis, int64_t rows, const uint8_t *in, uint8_t *out)
{
    for (int64_t y = 0; y < rows; y++) {
        for (int64_t d = 0; d < axis->out; d++) {
            struct span span = axis->spans[d];
            out[y * axis->out + d] =
                weigh(in + y * axis->in + span.first, 1, axis->weights + d * axis->stride, span.n);
        }
    }
}

static void resize_columns(const struct axis *axis, int64_t width, const uint8_t *in, uint8_t *out)
{
    for (int64_t d = 0; d < axis->out; d++) {
        struct span span = axis->spans[d];
        for (int64_t x = 0; x < width; x++) {
            out[d * width + x] =
                weigh(in + span.first * width + x, width, axis->weights + d * axis->stride, span.n);
        }
    }
}

void vox_slice_resize_run(struct vox_slice_resize *resize, const uint8_t *in, uint8_t *out)
{
    const struct axis *across = &resize->axes[0], *down = &resize->axes[1];
    if (across->weights == NULL && down->weights == NULL) {
        memcpy(out, in, (size_t)across->in * (size_t)down->in);
    } else if (down->weights == NULL) {
        resize_rows(across, down->in, in, out);
    } else if (across->weights == NULL) {
        resize_columns(down, across->out, in, out);
    } else {
        resize_rows(across, down->in, in, resize->between);
        resize_columns(down, across->out, resize->between, out);
    }
}

const int32_t *vox_slice_resize_weights(const struct vox_slice_resize *resize, int axis, int64_t d,
                                        int64_t *first, int64_t *n)
{
    const struct axis *of = &resize->axes[axis];
    if (of->weights == NULL) {
        return NULL;
    }
    *first = of->spans[d].first;
    *n = of->spans[d].n;
    return of->weights + d * of->stride;
}
