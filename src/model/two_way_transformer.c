#include "model/two_way_transformer.h"

#include <stdio.h>
#include <string.h>

#include "model/token_tiles.h"
#include "model/two_way_parts.h"

/* One call. Steps of the tokens run as one tile, steps of the image in tiles of rows. */
struct run {
    struct vox_two_way *two_way;
    const struct vox_two_way_plan *plan;
    struct vox_two_way_layout layout;
    const struct vox_two_way_input *input;
    const struct vox_tap *tap;
    int stage; /* 0: before the first layer; n: after layer n - 1 */
};

enum vox_code vox_two_way_tokens(struct vox_two_way *two_way, int64_t n, float **tokens,
                                 struct vox_err *err)
{
    const struct vox_two_way_plan *plan;
    enum vox_code code = vox_two_way_plan(two_way, n, &plan, err);
    if (code != VOX_OK) {
        return code;
    }
    /* Rows that only fill the planned count: any finite value would do. */
    memset(two_way->tokens, 0, (size_t)(plan->rows * two_way->width) * sizeof(float));
    *tokens = two_way->tokens;
    return VOX_OK;
}

const float *vox_two_way_keys(const struct vox_two_way *two_way)
{
    return two_way->image;
}

static void tap_layer(const struct run *run, int layer, const char *what, int64_t row, int64_t rows,
                      const float *data)
{
    if (run->tap != NULL) {
        char name[32];
        snprintf(name, sizeof(name), "decoder layer %d %s", layer, what);
        run->tap->rows(run->tap->context, name, row, rows, run->two_way->width, data,
                       run->two_way->width);
    }
}

/* ---- steps of the tokens ---- */

/* sum = Q + T: the tokens with their code, which is what they began as. */
static void add_code(const struct run *run)
{
    struct vox_two_way *tw = run->two_way;
    size_t values = (size_t)(run->plan->rows * tw->width);
    memcpy(tw->sum, tw->q, values * sizeof(float));
    tw->be->rows->axpy((int64_t)values, 1.0F, tw->tokens, tw->sum);
}

static enum vox_code attend_self(const struct run *run, struct vox_lane *lane, struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_attention *attention = run->plan->self;
    char *keys = tw->packed + run->layout.self.keys;
    char *values = tw->packed + run->layout.self.values;
    struct vox_key_block block = {keys, values, run->input->n_tokens, 1.0F};
    int64_t dim = tw->width / VOX_TWO_WAY_HEADS;
    enum vox_code code = VOX_OK;
    for (int64_t h = 0; h < VOX_TWO_WAY_HEADS && code == VOX_OK; h++) {
        code = vox_attention_pack_keys(attention, lane, block.valid, tw->qk + tw->width + h * dim,
                                       keys, err);
        if (code == VOX_OK) {
            code = vox_attention_pack_values(attention, lane, block.valid, tw->v + h * dim, values,
                                             err);
        }
        if (code == VOX_OK) {
            code = vox_attention_run(attention, lane, tw->qk + h * dim, &block, 1,
                                     tw->attended + h * dim, err);
        }
    }
    return code;
}

/* Self-attention and norm1. In the first layer it has neither residual nor positional code. */
static enum vox_code self_attention(const struct run *run, struct vox_lane *lane, int index,
                                    struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_layer *layer = &tw->layers[index];
    int64_t rows = run->plan->rows;
    bool first = index == 0;
    if (!first) {
        add_code(run);
    }
    enum vox_code code =
        vox_linear_rows(layer->self_qk, lane, rows, first ? tw->q : tw->sum, tw->qk, err);
    if (code == VOX_OK) {
        code = vox_linear_rows(layer->self_v, lane, rows, tw->q, tw->v, err);
    }
    if (code == VOX_OK) {
        code = attend_self(run, lane, err);
    }
    if (code == VOX_OK && first) {
        memset(tw->q, 0, (size_t)(rows * tw->width) * sizeof(float));
    }
    if (code == VOX_OK) {
        code = vox_linear_rows(layer->self_out, lane, rows, tw->attended, tw->q, err);
    }
    if (code == VOX_OK) {
        vox_norm_run(&layer->norm1, tw->be, rows, tw->q, VOX_ACT_NONE, tw->q);
    }
    return code;
}

/* What the tokens do before they ask the image at a stage. */
static enum vox_code begin_tokens(const struct run *run, struct vox_lane *lane, struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    bool last = run->stage == VOX_TWO_WAY_LAYERS;
    enum vox_code code = last ? VOX_OK : self_attention(run, lane, run->stage, err);
    if (code == VOX_OK) {
        add_code(run);
        code = vox_linear_rows(last ? tw->final_q : tw->layers[run->stage].token_q, lane,
                               run->plan->rows, tw->sum, tw->token_q, err);
    }
    return code;
}

/* Packs the tokens as keys and values of the image. */
static enum vox_code pack_tokens(const struct run *run, struct vox_lane *lane, struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_packs *packs = &run->layout.token;
    int64_t dim = tw->inner / VOX_TWO_WAY_HEADS;
    enum vox_code code = VOX_OK;
    for (int64_t h = 0; h < VOX_TWO_WAY_HEADS && code == VOX_OK; h++) {
        size_t n = (size_t)h;
        code = vox_attention_pack_keys(run->plan->to_token, lane, run->input->n_tokens,
                                       tw->token_k + h * dim,
                                       tw->packed + packs->keys + n * packs->keys_step, err);
        if (code == VOX_OK) {
            code = vox_attention_pack_values(
                run->plan->to_token, lane, run->input->n_tokens, tw->token_v + h * dim,
                tw->packed + packs->values + n * packs->values_step, err);
        }
    }
    return code;
}

/* What the tokens do with the image's answer in a layer. */
static enum vox_code end_tokens(const struct run *run, struct vox_lane *lane, int index,
                                struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_layer *layer = &tw->layers[index];
    int64_t rows = run->plan->rows;
    enum vox_code code = vox_linear_rows(layer->token_out, lane, rows, tw->token_out, tw->q, err);
    if (code == VOX_OK) {
        vox_norm_run(&layer->norm2, tw->be, rows, tw->q, VOX_ACT_NONE, tw->q);
        code = vox_linear_rows(layer->hidden, lane, rows, tw->q, tw->hidden, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_rows(layer->hidden_out, lane, rows, tw->hidden, tw->q, err);
    }
    if (code == VOX_OK) {
        vox_norm_run(&layer->norm3, tw->be, rows, tw->q, VOX_ACT_NONE, tw->q);
        tap_layer(run, index, "q", 0, run->input->n_tokens, tw->q);
        add_code(run);
        code = vox_linear_rows(layer->token_k, lane, rows, tw->sum, tw->token_k, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_rows(layer->token_v, lane, rows, tw->q, tw->token_v, err);
    }
    return code == VOX_OK ? pack_tokens(run, lane, err) : code;
}

static enum vox_code token_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    (void)tile;
    const struct run *run = context;
    enum vox_code code = end_tokens(run, lane, run->stage - 1, err);
    return code == VOX_OK ? begin_tokens(run, lane, err) : code;
}

/* ---- steps of the image ---- */

/* Packs the keys and values of one tile, with its queries kept for the way back. */
static enum vox_code pack_image(const struct run *run, struct vox_lane *lane, int64_t tile,
                                const float *projected, struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_packs *packs = &run->layout.image;
    const float *v = projected + tw->images[run->stage].code_columns;
    int64_t dim = tw->inner / VOX_TWO_WAY_HEADS;
    enum vox_code code = VOX_OK;
    for (int64_t h = 0; h < VOX_TWO_WAY_HEADS && code == VOX_OK; h++) {
        int64_t n = h * tw->tiles + tile;
        char *keys = tw->packed + packs->keys + (size_t)n * packs->keys_step;
        char *values = tw->packed + packs->values + (size_t)n * packs->values_step;
        tw->blocks[n] = (struct vox_key_block){keys, values, tw->tile, 1.0F};
        code = vox_attention_pack_keys(run->plan->to_image, lane, tw->tile, projected + h * dim,
                                       keys, err);
        if (code == VOX_OK) {
            code = vox_attention_pack_values(run->plan->to_image, lane, tw->tile, v + h * dim,
                                             values, err);
        }
    }
    return code;
}

/* Keys, values and queries of one tile of the image for the attention of this stage. */
static enum vox_code project(const struct run *run, struct vox_lane *lane, int64_t tile,
                             float *projected, struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_image *image = &tw->images[run->stage];
    int64_t ld = 3 * tw->inner;
    int64_t row = tile * tw->tile;
    enum vox_code code = vox_linear_run(image->projection, lane, tw->tile,
                                        tw->image + row * tw->width, tw->width, projected, ld, err);
    if (code != VOX_OK) {
        return code;
    }
    for (int64_t i = 0; i < tw->tile; i++) {
        float *to = projected + i * ld;
        tw->be->rows->axpy(image->code_columns, 1.0F, image->code + (row + i) * image->code_columns,
                           to);
        if (run->stage < VOX_TWO_WAY_LAYERS) {
            memcpy(tw->image_q + (row + i) * tw->inner, to + tw->inner,
                   (size_t)tw->inner * sizeof(float));
        }
    }
    return pack_image(run, lane, tile, projected, err);
}

/* The image's tokens look at the prompt's, and norm4. */
static enum vox_code ask_tokens(const struct run *run, struct vox_lane *lane, int64_t tile,
                                float *attended, struct vox_err *err)
{
    struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_layer *layer = &tw->layers[run->stage - 1];
    const struct vox_two_way_packs *packs = &run->layout.token;
    int64_t dim = tw->inner / VOX_TWO_WAY_HEADS;
    int64_t row = tile * tw->tile;
    enum vox_code code = VOX_OK;
    for (int64_t h = 0; h < VOX_TWO_WAY_HEADS && code == VOX_OK; h++) {
        size_t n = (size_t)h;
        struct vox_key_block block = {tw->packed + packs->keys + n * packs->keys_step,
                                      tw->packed + packs->values + n * packs->values_step,
                                      run->input->n_tokens, 1.0F};
        code = vox_attention_run(run->plan->to_token, lane, tw->image_q + row * tw->inner + h * dim,
                                 &block, 1, attended + h * dim, err);
    }
    float *image = tw->image + row * tw->width;
    if (code == VOX_OK) {
        code = vox_linear_rows(layer->image_out, lane, tw->tile, attended, image, err);
    }
    if (code == VOX_OK) {
        vox_norm_run(&layer->norm4, tw->be, tw->tile, image, VOX_ACT_NONE, image);
        tap_layer(run, run->stage - 1, "k", row, tw->tile, image);
    }
    return code;
}

/* K = image + dense prompt. */
static void load_image(const struct run *run, int64_t tile)
{
    const struct vox_two_way *tw = run->two_way;
    const struct vox_two_way_input *input = run->input;
    int64_t values = tw->tile * tw->width;
    float *image = tw->image + tile * values;
    memcpy(image, input->image + tile * values, (size_t)values * sizeof(*image));
    for (int64_t i = 0; input->image_row != NULL && i < values; i += tw->width) {
        tw->be->rows->axpy(tw->width, 1.0F, input->image_row, image + i);
    }
    if (input->dense != NULL) {
        tw->be->rows->axpy(values, 1.0F, input->dense + tile * values, image);
    }
    for (int64_t i = 0; input->dense == NULL && i < values; i += tw->width) {
        tw->be->rows->axpy(tw->width, 1.0F, input->dense_row, image + i);
    }
}

static enum vox_code image_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct run *run = context;
    const struct vox_two_way *tw = run->two_way;
    float *projected = vox_lane_take(lane, (size_t)(3 * tw->inner * tw->tile));
    float *attended = vox_lane_take(lane, (size_t)(tw->inner * tw->tile));
    enum vox_code code = ask_tokens(run, lane, tile, attended, err);
    return code == VOX_OK ? project(run, lane, tile, projected, err) : code;
}

/* The first stage: the tokens' part and the image's know nothing of each other yet, so they run
 * side by side. */
static enum vox_code first_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct run *run = context;
    const struct vox_two_way *tw = run->two_way;
    if (tile == 0) {
        return begin_tokens(run, lane, err);
    }
    load_image(run, tile - 1);
    float *projected = vox_lane_take(lane, (size_t)(3 * tw->inner * tw->tile));
    return project(run, lane, tile - 1, projected, err);
}

/* One head of the tokens' attention to the image. */
static enum vox_code head_tile(void *context, int64_t head, struct vox_lane *lane,
                               struct vox_err *err)
{
    const struct run *run = context;
    const struct vox_two_way *tw = run->two_way;
    int64_t at = head * (tw->inner / VOX_TWO_WAY_HEADS);
    return vox_attention_run(run->plan->to_image, lane, tw->token_q + at,
                             tw->blocks + head * tw->tiles, tw->tiles, tw->token_out + at, err);
}

enum vox_code vox_two_way_run(struct vox_two_way *two_way, const struct vox_two_way_input *input,
                              const struct vox_tap *tap, struct vox_err *err)
{
    const struct vox_two_way_plan *plan;
    enum vox_code code = vox_two_way_plan(two_way, input->n_tokens, &plan, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_pool *pool = two_way->be->pool;
    struct run run = {two_way, plan, vox_two_way_layout(two_way, plan), input, tap, 0};
    two_way->current = plan;
    two_way->n_tokens = input->n_tokens;
    memcpy(two_way->q, two_way->tokens, (size_t)(plan->rows * two_way->width) * sizeof(float));
    code = vox_pool_run(pool, two_way->tiles + 1, first_tile, &run, err);
    if (code == VOX_OK) {
        code = vox_pool_run(pool, VOX_TWO_WAY_HEADS, head_tile, &run, err);
    }
    for (run.stage = 1; run.stage <= VOX_TWO_WAY_LAYERS && code == VOX_OK; run.stage++) {
        code = vox_pool_run(pool, 1, token_tile, &run, err);
        if (code == VOX_OK) {
            code = vox_pool_run(pool, two_way->tiles, image_tile, &run, err);
        }
        if (code == VOX_OK) {
            code = vox_pool_run(pool, VOX_TWO_WAY_HEADS, head_tile, &run, err);
        }
    }
    return code;
}

enum vox_code vox_two_way_finish(struct vox_two_way *two_way, struct vox_lane *lane,
                                 const struct vox_tap *tap, const float **q, struct vox_err *err)
{
    int64_t rows = two_way->current->rows;
    enum vox_code code =
        vox_linear_rows(two_way->final_out, lane, rows, two_way->token_out, two_way->q, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_norm_run(&two_way->final_norm, two_way->be, rows, two_way->q, VOX_ACT_NONE, two_way->q);
    if (tap != NULL) {
        tap->rows(tap->context, "decoder final q", 0, two_way->n_tokens, two_way->width, two_way->q,
                  two_way->width);
    }
    *q = two_way->q;
    return VOX_OK;
}
