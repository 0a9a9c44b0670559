#include "model/fpn_neck.h"

#include <string.h>

#include "model/token_tiles.h"
#include "util/memory.h"

struct level {
    const struct vox_grid_layout *layout;
    struct vox_linear *linear; /* NULL where nothing reads the level */
    int64_t in, out;
    int64_t rows; /* of a tile */
};

struct vox_fpn_neck {
    struct vox_backend *be;
    struct level levels[VOX_LEVELS];
    float *coarse; /* level 3, raster order */
};

static enum vox_code load_pair(const struct vox_builder *builder, const char *name, int64_t in,
                               int64_t out, float **w, float **b, struct vox_err *err)
{
    char full[VOX_NAME_MAX];
    vox_name(full, "%s.weight", name);
    enum vox_code code = vox_build_tensor(builder, full, in * out, w, err);
    if (code == VOX_OK) {
        vox_name(full, "%s.bias", name);
        code = vox_build_tensor(builder, full, out, b, err);
    }
    return code;
}

static enum vox_code build_merged(const struct vox_builder *builder, const char *lateral,
                                  const char *projection, struct level *level, struct vox_err *err)
{
    int64_t width = builder->config->neck.d_model;
    float *t[6] = {NULL, NULL, NULL, NULL, NULL, NULL};
    enum vox_code code = load_pair(builder, lateral, level->in, width, &t[0], &t[1], err);
    if (code == VOX_OK) {
        code = load_pair(builder, projection, width, level->out, &t[2], &t[3], err);
    }
    if (code == VOX_OK) {
        t[4] = vox_alloc((size_t)(level->out * level->in) * sizeof(float));
        t[5] = vox_alloc((size_t)level->out * sizeof(float));
        if (t[4] == NULL || t[5] == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    if (code == VOX_OK) {
        vox_multiply_linears(level->out, width, level->in, t[2], t[3], t[0], t[1], t[4], t[5]);
        struct vox_linear_desc desc = {.in = level->in, .out = level->out, .compute = VOX_F32};
        code = vox_linear_new(builder->be, &desc, t[4], t[5], &level->linear, err);
    }
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        vox_free(t[i]);
    }
    return code;
}

static enum vox_code build_level(struct vox_builder *builder, struct vox_fpn_neck *neck, int i,
                                 struct vox_err *err)
{
    const struct vox_model_config *config = builder->config;
    struct level *level = &neck->levels[i];
    char lateral[VOX_NAME_MAX];
    vox_name(lateral, "image_encoder.neck.convs.%d.conv", VOX_LEVELS - 1 - i);
    level->in = config->neck.channels[VOX_LEVELS - 1 - i];
    level->out = config->neck.d_model;
    enum vox_code code = VOX_OK;
    if (i >= 2) {
        struct vox_linear_desc desc = {.in = level->in, .out = level->out, .compute = VOX_F32};
        code = vox_build_linear(builder, lateral, &desc, &level->linear, err);
    } else if (config->high_res_features) {
        level->out /= i == 0 ? 8 : 4;
        code = build_merged(builder, lateral,
                            i == 0 ? "sam_mask_decoder.conv_s0" : "sam_mask_decoder.conv_s1", level,
                            err);
    } else {
        return VOX_OK;
    }
    int64_t tokens = level->layout->side * level->layout->side;
    level->rows = vox_tile_rows(tokens, 2 * builder->be->tile_rows);
    vox_build_scratch(builder, (size_t)(level->rows * level->out), 1);
    return code != VOX_OK ? code
                          : vox_linear_plan(level->linear, level->rows, level->in, level->out, err);
}

enum vox_code vox_fpn_neck_new(struct vox_builder *builder,
                               const struct vox_grid_layout *const layouts[VOX_LEVELS],
                               struct vox_fpn_neck **out, struct vox_err *err)
{
    const struct vox_neck_config *config = &builder->config->neck;
    if (config->top_down[0] || config->top_down[1] || !config->top_down[2]) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.image_encoder.neck.fpn_top_down_levels: only [2, 3] is supported");
    }
    struct vox_fpn_neck *neck = vox_calloc(1, sizeof(*neck));
    if (neck == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    neck->be = builder->be;
    int64_t coarse = layouts[3]->side * layouts[3]->side * config->d_model;
    neck->coarse = vox_alloc((size_t)coarse * sizeof(*neck->coarse));
    enum vox_code code =
        neck->coarse == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory") : VOX_OK;
    for (int i = 0; i < VOX_LEVELS && code == VOX_OK; i++) {
        neck->levels[i].layout = layouts[i];
        code = build_level(builder, neck, i, err);
    }
    if (code != VOX_OK) {
        vox_fpn_neck_free(neck);
        return code;
    }
    *out = neck;
    return VOX_OK;
}

void vox_fpn_neck_free(struct vox_fpn_neck *neck)
{
    if (neck == NULL) {
        return;
    }
    for (int i = 0; i < VOX_LEVELS; i++) {
        vox_linear_free(neck->levels[i].linear);
    }
    vox_free(neck->coarse);
    vox_free(neck);
}

struct level_run {
    const struct level *level;
    const float *x;
    float *out; /* raster order */
};

static enum vox_code level_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct level_run *run = context;
    const struct level *level = run->level;
    int64_t first = tile * level->rows;
    float *rows = vox_lane_take(lane, (size_t)(level->rows * level->out));
    enum vox_code code =
        vox_linear_rows(level->linear, lane, level->rows, run->x + first * level->in, rows, err);
    for (int64_t r = 0; r < level->rows && code == VOX_OK; r++) {
        memcpy(run->out + (int64_t)level->layout->raster[first + r] * level->out,
               rows + r * level->out, (size_t)level->out * sizeof(*rows));
    }
    return code;
}

/* Level 2 += level 3, each coarse token for its 2 x 2 fine ones. */
static void add_coarse(const struct vox_fpn_neck *neck, float *f2)
{
    int64_t side = neck->levels[2].layout->side;
    int64_t width = neck->levels[2].out;
    for (int64_t y = 0; y < side; y++) {
        for (int64_t x = 0; x < side; x++) {
            const float *coarse = neck->coarse + (y / 2 * (side / 2) + x / 2) * width;
            neck->be->rows->axpy(width, 1.0f, coarse, f2 + (y * side + x) * width);
        }
    }
}

enum vox_code vox_fpn_neck_run(struct vox_fpn_neck *neck, int level, const float *x,
                               const struct vox_features *out, struct vox_err *err)
{
    const struct level *l = &neck->levels[level];
    if (l->linear == NULL) {
        return VOX_OK;
    }
    float *maps[VOX_LEVELS] = {out->s0, out->s1, out->f2, neck->coarse};
    struct level_run run = {l, x, maps[level]};
    int64_t tokens = l->layout->side * l->layout->side;
    enum vox_code code = vox_pool_run(neck->be->pool, tokens / l->rows, level_tile, &run, err);
    if (code == VOX_OK && level == VOX_LEVELS - 1) {
        add_coarse(neck, out->f2);
    }
    return code;
}
