#include "model/image_encoder.h"

#include <string.h>

#include "model/fpn_neck.h"
#include "model/hiera_block.h"
#include "model/hiera_position.h"
#include "model/token_tiles.h"
#include "util/memory.h"

enum {
    PATCH = 7, /* kernel side of the patch embedding */
    STRIDE = 4,
    PADDING = 3,
    COLORS = 3,
    GREYS = 256
};

/* A block and the layouts around it. */
struct step {
    struct vox_hiera_block *block;
    int layout;     /* of its input */
    int layout_out; /* of its output */
    int level;      /* FPN level that its output is, or -1 */
    int64_t width;  /* channels of its output */
};

struct vox_image_encoder {
    struct vox_backend *be;
    int64_t side;  /* image_size */
    int64_t width; /* embed_dim */
    float normalized[GREYS][COLORS];
    struct vox_linear *patch;
    int64_t patch_rows;
    float *position;
    int n_layouts;
    struct vox_grid_layout layouts[2 * VOX_MAX_STAGES];
    int n_steps;
    struct step steps[VOX_MAX_BLOCKS];
    struct vox_fpn_neck *neck;
    struct vox_block_buffers buffers;
    float *x, *y;
};

/* ImageNet's mean and standard deviation, the float constants of the reference; the arithmetic is
 * double, as NumPy's. */
static void fill_normalized(float table[GREYS][COLORS])
{
    const float mean[COLORS] = {0.485f, 0.456f, 0.406f};
    const float deviation[COLORS] = {0.229f, 0.224f, 0.225f};
    for (int v = 0; v < GREYS; v++) {
        for (int c = 0; c < COLORS; c++) {
            table[v][c] = (float)(((double)v / 255.0 - (double)mean[c]) / (double)deviation[c]);
        }
    }
}

/* The index of the layout of that side and window, made where it is new. */
static enum vox_code layout_of(struct vox_image_encoder *e, int64_t side, int64_t window, int *out,
                               struct vox_err *err)
{
    for (int i = 0; i < e->n_layouts; i++) {
        if (e->layouts[i].side == side && e->layouts[i].window == window) {
            *out = i;
            return VOX_OK;
        }
    }
    VOX_ASSERT(e->n_layouts < (int)(sizeof(e->layouts) / sizeof(e->layouts[0])));
    enum vox_code code = vox_grid_init(&e->layouts[e->n_layouts], side, window, err);
    if (code == VOX_OK) {
        *out = e->n_layouts++;
    }
    return code;
}

static bool is_global(const struct vox_trunk_config *trunk, int64_t block)
{
    for (int i = 0; i < trunk->n_global; i++) {
        if (trunk->global_att_blocks[i] == block) {
            return true;
        }
    }
    return false;
}

/* Where the walk over the blocks is. */
struct walk {
    int64_t side, width, heads;
    int64_t stage; /* whose window is used: it lags one block behind at a change of stage */
    int layout;
    struct vox_block_needs most;
};

static enum vox_code add_block(struct vox_image_encoder *e, struct vox_builder *builder,
                               struct walk *walk, bool begins, bool ends, int level,
                               struct vox_err *err)
{
    const struct vox_trunk_config *trunk = &builder->config->trunk;
    struct step *step = &e->steps[e->n_steps];
    struct vox_block_shape shape = {
        .in = walk->width,
        .out = begins ? 2 * walk->width : walk->width,
        .heads = begins ? 2 * walk->heads : walk->heads,
        .global = is_global(trunk, e->n_steps),
        .pooled = begins,
    };
    int64_t window = trunk->window_spec[walk->stage];
    if (!shape.global && window > walk->side) {
        return vox_fail(
            err, VOX_E_UNSUPPORTED,
            "model.image_encoder.trunk.window_spec has a window of %lld on a grid of %lld tokens",
            (long long)window, (long long)walk->side);
    }
    if (shape.global) { /* any order will do, but pooling needs even windows */
        window = e->layouts[walk->layout].window;
        window = begins && window % 2 != 0 ? walk->side : window;
    }
    enum vox_code code = layout_of(e, walk->side, window, &step->layout, err);
    if (code != VOX_OK) {
        return code;
    }
    step->layout_out = step->layout;
    char prefix[VOX_NAME_MAX];
    vox_name(prefix, "image_encoder.trunk.blocks.%d", e->n_steps);
    code = vox_hiera_block_new(builder, prefix, &shape, &e->layouts[step->layout], &walk->most,
                               &step->block, err);
    if (code == VOX_OK && begins) {
        walk->side /= 2;
        code = layout_of(e, walk->side, window / 2, &step->layout_out, err);
    }
    walk->width = shape.out;
    walk->heads = shape.heads;
    walk->layout = step->layout_out;
    step->width = shape.out;
    step->level = ends ? level : -1;
    e->n_steps += step->block == NULL ? 0 : 1;
    return code;
}

static enum vox_code add_blocks(struct vox_image_encoder *e, struct vox_builder *builder,
                                struct walk *walk, struct vox_err *err)
{
    const struct vox_trunk_config *trunk = &builder->config->trunk;
    for (int stage = 0; stage < trunk->n_stages; stage++) {
        for (int64_t i = 0; i < trunk->stages[stage]; i++) {
            enum vox_code code = add_block(e, builder, walk, stage > 0 && i == 0,
                                           i + 1 == trunk->stages[stage], stage, err);
            if (code != VOX_OK) {
                return code;
            }
            walk->stage = stage;
        }
    }
    return VOX_OK;
}

static enum vox_code build_patch(struct vox_image_encoder *e, struct vox_builder *builder,
                                 int layout, struct vox_err *err)
{
    const struct vox_grid_layout *grid = &e->layouts[layout];
    e->patch_rows = vox_tile_rows(grid->side * grid->side, e->be->tile_rows);
    int64_t columns = (int64_t)PATCH * PATCH * COLORS;
    vox_build_scratch(builder, (size_t)(e->patch_rows * columns), 1);
    enum vox_code code = vox_hiera_position(builder, grid, &e->position, err);
    if (code == VOX_OK) {
        code = vox_build_patch_linear(builder, "image_encoder.trunk.patch_embed.proj", COLORS,
                                      PATCH, e->width, VOX_ACT_NONE, &e->patch, err);
    }
    return code != VOX_OK ? code : vox_linear_plan(e->patch, e->patch_rows, columns, e->width, err);
}

static enum vox_code allocate(struct vox_image_encoder *e, const struct walk *walk,
                              struct vox_err *err)
{
    size_t tokens = (size_t)(e->side / STRIDE) * (size_t)(e->side / STRIDE);
    size_t floats = tokens * (size_t)e->width;
    e->x = vox_alloc(floats * sizeof(float));
    e->y = vox_alloc(floats * sizeof(float));
    e->buffers.qkv = vox_alloc(walk->most.qkv * sizeof(float));
    e->buffers.attended = vox_alloc(walk->most.attended * sizeof(float));
    e->buffers.shortcut = vox_alloc(walk->most.shortcut * sizeof(float));
    e->buffers.keys = vox_alloc(walk->most.keys);
    e->buffers.values = vox_alloc(walk->most.values);
    const struct vox_block_buffers *b = &e->buffers;
    bool all = e->x && e->y && b->qkv && b->attended && b->shortcut && b->keys && b->values;
    return all ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code build(struct vox_image_encoder *e, struct vox_builder *builder,
                           struct vox_err *err)
{
    const struct vox_trunk_config *trunk = &builder->config->trunk;
    struct walk walk = {
        .side = e->side / STRIDE, .width = trunk->embed_dim, .heads = trunk->num_heads};
    enum vox_code code = layout_of(e, walk.side, trunk->window_spec[0], &walk.layout, err);
    if (code == VOX_OK) {
        code = build_patch(e, builder, walk.layout, err);
    }
    if (code == VOX_OK) {
        code = add_blocks(e, builder, &walk, err);
    }
    const struct vox_grid_layout *levels[VOX_LEVELS] = {NULL, NULL, NULL, NULL};
    for (int i = 0; i < e->n_steps && code == VOX_OK; i++) {
        if (e->steps[i].level >= 0) {
            levels[e->steps[i].level] = &e->layouts[e->steps[i].layout_out];
        }
    }
    if (code == VOX_OK) {
        code = vox_fpn_neck_new(builder, levels, &e->neck, err);
    }
    return code == VOX_OK ? allocate(e, &walk, err) : code;
}

enum vox_code vox_image_encoder_new(struct vox_builder *builder, struct vox_image_encoder **out,
                                    struct vox_err *err)
{
    if (builder->config->trunk.n_stages != VOX_LEVELS) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "model.image_encoder.trunk.stages: only %d stages are supported",
                        VOX_LEVELS);
    }
    struct vox_image_encoder *e = vox_calloc(1, sizeof(*e));
    if (e == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    e->be = builder->be;
    e->side = builder->config->image_size;
    e->width = builder->config->trunk.embed_dim;
    fill_normalized(e->normalized);
    enum vox_code code = build(e, builder, err);
    if (code != VOX_OK) {
        vox_image_encoder_free(e);
        return code;
    }
    *out = e;
    return VOX_OK;
}

void vox_image_encoder_free(struct vox_image_encoder *e)
{
    if (e == NULL) {
        return;
    }
    vox_fpn_neck_free(e->neck);
    for (int i = 0; i < e->n_steps; i++) {
        vox_hiera_block_free(e->steps[i].block);
    }
    for (int i = 0; i < e->n_layouts; i++) {
        vox_grid_fini(&e->layouts[i]);
    }
    vox_linear_free(e->patch);
    vox_free(e->position);
    vox_free(e->x);
    vox_free(e->y);
    vox_free(e->buffers.qkv);
    vox_free(e->buffers.attended);
    vox_free(e->buffers.shortcut);
    vox_free(e->buffers.keys);
    vox_free(e->buffers.values);
    vox_free(e);
}

struct patch_run {
    const struct vox_image_encoder *encoder;
    const uint8_t *image;
};

/* One row of the patch matrix: the 7 x 7 pixels around a token, zero beyond the image, as the
 * convolution pads after normalisation. */
static void gather_patch(const struct vox_image_encoder *e, const uint8_t *image, int64_t token,
                         float *out)
{
    int64_t grid = e->side / STRIDE;
    int64_t top = token / grid * STRIDE - PADDING;
    int64_t left = token % grid * STRIDE - PADDING;
    for (int64_t y = top; y < top + PATCH; y++) {
        for (int64_t x = left; x < left + PATCH; x++, out += COLORS) {
            if (y >= 0 && y < e->side && x >= 0 && x < e->side) {
                memcpy(out, e->normalized[image[y * e->side + x]], COLORS * sizeof(*out));
            } else {
                memset(out, 0, COLORS * sizeof(*out));
            }
        }
    }
}

static enum vox_code patch_tile(void *context, int64_t tile, struct vox_lane *lane,
                                struct vox_err *err)
{
    const struct patch_run *run = context;
    const struct vox_image_encoder *e = run->encoder;
    int64_t first = tile * e->patch_rows;
    int64_t columns = (int64_t)PATCH * PATCH * COLORS;
    float *patches = vox_lane_take(lane, (size_t)(e->patch_rows * columns));
    const struct vox_grid_layout *grid = &e->layouts[e->steps[0].layout];
    for (int64_t r = 0; r < e->patch_rows; r++) {
        gather_patch(e, run->image, grid->raster[first + r], patches + r * columns);
    }
    float *x = e->x + first * e->width;
    enum vox_code code = vox_linear_rows(e->patch, lane, e->patch_rows, patches, x, err);
    e->be->rows->axpy(e->patch_rows * e->width, 1.0f, e->position + first * e->width, x);
    return code;
}

/* Shows tokens in raster order, a row at a time; minus, if not NULL, is subtracted. */
static void show(const struct vox_tap *tap, const char *name, const struct vox_grid_layout *grid,
                 int64_t width, const float *x, const float *minus, float *row)
{
    for (int64_t t = 0; tap != NULL && t < grid->side * grid->side; t++) {
        for (int64_t c = 0; c < width; c++) {
            row[c] = x[t * width + c] - (minus == NULL ? 0.0f : minus[t * width + c]);
        }
        tap->rows(tap->context, name, grid->raster[t], 1, width, row, width);
    }
}

/* Brings tokens from one layout of a grid into another: through raster order, in e->y. */
static void change_layout(struct vox_image_encoder *e, const struct vox_grid_layout *from,
                          const struct vox_grid_layout *to, int64_t width)
{
    int64_t tokens = from->side * from->side;
    size_t bytes = (size_t)width * sizeof(float);
    for (int64_t t = 0; t < tokens; t++) {
        memcpy(e->y + from->raster[t] * width, e->x + t * width, bytes);
    }
    for (int64_t t = 0; t < tokens; t++) {
        memcpy(e->x + t * width, e->y + to->raster[t] * width, bytes);
    }
}

static enum vox_code run_step(struct vox_image_encoder *e, int i, const struct vox_features *out,
                              struct vox_err *err)
{
    const struct step *step = &e->steps[i];
    bool pooled = step->layout != step->layout_out;
    enum vox_code code =
        vox_hiera_block_run(step->block, e->x, pooled ? e->y : e->x, &e->buffers, err);
    if (pooled) {
        float *x = e->x;
        e->x = e->y;
        e->y = x;
    }
    if (code == VOX_OK && step->level >= 0) {
        code = vox_fpn_neck_run(e->neck, step->level, e->x, out, err);
    }
    return code;
}

enum vox_code vox_image_encoder_run(struct vox_image_encoder *e, const uint8_t *image,
                                    const struct vox_features *out, const struct vox_tap *tap,
                                    struct vox_err *err)
{
    struct patch_run patch = {e, image};
    int layout = e->steps[0].layout;
    int64_t tokens = e->layouts[layout].side * e->layouts[layout].side;
    enum vox_code code = vox_pool_run(e->be->pool, tokens / e->patch_rows, patch_tile, &patch, err);
    show(tap, "patch", &e->layouts[layout], e->width, e->x, e->position, e->y);
    show(tap, "position", &e->layouts[layout], e->width, e->position, NULL, e->y);
    for (int i = 0; i < e->n_steps && code == VOX_OK; i++) {
        const struct step *step = &e->steps[i];
        if (step->layout != layout) {
            change_layout(e, &e->layouts[layout], &e->layouts[step->layout],
                          i == 0 ? e->width : step[-1].width);
        }
        code = run_step(e, i, out, err);
        layout = step->layout_out;
        char name[VOX_NAME_MAX];
        vox_name(name, "block %d", i);
        show(tap, name, &e->layouts[layout], step->width, e->x, NULL, e->y);
    }
    return code;
}
