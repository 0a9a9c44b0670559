/* What the files of the oneDNN backend share: the two APIs of the library under one set of names,
 * its lanes, and a planned matrix product. dnnl.h is included here alone. */
#ifndef VOX_TENSOR_ONEDNN_PARTS_H
#define VOX_TENSOR_ONEDNN_PARTS_H

#include <dnnl.h>

#include "tensor/plan.h"

/* One per lane of the pool: the library's scratchpad and ours, both grown while planning. */
struct onednn_lane {
    dnnl_stream_t stream;
    void *scratchpad;
    size_t scratchpad_bytes;
    float *work; /* scores and running softmax state of one attention tile */
    size_t work_floats;
};

struct onednn_backend {
    struct vox_backend base;
    dnnl_engine_t engine;
    struct onednn_lane *lanes;
};

/* y (rows x columns) = x (rows x inner) times a packed matrix (inner x columns), plus bias, then an
 * activation; or added to y. Everything is fixed when it is made but the addresses. */
struct onednn_matmul_desc {
    int64_t rows, inner, columns;
    int64_t ld_x, ld_y;
    bool bias;
    bool accumulate;
    enum vox_activation activation;
};

struct onednn_matmul;

/* Plans a product. like: NULL, or a plan whose packed layout this one must share (VOX_E_BACKEND
 * where it cannot). */
enum vox_code onednn_matmul_new(struct onednn_backend *be, const struct onednn_matmul_desc *desc,
                                const struct onednn_matmul *like, struct onednn_matmul **out,
                                struct vox_err *err) VOX_MUST_USE;
void onednn_matmul_free(struct onednn_matmul *matmul);

/* Bytes of the packed matrix. */
size_t onednn_matmul_packed_bytes(const struct onednn_matmul *matmul);

/* A plan that packs the matrix whose element (inner i, column c) is at source[i * step_inner + c *
 * step_column]. */
struct onednn_packing;
enum vox_code onednn_packing_new(struct onednn_backend *be, const struct onednn_matmul *matmul,
                                 int64_t step_inner, int64_t step_column,
                                 struct onednn_packing **out, struct vox_err *err) VOX_MUST_USE;
void onednn_packing_free(struct onednn_packing *packing);
enum vox_code onednn_pack(const struct onednn_packing *packing, int lane, const float *source,
                          void *packed, struct vox_err *err) VOX_MUST_USE;

/* Runs on a lane. bias is NULL exactly where the plan has none. */
enum vox_code onednn_matmul_run(const struct onednn_matmul *matmul, int lane, const float *x,
                                const void *packed, const float *bias, float *y,
                                struct vox_err *err) VOX_MUST_USE;

/* Tells the library, which was built with OpenMP, to start no threads from the calling thread.
 * Costs nanoseconds. */
void onednn_single_thread(void);

/* Calls fn on a compute thread: plans are made where the library may use one thread only, so that
 * the kernels they choose are single-threaded. */
enum vox_code onednn_on_lane(struct onednn_backend *be,
                             enum vox_code (*fn)(void *context, struct vox_err *err), void *context,
                             struct vox_err *err) VOX_MUST_USE;

/* Grows every lane's scratch memory. */
enum vox_code onednn_reserve(struct onednn_backend *be, size_t scratchpad_bytes, size_t work_floats,
                             struct vox_err *err) VOX_MUST_USE;

enum vox_code onednn_fail(struct vox_err *err, dnnl_status_t status, const char *what) VOX_MUST_USE;

/* The operators of onednn_linear.c and onednn_attention.c, for the table in onednn_backend.c. */
enum vox_code onednn_linear_new(struct vox_backend *be, const struct vox_linear_desc *desc,
                                const float *weight, const float *bias, struct vox_linear **out,
                                struct vox_err *err) VOX_MUST_USE;
enum vox_code onednn_linear_plan(struct vox_linear *linear, int64_t rows, int64_t ld_x,
                                 int64_t ld_y, struct vox_err *err) VOX_MUST_USE;
enum vox_code onednn_linear_run(const struct vox_linear *linear, struct vox_lane *lane,
                                int64_t rows, const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                struct vox_err *err) VOX_MUST_USE;
void onednn_linear_free(struct vox_linear *linear);
enum vox_code onednn_attention_new(struct vox_backend *be, const struct vox_attention_desc *desc,
                                   struct vox_attention **out, struct vox_err *err) VOX_MUST_USE;
size_t onednn_keys_bytes(const struct vox_attention *attention);
size_t onednn_values_bytes(const struct vox_attention *attention);
enum vox_code onednn_pack_keys(const struct vox_attention *attention, struct vox_lane *lane,
                               int64_t rows, const float *k, void *packed,
                               struct vox_err *err) VOX_MUST_USE;
enum vox_code onednn_pack_values(const struct vox_attention *attention, struct vox_lane *lane,
                                 int64_t rows, const float *v, void *packed,
                                 struct vox_err *err) VOX_MUST_USE;
enum vox_code onednn_attention_run(const struct vox_attention *attention, struct vox_lane *lane,
                                   const float *q, const struct vox_key_block *blocks,
                                   int64_t n_blocks, float *out, struct vox_err *err) VOX_MUST_USE;
void onednn_attention_free(struct vox_attention *attention);

#endif
