/* Attention in blocks: the scores of one tile of queries against one block of keys are all that is
 * ever in memory, and the softmax is carried from block to block (Milakov & Gimelshein 2018; Dao et
 * al. 2022). */
#include "tensor/onednn/onednn_parts.h"

#include <math.h>
#include <string.h>

#include "util/memory.h"

struct attention {
    struct vox_attention base;
    struct onednn_matmul *scores;         /* Q (queries x dim_k) times K^T (dim_k x keys) */
    struct onednn_matmul *first;          /* P (queries x keys) times V (keys x dim_v) */
    struct onednn_matmul *next;           /* the same, added */
    struct onednn_packing *keys, *values; /* from ld_k, ld_v */
    struct onednn_packing *staged_keys,
        *staged_values; /* from a contiguous copy, for blocks that are not full */
};

static struct onednn_backend *backend_of(const struct attention *attention)
{
    return (struct onednn_backend *)attention->base.be;
}

/* A lane's work: the scores, then maximum, sum and factor per query; also the staging of a block
 * that is not full. */
static size_t work_floats(const struct vox_attention_desc *d)
{
    size_t scores = (size_t)(d->queries * d->keys);
    size_t staging = (size_t)(d->keys * (d->dim_k > d->dim_v ? d->dim_k : d->dim_v));
    return (scores > staging ? scores : staging) + 3 * (size_t)d->queries;
}

static enum vox_code plan_products(struct attention *attention, struct vox_err *err)
{
    const struct vox_attention_desc *d = &attention->base.desc;
    struct onednn_backend *be = backend_of(attention);
    struct onednn_matmul_desc scores = {.rows = d->queries,
                                        .inner = d->dim_k,
                                        .columns = d->keys,
                                        .ld_x = d->ld_q,
                                        .ld_y = d->keys};
    struct onednn_matmul_desc sums = {.rows = d->queries,
                                      .inner = d->keys,
                                      .columns = d->dim_v,
                                      .ld_x = d->keys,
                                      .ld_y = d->ld_out};
    enum vox_code code = onednn_matmul_new(be, &scores, NULL, &attention->scores, err);
    if (code == VOX_OK) {
        code = onednn_matmul_new(be, &sums, NULL, &attention->first, err);
    }
    if (code == VOX_OK) {
        sums.accumulate = true;
        code = onednn_matmul_new(be, &sums, attention->first, &attention->next, err);
    }
    return code;
}

static enum vox_code plan_on_lane(void *context, struct vox_err *err)
{
    struct attention *attention = context;
    const struct vox_attention_desc *d = &attention->base.desc;
    struct onednn_backend *be = backend_of(attention);
    enum vox_code code = plan_products(attention, err);
    if (code == VOX_OK) {
        code = onednn_packing_new(be, attention->scores, 1, d->ld_k, &attention->keys, err);
    }
    if (code == VOX_OK) {
        code = onednn_packing_new(be, attention->scores, 1, d->dim_k, &attention->staged_keys, err);
    }
    if (code == VOX_OK) {
        code = onednn_packing_new(be, attention->first, d->ld_v, 1, &attention->values, err);
    }
    if (code == VOX_OK) {
        code =
            onednn_packing_new(be, attention->first, d->dim_v, 1, &attention->staged_values, err);
    }
    if (code == VOX_OK) {
        code = onednn_reserve(be, 0, work_floats(d), err);
    }
    return code;
}

enum vox_code onednn_attention_new(struct vox_backend *be, const struct vox_attention_desc *desc,
                                   struct vox_attention **out, struct vox_err *err)
{
    struct attention *attention = vox_calloc(1, sizeof(*attention));
    if (attention == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    attention->base.be = be;
    attention->base.desc = *desc;
    enum vox_code code = onednn_on_lane((struct onednn_backend *)be, plan_on_lane, attention, err);
    if (code != VOX_OK) {
        onednn_attention_free(&attention->base);
        return code;
    }
    *out = &attention->base;
    return VOX_OK;
}

size_t onednn_keys_bytes(const struct vox_attention *base)
{
    return onednn_matmul_packed_bytes(((const struct attention *)base)->scores);
}

size_t onednn_values_bytes(const struct vox_attention *base)
{
    return onednn_matmul_packed_bytes(((const struct attention *)base)->first);
}

/* Packs `rows` of `full` rows of `columns` values. */
static enum vox_code pack(const struct attention *attention, int lane,
                          const struct onednn_packing *direct, const struct onednn_packing *staged,
                          int64_t rows, int64_t columns, int64_t ld, const float *source,
                          void *packed, struct vox_err *err)
{
    int64_t full = attention->base.desc.keys;
    if (rows == full) {
        return onednn_pack(direct, lane, source, packed, err);
    }
    float *staging = backend_of(attention)->lanes[lane].work;
    for (int64_t r = 0; r < rows; r++) {
        memcpy(staging + r * columns, source + r * ld, (size_t)columns * sizeof(*staging));
    }
    memset(staging + rows * columns, 0, (size_t)((full - rows) * columns) * sizeof(*staging));
    return onednn_pack(staged, lane, staging, packed, err);
}

enum vox_code onednn_pack_keys(const struct vox_attention *base, struct vox_lane *lane,
                               int64_t rows, const float *k, void *packed, struct vox_err *err)
{
    const struct attention *a = (const struct attention *)base;
    return pack(a, lane->index, a->keys, a->staged_keys, rows, base->desc.dim_k, base->desc.ld_k, k,
                packed, err);
}

enum vox_code onednn_pack_values(const struct vox_attention *base, struct vox_lane *lane,
                                 int64_t rows, const float *v, void *packed, struct vox_err *err)
{
    const struct attention *a = (const struct attention *)base;
    return pack(a, lane->index, a->values, a->staged_values, rows, base->desc.dim_v,
                base->desc.ld_v, v, packed, err);
}

static void scale_rows(const struct vox_row_ops *ops, const struct vox_attention_desc *d,
                       const float *factors, float *out)
{
    for (int64_t r = 0; r < d->queries; r++) {
        if (factors[r] != 1.0f) {
            ops->scale(d->dim_v, factors[r], out + r * d->ld_out);
        }
    }
}

enum vox_code onednn_attention_run(const struct vox_attention *base, struct vox_lane *lane,
                                   const float *q, const struct vox_key_block *blocks,
                                   int64_t n_blocks, float *out, struct vox_err *err)
{
    const struct attention *a = (const struct attention *)base;
    const struct vox_attention_desc *d = &base->desc;
    const struct vox_row_ops *ops = base->be->rows;
    float *scores = backend_of(a)->lanes[lane->index].work;
    float *maximum = scores + d->queries * d->keys;
    float *sum = maximum + d->queries;
    float *rescale = sum + d->queries;
    for (int64_t r = 0; r < d->queries; r++) {
        maximum[r] = -INFINITY;
        sum[r] = 0.0f;
    }
    enum vox_code code = VOX_OK;
    for (int64_t b = 0; b < n_blocks && code == VOX_OK; b++) {
        const struct vox_key_block *block = &blocks[b];
        code = onednn_matmul_run(a->scores, lane->index, q, block->keys, NULL, scores, err);
        if (code != VOX_OK) {
            break;
        }
        float last_bias = block->last_multiplicity == 1.0f ? 0.0f : logf(block->last_multiplicity);
        ops->softmax_step(d->queries, block->valid, scores, d->keys, d->scale, last_bias, maximum,
                          sum, rescale);
        for (int64_t r = 0; r < d->queries && block->valid < d->keys; r++) {
            memset(scores + r * d->keys + block->valid, 0,
                   (size_t)(d->keys - block->valid) * sizeof(*scores));
        }
        if (b > 0) {
            scale_rows(ops, d, rescale, out);
        }
        code = onednn_matmul_run(b > 0 ? a->next : a->first, lane->index, scores, block->values,
                                 NULL, out, err);
    }
    for (int64_t r = 0; r < d->queries; r++) {
        rescale[r] = 1.0f / sum[r];
    }
    if (code == VOX_OK) {
        scale_rows(ops, d, rescale, out);
    }
    return code;
}

void onednn_attention_free(struct vox_attention *base)
{
    struct attention *attention = (struct attention *)base;
    if (attention == NULL) {
        return;
    }
    onednn_packing_free(attention->keys);
    onednn_packing_free(attention->values);
    onednn_packing_free(attention->staged_keys);
    onednn_packing_free(attention->staged_values);
    onednn_matmul_free(attention->next);
    onednn_matmul_free(attention->first);
    onednn_matmul_free(attention->scores);
    vox_free(attention);
}
