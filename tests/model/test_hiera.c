/* The trunk's parts: token order, position field and blocks, on both backends. */
#include "model/hiera_block.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/hiera_position.h"
#include "naive_hiera.h"
#include "support/tiny_network.h"
#include "util/memory.h"

/* Values of a block are about 3; sums of up to 256 products of float32 in each of four operators
 * err by some 1e-6 of that. */
static const double block_limit = 2e-5;

/* ---- token order ---- */

static void check_grid(int64_t side, int64_t window)
{
    struct vox_grid_layout grid;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_grid_init(&grid, side, window, &err));
    int64_t per_axis = (side + window - 1) / window;
    assert_int_equal(per_axis * per_axis, grid.n_windows);
    int *seen = vox_calloc((size_t)(side * side), sizeof(*seen));
    assert_non_null(seen);
    int64_t token = 0;
    for (int64_t n = 0; n < grid.n_windows; n++) {
        const struct vox_grid_window *w = &grid.windows[n];
        int64_t top = n / per_axis * window;
        int64_t left = n % per_axis * window;
        assert_int_equal(token, w->first);
        assert_int_equal(top + window <= side ? window : side - top, w->height);
        assert_int_equal(left + window <= side ? window : side - left, w->width);
        assert_int_equal(window * window, w->height * w->width + w->padding);
        for (int64_t i = 0; i < w->height * w->width; i++) {
            int64_t raster = (top + i / w->width) * side + left + i % w->width;
            assert_int_equal(raster, grid.raster[token++]);
            seen[raster]++;
        }
    }
    assert_int_equal(side * side, token);
    for (int64_t i = 0; i < side * side; i++) {
        assert_int_equal(1, seen[i]);
    }
    vox_free(seen);
    vox_grid_fini(&grid);
}

static void every_token_is_in_one_window(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {4, 4}, {8, 4},   {32, 14}, {16, 7},
                                       {7, 3}, {5, 4}, {6, 256}, {3, 1},   {9, 8}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_grid(sizes[i][0], sizes[i][1]);
    }
}

/* ---- position field ---- */

enum { SAMPLES = 7 };

/* PyTorch's weights of a bicubic resize from 7 samples to 128, as torch.nn.functional.interpolate
 * gives them for unit vectors (mode "bicubic", align_corners False). */
static const double row_0[SAMPLES] = {1.09858124, -0.09858124, 0, 0, 0, 0, 0};
static const double row_63[SAMPLES] = {0, -0.00054543, 0.02160378, 0.99834327, -0.01940162, 0, 0};

static double expect_position(const float *field, const double *rows, const double *columns)
{
    double sum = 0;
    for (int i = 0; i < SAMPLES * SAMPLES; i++) {
        sum += rows[i / SAMPLES] * columns[i % SAMPLES] * (double)field[i];
    }
    return sum;
}

static void positions_are_resized_as_pytorch_does(void **state)
{
    (void)state;
    enum { SIDE = 128 };
    struct vox_model_config config;
    struct vox_tiny tiny;
    struct vox_grid_layout grid;
    struct vox_err err = {0};
    float *found = NULL;
    vox_tiny_config(&config);
    int64_t channels = config.trunk.embed_dim;
    int64_t window = config.trunk.window_spec[0];
    vox_tiny_open(&tiny, &config, NULL, false);
    assert_int_equal(VOX_OK, vox_grid_init(&grid, SIDE, 14, &err));
    assert_int_equal(VOX_OK, vox_hiera_position(&tiny.builder, &grid, &found, &err));
    const double *tiled = naive_tensor(tiny.weights, "image_encoder.trunk.pos_embed_window");
    const struct vox_weight *weight =
        vox_weights_find(tiny.weights, "image_encoder.trunk.pos_embed");
    const float *field;
    float *owned;
    assert_int_equal(VOX_OK, vox_weight_f32(weight, &field, &owned, &err));
    int checked = 0;
    for (int64_t t = 0; t < SIDE * SIDE; t++) {
        int64_t y = grid.raster[t] / SIDE;
        int64_t x = grid.raster[t] % SIDE;
        if ((y != 0 && y != 63) || (x != 0 && x != 63)) {
            continue;
        }
        checked++;
        for (int64_t c = 0; c < channels; c++) {
            double wanted = expect_position(field + c * SAMPLES * SAMPLES, y == 0 ? row_0 : row_63,
                                            x == 0 ? row_0 : row_63) +
                            tiled[(c * window + y % window) * window + x % window];
            /* Eight printed digits of two weights below 1.1, and float sums. */
            assert_true(fabs((double)found[t * channels + c] - wanted) <= 5e-7);
        }
    }
    assert_int_equal(4, checked);
    vox_free(owned);
    vox_free(found);
    naive_release();
    vox_grid_fini(&grid);
    vox_tiny_close(&tiny);
}

/* Where the field has as many samples as the grid has tokens nothing is resized. */
static void positions_of_the_same_size_are_copied(void **state)
{
    (void)state;
    struct vox_model_config config;
    struct vox_tiny tiny;
    struct vox_grid_layout grid;
    struct vox_err err = {0};
    float *found = NULL;
    vox_tiny_config(&config);
    vox_tiny_open(&tiny, &config, NULL, false);
    assert_int_equal(VOX_OK, vox_grid_init(&grid, SAMPLES, 3, &err));
    assert_int_equal(VOX_OK, vox_hiera_position(&tiny.builder, &grid, &found, &err));
    const double *tiled = naive_tensor(tiny.weights, "image_encoder.trunk.pos_embed_window");
    const double *field = naive_tensor(tiny.weights, "image_encoder.trunk.pos_embed");
    for (int64_t t = 0; t < SAMPLES * SAMPLES; t++) {
        int64_t at = grid.raster[t];
        for (int64_t c = 0; c < config.trunk.embed_dim; c++) {
            int64_t window = config.trunk.window_spec[0];
            double wanted =
                field[c * SAMPLES * SAMPLES + at] +
                tiled[(c * window + at / SAMPLES % window) * window + at % SAMPLES % window];
            assert_true(fabs((double)found[t * config.trunk.embed_dim + c] - wanted) <= 3e-7);
        }
    }
    vox_free(found);
    naive_release();
    vox_grid_fini(&grid);
    vox_tiny_close(&tiny);
}

/* ---- blocks ---- */

struct block_case {
    int64_t side, window;
    int64_t heads;
    bool global, pooled;
};

static const struct block_case cases[] = {
    {16, 4, 2, false, false},  /* several windows make a tile */
    {16, 8, 1, false, false},  /* a window is a tile */
    {16, 16, 2, false, false}, /* a window is larger than a tile */
    {14, 4, 2, false, false},  /* cut windows of 2 and 4 x 2 */
    {7, 4, 4, false, false},   /* the same, odd */
    {9, 8, 1, false, false},   /* a window of one token, 63 padded */
    {6, 5, 2, false, false},
    {8, 8, 2, true, false},
    {10, 4, 2, true, false}, /* over the whole grid although its order is of cut windows */
    {16, 4, 2, false, true},
    {16, 8, 2, false, true},
    {12, 12, 2, false, true},
    {12, 8, 2, false, true}, /* cut windows of 4 */
    {14, 4, 1, false, true}, /* cut windows of 2 */
    {8, 4, 2, true, true},
    {12, 8, 4, true, true}, /* over the whole grid, in the order of cut windows */
};

static void fill(struct vox_block_buffers *buffers, const struct vox_block_needs *needs)
{
    buffers->qkv = vox_alloc(needs->qkv * sizeof(float));
    buffers->attended = vox_alloc(needs->attended * sizeof(float));
    buffers->shortcut = vox_alloc(needs->shortcut * sizeof(float));
    buffers->keys = vox_alloc(needs->keys);
    buffers->values = vox_alloc(needs->values);
    assert_true(buffers->qkv && buffers->attended && buffers->shortcut && buffers->keys &&
                buffers->values);
}

static void empty(struct vox_block_buffers *buffers)
{
    vox_free(buffers->qkv);
    vox_free(buffers->attended);
    vox_free(buffers->shortcut);
    vox_free(buffers->keys);
    vox_free(buffers->values);
}

/* Runs a block on a raster map; *out is in raster order too, for the caller to vox_free. */
static void run_block(struct vox_tiny *tiny, const char *prefix,
                      const struct vox_block_shape *shape, const struct block_case *c,
                      const float *x, float *out)
{
    struct vox_err err = {0};
    struct vox_grid_layout grid;
    struct vox_grid_layout grid_out;
    struct vox_hiera_block *block = NULL;
    struct vox_block_needs needs = {0};
    struct vox_block_buffers buffers;
    int64_t shrink = c->pooled ? 2 : 1;
    int64_t tokens = c->side * c->side;
    int64_t tokens_out = tokens / (shrink * shrink);
    assert_int_equal(VOX_OK, vox_grid_init(&grid, c->side, c->window, &err));
    assert_int_equal(VOX_OK, vox_grid_init(&grid_out, c->side / shrink, c->window / shrink, &err));
    if (vox_hiera_block_new(&tiny->builder, prefix, shape, &grid, &needs, &block, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_tiny_reserve(tiny);
    fill(&buffers, &needs);
    float *in = vox_alloc((size_t)(tokens * shape->in) * sizeof(*in));
    float *y = c->pooled ? vox_alloc((size_t)(tokens_out * shape->out) * sizeof(*y)) : in;
    assert_true(in != NULL && y != NULL);
    for (int64_t t = 0; t < tokens; t++) {
        memcpy(in + t * shape->in, x + grid.raster[t] * shape->in, (size_t)shape->in * sizeof(*in));
    }
    if (vox_hiera_block_run(block, in, y, &buffers, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    for (int64_t t = 0; t < tokens_out; t++) {
        memcpy(out + grid_out.raster[t] * shape->out, y + t * shape->out,
               (size_t)shape->out * sizeof(*out));
    }
    if (c->pooled) {
        vox_free(y);
    }
    vox_free(in);
    empty(&buffers);
    vox_hiera_block_free(block);
    vox_grid_fini(&grid);
    vox_grid_fini(&grid_out);
}

static void check_blocks(const char *backend)
{
    struct vox_model_config config;
    struct vox_tiny tiny;
    struct vox_err err = {0};
    vox_tiny_config(&config);
    vox_tiny_open(&tiny, &config, NULL, false);
    struct vox_backend *be = NULL;
    assert_int_equal(VOX_OK, vox_backend_open(backend, tiny.pool, &be, &err));
    tiny.builder.be = be;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct block_case *c = &cases[i];
        const char *prefix =
            c->pooled ? "image_encoder.trunk.blocks.1" : "image_encoder.trunk.blocks.0";
        const struct vox_block_shape shape = {.in = 16,
                                              .out = c->pooled ? 32 : 16,
                                              .heads = c->heads,
                                              .global = c->global,
                                              .pooled = c->pooled};
        int64_t n = c->side * c->side * 16;
        int64_t n_out = c->pooled ? n / 2 : n;
        char what[64];
        snprintf(what, sizeof(what), "block case %zu on %s", i, backend);
        float *x = vox_tiny_values(what, n);
        float *found = vox_calloc((size_t)n_out, sizeof(*found));
        assert_non_null(found);
        run_block(&tiny, prefix, &shape, c, x, found);
        const double *wanted = naive_hiera_block(tiny.weights, prefix, &shape, c->side,
                                                 c->global ? 0 : c->window, naive_copy(x, n));
        assert_true(naive_close(what, found, wanted, n_out, block_limit));
        naive_release();
        vox_free(found);
        vox_free(x);
    }
    vox_backend_close(be);
    vox_tiny_close(&tiny);
}

static void blocks_are_the_reference(void **state)
{
    (void)state;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        check_blocks(vox_backend_name(i));
    }
}

/* Queries are pooled within windows, so those of odd side have no place in a pooled block. */
static void odd_windows_are_not_pooled(void **state)
{
    (void)state;
    struct vox_model_config config;
    struct vox_tiny tiny;
    struct vox_err err = {0};
    vox_tiny_config(&config);
    vox_tiny_open(&tiny, &config, NULL, false);
    for (int global = 0; global < 2; global++) {
        struct vox_grid_layout grid;
        struct vox_block_needs needs = {0};
        struct vox_hiera_block *block = NULL;
        const struct vox_block_shape shape = {
            .in = 16, .out = 32, .heads = 2, .global = global == 1, .pooled = true};
        assert_int_equal(VOX_OK, vox_grid_init(&grid, 12, 3, &err));
        assert_int_equal(VOX_E_UNSUPPORTED,
                         vox_hiera_block_new(&tiny.builder, "image_encoder.trunk.blocks.1", &shape,
                                             &grid, &needs, &block, &err));
        assert_null(block);
        vox_grid_fini(&grid);
    }
    vox_tiny_close(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_is_in_one_window),
        cmocka_unit_test(positions_are_resized_as_pytorch_does),
        cmocka_unit_test(positions_of_the_same_size_are_copied),
        cmocka_unit_test(blocks_are_the_reference),
        cmocka_unit_test(odd_windows_are_not_pooled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
