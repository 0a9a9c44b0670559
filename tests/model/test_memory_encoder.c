#include "model/memory_encoder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/naive.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { SIZE = 64, SIDE = 4, TOKENS = SIDE * SIDE, WIDTH = 32, CHANNELS = 8, MAP = 4 * SIDE };

struct fixture {
    struct vox_tiny tiny;
    struct vox_memory_encoder *encoder;
    float *f2;
    float *logits;
};

static int open_fixture(void **state)
{
    static struct fixture fixture;
    struct vox_model_config config;
    struct vox_err err = {0};
    vox_tiny_config(&config);
    vox_tiny_open(&fixture.tiny, &config, NULL, false);
    if (vox_memory_encoder_new(&fixture.tiny.builder, &fixture.encoder, &err) != VOX_OK) {
        return 1;
    }
    vox_tiny_reserve(&fixture.tiny);
    fixture.f2 = vox_tiny_values("f2", TOKENS * WIDTH);
    fixture.logits = vox_tiny_values("logits", MAP * MAP);
    for (int i = 0; i < MAP * MAP; i++) {
        fixture.logits[i] *= 4.0F;
    }
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    vox_memory_encoder_free(fixture->encoder);
    vox_tiny_close(&fixture->tiny);
    vox_free(fixture->f2);
    vox_free(fixture->logits);
    return 0;
}

/* The mask at full size: bilinear by 4, probability or sign, times 20 minus 10. */
static double *expect_mask(const float *logits, bool binarize)
{
    double *mask = naive_copy(NULL, SIZE * SIZE);
    for (int i = 0; i < SIZE * SIZE; i++) {
        double y = fmax((i / SIZE + 0.5) / 4 - 0.5, 0);
        double x = fmax((i % SIZE + 0.5) / 4 - 0.5, 0);
        int top = (int)y;
        int left = (int)x;
        int bottom = top + 1 < MAP ? top + 1 : top;
        int right = left + 1 < MAP ? left + 1 : left;
        double above = (1 - (x - left)) * (double)logits[top * MAP + left] +
                       (x - left) * (double)logits[top * MAP + right];
        double below = (1 - (x - left)) * (double)logits[bottom * MAP + left] +
                       (x - left) * (double)logits[bottom * MAP + right];
        double value = (1 - (y - top)) * above + (y - top) * below;
        mask[i] = 20 * (binarize ? (value > 0) : 1 / (1 + exp(-value))) - 10;
    }
    return mask;
}

static void expect_block(const struct vox_weights *w, int index, double *x)
{
    char name[VOX_NAME_MAX];
    double *mixed = naive_copy(NULL, TOKENS * WIDTH);
    const double *weight = naive_tensor(w, "memory_encoder.fuser.layers.%d.dwconv.weight", index);
    const double *bias = naive_tensor(w, "memory_encoder.fuser.layers.%d.dwconv.bias", index);
    const double *gamma = naive_tensor(w, "memory_encoder.fuser.layers.%d.gamma", index);
    for (int i = 0; i < TOKENS * WIDTH; i++) {
        int token = i / WIDTH;
        int channel = i % WIDTH;
        mixed[i] = bias[channel];
        for (int t = 0; t < 49; t++) {
            int row = token / SIDE + t / 7 - 3;
            int column = token % SIDE + t % 7 - 3;
            if (row >= 0 && row < SIDE && column >= 0 && column < SIDE) {
                mixed[i] += weight[channel * 49 + t] * x[(row * SIDE + column) * WIDTH + channel];
            }
        }
    }
    snprintf(name, sizeof(name), "memory_encoder.fuser.layers.%d.norm", index);
    naive_norm(w, name, TOKENS, WIDTH, 1e-6, mixed);
    snprintf(name, sizeof(name), "memory_encoder.fuser.layers.%d.pwconv1", index);
    double *hidden = naive_linear(w, name, TOKENS, WIDTH, 4 * WIDTH, mixed);
    naive_gelu(TOKENS * 4 * WIDTH, hidden);
    snprintf(name, sizeof(name), "memory_encoder.fuser.layers.%d.pwconv2", index);
    const double *out = naive_linear(w, name, TOKENS, 4 * WIDTH, WIDTH, hidden);
    for (int i = 0; i < TOKENS * WIDTH; i++) {
        x[i] += gamma[i % WIDTH] * out[i];
    }
}

static double *expect(const struct fixture *fixture, const struct vox_memory_input *input)
{
    const struct vox_weights *w = fixture->tiny.weights;
    double *mask = expect_mask(input->logits, input->binarize);
    int64_t side = SIZE;
    int64_t channels = 1;
    for (int i = 0; i < 4; i++) {
        char name[VOX_NAME_MAX];
        snprintf(name, sizeof(name), "memory_encoder.mask_downsampler.encoder.%d", 3 * i);
        mask = naive_conv(w, name, side, channels, channels * 4, 3, 2, 1, mask);
        side /= 2;
        channels *= 4;
        snprintf(name, sizeof(name), "memory_encoder.mask_downsampler.encoder.%d", 3 * i + 1);
        naive_norm(w, name, side * side, channels, 1e-6, mask);
        naive_gelu(side * side * channels, mask);
    }
    double *x = naive_linear(w, "memory_encoder.mask_downsampler.encoder.12", TOKENS, channels,
                             WIDTH, mask);
    naive_add(TOKENS * WIDTH,
              naive_linear(w, "memory_encoder.pix_feat_proj", TOKENS, WIDTH, WIDTH,
                           naive_copy(input->f2, TOKENS * WIDTH)),
              x);
    expect_block(w, 0, x);
    expect_block(w, 1, x);
    double *memory = naive_linear(w, "memory_encoder.out_proj", TOKENS, WIDTH, CHANNELS, x);
    for (int i = 0; input->absent && i < TOKENS * CHANNELS; i++) {
        memory[i] += naive_tensor(w, "no_obj_embed_spatial")[i % CHANNELS];
    }
    return memory;
}

struct seen {
    float raw[TOKENS * CHANNELS];
    int rows;
};

static void look(void *context, const char *name, int64_t row, int64_t rows, int64_t columns,
                 const float *data, int64_t ld)
{
    struct seen *seen = context;
    (void)ld;
    if (strcmp(name, "memory raw") == 0) {
        memcpy(seen->raw + row * columns, data, (size_t)(rows * columns) * sizeof(*data));
        seen->rows += (int)rows;
    }
}

static void memories_are_the_reference(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 4; i++) {
        const struct vox_memory_input input = {fixture->f2, fixture->logits, i % 2 == 1,
                                               i / 2 == 1};
        static struct seen seen;
        seen.rows = 0;
        const struct vox_tap tap = {look, &seen};
        float memory[TOKENS * CHANNELS];
        struct vox_err err = {0};
        assert_int_equal(VOX_OK,
                         vox_memory_encoder_run(fixture->encoder, &input, memory, &tap, &err));
        assert_int_equal(TOKENS, seen.rows);
        assert_true(
            naive_close("memory", seen.raw, expect(fixture, &input), TOKENS * CHANNELS, 3e-5));
        for (int j = 0; j < TOKENS * CHANNELS; j++) {
            /* Rounded to 8 significant bits, and only rounded. */
            uint32_t bits;
            memcpy(&bits, &memory[j], sizeof(bits));
            assert_int_equal(0, bits & 0xffff);
            assert_true(fabsf(memory[j] - seen.raw[j]) <= fabsf(seen.raw[j]) / 256.0F);
        }
        naive_release();
    }
}

/* -1024 everywhere is the mask of an absent object: a constant -10, and nothing overflows. */
static void an_absent_mask_is_the_empty_mask(void **state)
{
    struct fixture *fixture = *state;
    float logits[MAP * MAP];
    float memories[2][TOKENS * CHANNELS];
    struct vox_err err = {0};
    for (int i = 0; i < MAP * MAP; i++) {
        logits[i] = -1024.0F;
    }
    for (int i = 0; i < 2; i++) {
        const struct vox_memory_input input = {fixture->f2, logits, i == 1, false};
        assert_int_equal(VOX_OK,
                         vox_memory_encoder_run(fixture->encoder, &input, memories[i], NULL, &err));
    }
    assert_memory_equal(memories[0], memories[1], sizeof(memories[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memories_are_the_reference),
        cmocka_unit_test(an_absent_mask_is_the_empty_mask),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
