/* Row kernels in vectors. Compiled once per instruction set, with VOX_ROWS_ISA naming it: sse2,
 * avx2 or avx512. */
#include "tensor/simd/rows_variants.h"

#include <math.h>

#include "tensor/simd/rows_vector.h"

/* e^x for x <= 0 within 2 units in the last place; 0 below the smallest normal number's logarithm;
 * NaN stays. The argument is split as n ln 2 + r with |r| <= ln 2 / 2, and e^r is 1 + r + r^2 p(r),
 * p as in the Cephes library. */
VOX_LANE_FN vec exp_not_positive(vec x)
{
    const vec low = v_all(-87.33F);
    const vec to_integer = v_all(12582912.0F); /* 1.5 * 2^23: adding it rounds to an integer */
    vec clamped = v_max(low, x);
    vec shifted = v_fma(clamped, v_all(1.44269504F), to_integer);
    vec n = shifted - to_integer;
    vec r = v_fma(n, v_all(-0.693359375F), clamped);
    r = v_fma(n, v_all(2.12194440e-4F), r);
    vec p = v_fma(v_all(1.9875691500e-4F), r, v_all(1.3981999507e-3F));
    p = v_fma(p, r, v_all(8.3334519073e-3F));
    p = v_fma(p, r, v_all(4.1665795894e-2F));
    p = v_fma(p, r, v_all(1.6666665459e-1F));
    p = v_fma(p, r, v_all(5.0000001201e-1F));
    vec e = v_fma(p, r * r, r) + v_all(1.0F);
    return v_zero_below(e * v_power_of_two(shifted), x, low);
}

/* gelu(x) = max(x, 0) - a Q(a) with a = |x| and Q the upper tail of the normal distribution. Q(a)
 * e^(a^2 / 2) is a polynomial in t = 1 / (1 + 0.23 a), fitted for the smallest relative error on 0
 * ... 13 (1.4e-7). No subtraction of nearly equal numbers occurs, so small x and the far left tail
 * are right too. */
VOX_LANE_FN vec gelu(vec x)
{
    const vec far = v_all(20.0F); /* the tail is 0 in float from about 13 on */
    vec a = v_min(far, v_abs(x));
    vec t = v_all(1.0F) / v_fma(a, v_all(0.23F), v_all(1.0F));
    vec q = v_fma(v_all(-0.0738811716F), t, v_all(0.26884371F));
    q = v_fma(q, t, v_all(-0.23497428F));
    q = v_fma(q, t, v_all(0.253587127F));
    q = v_fma(q, t, v_all(-0.00072693784F));
    q = v_fma(q, t, v_all(0.106101513F));
    q = v_fma(q, t, v_all(0.0891423747F));
    q = v_fma(q, t, v_all(0.0919077247F));
    vec tail = q * t * exp_not_positive(a * a * v_all(-0.5F));
    return v_max(v_all(0.0F), x) - a * tail;
}

VOX_LANE_FN vec activated(enum vox_activation activation, vec x)
{
    if (activation == VOX_ACT_RELU) {
        return v_max(v_all(0.0F), x); /* in this order NaN stays */
    }
    return activation == VOX_ACT_GELU ? gelu(x) : x;
}

VOX_LANE_FN void activate_all(enum vox_activation activation, int64_t n, float *x)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v_store(x + i, activated(activation, v_load(x + i)));
    }
    if (i < n) {
        v_store_some(x + i, n - i, activated(activation, v_load_some(x + i, n - i, 0)));
    }
}

static void activate(enum vox_activation activation, int64_t n, float *x)
{
    if (activation == VOX_ACT_RELU) {
        activate_all(VOX_ACT_RELU, n, x);
    } else if (activation == VOX_ACT_GELU) {
        activate_all(VOX_ACT_GELU, n, x);
    }
}

static float row_mean(int64_t columns, const float *x)
{
    vec even = v_all(0);
    vec odd = v_all(0);
    int64_t i = 0;
    for (; i + 2 * LANES <= columns; i += 2 * LANES) {
        even += v_load(x + i);
        odd += v_load(x + i + LANES);
    }
    for (; i + LANES <= columns; i += LANES) {
        even += v_load(x + i);
    }
    if (i < columns) {
        odd += v_load_some(x + i, columns - i, 0);
    }
    return v_sum(even + odd) / (float)columns;
}

static float row_variance(int64_t columns, const float *x, float mean)
{
    vec even = v_all(0);
    vec odd = v_all(0);
    vec center = v_all(mean);
    int64_t i = 0;
    for (; i + 2 * LANES <= columns; i += 2 * LANES) {
        vec a = v_load(x + i) - center;
        vec b = v_load(x + i + LANES) - center;
        even = v_fma(a, a, even);
        odd = v_fma(b, b, odd);
    }
    for (; i + LANES <= columns; i += LANES) {
        vec a = v_load(x + i) - center;
        even = v_fma(a, a, even);
    }
    if (i < columns) {
        vec a = v_load_some(x + i, columns - i, mean) - center;
        odd = v_fma(a, a, odd);
    }
    return v_sum(even + odd) / (float)columns;
}

static void layer_norm(int64_t rows, int64_t columns, const float *x, int64_t ld_x,
                       const float *gamma, const float *beta, float eps,
                       enum vox_activation activation, float *y, int64_t ld_y)
{
    for (int64_t row = 0; row < rows; row++, x += ld_x, y += ld_y) {
        float mean = row_mean(columns, x);
        vec center = v_all(mean);
        vec factor = v_all(1.0F / sqrtf(row_variance(columns, x, mean) + eps));
        int64_t i = 0;
        for (; i + LANES <= columns; i += LANES) {
            vec normal = (v_load(x + i) - center) * factor;
            v_store(y + i, v_fma(normal, v_load(gamma + i), v_load(beta + i)));
        }
        if (i < columns) {
            int64_t n = columns - i;
            vec normal = (v_load_some(x + i, n, 0) - center) * factor;
            vec scaled = v_fma(normal, v_load_some(gamma + i, n, 0), v_load_some(beta + i, n, 0));
            v_store_some(y + i, n, scaled);
        }
        activate(activation, columns, y);
    }
}

static void axpy(int64_t n, float a, const float *x, float *y)
{
    vec factor = v_all(a);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v_store(y + i, v_fma(factor, v_load(x + i), v_load(y + i)));
    }
    if (i < n) {
        vec sum = v_fma(factor, v_load_some(x + i, n - i, 0), v_load_some(y + i, n - i, 0));
        v_store_some(y + i, n - i, sum);
    }
}

static void scale(int64_t n, float a, float *x)
{
    vec factor = v_all(a);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v_store(x + i, factor * v_load(x + i));
    }
    if (i < n) {
        v_store_some(x + i, n - i, factor * v_load_some(x + i, n - i, 0));
    }
}

static void rotate(int64_t rows, int64_t columns, float *x, int64_t ld_x, const float *cosines,
                   const float *sines)
{
    int64_t pairs = columns / 2;
    for (int64_t row = 0; row < rows; row++, x += ld_x, cosines += pairs, sines += pairs) {
        int64_t i = 0;
        for (; i + LANES / 2 <= pairs; i += LANES / 2) {
            v_store(x + 2 * i, v_rotate(v_load(x + 2 * i), cosines + i, sines + i));
        }
        for (; i < pairs; i++) {
            float a = x[2 * i];
            float b = x[2 * i + 1];
            x[2 * i] = a * cosines[i] - b * sines[i];
            x[2 * i + 1] = a * sines[i] + b * cosines[i];
        }
    }
}

/* One output token from the four input tokens whose upper left one is `top`; `below` is the
 * distance to the lower. */
static void max_of_four(int64_t columns, const float *top, int64_t right, int64_t below, float *y)
{
    int64_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
        const float *at = top + i;
        vec upper = v_max_or_nan(v_load(at), v_load(at + right));
        vec lower = v_max_or_nan(v_load(at + below), v_load(at + below + right));
        v_store(y + i, v_max_or_nan(upper, lower));
    }
    if (i < columns) {
        const float *at = top + i;
        int64_t n = columns - i;
        vec upper = v_max_or_nan(v_load_some(at, n, 0), v_load_some(at + right, n, 0));
        vec lower =
            v_max_or_nan(v_load_some(at + below, n, 0), v_load_some(at + below + right, n, 0));
        v_store_some(y + i, n, v_max_or_nan(upper, lower));
    }
}

static void max_pool(int64_t h, int64_t w, int64_t columns, const float *x, int64_t ld_x, float *y,
                     int64_t ld_y)
{
    for (int64_t row = 0; row < h; row++) {
        for (int64_t at = 0; at < w; at++) {
            const float *top = x + (2 * row * 2 * w + 2 * at) * ld_x;
            max_of_four(columns, top, ld_x, 2 * w * ld_x, y + (row * w + at) * ld_y);
        }
    }
}

/* The taps of one output token that lie inside the image. */
struct taps {
    int64_t n_y, n_x;
    const float *x; /* of the first tap, channel 0 */
    const float *weight;
    int64_t x_down, weight_down; /* to the next row of taps, in floats */
    int64_t columns;             /* to the next tap of a row, in both */
};

static struct taps taps_of(int64_t h, int64_t w, int64_t columns, int64_t kernel, int64_t y,
                           int64_t at, const float *x, const float *weight)
{
    int64_t half = kernel / 2;
    int64_t y0 = y < half ? half - y : 0;
    int64_t x0 = at < half ? half - at : 0;
    struct taps taps = {
        .n_y = (y + half < h ? kernel : h + half - y) - y0,
        .n_x = (at + half < w ? kernel : w + half - at) - x0,
        .x = x + ((y + y0 - half) * w + at + x0 - half) * columns,
        .weight = weight + (y0 * kernel + x0) * columns,
        .x_down = w * columns,
        .weight_down = kernel * columns,
        .columns = columns,
    };
    return taps;
}

/* Four vectors of channels from `channel` on, so that four sums run side by side. */
static void convolve_four(const struct taps *taps, int64_t channel, const float *bias, float *out)
{
    vec a = v_load(bias + channel);
    vec b = v_load(bias + channel + LANES);
    vec c = v_load(bias + channel + 2 * LANES);
    vec d = v_load(bias + channel + 3 * LANES);
    for (int64_t ky = 0; ky < taps->n_y; ky++) {
        const float *p = taps->x + ky * taps->x_down + channel;
        const float *q = taps->weight + ky * taps->weight_down + channel;
        for (int64_t kx = 0; kx < taps->n_x; kx++, p += taps->columns, q += taps->columns) {
            a = v_fma(v_load(p), v_load(q), a);
            b = v_fma(v_load(p + LANES), v_load(q + LANES), b);
            c = v_fma(v_load(p + 2 * LANES), v_load(q + 2 * LANES), c);
            d = v_fma(v_load(p + 3 * LANES), v_load(q + 3 * LANES), d);
        }
    }
    v_store(out + channel, a);
    v_store(out + channel + LANES, b);
    v_store(out + channel + 2 * LANES, c);
    v_store(out + channel + 3 * LANES, d);
}

/* n <= LANES channels from `channel` on. */
static void convolve_some(const struct taps *taps, int64_t channel, int64_t n, const float *bias,
                          float *out)
{
    vec sum = v_load_some(bias + channel, n, 0);
    for (int64_t ky = 0; ky < taps->n_y; ky++) {
        const float *p = taps->x + ky * taps->x_down + channel;
        const float *q = taps->weight + ky * taps->weight_down + channel;
        for (int64_t kx = 0; kx < taps->n_x; kx++, p += taps->columns, q += taps->columns) {
            sum = v_fma(v_load_some(p, n, 0), v_load_some(q, n, 0), sum);
        }
    }
    v_store_some(out + channel, n, sum);
}

/* Channels outside, tokens inside: the weights of four vectors of channels stay in the cache for a
 * row of tokens. */
static void depthwise(int64_t h, int64_t w, int64_t columns, int64_t kernel, const float *x,
                      const float *weight, const float *bias, int64_t y0, int64_t y1, float *out)
{
    for (int64_t y = y0; y < y1; y++, out += w * columns) {
        int64_t n;
        for (int64_t channel = 0; channel < columns; channel += n) {
            int64_t left = columns - channel;
            n = left >= 4 * LANES ? 4 * LANES : left < LANES ? left : LANES;
            for (int64_t at = 0; at < w; at++) {
                struct taps taps = taps_of(h, w, columns, kernel, y, at, x, weight);
                float *to = out + at * columns;
                if (n == 4 * LANES) {
                    convolve_four(&taps, channel, bias, to);
                } else {
                    convolve_some(&taps, channel, n, bias, to);
                }
            }
        }
    }
}

static float dot(int64_t n, const float *a, const float *b)
{
    vec even = v_all(0);
    vec odd = v_all(0);
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        even = v_fma(v_load(a + i), v_load(b + i), even);
        odd = v_fma(v_load(a + i + LANES), v_load(b + i + LANES), odd);
    }
    for (; i < n; i += LANES) {
        int64_t some = n - i < LANES ? n - i : LANES;
        even = v_fma(v_load_some(a + i, some, 0), v_load_some(b + i, some, 0), even);
    }
    return v_sum(even + odd);
}

/* Multiplies n scores by `scale` in place; the largest of them and `max`. */
static float scale_scores(int64_t n, float *s, float scale, float max)
{
    vec factor = v_all(scale);
    vec largest = v_all(max);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec scaled = v_load(s + i) * factor;
        v_store(s + i, scaled);
        largest = v_max(scaled, largest);
    }
    max = v_largest(largest);
    for (; i < n; i++) {
        s[i] *= scale;
        max = s[i] > max ? s[i] : max;
    }
    return max;
}

/* s = exp(s - base) in place; the sum. */
static float exponentiate(int64_t n, float *s, float base)
{
    vec shift = v_all(base);
    vec sum = v_all(0);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec weight = exp_not_positive(v_load(s + i) - shift);
        v_store(s + i, weight);
        sum += weight;
    }
    if (i < n) {
        vec weight = exp_not_positive(v_load_some(s + i, n - i, -INFINITY) - shift);
        v_store_some(s + i, n - i, weight);
        sum += weight;
    }
    return v_sum(sum);
}

static void softmax_step(int64_t rows, int64_t columns, float *scores, int64_t ld, float scale,
                         float last_bias, float *running_max, float *running_sum, float *rescale)
{
    for (int64_t row = 0; row < rows; row++, scores += ld) {
        float old_max = running_max[row];
        float max = scale_scores(columns - 1, scores, scale, old_max);
        float last = scores[columns - 1] * scale + last_bias;
        scores[columns - 1] = last;
        max = last > max ? last : max;
        /* Where every score so far is -INFINITY, 0 in place of the maximum makes all weights 0, not
         * NaN. */
        float base = max == -INFINITY ? 0.0F : max;
        float sum = exponentiate(columns, scores, base);
        float factor = old_max == max && max != -INFINITY ? 1.0F : expf(old_max - base);
        rescale[row] = factor;
        running_sum[row] = running_sum[row] * factor + sum;
        running_max[row] = max;
    }
}

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

static const struct vox_row_ops ops = {
    .name = TEXT(VOX_ROWS_ISA),
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

const struct vox_row_ops *JOIN(vox_rows_, VOX_ROWS_ISA)(void)
{
    return &ops;
}
