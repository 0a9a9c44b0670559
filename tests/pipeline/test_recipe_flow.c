/* The order of the recipe, with a network and a tracker that only take notes. */
#include "pipeline/recipe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/tracker.h"
#include "util/memory.h"

enum { WIDTH = 9, HEIGHT = 7, DEPTH = 8, SIDE = 16 };

static struct {
    char log[2048];
    int encoded[DEPTH + 1]; /* by the grey value of the slice's first pixel */
    int fail_at;            /* the encoding that fails; 0: none */
    int encodings;
    bool absent; /* nothing is found anywhere */
    atomic_int cancel;
    int cancel_at_encoding; /* 0: never */
    int cancel_at_slice;    /* progress; 0: never */
    int64_t reported, total;
} notes;

static void note(const char *format, ...) VOX_PRINTF(1, 2);

static void note(const char *format, ...)
{
    size_t used = strlen(notes.log);
    va_list args;
    va_start(args, format);
    vsnprintf(notes.log + used, sizeof(notes.log) - used, format, args);
    va_end(args);
}

/* --- what stands in for the model --- */

struct vox_tracker {
    struct vox_feature_source source;
    int64_t frames, key, next, step;
    bool started;
    float low[4];
};

static struct vox_model_config config = {.image_size = SIDE};

const struct vox_model_config *vox_network_config(const struct vox_network *network)
{
    (void)network;
    return &config;
}

struct vox_features *vox_features_new(const struct vox_model_config *of)
{
    (void)of;
    return vox_calloc(1, sizeof(struct vox_features));
}

size_t vox_features_bytes(const struct vox_model_config *of)
{
    (void)of;
    return sizeof(struct vox_features);
}

void vox_features_free(struct vox_features *features)
{
    vox_free(features);
}

enum vox_code vox_network_encode(struct vox_network *network, const uint8_t *image,
                                 const struct vox_features *out, const struct vox_tap *tap,
                                 struct vox_err *err)
{
    (void)network;
    (void)out;
    (void)tap;
    notes.encodings++;
    if (notes.encodings == notes.fail_at) {
        return vox_fail(err, VOX_E_BACKEND, "broken");
    }
    if (notes.encodings == notes.cancel_at_encoding) {
        atomic_store(&notes.cancel, 1);
    }
    assert_true(image[0] < DEPTH);
    notes.encoded[image[0]]++;
    return VOX_OK;
}

enum vox_code vox_tracker_new(struct vox_network *network, int64_t frames, int64_t height,
                              int64_t width, const struct vox_feature_source *source,
                              struct vox_tracker **out, struct vox_err *err)
{
    (void)network;
    (void)err;
    note("new %d %dx%d;", (int)frames, (int)width, (int)height);
    *out = vox_calloc(1, sizeof(**out));
    assert_non_null(*out);
    (*out)->source = *source;
    (*out)->frames = frames;
    (*out)->key = -1;
    return VOX_OK;
}

void vox_tracker_free(struct vox_tracker *tracker)
{
    vox_free(tracker);
}

static enum vox_code need(struct vox_tracker *tracker, int64_t frame, struct vox_err *err)
{
    const struct vox_features *features = NULL;
    enum vox_code code = tracker->source.features(tracker->source.context, frame, &features, err);
    assert_true(code != VOX_OK || features != NULL);
    return code;
}

enum vox_code vox_tracker_add_points(struct vox_tracker *tracker, int64_t frame, int64_t object,
                                     const float *xy, const enum vox_point_label *labels, int64_t n,
                                     const float *box, bool clear_old, struct vox_err *err)
{
    (void)object;
    (void)xy;
    (void)labels;
    assert_int_equal(n, 0);
    assert_true(clear_old);
    assert_int_equal(tracker->key, -1);
    note("box %d %g,%g,%g,%g;", (int)frame, (double)box[0], (double)box[1], (double)box[2],
         (double)box[3]);
    tracker->key = frame;
    return need(tracker, frame, err);
}

enum vox_code vox_tracker_start(struct vox_tracker *tracker, int64_t start, int64_t max_frames,
                                bool reverse, struct vox_err *err)
{
    assert_int_equal(start, -1);
    assert_int_equal(max_frames, -1);
    note(reverse ? "back;" : "on;");
    tracker->next = tracker->key;
    tracker->step = reverse ? -1 : 1;
    return need(tracker, tracker->key, err);
}

enum vox_code vox_tracker_next(struct vox_tracker *tracker, int64_t *frame, struct vox_err *err)
{
    if (tracker->next < 0 || tracker->next >= tracker->frames) {
        *frame = -1;
        return VOX_OK;
    }
    *frame = tracker->next;
    tracker->next += tracker->step;
    note("%d;", (int)*frame);
    return need(tracker, *frame, err);
}

enum vox_code vox_tracker_result(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, struct vox_frame_result *out,
                                 struct vox_err *err)
{
    (void)err;
    (void)tracker;
    assert_int_equal(object_index, 0);
    *out = (struct vox_frame_result){.score = (float)frame + 0.5F};
    return VOX_OK;
}

/* A bar of two pixels, and one more pixel far away on the way back. */
enum vox_code vox_tracker_logits(const struct vox_tracker *tracker, int64_t frame,
                                 int64_t object_index, float *out, struct vox_err *err)
{
    (void)err;
    assert_int_equal(object_index, 0);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        out[i] = i == 0 ? 0.0F : -(float)frame - 1.0F;
    }
    if (!notes.absent) {
        out[3 * WIDTH + 4] = 2.0F;
        out[3 * WIDTH + 5] = 0.25F;
        if (tracker->step < 0) {
            out[WIDTH * HEIGHT - 1] = frame == tracker->key ? -1.0F : 5.0F;
        }
    }
    return VOX_OK;
}

void vox_tracker_reset(struct vox_tracker *tracker)
{
    note("reset;");
    tracker->key = -1;
}

/* --- tests --- */

static void report(void *context, int64_t done, int64_t total, double seconds)
{
    assert_ptr_equal(context, &notes);
    assert_true(seconds >= 0.0);
    assert_int_equal(done, notes.reported + 1);
    notes.reported = done;
    notes.total = total;
    if (done == notes.cancel_at_slice) {
        atomic_store(&notes.cancel, 1);
    }
}

static int64_t index_of(int64_t i, int64_t j, int64_t k)
{
    return i + WIDTH * (j + HEIGHT * k);
}

/* A slice's number is the grey value of all its pixels. */
static struct vox_recipe prepare(struct vox_volume *volume)
{
    memset(&notes, 0, sizeof(notes));
    static uint8_t voxels[WIDTH * HEIGHT * DEPTH];
    for (int k = 0; k < DEPTH; k++) {
        memset(voxels + index_of(0, 0, k), k, WIDTH * HEIGHT);
    }
    *volume = (struct vox_volume){
        .size = {WIDTH, HEIGHT, DEPTH}, .type = VOX_VOXEL_U8, .slope = 1.0, .voxels = voxels};
    return (struct vox_recipe){
        .volume = volume,
        .prompt = {.key = 4, .corners = {5, 2.5, 3, 4}, .bounded = true, .first = 2, .last = 6},
        .window = {.automatic = true},
        .progress = {report, &notes},
        .cancel = &notes.cancel,
    };
}

static void expect_mask(const struct vox_segmentation *seg)
{
    for (int64_t k = 0; k < DEPTH; k++) {
        for (int64_t j = 0; j < HEIGHT; j++) {
            for (int64_t i = 0; i < WIDTH; i++) {
                bool in = j == 3 && (i == 4 || i == 5) && k >= 2 && k <= 6;
                assert_int_equal(seg->mask[index_of(i, j, k)], in);
            }
        }
    }
}

static void test_both_passes(void **state)
{
    (void)state;
    struct vox_volume volume;
    struct vox_recipe recipe = prepare(&volume);
    recipe.keep_logits = true;
    struct vox_segmentation *seg = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_recipe_run(&recipe, &seg, &err), VOX_OK);
    assert_string_equal(notes.log, "new 5 9x7;box 2 3,2.5,5,4;on;2;3;4;"
                                   "reset;box 2 3,2.5,5,4;back;2;1;0;");
    for (int k = 0; k < DEPTH; k++) {
        assert_int_equal(notes.encoded[k], k >= 2 && k <= 6);
    }
    assert_int_equal(notes.reported, 5);
    assert_int_equal(notes.total, 5);
    assert_int_equal(seg->encoded_slices, 5);
    assert_int_equal(seg->cached_slices, 1);
    expect_mask(seg);
    assert_int_equal(seg->voxels, 10);
    const int64_t bounds[2][3] = {{4, 3, 2}, {5, 3, 6}};
    assert_memory_equal(seg->bounds, bounds, sizeof(bounds));
    assert_int_equal(seg->warnings.n, 0);
    for (int k = 0; k < DEPTH; k++) {
        float other = seg->logits[index_of(1, 1, k)];
        float far_away = seg->logits[index_of(WIDTH - 1, HEIGHT - 1, k)];
        if (k < 2 || k > 6) {
            assert_true(isnan(other) && isnan(far_away));
        } else {
            int frame = k - 2;
            assert_true(other == -(float)frame - 1.0F);
            assert_true(far_away == (frame < 2 ? 5.0F : other));
            assert_true(seg->scores[frame] == (float)frame + 0.5F);
        }
    }
    vox_segmentation_free(seg);
}

static void test_whole_volume_from_its_first_slice(void **state)
{
    (void)state;
    struct vox_volume volume;
    struct vox_recipe recipe = prepare(&volume);
    recipe.prompt = (struct vox_box_prompt){.key = 0, .corners = {3, 2, 50, 4}};
    struct vox_segmentation *seg = NULL;
    assert_int_equal(vox_recipe_run(&recipe, &seg, NULL), VOX_OK);
    assert_string_equal(notes.log, "new 8 9x7;box 0 3,2,8,4;on;0;1;2;3;4;5;6;7;");
    assert_null(seg->logits);
    assert_int_equal(seg->voxels, 16);
    assert_int_equal(seg->cached_slices, 0);
    assert_int_equal(seg->warnings.n, 1);
    assert_non_null(strstr(seg->warnings.text[0], "cut"));
    vox_segmentation_free(seg);
}

static void test_nothing_found(void **state)
{
    (void)state;
    struct vox_volume volume;
    struct vox_recipe recipe = prepare(&volume);
    notes.absent = true;
    struct vox_segmentation *seg = NULL;
    assert_int_equal(vox_recipe_run(&recipe, &seg, NULL), VOX_OK);
    assert_int_equal(seg->voxels, 0);
    assert_int_equal(seg->warnings.n, 1);
    vox_segmentation_free(seg);
}

static void expect_cancelled(const struct vox_recipe *recipe)
{
    struct vox_segmentation *seg = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_recipe_run(recipe, &seg, &err), VOX_E_CANCELLED);
    assert_null(seg);
}

static void test_cancel(void **state)
{
    (void)state;
    struct vox_volume volume;
    struct vox_recipe recipe = prepare(&volume);
    atomic_store(&notes.cancel, 1);
    expect_cancelled(&recipe);
    assert_int_equal(notes.encodings, 0);

    /* While slice 4 of the volume, frame 2, is encoded: it is not tracked any more. */
    recipe = prepare(&volume);
    notes.cancel_at_encoding = 1;
    expect_cancelled(&recipe);
    assert_string_equal(notes.log, "new 5 9x7;box 2 3,2.5,5,4;");

    /* Between two slices of the way back. */
    recipe = prepare(&volume);
    notes.cancel_at_slice = 4;
    expect_cancelled(&recipe);
    assert_int_equal(notes.reported, 4);
    assert_int_equal(notes.encodings, 4);
}

static void test_errors(void **state)
{
    (void)state;
    struct vox_volume volume;
    struct vox_recipe recipe = prepare(&volume);
    struct vox_segmentation *seg = NULL;
    struct vox_err err = {0};
    notes.fail_at = 2;
    assert_int_equal(vox_recipe_run(&recipe, &seg, &err), VOX_E_BACKEND);
    assert_string_equal(err.msg, "slice 5: broken");

    recipe = prepare(&volume);
    recipe.prompt.key = DEPTH;
    assert_int_equal(vox_recipe_run(&recipe, &seg, &err), VOX_E_ARG);
    recipe = prepare(&volume);
    recipe.window = (struct vox_window){.low = 3, .high = 3};
    assert_int_equal(vox_recipe_run(&recipe, &seg, &err), VOX_E_ARG);
    assert_null(seg);
    assert_int_equal(notes.encodings, 0);
    vox_segmentation_free(NULL);
}

/* What the component cannot take is refused before the first slice is looked at. */
static void test_too_many_voxels(void **state)
{
    (void)state;
    struct vox_volume volume;
    struct vox_recipe recipe = prepare(&volume);
    volume.size[0] = volume.size[1] = 65536;
    volume.voxels = NULL;
    recipe.prompt.first = recipe.prompt.last = 4;
    struct vox_segmentation *seg = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_recipe_run(&recipe, &seg, &err), VOX_E_LIMIT);
    assert_non_null(strstr(err.msg, "components"));
    assert_null(seg);
    assert_string_equal(notes.log, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_passes),
        cmocka_unit_test(test_whole_volume_from_its_first_slice),
        cmocka_unit_test(test_nothing_found),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_too_many_voxels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
