#include "model/memory_attention_parts.h"

#include <math.h>
#include <string.h>

#include "model/position.h"
#include "model/token_tiles.h"
#include "util/memory.h"

enum { KEY_BLOCK = 256 };

static const float norm_eps = 1e-5f;

static enum vox_code load(const struct vox_builder *builder, const char *prefix, const char *name,
                          int64_t numel, float **out, struct vox_err *err)
{
    char full[VOX_NAME_MAX];
    vox_name(full, "%s.%s", prefix, name);
    return vox_build_tensor(builder, full, numel, out, err);
}

/* The three projections of self-attention, one below the other. */
static enum vox_code build_qkv(const struct vox_builder *builder, const char *prefix, int64_t width,
                               struct vox_linear **out, struct vox_err *err)
{
    static const char *const names[] = {"q_proj", "k_proj", "v_proj"};
    float *weight = vox_alloc((size_t)(3 * width * width) * sizeof(*weight));
    float *bias = vox_alloc((size_t)(3 * width) * sizeof(*bias));
    enum vox_code code =
        weight == NULL || bias == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory") : VOX_OK;
    for (int64_t i = 0; i < 3 && code == VOX_OK; i++) {
        float *w = NULL;
        float *b = NULL;
        char name[VOX_NAME_MAX];
        vox_name(name, "self_attn.%s.weight", names[i]);
        code = load(builder, prefix, name, width * width, &w, err);
        if (code == VOX_OK) {
            vox_name(name, "self_attn.%s.bias", names[i]);
            code = load(builder, prefix, name, width, &b, err);
        }
        if (code == VOX_OK) {
            memcpy(weight + i * width * width, w, (size_t)(width * width) * sizeof(*w));
            memcpy(bias + i * width, b, (size_t)width * sizeof(*b));
        }
        vox_free(w);
        vox_free(b);
    }
    if (code == VOX_OK) {
        struct vox_linear_desc desc = {.in = width, .out = 3 * width, .compute = VOX_F32};
        code = vox_linear_new(builder->be, &desc, weight, bias, out, err);
    }
    vox_free(weight);
    vox_free(bias);
    return code;
}

/* softmax(...) (Mem Wv^T + bv) Wo^T + bo = (softmax(...) Mem) (Wo Wv)^T + Wo bv + bo, since a
 * softmax's weights sum to one: the sum runs over M channels, not C. Multiplied in double. */
static enum vox_code build_cross_out(const struct vox_builder *builder, const char *prefix,
                                     int64_t width, int64_t memory, struct vox_linear **out,
                                     struct vox_err *err)
{
    float *t[4] = {NULL, NULL, NULL, NULL};
    enum vox_code code =
        load(builder, prefix, "cross_attn_image.v_proj.weight", width * memory, &t[0], err);
    if (code == VOX_OK) {
        code = load(builder, prefix, "cross_attn_image.v_proj.bias", width, &t[1], err);
    }
    if (code == VOX_OK) {
        code = load(builder, prefix, "cross_attn_image.out_proj.weight", width * width, &t[2], err);
    }
    if (code == VOX_OK) {
        code = load(builder, prefix, "cross_attn_image.out_proj.bias", width, &t[3], err);
    }
    float *weight = vox_alloc((size_t)(width * memory) * sizeof(*weight));
    float *bias = vox_alloc((size_t)width * sizeof(*bias));
    if (code == VOX_OK && (weight == NULL || bias == NULL)) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        vox_multiply_linears(width, width, memory, t[2], t[3], t[0], t[1], weight, bias);
        struct vox_linear_desc desc = {
            .in = memory, .out = width, .accumulate = true, .compute = VOX_F32};
        code = vox_linear_new(builder->be, &desc, weight, bias, out, err);
    }
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        vox_free(t[i]);
    }
    vox_free(weight);
    vox_free(bias);
    return code;
}

static enum vox_code build_norms(const struct vox_builder *builder, const char *prefix,
                                 int64_t width, struct vox_attention_layer *layer,
                                 struct vox_err *err)
{
    struct vox_norm *norms[] = {&layer->norm_self, &layer->norm_cross, &layer->norm_feed};
    enum vox_code code = VOX_OK;
    for (int i = 0; i < 3 && code == VOX_OK; i++) {
        char name[VOX_NAME_MAX];
        vox_name(name, "%s.norm%d", prefix, i + 1);
        code = vox_norm_build(builder, name, width, norm_eps, norms[i], err);
    }
    return code;
}

/* W_k applied to every slot's temporal code (without bias), then rotated for every column and every
 * row. */
static enum vox_code build_slots(const struct vox_memory_attention *a,
                                 const struct vox_builder *builder, const char *prefix,
                                 struct vox_attention_layer *layer, struct vox_err *err)
{
    float *code_of = NULL;
    float *w = NULL;
    int64_t half = a->width / 2;
    size_t floats = (size_t)(a->slots * a->side * half);
    layer->slot_x = vox_alloc(floats * sizeof(float));
    layer->slot_y = vox_alloc(floats * sizeof(float));
    float *projected = vox_alloc((size_t)a->width * sizeof(float));
    enum vox_code code =
        layer->slot_x == NULL || layer->slot_y == NULL || projected == NULL
            ? vox_fail(err, VOX_E_NOMEM, "out of memory")
            : vox_build_tensor(builder, "maskmem_tpos_enc", a->slots * a->memory, &code_of, err);
    if (code == VOX_OK) {
        code =
            load(builder, prefix, "cross_attn_image.k_proj.weight", a->width * a->memory, &w, err);
    }
    for (int64_t s = 0; s < a->slots && code == VOX_OK; s++) {
        for (int64_t c = 0; c < a->width; c++) {
            double sum = 0;
            for (int64_t m = 0; m < a->memory; m++) {
                sum += (double)w[c * a->memory + m] * (double)code_of[s * a->memory + m];
            }
            projected[c] = (float)sum;
        }
        for (int64_t p = 0; p < a->side; p++) {
            /* Token p is column p of row 0, token p * side is row p of column 0. */
            float *x = layer->slot_x + (s * a->side + p) * half;
            float *y = layer->slot_y + (s * a->side + p) * half;
            memcpy(x, projected, (size_t)half * sizeof(*x));
            memcpy(y, projected + half, (size_t)half * sizeof(*y));
            a->be->rows->rotate(1, half, x, half, a->cosines + p * half, a->sines + p * half);
            a->be->rows->rotate(1, half, y, half, a->cosines + p * a->side * half + half / 2,
                                a->sines + p * a->side * half + half / 2);
        }
    }
    vox_free(code_of);
    vox_free(w);
    vox_free(projected);
    return code;
}

static enum vox_code build_layer(const struct vox_memory_attention *a,
                                 const struct vox_builder *builder, int index,
                                 struct vox_attention_layer *layer, struct vox_err *err)
{
    int64_t width = a->width;
    char prefix[VOX_NAME_MAX];
    vox_name(prefix, "memory_attention.layers.%d", index);
    enum vox_code code = build_norms(builder, prefix, width, layer, err);
    if (code == VOX_OK) {
        code = build_qkv(builder, prefix, width, &layer->qkv, err);
    }
    const struct vox_linear_part parts[] = {
        {"self_attn.out_proj", width, width, VOX_ACT_NONE, true, &layer->self_out},
        {"cross_attn_image.q_proj", width, width, VOX_ACT_NONE, false, &layer->query},
        {"cross_attn_image.k_proj", a->memory, width, VOX_ACT_NONE, false, &layer->key},
        {"linear1", width, a->feed, VOX_ACT_RELU, false, &layer->widen},
        {"linear2", a->feed, width, VOX_ACT_NONE, true, &layer->narrow},
    };
    if (code == VOX_OK) {
        code = vox_build_linears(builder, prefix, parts, sizeof(parts) / sizeof(parts[0]), err);
    }
    if (code == VOX_OK) {
        code = build_cross_out(builder, prefix, width, a->memory, &layer->cross_out, err);
    }
    if (code == VOX_OK) {
        code = build_slots(a, builder, prefix, layer, err);
    }
    struct vox_planned plans[] = {
        {layer->qkv, a->rows, 0, 0},       {layer->self_out, a->rows, 0, 0},
        {layer->query, a->rows, 0, 0},     {layer->key, a->block, 0, 0},
        {layer->cross_out, a->rows, 0, 0}, {layer->widen, a->rows, 0, 0},
        {layer->narrow, a->rows, 0, 0},
    };
    return code != VOX_OK ? code
                          : vox_plan_all(plans, (int64_t)(sizeof(plans) / sizeof(plans[0])), err);
}

static enum vox_code build_codes(struct vox_memory_attention *a, const struct vox_builder *builder,
                                 struct vox_err *err)
{
    size_t tokens = (size_t)a->tokens;
    size_t pairs = tokens * (size_t)a->width / 2;
    a->input_code = vox_alloc(tokens * (size_t)a->width * sizeof(float));
    a->memory_code = vox_alloc(tokens * (size_t)a->memory * sizeof(float));
    a->cosines = vox_alloc(pairs * sizeof(float));
    a->sines = vox_alloc(pairs * sizeof(float));
    if (a->input_code == NULL || a->memory_code == NULL || a->cosines == NULL || a->sines == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_sine_code(a->side, a->width, a->input_code);
    for (size_t i = 0; i < tokens * (size_t)a->width; i++) {
        a->input_code[i] *= 0.1f;
    }
    vox_sine_code(a->side, a->memory, a->memory_code);
    vox_rope_table(a->side, a->width, builder->config->memory_attention.rope_theta, a->cosines,
                   a->sines);
    return VOX_OK;
}

static enum vox_code plan_attention(struct vox_memory_attention *a, struct vox_err *err)
{
    struct vox_attention_desc self = {
        .queries = a->rows,
        .keys = a->block,
        .dim_k = a->width,
        .dim_v = a->width,
        .ld_q = 3 * a->width,
        .ld_k = 3 * a->width,
        .ld_v = 3 * a->width,
        .ld_out = a->width,
        .scale = 1.0f / sqrtf((float)a->width),
        .compute = VOX_F32,
    };
    struct vox_attention_desc cross = self;
    cross.dim_v = a->memory;
    cross.ld_q = a->width;
    cross.ld_k = a->width;
    cross.ld_v = a->memory;
    cross.ld_out = a->memory;
    enum vox_code code = vox_attention_new(a->be, &self, &a->self, err);
    return code != VOX_OK ? code : vox_attention_new(a->be, &cross, &a->cross, err);
}

static enum vox_code build_layers(struct vox_memory_attention *a, struct vox_builder *builder,
                                  struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int i = 0; i < builder->config->memory_attention.num_layers && code == VOX_OK; i++) {
        a->n_layers = i + 1;
        code = build_layer(a, builder, i, &a->layers[i], err);
    }
    return code;
}

enum vox_code vox_memory_attention_build(struct vox_memory_attention *a,
                                         struct vox_builder *builder, struct vox_err *err)
{
    const struct vox_model_config *config = builder->config;
    a->be = builder->be;
    a->side = config->image_size / 16;
    a->tokens = a->side * a->side;
    a->width = config->neck.d_model;
    a->memory = config->memory_encoder.out_dim;
    a->feed = config->memory_attention.dim_feedforward;
    a->slots = config->num_maskmem;
    a->rows = vox_tile_rows(a->tokens, a->be->tile_rows);
    a->block = vox_tile_rows(a->tokens, KEY_BLOCK);
    a->blocks = a->tokens / a->block;
    a->code_at_input = config->memory_attention.pos_enc_at_input;
    enum vox_code code = build_codes(a, builder, err);
    if (code == VOX_OK) {
        code = build_layers(a, builder, err);
    }
    if (code == VOX_OK) {
        code = vox_norm_build(builder, "memory_attention.norm", a->width, norm_eps, &a->norm, err);
    }
    if (code == VOX_OK && config->obj_ptrs && config->tpos_enc_to_ptrs) {
        struct vox_linear_desc desc = {.in = a->width, .out = a->memory, .compute = VOX_F32};
        code = vox_build_linear(builder, "obj_ptr_tpos_proj", &desc, &a->pointer_code, err);
        if (code == VOX_OK) {
            code = vox_linear_plan(a->pointer_code, 1, a->width, a->memory, err);
        }
    }
    if (code == VOX_OK) {
        code = plan_attention(a, err);
    }
    vox_build_scratch(builder, (size_t)(a->rows * (4 * a->width + a->memory + a->feed)), 6);
    vox_build_scratch(builder, (size_t)(a->block * (a->width + a->memory)), 3);
    return code;
}

static void layer_fini(struct vox_attention_layer *layer)
{
    struct vox_linear *linears[] = {layer->qkv,       layer->self_out, layer->query, layer->key,
                                    layer->cross_out, layer->widen,    layer->narrow};
    for (size_t i = 0; i < sizeof(linears) / sizeof(linears[0]); i++) {
        vox_linear_free(linears[i]);
    }
    vox_norm_fini(&layer->norm_self);
    vox_norm_fini(&layer->norm_cross);
    vox_norm_fini(&layer->norm_feed);
    vox_free(layer->slot_x);
    vox_free(layer->slot_y);
}

void vox_memory_attention_fini(struct vox_memory_attention *a)
{
    for (int i = 0; i < a->n_layers; i++) {
        layer_fini(&a->layers[i]);
    }
    vox_norm_fini(&a->norm);
    vox_linear_free(a->pointer_code);
    vox_attention_free(a->self);
    vox_attention_free(a->cross);
    vox_free(a->input_code);
    vox_free(a->memory_code);
    vox_free(a->cosines);
    vox_free(a->sines);
}
