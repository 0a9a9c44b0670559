/* The tracker's state machine: each result is compared with the network's modules called by hand
 * in the order of sam2_video_predictor_npz.py. */
#include "model/tracker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/resize.h"
#include "support/compare.h"
#include "tracker_fixture.h"
#include "util/memory.h"

static void assert_found(const struct scene *scene, int64_t frame, int64_t object,
                         const struct answer *wanted)
{
    struct vox_frame_result found;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_tracker_result(scene->tracker, frame, object, &found, &err));
    assert_memory_equal(wanted->logits, found.low_logits, sizeof(wanted->logits));
    assert_memory_equal(wanted->pointer, found.pointer, sizeof(wanted->pointer));
    assert_true(wanted->score == found.score);
}

static void assert_memory(const struct scene *scene, int64_t frame, int64_t object,
                          const struct answer *wanted)
{
    struct vox_frame_result found;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_tracker_result(scene->tracker, frame, object, &found, &err));
    assert_non_null(found.memory);
    assert_memory_equal(wanted->memory, found.memory, sizeof(wanted->memory));
}

static struct vox_point scaled(float x, float y, enum vox_point_label label)
{
    return (struct vox_point){x / (float)BREADTH * (float)SIZE, y / (float)HEIGHT * (float)SIZE,
                              label};
}

/* The network's answer to a first prompt. */
static void first_answer(struct scene *scene, int64_t frame, const struct vox_point *points,
                         int64_t n, const float *mask, struct answer *out)
{
    scene_decode(scene, frame, scene->features[frame]->f2,
                 vox_network_parts(scene->network)->no_memory, points, n, mask, n <= 1, out);
}

static void box_answer(struct scene *scene, int64_t frame, struct answer *out)
{
    const struct vox_point points[] = {scaled(10.0F, 12.0F, VOX_POINT_BOX_FIRST),
                                       scaled(30.5F, 41.0F, VOX_POINT_BOX_LAST)};
    first_answer(scene, frame, points, 2, NULL, out);
}

static void first_prompts_look_at_no_memory(void **state)
{
    (void)state;
    struct scene scene;
    struct answer wanted;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 70);
    box_answer(&scene, 4, &wanted);
    assert_found(&scene, 4, 0, &wanted);
    /* one click: several masks are in question */
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_POSITIVE;
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 2, 70, xy, &label, 1, NULL, true, &err));
    const struct vox_point click = scaled(20.0F, 25.0F, VOX_POINT_POSITIVE);
    first_answer(&scene, 2, &click, 1, NULL, &wanted);
    assert_found(&scene, 2, 0, &wanted);
    struct vox_frame_result found;
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 2, 0, &found, &err));
    assert_true(found.prompted && found.memory == NULL && found.chosen == wanted.chosen);
    assert_int_equal(0, vox_tracker_object(scene.tracker, 70));
    assert_int_equal(-1, vox_tracker_object(scene.tracker, 71));
    scene_close(&scene);
}

static void later_clicks_see_the_mask_so_far(void **state)
{
    (void)state;
    struct scene scene;
    struct answer wanted;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 1);
    box_answer(&scene, 4, &wanted);
    /* The click joins the box; the mask goes in clamped. */
    float mask[MAP * MAP];
    for (int i = 0; i < MAP * MAP; i++) {
        mask[i] = fminf(fmaxf(wanted.logits[i], -32.0F), 32.0F);
    }
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_NEGATIVE;
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 4, 1, xy, &label, 1, NULL, false, &err));
    const struct vox_point points[] = {scaled(10.0F, 12.0F, VOX_POINT_BOX_FIRST),
                                       scaled(30.5F, 41.0F, VOX_POINT_BOX_LAST),
                                       scaled(20.0F, 25.0F, VOX_POINT_NEGATIVE)};
    first_answer(&scene, 4, points, 3, mask, &wanted);
    assert_found(&scene, 4, 0, &wanted);
    /* Cleared points leave the mask. */
    for (int i = 0; i < MAP * MAP; i++) {
        mask[i] = fminf(fmaxf(wanted.logits[i], -32.0F), 32.0F);
    }
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 4, 1, xy, &label, 1, NULL, true, &err));
    first_answer(&scene, 4, points + 2, 1, mask, &wanted);
    assert_found(&scene, 4, 0, &wanted);
    scene_close(&scene);
}

static void fill_mask(uint8_t *mask)
{
    for (int i = 0; i < HEIGHT * BREADTH; i++) {
        int y = i / BREADTH - 22;
        int x = i % BREADTH - 20;
        mask[i] = y * y + 2 * x * x < 300 ? 7 : 0;
    }
}

/* The mask at the network's size, and mask_downsample of it. */
static void shrink(struct scene *scene, const uint8_t *mask, float *large, float *small)
{
    static float pixels[HEIGHT * BREADTH];
    struct vox_err err = {0};
    const struct vox_network_parts *parts = vox_network_parts(scene->network);
    for (int i = 0; i < HEIGHT * BREADTH; i++) {
        pixels[i] = mask[i] != 0;
    }
    assert_int_equal(VOX_OK,
                     vox_resize_antialias(pixels, HEIGHT, BREADTH, large, SIZE, SIZE, &err));
    for (int i = 0; i < SIZE * SIZE; i++) {
        large[i] = large[i] >= 0.5F;
    }
    for (int i = 0; i < MAP * MAP; i++) {
        small[i] = *parts->mask_bias;
        for (int j = 0; j < 16; j++) {
            int at = (i / MAP * 4 + j / 4) * SIZE + i % MAP * 4 + j % 4;
            small[i] += parts->mask_patch[j] * large[at];
        }
    }
}

static void a_mask_is_its_own_result(void **state)
{
    (void)state;
    static float large[SIZE * SIZE];
    static float small[MAP * MAP];
    static uint8_t mask[HEIGHT * BREADTH];
    struct scene scene;
    struct answer wanted;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    fill_mask(mask);
    assert_int_equal(VOX_OK, vox_tracker_add_mask(scene.tracker, 3, 5, mask, &err));
    shrink(&scene, mask, large, small);
    /* The pointer comes from the raw features, no points, one mask; the mask decoded is dropped. */
    scene_decode(&scene, 3, scene.features[3]->f2, NULL, NULL, 0, small, false, &wanted);
    for (int i = 0; i < SIZE * SIZE; i++) {
        large[i] = large[i] * 20.0F - 10.0F;
    }
    assert_int_equal(VOX_OK,
                     vox_resize_antialias(large, SIZE, SIZE, wanted.logits, MAP, MAP, &err));
    wanted.score = 10.0F;
    assert_found(&scene, 3, 0, &wanted);

    memset(mask, 0, sizeof(mask));
    assert_int_equal(VOX_OK, vox_tracker_add_mask(scene.tracker, 3, 5, mask, &err));
    struct vox_frame_result found;
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 3, 0, &found, &err));
    assert_true(found.score == -10.0F);
    assert_memory_equal(vox_network_parts(scene.network)->no_pointer, found.pointer,
                        WIDTH * sizeof(float));
    for (int i = 0; i < MAP * MAP; i++) {
        assert_true(fabsf(found.low_logits[i] + 10.0F) <= 1e-5F);
    }
    /* Its memory says that the object is absent. */
    int64_t frames[FRAMES + 1];
    memcpy(wanted.logits, found.low_logits, sizeof(wanted.logits));
    wanted.score = -10.0F;
    scene_remember(&scene, 3, true, &wanted);
    scene_propagate(&scene, -1, 0, false, frames);
    assert_memory(&scene, 3, 0, &wanted);
    scene_close(&scene);
}

/* Points after a mask begin anew, but see the mask. */
static void points_replace_a_mask(void **state)
{
    (void)state;
    static uint8_t mask[HEIGHT * BREADTH];
    struct scene scene;
    struct answer wanted;
    struct vox_frame_result found;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    scene_box(&scene, 3, 5);
    fill_mask(mask);
    assert_int_equal(VOX_OK, vox_tracker_add_mask(scene.tracker, 3, 5, mask, &err));
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 3, 0, &found, &err));
    float before[MAP * MAP];
    memcpy(before, found.low_logits, sizeof(before));
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_POSITIVE;
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 3, 5, xy, &label, 1, NULL, false, &err));
    const struct vox_point click = scaled(20.0F, 25.0F, VOX_POINT_POSITIVE);
    first_answer(&scene, 3, &click, 1, before, &wanted);
    assert_found(&scene, 3, 0, &wanted);
    scene_close(&scene);
}

static void logits_are_resized_to_the_slice(void **state)
{
    (void)state;
    static float logits[HEIGHT * BREADTH];
    struct scene scene;
    struct vox_frame_result found;
    struct vox_err err = {0};
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 1);
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 4, 0, &found, &err));
    assert_int_equal(VOX_OK, vox_tracker_logits(scene.tracker, 4, 0, logits, &err));
    struct vox_bilinear rows[HEIGHT];
    struct vox_bilinear columns[BREADTH];
    float row[BREADTH];
    vox_bilinear_axis(MAP, HEIGHT, rows);
    vox_bilinear_axis(MAP, BREADTH, columns);
    for (int y = 0; y < HEIGHT; y++) {
        vox_bilinear_row(found.low_logits, MAP, &rows[y], columns, BREADTH, row);
        assert_memory_equal(row, logits + y * BREADTH, sizeof(row));
    }
    assert_int_equal(VOX_OK, vox_tracker_logits(scene.tracker, 5, 0, logits, &err));
    for (int i = 0; i < HEIGHT * BREADTH; i++) {
        assert_true(logits[i] == -1024.0F);
    }
    scene_close(&scene);
}

static void assert_order(struct scene *scene, int64_t start, int64_t max_frames, bool reverse,
                         const char *wanted)
{
    int64_t frames[FRAMES + 1];
    char found[FRAMES + 1] = "";
    scene_propagate(scene, start, max_frames, reverse, frames);
    for (int i = 0; frames[i] >= 0; i++) {
        found[i] = (char)('0' + frames[i]);
        found[i + 1] = '\0';
    }
    assert_string_equal(wanted, found);
}

static void propagations_visit_slices_in_order(void **state)
{
    (void)state;
    struct scene scene;
    struct vox_err err = {0};
    int64_t frame = 7;
    scene_open(&scene, NULL);
    assert_int_equal(VOX_E_ARG, vox_tracker_start(scene.tracker, -1, -1, false, &err));
    assert_int_equal(VOX_OK, vox_tracker_next(scene.tracker, &frame, &err));
    assert_int_equal(-1, frame);
    scene_box(&scene, 6, 1);
    scene_box(&scene, 4, 1);
    assert_order(&scene, -1, -1, false, "45678");
    assert_order(&scene, 6, -1, true, "6543210");
    assert_order(&scene, -1, 2, false, "456");
    assert_order(&scene, 6, 1, true, "65");
    assert_order(&scene, 3, 0, false, "3");
    assert_order(&scene, 0, -1, true, "");
    assert_order(&scene, 0, INT64_MAX, false, "012345678");
    assert_int_equal(VOX_E_ARG, vox_tracker_start(scene.tracker, FRAMES, -1, false, &err));
    assert_int_equal(VOX_E_ARG, vox_tracker_start(scene.tracker, -2, -1, false, &err));
    /* A prompt ends the propagation. */
    assert_int_equal(VOX_OK, vox_tracker_start(scene.tracker, -1, -1, false, &err));
    assert_int_equal(VOX_OK, vox_tracker_next(scene.tracker, &frame, &err));
    scene_box(&scene, 4, 1);
    assert_int_equal(VOX_OK, vox_tracker_next(scene.tracker, &frame, &err));
    assert_int_equal(-1, frame);
    scene_close(&scene);
}

/* Conditioned features from memories and pointers of given answers. */
static void condition(struct scene *scene, int64_t frame, struct answer *const *from,
                      const int *slots, const float *distances, int n, float *out)
{
    struct vox_memory_attention *attention = vox_network_parts(scene->network)->memory_attention;
    struct vox_bank_entry entries[FRAMES];
    struct vox_bank_pointer pointers[FRAMES];
    struct vox_memory *memories[FRAMES];
    struct vox_err err = {0};
    for (int i = 0; i < n; i++) {
        assert_int_equal(VOX_OK, vox_memory_new(attention, from[i]->memory, &memories[i], &err));
        entries[i] = (struct vox_bank_entry){memories[i], slots[i]};
        pointers[i] = (struct vox_bank_pointer){from[i]->pointer, distances[i]};
    }
    assert_int_equal(VOX_OK, vox_memory_attention_run(attention, scene->features[frame]->f2,
                                                      entries, n, pointers, n, out, NULL, &err));
    for (int i = 0; i < n; i++) {
        vox_memory_free(memories[i]);
    }
}

static void track(struct scene *scene, int64_t frame, struct answer *const *from, const int *slots,
                  const float *distances, int n, struct answer *out)
{
    static float image[SIDE * SIDE * WIDTH];
    condition(scene, frame, from, slots, distances, n, image);
    scene_decode(scene, frame, image, NULL, NULL, 0, NULL, true, out);
    scene_remember(scene, frame, false, out);
}

static void tracked_slices_look_at_their_bank(void **state)
{
    (void)state;
    struct scene scene;
    static struct answer key;
    static struct answer first;
    static struct answer second;
    int64_t frames[FRAMES + 1];
    for (int reverse = 0; reverse < 2; reverse++) {
        int64_t step = reverse == 1 ? -1 : 1;
        scene_open(&scene, NULL);
        scene_box(&scene, 4, 1);
        scene_propagate(&scene, -1, 3, reverse == 1, frames);
        box_answer(&scene, 4, &key);
        scene_remember(&scene, 4, true, &key);
        assert_found(&scene, 4, 0, &key);
        assert_memory(&scene, 4, 0, &key);
        struct answer *const bank[] = {&key, &first};
        static const float one[] = {1.0F / 8.0F};
        static const int slots[] = {6, 0};
        track(&scene, 4 + step, bank, slots, one, 1, &first);
        assert_found(&scene, 4 + step, 0, &first);
        assert_memory(&scene, 4 + step, 0, &first);
        static const float two[] = {2.0F / 8.0F, 1.0F / 8.0F};
        track(&scene, 4 + 2 * step, bank, slots, two, 2, &second);
        assert_found(&scene, 4 + 2 * step, 0, &second);
        assert_memory(&scene, 4 + 2 * step, 0, &second);
        scene_close(&scene);
    }
}

/* Where an object has no prompt on a slice that others have prompts on, it is absent there with an
 * empty memory that says "present". */
static void objects_share_conditioning_slices(void **state)
{
    (void)state;
    struct scene scene;
    struct answer wanted;
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frames[FRAMES + 1];
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 10);
    scene_box(&scene, 6, 20);
    scene_propagate(&scene, -1, -1, false, frames);
    for (int i = 0; i < MAP * MAP; i++) {
        wanted.logits[i] = -1024.0F;
    }
    memcpy(wanted.pointer, vox_network_parts(scene.network)->no_pointer, sizeof(wanted.pointer));
    wanted.score = 10.0F;
    scene_remember(&scene, 4, true, &wanted);
    assert_found(&scene, 4, 1, &wanted);
    assert_memory(&scene, 4, 1, &wanted);
    scene_remember(&scene, 6, true, &wanted);
    assert_found(&scene, 6, 0, &wanted);
    assert_memory(&scene, 6, 0, &wanted);
    box_answer(&scene, 6, &wanted);
    assert_found(&scene, 6, 1, &wanted);
    for (int object = 0; object < 2; object++) {
        assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 5, object, &found, &err));
        assert_false(found.prompted);
    }
    scene_close(&scene);
}

/* A click on a tracked slice sees the memories; its result stays where it is in later passes. */
static void corrections_are_ordinary_memories(void **state)
{
    (void)state;
    struct scene scene;
    static struct answer key;
    static struct answer wanted;
    static float image[SIDE * SIDE * WIDTH];
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frames[FRAMES + 1];
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 1);
    scene_propagate(&scene, -1, -1, false, frames);
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 5, 0, &found, &err));
    float mask[MAP * MAP];
    for (int i = 0; i < MAP * MAP; i++) {
        mask[i] = fminf(fmaxf(found.low_logits[i], -32.0F), 32.0F);
    }
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_POSITIVE;
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 5, 1, xy, &label, 1, NULL, true, &err));
    box_answer(&scene, 4, &key);
    scene_remember(&scene, 4, true, &key);
    struct answer *const bank[] = {&key};
    static const int slots[] = {6};
    static const float distances[] = {1.0F / 8.0F};
    const struct vox_point click = scaled(20.0F, 25.0F, VOX_POINT_POSITIVE);
    condition(&scene, 5, bank, slots, distances, 1, image);
    scene_decode(&scene, 5, image, NULL, &click, 1, mask, true, &wanted);
    assert_found(&scene, 5, 0, &wanted);
    scene_propagate(&scene, 4, -1, false, frames);
    scene_remember(&scene, 5, true, &wanted);
    assert_found(&scene, 5, 0, &wanted);
    assert_memory(&scene, 5, 0, &wanted);
    /* Slice 6 took it for its neighbour, in slot 0. */
    struct answer *const two[] = {&key, &wanted};
    static const int two_slots[] = {6, 0};
    static const float two_distances[] = {2.0F / 8.0F, 1.0F / 8.0F};
    static struct answer next;
    track(&scene, 6, two, two_slots, two_distances, 2, &next);
    assert_found(&scene, 6, 0, &next);
    scene_close(&scene);
}

/* A slice that was reached downwards is corrected with the bank of that direction. */
static void corrections_look_the_way_the_slice_was_tracked(void **state)
{
    (void)state;
    struct scene scene;
    static struct answer key;
    static struct answer first;
    static struct answer wanted;
    static float image[SIDE * SIDE * WIDTH];
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frames[FRAMES + 1];
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 1);
    scene_propagate(&scene, -1, -1, true, frames);
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 2, 0, &found, &err));
    float mask[MAP * MAP];
    for (int i = 0; i < MAP * MAP; i++) {
        mask[i] = fminf(fmaxf(found.low_logits[i], -32.0F), 32.0F);
    }
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_POSITIVE;
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 2, 1, xy, &label, 1, NULL, true, &err));
    box_answer(&scene, 4, &key);
    scene_remember(&scene, 4, true, &key);
    struct answer *const bank[] = {&key, &first};
    static const int slots[] = {6, 0};
    static const float one[] = {1.0F / 8.0F};
    static const float two[] = {2.0F / 8.0F, 1.0F / 8.0F};
    track(&scene, 3, bank, slots, one, 1, &first);
    const struct vox_point click = scaled(20.0F, 25.0F, VOX_POINT_POSITIVE);
    condition(&scene, 2, bank, slots, two, 2, image);
    scene_decode(&scene, 2, image, NULL, &click, 1, mask, true, &wanted);
    assert_found(&scene, 2, 0, &wanted);
    scene_close(&scene);
}

/* The reference keeps a conditioning slice's first results; the correction is only shown. */
static void corrections_of_a_conditioning_slice_do_not_last(void **state)
{
    (void)state;
    struct scene scene;
    static struct answer key;
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frames[FRAMES + 1];
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 1);
    scene_propagate(&scene, -1, -1, false, frames);
    box_answer(&scene, 4, &key);
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_NEGATIVE;
    assert_int_equal(VOX_OK,
                     vox_tracker_add_points(scene.tracker, 4, 1, xy, &label, 1, NULL, true, &err));
    assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, 4, 0, &found, &err));
    assert_memory_not_equal(key.logits, found.low_logits, sizeof(key.logits));
    scene_propagate(&scene, -1, -1, false, frames);
    assert_found(&scene, 4, 0, &key);
    scene_close(&scene);
}

static void keep_corrections(struct vox_model_config *config)
{
    config->cond_corrections = true;
}

static void corrections_can_condition(void **state)
{
    (void)state;
    struct scene scene;
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frames[FRAMES + 1];
    scene_open(&scene, keep_corrections);
    scene_box(&scene, 4, 1);
    scene_propagate(&scene, -1, -1, false, frames);
    static const float xy[] = {20.0F, 25.0F};
    static const enum vox_point_label label = VOX_POINT_NEGATIVE;
    float shown[2][MAP * MAP];
    static const int64_t corrected[] = {4, 7};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(VOX_OK, vox_tracker_add_points(scene.tracker, corrected[i], 1, xy, &label,
                                                        1, NULL, true, &err));
        assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, corrected[i], 0, &found, &err));
        memcpy(shown[i], found.low_logits, sizeof(shown[i]));
    }
    scene_propagate(&scene, -1, -1, false, frames);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(VOX_OK, vox_tracker_result(scene.tracker, corrected[i], 0, &found, &err));
        assert_memory_equal(shown[i], found.low_logits, sizeof(shown[i]));
        assert_true(found.prompted && found.memory != NULL);
    }
    scene_close(&scene);
}

static void reset_forgets_everything(void **state)
{
    (void)state;
    struct scene scene;
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frames[FRAMES + 1];
    struct answer wanted;
    scene_open(&scene, NULL);
    scene_box(&scene, 4, 1);
    scene_propagate(&scene, -1, -1, false, frames);
    static const float box[] = {1, 2, 30, 40};
    assert_int_equal(VOX_E_ARG,
                     vox_tracker_add_points(scene.tracker, 4, 2, NULL, NULL, 0, box, true, &err));
    assert_non_null(strstr(err.msg, "reset"));
    vox_tracker_reset(scene.tracker);
    assert_int_equal(VOX_E_ARG, vox_tracker_result(scene.tracker, 4, 0, &found, &err));
    scene_box(&scene, 4, 2);
    box_answer(&scene, 4, &wanted);
    assert_found(&scene, 4, 0, &wanted);
    assert_int_equal(VOX_E_NOT_FOUND, vox_tracker_result(scene.tracker, 5, 0, &found, &err));
    scene_close(&scene);
}

static void bad_prompts_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct vox_err err = {0};
    struct vox_tracker *tracker;
    scene_open(&scene, NULL);
    tracker = scene.tracker;
    static const float xy[] = {20.0F, 25.0F};
    static const float nan_xy[] = {NAN, 25.0F};
    static const float box[] = {1, 2, 30, 40};
    static const float infinite[] = {1, 2, INFINITY, 40};
    static const enum vox_point_label label = VOX_POINT_POSITIVE;
    static const enum vox_point_label corner = VOX_POINT_BOX_FIRST;
    static const uint8_t mask[HEIGHT * BREADTH];
    const struct {
        int64_t frame;
        const float *xy;
        const enum vox_point_label *label;
        int64_t n;
        const float *box;
        bool clear;
        enum vox_code code;
    } rows[] = {
        {-1, xy, &label, 1, NULL, true, VOX_E_ARG},
        {FRAMES, xy, &label, 1, NULL, true, VOX_E_ARG},
        {0, NULL, NULL, 0, NULL, true, VOX_E_ARG},
        {0, xy, &label, -1, NULL, true, VOX_E_ARG},
        {0, xy, &corner, 1, NULL, true, VOX_E_ARG},
        {0, nan_xy, &label, 1, NULL, true, VOX_E_ARG},
        {0, NULL, NULL, 0, infinite, true, VOX_E_ARG},
        {0, NULL, NULL, 0, box, false, VOX_E_ARG},
        {0, xy, &label, 1 << 20, NULL, true, VOX_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(rows[i].code, vox_tracker_add_points(tracker, rows[i].frame, 1, rows[i].xy,
                                                              rows[i].label, rows[i].n, rows[i].box,
                                                              rows[i].clear, &err));
    }
    assert_int_equal(VOX_E_ARG, vox_tracker_add_mask(tracker, FRAMES, 1, mask, &err));
    assert_int_equal(-1, vox_tracker_object(tracker, 1));
    struct vox_feature_source source = scene_source(&scene);
    struct vox_tracker *other = NULL;
    assert_int_equal(VOX_E_ARG, vox_tracker_new(scene.network, 0, 5, 5, &source, &other, &err));
    assert_int_equal(VOX_E_LIMIT,
                     vox_tracker_new(scene.network, 5, 5, 1 << 20, &source, &other, &err));
    assert_null(other);
    scene_close(&scene);
}

/* A slice that cannot be had leaves the tracker as it was, and the step can be tried again. */
static void a_failing_source_changes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    struct vox_frame_result found;
    struct vox_err err = {0};
    int64_t frame = 7;
    static const float box[] = {1, 2, 30, 40};
    scene_open(&scene, NULL);
    scene.fails_at = 4;
    assert_int_equal(VOX_E_IO,
                     vox_tracker_add_points(scene.tracker, 4, 1, NULL, NULL, 0, box, true, &err));
    assert_int_equal(-1, vox_tracker_object(scene.tracker, 1));
    scene.fails_at = -1;
    scene_box(&scene, 4, 1);
    scene.fails_at = 4;
    assert_int_equal(VOX_E_IO, vox_tracker_start(scene.tracker, -1, -1, false, &err));
    scene.fails_at = 5;
    assert_int_equal(VOX_OK, vox_tracker_start(scene.tracker, -1, -1, false, &err));
    assert_int_equal(VOX_OK, vox_tracker_next(scene.tracker, &frame, &err));
    assert_int_equal(4, frame);
    assert_int_equal(VOX_E_IO, vox_tracker_next(scene.tracker, &frame, &err));
    assert_int_equal(4, frame);
    assert_int_equal(VOX_E_NOT_FOUND, vox_tracker_result(scene.tracker, 5, 0, &found, &err));
    scene.fails_at = -1;
    int calls = scene.calls;
    assert_int_equal(VOX_OK, vox_tracker_next(scene.tracker, &frame, &err));
    assert_int_equal(5, frame);
    assert_int_equal(calls + 1, scene.calls);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_prompts_look_at_no_memory),
        cmocka_unit_test(later_clicks_see_the_mask_so_far),
        cmocka_unit_test(a_mask_is_its_own_result),
        cmocka_unit_test(points_replace_a_mask),
        cmocka_unit_test(logits_are_resized_to_the_slice),
        cmocka_unit_test(propagations_visit_slices_in_order),
        cmocka_unit_test(tracked_slices_look_at_their_bank),
        cmocka_unit_test(objects_share_conditioning_slices),
        cmocka_unit_test(corrections_are_ordinary_memories),
        cmocka_unit_test(corrections_look_the_way_the_slice_was_tracked),
        cmocka_unit_test(corrections_of_a_conditioning_slice_do_not_last),
        cmocka_unit_test(corrections_can_condition),
        cmocka_unit_test(reset_forgets_everything),
        cmocka_unit_test(bad_prompts_are_refused),
        cmocka_unit_test(a_failing_source_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
