#include "model/schema.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"

enum {
    NAME_SIZE = 160,
    /* What the reference's SAM2Base fixes in code (sam2/modeling/sam2_base.py, _build_sam_heads).
     */
    DECODER_LAYERS = 2,
    DECODER_MLP = 2048,
    MASK_TOKENS = 4,
    IOU_HIDDEN = 256,
    MASK_CHANNELS = 16,
    MLP_LAYERS = 3
};

struct visit {
    const struct vox_model_config *config;
    vox_schema_fn fn;
    void *context;
    struct vox_err *err;
    enum vox_code code; /* once it is not VOX_OK, nothing more is visited */
};

static void emit(struct visit *v, const char *prefix, const char *suffix, int rank,
                 const int64_t *shape)
{
    if (v->code != VOX_OK) {
        return;
    }
    char name[NAME_SIZE];
    int n = snprintf(name, sizeof(name), "%s%s", prefix, suffix);
    VOX_ASSERT(n > 0 && n < NAME_SIZE);
    v->code = v->fn(v->context, name, rank, shape, v->err);
}

static void vector(struct visit *v, const char *prefix, const char *suffix, int64_t n)
{
    emit(v, prefix, suffix, 1, (const int64_t[]){n});
}

static void matrix(struct visit *v, const char *prefix, const char *suffix, int64_t rows,
                   int64_t columns)
{
    emit(v, prefix, suffix, 2, (const int64_t[]){rows, columns});
}

static void norm(struct visit *v, const char *prefix, int64_t n)
{
    vector(v, prefix, ".weight", n);
    vector(v, prefix, ".bias", n);
}

static void linear(struct visit *v, const char *prefix, int64_t out, int64_t in)
{
    matrix(v, prefix, ".weight", out, in);
    vector(v, prefix, ".bias", out);
}

static void convolution(struct visit *v, const char *prefix, int64_t out, int64_t in,
                        int64_t kernel)
{
    emit(v, prefix, ".weight", 4, (const int64_t[]){out, in, kernel, kernel});
    vector(v, prefix, ".bias", out);
}

/* Transposed convolutions hold their input channels first. */
static void transposed(struct visit *v, const char *prefix, int64_t in, int64_t out, int64_t kernel)
{
    emit(v, prefix, ".weight", 4, (const int64_t[]){in, out, kernel, kernel});
    vector(v, prefix, ".bias", out);
}

/* Joins a prefix of names; the result lives until the end of the caller's block. */
#define NAME(...) join((char[NAME_SIZE]){0}, __VA_ARGS__)
static const char *join(char *name, const char *format, ...) VOX_PRINTF(2, 3);
static const char *join(char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(name, NAME_SIZE, format, args);
    va_end(args);
    VOX_ASSERT(n > 0 && n < NAME_SIZE);
    return name;
}

static void visit_own(struct visit *v)
{
    const struct vox_model_config *c = v->config;
    int64_t d = c->neck.d_model;
    int64_t memory = c->memory_encoder.out_dim;
    emit(v, "maskmem_tpos_enc", "", 4, (const int64_t[]){c->num_maskmem, 1, 1, memory});
    emit(v, "no_mem_embed", "", 3, (const int64_t[]){1, 1, d});
    emit(v, "no_mem_pos_enc", "", 3, (const int64_t[]){1, 1, d});
    if (c->pred_obj_scores && c->obj_ptrs) {
        matrix(v, "no_obj_ptr", "", 1, d);
    }
    if (c->no_obj_embed_spatial) {
        matrix(v, "no_obj_embed_spatial", "", 1, memory);
    }
}

static void visit_block(struct visit *v, int64_t block, int64_t in, int64_t out)
{
    const char *b = NAME("image_encoder.trunk.blocks.%" PRId64, block);
    int64_t hidden = out * v->config->trunk.mlp_ratio;
    norm(v, NAME("%s.norm1", b), in);
    linear(v, NAME("%s.attn.qkv", b), 3 * out, in);
    linear(v, NAME("%s.attn.proj", b), out, out);
    norm(v, NAME("%s.norm2", b), out);
    linear(v, NAME("%s.mlp.layers.0", b), hidden, out);
    linear(v, NAME("%s.mlp.layers.1", b), out, hidden);
    if (in != out) {
        linear(v, NAME("%s.proj", b), out, in);
    }
}

static void visit_image_encoder(struct visit *v)
{
    const struct vox_trunk_config *trunk = &v->config->trunk;
    int64_t width = trunk->embed_dim;
    int64_t window = trunk->window_spec[0];
    emit(v, "image_encoder.trunk.pos_embed", "", 4,
         (const int64_t[]){1, width, trunk->pos_size[0], trunk->pos_size[1]});
    emit(v, "image_encoder.trunk.pos_embed_window", "", 4,
         (const int64_t[]){1, width, window, window});
    convolution(v, "image_encoder.trunk.patch_embed.proj", width, 3, 7);
    int64_t block = 0;
    int64_t in = width;
    for (int stage = 0; stage < trunk->n_stages; stage++) {
        int64_t out = width << stage;
        for (int64_t i = 0; i < trunk->stages[stage]; i++) {
            visit_block(v, block++, in, out);
            in = out;
        }
    }
    for (int i = 0; i < trunk->n_stages; i++) {
        convolution(v, NAME("image_encoder.neck.convs.%d.conv", i), v->config->neck.d_model,
                    v->config->neck.channels[i], 1);
    }
}

/* The four projections of an attention: queries and output are `d` wide, keys and values come from
 * `kv_in`. */
static void visit_attention(struct visit *v, const char *prefix, int64_t d, int64_t inner,
                            int64_t kv_in)
{
    linear(v, NAME("%s.q_proj", prefix), inner, d);
    linear(v, NAME("%s.k_proj", prefix), inner, kv_in);
    linear(v, NAME("%s.v_proj", prefix), inner, kv_in);
    linear(v, NAME("%s.out_proj", prefix), d, inner);
}

static void visit_memory_attention(struct visit *v)
{
    const struct vox_memory_attention_config *c = &v->config->memory_attention;
    int64_t d = v->config->neck.d_model;
    for (int64_t i = 0; i < c->num_layers; i++) {
        const char *layer = NAME("memory_attention.layers.%" PRId64, i);
        visit_attention(v, NAME("%s.self_attn", layer), d, d, d);
        visit_attention(v, NAME("%s.cross_attn_image", layer), d, d,
                        v->config->memory_encoder.out_dim);
        linear(v, NAME("%s.linear1", layer), c->dim_feedforward, d);
        linear(v, NAME("%s.linear2", layer), d, c->dim_feedforward);
        for (int n = 1; n <= 3; n++) {
            norm(v, NAME("%s.norm%d", layer, n), d);
        }
    }
    norm(v, "memory_attention.norm", d);
}

static void visit_memory_encoder(struct visit *v)
{
    const struct vox_memory_encoder_config *c = &v->config->memory_encoder;
    const char *down = "memory_encoder.mask_downsampler.encoder";
    int64_t d = v->config->neck.d_model;
    int64_t in = 1;
    /* Convolution, norm and activation take three places each; the activation holds nothing. */
    for (int64_t i = 0; i < c->downsampler_stages; i++) {
        int64_t out = in * 4;
        convolution(v, NAME("%s.%" PRId64, down, 3 * i), out, in, 3);
        norm(v, NAME("%s.%" PRId64, down, 3 * i + 1), out);
        in = out;
    }
    convolution(v, NAME("%s.%" PRId64, down, 3 * c->downsampler_stages), d, in, 1);
    convolution(v, "memory_encoder.pix_feat_proj", d, d, 1);
    for (int64_t i = 0; i < c->fuser_layers; i++) {
        const char *layer = NAME("memory_encoder.fuser.layers.%" PRId64, i);
        vector(v, layer, ".gamma", d);
        convolution(v, NAME("%s.dwconv", layer), d, 1, c->fuser_kernel);
        norm(v, NAME("%s.norm", layer), d);
        linear(v, NAME("%s.pwconv1", layer), 4 * d, d);
        linear(v, NAME("%s.pwconv2", layer), d, 4 * d);
    }
    convolution(v, "memory_encoder.out_proj", c->out_dim, d, 1);
}

static void visit_prompt_encoder(struct visit *v)
{
    int64_t d = v->config->neck.d_model;
    matrix(v, "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", "", 2, d / 2);
    for (int i = 0; i < 4; i++) {
        matrix(v, NAME("sam_prompt_encoder.point_embeddings.%d", i), ".weight", 1, d);
    }
    matrix(v, "sam_prompt_encoder.not_a_point_embed", ".weight", 1, d);
    convolution(v, "sam_prompt_encoder.mask_downscaling.0", MASK_CHANNELS / 4, 1, 2);
    norm(v, "sam_prompt_encoder.mask_downscaling.1", MASK_CHANNELS / 4);
    convolution(v, "sam_prompt_encoder.mask_downscaling.3", MASK_CHANNELS, MASK_CHANNELS / 4, 2);
    norm(v, "sam_prompt_encoder.mask_downscaling.4", MASK_CHANNELS);
    convolution(v, "sam_prompt_encoder.mask_downscaling.6", d, MASK_CHANNELS, 1);
    matrix(v, "sam_prompt_encoder.no_mask_embed", ".weight", 1, d);
}

static void visit_transformer(struct visit *v)
{
    const char *transformer = "sam_mask_decoder.transformer";
    int64_t d = v->config->neck.d_model;
    for (int i = 0; i < DECODER_LAYERS; i++) {
        const char *layer = NAME("%s.layers.%d", transformer, i);
        visit_attention(v, NAME("%s.self_attn", layer), d, d, d);
        norm(v, NAME("%s.norm1", layer), d);
        visit_attention(v, NAME("%s.cross_attn_token_to_image", layer), d, d / 2, d);
        norm(v, NAME("%s.norm2", layer), d);
        linear(v, NAME("%s.mlp.layers.0", layer), DECODER_MLP, d);
        linear(v, NAME("%s.mlp.layers.1", layer), d, DECODER_MLP);
        norm(v, NAME("%s.norm3", layer), d);
        norm(v, NAME("%s.norm4", layer), d);
        visit_attention(v, NAME("%s.cross_attn_image_to_token", layer), d, d / 2, d);
    }
    visit_attention(v, NAME("%s.final_attn_token_to_image", transformer), d, d / 2, d);
    norm(v, NAME("%s.norm_final_attn", transformer), d);
}

static void visit_mlp(struct visit *v, const char *prefix, int64_t in, int64_t hidden, int64_t out)
{
    for (int i = 0; i < MLP_LAYERS; i++) {
        linear(v, NAME("%s.layers.%d", prefix, i), i == MLP_LAYERS - 1 ? out : hidden,
               i == 0 ? in : hidden);
    }
}

static void visit_mask_decoder(struct visit *v)
{
    const struct vox_model_config *c = v->config;
    int64_t d = c->neck.d_model;
    visit_transformer(v);
    matrix(v, "sam_mask_decoder.iou_token", ".weight", 1, d);
    matrix(v, "sam_mask_decoder.mask_tokens", ".weight", MASK_TOKENS, d);
    if (c->pred_obj_scores) {
        matrix(v, "sam_mask_decoder.obj_score_token", ".weight", 1, d);
    }
    transposed(v, "sam_mask_decoder.output_upscaling.0", d, d / 4, 2);
    norm(v, "sam_mask_decoder.output_upscaling.1", d / 4);
    transposed(v, "sam_mask_decoder.output_upscaling.3", d / 4, d / 8, 2);
    if (c->high_res_features) {
        convolution(v, "sam_mask_decoder.conv_s0", d / 8, d, 1);
        convolution(v, "sam_mask_decoder.conv_s1", d / 4, d, 1);
    }
    for (int i = 0; i < MASK_TOKENS; i++) {
        visit_mlp(v, NAME("sam_mask_decoder.output_hypernetworks_mlps.%d", i), d, d, d / 8);
    }
    visit_mlp(v, "sam_mask_decoder.iou_prediction_head", d, IOU_HIDDEN, MASK_TOKENS);
    if (c->pred_obj_scores) {
        visit_mlp(v, "sam_mask_decoder.pred_obj_score_head", d, d, 1);
    }
}

enum vox_code vox_schema_visit(const struct vox_model_config *config, vox_schema_fn fn,
                               void *context, struct vox_err *err)
{
    struct visit visit = {.config = config, .fn = fn, .context = context, .err = err};
    struct visit *v = &visit;
    int64_t d = config->neck.d_model;
    visit_own(v);
    visit_image_encoder(v);
    if (config->obj_ptrs) {
        convolution(v, "mask_downsample", 1, 1, 4);
    }
    visit_memory_attention(v);
    visit_memory_encoder(v);
    visit_prompt_encoder(v);
    visit_mask_decoder(v);
    if (config->obj_ptrs) {
        visit_mlp(v, "obj_ptr_proj", d, d, d);
    }
    if (config->tpos_enc_to_ptrs) {
        linear(v, "obj_ptr_tpos_proj", config->memory_encoder.out_dim, d);
    }
    return v->code;
}

/* What vox_schema_check has seen so far. */
struct comparison {
    const struct vox_weights *weights;
    bool *known;    /* by the tensor's index: the configuration has it */
    int64_t wanted; /* tensors of the configuration */
    int64_t missing;
    int64_t misshapen;
    char first_missing[NAME_SIZE];
    char first_misshapen[NAME_SIZE + 200]; /* with both shapes */
};

/* "2x3x4", or "scalar". */
static void shape_text(char *text, size_t size, int rank, const int64_t *shape)
{
    size_t used = 0;
    snprintf(text, size, "scalar");
    for (int i = 0; i < rank && used < size; i++) {
        int n = snprintf(text + used, size - used, "%s%" PRId64, i == 0 ? "" : "x", shape[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static bool same_shape(const struct vox_weight *weight, int rank, const int64_t *shape)
{
    return weight->rank == rank && memcmp(weight->shape, shape, (size_t)rank * sizeof(*shape)) == 0;
}

static enum vox_code compare_one(void *context, const char *name, int rank, const int64_t *shape,
                                 struct vox_err *err)
{
    (void)err;
    struct comparison *c = context;
    const struct vox_weight *weight = vox_weights_find(c->weights, name);
    c->wanted++;
    if (weight == NULL) {
        if (c->missing++ == 0) {
            snprintf(c->first_missing, sizeof(c->first_missing), "%s", name);
        }
        return VOX_OK;
    }
    c->known[weight - vox_weights_at(c->weights, 0)] = true;
    if (!same_shape(weight, rank, shape) && c->misshapen++ == 0) {
        char is[96];
        char must[96];
        shape_text(is, sizeof(is), weight->rank, weight->shape);
        shape_text(must, sizeof(must), rank, shape);
        snprintf(c->first_misshapen, sizeof(c->first_misshapen), "%s is %s, wanted %s", name, is,
                 must);
    }
    return VOX_OK;
}

static enum vox_code judge(const struct vox_model_config *config, const struct comparison *c,
                           struct vox_err *err)
{
    int64_t count = vox_weights_count(c->weights);
    int64_t superfluous = 0;
    const char *first = NULL;
    for (int64_t i = 0; i < count; i++) {
        if (!c->known[i] && superfluous++ == 0) {
            first = vox_weights_at(c->weights, i)->name;
        }
    }
    if (c->missing == 0 && c->misshapen == 0 && superfluous == 0) {
        return VOX_OK;
    }
    char tail[160];
    snprintf(tail, sizeof(tail),
             "; of %" PRId64 " tensors of %.64s, %" PRId64 " missing, %" PRId64
             " of another shape, %" PRId64 " too many",
             c->wanted, config->name, c->missing, c->misshapen, superfluous);
    if (c->missing > 0) {
        return vox_fail(err, VOX_E_FORMAT, "tensor %s is missing%s", c->first_missing, tail);
    }
    if (c->misshapen > 0) {
        return vox_fail(err, VOX_E_FORMAT, "tensor %s%s", c->first_misshapen, tail);
    }
    return vox_fail(err, VOX_E_FORMAT, "tensor %.160s is not part of this network%s", first, tail);
}

enum vox_code vox_schema_check(const struct vox_model_config *config,
                               const struct vox_weights *weights, struct vox_err *err)
{
    struct comparison comparison = {.weights = weights};
    comparison.known =
        vox_calloc((size_t)vox_weights_count(weights) + 1, sizeof(*comparison.known));
    if (comparison.known == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_schema_visit(config, compare_one, &comparison, err);
    if (code == VOX_OK) {
        code = judge(config, &comparison, err);
    }
    vox_free(comparison.known);
    return code;
}
