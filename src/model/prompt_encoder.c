#include "model/prompt_encoder.h"

#include <math.h>
#include <string.h>

#include "model/layer_norm.h"
#include "model/token_tiles.h"
#include "util/memory.h"

#define PREFIX "sam_prompt_encoder."

enum {
    LABELS = 4,
    CELL = 4,         /* side of a token's cell in the mask prompt */
    MASK_HIDDEN = 16, /* channels of the mask branch before its last layer */
    QUARTER = MASK_HIDDEN / 4
};

struct vox_prompt_encoder {
    struct vox_backend *be;
    int64_t side;  /* G */
    int64_t width; /* C */
    float image_size;
    int64_t tile;    /* tokens of one tile of the mask branch */
    float *gaussian; /* 2 x C / 2: the frequencies of x, then of y */
    float *labels[LABELS];
    float *not_a_point;
    float *no_mask;
    float *image_code;

    /* The mask branch: 2 x 2 pixels to QUARTER channels, 2 x 2 of those to MASK_HIDDEN, to C. */
    struct vox_linear *pixels, *quads, *expand;
    struct vox_norm pixels_norm, quads_norm;
};

/* sin and cos of 2 pi g, where g projects a point of the unit square on random frequencies. */
static void fourier_code(const struct vox_prompt_encoder *encoder, float u, float v, float *out)
{
    int64_t half = encoder->width / 2;
    const float two_pi = 6.2831855F;
    float x = 2.0F * u - 1.0F;
    float y = 2.0F * v - 1.0F;
    for (int64_t i = 0; i < half; i++) {
        float g = two_pi * (x * encoder->gaussian[i] + y * encoder->gaussian[half + i]);
        out[i] = sinf(g);
        out[half + i] = cosf(g);
    }
}

static void fill_image_code(struct vox_prompt_encoder *encoder)
{
    for (int64_t y = 0; y < encoder->side; y++) {
        for (int64_t x = 0; x < encoder->side; x++) {
            fourier_code(encoder, ((float)x + 0.5F) / (float)encoder->side,
                         ((float)y + 0.5F) / (float)encoder->side,
                         encoder->image_code + (y * encoder->side + x) * encoder->width);
        }
    }
}

static enum vox_code build_vectors(struct vox_prompt_encoder *encoder,
                                   const struct vox_builder *builder, struct vox_err *err)
{
    static const char *const label_names[LABELS] = {
        PREFIX "point_embeddings.0.weight", PREFIX "point_embeddings.1.weight",
        PREFIX "point_embeddings.2.weight", PREFIX "point_embeddings.3.weight"};
    int64_t width = encoder->width;
    enum vox_code code =
        vox_build_tensor(builder, PREFIX "pe_layer.positional_encoding_gaussian_matrix", width,
                         &encoder->gaussian, err);
    for (int i = 0; i < LABELS && code == VOX_OK; i++) {
        code = vox_build_tensor(builder, label_names[i], width, &encoder->labels[i], err);
    }
    if (code == VOX_OK) {
        code = vox_build_tensor(builder, PREFIX "not_a_point_embed.weight", width,
                                &encoder->not_a_point, err);
    }
    if (code == VOX_OK) {
        code =
            vox_build_tensor(builder, PREFIX "no_mask_embed.weight", width, &encoder->no_mask, err);
    }
    return code;
}

static enum vox_code build_mask_branch(struct vox_prompt_encoder *encoder,
                                       struct vox_builder *builder, struct vox_err *err)
{
    const float eps = 1e-6F;
    enum vox_code code = vox_build_patch_linear(builder, PREFIX "mask_downscaling.0", 1, 2, QUARTER,
                                                VOX_ACT_NONE, &encoder->pixels, err);
    if (code == VOX_OK) {
        code = vox_norm_build(builder, PREFIX "mask_downscaling.1", QUARTER, eps,
                              &encoder->pixels_norm, err);
    }
    if (code == VOX_OK) {
        code = vox_build_patch_linear(builder, PREFIX "mask_downscaling.3", QUARTER, 2, MASK_HIDDEN,
                                      VOX_ACT_NONE, &encoder->quads, err);
    }
    if (code == VOX_OK) {
        code = vox_norm_build(builder, PREFIX "mask_downscaling.4", MASK_HIDDEN, eps,
                              &encoder->quads_norm, err);
    }
    if (code == VOX_OK) {
        code = vox_build_patch_linear(builder, PREFIX "mask_downscaling.6", MASK_HIDDEN, 1,
                                      encoder->width, VOX_ACT_NONE, &encoder->expand, err);
    }
    if (code == VOX_OK) {
        const struct vox_planned plans[] = {
            {.linear = encoder->pixels, .rows = 4 * encoder->tile},
            {.linear = encoder->quads, .rows = encoder->tile},
            {.linear = encoder->expand, .rows = encoder->tile},
        };
        code = vox_plan_all(plans, 3, err);
    }
    vox_build_scratch(builder, (size_t)((int64_t)3 * CELL * CELL * encoder->tile), 3);
    return code;
}

enum vox_code vox_prompt_encoder_new(struct vox_builder *builder, struct vox_prompt_encoder **out,
                                     struct vox_err *err)
{
    struct vox_prompt_encoder *encoder = vox_calloc(1, sizeof(*encoder));
    if (encoder == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    encoder->be = builder->be;
    encoder->side = builder->config->image_size / 16;
    encoder->width = builder->config->neck.d_model;
    encoder->image_size = (float)builder->config->image_size;
    encoder->tile = vox_tile_rows(encoder->side * encoder->side, builder->be->tile_rows);
    encoder->image_code =
        vox_calloc((size_t)(encoder->side * encoder->side), (size_t)encoder->width * sizeof(float));
    enum vox_code code = encoder->image_code != NULL ? build_vectors(encoder, builder, err)
                                                     : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code == VOX_OK) {
        code = build_mask_branch(encoder, builder, err);
    }
    if (code != VOX_OK) {
        vox_prompt_encoder_free(encoder);
        return code;
    }
    fill_image_code(encoder);
    *out = encoder;
    return VOX_OK;
}

void vox_prompt_encoder_free(struct vox_prompt_encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    vox_free(encoder->gaussian);
    for (int i = 0; i < LABELS; i++) {
        vox_free(encoder->labels[i]);
    }
    vox_free(encoder->not_a_point);
    vox_free(encoder->no_mask);
    vox_free(encoder->image_code);
    vox_linear_free(encoder->pixels);
    vox_linear_free(encoder->quads);
    vox_linear_free(encoder->expand);
    vox_norm_fini(&encoder->pixels_norm);
    vox_norm_fini(&encoder->quads_norm);
    vox_free(encoder);
}

int64_t vox_prompt_tokens(int64_t n)
{
    return n > 0 ? n + 1 : 2;
}

void vox_prompt_encoder_points(const struct vox_prompt_encoder *encoder,
                               const struct vox_point *points, int64_t n, float *tokens)
{
    int64_t width = encoder->width;
    for (int64_t i = 0; i < n; i++) {
        float *row = tokens + i * width;
        fourier_code(encoder, (points[i].x + 0.5F) / encoder->image_size,
                     (points[i].y + 0.5F) / encoder->image_size, row);
        encoder->be->rows->axpy(width, 1.0F, encoder->labels[points[i].label], row);
    }
    for (int64_t i = n; i < vox_prompt_tokens(n); i++) {
        memcpy(tokens + i * width, encoder->not_a_point, (size_t)width * sizeof(*tokens));
    }
}

struct mask_run {
    const struct vox_prompt_encoder *encoder;
    const float *mask;
    float *dense;
};

/* The CELL x CELL pixels of each token as rows of 2 x 2: the quads of a cell and the pixels of a
 * quad in raster order, so that what follows finds its patches in place. */
static void gather_cells(const struct mask_run *run, int64_t token, int64_t n, float *out)
{
    int64_t side = run->encoder->side;
    for (int64_t t = token; t < token + n; t++) {
        const float *cell = run->mask + (t / side * side * CELL + t % side) * CELL;
        for (int64_t quad = 0; quad < 4; quad++) {
            for (int64_t pixel = 0; pixel < 4; pixel++) {
                int64_t y = quad / 2 * 2 + pixel / 2;
                int64_t x = quad % 2 * 2 + pixel % 2;
                *out++ = cell[y * side * CELL + x];
            }
        }
    }
}

static enum vox_code mask_tile(void *context, int64_t tile, struct vox_lane *lane,
                               struct vox_err *err)
{
    const struct mask_run *run = context;
    const struct vox_prompt_encoder *encoder = run->encoder;
    int64_t rows = encoder->tile;
    size_t floats = (size_t)(rows * MASK_HIDDEN);
    float *cells = vox_lane_take(lane, floats);
    float *pixels = vox_lane_take(lane, floats);
    float *quads = vox_lane_take(lane, floats);
    gather_cells(run, tile * rows, rows, cells);
    enum vox_code code = vox_linear_rows(encoder->pixels, lane, 4 * rows, cells, pixels, err);
    if (code == VOX_OK) {
        vox_norm_run(&encoder->pixels_norm, encoder->be, 4 * rows, pixels, VOX_ACT_GELU, pixels);
        code = vox_linear_rows(encoder->quads, lane, rows, pixels, quads, err);
    }
    if (code == VOX_OK) {
        vox_norm_run(&encoder->quads_norm, encoder->be, rows, quads, VOX_ACT_GELU, quads);
        code = vox_linear_rows(encoder->expand, lane, rows, quads,
                               run->dense + tile * rows * encoder->width, err);
    }
    return code;
}

enum vox_code vox_prompt_encoder_mask(struct vox_prompt_encoder *encoder, const float *mask,
                                      float *dense, struct vox_err *err)
{
    struct mask_run run = {encoder, mask, dense};
    int64_t tiles = encoder->side * encoder->side / encoder->tile;
    return vox_pool_run(encoder->be->pool, tiles, mask_tile, &run, err);
}

const float *vox_prompt_encoder_no_mask(const struct vox_prompt_encoder *encoder)
{
    return encoder->no_mask;
}

const float *vox_prompt_encoder_image_code(const struct vox_prompt_encoder *encoder)
{
    return encoder->image_code;
}
