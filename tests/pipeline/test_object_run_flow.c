/* What a run asks of its trackers, in which order, and what it makes of the answers: every rule of
 * "Passes and combination" in docs/prompts.md, with trackers that only take notes. Corrections and
 * windows: test_corrections_flow.c. */
#include "pipeline/object_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow_scene.h"

#define TEST(name) cmocka_unit_test_teardown(name, flow_nothing_is_left)

/* ---- strict borders ---- */

/* Prompts go to both trackers before either pass, in the window's pixels; the passes begin at the
 * ends of the slab, slices before the first prompt included. */
static void both_passes_begin_at_the_ends_of_the_slab(void **state)
{
    (void)state;
    flow_begin(3, 7, false, VOX_PASSES_INTERSECTION);
    flow_box(5);
    struct vox_object_run *run = flow_open();
    assert_int_equal(10, vox_object_run_total(run));
    vox_object_run_free(run);
    fake_take_log();
    fake_reset();
    run = flow_go();
    flow_expect_log("plan 3-7;A 5 of 48x32;B 5 of 48x32;A2[2,4.5,10,10];B2[2,4.5,10,10];"
                    "A 0>4:0 1 =2 3 4 .B 4<0:4 3 =2 1 0 .");
    flow_expect_visited(run, "3-7 3-7");
    assert_int_equal(3, fake.first);
    assert_int_equal(10, flow_seen.total);
    assert_int_equal(1, fake.n_kept);
    assert_int_equal(2, fake.kept[0]);
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    assert_int_equal(3, outcome.first);
    assert_int_equal(7, outcome.last);
    assert_int_equal(2, outcome.n_passes);
    assert_false(outcome.passes[0].reverse);
    assert_true(outcome.passes[1].reverse);
    assert_false(outcome.combine_union);
    assert_int_equal(48, outcome.window.size[0]);
    assert_true(outcome.passes[1].scores[4] == 5.0F);
    struct vox_object_work work = vox_object_run_work(run);
    assert_int_equal(10, work.tracked);
    assert_int_equal(1, work.encoded);
    assert_int_equal(2, work.cached);
    vox_object_run_free(run);
}

static void single_passes_and_union(void **state)
{
    (void)state;
    static const struct {
        enum vox_passes passes;
        const char *log;
        bool either;
    } cases[] = {
        {VOX_PASSES_FORWARD, "A 0>2:0 =1 2 .", false},
        {VOX_PASSES_BACKWARD, "A 2<0:2 =1 0 .", false},
        {VOX_PASSES_UNION, "A 0>2:0 =1 2 .B 2<0:2 =1 0 .", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        flow_begin(2, 4, false, cases[i].passes);
        flow_box(3);
        struct vox_object_run *run = flow_go();
        const char *log = strchr(strrchr(fake_take_log(), ']'), ';') + 1;
        assert_string_equal(cases[i].log, log);
        assert_int_equal(cases[i].either, vox_object_run_outcome(run).combine_union);
        assert_true(vox_object_run_outcome(run).passes[0].reverse ==
                    (cases[i].passes == VOX_PASSES_BACKWARD));
        vox_object_run_free(run);
    }
}

/* One slice: the way down from it has no slices of its own, yet its result. */
static void a_slab_of_one_slice(void **state)
{
    (void)state;
    flow_begin(6, 6, false, VOX_PASSES_INTERSECTION);
    flow_clicks(6);
    struct vox_object_run *run = flow_go();
    flow_expect_log("plan 6-6;A 1 of 48x32;B 1 of 48x32;A0+22,4;B0+22,4;A 0>0:=0 .B 0<0:.");
    flow_expect_visited(run, "6-6 6-6");
    assert_true(vox_object_run_outcome(run).passes[1].scores[0] == 1.0F);
    vox_object_run_free(run);
}

/* Ascending slices; on one slice first the mask, then box and clicks in one, then each correction
 * of its own. */
static void prompts_in_their_order(void **state)
{
    (void)state;
    flow_begin(2, 6, false, VOX_PASSES_INTERSECTION);
    static uint8_t mask[2 * FLOW_WIDTH * FLOW_HEIGHT];
    memset(mask, 0, sizeof(mask));
    mask[FLOW_WIDTH * FLOW_HEIGHT + 20 * FLOW_WIDTH + 12] = 1; /* slice 3; in the window at 4, 4 */
    mask[FLOW_WIDTH * FLOW_HEIGHT + 47 * FLOW_WIDTH + 55] = 1; /* its last pixel, 47, 31 */
    mask[FLOW_WIDTH * FLOW_HEIGHT + 48 * FLOW_WIDTH + 55] = 1; /* beyond the window */
    mask[FLOW_WIDTH * FLOW_HEIGHT + 20 * FLOW_WIDTH + 7] = 1;
    flow.mask = (struct vox_mask_ask){FLOW_WIDTH, FLOW_HEIGHT, 2, 2, mask};
    struct vox_plan_click two[2] = {flow_click, flow_other};
    flow_box(3);
    flow.prompts[0].masked = true;
    flow.prompts[0].clicks = two;
    flow.prompts[0].n_clicks = 2;
    flow_clicks(5);
    flow_correct(5);
    flow_correct(3);
    flow_correct(4);
    flow_correct(3);
    struct vox_object_run *run = flow_go();
    flow_expect_log("plan 2-6;A 5 of 48x32;B 5 of 48x32;"
                    "A1(mask 2 3551);A1[2,4.5,10,10]+22,4-23.5,5;A1-23.5,5;A1-23.5,5;"
                    "B1(mask 2 3551);B1[2,4.5,10,10]+22,4-23.5,5;B1-23.5,5;B1-23.5,5;"
                    "A3+22,4;A3-23.5,5;B3+22,4;B3-23.5,5;"
                    "A 0>4:0 =1 2 =3 4 .B 4<0:4 =3 2 =1 0 ."
                    "A*2-23.5,5;A 2>4:=2 =3 4 .B*2-23.5,5;B 2<0:=2 =1 0 .");
    assert_int_equal(2, fake.n_kept);
    flow_expect_retracked(run, 0, "5: 2 3 4 5 6");
    flow_expect_retracked(run, 1, "3: 2 3 4 5 6");
    flow_expect_retracked(run, 2, "4: 2 4 6");
    flow_expect_retracked(run, 3, "3: 2 3 4 5 6");
    vox_object_run_free(run);

    flow_begin(2, 6, false, VOX_PASSES_INTERSECTION);
    flow.mask = (struct vox_mask_ask){FLOW_WIDTH, FLOW_HEIGHT, 4, 2, mask};
    flow_prompt(3)->masked = true;
    const struct vox_object_setup setup = {
        .plan = &flow.plan, .image = &flow.image, .mask = &flow.mask};
    assert_int_equal(VOX_E_ARG, vox_object_run_new(&setup, &run, NULL));
}

/* from_key: up from the lowest prompted slice, and anew from the highest one down; with strict
 * borders all of the slab, whatever the scores. */
static void from_key_begins_at_its_prompts(void **state)
{
    (void)state;
    flow_begin(2, 8, false, VOX_PASSES_FROM_KEY);
    flow_clicks(4);
    flow_clicks(6);
    for (int f = 0; f < FLOW_DEPTH; f++) {
        fake.absent[f] = true;
    }
    struct vox_object_run *run = flow_go();
    flow_expect_log("plan 2-8;A 7 of 48x32;B 7 of 48x32;A2+22,4;B2+22,4;A4+22,4;B4+22,4;"
                    "A 2>6:=2 3 =4 5 6 .B 4<0:=4 3 =2 1 0 .");
    flow_expect_visited(run, "4-8 2-6");
    assert_true(vox_object_run_outcome(run).combine_union);
    vox_object_run_free(run);
}

/* ---- free extent ---- */

/* The slab is the whole volume; a pass ends when the object was absent on three slices in a row, or
 * with the volume. */
static void free_passes_end_where_the_object_does(void **state)
{
    (void)state;
    flow_begin(6, 6, true, VOX_PASSES_FROM_KEY);
    flow_box(6);
    fake.absent[8] = fake.absent[9] = true; /* two are not enough */
    fake.absent[11] = fake.absent[12] = fake.absent[13] = true;
    struct vox_object_run *run = flow_open();
    assert_int_equal(8 + 7, vox_object_run_total(run));
    vox_object_run_free(run);
    fake_take_log();
    run = flow_go();
    flow_expect_log("plan 0-13;A 14 of 48x32;B 14 of 48x32;A6[2,4.5,10,10];B6[2,4.5,10,10];"
                    "A 6>13:=6 7 8 9 10 11 12 13 !B 6<0:=6 5 4 3 2 1 0 .");
    flow_expect_visited(run, "6-13 0-6");
    vox_object_run_free(run);

    flow_begin(6, 6, true, VOX_PASSES_FROM_KEY);
    flow_box(6);
    fake.absent[7] = fake.absent[8] = fake.absent[9] = true;
    fake.absent[3] = fake.absent[4] = fake.absent[2] = true;
    run = flow_go();
    const char *log = fake_take_log();
    assert_non_null(strstr(log, "A 6>13:=6 7 8 9 !B 6<0:=6 5 4 3 2 !"));
    flow_expect_visited(run, "6-9 2-6");
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    assert_int_equal(2, outcome.first);
    assert_int_equal(9, outcome.last);
    assert_int_equal(9, flow_seen.slices);
    assert_int_equal(9, flow_seen.total);
    vox_object_run_free(run);
}

/* Neither before the last prompted slice nor with absent prompted slices. */
static void free_passes_reach_all_prompts(void **state)
{
    (void)state;
    flow_begin(3, 9, true, VOX_PASSES_FROM_KEY);
    flow_clicks(3);
    flow_clicks(9);
    for (int f = 0; f < FLOW_DEPTH; f++) {
        fake.absent[f] = true;
    }
    struct vox_object_run *run = flow_go();
    assert_non_null(strstr(fake_take_log(), "A 3>13:=3 4 5 6 7 8 =9 10 11 12 !"
                                            "B 9<0:=9 8 7 6 5 4 =3 2 1 0 !"));
    vox_object_run_free(run);
}

static void free_single_passes(void **state)
{
    (void)state;
    flow_begin(6, 6, true, VOX_PASSES_FORWARD);
    flow_box(6);
    fake.absent[8] = fake.absent[9] = fake.absent[10] = true;
    struct vox_object_run *run = flow_go();
    flow_expect_log("plan 0-13;A 14 of 48x32;A6[2,4.5,10,10];A 6>13:=6 7 8 9 10 !");
    flow_expect_visited(run, "6-10");
    vox_object_run_free(run);

    flow_begin(6, 6, true, VOX_PASSES_BACKWARD);
    flow_box(6);
    fake.absent[8] = fake.absent[9] = fake.absent[10] = true;
    run = flow_go();
    flow_expect_log("plan 0-13;A 14 of 48x32;A6[2,4.5,10,10];A 6<0:=6 5 4 3 2 1 0 .");
    flow_expect_visited(run, "0-6");
    vox_object_run_free(run);
}

/* from_key finds the lowest and the highest slice with a voxel; the passes run inside them. */
static void free_intersection_finds_its_borders_first(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        flow_begin(6, 6, true, way == 0 ? VOX_PASSES_INTERSECTION : VOX_PASSES_UNION);
        flow_box(6);
        for (int f = 0; f < FLOW_DEPTH; f++) {
            fake.absent[f] = f <= 3 || f >= 9;
        }
        struct vox_object_run *run = flow_open();
        assert_int_equal(15 + 28, vox_object_run_total(run));
        vox_object_run_free(run);
        fake_take_log();
        fake_reset();
        for (int f = 0; f < FLOW_DEPTH; f++) {
            fake.absent[f] = f <= 3 || f >= 9;
        }
        run = flow_go();
        flow_expect_log("plan 0-13;A 14 of 48x32;B 14 of 48x32;A6[2,4.5,10,10];B6[2,4.5,10,10];"
                        "A 6>13:=6 7 8 9 10 11 !B 6<0:=6 5 4 3 2 1 !"
                        "C 14 of 48x32;D 14 of 48x32;C6[2,4.5,10,10];D6[2,4.5,10,10];"
                        "C 4>8:4 5 =6 7 8 .D 8<4:8 7 =6 5 4 .");
        flow_expect_visited(run, "4-8 4-8");
        struct vox_object_outcome outcome = vox_object_run_outcome(run);
        assert_int_equal(4, outcome.first);
        assert_int_equal(8, outcome.last);
        assert_int_equal(way == 1, outcome.combine_union);
        vox_object_run_free(run);
    }
}

/* Nothing found at all: the borders hold what is prompted. */
static void free_intersection_of_nothing(void **state)
{
    (void)state;
    flow_begin(5, 7, true, VOX_PASSES_INTERSECTION);
    flow_clicks(5);
    flow_clicks(7);
    for (int f = 0; f < FLOW_DEPTH; f++) {
        fake.absent[f] = true;
    }
    struct vox_object_run *run = flow_go();
    assert_non_null(strstr(fake_take_log(), "C 5>7:=5 6 =7 .D 7<5:=7 6 =5 ."));
    flow_expect_visited(run, "5-7 5-7");
    vox_object_run_free(run);
}

/* A voxel outside of the cut is none, nor is one that the window does not show. */
static void borders_are_those_of_voxels(void **state)
{
    (void)state;
    flow_begin(4, 8, true, VOX_PASSES_INTERSECTION);
    flow_clicks(6);
    flow.cuts[0] = (struct vox_plan_cut){true, {0, 0}, {12, 12}}; /* slice 4: not in the window */
    flow.cuts[4] = (struct vox_plan_cut){true, {0, 0}, {12, 16}}; /* slice 8 */
    for (int f = 0; f < FLOW_DEPTH; f++) {
        fake.absent[f] = f <= 3 || f >= 9;
    }
    struct vox_object_run *run = flow_go();
    flow_expect_visited(run, "5-8 5-8");
    vox_object_run_free(run);

    flow_begin(6, 6, true, VOX_PASSES_INTERSECTION);
    flow_clicks(6);
    fake.radius = 3.0; /* around a place that the window does not show */
    run = flow_go();
    flow_expect_visited(run, "6-6 6-6");
    vox_object_run_free(run);
}

/* ---- logits ---- */

static void logits_of_slices(void **state)
{
    (void)state;
    flow_begin(4, 4, true, VOX_PASSES_FROM_KEY);
    flow_box(4);
    fake.absent[6] = fake.absent[7] = fake.absent[8] = true;
    struct vox_object_run *run = flow_go();
    static float logits[48 * 32];
    assert_int_equal(VOX_OK, vox_object_run_logits(run, 0, 5, logits, NULL));
    assert_true(logits[48 * 32 - 1] == 6.0F);
    assert_false(vox_object_run_blank(run, 0, 5));
    assert_int_equal(VOX_OK, vox_object_run_logits(run, 1, 5, logits, NULL));
    assert_true(logits[0] == -1024.0F && logits[48 * 32 - 1] == -1024.0F);
    assert_true(vox_object_run_blank(run, 1, 5));
    assert_true(vox_object_run_blank(run, 0, 7)); /* absent */
    assert_true(vox_object_run_blank(run, 0, 10));
    vox_object_run_free(run);
}

/* ---- plans ---- */

static void plans_of_other_images_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        flow_begin(3, 7, false, VOX_PASSES_INTERSECTION);
        flow_box(5);
        if (i == 0) {
            flow.plan.last = FLOW_DEPTH;
        } else if (i == 1) {
            flow.plan.n_prompts = 0;
        } else if (i == 2) {
            flow.prompts[0].k = 8;
        } else {
            flow_clicks(5);
        }
        const struct vox_object_setup setup = {.plan = &flow.plan, .image = &flow.image};
        struct vox_object_run *run = NULL;
        assert_int_equal(VOX_E_ARG, vox_object_run_new(&setup, &run, NULL));
        assert_null(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_passes_begin_at_the_ends_of_the_slab),
        TEST(single_passes_and_union),
        TEST(a_slab_of_one_slice),
        TEST(prompts_in_their_order),
        TEST(from_key_begins_at_its_prompts),
        TEST(free_passes_end_where_the_object_does),
        TEST(free_passes_reach_all_prompts),
        TEST(free_single_passes),
        TEST(free_intersection_finds_its_borders_first),
        TEST(free_intersection_of_nothing),
        TEST(borders_are_those_of_voxels),
        TEST(logits_of_slices),
        TEST(plans_of_other_images_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
