#include "support/naive.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/builder.h"
#include "util/memory.h"

enum { MOST = 4096 };
static double *arrays[MOST];
static int n_arrays;

double *naive_copy(const float *from, int64_t n)
{
    double *values = vox_calloc((size_t)n, sizeof(*values));
    if (values == NULL || n_arrays == MOST) {
        fprintf(stderr, "naive: out of memory\n");
        exit(2);
    }
    for (int64_t i = 0; from != NULL && i < n; i++) {
        values[i] = (double)from[i];
    }
    arrays[n_arrays++] = values;
    return values;
}

void naive_release(void)
{
    while (n_arrays > 0) {
        vox_free(arrays[--n_arrays]);
    }
}

double *naive_tensor(const struct vox_weights *weights, const char *format, ...)
{
    char name[VOX_NAME_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    const struct vox_weight *weight = vox_weights_find(weights, name);
    const float *data;
    float *owned;
    struct vox_err err = {0};
    if (weight == NULL || vox_weight_f32(weight, &data, &owned, &err) != VOX_OK) {
        fprintf(stderr, "naive: no tensor %s\n", name);
        exit(2);
    }
    double *values = naive_copy(data, weight->numel);
    vox_free(owned);
    return values;
}

double *naive_linear(const struct vox_weights *weights, const char *name, int64_t rows, int64_t in,
                     int64_t out, const double *x)
{
    return naive_conv(weights, name, rows, in, out, 1, 0, 0, x);
}

void naive_norm(const struct vox_weights *weights, const char *name, int64_t rows, int64_t columns,
                double eps, double *x)
{
    const double *gamma = naive_tensor(weights, "%s.weight", name);
    const double *beta = naive_tensor(weights, "%s.bias", name);
    for (int64_t r = 0; r < rows; r++) {
        double *row = x + r * columns;
        double mean = 0;
        double variance = 0;
        for (int64_t i = 0; i < columns; i++) {
            mean += row[i] / (double)columns;
        }
        for (int64_t i = 0; i < columns; i++) {
            variance += (row[i] - mean) * (row[i] - mean) / (double)columns;
        }
        for (int64_t i = 0; i < columns; i++) {
            row[i] = (row[i] - mean) / sqrt(variance + eps) * gamma[i] + beta[i];
        }
    }
}

void naive_gelu(int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++) {
        x[i] = 0.5 * x[i] * (1 + erf(x[i] / sqrt(2)));
    }
}

void naive_relu(int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++) {
        x[i] = x[i] > 0 ? x[i] : 0;
    }
}

void naive_add(int64_t n, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

/* One output value of a convolution; weight is in x k x k. */
static double conv_at(const double *weight, int64_t side, int64_t in, int64_t k, int64_t top,
                      int64_t left, const double *x)
{
    double sum = 0;
    for (int64_t c = 0; c < in; c++) {
        for (int64_t t = 0; t < k * k; t++) {
            int64_t row = top + t / k;
            int64_t column = left + t % k;
            if (row >= 0 && row < side && column >= 0 && column < side) {
                sum += weight[c * k * k + t] * x[(row * side + column) * in + c];
            }
        }
    }
    return sum;
}

/* stride 0: `side` rows that are no map. */
double *naive_conv(const struct vox_weights *weights, const char *name, int64_t side, int64_t in,
                   int64_t out, int64_t k, int64_t stride, int64_t padding, const double *x)
{
    const double *weight = naive_tensor(weights, "%s.weight", name);
    const double *bias = naive_tensor(weights, "%s.bias", name);
    int64_t out_side = stride == 0 ? 1 : (side + 2 * padding - k) / stride + 1;
    int64_t pixels = stride == 0 ? side : out_side * out_side;
    double *y = naive_copy(NULL, pixels * out);
    for (int64_t i = 0; i < pixels; i++) {
        for (int64_t o = 0; o < out; o++) {
            double sum = stride == 0 ? conv_at(weight + o * in, 1, in, 1, 0, 0, x + i * in)
                                     : conv_at(weight + o * in * k * k, side, in, k,
                                               i / out_side * stride - padding,
                                               i % out_side * stride - padding, x);
            y[i * out + o] = bias[o] + sum;
        }
    }
    return y;
}

/* out = softmax(q k^T / sqrt(dim)) v of one query and one head. */
static void attend(int64_t dim, int64_t width, const double *q, int64_t keys, const double *k,
                   const double *v, double *weights, double *out)
{
    memset(weights, 0, (size_t)keys * sizeof(*weights));
    double max = -(double)INFINITY;
    double total = 0;
    for (int64_t j = 0; j < keys; j++) {
        for (int64_t i = 0; i < dim; i++) {
            weights[j] += q[i] * k[j * width + i] / sqrt((double)dim);
        }
        max = fmax(max, weights[j]);
    }
    for (int64_t j = 0; j < keys; j++) {
        weights[j] = exp(weights[j] - max);
        total += weights[j];
    }
    for (int64_t j = 0; j < keys; j++) {
        for (int64_t i = 0; i < dim; i++) {
            out[i] += weights[j] / total * v[j * width + i];
        }
    }
}

double *naive_attention(const struct vox_weights *weights, const char *prefix, int64_t width,
                        int64_t inner, int64_t heads, int64_t queries, const double *q,
                        int64_t keys, const double *k, const double *v)
{
    char name[VOX_NAME_MAX];
    snprintf(name, sizeof(name), "%s.q_proj", prefix);
    const double *projected_q = naive_linear(weights, name, queries, width, inner, q);
    snprintf(name, sizeof(name), "%s.k_proj", prefix);
    const double *projected_k = naive_linear(weights, name, keys, width, inner, k);
    snprintf(name, sizeof(name), "%s.v_proj", prefix);
    const double *projected_v = naive_linear(weights, name, keys, width, inner, v);
    double *found = naive_copy(NULL, queries * inner);
    double *scratch = naive_copy(NULL, keys);
    int64_t dim = inner / heads;
    for (int64_t i = 0; i < queries; i++) {
        for (int64_t h = 0; h < heads; h++) {
            attend(dim, inner, projected_q + i * inner + h * dim, keys, projected_k + h * dim,
                   projected_v + h * dim, scratch, found + i * inner + h * dim);
        }
    }
    snprintf(name, sizeof(name), "%s.out_proj", prefix);
    return naive_linear(weights, name, queries, inner, width, found);
}

bool naive_close(const char *what, const float *found, const double *wanted, int64_t n,
                 double tolerance)
{
    double worst = -1;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)found[i] - wanted[i]);
        if (!(difference <= worst)) {
            worst = difference;
            at = i;
        }
        if (isnan(difference)) {
            break;
        }
    }
    if (!(worst <= tolerance)) {
        fprintf(stderr, "%s: element %lld of %lld is %.9g, wanted %.9g; allowed %.3g\n", what,
                (long long)at, (long long)n, (double)found[at], wanted[at], tolerance);
        return false;
    }
    return true;
}
