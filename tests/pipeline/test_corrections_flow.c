/* What corrections, growing windows, cancelling and errors ask of the trackers, which only take
 * notes. */
#include "pipeline/object_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow_scene.h"

#define TEST(name) cmocka_unit_test_teardown(name, flow_nothing_is_left)

/* ---- corrections ---- */

/* In each pass for itself: clicks on top of what is there, then the slices after it; corrected
 * slices before and after stay as they are. */
static void corrections_track_what_comes_after(void **state)
{
    (void)state;
    flow_begin(2, 8, false, VOX_PASSES_INTERSECTION);
    flow_box(4);
    flow_correct(6);
    flow_correct(3);
    struct vox_object_run *run = flow_open();
    /* 14, then 3 + 5, then 6 + 2 */
    assert_int_equal(30, vox_object_run_total(run));
    vox_object_run_free(run);
    fake_take_log();
    fake_reset();
    run = flow_go();
    flow_expect_log("plan 2-8;A 7 of 48x32;B 7 of 48x32;A2[2,4.5,10,10];B2[2,4.5,10,10];"
                    "A 0>6:0 1 =2 3 4 5 6 .B 6<0:6 5 4 3 =2 1 0 ."
                    "A*4-23.5,5;A 4>6:=4 5 6 .B*4-23.5,5;B 4<0:=4 3 =2 1 0 ."
                    "A*1-23.5,5;A 1>6:=1 =2 3 =4 5 6 .B*1-23.5,5;B 1<0:=1 0 .");
    flow_expect_retracked(run, 0, "6: 2 3 5 6 7 8");
    flow_expect_retracked(run, 1, "3: 2 3 5 7 8");
    assert_int_equal(30, flow_seen.slices);

    /* Continued: the same trackers, this click alone. */
    flow_continue(run, 7);
    flow_expect_log("plan 2-8;A*5-23.5,5;A 5>6:=5 6 .B*5-23.5,5;B 5<0:=5 =4 3 =2 =1 0 .");
    flow_expect_retracked(run, 2, "7: 2 5 7 8");
    flow_expect_retracked(run, 0, "6: 2 3 5 6 7 8");
    vox_object_run_free(run);
}

/* A prompt on the slab's lowest slice is never tracked. */
static void corrections_before_a_prompt_at_the_end(void **state)
{
    (void)state;
    flow_begin(2, 4, false, VOX_PASSES_BACKWARD);
    flow_box(2);
    flow_correct(3);
    struct vox_object_run *run = flow_go();
    flow_expect_retracked(run, 0, "3: 3");
    vox_object_run_free(run);
}

/* A correction of the slab's lowest slice: the way down has nothing after it. */
static void correction_of_the_first_frame(void **state)
{
    (void)state;
    flow_begin(2, 4, false, VOX_PASSES_INTERSECTION);
    flow_box(3);
    flow_correct(2);
    struct vox_object_run *run = flow_go();
    assert_non_null(strstr(fake_take_log(), "A*0-23.5,5;A 0>2:=0 =1 2 .B*0-23.5,5;B 0<0:."));
    flow_expect_retracked(run, 0, "2: 2 4");
    vox_object_run_free(run);
}

/* A correction of a conditioning slice is a further step of its prompt: all begins anew, and the
 * others follow in their order. */
static void correction_of_a_prompt_begins_anew(void **state)
{
    (void)state;
    flow_begin(2, 5, false, VOX_PASSES_INTERSECTION);
    flow_box(3);
    flow_correct(4);
    struct vox_object_run *run = flow_go();
    fake_take_log();
    flow_continue(run, 3);
    flow_expect_log("plan 2-5;C 4 of 48x32;D 4 of 48x32;C1[2,4.5,10,10];C1-23.5,5;D1[2,4.5,10,10];"
                    "D1-23.5,5;C 0>3:0 =1 2 3 .D 3<0:3 2 =1 0 ."
                    "C*2-23.5,5;C 2>3:=2 3 .D*2-23.5,5;D 2<0:=2 =1 0 .");
    flow_expect_retracked(run, 0, "4: 2 4 5");
    flow_expect_retracked(run, 1, "3: 2 3 4 5");

    /* The next one goes on from there. */
    flow_continue(run, 5);
    flow_expect_log("plan 2-5;C*3-23.5,5;C 3>3:=3 .D*3-23.5,5;D 3<0:=3 =2 =1 0 .");
    vox_object_run_free(run);
}

/* A run that has settled has all results and no trackers; corrections begin anew, then go on. */
static void settled_runs_begin_anew(void **state)
{
    (void)state;
    static float before[48 * 32], after[48 * 32];
    flow_begin(2, 2, true, VOX_PASSES_INTERSECTION);
    flow_box(2);
    fake.absent[5] = true;
    flow_correct(4);
    struct vox_object_run *run = flow_go();
    fake_take_log();
    flow_expect_visited(run, "0-13 0-13");
    assert_int_equal(VOX_OK, vox_object_run_logits(run, 1, 7, before, NULL));
    uint64_t bytes = vox_object_run_bytes(run);
    assert_int_equal(4, fake.trackers_open);
    vox_object_run_settle(run);
    assert_int_equal(0, fake.trackers_open);
    assert_true(vox_object_run_bytes(run) < bytes);
    flow_expect_visited(run, "0-13 0-13");
    assert_int_equal(VOX_OK, vox_object_run_logits(run, 1, 7, after, NULL));
    assert_memory_equal(before, after, sizeof(before));
    assert_false(vox_object_run_blank(run, 0, 4));
    assert_true(vox_object_run_blank(run, 0, 5));
    flow_continue(run, 6);
    assert_non_null(strstr(fake_take_log(), "E2[2,4.5,10,10];F2[2,4.5,10,10];"));
    flow_expect_retracked(run, 0, "4: 0 1 3 4 5 6 7 8 9 10 11 12 13");
    flow_continue(run, 7);
    flow_expect_log("plan 0-13;E*7-23.5,5;E 7>13:=7 8 9 10 11 12 13 .G*7-23.5,5;"
                    "G 7>13:=7 8 9 10 11 12 13 .H*7-23.5,5;H 7<0:=7 =6 5 =4 3 =2 1 0 .");
    vox_object_run_free(run);
}

/* A pass that was not on the slice skips the correction; clicks are none too. */
static void corrections_where_a_pass_was_not(void **state)
{
    (void)state;
    flow_begin(6, 6, true, VOX_PASSES_FROM_KEY);
    flow_box(6);
    fake.absent[9] = fake.absent[10] = fake.absent[11] = true;
    flow_correct(8);
    flow_correct(12);
    flow_correct(4);
    struct vox_object_run *run = flow_go();
    flow_expect_log("plan 0-13;A 14 of 48x32;B 14 of 48x32;A6[2,4.5,10,10];B6[2,4.5,10,10];"
                    "A 6>13:=6 7 8 9 10 11 !B 6<0:=6 5 4 3 2 1 0 ."
                    "A*8-23.5,5;A 8>13:=8 9 10 11 !B*4-23.5,5;B 4<0:=4 3 2 1 0 .");
    flow_expect_retracked(run, 1, "12:");
    const struct vox_plan_correction nothing[2] = {{.k = 7},
                                                   {.k = -3, .clicks = &flow_click, .n_clicks = 1}};
    assert_int_equal(VOX_OK, vox_object_run_correct(run, nothing, 2, NULL, NULL));
    flow_expect_log("plan 0-13;");
    flow_expect_retracked(run, 3, "7:");
    vox_object_run_free(run);
}

/* Clicks that end the object: what was tracked beyond the new end is forgotten; a corrected slice
 * is reached whatever lies before it, and absent slices count anew behind it. */
static void corrections_move_the_end(void **state)
{
    (void)state;
    flow_begin(2, 2, true, VOX_PASSES_FORWARD);
    flow_box(2);
    struct vox_object_run *run = flow_go();
    flow_expect_visited(run, "2-13");
    fake.ends_after[4] = true;
    fake_take_log();
    flow_continue(run, 4);
    flow_expect_log("plan 0-13;A*4-23.5,5;A 4>13:=4 5 6 7 !");
    flow_expect_visited(run, "2-7");
    assert_true(vox_object_run_outcome(run).passes[0].scores[2] == 0.0F);
    assert_int_equal(7, vox_object_run_outcome(run).last);
    flow_continue(run, 9); /* it is not there any more */
    flow_expect_log("plan 0-13;");
    flow_continue(run, 6);
    flow_expect_log("plan 0-13;A*6-23.5,5;A 6>13:=6 7 8 9 !");
    flow_expect_visited(run, "2-9");
    flow_continue(run, 3);
    flow_expect_log("plan 0-13;A*3-23.5,5;A 3>13:=3 =4 5 =6 7 8 9 !");
    vox_object_run_free(run);
}

/* Both stages get them; where the borders stay, the second one goes on, else it begins anew. */
static void corrections_of_a_free_intersection(void **state)
{
    (void)state;
    flow_begin(6, 6, true, VOX_PASSES_INTERSECTION);
    flow_box(6);
    for (int f = 0; f < FLOW_DEPTH; f++) {
        fake.absent[f] = f <= 3 || f >= 9;
    }
    struct vox_object_run *run = flow_go();
    fake_take_log();
    flow_continue(run, 7);
    flow_expect_log("plan 0-13;A*7-23.5,5;A 7>13:=7 8 9 10 11 !C*7-23.5,5;C 7>8:=7 8 .D*7-23.5,5;"
                    "D 7<4:=7 =6 5 4 .");
    flow_expect_visited(run, "4-8 4-8");
    flow_expect_retracked(run, 0, "7: 4 5 7 8 9 10 11");

    fake.ends_after[5] = true; /* downwards from 5 nothing is left */
    fake.absent[8] = true;
    flow_continue(run, 5);
    flow_expect_log("plan 0-13;B*5-23.5,5;B 5<0:=5 4 3 2 !"
                    "E 14 of 48x32;F 14 of 48x32;E6[2,4.5,10,10];F6[2,4.5,10,10];"
                    "E 6>8:=6 7 8 .F 8<6:8 7 =6 ."
                    "E*7-23.5,5;E 7>8:=7 8 .F*7-23.5,5;F 7<6:=7 =6 .");
    flow_expect_visited(run, "6-8 6-8");
    flow_expect_retracked(run, 1, "5: 2 3 4 5");
    flow_expect_retracked(run, 0, "7: 7 8 9 10 11"); /* of the second stage as it is now */
    vox_object_run_free(run);
}

/* ---- growing windows ---- */

static void begin_growing(enum vox_passes passes)
{
    flow_begin(6, 6, true, passes);
    flow.plan.grows = true;
    flow.plan.window =
        vox_zoom_around(flow.plan.centre, flow.plan.length, flow.image.spacing, flow.image.size);
    flow_clicks(6);
    for (int f = 0; f < FLOW_DEPTH; f++) {
        fake.absent[f] = f < 6 || f > 7;
    }
    fake.centre[0] = fake.centre[1] = 30.0;
}

/* While the object lies on the rim the window is doubled, three times at most. */
static void windows_grow(void **state)
{
    (void)state;
    static const struct {
        double radius;
        int restarts;
        int64_t origin[2], size[2];
    } cases[] = {
        {10.0, 0, {16, 16}, {32, 32}}, /* 16 ... 47 around 30 */
        {14.5, 1, {0, 0}, {64, 64}},
        {35.0, 2, {-14, -24}, {128, 128}},
        {0.0, 2, {-14, -24}, {128, 128}}, /* the whole slice is in it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_growing(VOX_PASSES_FROM_KEY);
        fake.radius = cases[i].radius;
        struct vox_object_run *run = flow_go();
        struct vox_object_outcome outcome = vox_object_run_outcome(run);
        assert_int_equal(cases[i].restarts, outcome.restarts);
        assert_int_equal(cases[i].restarts, flow_seen.restarts);
        for (int a = 0; a < 2; a++) {
            assert_int_equal(cases[i].origin[a], outcome.window.origin[a]);
            assert_int_equal(cases[i].size[a], outcome.window.size[a]);
            assert_int_equal(cases[i].size[a], fake.window.size[a]);
        }
        vox_object_run_free(run);
    }

    begin_growing(VOX_PASSES_FROM_KEY);
    flow.plan.length = 4.0;
    flow.plan.window = vox_zoom_around(flow.plan.centre, 4.0, flow.image.spacing, flow.image.size);
    struct vox_object_run *run = flow_go();
    assert_int_equal(3, vox_object_run_outcome(run).restarts); /* 4, 8, 16 and 32 mm */
    assert_int_equal(32, vox_object_run_outcome(run).window.size[0]);
    vox_object_run_free(run);
}

/* Of an intersection agreed voxels count, not those of one pass. */
static void windows_grow_for_what_is_agreed(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        flow_begin(6, 7, false, way == 0 ? VOX_PASSES_INTERSECTION : VOX_PASSES_UNION);
        flow.plan.grows = true;
        flow.plan.length = 32.0;
        flow.plan.window =
            vox_zoom_around(flow.plan.centre, 32.0, flow.image.spacing, flow.image.size);
        flow_clicks(6);
        fake.absent[0] = true;
        fake.reverse_only[1] = true;
        struct vox_object_run *run = flow_go();
        assert_int_equal(way == 0 ? 0 : 2, vox_object_run_outcome(run).restarts);
        vox_object_run_free(run);
    }
}

/* Corrections keep the window, in a fresh run as in one that goes on. */
static void corrections_keep_the_window(void **state)
{
    (void)state;
    begin_growing(VOX_PASSES_FORWARD);
    fake.radius = 10.0;
    struct vox_object_run *run = flow_go();
    fake_take_log();
    fake.radius = 0.0;
    flow_continue(run, 7);
    flow_expect_log("plan 0-13;A*7-15.5,5;A 7>13:=7 8 9 10 !");
    assert_int_equal(0, vox_object_run_outcome(run).restarts);
    vox_object_run_free(run);

    /* The window is found without them, then those of prompts begin anew in it. */
    begin_growing(VOX_PASSES_FORWARD);
    fake.radius = 14.5;
    flow_correct(7);
    flow_correct(6);
    run = flow_go();
    flow_expect_log("plan 0-13;A 14 of 32x32;A6+14,4;A 6>13:=6 7 8 9 10 !"
                    "B 14 of 64x64;B6+30,20;B 6>13:=6 7 8 9 10 !"
                    "C 14 of 64x64;C6+30,20;C6-31.5,21;C 6>13:=6 7 8 9 10 !"
                    "C*7-31.5,21;C 7>13:=7 8 9 10 !");
    vox_object_run_free(run);

    /* A mask was cut to the window, so that one stays. */
    begin_growing(VOX_PASSES_FORWARD);
    static uint8_t mask[FLOW_WIDTH * FLOW_HEIGHT];
    flow.mask = (struct vox_mask_ask){FLOW_WIDTH, FLOW_HEIGHT, 6, 1, mask};
    flow.prompts[0].masked = true;
    run = flow_go();
    assert_int_equal(0, vox_object_run_outcome(run).restarts);
    vox_object_run_free(run);
}

/* ---- cancelling and errors ---- */

/* The scene of both: two stages, growth, corrections of both kinds. */
static void begin_much(void)
{
    begin_growing(VOX_PASSES_INTERSECTION);
    fake.radius = 14.5;
    flow_correct(7);
    flow_correct(6);
    flow_correct(7);
}

static void a_raised_flag_ends_the_run_within_a_slice(void **state)
{
    (void)state;
    int at = 1;
    for (;; at++) {
        begin_much();
        fake.cancel_at = at;
        struct vox_object_run *run = flow_open();
        struct vox_err err = {0};
        enum vox_code code = vox_object_run_go(run, &flow_watch, &err);
        assert_int_equal(0, fake.calls_after_cancel);
        if (fake.calls < at) {
            assert_int_equal(VOX_OK, code);
            vox_object_run_free(run);
            break;
        }
        assert_int_equal(fake.calls, at);
        assert_true(code == VOX_E_CANCELLED || code == VOX_OK);
        if (code == VOX_E_CANCELLED) {
            assert_int_equal(VOX_E_ARG, vox_object_run_go(run, NULL, NULL));
        }
        assert_int_equal(0, fake.features_open);
        vox_object_run_free(run);
    }
    assert_true(at > 40);
    atomic_store(&fake.cancel, 1);
    begin_much();
    atomic_store(&fake.cancel, 1);
    struct vox_object_run *run = flow_open();
    assert_int_equal(VOX_E_CANCELLED, vox_object_run_go(run, &flow_watch, NULL));
    assert_int_equal(0, fake.calls);
    vox_object_run_free(run);
}

static void errors_end_the_run(void **state)
{
    (void)state;
    for (int at = 1;; at++) {
        begin_much();
        fake.fail_at = at;
        struct vox_object_run *run = flow_open();
        struct vox_err err = {0};
        enum vox_code code = vox_object_run_go(run, &flow_watch, &err);
        assert_int_equal(fake.calls < at ? VOX_OK : VOX_E_BACKEND, code);
        if (code != VOX_OK) {
            assert_string_equal("broken", err.msg);
            assert_int_equal(fake.calls, at);
            const struct vox_plan_correction more = flow_correction(7);
            assert_int_equal(VOX_E_ARG, vox_object_run_correct(run, &more, 1, NULL, NULL));
        }
        assert_int_equal(0, fake.features_open);
        vox_object_run_free(run);
        if (code == VOX_OK) {
            break;
        }
    }
    vox_object_run_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(corrections_track_what_comes_after),
        TEST(corrections_before_a_prompt_at_the_end),
        TEST(correction_of_the_first_frame),
        TEST(correction_of_a_prompt_begins_anew),
        TEST(settled_runs_begin_anew),
        TEST(corrections_where_a_pass_was_not),
        TEST(corrections_move_the_end),
        TEST(corrections_of_a_free_intersection),
        TEST(windows_grow),
        TEST(windows_grow_for_what_is_agreed),
        TEST(corrections_keep_the_window),
        TEST(a_raised_flag_ends_the_run_within_a_slice),
        TEST(errors_end_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
