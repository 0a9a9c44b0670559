#include "model/mask_decoder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/prompt_encoder.h"
#include "support/compare.h"
#include "support/naive.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum {
    SIDE = 4,
    TOKENS = SIDE * SIDE,
    WIDTH = 32,
    OWN = 6,
    HEADS = 8,
    HIDDEN = 2048,
    PIXELS = 16 * TOKENS,
    MOST_SPARSE = 40
};

#define TRANSFORMER "sam_mask_decoder.transformer."

struct fixture {
    struct vox_tiny tiny;
    struct vox_prompt_encoder *prompts;
    struct vox_mask_decoder *decoder;
    float *image, *dense, *row, *sparse;
    struct vox_features features;
};

static void fill(struct fixture *fixture, const char *salt, bool present)
{
    struct vox_model_config config;
    struct vox_err err = {0};
    vox_tiny_config(&config);
    vox_tiny_open(&fixture->tiny, &config, salt, present);
    assert_int_equal(VOX_OK,
                     vox_prompt_encoder_new(&fixture->tiny.builder, &fixture->prompts, &err));
    assert_int_equal(VOX_OK, vox_mask_decoder_new(&fixture->tiny.builder,
                                                  vox_prompt_encoder_image_code(fixture->prompts),
                                                  &fixture->decoder, &err));
    vox_tiny_reserve(&fixture->tiny);
    fixture->image = vox_tiny_values("image", TOKENS * WIDTH);
    fixture->dense = vox_tiny_values("dense", TOKENS * WIDTH);
    fixture->row = vox_tiny_values("row", WIDTH);
    fixture->sparse = vox_tiny_values("sparse", MOST_SPARSE * WIDTH);
    fixture->features.s1 = vox_tiny_values("s1", 4 * TOKENS * WIDTH / 4);
    fixture->features.s0 = vox_tiny_values("s0", 16 * TOKENS * WIDTH / 8);
}

static void empty(struct fixture *fixture)
{
    vox_mask_decoder_free(fixture->decoder);
    vox_prompt_encoder_free(fixture->prompts);
    vox_tiny_close(&fixture->tiny);
    vox_free(fixture->image);
    vox_free(fixture->dense);
    vox_free(fixture->row);
    vox_free(fixture->sparse);
    vox_free(fixture->features.s1);
    vox_free(fixture->features.s0);
    naive_release();
}

/* ---- what the reference computes ---- */

static double *plus(const double *a, const double *b, int64_t n)
{
    double *sum = naive_copy(NULL, n);
    naive_add(n, a, sum);
    naive_add(n, b, sum);
    return sum;
}

static const char *part(int layer, const char *name)
{
    static char full[VOX_NAME_MAX];
    snprintf(full, sizeof(full), TRANSFORMER "layers.%d.%s", layer, name);
    return full;
}

static void norm(const struct vox_weights *w, int layer, const char *name, int64_t rows, double *x)
{
    naive_norm(w, part(layer, name), rows, WIDTH, 1e-5, x);
}

/* One layer; t are the tokens as they began, kp the image's code. q and k change. */
static void layer_step(const struct vox_weights *w, int layer, int64_t n, const double *t,
                       const double *kp, double **q, double **k)
{
    int64_t values = n * WIDTH;
    const double *with_code = layer == 0 ? *q : plus(*q, t, values);
    double *answer = naive_attention(w, part(layer, "self_attn"), WIDTH, WIDTH, HEADS, n, with_code,
                                     n, with_code, *q);
    *q = layer == 0 ? answer : plus(*q, answer, values);
    norm(w, layer, "norm1", n, *q);
    naive_add(values,
              naive_attention(w, part(layer, "cross_attn_token_to_image"), WIDTH, WIDTH / 2, HEADS,
                              n, plus(*q, t, values), TOKENS, plus(*k, kp, TOKENS * WIDTH), *k),
              *q);
    norm(w, layer, "norm2", n, *q);
    double *hidden = naive_linear(w, part(layer, "mlp.layers.0"), n, WIDTH, HIDDEN, *q);
    naive_relu(n * HIDDEN, hidden);
    naive_add(values, naive_linear(w, part(layer, "mlp.layers.1"), n, HIDDEN, WIDTH, hidden), *q);
    norm(w, layer, "norm3", n, *q);
    naive_add(TOKENS * WIDTH,
              naive_attention(w, part(layer, "cross_attn_image_to_token"), WIDTH, WIDTH / 2, HEADS,
                              TOKENS, plus(*k, kp, TOKENS * WIDTH), n, plus(*q, t, values), *q),
              *k);
    norm(w, layer, "norm4", TOKENS, *k);
}

static double *head(const struct vox_weights *w, const char *name, int64_t hidden, int64_t out,
                    const double *x)
{
    char full[VOX_NAME_MAX];
    snprintf(full, sizeof(full), "%s.layers.0", name);
    double *a = naive_linear(w, full, 1, WIDTH, hidden, x);
    naive_relu(hidden, a);
    snprintf(full, sizeof(full), "%s.layers.1", name);
    a = naive_linear(w, full, 1, hidden, hidden, a);
    naive_relu(hidden, a);
    snprintf(full, sizeof(full), "%s.layers.2", name);
    return naive_linear(w, full, 1, hidden, out, a);
}

/* Transposed convolution of a side x side map by 2. */
static double *enlarge(const struct vox_weights *w, const char *name, int64_t side, int64_t in,
                       int64_t out, const double *x)
{
    char full[VOX_NAME_MAX];
    snprintf(full, sizeof(full), "%s.weight", name);
    const double *weight = naive_tensor(w, "%s", full);
    snprintf(full, sizeof(full), "%s.bias", name);
    const double *bias = naive_tensor(w, "%s", full);
    double *y = naive_copy(NULL, 4 * side * side * out);
    for (int64_t at = 0; at < 4 * side * side; at++) {
        int64_t row = at / (2 * side);
        int64_t column = at % (2 * side);
        const double *from = x + (row / 2 * side + column / 2) * in;
        for (int64_t o = 0; o < out; o++) {
            y[at * out + o] = bias[o];
            for (int64_t i = 0; i < in; i++) {
                y[at * out + o] += from[i] * weight[(i * out + o) * 4 + row % 2 * 2 + column % 2];
            }
        }
    }
    return y;
}

struct wanted {
    double *masks; /* VOX_MASKS x PIXELS */
    double iou[VOX_MASKS];
    double score;
    double *pointers; /* VOX_MASKS x WIDTH: of each mask token */
};

static void expect_masks(const struct fixture *fixture, const double *k, const double *q,
                         struct wanted *wanted)
{
    const struct vox_weights *w = fixture->tiny.weights;
    double *u = enlarge(w, "sam_mask_decoder.output_upscaling.0", SIDE, WIDTH, WIDTH / 4, k);
    naive_add(TOKENS * WIDTH, naive_copy(fixture->features.s1, TOKENS * WIDTH), u);
    naive_norm(w, "sam_mask_decoder.output_upscaling.1", 4 * TOKENS, WIDTH / 4, 1e-6, u);
    naive_gelu(TOKENS * WIDTH, u);
    u = enlarge(w, "sam_mask_decoder.output_upscaling.3", 2 * SIDE, WIDTH / 4, WIDTH / 8, u);
    naive_add(2 * TOKENS * WIDTH, naive_copy(fixture->features.s0, 2 * TOKENS * WIDTH), u);
    naive_gelu(2 * TOKENS * WIDTH, u);
    wanted->masks = naive_copy(NULL, VOX_MASKS * PIXELS);
    wanted->pointers = naive_copy(NULL, VOX_MASKS * WIDTH);
    for (int m = 0; m < VOX_MASKS; m++) {
        char name[VOX_NAME_MAX];
        snprintf(name, sizeof(name), "sam_mask_decoder.output_hypernetworks_mlps.%d", m);
        const double *token = q + (2 + m) * WIDTH;
        const double *hyper = head(w, name, WIDTH, WIDTH / 8, token);
        for (int i = 0; i < PIXELS; i++) {
            for (int c = 0; c < WIDTH / 8; c++) {
                wanted->masks[m * PIXELS + i] += hyper[c] * u[i * (WIDTH / 8) + c];
            }
        }
        naive_add(WIDTH, head(w, "obj_ptr_proj", WIDTH, WIDTH, token),
                  wanted->pointers + m * WIDTH);
    }
}

static void expect(const struct fixture *fixture, const struct vox_decoder_input *input,
                   struct wanted *wanted)
{
    const struct vox_weights *w = fixture->tiny.weights;
    int64_t n = OWN + input->n_sparse;
    double *t = naive_copy(NULL, n * WIDTH);
    naive_add(WIDTH, naive_tensor(w, "sam_mask_decoder.obj_score_token.weight"), t);
    naive_add(WIDTH, naive_tensor(w, "sam_mask_decoder.iou_token.weight"), t + WIDTH);
    naive_add(4 * WIDTH, naive_tensor(w, "sam_mask_decoder.mask_tokens.weight"), t + 2 * WIDTH);
    naive_add(input->n_sparse * WIDTH, naive_copy(input->sparse, input->n_sparse * WIDTH),
              t + OWN * WIDTH);
    double *k = naive_copy(input->image, TOKENS * WIDTH);
    for (int i = 0; i < TOKENS * WIDTH; i++) {
        k[i] += input->image_row != NULL ? (double)input->image_row[i % WIDTH] : 0;
        k[i] += (double)(input->dense != NULL ? input->dense[i] : input->dense_row[i % WIDTH]);
    }
    const double *kp = naive_copy(vox_prompt_encoder_image_code(fixture->prompts), TOKENS * WIDTH);
    double *q = plus(t, naive_copy(NULL, n * WIDTH), n * WIDTH);
    layer_step(w, 0, n, t, kp, &q, &k);
    layer_step(w, 1, n, t, kp, &q, &k);
    naive_add(n * WIDTH,
              naive_attention(w, TRANSFORMER "final_attn_token_to_image", WIDTH, WIDTH / 2, HEADS,
                              n, plus(q, t, n * WIDTH), TOKENS, plus(k, kp, TOKENS * WIDTH), k),
              q);
    naive_norm(w, TRANSFORMER "norm_final_attn", n, WIDTH, 1e-5, q);
    expect_masks(fixture, k, q, wanted);
    const double *raw = head(w, "sam_mask_decoder.iou_prediction_head", 256, VOX_MASKS, q + WIDTH);
    for (int m = 0; m < VOX_MASKS; m++) {
        wanted->iou[m] = 1 / (1 + exp(-raw[m]));
    }
    wanted->score = *head(w, "sam_mask_decoder.pred_obj_score_head", WIDTH, 1, q);
}

static int best_of(const struct wanted *wanted)
{
    int best = 1;
    for (int m = 2; m < VOX_MASKS; m++) {
        best = wanted->iou[m] > wanted->iou[best] ? m : best;
    }
    return best;
}

static double stability_of(const struct wanted *wanted)
{
    double above = 0;
    double below = 0;
    for (int i = 0; i < PIXELS; i++) {
        above += wanted->masks[i] > 0.05;
        below += wanted->masks[i] > -0.05;
    }
    return below > 0 ? above / below : 1;
}

/* ---- tests ---- */

static struct vox_decoder_input input_of(const struct fixture *fixture, int64_t n_sparse,
                                         bool multimask)
{
    return (struct vox_decoder_input){
        .image = fixture->image,
        .image_row = fixture->row,
        .dense_row = vox_prompt_encoder_no_mask(fixture->prompts),
        .sparse = fixture->sparse,
        .n_sparse = n_sparse,
        .features = &fixture->features,
        .multimask = multimask,
    };
}

static void compare(struct fixture *fixture, const struct vox_decoder_input *input)
{
    float logits[PIXELS];
    float pointer[WIDTH];
    struct vox_decoder_output output = {.logits = logits, .pointer = pointer};
    struct wanted wanted;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_mask_decoder_run(fixture->decoder, input, &output, NULL, &err));
    expect(fixture, input, &wanted);
    for (int m = 0; m < VOX_MASKS; m++) {
        assert_true(fabs((double)output.iou[m] - wanted.iou[m]) <= 1e-5);
    }
    assert_true(fabs((double)output.score - wanted.score) <= 1e-5);
    assert_true(wanted.score > 0);
    int chosen = best_of(&wanted);
    if (!input->multimask) {
        assert_true(fabs((double)output.stability - stability_of(&wanted)) <= 1e-6);
        chosen = stability_of(&wanted) < 0.98 ? chosen : 0;
    }
    assert_int_equal(chosen, output.chosen);
    assert_true(naive_close("logits", logits, wanted.masks + chosen * PIXELS, PIXELS, 2e-5));
    assert_true(naive_close("pointer", pointer,
                            wanted.pointers + (input->multimask ? chosen : 0) * WIDTH, WIDTH,
                            2e-5));
    naive_release();
}

static void masks_are_the_reference_for_any_count_of_tokens(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture, NULL, true);
    static const int64_t counts[] = {2, 3, 7, 2, MOST_SPARSE, 4};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int multimask = 0; multimask < 2; multimask++) {
            struct vox_decoder_input input = input_of(&fixture, counts[i], multimask == 1);
            compare(&fixture, &input);
        }
    }
    struct vox_decoder_input input = input_of(&fixture, 3, false);
    input.image_row = NULL;
    input.dense = fixture.dense;
    compare(&fixture, &input);
    empty(&fixture);
}

/* Whether mask 0 is stable decides what single mode gives. */
static void stability_threshold_decides(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture, NULL, true);
    float logits[PIXELS];
    float pointer[WIDTH];
    struct vox_decoder_output output = {.logits = logits, .pointer = pointer};
    struct vox_decoder_input input = input_of(&fixture, 3, false);
    struct wanted wanted;
    struct vox_err err = {0};
    expect(&fixture, &input, &wanted);
    fixture.tiny.config.stability_threshold = 0;
    assert_int_equal(VOX_OK, vox_mask_decoder_run(fixture.decoder, &input, &output, NULL, &err));
    assert_int_equal(0, output.chosen);
    assert_true(naive_close("mask 0", logits, wanted.masks, PIXELS, 2e-5));
    fixture.tiny.config.stability_threshold = 1.01;
    assert_int_equal(VOX_OK, vox_mask_decoder_run(fixture.decoder, &input, &output, NULL, &err));
    assert_int_equal(best_of(&wanted), output.chosen);
    assert_true(naive_close("pointer of mask 0", pointer, wanted.pointers, WIDTH, 2e-5));
    fixture.tiny.config.stability_fallback = false;
    assert_int_equal(VOX_OK, vox_mask_decoder_run(fixture.decoder, &input, &output, NULL, &err));
    assert_int_equal(0, output.chosen);
    empty(&fixture);
}

static void an_absent_object_has_no_mask(void **state)
{
    (void)state;
    static const char *const salts[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    int absent = 0;
    for (size_t s = 0; s < sizeof(salts) / sizeof(salts[0]); s++) {
        struct fixture fixture;
        fill(&fixture, salts[s], false);
        struct vox_decoder_input input = input_of(&fixture, 3, true);
        float logits[PIXELS];
        float pointer[WIDTH];
        struct vox_decoder_output output = {.logits = logits, .pointer = pointer};
        struct vox_err err = {0};
        assert_int_equal(VOX_OK,
                         vox_mask_decoder_run(fixture.decoder, &input, &output, NULL, &err));
        for (int i = 0; i < PIXELS; i++) {
            assert_true((logits[i] == -1024.0F) == (output.score <= 0));
        }
        if (output.score <= 0) {
            absent++;
            assert_true(naive_close("no-object pointer", pointer,
                                    naive_tensor(fixture.tiny.weights, "no_obj_ptr"), WIDTH, 0));
        }
        empty(&fixture);
    }
    /* The score's sign is a coin's for such weights. */
    assert_in_range(absent, 1, 7);
}

struct seen {
    float logits[VOX_MASKS * PIXELS];
    int rows;
};

static void look(void *context, const char *name, int64_t row, int64_t rows, int64_t columns,
                 const float *data, int64_t ld)
{
    struct seen *seen = context;
    (void)ld;
    if (strcmp(name, "logits") == 0) {
        memcpy(seen->logits + row * columns, data, (size_t)(rows * columns) * sizeof(*data));
        seen->rows += (int)rows;
    }
}

static void a_tap_sees_all_masks_and_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture, NULL, true);
    static struct seen seen;
    const struct vox_tap tap = {look, &seen};
    struct vox_decoder_input input = input_of(&fixture, 3, true);
    float logits[2][PIXELS];
    float pointers[2][WIDTH];
    struct wanted wanted;
    struct vox_err err = {0};
    for (int i = 0; i < 2; i++) {
        struct vox_decoder_output output = {.logits = logits[i], .pointer = pointers[i]};
        assert_int_equal(VOX_OK, vox_mask_decoder_run(fixture.decoder, &input, &output,
                                                      i == 0 ? &tap : NULL, &err));
    }
    expect(&fixture, &input, &wanted);
    assert_int_equal(VOX_MASKS, seen.rows);
    assert_true(naive_close("all masks", seen.logits, wanted.masks, VOX_MASKS * PIXELS, 2e-5));
    assert_memory_equal(logits[0], logits[1], sizeof(logits[0]));
    assert_memory_equal(pointers[0], pointers[1], sizeof(pointers[0]));
    empty(&fixture);
}

static void too_many_tokens_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    fill(&fixture, NULL, true);
    struct vox_decoder_input input = input_of(&fixture, 1 << 20, true);
    struct vox_decoder_output output = {0};
    struct vox_err err = {0};
    assert_int_equal(VOX_E_LIMIT,
                     vox_mask_decoder_run(fixture.decoder, &input, &output, NULL, &err));
    empty(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_the_reference_for_any_count_of_tokens),
        cmocka_unit_test(stability_threshold_decides),
        cmocka_unit_test(an_absent_object_has_no_mask),
        cmocka_unit_test(a_tap_sees_all_masks_and_changes_nothing),
        cmocka_unit_test(too_many_tokens_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
