/* The image encoder and its neck against plain loops in double, on every backend. */
#include "model/image_encoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/fpn_neck.h"
#include "model/hiera_position.h"
#include "naive_hiera.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { STRIDE = 4, COLORS = 3 };

/* Features are about 5; up to 8 blocks, each of which errs by 1e-6 of its values or less. */
static const double encoder_limit = 5e-5;
/* Two convolutions of up to 128 products each, on values below 1. */
static const double neck_limit = 1e-5;

struct fixture {
    struct vox_tiny tiny;
    struct vox_backend *be;
};

static void open_fixture(struct fixture *f, const struct vox_model_config *config,
                         const char *backend)
{
    struct vox_err err = {0};
    vox_tiny_open(&f->tiny, config, NULL, false);
    assert_int_equal(VOX_OK, vox_backend_open(backend, f->tiny.pool, &f->be, &err));
    f->tiny.builder.be = f->be;
}

static void close_fixture(struct fixture *f)
{
    vox_backend_close(f->be);
    vox_tiny_close(&f->tiny);
}

/* ---- the neck ---- */

/* The features of the outputs x[0 ... 3] of the stages, raster order, convolution by convolution.
 */
struct naive_features {
    double *f2, *s1, *s0;
};

static struct naive_features naive_neck(const struct vox_weights *weights,
                                        const struct vox_model_config *config,
                                        double *const x[VOX_LEVELS])
{
    double *lateral[VOX_LEVELS];
    int64_t width = config->neck.d_model;
    int64_t side = config->image_size / STRIDE;
    for (int i = 0; i < VOX_LEVELS; i++) {
        char name[VOX_NAME_MAX];
        int64_t tokens = (side >> i) * (side >> i);
        snprintf(name, sizeof(name), "image_encoder.neck.convs.%d.conv", VOX_LEVELS - 1 - i);
        lateral[i] = naive_linear(weights, name, tokens, config->trunk.embed_dim << i, width, x[i]);
    }
    int64_t fine = side / 4;
    for (int64_t t = 0; t < fine * fine; t++) {
        int64_t coarse = t / fine / 2 * (fine / 2) + t % fine / 2;
        naive_add(width, lateral[3] + coarse * width, lateral[2] + t * width);
    }
    return (struct naive_features){
        .f2 = lateral[2],
        .s1 = naive_linear(weights, "sam_mask_decoder.conv_s1", side * side / 4, width, width / 4,
                           lateral[1]),
        .s0 = naive_linear(weights, "sam_mask_decoder.conv_s0", side * side, width, width / 8,
                           lateral[0]),
    };
}

static bool close_to(const struct vox_features *found, const struct naive_features *wanted,
                     const struct vox_model_config *config, double limit)
{
    int64_t side = config->image_size / STRIDE;
    int64_t width = config->neck.d_model;
    bool good = naive_close("f2", found->f2, wanted->f2, side * side / 16 * width, limit);
    good &= naive_close("s1", found->s1, wanted->s1, side * side / 4 * (width / 4), limit);
    return good & naive_close("s0", found->s0, wanted->s0, side * side * (width / 8), limit);
}

static void check_neck(const char *backend)
{
    struct fixture f;
    struct vox_model_config config;
    struct vox_err err = {0};
    struct vox_fpn_neck *neck = NULL;
    struct vox_grid_layout grids[VOX_LEVELS];
    const struct vox_grid_layout *layouts[VOX_LEVELS];
    double *maps[VOX_LEVELS];
    float *tokens[VOX_LEVELS];
    static const int64_t windows[VOX_LEVELS] = {8, 5, 4, 2};
    vox_tiny_config(&config);
    open_fixture(&f, &config, backend);
    for (int i = 0; i < VOX_LEVELS; i++) {
        int64_t side = config.image_size / STRIDE >> i;
        int64_t channels = config.trunk.embed_dim << i;
        char name[32];
        snprintf(name, sizeof(name), "level %d", i);
        assert_int_equal(VOX_OK, vox_grid_init(&grids[i], side, windows[i], &err));
        layouts[i] = &grids[i];
        tokens[i] = vox_tiny_values(name, side * side * channels);
        maps[i] = naive_copy(NULL, side * side * channels);
        for (int64_t t = 0; t < side * side * channels; t++) {
            maps[i][grids[i].raster[t / channels] * channels + t % channels] = (double)tokens[i][t];
        }
    }
    assert_int_equal(VOX_OK, vox_fpn_neck_new(&f.tiny.builder, layouts, &neck, &err));
    vox_tiny_reserve(&f.tiny);
    struct vox_features *found = vox_features_new(&config);
    assert_non_null(found);
    for (int i = 0; i < VOX_LEVELS; i++) {
        assert_int_equal(VOX_OK, vox_fpn_neck_run(neck, i, tokens[i], found, &err));
    }
    const struct naive_features wanted = naive_neck(f.tiny.weights, &config, maps);
    assert_true(close_to(found, &wanted, &config, neck_limit));
    naive_release();
    vox_features_free(found);
    vox_fpn_neck_free(neck);
    for (int i = 0; i < VOX_LEVELS; i++) {
        vox_grid_fini(&grids[i]);
        vox_free(tokens[i]);
    }
    close_fixture(&f);
}

static void merged_projections_are_two_convolutions(void **state)
{
    (void)state;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        check_neck(vox_backend_name(i));
    }
}

/* ---- the whole encoder ---- */

struct trunk_case {
    int64_t size;
    int64_t stages[VOX_LEVELS];
    int64_t windows[VOX_LEVELS];
    int n_global;
    int64_t global[4];
};

static const struct trunk_case cases[] = {
    {64, {1, 1, 1, 1}, {8, 4, 2, 2}, 1, {2, 0, 0, 0}},
    /* grids of 24, 12, 6 and 3: windows that do not divide them, pooled and not */
    {96, {1, 2, 3, 2}, {8, 8, 4, 3}, 1, {4, 0, 0, 0}},
    /* block 2 pools over the whole grid, after windows of 3; a window beyond its grid that is never
       cut, because all blocks of its stage are global */
    {96, {1, 1, 2, 1}, {6, 4, 4, 8}, 3, {2, 3, 4, 0}},
    /* global blocks right from the start */
    {64, {2, 1, 2, 1}, {4, 4, 4, 1}, 3, {0, 1, 4, 0}},
};

static void config_of(const struct trunk_case *c, struct vox_model_config *config)
{
    vox_tiny_config(config);
    config->image_size = c->size;
    config->trunk.n_global = c->n_global;
    for (int i = 0; i < VOX_LEVELS; i++) {
        config->trunk.stages[i] = c->stages[i];
        config->trunk.window_spec[i] = c->windows[i];
        config->trunk.global_att_blocks[i] = c->global[i];
    }
}

static bool is_global(const struct trunk_case *c, int64_t block)
{
    for (int i = 0; i < c->n_global; i++) {
        if (c->global[i] == block) {
            return true;
        }
    }
    return false;
}

/* Patch embedding and position, raster order. */
static double *naive_patches(const struct vox_tiny *tiny, const uint8_t *image)
{
    static const double mean[COLORS] = {0.485, 0.456, 0.406};
    static const double deviation[COLORS] = {0.229, 0.224, 0.225};
    int64_t size = tiny->config.image_size;
    int64_t side = size / STRIDE;
    int64_t width = tiny->config.trunk.embed_dim;
    double *pixels = naive_copy(NULL, size * size * COLORS);
    for (int64_t i = 0; i < size * size * COLORS; i++) {
        pixels[i] = (image[i / COLORS] / 255.0 - mean[i % COLORS]) / deviation[i % COLORS];
    }
    double *x = naive_conv(tiny->weights, "image_encoder.trunk.patch_embed.proj", size, COLORS,
                           width, 7, STRIDE, 3, pixels);
    struct vox_grid_layout raster;
    struct vox_err err = {0};
    float *position = NULL;
    assert_int_equal(VOX_OK, vox_grid_init(&raster, side, side, &err));
    assert_int_equal(VOX_OK, vox_hiera_position(&tiny->builder, &raster, &position, &err));
    naive_add(side * side * width, naive_copy(position, side * side * width), x);
    vox_free(position);
    vox_grid_fini(&raster);
    return x;
}

/* The window of a stage's first block is that of the stage before. */
static struct naive_features naive_encoder(const struct vox_tiny *tiny, const struct trunk_case *c,
                                           const uint8_t *image)
{
    double *levels[VOX_LEVELS];
    double *x = naive_patches(tiny, image);
    int64_t side = c->size / STRIDE;
    int64_t width = tiny->config.trunk.embed_dim;
    int64_t block = 0;
    for (int stage = 0; stage < VOX_LEVELS; stage++) {
        for (int64_t i = 0; i < c->stages[stage]; i++, block++) {
            bool pooled = stage > 0 && i == 0;
            const struct vox_block_shape shape = {.in = width,
                                                  .out = pooled ? 2 * width : width,
                                                  .heads = (int64_t)1 << stage,
                                                  .global = is_global(c, block),
                                                  .pooled = pooled};
            char prefix[VOX_NAME_MAX];
            snprintf(prefix, sizeof(prefix), "image_encoder.trunk.blocks.%d", (int)block);
            x = naive_hiera_block(tiny->weights, prefix, &shape, side,
                                  shape.global ? 0 : c->windows[pooled ? stage - 1 : stage], x);
            side /= pooled ? 2 : 1;
            width = shape.out;
        }
        levels[stage] = x;
    }
    return naive_neck(tiny->weights, &tiny->config, levels);
}

static void fill_image(uint8_t *image, int64_t size)
{
    for (int64_t i = 0; i < size * size; i++) {
        image[i] = (uint8_t)((i % size * 3 + i / size * 5 + (i * i >> 7)) & 255);
    }
}

static void check_encoder(const struct trunk_case *c, const char *backend)
{
    struct fixture f;
    struct vox_model_config config;
    struct vox_err err = {0};
    struct vox_image_encoder *encoder = NULL;
    static uint8_t image[96 * 96];
    config_of(c, &config);
    fill_image(image, c->size);
    open_fixture(&f, &config, backend);
    if (vox_image_encoder_new(&f.tiny.builder, &encoder, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_tiny_reserve(&f.tiny);
    struct vox_features *found = vox_features_new(&config);
    assert_non_null(found);
    const struct naive_features wanted = naive_encoder(&f.tiny, c, image);
    for (int i = 0; i < 2; i++) { /* a second run finds nothing of the first */
        assert_int_equal(VOX_OK, vox_image_encoder_run(encoder, image, found, NULL, &err));
        assert_true(close_to(found, &wanted, &config, encoder_limit));
    }
    naive_release();
    vox_features_free(found);
    vox_image_encoder_free(encoder);
    close_fixture(&f);
}

static void slices_are_encoded_as_the_reference_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int j = 0; vox_backend_name(j) != NULL; j++) {
            check_encoder(&cases[i], vox_backend_name(j));
        }
    }
}

static void windows_beyond_the_grid_are_refused(void **state)
{
    (void)state;
    struct trunk_case c = cases[0];
    struct fixture f;
    struct vox_model_config config;
    struct vox_err err = {0};
    struct vox_image_encoder *encoder = NULL;
    c.windows[2] = 8; /* of a grid of 4 */
    config_of(&c, &config);
    open_fixture(&f, &config, "ref");
    assert_int_equal(VOX_E_UNSUPPORTED, vox_image_encoder_new(&f.tiny.builder, &encoder, &err));
    assert_non_null(strstr(err.msg, "window_spec"));
    assert_null(encoder);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_projections_are_two_convolutions),
        cmocka_unit_test(slices_are_encoded_as_the_reference_does),
        cmocka_unit_test(windows_beyond_the_grid_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
