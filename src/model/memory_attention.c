#include "model/memory_attention.h"

#include <string.h>

#include "model/memory_attention_parts.h"
#include "model/position.h"
#include "model/token_tiles.h"
#include "util/memory.h"

enum vox_code vox_memory_attention_new(struct vox_builder *builder,
                                       struct vox_memory_attention **out, struct vox_err *err)
{
    struct vox_memory_attention *a = vox_calloc(1, sizeof(*a));
    if (a == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_memory_attention_build(a, builder, err);
    if (code == VOX_OK) {
        size_t floats = (size_t)(a->tokens * a->width);
        a->x = vox_alloc(floats * sizeof(float));
        a->qkv = vox_alloc(3 * floats * sizeof(float));
        a->self_keys = vox_alloc((size_t)a->blocks * vox_attention_keys_bytes(a->self));
        a->self_values = vox_alloc((size_t)a->blocks * vox_attention_values_bytes(a->self));
        a->own = vox_calloc((size_t)a->blocks, sizeof(*a->own));
        if (a->x == NULL || a->qkv == NULL || a->self_keys == NULL || a->self_values == NULL ||
            a->own == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        for (int64_t b = 0; b < a->blocks && code == VOX_OK; b++) {
            char *keys = a->self_keys + (size_t)b * vox_attention_keys_bytes(a->self);
            char *values = a->self_values + (size_t)b * vox_attention_values_bytes(a->self);
            a->own[b] = (struct vox_key_block){keys, values, a->block, 1.0f};
        }
    }
    if (code != VOX_OK) {
        vox_memory_attention_free(a);
        return code;
    }
    *out = a;
    return VOX_OK;
}

void vox_memory_attention_free(struct vox_memory_attention *a)
{
    if (a == NULL) {
        return;
    }
    vox_memory_attention_fini(a);
    vox_free(a->x);
    vox_free(a->qkv);
    vox_free(a->self_keys);
    vox_free(a->self_values);
    vox_free(a->own);
    vox_free(a->pointer_tokens);
    vox_free(a->pointer_keys_in);
    vox_free(a->pointer_values);
    vox_free(a->bank_keys);
    vox_free(a->bank);
    vox_free(a);
}

struct attention_run {
    struct vox_memory_attention *attention;
    const struct vox_bank_entry *memories;
    int64_t n_memories;
    const struct vox_bank_pointer *pointers;
    int64_t n_pointers;
    int64_t pointer_rows;   /* tokens of all pointers */
    int64_t pointer_blocks; /* blocks they fill */
    int layer;
    float *out;
    const struct vox_tap *tap;
};

static int64_t bank_blocks(const struct attention_run *run)
{
    return run->n_memories * run->attention->blocks + run->pointer_blocks;
}

static int64_t pointer_blocks_of(const struct vox_memory_attention *a, int64_t n_pointers)
{
    return (n_pointers * (a->width / a->memory) + a->block - 1) / a->block;
}

enum vox_code vox_memory_attention_reserve(struct vox_memory_attention *a, int64_t n_memories,
                                           int64_t n_pointers, struct vox_err *err)
{
    int64_t pointer_blocks = pointer_blocks_of(a, n_pointers);
    int64_t blocks = n_memories * a->blocks + pointer_blocks;
    int64_t rows = pointer_blocks * a->block;
    if (blocks > a->block_capacity) {
        char *keys = vox_alloc((size_t)blocks * vox_attention_keys_bytes(a->cross));
        struct vox_key_block *bank = vox_calloc((size_t)blocks, sizeof(*bank));
        if (keys == NULL || bank == NULL) {
            vox_free(keys);
            vox_free(bank);
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        vox_free(a->bank_keys);
        vox_free(a->bank);
        a->bank_keys = keys;
        a->bank = bank;
        a->block_capacity = blocks;
    }
    if (rows > a->pointer_capacity) {
        float *tokens = vox_alloc((size_t)(rows * a->memory) * sizeof(*tokens));
        float *keys = vox_alloc((size_t)(rows * a->memory) * sizeof(*keys));
        char *values = vox_alloc((size_t)pointer_blocks * vox_attention_values_bytes(a->cross));
        if (tokens == NULL || keys == NULL || values == NULL) {
            vox_free(tokens);
            vox_free(keys);
            vox_free(values);
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        vox_free(a->pointer_tokens);
        vox_free(a->pointer_keys_in);
        vox_free(a->pointer_values);
        a->pointer_tokens = tokens;
        a->pointer_keys_in = keys;
        a->pointer_values = values;
        a->pointer_capacity = rows;
    }
    return VOX_OK;
}

static int64_t rows_of_block(const struct attention_run *run, int64_t pointer_block)
{
    int64_t left = run->pointer_rows - pointer_block * run->attention->block;
    return left < run->attention->block ? left : run->attention->block;
}

/* Pointers as tokens of M channels, and the same plus the code of their distance; values packed.
 * One tile. */
static enum vox_code pointer_tile(void *context, int64_t tile, struct vox_lane *lane,
                                  struct vox_err *err)
{
    (void)tile;
    const struct attention_run *run = context;
    const struct vox_memory_attention *a = run->attention;
    int64_t pieces = a->width / a->memory;
    enum vox_code code = VOX_OK;
    float *sine = vox_lane_take(lane, (size_t)a->width);
    float *position = vox_lane_take(lane, (size_t)a->memory);
    int64_t padded = run->pointer_blocks * a->block * a->memory;
    memset(a->pointer_keys_in, 0, (size_t)padded * sizeof(float));
    for (int64_t p = 0; p < run->n_pointers && code == VOX_OK; p++) {
        memset(position, 0, (size_t)a->memory * sizeof(*position));
        if (a->pointer_code != NULL) {
            vox_distance_code(run->pointers[p].distance, a->width, sine);
            code = vox_linear_rows(a->pointer_code, lane, 1, sine, position, err);
        }
        float *tokens = a->pointer_tokens + p * a->width;
        float *keys = a->pointer_keys_in + p * a->width;
        memcpy(tokens, run->pointers[p].pointer, (size_t)a->width * sizeof(*tokens));
        memcpy(keys, tokens, (size_t)a->width * sizeof(*keys));
        for (int64_t i = 0; i < pieces; i++) {
            a->be->rows->axpy(a->memory, 1.0f, position, keys + i * a->memory);
        }
    }
    size_t bytes = vox_attention_values_bytes(a->cross);
    for (int64_t b = 0; b < run->pointer_blocks && code == VOX_OK; b++) {
        code = vox_attention_pack_values(a->cross, lane, rows_of_block(run, b),
                                         a->pointer_tokens + b * a->block * a->memory,
                                         a->pointer_values + (size_t)b * bytes, err);
    }
    return code;
}

/* Keys of one block of pointers for the current layer; pointers are not rotated. */
static enum vox_code pack_pointers(const struct attention_run *run, int64_t pointer_block,
                                   char *packed, struct vox_lane *lane, struct vox_err *err)
{
    const struct vox_memory_attention *a = run->attention;
    float *keys = vox_lane_take(lane, (size_t)(a->block * a->width));
    enum vox_code code =
        vox_linear_rows(a->layers[run->layer].key, lane, a->block,
                        a->pointer_keys_in + pointer_block * a->block * a->memory, keys, err);
    return code != VOX_OK
               ? code
               : vox_attention_pack_keys(a->cross, lane, rows_of_block(run, pointer_block), keys,
                                         packed, err);
}

/* One block of the bank for the current layer. */
static enum vox_code bank_tile(const struct attention_run *run, int64_t block,
                               struct vox_lane *lane, struct vox_err *err)
{
    struct vox_memory_attention *a = run->attention;
    struct vox_key_block *made = &a->bank[block];
    char *packed = a->bank_keys + (size_t)block * vox_attention_keys_bytes(a->cross);
    int64_t memory = block / a->blocks;
    size_t bytes = vox_attention_values_bytes(a->cross);
    if (memory < run->n_memories) {
        const struct vox_bank_entry *entry = &run->memories[memory];
        int64_t part = block % a->blocks;
        *made = (struct vox_key_block){packed, entry->memory->values + (size_t)part * bytes,
                                       a->block, 1.0f};
        return vox_memory_pack(a, lane, run->layer, entry, part, packed, err);
    }
    int64_t part = block - run->n_memories * a->blocks;
    *made = (struct vox_key_block){packed, a->pointer_values + (size_t)part * bytes,
                                   rows_of_block(run, part), 1.0f};
    return pack_pointers(run, part, packed, lane, err);
}

/* Norm and self-attention's projections of one tile of tokens; tiles beyond the tokens pack the
 * bank, which does not depend on them. */
static enum vox_code project_tile(void *context, int64_t tile, struct vox_lane *lane,
                                  struct vox_err *err)
{
    const struct attention_run *run = context;
    const struct vox_memory_attention *a = run->attention;
    int64_t tiles = a->tokens / a->rows;
    if (tile >= tiles) {
        return bank_tile(run, tile - tiles, lane, err);
    }
    const struct vox_attention_layer *l = &a->layers[run->layer];
    int64_t first = tile * a->rows;
    int64_t half = a->width / 2;
    float *n = vox_lane_take(lane, (size_t)(a->rows * a->width));
    float *qkv = a->qkv + first * 3 * a->width;
    vox_norm_run(&l->norm_self, a->be, a->rows, a->x + first * a->width, VOX_ACT_NONE, n);
    enum vox_code code = vox_linear_rows(l->qkv, lane, a->rows, n, qkv, err);
    for (int i = 0; i < 2; i++) { /* queries, keys */
        a->be->rows->rotate(a->rows, a->width, qkv + i * a->width, 3 * a->width,
                            a->cosines + first * half, a->sines + first * half);
    }
    return code;
}

/* Packs the slice's own keys (even tiles) and values (odd tiles), a block at a time. */
static enum vox_code self_pack_tile(void *context, int64_t tile, struct vox_lane *lane,
                                    struct vox_err *err)
{
    const struct attention_run *run = context;
    const struct vox_memory_attention *a = run->attention;
    int64_t block = tile / 2;
    const float *k = a->qkv + block * a->block * 3 * a->width + a->width;
    if (tile % 2 == 0) {
        char *packed = a->self_keys + (size_t)block * vox_attention_keys_bytes(a->self);
        return vox_attention_pack_keys(a->self, lane, a->block, k, packed, err);
    }
    char *packed = a->self_values + (size_t)block * vox_attention_values_bytes(a->self);
    return vox_attention_pack_values(a->self, lane, a->block, k + a->width, packed, err);
}

/* What a layer added to a tile since `before`, shown under "layer N NAME". */
static void show_added(const struct attention_run *run, const char *name, int64_t first,
                       const float *x, float *before)
{
    const struct vox_memory_attention *a = run->attention;
    if (run->tap == NULL) {
        return;
    }
    for (int64_t i = 0; i < a->rows * a->width; i++) {
        before[i] = x[i] - before[i];
    }
    char full[VOX_NAME_MAX];
    vox_name(full, "layer %d %s", run->layer, name);
    run->tap->rows(run->tap->context, full, first, a->rows, a->width, before, a->width);
    memcpy(before, x, (size_t)(a->rows * a->width) * sizeof(*before));
}

/* Cross-attention of one tile, added to x; n is room for its norm, q for its queries. */
static enum vox_code cross_attention(const struct attention_run *run, struct vox_lane *lane,
                                     int64_t first, float *x, float *n, float *q,
                                     struct vox_err *err)
{
    const struct vox_memory_attention *a = run->attention;
    const struct vox_attention_layer *l = &a->layers[run->layer];
    int64_t half = a->width / 2;
    float *sums = vox_lane_take(lane, (size_t)(a->rows * a->memory));
    vox_norm_run(&l->norm_cross, a->be, a->rows, x, VOX_ACT_NONE, n);
    enum vox_code code = vox_linear_rows(l->query, lane, a->rows, n, q, err);
    if (code == VOX_OK) {
        a->be->rows->rotate(a->rows, a->width, q, a->width, a->cosines + first * half,
                            a->sines + first * half);
        code = vox_attention_run(a->cross, lane, q, a->bank, bank_blocks(run), sums, err);
    }
    return code != VOX_OK ? code : vox_linear_rows(l->cross_out, lane, a->rows, sums, x, err);
}

/* The rest of a layer for one tile of tokens: self-attention, cross-attention and MLP, each added
 * to x; after the last layer the final norm. */
static enum vox_code attend_tile(void *context, int64_t tile, struct vox_lane *lane,
                                 struct vox_err *err)
{
    const struct attention_run *run = context;
    const struct vox_memory_attention *a = run->attention;
    const struct vox_attention_layer *l = &a->layers[run->layer];
    int64_t first = tile * a->rows;
    size_t floats = (size_t)(a->rows * a->width);
    float *x = a->x + first * a->width;
    float *n = vox_lane_take(lane, floats);
    float *q = vox_lane_take(lane, floats);
    float *hidden = vox_lane_take(lane, (size_t)(a->rows * a->feed));
    float *before = NULL;
    if (run->tap != NULL) {
        before = vox_lane_take(lane, floats);
        memcpy(before, x, floats * sizeof(*before));
    }
    enum vox_code code =
        vox_attention_run(a->self, lane, a->qkv + first * 3 * a->width, a->own, a->blocks, n, err);
    if (code == VOX_OK) {
        code = vox_linear_rows(l->self_out, lane, a->rows, n, x, err);
        show_added(run, "self", first, x, before);
    }
    if (code == VOX_OK) {
        code = cross_attention(run, lane, first, x, n, q, err);
        show_added(run, "cross", first, x, before);
    }
    if (code == VOX_OK) {
        vox_norm_run(&l->norm_feed, a->be, a->rows, x, VOX_ACT_NONE, n);
        code = vox_linear_rows(l->widen, lane, a->rows, n, hidden, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_rows(l->narrow, lane, a->rows, hidden, x, err);
    }
    if (run->layer == a->n_layers - 1) {
        vox_norm_run(&a->norm, a->be, a->rows, x, VOX_ACT_NONE, run->out + first * a->width);
    }
    return code;
}

static enum vox_code run_layer(struct attention_run *run, struct vox_err *err)
{
    struct vox_memory_attention *a = run->attention;
    struct vox_pool *pool = a->be->pool;
    int64_t tiles = a->tokens / a->rows;
    enum vox_code code = vox_pool_run(pool, tiles + bank_blocks(run), project_tile, run, err);
    if (code == VOX_OK) {
        code = vox_pool_run(pool, 2 * a->blocks, self_pack_tile, run, err);
    }
    if (code == VOX_OK) {
        code = vox_pool_run(pool, tiles, attend_tile, run, err);
    }
    if (code == VOX_OK && run->tap != NULL) {
        char name[VOX_NAME_MAX];
        vox_name(name, "layer %d", run->layer);
        run->tap->rows(run->tap->context, name, 0, a->tokens, a->width, a->x, a->width);
    }
    return code;
}

enum vox_code vox_memory_attention_run(struct vox_memory_attention *a, const float *features,
                                       const struct vox_bank_entry *memories, int64_t n_memories,
                                       const struct vox_bank_pointer *pointers, int64_t n_pointers,
                                       float *out, const struct vox_tap *tap, struct vox_err *err)
{
    struct attention_run run = {.attention = a,
                                .memories = memories,
                                .n_memories = n_memories,
                                .pointers = pointers,
                                .n_pointers = n_pointers,
                                .out = out,
                                .tap = tap};
    run.pointer_rows = n_pointers * (a->width / a->memory);
    run.pointer_blocks = pointer_blocks_of(a, n_pointers);
    enum vox_code code = vox_memory_attention_reserve(a, n_memories, n_pointers, err);
    if (code == VOX_OK && n_pointers > 0) {
        code = vox_pool_run(a->be->pool, 1, pointer_tile, &run, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    memcpy(a->x, features, (size_t)(a->tokens * a->width) * sizeof(float));
    if (a->code_at_input) {
        a->be->rows->axpy(a->tokens * a->width, 1.0f, a->input_code, a->x);
    }
    for (run.layer = 0; run.layer < a->n_layers && code == VOX_OK; run.layer++) {
        code = run_layer(&run, err);
    }
    if (code == VOX_OK && tap != NULL) {
        tap->rows(tap->context, "final", 0, a->tokens, a->width, out, a->width);
    }
    return code;
}
