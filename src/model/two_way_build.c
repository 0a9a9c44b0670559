#include "model/two_way_parts.h"

#include <stdio.h>
#include <string.h>

#include "model/token_tiles.h"
#include "util/memory.h"

#define PREFIX "sam_mask_decoder.transformer."

enum { MOST_STACKED = 3 };

/* Layers with one input made into one operator: the rows of their weights one after another. */
struct stack {
    const char *parts[MOST_STACKED]; /* last word of the names; NULL after the last */
    int64_t in, out;                 /* of each part */
    bool with_bias;
};

static int stack_height(const struct stack *stack)
{
    int n = 0;
    while (n < MOST_STACKED && stack->parts[n] != NULL) {
        n++;
    }
    return n;
}

static enum vox_code stack_read(const struct vox_builder *builder, const char *name,
                                const struct stack *stack, float *weight, float *bias,
                                struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int i = 0; i < stack_height(stack) && code == VOX_OK; i++) {
        char full[VOX_NAME_MAX];
        float *part = NULL;
        snprintf(full, sizeof(full), "%s.%s.weight", name, stack->parts[i]);
        code = vox_build_tensor(builder, full, stack->in * stack->out, &part, err);
        if (code == VOX_OK) {
            size_t values = (size_t)(stack->in * stack->out);
            memcpy(weight + (size_t)i * values, part, values * sizeof(*part));
            vox_free(part);
            snprintf(full, sizeof(full), "%s.%s.bias", name, stack->parts[i]);
            code = vox_build_tensor(builder, full, stack->out, &part, err);
        }
        if (code == VOX_OK) {
            memcpy(bias + i * stack->out, part, (size_t)stack->out * sizeof(*part));
            vox_free(part);
        }
    }
    return code;
}

static enum vox_code build_stack(const struct vox_builder *builder, const char *name,
                                 const struct stack *stack, struct vox_linear **out,
                                 struct vox_err *err)
{
    int64_t rows = stack_height(stack) * stack->out;
    float *weight = vox_calloc((size_t)rows, (size_t)stack->in * sizeof(*weight));
    float *bias = vox_calloc((size_t)rows, sizeof(*bias));
    enum vox_code code = weight != NULL && bias != NULL
                             ? stack_read(builder, name, stack, weight, bias, err)
                             : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code == VOX_OK) {
        struct vox_linear_desc desc = {.in = stack->in, .out = rows, .compute = VOX_F32};
        code = vox_linear_new(builder->be, &desc, weight, stack->with_bias ? bias : NULL, out, err);
    }
    vox_free(weight);
    vox_free(bias);
    return code;
}

struct code_run {
    const struct vox_two_way *two_way;
    const struct vox_linear *linear;
    const float *image_code;
    float *code;
    int64_t columns;
};

static enum vox_code code_tile(void *context, int64_t tile, struct vox_lane *lane,
                               struct vox_err *err)
{
    const struct code_run *run = context;
    int64_t rows = run->two_way->tile;
    return vox_linear_rows(run->linear, lane, rows,
                           run->image_code + tile * rows * run->two_way->width,
                           run->code + tile * rows * run->columns, err);
}

/* The positional code's share of keys and queries: W Kp, without the bias. */
static enum vox_code build_code(const struct vox_builder *builder, struct vox_two_way *two_way,
                                const char *name, const struct stack *stack,
                                const float *image_code, struct vox_two_way_image *image,
                                struct vox_err *err)
{
    struct vox_linear *linear = NULL;
    image->code_columns = stack_height(stack) * stack->out;
    image->code = vox_calloc((size_t)two_way->image_tokens,
                             (size_t)image->code_columns * sizeof(*image->code));
    if (image->code == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = build_stack(builder, name, stack, &linear, err);
    if (code == VOX_OK) {
        code = vox_linear_plan(linear, two_way->tile, two_way->width, image->code_columns, err);
    }
    if (code == VOX_OK) {
        struct code_run run = {two_way, linear, image_code, image->code, image->code_columns};
        code = vox_pool_run(builder->be->pool, two_way->tiles, code_tile, &run, err);
    }
    vox_linear_free(linear);
    return code;
}

/* The image's side of one attention of the tokens, and its queries for the way back. */
static enum vox_code build_image(const struct vox_builder *builder, struct vox_two_way *two_way,
                                 int layer, const float *image_code, struct vox_err *err)
{
    int64_t width = two_way->width;
    int64_t inner = two_way->inner;
    struct vox_two_way_image *image = &two_way->images[layer];
    char name[VOX_NAME_MAX];
    struct stack all = {{NULL, NULL, NULL}, width, inner, true};
    struct stack coded = {{NULL, NULL, NULL}, width, inner, false};
    if (layer < VOX_TWO_WAY_LAYERS) {
        /* Named from the layer, because two attentions share the projection. */
        snprintf(name, sizeof(name), PREFIX "layers.%d", layer);
        all.parts[0] = coded.parts[0] = "cross_attn_token_to_image.k_proj";
        all.parts[1] = coded.parts[1] = "cross_attn_image_to_token.q_proj";
        all.parts[2] = "cross_attn_token_to_image.v_proj";
    } else {
        snprintf(name, sizeof(name), PREFIX "final_attn_token_to_image");
        all.parts[0] = coded.parts[0] = "k_proj";
        all.parts[1] = "v_proj";
    }
    image->columns = stack_height(&all) * inner;
    enum vox_code code = build_stack(builder, name, &all, &image->projection, err);
    if (code == VOX_OK) {
        code = build_code(builder, two_way, name, &coded, image_code, image, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_plan(image->projection, two_way->tile, width, 3 * inner, err);
    }
    return code;
}

static enum vox_code build_norms(const struct vox_builder *builder, const char *prefix,
                                 int64_t width, struct vox_two_way_layer *layer,
                                 struct vox_err *err)
{
    struct vox_norm *norms[] = {&layer->norm1, &layer->norm2, &layer->norm3, &layer->norm4};
    enum vox_code code = VOX_OK;
    for (int i = 0; i < 4 && code == VOX_OK; i++) {
        char full[VOX_NAME_MAX];
        snprintf(full, sizeof(full), "%s.norm%d", prefix, i + 1);
        code = vox_norm_build(builder, full, width, 1e-5F, norms[i], err);
    }
    return code;
}

static enum vox_code build_layer(const struct vox_builder *builder, struct vox_two_way *two_way,
                                 int index, struct vox_err *err)
{
    struct vox_two_way_layer *layer = &two_way->layers[index];
    int64_t c = two_way->width;
    int64_t i = two_way->inner;
    const struct vox_linear_part parts[] = {
        {"self_attn.v_proj", c, c, VOX_ACT_NONE, false, &layer->self_v},
        {"self_attn.out_proj", c, c, VOX_ACT_NONE, true, &layer->self_out},
        {"cross_attn_token_to_image.q_proj", c, i, VOX_ACT_NONE, false, &layer->token_q},
        {"cross_attn_token_to_image.out_proj", i, c, VOX_ACT_NONE, true, &layer->token_out},
        {"mlp.layers.0", c, VOX_TWO_WAY_HIDDEN, VOX_ACT_RELU, false, &layer->hidden},
        {"mlp.layers.1", VOX_TWO_WAY_HIDDEN, c, VOX_ACT_NONE, true, &layer->hidden_out},
        {"cross_attn_image_to_token.k_proj", c, i, VOX_ACT_NONE, false, &layer->token_k},
        {"cross_attn_image_to_token.v_proj", c, i, VOX_ACT_NONE, false, &layer->token_v},
        {"cross_attn_image_to_token.out_proj", i, c, VOX_ACT_NONE, true, &layer->image_out},
    };
    char prefix[VOX_NAME_MAX / 2];
    snprintf(prefix, sizeof(prefix), PREFIX "layers.%d", index);
    enum vox_code code =
        vox_build_linears(builder, prefix, parts, sizeof(parts) / sizeof(parts[0]), err);
    if (code == VOX_OK) {
        const struct stack qk = {{"self_attn.q_proj", "self_attn.k_proj", NULL}, c, c, true};
        code = build_stack(builder, prefix, &qk, &layer->self_qk, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_plan(layer->image_out, two_way->tile, i, c, err);
    }
    return code == VOX_OK ? build_norms(builder, prefix, c, layer, err) : code;
}

static enum vox_code build_final(const struct vox_builder *builder, struct vox_two_way *two_way,
                                 struct vox_err *err)
{
    int64_t c = two_way->width;
    int64_t i = two_way->inner;
    const struct vox_linear_part parts[] = {
        {"q_proj", c, i, VOX_ACT_NONE, false, &two_way->final_q},
        {"out_proj", i, c, VOX_ACT_NONE, true, &two_way->final_out},
    };
    enum vox_code code =
        vox_build_linears(builder, PREFIX "final_attn_token_to_image", parts, 2, err);
    return code == VOX_OK ? vox_norm_build(builder, PREFIX "norm_final_attn", c, 1e-5F,
                                           &two_way->final_norm, err)
                          : code;
}

static enum vox_code build_all(struct vox_builder *builder, const float *image_code,
                               struct vox_two_way *two_way, struct vox_err *err)
{
    size_t tokens = (size_t)two_way->image_tokens;
    two_way->image = vox_calloc(tokens, (size_t)two_way->width * sizeof(float));
    two_way->image_q = vox_calloc(tokens, (size_t)two_way->inner * sizeof(float));
    two_way->blocks =
        vox_calloc((size_t)(VOX_TWO_WAY_HEADS * two_way->tiles), sizeof(*two_way->blocks));
    if (two_way->image == NULL || two_way->image_q == NULL || two_way->blocks == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (int i = 0; i < VOX_TWO_WAY_LAYERS && code == VOX_OK; i++) {
        code = build_layer(builder, two_way, i, err);
    }
    for (int i = 0; i <= VOX_TWO_WAY_LAYERS && code == VOX_OK; i++) {
        code = build_image(builder, two_way, i, image_code, err);
    }
    if (code == VOX_OK) {
        code = build_final(builder, two_way, err);
    }
    vox_build_scratch(builder, (size_t)(4 * two_way->inner * two_way->tile), 2);
    return code;
}

enum vox_code vox_two_way_new(struct vox_builder *builder, const float *image_code,
                              struct vox_two_way **out, struct vox_err *err)
{
    struct vox_two_way *two_way = vox_calloc(1, sizeof(*two_way));
    if (two_way == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    int64_t side = builder->config->image_size / 16;
    two_way->be = builder->be;
    two_way->width = builder->config->neck.d_model;
    two_way->inner = two_way->width / 2;
    two_way->image_tokens = side * side;
    two_way->tile = vox_tile_rows(two_way->image_tokens, builder->be->tile_rows);
    two_way->tiles = two_way->image_tokens / two_way->tile;
    enum vox_code code = build_all(builder, image_code, two_way, err);
    if (code != VOX_OK) {
        vox_two_way_free(two_way);
        return code;
    }
    *out = two_way;
    return VOX_OK;
}

static void free_layer(struct vox_two_way_layer *layer)
{
    vox_linear_free(layer->self_qk);
    vox_linear_free(layer->self_v);
    vox_linear_free(layer->self_out);
    vox_linear_free(layer->token_q);
    vox_linear_free(layer->token_out);
    vox_linear_free(layer->hidden);
    vox_linear_free(layer->hidden_out);
    vox_linear_free(layer->token_k);
    vox_linear_free(layer->token_v);
    vox_linear_free(layer->image_out);
    vox_norm_fini(&layer->norm1);
    vox_norm_fini(&layer->norm2);
    vox_norm_fini(&layer->norm3);
    vox_norm_fini(&layer->norm4);
}

void vox_two_way_free(struct vox_two_way *two_way)
{
    if (two_way == NULL) {
        return;
    }
    for (int i = 0; i < VOX_TWO_WAY_LAYERS; i++) {
        free_layer(&two_way->layers[i]);
    }
    for (int i = 0; i <= VOX_TWO_WAY_LAYERS; i++) {
        vox_linear_free(two_way->images[i].projection);
        vox_free(two_way->images[i].code);
    }
    vox_linear_free(two_way->final_q);
    vox_linear_free(two_way->final_out);
    vox_norm_fini(&two_way->final_norm);
    for (int i = 0; i < two_way->n_plans; i++) {
        vox_two_way_plan_fini(&two_way->plans[i]);
    }
    vox_free(two_way->blocks);
    vox_free(two_way->image);
    vox_free(two_way->image_q);
    vox_free(two_way->memory);
    vox_free(two_way->packed);
    vox_free(two_way);
}
