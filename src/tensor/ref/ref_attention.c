/* Attention in two passes over the key blocks: the maximum of all scores, then weights and their
 * sum. The scores are computed twice rather than kept, because the number of blocks is not known in
 * advance. */
#include "tensor/ref/ref_parts.h"

#include <math.h>
#include <string.h>

#include "tensor/plan.h"
#include "util/memory.h"

struct ref_attention {
    struct vox_attention base;
    float *scores; /* one block's scores of one query for every lane: threads x keys */
};

enum vox_code vox_ref_attention_new(struct vox_backend *be, const struct vox_attention_desc *desc,
                                    struct vox_attention **out, struct vox_err *err)
{
    size_t floats;
    if (!vox_mul((size_t)vox_pool_threads(be->pool), (size_t)desc->keys, &floats)) {
        return vox_fail(err, VOX_E_LIMIT, "the scores of an attention operator are too large");
    }
    struct ref_attention *attention = vox_calloc(1, sizeof(*attention));
    if (attention == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    attention->base.be = be;
    attention->base.desc = *desc;
    attention->scores = vox_calloc(floats, sizeof(float));
    if (attention->scores == NULL) {
        vox_ref_attention_free(&attention->base);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = &attention->base;
    return VOX_OK;
}

size_t vox_ref_keys_bytes(const struct vox_attention *attention)
{
    return (size_t)attention->desc.keys * (size_t)attention->desc.dim_k * sizeof(float);
}

size_t vox_ref_values_bytes(const struct vox_attention *attention)
{
    return (size_t)attention->desc.keys * (size_t)attention->desc.dim_v * sizeof(float);
}

/* Keys are kept as dim_k x keys, so that one step of all dot products is a loop over neighbours. */
enum vox_code vox_ref_pack_keys(const struct vox_attention *attention, struct vox_lane *lane,
                                int64_t rows, const float *k, void *packed, struct vox_err *err)
{
    (void)lane;
    (void)err;
    const struct vox_attention_desc *desc = &attention->desc;
    float *to = packed;
    memset(packed, 0, vox_ref_keys_bytes(attention));
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < desc->dim_k; i++) {
            to[i * desc->keys + row] = k[row * desc->ld_k + i];
        }
    }
    return VOX_OK;
}

enum vox_code vox_ref_pack_values(const struct vox_attention *attention, struct vox_lane *lane,
                                  int64_t rows, const float *v, void *packed, struct vox_err *err)
{
    (void)lane;
    (void)err;
    const struct vox_attention_desc *desc = &attention->desc;
    float *to = packed;
    memset(packed, 0, vox_ref_values_bytes(attention));
    for (int64_t row = 0; row < rows; row++) {
        memcpy(to + row * desc->dim_v, v + row * desc->ld_v, (size_t)desc->dim_v * sizeof(float));
    }
    return VOX_OK;
}

/* scores[j] = scale * (q . key j) for the valid keys of a block. */
static void score(const struct vox_attention_desc *desc, const float *q,
                  const struct vox_key_block *block, float *restrict scores)
{
    const float *keys = block->keys;
    for (int64_t j = 0; j < block->valid; j++) {
        scores[j] = 0;
    }
    for (int64_t i = 0; i < desc->dim_k; i++) {
        const float *column = keys + i * desc->keys;
        for (int64_t j = 0; j < block->valid; j++) {
            scores[j] += q[i] * column[j];
        }
    }
    for (int64_t j = 0; j < block->valid; j++) {
        scores[j] *= desc->scale;
    }
}

static void attend(const struct vox_attention_desc *desc, const float *q,
                   const struct vox_key_block *blocks, int64_t n_blocks, float *scores,
                   float *restrict out)
{
    float max = -INFINITY;
    for (int64_t b = 0; b < n_blocks; b++) {
        score(desc, q, &blocks[b], scores);
        for (int64_t j = 0; j < blocks[b].valid; j++) {
            max = scores[j] > max ? scores[j] : max;
        }
    }
    float sum = 0;
    memset(out, 0, (size_t)desc->dim_v * sizeof(float));
    for (int64_t b = 0; b < n_blocks; b++) {
        const struct vox_key_block *block = &blocks[b];
        const float *values = block->values;
        score(desc, q, block, scores);
        for (int64_t j = 0; j < block->valid; j++) {
            float times = j == block->valid - 1 ? block->last_multiplicity : 1.0F;
            float weight = expf(scores[j] - max) * times;
            const float *value = values + j * desc->dim_v;
            sum += weight;
            for (int64_t i = 0; i < desc->dim_v; i++) {
                out[i] += weight * value[i];
            }
        }
    }
    for (int64_t i = 0; i < desc->dim_v; i++) {
        out[i] /= sum;
    }
}

enum vox_code vox_ref_attention_run(const struct vox_attention *base, struct vox_lane *lane,
                                    const float *q, const struct vox_key_block *blocks,
                                    int64_t n_blocks, float *out, struct vox_err *err)
{
    (void)err;
    const struct ref_attention *attention = (const struct ref_attention *)base;
    const struct vox_attention_desc *desc = &base->desc;
    float *scores = attention->scores + lane->index * desc->keys;
    for (int64_t row = 0; row < desc->queries; row++) {
        attend(desc, q + row * desc->ld_q, blocks, n_blocks, scores, out + row * desc->ld_out);
    }
    return VOX_OK;
}

void vox_ref_attention_free(struct vox_attention *base)
{
    if (base == NULL) {
        return;
    }
    struct ref_attention *attention = (struct ref_attention *)base;
    vox_free(attention->scores);
    vox_free(attention);
}
