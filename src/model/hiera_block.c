#include "model/hiera_block.h"

#include <math.h>
#include <string.h>

#include "model/layer_norm.h"
#include "model/token_tiles.h"
#include "util/memory.h"

enum {
    MAX_SHAPES = 4, /* windows: full, cut right, cut below, cut both */
    MLP_RATIO = 4
};

static const float norm_eps = 1e-6f;

/* The attention of windows of one size. */
struct window_attention {
    int64_t height, width, padding;
    struct vox_attention *plan;
};

struct vox_hiera_block {
    struct vox_block_shape shape;
    const struct vox_grid_layout *layout;
    struct vox_backend *be;
    struct vox_norm norm1, norm2;
    struct vox_linear *qkv, *project, *shortcut, *widen, *narrow;
    float *qkv_bias; /* what the padding's queries, keys and values are */
    int64_t head;    /* channels of one head */
    int64_t rows;    /* token tile of everything but attention */
    int64_t
        windows_per_tile; /* 0: windows are not cut into tiles, attention is a loop of its own */
    int n_windows;
    struct window_attention windows[MAX_SHAPES];
    struct vox_attention *global;
    int64_t global_rows;
};

static int64_t tokens_in(const struct vox_hiera_block *b)
{
    return b->layout->side * b->layout->side;
}

static int64_t tokens_out(const struct vox_hiera_block *b)
{
    return b->shape.pooled ? tokens_in(b) / 4 : tokens_in(b);
}

static enum vox_code build_weights(struct vox_hiera_block *b, const struct vox_builder *builder,
                                   const char *prefix, struct vox_err *err)
{
    int64_t in = b->shape.in;
    int64_t out = b->shape.out;
    int64_t hidden = MLP_RATIO * out;
    char name[VOX_NAME_MAX];
    vox_name(name, "%s.norm1", prefix);
    enum vox_code code = vox_norm_build(builder, name, in, norm_eps, &b->norm1, err);
    vox_name(name, "%s.norm2", prefix);
    if (code == VOX_OK) {
        code = vox_norm_build(builder, name, out, norm_eps, &b->norm2, err);
    }
    const struct vox_linear_part parts[] = {
        {"attn.qkv", in, 3 * out, VOX_ACT_NONE, false, &b->qkv},
        {"attn.proj", out, out, VOX_ACT_NONE, true, &b->project},
        {"mlp.layers.0", out, hidden, VOX_ACT_GELU, false, &b->widen},
        {"mlp.layers.1", hidden, out, VOX_ACT_NONE, true, &b->narrow},
        {"proj", in, out, VOX_ACT_NONE, false, &b->shortcut}, /* where the channels widen */
    };
    if (code == VOX_OK) {
        code = vox_build_linears(builder, prefix, parts, in != out ? 5 : 4, err);
    }
    if (code == VOX_OK) {
        vox_name(name, "%s.attn.qkv.bias", prefix);
        code = vox_build_tensor(builder, name, 3 * out, &b->qkv_bias, err);
    }
    return code;
}

/* Windows cut at the edge have an extra key, the padding's, which counts as often as the reference
 * pads: after the norm a padded token is zero, so its key and value are the biases. Their keys are
 * gathered, without gaps. */
static enum vox_code plan_window(struct vox_hiera_block *b, const struct vox_grid_window *w,
                                 struct vox_err *err)
{
    for (int i = 0; i < b->n_windows; i++) {
        if (b->windows[i].height == w->height && b->windows[i].width == w->width) {
            return VOX_OK;
        }
    }
    VOX_ASSERT(b->n_windows < MAX_SHAPES);
    int64_t tokens = w->height * w->width;
    bool gathered = w->padding > 0;
    struct vox_attention_desc desc = {
        .queries = b->shape.pooled ? tokens / 4 : tokens,
        .keys = tokens + (gathered ? 1 : 0),
        .dim_k = b->head,
        .dim_v = b->head,
        .ld_q = b->shape.pooled ? b->shape.out : 3 * b->shape.out,
        .ld_k = gathered ? b->head : 3 * b->shape.out,
        .ld_v = gathered ? b->head : 3 * b->shape.out,
        .ld_out = b->shape.out,
        .scale = 1.0f / sqrtf((float)b->head),
        .compute = VOX_F32,
    };
    struct window_attention *made = &b->windows[b->n_windows];
    enum vox_code code = vox_attention_new(b->be, &desc, &made->plan, err);
    if (code == VOX_OK) {
        made->height = w->height;
        made->width = w->width;
        made->padding = w->padding;
        b->n_windows++;
    }
    return code;
}

/* Pooling goes window by window, also where attention does not. */
static enum vox_code check_pooled(const struct vox_hiera_block *b, struct vox_err *err)
{
    for (int64_t i = 0; b->shape.pooled && i < b->layout->n_windows; i++) {
        const struct vox_grid_window *w = &b->layout->windows[i];
        if (w->height % 2 != 0 || w->width % 2 != 0) {
            return vox_fail(err, VOX_E_UNSUPPORTED,
                            "model.image_encoder.trunk.window_spec and model.image_size cut a "
                            "window of odd side where queries are pooled; choose even windows");
        }
    }
    return VOX_OK;
}

static enum vox_code plan_attention(struct vox_hiera_block *b, struct vox_err *err)
{
    enum vox_code code = check_pooled(b, err);
    if (code != VOX_OK) {
        return code;
    }
    if (!b->shape.global) {
        for (int64_t i = 0; i < b->layout->n_windows && code == VOX_OK; i++) {
            code = plan_window(b, &b->layout->windows[i], err);
        }
        return code;
    }
    b->global_rows = vox_tile_rows(tokens_out(b), b->be->tile_rows);
    struct vox_attention_desc desc = {
        .queries = b->global_rows,
        .keys = tokens_in(b),
        .dim_k = b->head,
        .dim_v = b->head,
        .ld_q = b->shape.pooled ? b->shape.out : 3 * b->shape.out,
        .ld_k = 3 * b->shape.out,
        .ld_v = 3 * b->shape.out,
        .ld_out = b->shape.out,
        .scale = 1.0f / sqrtf((float)b->head),
        .compute = VOX_F32,
    };
    return vox_attention_new(b->be, &desc, &b->global, err);
}

static int64_t window_tokens(const struct vox_hiera_block *b)
{
    return b->layout->window * b->layout->window;
}

/* Whole windows per tile: then norm, projection and attention of a tile stay in a thread's cache.
 */
static void choose_tiles(struct vox_hiera_block *b)
{
    int64_t window = window_tokens(b);
    b->rows = vox_tile_rows(tokens_out(b), b->be->tile_rows);
    bool whole = b->layout->side % b->layout->window == 0;
    int64_t wanted = b->shape.pooled ? 2 * b->be->tile_rows : b->be->tile_rows;
    if (!b->shape.global && whole && window <= wanted) {
        b->windows_per_tile = vox_tile_rows(b->layout->n_windows, wanted / window);
    }
}

static int64_t rows_in(const struct vox_hiera_block *b)
{
    return b->windows_per_tile > 0 ? b->windows_per_tile * window_tokens(b)
                                   : vox_tile_rows(tokens_in(b), b->be->tile_rows);
}

/* Rows of the tiles of the second half (projection and MLP). */
static int64_t rows_out(const struct vox_hiera_block *b)
{
    return b->windows_per_tile > 0 && !b->shape.pooled ? rows_in(b) : b->rows;
}

static enum vox_code plan_linears(struct vox_hiera_block *b, struct vox_err *err)
{
    struct vox_planned list[] = {
        {b->qkv, rows_in(b), 0, 0},      {b->project, rows_out(b), 0, 0},
        {b->widen, rows_out(b), 0, 0},   {b->narrow, rows_out(b), 0, 0},
        {b->shortcut, rows_in(b), 0, 0},
    };
    return vox_plan_all(list, b->shortcut == NULL ? 4 : 5, err);
}

static size_t bytes_to_floats(size_t bytes)
{
    return (bytes + sizeof(float) - 1) / sizeof(float);
}

/* Scratch of one attention: pooled queries, gathered keys and values, and their packed form. */
static size_t attention_scratch(const struct vox_hiera_block *b)
{
    size_t most = 0;
    for (int i = 0; i < b->n_windows; i++) {
        const struct window_attention *w = &b->windows[i];
        size_t tokens = (size_t)(w->height * w->width);
        size_t floats = bytes_to_floats(vox_attention_keys_bytes(w->plan)) +
                        bytes_to_floats(vox_attention_values_bytes(w->plan)) +
                        2 * (tokens + 1) * (size_t)b->head + tokens / 4 * (size_t)b->shape.out;
        most = floats > most ? floats : most;
    }
    return most;
}

static void announce(const struct vox_hiera_block *b, struct vox_builder *builder,
                     struct vox_block_needs *most)
{
    size_t out = (size_t)b->shape.out;
    size_t first = (size_t)rows_in(b) * ((size_t)b->shape.in + 4 * out) + (size_t)rows_in(b) * out;
    size_t second = (size_t)rows_out(b) * (1 + MLP_RATIO) * out;
    vox_build_scratch(builder, first + second + attention_scratch(b), 12);
    size_t tokens = (size_t)tokens_in(b);
    struct vox_block_needs needs = {
        .qkv = b->windows_per_tile > 0 ? 0 : tokens * 3 * out,
        .attended = (size_t)tokens_out(b) * out,
        .shortcut = b->windows_per_tile > 0 ? 0 : (b->shape.pooled ? 2 * tokens * out : 0),
    };
    if (b->shape.global) {
        needs.keys = (size_t)b->shape.heads * vox_attention_keys_bytes(b->global);
        needs.values = (size_t)b->shape.heads * vox_attention_values_bytes(b->global);
    }
    most->qkv = needs.qkv > most->qkv ? needs.qkv : most->qkv;
    most->attended = needs.attended > most->attended ? needs.attended : most->attended;
    most->shortcut = needs.shortcut > most->shortcut ? needs.shortcut : most->shortcut;
    most->keys = needs.keys > most->keys ? needs.keys : most->keys;
    most->values = needs.values > most->values ? needs.values : most->values;
}

enum vox_code vox_hiera_block_new(struct vox_builder *builder, const char *prefix,
                                  const struct vox_block_shape *shape,
                                  const struct vox_grid_layout *layout,
                                  struct vox_block_needs *most, struct vox_hiera_block **out,
                                  struct vox_err *err)
{
    struct vox_hiera_block *b = vox_calloc(1, sizeof(*b));
    if (b == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    b->shape = *shape;
    b->layout = layout;
    b->be = builder->be;
    b->head = shape->out / shape->heads;
    choose_tiles(b);
    enum vox_code code = build_weights(b, builder, prefix, err);
    if (code == VOX_OK) {
        code = plan_attention(b, err);
    }
    if (code == VOX_OK) {
        code = plan_linears(b, err);
    }
    if (code != VOX_OK) {
        vox_hiera_block_free(b);
        return code;
    }
    announce(b, builder, most);
    *out = b;
    return VOX_OK;
}

void vox_hiera_block_free(struct vox_hiera_block *b)
{
    if (b == NULL) {
        return;
    }
    for (int i = 0; i < b->n_windows; i++) {
        vox_attention_free(b->windows[i].plan);
    }
    vox_attention_free(b->global);
    vox_linear_free(b->qkv);
    vox_linear_free(b->project);
    vox_linear_free(b->shortcut);
    vox_linear_free(b->widen);
    vox_linear_free(b->narrow);
    vox_norm_fini(&b->norm1);
    vox_norm_fini(&b->norm2);
    vox_free(b->qkv_bias);
    vox_free(b);
}

struct block_run {
    const struct vox_hiera_block *block;
    const float *x;
    float *y;
    const struct vox_block_buffers *buffers;
};

/* Norm, then queries, keys and values of `rows` tokens, and their share of the shortcut. */
static enum vox_code project_in(const struct vox_hiera_block *b, struct vox_lane *lane,
                                int64_t rows, const float *x, float *qkv, float *shortcut,
                                struct vox_err *err)
{
    float *n = vox_lane_take(lane, (size_t)(rows * b->shape.in));
    vox_norm_run(&b->norm1, b->be, rows, x, VOX_ACT_NONE, n);
    enum vox_code code = vox_linear_rows(b->qkv, lane, rows, n, qkv, err);
    if (code == VOX_OK && b->shortcut != NULL) {
        code = vox_linear_rows(b->shortcut, lane, rows, n, shortcut, err);
    }
    return code;
}

/* Keys or values of a cut window: its tokens' and, once, the padding's, which is the bias alone. */
static void gather(const struct vox_hiera_block *b, int64_t tokens, const float *source,
                   const float *padding, float *out)
{
    size_t bytes = (size_t)b->head * sizeof(*out);
    for (int64_t t = 0; t < tokens; t++) {
        memcpy(out + t * b->head, source + t * 3 * b->shape.out, bytes);
    }
    memcpy(out + tokens * b->head, padding, bytes);
}

static const struct window_attention *attention_of(const struct vox_hiera_block *b,
                                                   const struct vox_grid_window *w)
{
    int i = 0;
    while (b->windows[i].height != w->height || b->windows[i].width != w->width) {
        i++;
    }
    return &b->windows[i];
}

/* One head of one window. qkv, q and out begin at the window's first token. */
static enum vox_code attend_head(const struct vox_hiera_block *b, struct vox_lane *lane,
                                 const struct vox_grid_window *w, int64_t head, const float *q,
                                 const float *qkv, float *out, struct vox_err *err)
{
    const struct window_attention *a = attention_of(b, w);
    int64_t tokens = w->height * w->width;
    int64_t channel = head * b->head;
    size_t used = lane->used;
    float *keys = vox_lane_take(lane, bytes_to_floats(vox_attention_keys_bytes(a->plan)));
    float *values = vox_lane_take(lane, bytes_to_floats(vox_attention_values_bytes(a->plan)));
    const float *k = qkv + b->shape.out + channel;
    const float *v = k + b->shape.out;
    int64_t rows = tokens;
    if (w->padding > 0) {
        const float *bias = b->qkv_bias + b->shape.out + channel;
        float *gathered = vox_lane_take(lane, 2 * (size_t)((tokens + 1) * b->head));
        gather(b, tokens, k, bias, gathered);
        gather(b, tokens, v, bias + b->shape.out, gathered + (tokens + 1) * b->head);
        k = gathered;
        v = gathered + (tokens + 1) * b->head;
        rows = tokens + 1;
    }
    enum vox_code code = vox_attention_pack_keys(a->plan, lane, rows, k, keys, err);
    if (code == VOX_OK) {
        code = vox_attention_pack_values(a->plan, lane, rows, v, values, err);
    }
    if (code == VOX_OK) {
        struct vox_key_block block = {keys, values, rows,
                                      w->padding > 0 ? (float)w->padding : 1.0f};
        code = vox_attention_run(a->plan, lane, q + channel, &block, 1, out + channel, err);
    }
    lane->used = used;
    return code;
}

/* Pools the queries of one window, all heads: h x w tokens of qkv into h / 2 x w / 2 rows. */
static void pool_queries(const struct vox_hiera_block *b, const struct vox_grid_window *w,
                         const float *qkv, float *q)
{
    b->be->rows->max_pool(w->height / 2, w->width / 2, b->shape.out, qkv, 3 * b->shape.out, q,
                          b->shape.out);
}

/* All heads of one window. */
static enum vox_code attend_window(const struct vox_hiera_block *b, struct vox_lane *lane,
                                   const struct vox_grid_window *w, const float *qkv, float *out,
                                   struct vox_err *err)
{
    size_t used = lane->used;
    const float *q = qkv;
    if (b->shape.pooled) {
        float *pooled = vox_lane_take(lane, (size_t)(w->height * w->width / 4 * b->shape.out));
        pool_queries(b, w, qkv, pooled);
        q = pooled;
    }
    enum vox_code code = VOX_OK;
    for (int64_t h = 0; h < b->shape.heads && code == VOX_OK; h++) {
        code = attend_head(b, lane, w, h, q, qkv, out, err);
    }
    lane->used = used;
    return code;
}

/* Output projection and MLP of `rows` tokens: y holds the shortcut and becomes the block's result.
 */
static enum vox_code project_out(const struct vox_hiera_block *b, struct vox_lane *lane,
                                 int64_t rows, const float *attended, float *y, struct vox_err *err)
{
    float *n = vox_lane_take(lane, (size_t)(rows * b->shape.out));
    float *hidden = vox_lane_take(lane, (size_t)(rows * MLP_RATIO * b->shape.out));
    enum vox_code code = vox_linear_rows(b->project, lane, rows, attended, y, err);
    if (code == VOX_OK) {
        vox_norm_run(&b->norm2, b->be, rows, y, VOX_ACT_NONE, n);
        code = vox_linear_rows(b->widen, lane, rows, n, hidden, err);
    }
    if (code == VOX_OK) {
        code = vox_linear_rows(b->narrow, lane, rows, hidden, y, err);
    }
    return code;
}

/* A tile of whole windows: everything of an ordinary block; of a pooled one all but the second
 * half, whose tiles would be a quarter as long. */
static enum vox_code window_tile(void *context, int64_t tile, struct vox_lane *lane,
                                 struct vox_err *err)
{
    const struct block_run *run = context;
    const struct vox_hiera_block *b = run->block;
    int64_t rows = rows_in(b);
    int64_t out = b->shape.out;
    const struct vox_grid_window *w = &b->layout->windows[tile * b->windows_per_tile];
    int64_t first = w->first;
    int64_t first_out = b->shape.pooled ? first / 4 : first;
    float *qkv = vox_lane_take(lane, (size_t)(rows * 3 * out));
    float *attended = b->shape.pooled ? run->buffers->attended + first_out * out
                                      : vox_lane_take(lane, (size_t)(rows * out));
    float *shortcut = b->shortcut == NULL ? NULL : vox_lane_take(lane, (size_t)(rows * out));
    enum vox_code code =
        project_in(b, lane, rows, run->x + first * b->shape.in, qkv, shortcut, err);
    for (int64_t i = 0; i < b->windows_per_tile && code == VOX_OK; i++) {
        int64_t at = w[i].first - first;
        int64_t at_out = b->shape.pooled ? at / 4 : at;
        code = attend_window(b, lane, &w[i], qkv + at * 3 * out, attended + at_out * out, err);
        if (b->shape.pooled) {
            b->be->rows->max_pool(w[i].height / 2, w[i].width / 2, out, shortcut + at * out, out,
                                  run->y + (first_out + at_out) * out, out);
        }
    }
    if (code == VOX_OK && !b->shape.pooled) {
        code = project_out(b, lane, rows, attended, run->y + first * out, err);
    }
    return code;
}

static enum vox_code in_tile(void *context, int64_t tile, struct vox_lane *lane,
                             struct vox_err *err)
{
    const struct block_run *run = context;
    const struct vox_hiera_block *b = run->block;
    int64_t rows = rows_in(b);
    int64_t first = tile * rows;
    float *shortcut = b->shortcut == NULL ? NULL : run->buffers->shortcut + first * b->shape.out;
    return project_in(b, lane, rows, run->x + first * b->shape.in,
                      run->buffers->qkv + first * 3 * b->shape.out, shortcut, err);
}

static enum vox_code out_tile(void *context, int64_t tile, struct vox_lane *lane,
                              struct vox_err *err)
{
    const struct block_run *run = context;
    const struct vox_hiera_block *b = run->block;
    int64_t at = tile * rows_out(b) * b->shape.out;
    return project_out(b, lane, rows_out(b), run->buffers->attended + at, run->y + at, err);
}

/* One window of a block whose windows do not make equal tiles; the shortcut's pooling goes with it.
 */
static enum vox_code attention_tile(void *context, int64_t tile, struct vox_lane *lane,
                                    struct vox_err *err)
{
    const struct block_run *run = context;
    const struct vox_hiera_block *b = run->block;
    const struct vox_grid_window *w = &b->layout->windows[tile];
    int64_t out = b->shape.out;
    int64_t first_out = b->shape.pooled ? w->first / 4 : w->first;
    if (b->shape.pooled) {
        b->be->rows->max_pool(w->height / 2, w->width / 2, out,
                              run->buffers->shortcut + w->first * out, out,
                              run->y + first_out * out, out);
    }
    return attend_window(b, lane, w, run->buffers->qkv + w->first * 3 * out,
                         run->buffers->attended + first_out * out, err);
}

/* Packs one head's keys and values of the whole grid; pools its window's queries and shortcut once,
 * with head 0. */
static enum vox_code global_pack_tile(void *context, int64_t head, struct vox_lane *lane,
                                      struct vox_err *err)
{
    const struct block_run *run = context;
    const struct vox_hiera_block *b = run->block;
    int64_t out = b->shape.out;
    const float *qkv = run->buffers->qkv;
    const float *k = qkv + out + head * b->head;
    char *keys = (char *)run->buffers->keys + (size_t)head * vox_attention_keys_bytes(b->global);
    char *values =
        (char *)run->buffers->values + (size_t)head * vox_attention_values_bytes(b->global);
    for (int64_t i = 0; head == 0 && b->shape.pooled && i < b->layout->n_windows; i++) {
        const struct vox_grid_window *w = &b->layout->windows[i];
        const float *shortcut = run->buffers->shortcut + w->first * out;
        float *q = run->buffers->shortcut + (tokens_in(b) + w->first / 4) * out;
        pool_queries(b, w, qkv + w->first * 3 * out, q);
        b->be->rows->max_pool(w->height / 2, w->width / 2, out, shortcut, out,
                              run->y + w->first / 4 * out, out);
    }
    enum vox_code code = vox_attention_pack_keys(b->global, lane, tokens_in(b), k, keys, err);
    if (code == VOX_OK) {
        code = vox_attention_pack_values(b->global, lane, tokens_in(b), k + out, values, err);
    }
    return code;
}

static enum vox_code global_tile(void *context, int64_t tile, struct vox_lane *lane,
                                 struct vox_err *err)
{
    const struct block_run *run = context;
    const struct vox_hiera_block *b = run->block;
    int64_t out = b->shape.out;
    int64_t head = tile % b->shape.heads;
    int64_t first = tile / b->shape.heads * b->global_rows;
    const float *q = b->shape.pooled ? run->buffers->shortcut + (tokens_in(b) + first) * out
                                     : run->buffers->qkv + first * 3 * out;
    struct vox_key_block block = {
        (char *)run->buffers->keys + (size_t)head * vox_attention_keys_bytes(b->global),
        (char *)run->buffers->values + (size_t)head * vox_attention_values_bytes(b->global),
        tokens_in(b), 1.0f};
    return vox_attention_run(b->global, lane, q + head * b->head, &block, 1,
                             run->buffers->attended + first * out + head * b->head, err);
}

static enum vox_code run_attention(struct block_run *run, struct vox_err *err)
{
    const struct vox_hiera_block *b = run->block;
    struct vox_pool *pool = b->be->pool;
    enum vox_code code = vox_pool_run(pool, tokens_in(b) / rows_in(b), in_tile, run, err);
    if (code != VOX_OK) {
        return code;
    }
    if (!b->shape.global) {
        return vox_pool_run(pool, b->layout->n_windows, attention_tile, run, err);
    }
    code = vox_pool_run(pool, b->shape.heads, global_pack_tile, run, err);
    if (code == VOX_OK) {
        code = vox_pool_run(pool, b->shape.heads * (tokens_out(b) / b->global_rows), global_tile,
                            run, err);
    }
    return code;
}

enum vox_code vox_hiera_block_run(const struct vox_hiera_block *b, const float *x, float *y,
                                  const struct vox_block_buffers *buffers, struct vox_err *err)
{
    struct block_run run = {b, x, y, buffers};
    enum vox_code code;
    if (b->windows_per_tile > 0) {
        code = vox_pool_run(b->be->pool, b->layout->n_windows / b->windows_per_tile, window_tile,
                            &run, err);
        if (!b->shape.pooled) {
            return code;
        }
    } else {
        code = run_attention(&run, err);
    }
    if (code == VOX_OK) {
        code = vox_pool_run(b->be->pool, tokens_out(b) / rows_out(b), out_tile, &run, err);
    }
    return code;
}
