/* The recipe on a tiny network against the tracker driven by hand, with all features made
 * beforehand. */
#include "pipeline/recipe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/tracker.h"
#include "pipeline/slice_resize.h"
#include "support/failing_alloc.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { WIDTH = 45, HEIGHT = 32, DEPTH = 5, PIXELS = WIDTH * HEIGHT, KEY = 2 };

static const float box[4] = {8.0F, 6.5F, 30.0F, 25.0F};

static struct {
    struct vox_pool *pool;
    struct vox_backend *backend;
    struct vox_network *network;
    struct vox_volume volume;
    uint8_t voxels[PIXELS * DEPTH];
} rig;

/* Raises the error where a call fails, so that the test shows its text. */
static void must(enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s", err->msg);
    }
}

static void open_network(int threads)
{
    struct vox_err err = {0};
    struct vox_model_config config;
    vox_tiny_config(&config);
    struct vox_weights *weights = vox_tiny_weights(&config, NULL, true);
    must(vox_pool_new(threads, &rig.pool, &err), &err);
    must(vox_backend_open("ref", rig.pool, &rig.backend, &err), &err);
    must(vox_network_open(&config, weights, rig.backend, &rig.network, &err), &err);
    vox_weights_close(weights);
}

static void close_network(void)
{
    vox_network_close(rig.network);
    vox_backend_close(rig.backend);
    vox_pool_free(rig.pool);
    rig.network = NULL;
    rig.backend = NULL;
    rig.pool = NULL;
}

static int set_up(void **state)
{
    (void)state;
    open_network(2);
    for (int z = 0; z < DEPTH; z++) {
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                int q = (3 * x + 2 * y + 11 * z + ((x * y) >> 2)) % 510;
                rig.voxels[z * PIXELS + y * WIDTH + x] = (uint8_t)(q < 510 - q ? q : 510 - q);
            }
        }
    }
    rig.volume = (struct vox_volume){
        .size = {WIDTH, HEIGHT, DEPTH}, .type = VOX_VOXEL_U8, .slope = 1.0, .voxels = rig.voxels};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_network();
    return 0;
}

static struct vox_segmentation *run(const struct vox_volume *volume, int64_t key, bool bounded,
                                    int64_t first, int64_t last)
{
    const struct vox_recipe recipe = {
        .network = rig.network,
        .volume = volume,
        .prompt = {.key = key,
                   .bounded = bounded,
                   .first = first,
                   .last = last,
                   .corners = {(double)box[0], (double)box[1], (double)box[2], (double)box[3]}},
        .window = {.automatic = true},
        .keep_logits = true,
    };
    struct vox_segmentation *seg = NULL;
    struct vox_err err = {0};
    must(vox_recipe_run(&recipe, &seg, &err), &err);
    return seg;
}

struct by_hand {
    struct vox_features *features[DEPTH];
    float logits[PIXELS * DEPTH];
    float scores[DEPTH];
    uint8_t positive[PIXELS * DEPTH];
};

static enum vox_code made_before(void *context, int64_t frame, const struct vox_features **out,
                                 struct vox_err *err)
{
    (void)err;
    const struct by_hand *hand = context;
    *out = hand->features[frame];
    return VOX_OK;
}

static void encode_all(struct by_hand *hand)
{
    struct vox_err err = {0};
    const struct vox_model_config *config = vox_network_config(rig.network);
    int64_t side = config->image_size;
    struct vox_slice_resize *resize = NULL;
    must(vox_slice_resize_new(WIDTH, HEIGHT, side, side, &resize, &err), &err);
    uint8_t *image = vox_alloc((size_t)(side * side));
    for (int k = 0; k < DEPTH; k++) {
        hand->features[k] = vox_features_new(config);
        vox_slice_resize_run(resize, rig.voxels + k * PIXELS, image);
        must(vox_network_encode(rig.network, image, hand->features[k], NULL, &err), &err);
    }
    vox_free(image);
    vox_slice_resize_free(resize);
}

static void pass_by_hand(struct by_hand *hand, bool reverse)
{
    struct vox_err err = {0};
    struct vox_tracker *tracker = NULL;
    struct vox_feature_source source = {made_before, hand};
    must(vox_tracker_new(rig.network, DEPTH, HEIGHT, WIDTH, &source, &tracker, &err), &err);
    must(vox_tracker_add_points(tracker, KEY, 7, NULL, NULL, 0, box, true, &err), &err);
    must(vox_tracker_start(tracker, KEY, DEPTH, reverse, &err), &err);
    for (int64_t k;;) {
        must(vox_tracker_next(tracker, &k, &err), &err);
        if (k < 0) {
            break;
        }
        struct vox_frame_result result;
        must(vox_tracker_result(tracker, k, 0, &result, &err), &err);
        hand->scores[k] = result.score;
        must(vox_tracker_logits(tracker, k, 0, hand->logits + k * PIXELS, &err), &err);
    }
    vox_tracker_free(tracker);
}

static void test_equals_the_tracker(void **state)
{
    (void)state;
    struct by_hand *hand = vox_calloc(1, sizeof(*hand));
    encode_all(hand);
    pass_by_hand(hand, true);
    pass_by_hand(hand, false);
    struct vox_segmentation *seg = run(&rig.volume, KEY, false, 0, 0);
    assert_memory_equal(seg->logits, hand->logits, sizeof(hand->logits));
    assert_memory_equal(seg->scores, hand->scores, sizeof(hand->scores));
    int64_t positive = 0;
    for (int i = 0; i < PIXELS * DEPTH; i++) {
        assert_true(seg->mask[i] == 0 || hand->logits[i] > 0.0F);
        positive += hand->logits[i] > 0.0F;
    }
    /* Formula weights make blobs that hang together; a mask of nothing would show nothing. */
    assert_true(seg->voxels > 0 && seg->voxels <= positive);
    assert_int_equal(seg->encoded_slices, DEPTH);
    vox_segmentation_free(seg);
    for (int k = 0; k < DEPTH; k++) {
        vox_features_free(hand->features[k]);
    }
    vox_free(hand);
}

/* A slab is a video of its own; with another number of threads it is the same one. */
static void test_slab_and_threads(void **state)
{
    (void)state;
    struct vox_segmentation *slab = run(&rig.volume, KEY, true, 1, 3);
    struct vox_volume cut = rig.volume;
    cut.size[2] = 3;
    cut.voxels = rig.voxels + PIXELS;
    close_network();
    open_network(1);
    struct vox_segmentation *whole = run(&cut, KEY - 1, false, 0, 0);
    assert_memory_equal(slab->logits + PIXELS, whole->logits, 3 * PIXELS * sizeof(float));
    assert_memory_equal(slab->mask + PIXELS, whole->mask, 3 * PIXELS);
    assert_memory_equal(slab->scores, whole->scores, 3 * sizeof(float));
    for (int i = 0; i < PIXELS; i++) {
        assert_true(isnan(slab->logits[i]) && slab->mask[i] == 0);
        assert_true(isnan(slab->logits[4 * PIXELS + i]) && slab->mask[4 * PIXELS + i] == 0);
    }
    vox_segmentation_free(slab);
    vox_segmentation_free(whole);
}

/* Each allocation fails once: the run says so, leaves nothing behind, and the network still works.
 */
static void test_survives_failing_allocations(void **state)
{
    (void)state;
    int16_t voxels[PIXELS * 3];
    for (int i = 0; i < PIXELS * 3; i++) {
        voxels[i] = (int16_t)(rig.voxels[i] * 3); /* so that percentiles are needed */
    }
    struct vox_volume volume = rig.volume;
    volume.type = VOX_VOXEL_I16;
    volume.size[2] = 3;
    volume.voxels = voxels;
    struct vox_segmentation *whole = run(&volume, 1, false, 0, 0);
    const struct vox_recipe recipe = {
        .network = rig.network,
        .volume = &volume,
        .prompt = whole->prompt,
        .window = {.automatic = true},
        .keep_logits = true,
    };
    for (long k = 1;; k++) {
        struct vox_segmentation *seg = NULL;
        struct vox_err err = {0};
        vox_fail_allocation(k);
        enum vox_code code = vox_recipe_run(&recipe, &seg, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            must(code, &err);
            assert_memory_equal(seg->logits, whole->logits, 3 * PIXELS * sizeof(float));
            assert_true(k > 15);
            vox_segmentation_free(seg);
            break;
        }
        assert_int_equal(code, VOX_E_NOMEM);
        assert_null(seg);
    }
    vox_segmentation_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_the_tracker),
        cmocka_unit_test(test_slab_and_threads),
        cmocka_unit_test(test_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
