/* Networks of the family's other shapes: every backend computes what plain C computes, and any
 * number of threads gives the same bits. Called with a skeleton, what to test and, to be quick
 * where sanitizers slow everything down, "small": 128 x 128 pixels instead of the skeleton's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/network_parts.h"
#include "model/tracker.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { FRAMES = 3, KEY = 1, HEIGHT = 200, BREADTH = 180 };

/* Of the range of the slice's logits. Orders of summation differ by a few units in the sixth digit
 * of a feature; the mask of a prompted slice is a product of such features. A tracked slice looks
 * at a memory whose mask was binarised, so that a single pixel near zero may fall to the other
 * side. */
static const double prompted_limit = 1e-4;
static const double tracked_limit = 1e-3;

static const char *skeleton;
static bool small;
static struct vox_model_config config;
static struct vox_weights *weights;

/* Everything that a run computes. */
struct outcome {
    struct vox_features *features[FRAMES];
    float *logits[FRAMES];
    float scores[FRAMES];
};

static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s", err->msg);
    }
}

static int64_t pixels_of_map(void)
{
    int64_t side = config.image_size / 4;
    return side * side;
}

static size_t feature_bytes(void)
{
    return vox_features_bytes(&config) - sizeof(struct vox_features);
}

/* A slice with a bright ellipse, which moves from slice to slice, on a texture. */
static uint8_t *picture(int frame)
{
    int size = (int)config.image_size;
    uint8_t *image = vox_alloc((size_t)size * (size_t)size);
    assert_non_null(image);
    for (int i = 0; i < size * size; i++) {
        int x = i % size;
        int y = i / size;
        double dx = (double)x / size - 0.45 - 0.02 * frame;
        double dy = (double)y / size - 0.5;
        int texture = (3 * x + 2 * y + 11 * frame + ((x * y) >> 6)) % 120;
        image[i] = (uint8_t)(texture + (dx * dx + 2 * dy * dy < 0.03 ? 130 : 0));
    }
    return image;
}

static enum vox_code features_of(void *context, int64_t frame, const struct vox_features **out,
                                 struct vox_err *err)
{
    (void)err;
    const struct outcome *outcome = context;
    *out = outcome->features[frame];
    return VOX_OK;
}

static void keep(const struct vox_tracker *tracker, int64_t frame, struct outcome *outcome)
{
    struct vox_err err = {0};
    struct vox_frame_result result;
    size_t bytes = (size_t)pixels_of_map() * sizeof(float);
    must(vox_tracker_result(tracker, frame, 0, &result, &err), &err);
    outcome->logits[frame] = vox_alloc(bytes);
    assert_non_null(outcome->logits[frame]);
    memcpy(outcome->logits[frame], result.low_logits, bytes);
    outcome->scores[frame] = result.score;
}

/* A box on the middle slice, then the slices on both sides of it. */
static void track(struct vox_network *network, struct outcome *outcome)
{
    static const float box[] = {50, 60, 120, 140};
    struct vox_err err = {0};
    struct vox_tracker *tracker = NULL;
    const struct vox_feature_source source = {features_of, outcome};
    must(vox_tracker_new(network, FRAMES, HEIGHT, BREADTH, &source, &tracker, &err), &err);
    must(vox_tracker_add_points(tracker, KEY, 1, NULL, NULL, 0, box, true, &err), &err);
    for (int reverse = 0; reverse < 2; reverse++) {
        int64_t frame = 0;
        must(vox_tracker_start(tracker, KEY, -1, reverse == 1, &err), &err);
        for (int i = 0; i < 2; i++) {
            must(vox_tracker_next(tracker, &frame, &err), &err);
        }
        assert_int_equal(reverse == 1 ? KEY - 1 : KEY + 1, frame);
        keep(tracker, frame, outcome);
    }
    keep(tracker, KEY, outcome);
    vox_tracker_free(tracker);
}

static void run(const char *backend, int threads, struct outcome *outcome)
{
    struct vox_err err = {0};
    struct vox_pool *pool = NULL;
    struct vox_backend *be = NULL;
    struct vox_network *network = NULL;
    must(vox_pool_new(threads, &pool, &err), &err);
    must(vox_backend_open(backend, pool, &be, &err), &err);
    must(vox_network_open(&config, weights, be, &network, &err), &err);
    for (int f = 0; f < FRAMES; f++) {
        uint8_t *image = picture(f);
        outcome->features[f] = vox_features_new(&config);
        assert_non_null(outcome->features[f]);
        must(vox_network_encode(network, image, outcome->features[f], NULL, &err), &err);
        vox_free(image);
    }
    track(network, outcome);
    vox_network_close(network);
    vox_backend_close(be);
    vox_pool_free(pool);
}

static void drop(struct outcome *outcome)
{
    for (int f = 0; f < FRAMES; f++) {
        vox_features_free(outcome->features[f]);
        vox_free(outcome->logits[f]);
    }
}

/* The largest difference of n values as a share of the range of `wanted`; NaN where there is one.
 */
static double share(const float *found, const float *wanted, int64_t n)
{
    double least = (double)INFINITY;
    double most = -(double)INFINITY;
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)found[i] - (double)wanted[i]);
        worst = difference <= worst ? worst : difference;
        if (isnan(worst)) {
            return worst;
        }
        least = fmin(least, (double)wanted[i]);
        most = fmax(most, (double)wanted[i]);
    }
    return worst / (most - least);
}

static void backends_agree_with_plain_c(void **state)
{
    (void)state;
    struct outcome wanted = {0};
    run("ref", 2, &wanted);
    for (int f = 0; f < FRAMES; f++) {
        assert_true(wanted.scores[f] > 0);
    }
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        if (strcmp(vox_backend_name(i), "ref") == 0) {
            continue;
        }
        struct outcome found = {0};
        bool good = true;
        run(vox_backend_name(i), 2, &found);
        for (int f = 0; f < FRAMES; f++) {
            double limit = f == KEY ? prompted_limit : tracked_limit;
            double difference = share(found.logits[f], wanted.logits[f], pixels_of_map());
            double features = share(found.features[f]->f2, wanted.features[f]->f2,
                                    (int64_t)(feature_bytes() / sizeof(float)));
            printf("%s, %s, slice %d: logits differ by %.2g of their range, features by %.2g\n",
                   config.name, vox_backend_name(i), f, difference, features);
            good = good && difference <= limit && features <= prompted_limit;
        }
        drop(&found);
        assert_true(good);
    }
    drop(&wanted);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct outcome alone = {0};
        run(vox_backend_name(i), 1, &alone);
        for (int threads = 2; threads <= 3; threads++) {
            struct outcome found = {0};
            run(vox_backend_name(i), threads, &found);
            for (int f = 0; f < FRAMES; f++) {
                /* f2 is the first of the maps, which are one block of memory. */
                assert_memory_equal(alone.features[f]->f2, found.features[f]->f2, feature_bytes());
                assert_memory_equal(alone.logits[f], found.logits[f],
                                    (size_t)pixels_of_map() * sizeof(float));
                assert_memory_equal(&alone.scores[f], &found.scores[f], sizeof(float));
            }
            drop(&found);
        }
        drop(&alone);
    }
}

static int open_weights(void **state)
{
    (void)state;
    struct vox_err err = {0};
    bool builtin = strchr(skeleton, '/') == NULL;
    if ((builtin ? vox_config_builtin(skeleton, &config, &err)
                 : vox_config_load(skeleton, &config, &err)) != VOX_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    if (small) { /* grids of 32, 16, 8 and 4, the last two with windows that do not divide them */
        static const int64_t windows[] = {8, 4, 6, 3};
        config.image_size = 128;
        memcpy(config.trunk.window_spec, windows, sizeof(windows));
    }
    weights = vox_tiny_weights(&config, NULL, true);
    return 0;
}

static int close_weights(void **state)
{
    (void)state;
    vox_weights_close(weights);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest agree[] = {cmocka_unit_test(backends_agree_with_plain_c)};
    const struct CMUnitTest threads[] = {cmocka_unit_test(threads_do_not_change_a_bit)};
    small = argc == 4 && strcmp(argv[3], "small") == 0;
    if ((argc == 3 || small) && strcmp(argv[2], "agree") == 0) {
        skeleton = argv[1];
        return cmocka_run_group_tests(agree, open_weights, close_weights);
    }
    if ((argc == 3 || small) && strcmp(argv[2], "threads") == 0) {
        skeleton = argv[1];
        return cmocka_run_group_tests(threads, open_weights, close_weights);
    }
    fprintf(stderr, "usage: test_family SKELETON agree|threads [small]\n"
                    "SKELETON is a path with a slash in it, or the name of a built-in one.\n");
    return 2;
}
