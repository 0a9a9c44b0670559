#include "model/resize.h"

#include <string.h>

#include "util/memory.h"

void vox_bilinear_axis(int64_t in, int64_t out, struct vox_bilinear *axis)
{
    float scale = (float)in / (float)out;
    for (int64_t d = 0; d < out; d++) {
        float source = scale * ((float)d + 0.5F) - 0.5F;
        source = source < 0.0F ? 0.0F : source;
        int64_t first = (int64_t)source;
        first = first > in - 1 ? in - 1 : first;
        float weight = source - (float)first;
        weight = weight < 0.0F ? 0.0F : weight;
        axis[d].first = first;
        axis[d].second = first + 1 < in ? first + 1 : in - 1;
        axis[d].weight = weight > 1.0F ? 1.0F : weight;
    }
}

void vox_bilinear_row(const float *in, int64_t in_width, const struct vox_bilinear *y,
                      const struct vox_bilinear *x, int64_t width, float *out)
{
    const float *upper = in + y->first * in_width;
    const float *lower = in + y->second * in_width;
    float to_lower = y->weight;
    float to_upper = 1.0F - to_lower;
    for (int64_t i = 0; i < width; i++) {
        float right = x[i].weight;
        float left = 1.0F - right;
        float above = left * upper[x[i].first] + right * upper[x[i].second];
        float below = left * lower[x[i].first] + right * lower[x[i].second];
        out[i] = to_upper * above + to_lower * below;
    }
}

/* The samples and weights of one axis: entry d takes `count[d]` samples from first[d] on, with
 * weights[d * most ...]. */
struct kernel {
    int64_t most;
    int64_t *first, *count;
    float *weights;
};

static void kernel_fini(struct kernel *kernel)
{
    vox_free(kernel->first);
    vox_free(kernel->count);
    vox_free(kernel->weights);
}

static void kernel_fill(struct kernel *kernel, int64_t in, int64_t out)
{
    float scale = (float)in / (float)out;
    float support = scale >= 1.0F ? scale : 1.0F;
    float inverse = scale >= 1.0F ? 1.0F / scale : 1.0F;
    for (int64_t d = 0; d < out; d++) {
        float centre = scale * ((float)d + 0.5F);
        int64_t low = (int64_t)(centre - support + 0.5F);
        int64_t high = (int64_t)(centre + support + 0.5F);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;
        high = high > low + kernel->most ? low + kernel->most : high;
        float *weights = kernel->weights + d * kernel->most;
        float total = 0;
        for (int64_t j = 0; j < high - low; j++) {
            float distance = ((float)(j + low) - centre + 0.5F) * inverse;
            distance = distance < 0 ? -distance : distance;
            weights[j] = distance < 1.0F ? 1.0F - distance : 0.0F;
            total += weights[j];
        }
        for (int64_t j = 0; j < high - low; j++) {
            weights[j] /= total;
        }
        kernel->first[d] = low;
        kernel->count[d] = high - low;
    }
}

static enum vox_code kernel_init(struct kernel *kernel, int64_t in, int64_t out,
                                 struct vox_err *err)
{
    *kernel = (struct kernel){.most = 2 * (in / out + 1) + 2};
    size_t values;
    if (!vox_mul((size_t)out, (size_t)kernel->most, &values)) {
        return vox_fail(err, VOX_E_LIMIT, "a mask is too large to resize");
    }
    kernel->first = vox_calloc((size_t)out, sizeof(*kernel->first));
    kernel->count = vox_calloc((size_t)out, sizeof(*kernel->count));
    kernel->weights = vox_calloc(values, sizeof(*kernel->weights));
    if (kernel->first == NULL || kernel->count == NULL || kernel->weights == NULL) {
        kernel_fini(kernel);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    kernel_fill(kernel, in, out);
    return VOX_OK;
}

static void resize_rows(const struct kernel *x, const float *in, int64_t rows, int64_t in_width,
                        float *out, int64_t width)
{
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t d = 0; d < width; d++) {
            const float *from = in + row * in_width + x->first[d];
            const float *weights = x->weights + d * x->most;
            float sum = 0;
            for (int64_t j = 0; j < x->count[d]; j++) {
                sum += from[j] * weights[j];
            }
            out[row * width + d] = sum;
        }
    }
}

static void resize_columns(const struct kernel *y, const float *in, int64_t width, float *out,
                           int64_t height)
{
    for (int64_t d = 0; d < height; d++) {
        float *to = out + d * width;
        memset(to, 0, (size_t)width * sizeof(*to));
        for (int64_t j = 0; j < y->count[d]; j++) {
            const float *from = in + (y->first[d] + j) * width;
            float weight = y->weights[d * y->most + j];
            for (int64_t i = 0; i < width; i++) {
                to[i] += from[i] * weight;
            }
        }
    }
}

enum vox_code vox_resize_antialias(const float *in, int64_t in_height, int64_t in_width, float *out,
                                   int64_t height, int64_t width, struct vox_err *err)
{
    struct kernel x = {0};
    struct kernel y = {0};
    float *between = NULL;
    enum vox_code code = kernel_init(&x, in_width, width, err);
    if (code == VOX_OK) {
        code = kernel_init(&y, in_height, height, err);
        if (code == VOX_OK) {
            between = vox_calloc((size_t)in_height, (size_t)width * sizeof(*between));
            if (between == NULL) {
                code = vox_fail(err, VOX_E_NOMEM, "out of memory");
            } else {
                resize_rows(&x, in, in_height, in_width, between, width);
                resize_columns(&y, between, width, out, height);
            }
            vox_free(between);
            kernel_fini(&y);
        }
        kernel_fini(&x);
    }
    return code;
}
