/* Compute backends: one table of operators. All matrices are row-major float32; `ld` is the
 * distance between rows in floats. A row is a token (a pixel of an image in row, column, channel
 * order), a column is a channel.
 *
 * Operators come in two kinds. Planned ones (linear, attention) are made once per shape while a
 * model is being built: weights are reordered and kernels generated then, and running them neither
 * allocates nor takes a lock. Row operators need no plan. Every run function computes one tile on
 * the calling thread; the callers of this table cut the work into tiles and give it to
 * vox_pool_run.
 *
 * `ref` is plain C, always built, and the specification; every other backend is compared with it.
 */
#ifndef VOX_TENSOR_BACKEND_H
#define VOX_TENSOR_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/dtype.h"
#include "tensor/pool.h"
#include "util/error.h"

struct vox_backend;
struct vox_linear;
struct vox_attention;

enum vox_activation {
    VOX_ACT_NONE,
    VOX_ACT_RELU,
    VOX_ACT_GELU /* exact: 0.5 v (1 + erf(v / sqrt 2)) */
};

/* y = act(x W^T + b), or y += x W^T + b where `accumulate` (then without activation). */
struct vox_linear_desc {
    int64_t in;  /* columns of x */
    int64_t out; /* columns of y */
    enum vox_activation activation;
    bool accumulate;
    enum vox_dtype compute; /* VOX_F32; others are refused until a backend supports them */
};

/* O = softmax(scale Q K^T) V for one head and one tile of queries. Keys come in blocks of `keys`
 * rows; the softmax runs over all blocks of a call together. */
struct vox_attention_desc {
    int64_t queries; /* rows of Q and O in one call */
    int64_t keys;    /* rows of a full key block */
    int64_t dim_k;   /* columns of Q and K */
    int64_t dim_v;   /* columns of V and O */
    int64_t ld_q, ld_k, ld_v, ld_out;
    float scale;
    enum vox_dtype compute;
};

/* One block of packed keys and values. */
struct vox_key_block {
    const void *keys;        /* of vox_attention_pack_keys */
    const void *values;      /* of vox_attention_pack_values */
    int64_t valid;           /* 1 ... desc.keys: rows from `valid` on are ignored */
    float last_multiplicity; /* how often the last valid key counts; 1 for all ordinary blocks */
};

/* Kernels on rows. Outputs may be the same memory as inputs where the comment says "in place";
 * otherwise they must not overlap. */
struct vox_row_ops {
    const char *name; /* "ref", "sse2", "avx2", "avx512" */

    /* y = (x - mean) / sqrt(variance + eps) * gamma + beta per row; biased variance over the
     * `columns`. In place allowed. activation is applied last. */
    void (*layer_norm)(int64_t rows, int64_t columns, const float *x, int64_t ld_x,
                       const float *gamma, const float *beta, float eps,
                       enum vox_activation activation, float *y, int64_t ld_y);

    /* x = act(x), n values, in place. */
    void (*activate)(enum vox_activation activation, int64_t n, float *x);

    /* y += a * x, n values. */
    void (*axpy)(int64_t n, float a, const float *x, float *y);

    /* x *= a, n values, in place. */
    void (*scale)(int64_t n, float a, float *x);

    /* Rotates adjacent pairs (2i, 2i + 1) of every row in place: (a, b) -> (a c - b s, a s + b c).
     * `cosines` and `sines` are rows x columns / 2, contiguous. medsam2-style rotary positions. */
    void (*rotate)(int64_t rows, int64_t columns, float *x, int64_t ld_x, const float *cosines,
                   const float *sines);

    /* 2 x 2 maximum: x is 2h x 2w tokens in raster order, y is h x w. */
    void (*max_pool)(int64_t h, int64_t w, int64_t columns, const float *x, int64_t ld_x, float *y,
                     int64_t ld_y);

    /* Depthwise convolution of an h x w x columns image, odd kernel side, stride 1, zero padding
     * kernel / 2, output rows y0 ... y1 - 1 written to out (whose first row is row y0). weight is
     * kernel*kernel x columns (tap major). */
    void (*depthwise)(int64_t h, int64_t w, int64_t columns, int64_t kernel, const float *x,
                      const float *weight, const float *bias, int64_t y0, int64_t y1, float *out);

    /* Sum of a[i] * b[i], n values. */
    float (*dot)(int64_t n, const float *a, const float *b);

    /* One step of a softmax that runs over several key blocks. scores is rows x columns (ld), raw
     * products; on return it holds exp(scale * s - max). `last_bias` is added to the scaled score
     * of the last column. running_max and running_sum (one per row) are brought up to date, and
     * rescale gets, per row, the factor by which sums of earlier blocks must be multiplied (1 where
     * the maximum stayed; 0 on the first block, where running_max is -INFINITY). */
    void (*softmax_step)(int64_t rows, int64_t columns, float *scores, int64_t ld, float scale,
                         float last_bias, float *running_max, float *running_sum, float *rescale);
};

struct vox_backend_ops {
    const char *name;
    enum vox_code (*linear_new)(struct vox_backend *be, const struct vox_linear_desc *desc,
                                const float *weight, const float *bias, struct vox_linear **out,
                                struct vox_err *err);
    enum vox_code (*linear_plan)(struct vox_linear *linear, int64_t rows, int64_t ld_x,
                                 int64_t ld_y, struct vox_err *err);
    enum vox_code (*linear_run)(const struct vox_linear *linear, struct vox_lane *lane,
                                int64_t rows, const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                struct vox_err *err);
    void (*linear_free)(struct vox_linear *linear);

    enum vox_code (*attention_new)(struct vox_backend *be, const struct vox_attention_desc *desc,
                                   struct vox_attention **out, struct vox_err *err);
    size_t (*keys_bytes)(const struct vox_attention *attention);
    size_t (*values_bytes)(const struct vox_attention *attention);
    enum vox_code (*pack_keys)(const struct vox_attention *attention, struct vox_lane *lane,
                               int64_t rows, const float *k, void *packed, struct vox_err *err);
    enum vox_code (*pack_values)(const struct vox_attention *attention, struct vox_lane *lane,
                                 int64_t rows, const float *v, void *packed, struct vox_err *err);
    enum vox_code (*attention_run)(const struct vox_attention *attention, struct vox_lane *lane,
                                   const float *q, const struct vox_key_block *blocks,
                                   int64_t n_blocks, float *out, struct vox_err *err);
    void (*attention_free)(struct vox_attention *attention);
    void (*close)(struct vox_backend *be);
};

/* What every backend's own struct begins with. */
struct vox_backend {
    const struct vox_backend_ops *ops;
    const struct vox_row_ops *rows;
    struct vox_pool *pool; /* borrowed */
    int64_t tile_rows; /* rows of a token tile that suit the kernels, a constant of the backend */
    char kernels[64];  /* library, its version and instruction set: where these are equal, results
                          are, to the last bit */
};

/* Opens a backend by name ("ref", "onednn"), or the best one for NULL. The backend plans for the
 * lanes of `pool`, which it borrows and which must outlive it. The caller owns *out. Each backend
 * other than ref proves itself against ref on a few shapes first; one that differs is refused with
 * VOX_E_BACKEND (for NULL: the next one is taken). */
enum vox_code vox_backend_open(const char *name, struct vox_pool *pool, struct vox_backend **out,
                               struct vox_err *err) VOX_MUST_USE;

/* Closes; every plan of it must have been freed. NULL is allowed. */
void vox_backend_close(struct vox_backend *be);

/* The i-th backend's name, best first, or NULL after the last. */
const char *vox_backend_name(int i);

/* Makes a linear operator; weight is out x in (row-major, as PyTorch has it), bias `out` values or
 * NULL. Both are copied, so they may be freed or unmapped afterwards. */
enum vox_code vox_linear_new(struct vox_backend *be, const struct vox_linear_desc *desc,
                             const float *weight, const float *bias, struct vox_linear **out,
                             struct vox_err *err) VOX_MUST_USE;

/* Prepares calls with this number of rows and these row distances. Planning twice is allowed and
 * does nothing. Not while a run of the same operator is under way. */
enum vox_code vox_linear_plan(struct vox_linear *linear, int64_t rows, int64_t ld_x, int64_t ld_y,
                              struct vox_err *err) VOX_MUST_USE;

/* Runs a planned shape on the calling lane; several lanes may run one operator at once. */
enum vox_code vox_linear_run(const struct vox_linear *linear, struct vox_lane *lane, int64_t rows,
                             const float *x, int64_t ld_x, float *y, int64_t ld_y,
                             struct vox_err *err) VOX_MUST_USE;

void vox_linear_free(struct vox_linear *linear); /* NULL is allowed */

/* Makes an attention operator for one shape. */
enum vox_code vox_attention_new(struct vox_backend *be, const struct vox_attention_desc *desc,
                                struct vox_attention **out, struct vox_err *err) VOX_MUST_USE;

/* Bytes of one packed block of keys or of values; the memory is the caller's, 64-byte aligned. */
size_t vox_attention_keys_bytes(const struct vox_attention *attention);
size_t vox_attention_values_bytes(const struct vox_attention *attention);

/* Packs the first `rows` (1 ... desc.keys) rows of a block from k (ld_k) or v (ld_v) of the
 * description; the rest of the block becomes zeros. */
enum vox_code vox_attention_pack_keys(const struct vox_attention *attention, struct vox_lane *lane,
                                      int64_t rows, const float *k, void *packed,
                                      struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_attention_pack_values(const struct vox_attention *attention,
                                        struct vox_lane *lane, int64_t rows, const float *v,
                                        void *packed, struct vox_err *err) VOX_MUST_USE;

/* Runs one tile of `desc.queries` queries over n_blocks >= 1 blocks, in their order. */
enum vox_code vox_attention_run(const struct vox_attention *attention, struct vox_lane *lane,
                                const float *q, const struct vox_key_block *blocks,
                                int64_t n_blocks, float *out, struct vox_err *err) VOX_MUST_USE;

void vox_attention_free(struct vox_attention *attention); /* NULL is allowed */

#endif
