#include "model/prompt_encoder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/naive.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { SIDE = 4, WIDTH = 32, HALF = WIDTH / 2 };

struct fixture {
    struct vox_tiny tiny;
    struct vox_prompt_encoder *encoder;
};

static int open_fixture(void **state)
{
    static struct fixture fixture;
    struct vox_model_config config;
    struct vox_err err = {0};
    vox_tiny_config(&config);
    vox_tiny_open(&fixture.tiny, &config, NULL, false);
    if (vox_prompt_encoder_new(&fixture.tiny.builder, &fixture.encoder, &err) != VOX_OK) {
        return 1;
    }
    vox_tiny_reserve(&fixture.tiny);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    vox_prompt_encoder_free(fixture->encoder);
    vox_tiny_close(&fixture->tiny);
    naive_release();
    return 0;
}

static void fourier(const struct vox_weights *weights, double u, double v, double *out)
{
    const double *gaussian =
        naive_tensor(weights, "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix");
    for (int i = 0; i < HALF; i++) {
        double g =
            6.283185307179586 * ((2 * u - 1) * gaussian[i] + (2 * v - 1) * gaussian[HALF + i]);
        out[i] = sin(g);
        out[HALF + i] = cos(g);
    }
}

static void image_code_is_the_fourier_code_of_cell_centres(void **state)
{
    const struct fixture *fixture = *state;
    double *wanted = naive_copy(NULL, SIDE * SIDE * WIDTH);
    for (int t = 0; t < SIDE * SIDE; t++) {
        fourier(fixture->tiny.weights, (t % SIDE + 0.5) / SIDE, (t / SIDE + 0.5) / SIDE,
                wanted + t * WIDTH);
    }
    assert_true(naive_close("image code", vox_prompt_encoder_image_code(fixture->encoder), wanted,
                            SIDE * SIDE * WIDTH, 2e-6));
}

static void points_get_their_code_and_label(void **state)
{
    const struct fixture *fixture = *state;
    static const struct vox_point points[] = {
        {0.0F, 0.0F, VOX_POINT_BOX_FIRST},
        {63.5F, 20.25F, VOX_POINT_BOX_LAST},
        {-3.0F, 70.0F, VOX_POINT_POSITIVE}, /* outside, as the reference allows */
        {31.0F, 1.0F, VOX_POINT_NEGATIVE},
    };
    enum { N = 4 };
    float tokens[(N + 1) * WIDTH];
    assert_int_equal(N + 1, vox_prompt_tokens(N));
    vox_prompt_encoder_points(fixture->encoder, points, N, tokens);
    double *wanted = naive_copy(NULL, (N + 1) * WIDTH);
    for (int i = 0; i < N; i++) {
        fourier(fixture->tiny.weights, ((double)points[i].x + 0.5) / 64,
                ((double)points[i].y + 0.5) / 64, wanted + i * WIDTH);
        naive_add(WIDTH,
                  naive_tensor(fixture->tiny.weights,
                               "sam_prompt_encoder.point_embeddings.%d.weight",
                               (int)points[i].label),
                  wanted + i * WIDTH);
    }
    naive_add(WIDTH,
              naive_tensor(fixture->tiny.weights, "sam_prompt_encoder.not_a_point_embed.weight"),
              wanted + N * WIDTH);
    assert_true(naive_close("tokens", tokens, wanted, (N + 1) * WIDTH, 3e-6));
}

static void no_points_are_two_padding_points(void **state)
{
    const struct fixture *fixture = *state;
    float tokens[2 * WIDTH];
    assert_int_equal(2, vox_prompt_tokens(0));
    vox_prompt_encoder_points(fixture->encoder, NULL, 0, tokens);
    const double *padding =
        naive_tensor(fixture->tiny.weights, "sam_prompt_encoder.not_a_point_embed.weight");
    assert_true(naive_close("first", tokens, padding, WIDTH, 0));
    assert_true(naive_close("second", tokens + WIDTH, padding, WIDTH, 0));
    assert_true(naive_close(
        "no mask", vox_prompt_encoder_no_mask(fixture->encoder),
        naive_tensor(fixture->tiny.weights, "sam_prompt_encoder.no_mask_embed.weight"), WIDTH, 0));
}

static void masks_go_through_three_convolutions(void **state)
{
    const struct fixture *fixture = *state;
    const struct vox_weights *weights = fixture->tiny.weights;
    enum { MAP = 4 * SIDE };
    float *mask = vox_tiny_values("mask", MAP * MAP);
    float dense[SIDE * SIDE * WIDTH];
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_prompt_encoder_mask(fixture->encoder, mask, dense, &err));
    double *x = naive_conv(weights, "sam_prompt_encoder.mask_downscaling.0", MAP, 1, 4, 2, 2, 0,
                           naive_copy(mask, MAP * MAP));
    naive_norm(weights, "sam_prompt_encoder.mask_downscaling.1", MAP * MAP / 4, 4, 1e-6, x);
    naive_gelu(MAP * MAP, x);
    x = naive_conv(weights, "sam_prompt_encoder.mask_downscaling.3", MAP / 2, 4, 16, 2, 2, 0, x);
    naive_norm(weights, "sam_prompt_encoder.mask_downscaling.4", SIDE * SIDE, 16, 1e-6, x);
    naive_gelu(MAP * MAP, x);
    x = naive_conv(weights, "sam_prompt_encoder.mask_downscaling.6", SIDE, 16, WIDTH, 1, 1, 0, x);
    assert_true(naive_close("dense", dense, x, SIDE * SIDE * WIDTH, 1e-5));
    vox_free(mask);
}

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    struct vox_model_config config;
    struct vox_tiny tiny;
    struct vox_err err = {0};
    vox_tiny_config(&config);
    vox_tiny_open(&tiny, &config, NULL, false);
    tiny.config.neck.d_model = 48; /* not what the weights have */
    struct vox_prompt_encoder *encoder = NULL;
    assert_int_equal(VOX_E_FORMAT, vox_prompt_encoder_new(&tiny.builder, &encoder, &err));
    assert_null(encoder);
    assert_non_null(strstr(err.msg, "positional_encoding_gaussian_matrix"));
    vox_tiny_close(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_code_is_the_fourier_code_of_cell_centres),
        cmocka_unit_test(points_get_their_code_and_label),
        cmocka_unit_test(no_points_are_two_padding_points),
        cmocka_unit_test(masks_go_through_three_convolutions),
        cmocka_unit_test(a_missing_tensor_is_named),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
