#include "model/memory_encoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/layer_norm.h"
#include "model/resize.h"
#include "model/token_tiles.h"
#include "util/memory.h"

#define PREFIX "memory_encoder."

enum {
    MOST_STAGES = 4,
    KERNEL = 3,         /* of the mask's convolutions, stride 2 */
    FULL_CHANNELS = 64, /* fewer channels get longer tiles */
    EXPANSION = 4       /* of a fuser block's hidden layer */
};

static const float norm_eps = 1e-6F;

/* One convolution of the mask, with norm and GELU. */
struct stage {
    struct vox_linear *patches;
    struct vox_norm norm;
    int64_t in_channels, channels;
    int64_t side; /* of its output */
    int64_t tile; /* pixels */
};

/* A ConvNeXt block (Liu et al. 2022; modeling/memory_encoder.py CXBlock). The layer scale is part
 * of `shrink`. */
struct block {
    float *depthwise;      /* taps x C */
    float *depthwise_bias; /* C */
    struct vox_norm norm;
    struct vox_linear *expand; /* C -> 4C, GELU */
    struct vox_linear *shrink; /* 4C -> C, added */
};

struct vox_memory_encoder {
    struct vox_backend *be;
    const struct vox_model_config *config;
    int64_t width;      /* C */
    int64_t channels;   /* M */
    int64_t image_size; /* S */
    int64_t side;       /* G */
    int64_t block_rows; /* image rows of a fuser tile */
    int n_stages, n_blocks;
    struct stage stages[MOST_STAGES];
    struct vox_linear *mask_out; /* the mask branch's last layer */
    struct vox_linear *pixels;   /* pix_feat_proj */
    struct block *blocks;
    struct vox_linear *out;
    float *absent; /* M, or NULL */

    struct vox_bilinear *axis; /* 4G -> S */
    float *maps[2];            /* S x S: every stage's output has as many values as its input */
    float *x[2];               /* G*G x C */
};

/* ---- building ---- */

static enum vox_code build_stages(const struct vox_builder *builder,
                                  struct vox_memory_encoder *encoder, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    int64_t channels = 1;
    int64_t side = encoder->image_size;
    for (int i = 0; i < encoder->n_stages && code == VOX_OK; i++) {
        struct stage *stage = &encoder->stages[i];
        stage->in_channels = channels;
        stage->channels = channels *= 4;
        stage->side = side /= 2;
        int64_t longer = channels < FULL_CHANNELS ? FULL_CHANNELS / channels : 1;
        stage->tile = vox_tile_rows(side * side, encoder->be->tile_rows * longer);
        char name[VOX_NAME_MAX];
        snprintf(name, sizeof(name), PREFIX "mask_downsampler.encoder.%d", 3 * i);
        code = vox_build_patch_linear(builder, name, stage->in_channels, KERNEL, channels,
                                      VOX_ACT_NONE, &stage->patches, err);
        if (code == VOX_OK) {
            snprintf(name, sizeof(name), PREFIX "mask_downsampler.encoder.%d", 3 * i + 1);
            code = vox_norm_build(builder, name, channels, norm_eps, &stage->norm, err);
        }
        if (code == VOX_OK) {
            code = vox_linear_plan(stage->patches, stage->tile,
                                   (int64_t)KERNEL * KERNEL * stage->in_channels, channels, err);
        }
    }
    return code;
}

static enum vox_code build_projections(const struct vox_builder *builder,
                                       struct vox_memory_encoder *encoder, struct vox_err *err)
{
    const struct stage *last = &encoder->stages[encoder->n_stages - 1];
    int64_t c = encoder->width;
    char name[VOX_NAME_MAX];
    snprintf(name, sizeof(name), PREFIX "mask_downsampler.encoder.%d", 3 * encoder->n_stages);
    struct vox_linear_desc mask = {.in = last->channels, .out = c, .compute = VOX_F32};
    struct vox_linear_desc pixels = {.in = c, .out = c, .compute = VOX_F32};
    struct vox_linear_desc out = {.in = c, .out = encoder->channels, .compute = VOX_F32};
    enum vox_code code = vox_build_linear(builder, name, &mask, &encoder->mask_out, err);
    if (code == VOX_OK) {
        code = vox_build_linear(builder, PREFIX "pix_feat_proj", &pixels, &encoder->pixels, err);
    }
    if (code == VOX_OK) {
        code = vox_build_linear(builder, PREFIX "out_proj", &out, &encoder->out, err);
    }
    if (code == VOX_OK && encoder->config->no_obj_embed_spatial) {
        code = vox_build_tensor(builder, "no_obj_embed_spatial", encoder->channels,
                                &encoder->absent, err);
    }
    if (code == VOX_OK) {
        const struct vox_planned plans[] = {
            {.linear = encoder->mask_out, .rows = last->tile},
            {.linear = encoder->pixels, .rows = last->tile},
            {.linear = encoder->out, .rows = encoder->block_rows * encoder->side},
        };
        code = vox_plan_all(plans, 3, err);
    }
    return code;
}

static enum vox_code build_depthwise(const struct vox_builder *builder, const char *prefix,
                                     const struct vox_memory_encoder *encoder, struct block *block,
                                     struct vox_err *err)
{
    int64_t c = encoder->width;
    int64_t taps =
        encoder->config->memory_encoder.fuser_kernel * encoder->config->memory_encoder.fuser_kernel;
    char name[VOX_NAME_MAX];
    float *weight = NULL;
    snprintf(name, sizeof(name), "%s.dwconv.weight", prefix);
    enum vox_code code = vox_build_tensor(builder, name, c * taps, &weight, err);
    if (code == VOX_OK) {
        snprintf(name, sizeof(name), "%s.dwconv.bias", prefix);
        code = vox_build_tensor(builder, name, c, &block->depthwise_bias, err);
    }
    if (code == VOX_OK) {
        block->depthwise = vox_calloc((size_t)taps, (size_t)c * sizeof(*weight));
        if (block->depthwise == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    for (int64_t i = 0; i < c * taps && code == VOX_OK; i++) {
        block->depthwise[i % taps * c + i / taps] = weight[i];
    }
    vox_free(weight);
    return code;
}

/* The last layer with the layer scale multiplied into it. */
static enum vox_code build_shrink(const struct vox_builder *builder, const char *prefix, int64_t c,
                                  struct vox_linear **out, struct vox_err *err)
{
    char name[VOX_NAME_MAX];
    float *weight = NULL;
    float *bias = NULL;
    float *gamma = NULL;
    struct vox_linear_desc desc = {
        .in = EXPANSION * c, .out = c, .accumulate = true, .compute = VOX_F32};
    snprintf(name, sizeof(name), "%s.pwconv2.weight", prefix);
    enum vox_code code = vox_build_tensor(builder, name, desc.in * desc.out, &weight, err);
    if (code == VOX_OK) {
        snprintf(name, sizeof(name), "%s.pwconv2.bias", prefix);
        code = vox_build_tensor(builder, name, c, &bias, err);
    }
    if (code == VOX_OK) {
        snprintf(name, sizeof(name), "%s.gamma", prefix);
        code = vox_build_tensor(builder, name, c, &gamma, err);
    }
    for (int64_t o = 0; o < c && code == VOX_OK; o++) {
        bias[o] *= gamma[o];
        for (int64_t i = 0; i < desc.in; i++) {
            weight[o * desc.in + i] *= gamma[o];
        }
    }
    if (code == VOX_OK) {
        code = vox_linear_new(builder->be, &desc, weight, bias, out, err);
    }
    vox_free(weight);
    vox_free(bias);
    vox_free(gamma);
    return code;
}

static enum vox_code build_block(const struct vox_builder *builder,
                                 const struct vox_memory_encoder *encoder, int index,
                                 struct vox_err *err)
{
    struct block *block = &encoder->blocks[index];
    int64_t c = encoder->width;
    int64_t rows = encoder->block_rows * encoder->side;
    char prefix[VOX_NAME_MAX / 2];
    char name[VOX_NAME_MAX];
    snprintf(prefix, sizeof(prefix), PREFIX "fuser.layers.%d", index);
    enum vox_code code = build_depthwise(builder, prefix, encoder, block, err);
    if (code == VOX_OK) {
        snprintf(name, sizeof(name), "%s.norm", prefix);
        code = vox_norm_build(builder, name, c, norm_eps, &block->norm, err);
    }
    if (code == VOX_OK) {
        struct vox_linear_desc desc = {
            .in = c, .out = EXPANSION * c, .activation = VOX_ACT_GELU, .compute = VOX_F32};
        snprintf(name, sizeof(name), "%s.pwconv1", prefix);
        code = vox_build_linear(builder, name, &desc, &block->expand, err);
    }
    if (code == VOX_OK) {
        code = build_shrink(builder, prefix, c, &block->shrink, err);
    }
    if (code == VOX_OK) {
        const struct vox_planned plans[] = {{.linear = block->expand, .rows = rows},
                                            {.linear = block->shrink, .rows = rows}};
        code = vox_plan_all(plans, 2, err);
    }
    return code;
}

static void announce_scratch(struct vox_builder *builder, const struct vox_memory_encoder *encoder)
{
    int64_t c = encoder->width;
    for (int i = 0; i < encoder->n_stages; i++) {
        const struct stage *stage = &encoder->stages[i];
        int64_t patch = (int64_t)KERNEL * KERNEL * stage->in_channels;
        vox_build_scratch(builder, (size_t)(stage->tile * (patch + stage->channels + c)), 3);
    }
    int64_t rows = encoder->block_rows * encoder->side;
    vox_build_scratch(builder, (size_t)(rows * (c + EXPANSION * c + encoder->channels)), 3);
}

static enum vox_code build_buffers(struct vox_memory_encoder *encoder, struct vox_err *err)
{
    size_t pixels = (size_t)(encoder->image_size * encoder->image_size);
    size_t values = (size_t)(encoder->side * encoder->side * encoder->width);
    encoder->blocks = vox_calloc((size_t)encoder->n_blocks, sizeof(*encoder->blocks));
    encoder->axis = vox_calloc((size_t)encoder->image_size, sizeof(*encoder->axis));
    bool good = encoder->blocks != NULL && encoder->axis != NULL;
    for (int i = 0; i < 2; i++) {
        encoder->maps[i] = vox_calloc(pixels, sizeof(float));
        encoder->x[i] = vox_calloc(values, sizeof(float));
        good = good && encoder->maps[i] != NULL && encoder->x[i] != NULL;
    }
    if (!good) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_bilinear_axis(4 * encoder->side, encoder->image_size, encoder->axis);
    return VOX_OK;
}

enum vox_code vox_memory_encoder_new(struct vox_builder *builder, struct vox_memory_encoder **out,
                                     struct vox_err *err)
{
    const struct vox_model_config *config = builder->config;
    if (config->memory_encoder.downsampler_stages != MOST_STAGES) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "a mask downsampler of %lld stages, not %d",
                        (long long)config->memory_encoder.downsampler_stages, MOST_STAGES);
    }
    struct vox_memory_encoder *encoder = vox_calloc(1, sizeof(*encoder));
    if (encoder == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    encoder->be = builder->be;
    encoder->config = config;
    encoder->width = config->neck.d_model;
    encoder->channels = config->memory_encoder.out_dim;
    encoder->image_size = config->image_size;
    encoder->side = config->image_size / 16;
    int64_t image_rows = builder->be->tile_rows / encoder->side;
    encoder->block_rows = vox_tile_rows(encoder->side, image_rows);
    encoder->n_stages = MOST_STAGES;
    encoder->n_blocks = (int)config->memory_encoder.fuser_layers;
    enum vox_code code = build_buffers(encoder, err);
    if (code == VOX_OK) {
        code = build_stages(builder, encoder, err);
    }
    if (code == VOX_OK) {
        code = build_projections(builder, encoder, err);
    }
    for (int i = 0; i < encoder->n_blocks && code == VOX_OK; i++) {
        code = build_block(builder, encoder, i, err);
    }
    if (code != VOX_OK) {
        vox_memory_encoder_free(encoder);
        return code;
    }
    announce_scratch(builder, encoder);
    *out = encoder;
    return VOX_OK;
}

void vox_memory_encoder_free(struct vox_memory_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    for (int i = 0; i < encoder->n_stages; i++) {
        vox_linear_free(encoder->stages[i].patches);
        vox_norm_fini(&encoder->stages[i].norm);
    }
    for (int i = 0; encoder->blocks != NULL && i < encoder->n_blocks; i++) {
        struct block *block = &encoder->blocks[i];
        vox_free(block->depthwise);
        vox_free(block->depthwise_bias);
        vox_norm_fini(&block->norm);
        vox_linear_free(block->expand);
        vox_linear_free(block->shrink);
    }
    vox_free(encoder->blocks);
    vox_linear_free(encoder->mask_out);
    vox_linear_free(encoder->pixels);
    vox_linear_free(encoder->out);
    vox_free(encoder->absent);
    vox_free(encoder->axis);
    for (int i = 0; i < 2; i++) {
        vox_free(encoder->maps[i]);
        vox_free(encoder->x[i]);
    }
    vox_free(encoder);
}

/* ---- running ---- */

struct run {
    struct vox_memory_encoder *encoder;
    const struct vox_memory_input *input;
    float *memory;
    const struct vox_tap *tap;
    int step; /* stage or block */
};

static void tap_rows(const struct run *run, const char *name, int64_t row, int64_t rows,
                     int64_t columns, const float *data)
{
    if (run->tap != NULL) {
        run->tap->rows(run->tap->context, name, row, rows, columns, data, columns);
    }
}

/* One row of the mask at full size, as the convolutions want it: scale * b + bias, where b is the
 * probability, or for prompted slices whether the logit is positive. */
static enum vox_code mask_tile(void *context, int64_t y, struct vox_lane *lane, struct vox_err *err)
{
    (void)lane;
    (void)err;
    const struct run *run = context;
    struct vox_memory_encoder *encoder = run->encoder;
    int64_t size = encoder->image_size;
    float scale = (float)encoder->config->sigmoid_scale;
    float bias = (float)encoder->config->sigmoid_bias;
    float *row = encoder->maps[0] + y * size;
    vox_bilinear_row(run->input->logits, 4 * encoder->side, &encoder->axis[y], encoder->axis, size,
                     row);
    for (int64_t x = 0; x < size; x++) {
        float b =
            run->input->binarize ? (row[x] > 0.0F ? 1.0F : 0.0F) : 1.0F / (1.0F + expf(-row[x]));
        row[x] = b * scale + bias;
    }
    tap_rows(run, "memory mask", y, 1, size, row);
    return VOX_OK;
}

/* The 3 x 3 neighbourhoods (stride 2, padding 1) of a tile's output pixels. The input's side is
 * twice the output's, so only the first row and column reach outside. */
static void gather_patches(const struct stage *stage, const float *in, int64_t first, float *out)
{
    int64_t channels = stage->in_channels;
    int64_t in_side = 2 * stage->side;
    size_t line = (size_t)(KERNEL * channels);
    for (int64_t i = first; i < first + stage->tile; i++) {
        int64_t top = 2 * (i / stage->side) - 1;
        int64_t left = 2 * (i % stage->side) - 1;
        for (int64_t y = top; y < top + KERNEL; y++, out += line) {
            if (y < 0) {
                memset(out, 0, line * sizeof(*out));
            } else if (left < 0) {
                memset(out, 0, (size_t)channels * sizeof(*out));
                memcpy(out + channels, in + y * in_side * channels,
                       (line - (size_t)channels) * sizeof(*out));
            } else {
                memcpy(out, in + (y * in_side + left) * channels, line * sizeof(*out));
            }
        }
    }
}

/* The last stage goes on to the tokens: mask branch plus image features. */
static enum vox_code join_features(const struct run *run, struct vox_lane *lane, int64_t first,
                                   const float *mask, struct vox_err *err)
{
    struct vox_memory_encoder *encoder = run->encoder;
    int64_t c = encoder->width;
    int64_t rows = encoder->stages[run->step].tile;
    float *pixels = vox_lane_take(lane, (size_t)(rows * c));
    float *x = encoder->x[0] + first * c;
    enum vox_code code = vox_linear_rows(encoder->mask_out, lane, rows, mask, x, err);
    if (code == VOX_OK) {
        tap_rows(run, "memory mask branch", first, rows, c, x);
        code =
            vox_linear_rows(encoder->pixels, lane, rows, run->input->f2 + first * c, pixels, err);
    }
    if (code == VOX_OK) {
        tap_rows(run, "memory pix", first, rows, c, pixels);
        encoder->be->rows->axpy(rows * c, 1.0F, pixels, x);
    }
    return code;
}

static enum vox_code stage_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct run *run = context;
    struct vox_memory_encoder *encoder = run->encoder;
    const struct stage *stage = &encoder->stages[run->step];
    bool last = run->step == encoder->n_stages - 1;
    int64_t first = tile * stage->tile;
    float *patches =
        vox_lane_take(lane, (size_t)(stage->tile * KERNEL * KERNEL * stage->in_channels));
    float *out = last ? vox_lane_take(lane, (size_t)(stage->tile * stage->channels))
                      : encoder->maps[(run->step + 1) % 2] + first * stage->channels;
    gather_patches(stage, encoder->maps[run->step % 2], first, patches);
    enum vox_code code = vox_linear_rows(stage->patches, lane, stage->tile, patches, out, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_norm_run(&stage->norm, encoder->be, stage->tile, out, VOX_ACT_GELU, out);
    return last ? join_features(run, lane, first, out, err) : VOX_OK;
}

/* Projects finished tokens to the memory and rounds it as it is stored. */
static enum vox_code write_memory(const struct run *run, struct vox_lane *lane, int64_t first,
                                  int64_t rows, const float *x, struct vox_err *err)
{
    const struct vox_memory_encoder *encoder = run->encoder;
    int64_t channels = encoder->channels;
    float *memory = vox_lane_take(lane, (size_t)(rows * channels));
    enum vox_code code = vox_linear_rows(encoder->out, lane, rows, x, memory, err);
    if (code != VOX_OK) {
        return code;
    }
    for (int64_t i = 0; run->input->absent && encoder->absent != NULL && i < rows; i++) {
        encoder->be->rows->axpy(channels, 1.0F, encoder->absent, memory + i * channels);
    }
    tap_rows(run, "memory raw", first, rows, channels, memory);
    float *to = run->memory + first * channels;
    for (int64_t i = 0; i < rows * channels; i++) {
        to[i] = vox_bf16_to_f32(vox_f32_to_bf16(memory[i]));
    }
    return VOX_OK;
}

static enum vox_code block_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct run *run = context;
    const struct vox_memory_encoder *encoder = run->encoder;
    const struct block *block = &encoder->blocks[run->step];
    int64_t c = encoder->width;
    int64_t rows = encoder->block_rows * encoder->side;
    int64_t y = tile * encoder->block_rows;
    const float *x = encoder->x[run->step % 2];
    float *next = encoder->x[(run->step + 1) % 2] + y * encoder->side * c;
    float *mixed = vox_lane_take(lane, (size_t)(rows * c));
    float *hidden = vox_lane_take(lane, (size_t)(rows * EXPANSION * c));
    encoder->be->rows->depthwise(encoder->side, encoder->side, c,
                                 encoder->config->memory_encoder.fuser_kernel, x, block->depthwise,
                                 block->depthwise_bias, y, y + encoder->block_rows, mixed);
    vox_norm_run(&block->norm, encoder->be, rows, mixed, VOX_ACT_NONE, mixed);
    memcpy(next, x + y * encoder->side * c, (size_t)(rows * c) * sizeof(*next));
    enum vox_code code = vox_linear_rows(block->expand, lane, rows, mixed, hidden, err);
    if (code == VOX_OK) {
        code = vox_linear_rows(block->shrink, lane, rows, hidden, next, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    char name[32];
    snprintf(name, sizeof(name), "memory block %d", run->step);
    tap_rows(run, name, y * encoder->side, rows, c, next);
    return run->step == encoder->n_blocks - 1
               ? write_memory(run, lane, y * encoder->side, rows, next, err)
               : VOX_OK;
}

enum vox_code vox_memory_encoder_run(struct vox_memory_encoder *encoder,
                                     const struct vox_memory_input *input, float *memory,
                                     const struct vox_tap *tap, struct vox_err *err)
{
    struct vox_pool *pool = encoder->be->pool;
    struct run run = {encoder, input, memory, tap, 0};
    enum vox_code code = vox_pool_run(pool, encoder->image_size, mask_tile, &run, err);
    for (run.step = 0; run.step < encoder->n_stages && code == VOX_OK; run.step++) {
        const struct stage *stage = &encoder->stages[run.step];
        code = vox_pool_run(pool, stage->side * stage->side / stage->tile, stage_tile, &run, err);
    }
    for (run.step = 0; run.step < encoder->n_blocks && code == VOX_OK; run.step++) {
        code = vox_pool_run(pool, encoder->side / encoder->block_rows, block_tile, &run, err);
    }
    return code;
}
