/* A slice's memory made ready for attention. */
#include "model/memory_attention_parts.h"

#include <string.h>

#include "model/token_tiles.h"
#include "util/memory.h"

struct memory_run {
    const struct vox_memory_attention *attention;
    const float *tokens;
    struct vox_memory *memory;
};

static enum vox_code value_tile(const struct memory_run *run, int64_t block, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct vox_memory_attention *a = run->attention;
    return vox_attention_pack_values(
        a->cross, lane, a->block, run->tokens + block * a->block * a->memory,
        run->memory->values + (size_t)block * vox_attention_values_bytes(a->cross), err);
}

/* Keys of one layer and one block, and with the last layer's the packed values. */
static enum vox_code memory_tile(void *context, int64_t tile, struct vox_lane *lane,
                                 struct vox_err *err)
{
    const struct memory_run *run = context;
    const struct vox_memory_attention *a = run->attention;
    int64_t layer = tile / a->blocks;
    int64_t block = tile % a->blocks;
    if (layer == a->n_layers) {
        return value_tile(run, block, lane, err);
    }
    int64_t first = block * a->block;
    int64_t half = a->width / 2;
    float *in = vox_lane_take(lane, (size_t)(a->block * a->memory));
    float *keys = run->memory->keys[layer] + first * a->width;
    memcpy(in, run->tokens + first * a->memory, (size_t)(a->block * a->memory) * sizeof(*in));
    a->be->rows->axpy(a->block * a->memory, 1.0f, a->memory_code + first * a->memory, in);
    enum vox_code code = vox_linear_rows(a->layers[layer].key, lane, a->block, in, keys, err);
    a->be->rows->rotate(a->block, a->width, keys, a->width, a->cosines + first * half,
                        a->sines + first * half);
    return code;
}

enum vox_code vox_memory_room(const struct vox_memory_attention *a, struct vox_memory **out,
                              struct vox_err *err)
{
    struct vox_memory *memory = vox_calloc(1, sizeof(*memory));
    if (memory == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memory->n_layers = a->n_layers;
    memory->values = vox_alloc((size_t)a->blocks * vox_attention_values_bytes(a->cross));
    bool all = memory->values != NULL;
    for (int i = 0; i < a->n_layers; i++) {
        memory->keys[i] = vox_alloc((size_t)(a->tokens * a->width) * sizeof(float));
        all = all && memory->keys[i] != NULL;
    }
    if (!all) {
        vox_memory_free(memory);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = memory;
    return VOX_OK;
}

enum vox_code vox_memory_fill(const struct vox_memory_attention *a, const float *tokens,
                              struct vox_memory *memory, struct vox_err *err)
{
    struct memory_run run = {a, tokens, memory};
    return vox_pool_run(a->be->pool, (a->n_layers + 1) * a->blocks, memory_tile, &run, err);
}

enum vox_code vox_memory_new(struct vox_memory_attention *a, const float *tokens,
                             struct vox_memory **out, struct vox_err *err)
{
    struct vox_memory *memory;
    enum vox_code code = vox_memory_room(a, &memory, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_memory_fill(a, tokens, memory, err);
    if (code != VOX_OK) {
        vox_memory_free(memory);
        return code;
    }
    *out = memory;
    return VOX_OK;
}

void vox_memory_free(struct vox_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (int i = 0; i < memory->n_layers; i++) {
        vox_free(memory->keys[i]);
    }
    vox_free(memory->values);
    vox_free(memory);
}

enum vox_code vox_memory_pack(const struct vox_memory_attention *a, struct vox_lane *lane,
                              int layer, const struct vox_bank_entry *entry, int64_t block,
                              char *packed, struct vox_err *err)
{
    int64_t first = block * a->block;
    int64_t half = a->width / 2;
    const struct vox_attention_layer *l = &a->layers[layer];
    const float *slot_x = l->slot_x + entry->slot * a->side * half;
    const float *slot_y = l->slot_y + entry->slot * a->side * half;
    float *keys = vox_lane_take(lane, (size_t)(a->block * a->width));
    memcpy(keys, entry->memory->keys[layer] + first * a->width,
           (size_t)(a->block * a->width) * sizeof(*keys));
    for (int64_t t = 0; t < a->block; t++) {
        int64_t x = (first + t) % a->side;
        int64_t y = (first + t) / a->side;
        a->be->rows->axpy(half, 1.0f, slot_x + x * half, keys + t * a->width);
        a->be->rows->axpy(half, 1.0f, slot_y + y * half, keys + t * a->width + half);
    }
    return vox_attention_pack_keys(a->cross, lane, a->block, keys, packed, err);
}
