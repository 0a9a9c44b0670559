/* The network's operators as plain loops in double, on weights by name: what tests expect. Matrices
 * are row-major without gaps; maps are row, column, channel. */
#ifndef VOX_SUPPORT_NAIVE_H
#define VOX_SUPPORT_NAIVE_H

#include <stdbool.h>

#include "model/weights.h"

/* n values of a float array as doubles; cleared where from is NULL. All arrays of this file live
 * until naive_release. */
double *naive_copy(const float *from, int64_t n);
double *naive_tensor(const struct vox_weights *weights, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void naive_release(void);

/* y = x W^T + b with NAME.weight (out x in) and NAME.bias; y is new. */
double *naive_linear(const struct vox_weights *weights, const char *name, int64_t rows, int64_t in,
                     int64_t out, const double *x);

/* Layer norm of every row in place. */
void naive_norm(const struct vox_weights *weights, const char *name, int64_t rows, int64_t columns,
                double eps, double *x);
void naive_gelu(int64_t n, double *x);
void naive_relu(int64_t n, double *x);
void naive_add(int64_t n, const double *x, double *y); /* y += x */

/* A convolution with NAME.weight (out x in x k x k) of a side x side map; y is new. */
double *naive_conv(const struct vox_weights *weights, const char *name, int64_t side, int64_t in,
                   int64_t out, int64_t k, int64_t stride, int64_t padding, const double *x);

/* Attention with PREFIX.q_proj, k_proj, v_proj (inner x width) and out_proj; y is new. */
double *naive_attention(const struct vox_weights *weights, const char *prefix, int64_t width,
                        int64_t inner, int64_t heads, int64_t queries, const double *q,
                        int64_t keys, const double *k, const double *v);

/* Whether n floats equal doubles within an absolute tolerance; prints the worst one otherwise. */
bool naive_close(const char *what, const float *found, const double *wanted, int64_t n,
                 double tolerance);

#endif
