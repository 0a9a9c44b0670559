#include "naive_hiera.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/builder.h"

static void join(char out[VOX_NAME_MAX], const char *prefix, const char *name)
{
    snprintf(out, VOX_NAME_MAX, "%s.%s", prefix, name);
}

static double *linear(const struct vox_weights *weights, const char *prefix, const char *name,
                      int64_t rows, int64_t in, int64_t out, const double *x)
{
    char full[VOX_NAME_MAX];
    join(full, prefix, name);
    return naive_linear(weights, full, rows, in, out, x);
}

/* 2 x 2 maximum of a side x side map; rows of x lie ld apart. */
static double *pool(int64_t side, int64_t columns, const double *x, int64_t ld)
{
    int64_t half = side / 2;
    double *y = naive_copy(NULL, half * half * columns);
    for (int64_t i = 0; i < half * half; i++) {
        const double *at = x + (i / half * 2 * side + i % half * 2) * ld;
        for (int64_t c = 0; c < columns; c++) {
            y[i * columns + c] =
                fmax(fmax(at[c], at[ld + c]), fmax(at[side * ld + c], at[(side + 1) * ld + c]));
        }
    }
    return y;
}

/* One head of one query; rows of k and v lie ld apart. `scores` is room for one per key. */
static void attend(int64_t dim, const double *q, int64_t keys, const double *k, const double *v,
                   int64_t ld, double *scores, double *out)
{
    double total = 0;
    double most = -(double)INFINITY;
    for (int64_t j = 0; j < keys; j++) {
        scores[j] = 0;
        for (int64_t i = 0; i < dim; i++) {
            scores[j] += q[i] * k[j * ld + i] / sqrt((double)dim);
        }
        most = fmax(most, scores[j]);
    }
    for (int64_t j = 0; j < keys; j++) {
        total += exp(scores[j] - most);
    }
    for (int64_t j = 0; j < keys; j++) {
        for (int64_t i = 0; i < dim; i++) {
            out[i] += exp(scores[j] - most) / total * v[j * ld + i];
        }
    }
}

/* Attention of a window of side x side tokens, padding and all; y has half the side where pooled.
 */
static double *attend_window(const struct vox_weights *weights, const char *prefix,
                             const struct vox_block_shape *shape, int64_t side, const double *n)
{
    int64_t out = shape->out;
    int64_t keys = side * side;
    int64_t queries = shape->pooled ? keys / 4 : keys;
    int64_t dim = out / shape->heads;
    const double *qkv = linear(weights, prefix, "attn.qkv", keys, shape->in, 3 * out, n);
    const double *q = shape->pooled ? pool(side, out, qkv, 3 * out) : qkv;
    int64_t ld_q = shape->pooled ? out : 3 * out;
    double *sums = naive_copy(NULL, queries * out);
    double *scores = naive_copy(NULL, keys);
    for (int64_t i = 0; i < queries; i++) {
        for (int64_t h = 0; h < shape->heads; h++) {
            attend(dim, q + i * ld_q + h * dim, keys, qkv + out + h * dim, qkv + 2 * out + h * dim,
                   3 * out, scores, sums + i * out + h * dim);
        }
    }
    return linear(weights, prefix, "attn.proj", queries, out, out, sums);
}

/* Cuts the window at (top, left) out of n, zero beyond the map. */
static double *cut(int64_t side, int64_t columns, const double *n, int64_t window, int64_t top,
                   int64_t left)
{
    double *piece = naive_copy(NULL, window * window * columns);
    for (int64_t i = 0; i < window * window; i++) {
        int64_t y = top + i / window;
        int64_t x = left + i % window;
        if (y < side && x < side) {
            memcpy(piece + i * columns, n + (y * side + x) * columns,
                   (size_t)columns * sizeof(*piece));
        }
    }
    return piece;
}

/* Adds a window's tokens to the map where they are on it. */
static void paste(int64_t side, int64_t columns, const double *piece, int64_t window, int64_t top,
                  int64_t left, double *map)
{
    for (int64_t i = 0; i < window * window; i++) {
        int64_t y = top + i / window;
        int64_t x = left + i % window;
        if (y < side && x < side) {
            naive_add(columns, piece + i * columns, map + (y * side + x) * columns);
        }
    }
}

double *naive_hiera_block(const struct vox_weights *weights, const char *prefix,
                          const struct vox_block_shape *shape, int64_t side, int64_t window,
                          const double *x)
{
    char name[VOX_NAME_MAX];
    int64_t tokens = side * side;
    int64_t shrink = shape->pooled ? 2 : 1;
    int64_t tokens_out = tokens / (shrink * shrink);
    double *n = naive_copy(NULL, tokens * shape->in);
    memcpy(n, x, (size_t)(tokens * shape->in) * sizeof(*n));
    join(name, prefix, "norm1");
    naive_norm(weights, name, tokens, shape->in, 1e-6, n);
    double *y = naive_copy(NULL, tokens_out * shape->out);
    if (shape->in == shape->out) {
        naive_add(tokens * shape->in, x, y);
    } else {
        const double *wide = linear(weights, prefix, "proj", tokens, shape->in, shape->out, n);
        naive_add(tokens_out * shape->out, pool(side, shape->out, wide, shape->out), y);
    }
    int64_t step = window == 0 ? side : window;
    for (int64_t top = 0; top < side; top += step) {
        for (int64_t left = 0; left < side; left += step) {
            const double *piece = cut(side, shape->in, n, step, top, left);
            paste(side / shrink, shape->out, attend_window(weights, prefix, shape, step, piece),
                  step / shrink, top / shrink, left / shrink, y);
        }
    }
    double *m = naive_copy(NULL, tokens_out * shape->out);
    memcpy(m, y, (size_t)(tokens_out * shape->out) * sizeof(*m));
    join(name, prefix, "norm2");
    naive_norm(weights, name, tokens_out, shape->out, 1e-6, m);
    double *hidden =
        linear(weights, prefix, "mlp.layers.0", tokens_out, shape->out, 4 * shape->out, m);
    naive_gelu(tokens_out * 4 * shape->out, hidden);
    naive_add(
        tokens_out * shape->out,
        linear(weights, prefix, "mlp.layers.1", tokens_out, 4 * shape->out, shape->out, hidden), y);
    return y;
}
