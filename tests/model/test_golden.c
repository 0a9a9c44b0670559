/* The published network at full size against tensors that the PyTorch reference printed. Called
 * with the folder of the two checkpoints and the name of a backend. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden_tables.h"
#include "model/network_parts.h"
#include "model/position.h"
#include "model/tracker.h"
#include "pipeline/slice_resize.h"
#include "util/memory.h"

enum {
    FRAMES = 5,
    HEIGHT = 200,
    BREADTH = 180,
    SIZE = 512,
    TOKENS = 32 * 32,
    WIDTH = 256,
    CHANNELS = 64,
    MAP = 128,
    KEY = 2 /* the prompted slice */
};

/* Scores and predicted IoUs: 1e-5 of the tokens' largest value, 5. */
static const double head_limit = 5e-5;

static const char *folder;
static const char *backend;

struct run {
    struct vox_model_config config;
    struct vox_weights *weights;
    struct vox_pool *pool;
    struct vox_backend *be;
    struct vox_network *network;
    uint8_t *volume; /* FRAMES x HEIGHT x BREADTH */
    uint8_t *images; /* FRAMES x SIZE x SIZE */
    struct vox_features *features[FRAMES];
    struct golden_recorder *recorder;
    struct vox_tap tap;
    struct vox_tracker *tracker;
};

static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s", err->msg);
    }
}

/* ---- the volume ---- */

static void fill_volume(struct run *run)
{
    struct vox_err err = {0};
    struct vox_slice_resize *resize = NULL;
    run->volume = vox_calloc(FRAMES * HEIGHT, BREADTH);
    run->images = vox_calloc(FRAMES * SIZE, SIZE);
    assert_true(run->volume != NULL && run->images != NULL);
    must(vox_slice_resize_new(BREADTH, HEIGHT, SIZE, SIZE, &resize, &err), &err);
    for (int z = 0; z < FRAMES; z++) {
        uint8_t *slice = run->volume + z * HEIGHT * BREADTH;
        for (int i = 0; i < HEIGHT * BREADTH; i++) {
            int x = i % BREADTH;
            int y = i / BREADTH;
            int q = (3 * x + 2 * y + 11 * z + ((x * y) >> 6)) % 510;
            slice[i] = (uint8_t)(q < 255 ? q : 510 - q);
        }
        vox_slice_resize_run(resize, slice, run->images + z * SIZE * SIZE);
    }
    vox_slice_resize_free(resize);
}

static void the_volume_is_the_printed_one(void **state)
{
    const struct run *run = *state;
    static const int64_t sums[FRAMES] = {34002218, 33991309, 33966658, 33929806, 33882084};
    int64_t total = 0;
    for (int i = 0; i < FRAMES * HEIGHT * BREADTH; i++) {
        total += run->volume[i];
    }
    assert_int_equal(23314400, total);
    for (int z = 0; z < FRAMES; z++) {
        int64_t sum = 0;
        for (int i = 0; i < SIZE * SIZE; i++) {
            sum += run->images[z * SIZE * SIZE + i];
        }
        assert_int_equal(sums[z], sum);
    }
    static const uint8_t middle[] = {117, 118, 120, 122};
    assert_memory_equal(middle, run->images + (KEY * SIZE + 255) * SIZE + 255, sizeof(middle));
}

/* ---- a run ---- */

static enum vox_code features_of(void *context, int64_t frame, const struct vox_features **out,
                                 struct vox_err *err)
{
    (void)err;
    const struct run *run = context;
    *out = run->features[frame];
    return VOX_OK;
}

static int open_run(struct run *run, const char *file)
{
    char path[1024];
    struct vox_err err = {0};
    *run = (struct run){.recorder = golden_recorder_new()};
    run->tap = golden_recorder_tap(run->recorder);
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    enum vox_code code = vox_config_builtin("sam2.1_hiera_t512", &run->config, &err);
    if (code == VOX_OK) {
        code = vox_weights_open(path, &run->weights, &err);
    }
    if (code == VOX_OK) {
        code = vox_pool_new(2, &run->pool, &err);
    }
    if (code == VOX_OK) {
        code = vox_backend_open(backend, run->pool, &run->be, &err);
    }
    if (code == VOX_OK) {
        code = vox_network_open(&run->config, run->weights, run->be, &run->network, &err);
    }
    if (code == VOX_OK) {
        fill_volume(run);
    }
    for (int z = 0; z < FRAMES && code == VOX_OK; z++) {
        run->features[z] = vox_features_new(&run->config);
        assert_non_null(run->features[z]);
        code = vox_network_encode(run->network, run->images + z * SIZE * SIZE, run->features[z],
                                  z == KEY ? &run->tap : NULL, &err);
    }
    if (code == VOX_OK) {
        const struct vox_feature_source source = {features_of, run};
        code = vox_tracker_new(run->network, FRAMES, HEIGHT, BREADTH, &source, &run->tracker, &err);
    }
    if (code != VOX_OK) {
        fprintf(stderr, "%s\n", err.msg);
    }
    return code == VOX_OK ? 0 : 1;
}

static int close_run(void **state)
{
    struct run *run = *state;
    vox_tracker_free(run->tracker);
    for (int z = 0; z < FRAMES; z++) {
        vox_features_free(run->features[z]);
    }
    vox_network_close(run->network);
    vox_backend_close(run->be);
    vox_pool_free(run->pool);
    vox_weights_close(run->weights);
    golden_recorder_free(run->recorder);
    vox_free(run->volume);
    vox_free(run->images);
    return 0;
}

static int open_a(void **state)
{
    static struct run run;
    *state = &run;
    return open_run(&run, "runA.pt");
}

static int open_b(void **state)
{
    static struct run run;
    *state = &run;
    return open_run(&run, "runB.pt");
}

/* ---- comparing ---- */

static bool compare(const struct golden_table *table, const char *name, const float *data,
                    int64_t columns)
{
    const struct golden_row *row = golden_find(table->rows, table->n, name);
    if (row == NULL || data == NULL) {
        fprintf(stderr, "there is no tensor or no row %s\n", name);
        return false;
    }
    return golden_compare(row, data, columns);
}

/* A tensor that was recorded, under its own name or another. Every value was seen once. */
static bool compare_tap_as(const struct run *run, const struct golden_table *table, const char *tap,
                           const char *name)
{
    int64_t columns = 1;
    int64_t n = 0;
    const float *data = golden_recorded(run->recorder, tap, &columns, &n);
    const struct golden_row *row = golden_find(table->rows, table->n, name);
    bool whole = row != NULL && (n == row->n || (strcmp(tap, "hyper") == 0 && n == 4 * row->n));
    if (!whole) {
        fprintf(stderr, "tensor %s has %lld values\n", tap, (long long)n);
    }
    return compare(table, name, data, columns) && whole;
}

static bool compare_tap(const struct run *run, const struct golden_table *table, const char *name)
{
    return compare_tap_as(run, table, name, name);
}

static struct vox_frame_result result_of(const struct run *run, int64_t frame)
{
    struct vox_frame_result result = {0};
    struct vox_err err = {0};
    must(vox_tracker_result(run->tracker, frame, 0, &result, &err), &err);
    return result;
}

static void assert_near(float found, double wanted, double limit)
{
    if (!(fabs((double)found - wanted) <= limit)) {
        fail_msg("%.8g, wanted %.8g", (double)found, wanted);
    }
}

static int64_t count_positive(const struct run *run, int64_t frame, float *logits)
{
    struct vox_err err = {0};
    int64_t count = 0;
    must(vox_tracker_logits(run->tracker, frame, 0, logits, &err), &err);
    for (int i = 0; i < HEIGHT * BREADTH; i++) {
        count += logits[i] > 0;
    }
    return count;
}

/* ---- steps ---- */

static void add_box(struct run *run)
{
    static const float box[] = {40, 50, 120, 140};
    struct vox_err err = {0};
    vox_tracker_reset(run->tracker);
    golden_recorder_clear(run->recorder);
    vox_tracker_tap(run->tracker, &run->tap);
    must(vox_tracker_add_points(run->tracker, KEY, 1, NULL, NULL, 0, box, true, &err), &err);
}

static void start(struct run *run, bool reverse)
{
    struct vox_err err = {0};
    int64_t frame = -1;
    must(vox_tracker_start(run->tracker, KEY, -1, reverse, &err), &err);
    must(vox_tracker_next(run->tracker, &frame, &err), &err);
    assert_int_equal(KEY, frame);
}

/* The next slice, recorded alone. */
static void step(struct run *run, int64_t wanted)
{
    struct vox_err err = {0};
    int64_t frame = -1;
    golden_recorder_clear(run->recorder);
    must(vox_tracker_next(run->tracker, &frame, &err), &err);
    assert_int_equal(wanted, frame);
}

/* ---- the image encoder ---- */

static void image_tensors_are_the_printed_ones(void **state)
{
    const struct run *run = *state;
    const struct vox_features *features = run->features[KEY];
    bool good = compare_tap(run, &golden_image, "patch");
    good &= compare_tap(run, &golden_image, "position");
    for (int i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof(name), "block %d", i);
        good &= compare_tap(run, &golden_image, name);
    }
    good &= compare(&golden_image, "s0", features->s0, WIDTH / 8);
    good &= compare(&golden_image, "s1", features->s1, WIDTH / 4);
    good &= compare(&golden_image, "f2", features->f2, WIDTH);
    float *code = vox_calloc(TOKENS * WIDTH, sizeof(*code));
    assert_non_null(code);
    vox_sine_code(32, WIDTH, code);
    good &= compare(&golden_image, "sine code", code, WIDTH);
    vox_free(code);
    good &= compare(&golden_image, "image code",
                    vox_prompt_encoder_image_code(vox_network_parts(run->network)->prompt_encoder),
                    WIDTH);
    assert_true(good);
}

/* ---- the box ---- */

static void compare_box(const struct run *run)
{
    bool good = true;
    for (int64_t i = 0; i < golden_box.n; i++) {
        good &= compare_tap(run, &golden_box, golden_box.rows[i].name);
    }
    struct vox_frame_result result = result_of(run, KEY);
    static const double iou[] = {0.496852, 0.191513, 0.450339, 0.506858};
    for (int i = 0; i < 4; i++) {
        assert_near(result.iou[i], iou[i], head_limit);
    }
    /* Pixels within 0.05 of 0 are counted; one of them is 8e-5 of the ratio. */
    assert_near(result.stability, 0.925964, 2e-4);
    assert_int_equal(3, result.chosen);
    assert_true(good);
}

static void an_absent_object_is_the_printed_one(void **state)
{
    struct run *run = *state;
    static const double scores[FRAMES] = {-0.446647, -0.442503, -0.103752, -0.444375, -0.445033};
    add_box(run);
    compare_box(run);
    struct vox_frame_result result = result_of(run, KEY);
    assert_near(result.score, scores[KEY], head_limit);
    double sum = 0;
    double magnitudes = 0;
    for (int i = 0; i < WIDTH; i++) {
        sum += (double)result.pointer[i];
        magnitudes += fabs((double)result.pointer[i]);
    }
    assert_near((float)sum, 0.405846, 1e-6);
    assert_near((float)magnitudes, 14.6428, 1e-4);
    for (int pass = 0; pass < 2; pass++) {
        int64_t direction = pass == 0 ? 1 : -1;
        if (pass == 1) {
            add_box(run);
        }
        start(run, pass == 1);
        result = result_of(run, KEY);
        assert_true(compare(&golden_absent, "slice 2 memory", result.memory, CHANNELS));
        for (int64_t i = 1; i <= 2; i++) {
            step(run, KEY + i * direction);
            result = result_of(run, KEY + i * direction);
            assert_near(result.score, scores[KEY + i * direction], head_limit);
            for (int64_t j = 0; j < MAP * MAP; j++) {
                assert_true(result.low_logits[j] == -1024.0F);
            }
        }
    }
}

/* The key slice's part of the table: logits, pointer and memory. */
static void compare_key(struct run *run, float *logits)
{
    struct vox_frame_result result = result_of(run, KEY);
    assert_near(result.score, 0.720071, head_limit);
    bool good = compare(&golden_track, "slice 2 low", result.low_logits, 1);
    good &= compare(&golden_track, "slice 2 pointer", result.pointer, 1);
    int64_t positive = count_positive(run, KEY, logits);
    /* Pixels whose logit is next to 0 may fall on the other side. */
    assert_in_range(positive, 11019 - 2, 11019 + 2);
    good &= compare(&golden_track, "slice 2 full", logits, 1);
    start(run, false);
    static const char *const taps[] = {"memory mask branch", "memory pix", "memory block 0",
                                       "memory block 1", "memory raw"};
    for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++) {
        good &= compare_tap(run, &golden_track, taps[i]);
    }
    good &= compare(&golden_track, "slice 2 memory", result_of(run, KEY).memory, CHANNELS);
    assert_true(good);
}

/* Tokens and codes that slice 3 looks at: the key slice's memory and pointer. */
static void compare_bank(const struct run *run)
{
    enum { ROWS = TOKENS + WIDTH / CHANNELS };
    struct vox_frame_result key = result_of(run, KEY);
    const struct vox_builder builder = {.config = &run->config, .weights = run->weights};
    struct vox_err err = {0};
    float *bank = vox_calloc(ROWS * CHANNELS, sizeof(*bank));
    float *codes = vox_calloc(ROWS * CHANNELS, sizeof(*codes));
    float *slots = NULL;
    float *weight = NULL;
    float *bias = NULL;
    assert_true(bank != NULL && codes != NULL);
    must(vox_build_tensor(&builder, "maskmem_tpos_enc", 7 * CHANNELS, &slots, &err), &err);
    must(vox_build_tensor(&builder, "obj_ptr_tpos_proj.weight", CHANNELS * WIDTH, &weight, &err),
         &err);
    must(vox_build_tensor(&builder, "obj_ptr_tpos_proj.bias", CHANNELS, &bias, &err), &err);
    memcpy(bank, key.memory, TOKENS * CHANNELS * sizeof(*bank));
    memcpy(bank + TOKENS * CHANNELS, key.pointer, WIDTH * sizeof(*bank));
    vox_sine_code(32, CHANNELS, codes);
    for (int i = 0; i < TOKENS * CHANNELS; i++) {
        codes[i] += slots[6 * CHANNELS + i % CHANNELS];
    }
    float distance[WIDTH];
    vox_distance_code(1.0F / (FRAMES - 1), WIDTH, distance);
    for (int i = 0; i < WIDTH; i++) {
        float sum = bias[i % CHANNELS];
        for (int j = 0; j < WIDTH; j++) {
            sum += weight[i % CHANNELS * WIDTH + j] * distance[j];
        }
        codes[TOKENS * CHANNELS + i] = sum;
    }
    bool good = compare(&golden_track, "slice 3 bank", bank, CHANNELS);
    good &= compare(&golden_track, "slice 3 codes", codes, CHANNELS);
    vox_free(bank);
    vox_free(codes);
    vox_free(slots);
    vox_free(weight);
    vox_free(bias);
    assert_true(good);
}

/* Predicted IoU of masks 1-3, score and positive pixels of a tracked slice. */
struct tracked {
    double iou[3];
    double score;
    int64_t positive;
};

static void compare_tracked(const struct run *run, int64_t frame, float *logits)
{
    static const struct tracked slices[FRAMES] = {
        {{0.273197, 0.404290, 0.496520}, 0.475637, 35990},
        {{0.287821, 0.406132, 0.493078}, 0.433528, 35993},
        {{0, 0, 0}, 0, 0},
        {{0.287988, 0.406987, 0.494482}, 0.432542, 35993},
        {{0.274634, 0.401460, 0.497369}, 0.479689, 35988},
    };
    struct vox_frame_result result = result_of(run, frame);
    for (int i = 0; i < 3; i++) {
        assert_near(result.iou[i + 1], slices[frame].iou[i], head_limit);
    }
    assert_near(result.score, slices[frame].score, head_limit);
    assert_int_equal(3, result.chosen);
    int64_t positive = count_positive(run, frame, logits);
    assert_in_range(positive, slices[frame].positive - 1, slices[frame].positive + 1);
    char name[32];
    snprintf(name, sizeof(name), "slice %d low", (int)frame);
    assert_true(compare(&golden_track, name, result.low_logits, 1));
}

static void tracking_forward_is_the_printed_one(void **state)
{
    struct run *run = *state;
    static float logits[HEIGHT * BREADTH];
    add_box(run);
    compare_box(run);
    compare_key(run, logits);
    compare_bank(run);
    step(run, 3);
    static const char *const taps[] = {"layer 0 self", "layer 0 cross", "layer 0",
                                       "layer 3",      "final",         "memory mask"};
    bool good = true;
    for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++) {
        good &= compare_tap(run, &golden_track, taps[i]);
    }
    good &= compare(&golden_track, "slice 3 pointer", result_of(run, 3).pointer, 1);
    good &= compare(&golden_track, "slice 3 memory", result_of(run, 3).memory, CHANNELS);
    assert_true(good);
    compare_tracked(run, 3, logits);
    step(run, 4);
    good &= compare_tap_as(run, &golden_track, "final", "slice 4 final");
    good &= compare(&golden_track, "slice 4 pointer", result_of(run, 4).pointer, 1);
    assert_true(good);
    compare_tracked(run, 4, logits);
}

static void tracking_backward_is_the_printed_one(void **state)
{
    struct run *run = *state;
    static float logits[HEIGHT * BREADTH];
    add_box(run);
    start(run, true);
    step(run, 1);
    compare_tracked(run, 1, logits);
    step(run, 0);
    compare_tracked(run, 0, logits);
}

/* ---- other prompts ---- */

static void clicks_are_the_printed_ones(void **state)
{
    struct run *run = *state;
    static const float xy[] = {80, 100, 60, 90, 150, 180};
    static const enum vox_point_label labels[] = {VOX_POINT_POSITIVE, VOX_POINT_POSITIVE,
                                                  VOX_POINT_NEGATIVE};
    static const double iou[] = {0.195485, 0.444095, 0.498372};
    struct vox_err err = {0};
    vox_tracker_reset(run->tracker);
    must(vox_tracker_add_points(run->tracker, KEY, 1, xy, labels, 1, NULL, true, &err), &err);
    struct vox_frame_result result = result_of(run, KEY);
    for (int i = 0; i < 3; i++) {
        assert_near(result.iou[i + 1], iou[i], head_limit);
    }
    bool good = compare(&golden_prompts, "click low", result.low_logits, 1);
    good &= compare(&golden_prompts, "click pointer", result.pointer, 1);
    vox_tracker_reset(run->tracker);
    must(vox_tracker_add_points(run->tracker, KEY, 1, xy, labels, 3, NULL, true, &err), &err);
    result = result_of(run, KEY);
    good &= compare(&golden_prompts, "clicks low", result.low_logits, 1);
    good &= compare(&golden_prompts, "clicks pointer", result.pointer, 1);
    assert_true(good);
}

static void a_mask_prompt_is_the_printed_one(void **state)
{
    struct run *run = *state;
    static uint8_t mask[HEIGHT * BREADTH];
    struct vox_err err = {0};
    int count = 0;
    for (int i = 0; i < HEIGHT * BREADTH; i++) {
        int y = i / BREADTH - 100;
        int x = i % BREADTH - 80;
        mask[i] = 16 * y * y + 9 * x * x < 14400;
        count += mask[i];
    }
    assert_int_equal(3749, count);
    vox_tracker_reset(run->tracker);
    must(vox_tracker_add_mask(run->tracker, KEY, 1, mask, &err), &err);
    struct vox_frame_result result = result_of(run, KEY);
    bool good = compare(&golden_prompts, "mask low", result.low_logits, 1);
    good &= compare(&golden_prompts, "mask pointer", result.pointer, 1);
    start(run, false);
    good &= compare(&golden_prompts, "mask memory", result_of(run, KEY).memory, CHANNELS);
    step(run, 3);
    good &= compare(&golden_prompts, "mask slice 3 low", result_of(run, 3).low_logits, 1);
    assert_true(good);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: test_golden FOLDER BACKEND\n");
        return 2;
    }
    folder = argv[1];
    backend = argv[2];
    const struct CMUnitTest run_a[] = {
        cmocka_unit_test(the_volume_is_the_printed_one),
        cmocka_unit_test(image_tensors_are_the_printed_ones),
        cmocka_unit_test(an_absent_object_is_the_printed_one),
    };
    const struct CMUnitTest run_b[] = {
        cmocka_unit_test(tracking_forward_is_the_printed_one),
        cmocka_unit_test(tracking_backward_is_the_printed_one),
        cmocka_unit_test(clicks_are_the_printed_ones),
        cmocka_unit_test(a_mask_prompt_is_the_printed_one),
    };
    int failures = cmocka_run_group_tests(run_a, open_a, close_run);
    failures += cmocka_run_group_tests(run_b, open_b, close_run);
    return failures == 0 ? 0 : 1;
}
