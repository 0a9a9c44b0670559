#include "model/mask_decoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/layer_norm.h"
#include "model/mlp.h"
#include "model/token_tiles.h"
#include "model/two_way_transformer.h"
#include "util/memory.h"

#define PREFIX "sam_mask_decoder."

enum {
    IOU_HIDDEN = 256, /* iou_head_hidden_dim, whatever the width */
    MOST_OWN_TOKENS = VOX_MASKS + 2
};

static const float absent_logit = -1024.0F;

struct vox_mask_decoder {
    struct vox_backend *be;
    const struct vox_model_config *config; /* of the network, which outlives its modules */
    struct vox_two_way *two_way;
    int64_t width; /* C */
    int64_t side;  /* G */
    int64_t tile, tiles;

    /* The decoder's own tokens come first: object score (where there is one), IoU, masks. */
    float *own; /* n_own x C */
    int64_t n_own, iou_token, mask_token;

    struct vox_linear *upscale1; /* C -> 2 x 2 pixels of C / 4 */
    struct vox_norm upscale_norm;
    struct vox_linear *upscale2; /* C / 4 -> 2 x 2 pixels of C / 8 */
    struct vox_mlp hyper[VOX_MASKS];
    struct vox_mlp iou;
    struct vox_mlp score;
    struct vox_mlp pointer;
    float *no_pointer;

    float *hypers;          /* VOX_MASKS x C / 8 */
    float *maps;            /* VOX_MASKS x 4G x 4G */
    float *found;           /* C: the pointer, before it is known whether the call succeeds */
    int64_t *above, *below; /* by tile: pixels of mask 0 above the stability band's ends */
};

/* ---- building ---- */

/* A transposed convolution with kernel and stride 2, in x out x 2 x 2, as the linear operator to
 * the four pixels of a token in raster order. */
static enum vox_code build_upscale(const struct vox_builder *builder, const char *name, int64_t in,
                                   int64_t out, struct vox_linear **linear, struct vox_err *err)
{
    char full[VOX_NAME_MAX];
    float *weight = NULL;
    float *bias = NULL;
    float *rows = vox_calloc((size_t)(4 * out), (size_t)in * sizeof(*rows));
    float *row_bias = vox_calloc((size_t)(4 * out), sizeof(*row_bias));
    snprintf(full, sizeof(full), "%s.weight", name);
    enum vox_code code = rows != NULL && row_bias != NULL
                             ? vox_build_tensor(builder, full, in * out * 4, &weight, err)
                             : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code == VOX_OK) {
        snprintf(full, sizeof(full), "%s.bias", name);
        code = vox_build_tensor(builder, full, out, &bias, err);
    }
    if (code == VOX_OK) {
        for (int64_t pixel = 0; pixel < 4; pixel++) {
            for (int64_t o = 0; o < out; o++) {
                row_bias[pixel * out + o] = bias[o];
                for (int64_t i = 0; i < in; i++) {
                    rows[(pixel * out + o) * in + i] = weight[(i * out + o) * 4 + pixel];
                }
            }
        }
        struct vox_linear_desc desc = {.in = in, .out = 4 * out, .compute = VOX_F32};
        code = vox_linear_new(builder->be, &desc, rows, row_bias, linear, err);
    }
    vox_free(weight);
    vox_free(bias);
    vox_free(rows);
    vox_free(row_bias);
    return code;
}

static enum vox_code build_tokens(const struct vox_builder *builder,
                                  struct vox_mask_decoder *decoder, struct vox_err *err)
{
    const struct {
        const char *name;
        int64_t rows;
    } parts[] = {
        {PREFIX "obj_score_token.weight", decoder->config->pred_obj_scores ? 1 : 0},
        {PREFIX "iou_token.weight", 1},
        {PREFIX "mask_tokens.weight", VOX_MASKS},
    };
    decoder->own = vox_calloc(MOST_OWN_TOKENS, (size_t)decoder->width * sizeof(float));
    if (decoder->own == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == VOX_OK; i++) {
        if (parts[i].rows == 0) {
            continue;
        }
        float *part;
        int64_t values = parts[i].rows * decoder->width;
        code = vox_build_tensor(builder, parts[i].name, values, &part, err);
        if (code == VOX_OK) {
            memcpy(decoder->own + decoder->n_own * decoder->width, part,
                   (size_t)values * sizeof(*part));
            decoder->n_own += parts[i].rows;
            vox_free(part);
        }
    }
    decoder->mask_token = decoder->n_own - VOX_MASKS;
    decoder->iou_token = decoder->mask_token - 1;
    return code;
}

static enum vox_code build_upscaling(const struct vox_builder *builder,
                                     struct vox_mask_decoder *decoder, struct vox_err *err)
{
    int64_t c = decoder->width;
    enum vox_code code =
        build_upscale(builder, PREFIX "output_upscaling.0", c, c / 4, &decoder->upscale1, err);
    if (code == VOX_OK) {
        code = vox_norm_build(builder, PREFIX "output_upscaling.1", c / 4, 1e-6F,
                              &decoder->upscale_norm, err);
    }
    if (code == VOX_OK) {
        code = build_upscale(builder, PREFIX "output_upscaling.3", c / 4, c / 8, &decoder->upscale2,
                             err);
    }
    if (code == VOX_OK) {
        const struct vox_planned plans[] = {
            {.linear = decoder->upscale1, .rows = decoder->tile},
            {.linear = decoder->upscale2, .rows = 4 * decoder->tile},
        };
        code = vox_plan_all(plans, 2, err);
    }
    return code;
}

static enum vox_code build_heads(const struct vox_builder *builder,
                                 struct vox_mask_decoder *decoder, struct vox_err *err)
{
    int64_t c = decoder->width;
    enum vox_code code = VOX_OK;
    for (int i = 0; i < VOX_MASKS && code == VOX_OK; i++) {
        char name[VOX_NAME_MAX];
        snprintf(name, sizeof(name), PREFIX "output_hypernetworks_mlps.%d", i);
        code = vox_mlp_build(builder, name, c, c, c / 8, &decoder->hyper[i], err);
    }
    if (code == VOX_OK) {
        code = vox_mlp_build(builder, PREFIX "iou_prediction_head", c, IOU_HIDDEN, VOX_MASKS,
                             &decoder->iou, err);
    }
    if (code == VOX_OK && decoder->config->pred_obj_scores) {
        code = vox_mlp_build(builder, PREFIX "pred_obj_score_head", c, c, 1, &decoder->score, err);
    }
    if (code == VOX_OK && decoder->config->obj_ptrs) {
        code = vox_mlp_build(builder, "obj_ptr_proj", c, c, c, &decoder->pointer, err);
    }
    if (code == VOX_OK && decoder->config->obj_ptrs && decoder->config->pred_obj_scores) {
        code = vox_build_tensor(builder, "no_obj_ptr", c, &decoder->no_pointer, err);
    }
    return code;
}

static enum vox_code build_all(struct vox_builder *builder, const float *image_code,
                               struct vox_mask_decoder *decoder, struct vox_err *err)
{
    int64_t c = decoder->width;
    size_t pixels = (size_t)(16 * decoder->side * decoder->side);
    decoder->hypers = vox_calloc(VOX_MASKS, (size_t)(c / 8) * sizeof(float));
    decoder->maps = vox_calloc(VOX_MASKS, pixels * sizeof(float));
    decoder->found = vox_calloc((size_t)c, sizeof(float));
    decoder->above = vox_calloc((size_t)decoder->tiles, sizeof(int64_t));
    decoder->below = vox_calloc((size_t)decoder->tiles, sizeof(int64_t));
    if (decoder->hypers == NULL || decoder->maps == NULL || decoder->found == NULL ||
        decoder->above == NULL || decoder->below == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = vox_two_way_new(builder, image_code, &decoder->two_way, err);
    if (code == VOX_OK) {
        code = build_tokens(builder, decoder, err);
    }
    if (code == VOX_OK) {
        code = build_upscaling(builder, decoder, err);
    }
    if (code == VOX_OK) {
        code = build_heads(builder, decoder, err);
    }
    vox_build_scratch(builder, (size_t)(3 * c * decoder->tile), 2);
    vox_build_scratch(builder, (size_t)(2 * (c > IOU_HIDDEN ? c : IOU_HIDDEN)), 2);
    return code;
}

/* Plans the token counts of usual prompts: none, a click, a box, and a few clicks after it. */
static enum vox_code plan_usual(struct vox_mask_decoder *decoder, struct vox_err *err)
{
    enum { USUAL_TOKENS = 10 }; /* of a prompt, its padding among them */
    enum vox_code code = VOX_OK;
    for (int64_t n = 2; n <= USUAL_TOKENS && code == VOX_OK; n++) {
        float *tokens;
        code = vox_two_way_tokens(decoder->two_way, decoder->n_own + n, &tokens, err);
    }
    return code;
}

enum vox_code vox_mask_decoder_new(struct vox_builder *builder, const float *image_code,
                                   struct vox_mask_decoder **out, struct vox_err *err)
{
    struct vox_mask_decoder *decoder = vox_calloc(1, sizeof(*decoder));
    if (decoder == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    decoder->be = builder->be;
    decoder->config = builder->config;
    decoder->width = builder->config->neck.d_model;
    decoder->side = builder->config->image_size / 16;
    decoder->tile = vox_tile_rows(decoder->side * decoder->side, builder->be->tile_rows);
    decoder->tiles = decoder->side * decoder->side / decoder->tile;
    enum vox_code code = build_all(builder, image_code, decoder, err);
    if (code == VOX_OK) {
        code = plan_usual(decoder, err);
    }
    if (code != VOX_OK) {
        vox_mask_decoder_free(decoder);
        return code;
    }
    *out = decoder;
    return VOX_OK;
}

void vox_mask_decoder_free(struct vox_mask_decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    vox_two_way_free(decoder->two_way);
    vox_free(decoder->own);
    vox_linear_free(decoder->upscale1);
    vox_norm_fini(&decoder->upscale_norm);
    vox_linear_free(decoder->upscale2);
    for (int i = 0; i < VOX_MASKS; i++) {
        vox_mlp_fini(&decoder->hyper[i]);
    }
    vox_mlp_fini(&decoder->iou);
    vox_mlp_fini(&decoder->score);
    vox_mlp_fini(&decoder->pointer);
    vox_free(decoder->no_pointer);
    vox_free(decoder->hypers);
    vox_free(decoder->maps);
    vox_free(decoder->found);
    vox_free(decoder->above);
    vox_free(decoder->below);
    vox_free(decoder);
}

/* ---- running ---- */

struct run {
    struct vox_mask_decoder *decoder;
    const struct vox_decoder_input *input;
    const struct vox_tap *tap;
    float iou[VOX_MASKS];
    float score;
    int best;               /* of masks 1-3, by IoU */
    bool wanted[VOX_MASKS]; /* masks to compute */
};

static enum vox_code load_tokens(const struct run *run, struct vox_err *err)
{
    const struct vox_mask_decoder *decoder = run->decoder;
    size_t row = (size_t)decoder->width * sizeof(float);
    float *tokens = NULL;
    enum vox_code code =
        vox_two_way_tokens(decoder->two_way, decoder->n_own + run->input->n_sparse, &tokens, err);
    if (code == VOX_OK) {
        memcpy(tokens, decoder->own, (size_t)decoder->n_own * row);
        memcpy(tokens + decoder->n_own * decoder->width, run->input->sparse,
               (size_t)run->input->n_sparse * row);
    }
    return code;
}

/* Which masks this call may give: the candidates are known before any mask is. */
static void choose_wanted(struct run *run)
{
    run->best = 1;
    for (int i = 2; i < VOX_MASKS; i++) {
        if (run->iou[i] > run->iou[run->best]) {
            run->best = i;
        }
    }
    for (int i = 0; i < VOX_MASKS; i++) {
        run->wanted[i] = run->tap != NULL;
    }
    bool may_fall_back = run->decoder->config->stability_fallback;
    run->wanted[run->input->multimask || may_fall_back ? run->best : 0] = true;
    run->wanted[run->input->multimask ? run->best : 0] = true;
}

static enum vox_code predict_quality(struct run *run, struct vox_lane *lane, const float *q,
                                     struct vox_err *err)
{
    const struct vox_mask_decoder *decoder = run->decoder;
    float raw[VOX_MASKS];
    enum vox_code code =
        vox_mlp_run(&decoder->iou, lane, q + decoder->iou_token * decoder->width, raw, err);
    for (int i = 0; i < VOX_MASKS && code == VOX_OK; i++) {
        run->iou[i] = 1.0F / (1.0F + expf(-raw[i]));
    }
    run->score = 10.0F;
    if (code == VOX_OK && decoder->config->pred_obj_scores) {
        code = vox_mlp_run(&decoder->score, lane, q, &run->score, err);
    }
    return code;
}

static enum vox_code heads_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    (void)tile;
    struct run *run = context;
    struct vox_mask_decoder *decoder = run->decoder;
    int64_t c = decoder->width;
    const float *q = NULL;
    enum vox_code code = vox_two_way_finish(decoder->two_way, lane, run->tap, &q, err);
    if (code == VOX_OK) {
        code = predict_quality(run, lane, q, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    choose_wanted(run);
    const float *masks = q + decoder->mask_token * c;
    for (int i = 0; i < VOX_MASKS && code == VOX_OK; i++) {
        float *hyper = decoder->hypers + i * (c / 8);
        if (run->wanted[i]) {
            code = vox_mlp_run(&decoder->hyper[i], lane, masks + i * c, hyper, err);
        }
        if (code == VOX_OK && run->tap != NULL) {
            run->tap->rows(run->tap->context, "hyper", i, 1, c / 8, hyper, c / 8);
        }
    }
    if (code == VOX_OK && decoder->config->obj_ptrs) {
        bool own_token = run->input->multimask && decoder->config->multimask_token_for_ptr;
        const float *token = masks + (own_token ? run->best : 0) * c;
        code = vox_mlp_run(&decoder->pointer, lane, token, decoder->found, err);
    }
    return code;
}

/* The pixel of the upscaled map, `by` times the token grid, that is number `pixel` of a token in
 * the order in which upscaling by 2 once or twice makes them. */
static int64_t pixel_of(const struct vox_mask_decoder *decoder, int64_t token, int64_t by,
                        int64_t pixel)
{
    int64_t y = token / decoder->side;
    int64_t x = token % decoder->side;
    for (int64_t divisor = by * by / 4; divisor > 0; divisor /= 4) {
        y = 2 * y + pixel / divisor % 4 / 2;
        x = 2 * x + pixel / divisor % 2;
    }
    return y * decoder->side * by + x;
}

/* Adds a high-resolution feature to the upscaled pixels of a tile's tokens. */
static void add_pixels(const struct run *run, int64_t token, int64_t by, const char *name,
                       const float *feature, int64_t columns, float *pixels)
{
    const struct vox_mask_decoder *decoder = run->decoder;
    for (int64_t i = 0; i < decoder->tile * by * by; i++) {
        int64_t at = pixel_of(decoder, token + i / (by * by), by, i % (by * by));
        float *pixel = pixels + i * columns;
        if (run->tap != NULL) {
            run->tap->rows(run->tap->context, name, at, 1, columns, pixel, columns);
        }
        if (decoder->config->high_res_features) {
            decoder->be->rows->axpy(columns, 1.0F, feature + at * columns, pixel);
        }
    }
}

/* Mask i is the product of its hypernetwork's vector with every pixel. */
static void write_masks(const struct run *run, int64_t tile, const float *pixels)
{
    struct vox_mask_decoder *decoder = run->decoder;
    int64_t columns = decoder->width / 8;
    int64_t map = 16 * decoder->side * decoder->side;
    float delta = (float)decoder->config->stability_delta;
    int64_t above = 0;
    int64_t below = 0;
    for (int64_t i = 0; i < 16 * decoder->tile; i++) {
        int64_t at = pixel_of(decoder, tile * decoder->tile + i / 16, 4, i % 16);
        for (int m = 0; m < VOX_MASKS; m++) {
            if (run->wanted[m]) {
                decoder->maps[m * map + at] = decoder->be->rows->dot(
                    columns, decoder->hypers + m * columns, pixels + i * columns);
            }
        }
        above += decoder->maps[at] > delta;
        below += decoder->maps[at] > -delta;
    }
    decoder->above[tile] = above;
    decoder->below[tile] = below;
}

static enum vox_code upscale_tile(void *context, int64_t tile, struct vox_lane *lane,
                                  struct vox_err *err)
{
    const struct run *run = context;
    const struct vox_mask_decoder *decoder = run->decoder;
    const struct vox_features *features = run->input->features;
    int64_t c = decoder->width;
    int64_t rows = decoder->tile;
    int64_t token = tile * rows;
    float *first = vox_lane_take(lane, (size_t)(rows * c));
    float *second = vox_lane_take(lane, (size_t)(2 * rows * c));
    enum vox_code code = vox_linear_rows(
        decoder->upscale1, lane, rows, vox_two_way_keys(decoder->two_way) + token * c, first, err);
    if (code != VOX_OK) {
        return code;
    }
    add_pixels(run, token, 2, "upscale 1", features->s1, c / 4, first);
    vox_norm_run(&decoder->upscale_norm, decoder->be, 4 * rows, first, VOX_ACT_GELU, first);
    code = vox_linear_rows(decoder->upscale2, lane, 4 * rows, first, second, err);
    if (code != VOX_OK) {
        return code;
    }
    add_pixels(run, token, 4, "upscale 2", features->s0, c / 8, second);
    decoder->be->rows->activate(VOX_ACT_GELU, 2 * rows * c, second);
    write_masks(run, tile, second);
    return VOX_OK;
}

/* How much of mask 0 stays when its threshold moves through the stability band. */
static float stability_of(const struct vox_mask_decoder *decoder)
{
    int64_t above = 0;
    int64_t below = 0;
    for (int64_t i = 0; i < decoder->tiles; i++) {
        above += decoder->above[i];
        below += decoder->below[i];
    }
    return below > 0 ? (float)above / (float)below : 1.0F;
}

static void write_output(const struct run *run, struct vox_decoder_output *output)
{
    const struct vox_mask_decoder *decoder = run->decoder;
    int64_t map = 16 * decoder->side * decoder->side;
    bool present = run->score > 0.0F;
    output->score = run->score;
    memcpy(output->iou, run->iou, sizeof(output->iou));
    output->stability = run->input->multimask ? 1.0F : stability_of(decoder);
    bool stable = output->stability >= (float)decoder->config->stability_threshold;
    bool fallback = decoder->config->stability_fallback && !stable;
    output->chosen = run->input->multimask || fallback ? run->best : 0;
    for (int m = 0; run->tap != NULL && m < VOX_MASKS; m++) {
        run->tap->rows(run->tap->context, "logits", m, 1, map, decoder->maps + m * map, map);
    }
    memcpy(output->logits, decoder->maps + output->chosen * map, (size_t)map * sizeof(float));
    for (int64_t i = 0; i < map && !present; i++) {
        output->logits[i] = absent_logit;
    }
    const float *pointer =
        present || decoder->no_pointer == NULL ? decoder->found : decoder->no_pointer;
    memcpy(output->pointer, pointer, (size_t)decoder->width * sizeof(float));
}

enum vox_code vox_mask_decoder_run(struct vox_mask_decoder *decoder,
                                   const struct vox_decoder_input *input,
                                   struct vox_decoder_output *output, const struct vox_tap *tap,
                                   struct vox_err *err)
{
    struct run run = {.decoder = decoder, .input = input, .tap = tap};
    enum vox_code code = load_tokens(&run, err);
    if (code == VOX_OK) {
        const struct vox_two_way_input image = {
            .image = input->image,
            .image_row = input->image_row,
            .dense = input->dense,
            .dense_row = input->dense_row,
            .n_tokens = decoder->n_own + input->n_sparse,
        };
        code = vox_two_way_run(decoder->two_way, &image, tap, err);
    }
    if (code == VOX_OK) {
        code = vox_pool_run(decoder->be->pool, 1, heads_tile, &run, err);
    }
    if (code == VOX_OK) {
        code = vox_pool_run(decoder->be->pool, decoder->tiles, upscale_tile, &run, err);
    }
    if (code == VOX_OK) {
        write_output(&run, output);
    }
    return code;
}
