/* The operators as their callers see them: arguments are checked here, once for all backends. */
#include "tensor/backend.h"

#include <math.h>

#include "tensor/plan.h"

/* Far beyond any model, and any product of two and four bytes stays within 64 bits. */
enum { MOST = 1 << 28 };

static bool in_range(int64_t value)
{
    return value >= 1 && value <= MOST;
}

static enum vox_code check_compute(enum vox_dtype compute, struct vox_err *err)
{
    if (compute != VOX_F32) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "no backend computes in %s; use f32",
                        vox_dtype_name(compute));
    }
    return VOX_OK;
}

void vox_backend_close(struct vox_backend *be)
{
    if (be != NULL) {
        be->ops->close(be);
    }
}

enum vox_code vox_linear_new(struct vox_backend *be, const struct vox_linear_desc *desc,
                             const float *weight, const float *bias, struct vox_linear **out,
                             struct vox_err *err)
{
    if (!in_range(desc->in) || !in_range(desc->out)) {
        return vox_fail(err, VOX_E_ARG, "a linear operator of %lld inputs and %lld outputs",
                        (long long)desc->in, (long long)desc->out);
    }
    if (desc->activation != VOX_ACT_NONE && desc->activation != VOX_ACT_RELU &&
        desc->activation != VOX_ACT_GELU) {
        return vox_fail(err, VOX_E_ARG, "a linear operator with an unknown activation");
    }
    if (desc->accumulate && desc->activation != VOX_ACT_NONE) {
        return vox_fail(err, VOX_E_ARG, "a linear operator that accumulates has no activation");
    }
    enum vox_code code = check_compute(desc->compute, err);
    return code != VOX_OK ? code : be->ops->linear_new(be, desc, weight, bias, out, err);
}

static enum vox_code check_rows(const struct vox_linear *linear, int64_t rows, int64_t ld_x,
                                int64_t ld_y, struct vox_err *err)
{
    if (!in_range(rows) || !in_range(ld_x) || !in_range(ld_y) || ld_x < linear->desc.in ||
        ld_y < linear->desc.out) {
        return vox_fail(err, VOX_E_ARG,
                        "a linear operator of %lld inputs and %lld outputs cannot take %lld rows "
                        "%lld and %lld apart",
                        (long long)linear->desc.in, (long long)linear->desc.out, (long long)rows,
                        (long long)ld_x, (long long)ld_y);
    }
    return VOX_OK;
}

enum vox_code vox_linear_plan(struct vox_linear *linear, int64_t rows, int64_t ld_x, int64_t ld_y,
                              struct vox_err *err)
{
    enum vox_code code = check_rows(linear, rows, ld_x, ld_y, err);
    return code != VOX_OK ? code : linear->be->ops->linear_plan(linear, rows, ld_x, ld_y, err);
}

enum vox_code vox_linear_run(const struct vox_linear *linear, struct vox_lane *lane, int64_t rows,
                             const float *x, int64_t ld_x, float *y, int64_t ld_y,
                             struct vox_err *err)
{
    enum vox_code code = check_rows(linear, rows, ld_x, ld_y, err);
    return code != VOX_OK ? code
                          : linear->be->ops->linear_run(linear, lane, rows, x, ld_x, y, ld_y, err);
}

void vox_linear_free(struct vox_linear *linear)
{
    if (linear != NULL) {
        linear->be->ops->linear_free(linear);
    }
}

enum vox_code vox_attention_new(struct vox_backend *be, const struct vox_attention_desc *desc,
                                struct vox_attention **out, struct vox_err *err)
{
    if (!in_range(desc->queries) || !in_range(desc->keys) || !in_range(desc->dim_k) ||
        !in_range(desc->dim_v)) {
        return vox_fail(err, VOX_E_ARG, "an attention operator with an empty or a huge dimension");
    }
    if (!in_range(desc->ld_q) || !in_range(desc->ld_k) || !in_range(desc->ld_v) ||
        !in_range(desc->ld_out) || desc->ld_q < desc->dim_k || desc->ld_k < desc->dim_k ||
        desc->ld_v < desc->dim_v || desc->ld_out < desc->dim_v) {
        return vox_fail(err, VOX_E_ARG, "the rows of an attention operator overlap");
    }
    if (!isfinite(desc->scale)) {
        return vox_fail(err, VOX_E_ARG, "the scale of an attention operator is not finite");
    }
    enum vox_code code = check_compute(desc->compute, err);
    return code != VOX_OK ? code : be->ops->attention_new(be, desc, out, err);
}

size_t vox_attention_keys_bytes(const struct vox_attention *attention)
{
    return attention->be->ops->keys_bytes(attention);
}

size_t vox_attention_values_bytes(const struct vox_attention *attention)
{
    return attention->be->ops->values_bytes(attention);
}

static enum vox_code check_pack(const struct vox_attention *attention, int64_t rows,
                                struct vox_err *err)
{
    if (rows < 1 || rows > attention->desc.keys) {
        return vox_fail(err, VOX_E_ARG, "a block of %lld keys cannot hold %lld",
                        (long long)attention->desc.keys, (long long)rows);
    }
    return VOX_OK;
}

enum vox_code vox_attention_pack_keys(const struct vox_attention *attention, struct vox_lane *lane,
                                      int64_t rows, const float *k, void *packed,
                                      struct vox_err *err)
{
    enum vox_code code = check_pack(attention, rows, err);
    return code != VOX_OK ? code
                          : attention->be->ops->pack_keys(attention, lane, rows, k, packed, err);
}

enum vox_code vox_attention_pack_values(const struct vox_attention *attention,
                                        struct vox_lane *lane, int64_t rows, const float *v,
                                        void *packed, struct vox_err *err)
{
    enum vox_code code = check_pack(attention, rows, err);
    return code != VOX_OK ? code
                          : attention->be->ops->pack_values(attention, lane, rows, v, packed, err);
}

enum vox_code vox_attention_run(const struct vox_attention *attention, struct vox_lane *lane,
                                const float *q, const struct vox_key_block *blocks,
                                int64_t n_blocks, float *out, struct vox_err *err)
{
    if (n_blocks < 1) {
        return vox_fail(err, VOX_E_ARG, "attention needs at least one block of keys");
    }
    for (int64_t b = 0; b < n_blocks; b++) {
        if (blocks[b].valid < 1 || blocks[b].valid > attention->desc.keys) {
            return vox_fail(err, VOX_E_ARG, "a block of %lld keys cannot have %lld valid ones",
                            (long long)attention->desc.keys, (long long)blocks[b].valid);
        }
        if (!(blocks[b].last_multiplicity > 0) || !isfinite(blocks[b].last_multiplicity)) {
            return vox_fail(err, VOX_E_ARG, "the last key of a block must count more than 0 times");
        }
    }
    return attention->be->ops->attention_run(attention, lane, q, blocks, n_blocks, out, err);
}

void vox_attention_free(struct vox_attention *attention)
{
    if (attention != NULL) {
        attention->be->ops->attention_free(attention);
    }
}
