#include "tensor/plan.h"

#include <math.h>

static float activated(enum vox_activation activation, float value)
{
    switch (activation) {
    case VOX_ACT_NONE:
        break;
    case VOX_ACT_RELU:
        return value < 0 ? 0.0F : value; /* NaN stays */
    case VOX_ACT_GELU:
        return 0.5F * value * (1.0F + erff(value * 0.70710678F));
    }
    return value;
}

static void activate(enum vox_activation activation, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++) {
        x[i] = activated(activation, x[i]);
    }
}

static void layer_norm_row(int64_t columns, const float *x, const float *gamma, const float *beta,
                           float eps, enum vox_activation activation, float *y)
{
    double sum = 0;
    for (int64_t i = 0; i < columns; i++) {
        sum += (double)x[i];
    }
    double mean = sum / (double)columns;
    double squares = 0;
    for (int64_t i = 0; i < columns; i++) {
        double away = (double)x[i] - mean;
        squares += away * away;
    }
    double factor = 1 / sqrt(squares / (double)columns + (double)eps);
    for (int64_t i = 0; i < columns; i++) {
        float normal = (float)(((double)x[i] - mean) * factor);
        y[i] = activated(activation, normal * gamma[i] + beta[i]);
    }
}

static void layer_norm(int64_t rows, int64_t columns, const float *x, int64_t ld_x,
                       const float *gamma, const float *beta, float eps,
                       enum vox_activation activation, float *y, int64_t ld_y)
{
    for (int64_t row = 0; row < rows; row++) {
        layer_norm_row(columns, x + row * ld_x, gamma, beta, eps, activation, y + row * ld_y);
    }
}

static void axpy(int64_t n, float a, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] += a * x[i];
    }
}

static void scale(int64_t n, float a, float *x)
{
    for (int64_t i = 0; i < n; i++) {
        x[i] *= a;
    }
}

static void rotate(int64_t rows, int64_t columns, float *x, int64_t ld_x, const float *cosines,
                   const float *sines)
{
    int64_t pairs = columns / 2;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < pairs; i++) {
            float *pair = x + row * ld_x + 2 * i;
            float c = cosines[row * pairs + i];
            float s = sines[row * pairs + i];
            float a = pair[0];
            float b = pair[1];
            pair[0] = a * c - b * s;
            pair[1] = a * s + b * c;
        }
    }
}

/* The larger one; NaN if either is. */
static float larger(float a, float b)
{
    return a > b || isnan(a) ? a : b;
}

static void max_pool(int64_t h, int64_t w, int64_t columns, const float *x, int64_t ld_x, float *y,
                     int64_t ld_y)
{
    for (int64_t row = 0; row < h; row++) {
        for (int64_t column = 0; column < w; column++) {
            const float *top = x + (2 * row * 2 * w + 2 * column) * ld_x;
            const float *bottom = top + 2 * w * ld_x;
            float *to = y + (row * w + column) * ld_y;
            for (int64_t i = 0; i < columns; i++) {
                to[i] = larger(larger(top[i], top[ld_x + i]), larger(bottom[i], bottom[ld_x + i]));
            }
        }
    }
}

static float depthwise_one(int64_t h, int64_t w, int64_t columns, int64_t kernel, const float *x,
                           const float *weight, int64_t y, int64_t at, int64_t channel)
{
    float sum = 0;
    for (int64_t ky = 0; ky < kernel; ky++) {
        for (int64_t kx = 0; kx < kernel; kx++) {
            int64_t from_y = y + ky - kernel / 2;
            int64_t from_x = at + kx - kernel / 2;
            if (from_y >= 0 && from_y < h && from_x >= 0 && from_x < w) {
                sum += x[(from_y * w + from_x) * columns + channel] *
                       weight[(ky * kernel + kx) * columns + channel];
            }
        }
    }
    return sum;
}

static void depthwise(int64_t h, int64_t w, int64_t columns, int64_t kernel, const float *x,
                      const float *weight, const float *bias, int64_t y0, int64_t y1, float *out)
{
    for (int64_t y = y0; y < y1; y++) {
        for (int64_t at = 0; at < w; at++) {
            float *to = out + ((y - y0) * w + at) * columns;
            for (int64_t i = 0; i < columns; i++) {
                to[i] = bias[i] + depthwise_one(h, w, columns, kernel, x, weight, y, at, i);
            }
        }
    }
}

static float dot(int64_t n, const float *a, const float *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return (float)sum;
}

/* Where every score so far is -INFINITY the maximum is too; 0 in its place makes all weights 0, not
 * NaN. */
static float finite_max(float max)
{
    return max == -INFINITY ? 0.0F : max;
}

static void softmax_step(int64_t rows, int64_t columns, float *scores, int64_t ld, float scale,
                         float last_bias, float *running_max, float *running_sum, float *rescale)
{
    for (int64_t row = 0; row < rows; row++) {
        float *s = scores + row * ld;
        float max = running_max[row];
        for (int64_t i = 0; i < columns; i++) {
            s[i] = s[i] * scale + (i == columns - 1 ? last_bias : 0.0F);
            max = larger(s[i], max);
        }
        float base = finite_max(max);
        double sum = 0;
        for (int64_t i = 0; i < columns; i++) {
            s[i] = expf(s[i] - base);
            sum += (double)s[i];
        }
        rescale[row] =
            running_max[row] == max && max != -INFINITY ? 1.0F : expf(running_max[row] - base);
        running_sum[row] = running_sum[row] * rescale[row] + (float)sum;
        running_max[row] = max;
    }
}

static const struct vox_row_ops ops = {
    .name = "ref",
    .layer_norm = layer_norm,
    .activate = activate,
    .axpy = axpy,
    .scale = scale,
    .rotate = rotate,
    .max_pool = max_pool,
    .depthwise = depthwise,
    .dot = dot,
    .softmax_step = softmax_step,
};

const struct vox_row_ops *vox_rows_ref(void)
{
    return &ops;
}
