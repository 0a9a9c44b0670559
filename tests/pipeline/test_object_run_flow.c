/* What a run asks of its trackers, in which order, and what it makes of the answers: every rule of
 * "Passes and combination" in docs/prompts.md, with trackers that only take notes. */
#include "pipeline/object_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_tracker.h"
#include "util/memory.h"

enum { WIDTH = 100, HEIGHT = 80, DEPTH = 14, MOST_PROMPTS = 4, MOST_CORRECTIONS = 8 };

static struct vox_plan_click click = {30.0, 20.0, true};
static struct vox_plan_click other = {31.5, 21.0, false};

/* A plan that is put together by hand. */
static struct {
    struct vox_plan_image image;
    struct vox_plan_object plan;
    struct vox_plan_prompt prompts[MOST_PROMPTS];
    struct vox_plan_correction corrections[MOST_CORRECTIONS];
    struct vox_plan_cut cuts[DEPTH];
    struct vox_mask_ask mask;
} make;

static struct {
    int64_t slices, restarts, done, total;
    bool fell; /* done fell without a restart, or passed the total */
} seen;

static void watch_event(void *context, const struct vox_event *event)
{
    assert_ptr_equal(&make, context);
    assert_true(event->seconds >= 0.0);
    assert_string_equal("track", event->step);
    if (event->kind == VOX_EVENT_RESTART) {
        seen.restarts++;
        assert_int_equal(0, event->done);
    } else {
        seen.slices++;
        seen.fell = seen.fell || event->done != seen.done + 1 || event->done > event->total;
    }
    seen.done = event->done;
    seen.total = event->total;
}

static const struct vox_watch watcher = {watch_event, &make, &fake.cancel};

/* Borders first ... last, or free; no prompt yet. */
static void begin(int64_t first, int64_t last, bool open, enum vox_passes passes)
{
    fake_reset();
    memset(&make, 0, sizeof(make));
    memset(&seen, 0, sizeof(seen));
    make.image = (struct vox_plan_image){{WIDTH, HEIGHT, DEPTH}, {1.0, 1.0, 3.0}};
    make.plan = (struct vox_plan_object){
        .prompts = make.prompts,
        .corrections = make.corrections,
        .first = first,
        .last = last,
        .free = open,
        .passes = passes,
        .clip = VOX_CLIP_OFF,
        .cuts = make.cuts,
        .window = {.origin = {8, 16}, .size = {48, 32}},
        .length = 32.0,
        .centre = {30.0, 30.0},
    };
}

static struct vox_plan_prompt *prompt(int64_t k)
{
    struct vox_plan_prompt *added = &make.prompts[make.plan.n_prompts++];
    *added = (struct vox_plan_prompt){.k = k};
    return added;
}

static void box_on(int64_t k)
{
    struct vox_plan_prompt *added = prompt(k);
    added->boxed = true;
    added->box = (struct vox_rect){10.0, 20.5, 18.0, 26.0};
}

static void clicks_on(int64_t k)
{
    struct vox_plan_prompt *added = prompt(k);
    added->clicks = &click;
    added->n_clicks = 1;
}

static struct vox_plan_correction correction(int64_t k)
{
    return (struct vox_plan_correction){.k = k, .clicks = &other, .n_clicks = 1};
}

static void correct(int64_t k)
{
    make.corrections[make.plan.n_corrections++] = correction(k);
}

static struct vox_object_run *open_run(void)
{
    const struct vox_object_setup setup = {
        .plan = &make.plan, .image = &make.image, .mask = &make.mask};
    struct vox_object_run *run = NULL;
    struct vox_err err = {0};
    if (vox_object_run_new(&setup, &run, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return run;
}

static void expect_progress(void)
{
    assert_false(seen.fell);
    assert_int_equal(seen.total, seen.done);
}

static struct vox_object_run *go(void)
{
    struct vox_object_run *run = open_run();
    struct vox_err err = {0};
    if (vox_object_run_go(run, &watcher, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    expect_progress();
    assert_int_equal(0, fake.features_open);
    return run;
}

static void continue_with(struct vox_object_run *run, int64_t k)
{
    const struct vox_plan_correction added = correction(k);
    struct vox_err err = {0};
    seen.done = seen.total = 0;
    if (vox_object_run_correct(run, &added, 1, &watcher, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    expect_progress();
    assert_int_equal(0, fake.features_open);
}

static void expect_log(const char *wanted)
{
    assert_string_equal(wanted, fake_take_log());
}

/* The slices that were visited, by pass: "2-6 3-5". */
static void expect_visited(const struct vox_object_run *run, const char *wanted)
{
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    char got[200] = "";
    for (int p = 0; p < outcome.n_passes; p++) {
        const struct vox_pass *pass = &outcome.passes[p];
        int64_t first = -1, last = -1;
        for (int64_t i = 0; i < pass->n; i++) {
            int64_t k = pass->first + i;
            assert_int_equal(pass->visited[i], !isnan(pass->scores[i]));
            if (pass->visited[i]) {
                assert_true(first < 0 || last == k - 1); /* no gaps */
                first = first < 0 ? k : first;
                last = k;
            }
        }
        size_t used = strlen(got);
        snprintf(got + used, sizeof(got) - used, "%s%d-%d", p > 0 ? " " : "", (int)first,
                 (int)last);
    }
    assert_string_equal(wanted, got);
}

static void expect_retracked(const struct vox_object_run *run, int64_t index, const char *wanted)
{
    int64_t n;
    const struct vox_retracked *retracked = vox_object_run_retracked(run, &n);
    assert_true(index < n);
    char got[200] = "";
    snprintf(got, sizeof(got), "%d:", (int)retracked[index].k);
    for (int64_t i = 0; i < retracked[index].n; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof(got) - used, " %d", (int)retracked[index].slices[i]);
    }
    assert_string_equal(wanted, got);
}

/* ---- strict borders ---- */

/* Prompts go to both trackers before either pass, in the window's pixels; the passes begin at the
 * ends of the slab, slices before the first prompt included. */
static void both_passes_begin_at_the_ends_of_the_slab(void **state)
{
    (void)state;
    begin(3, 7, false, VOX_PASSES_INTERSECTION);
    box_on(5);
    struct vox_object_run *run = open_run();
    assert_int_equal(10, vox_object_run_total(run));
    vox_object_run_free(run);
    fake_take_log();
    fake_reset();
    run = go();
    expect_log("plan 3-7;A 5 of 48x32;B 5 of 48x32;A2[2,4.5,10,10];B2[2,4.5,10,10];"
               "A 0>4:0 1 =2 3 4 .B 4<0:4 3 =2 1 0 .");
    expect_visited(run, "3-7 3-7");
    assert_int_equal(3, fake.first);
    assert_int_equal(10, seen.total);
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
        begin(2, 4, false, cases[i].passes);
        box_on(3);
        struct vox_object_run *run = go();
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
    begin(6, 6, false, VOX_PASSES_INTERSECTION);
    clicks_on(6);
    struct vox_object_run *run = go();
    expect_log("plan 6-6;A 1 of 48x32;B 1 of 48x32;A0+22,4;B0+22,4;A 0>0:=0 .B 0<0:.");
    expect_visited(run, "6-6 6-6");
    assert_true(vox_object_run_outcome(run).passes[1].scores[0] == 1.0F);
    vox_object_run_free(run);
}

/* Ascending slices; on one slice first the mask, then box and clicks in one, then each correction
 * of its own. */
static void prompts_in_their_order(void **state)
{
    (void)state;
    begin(2, 6, false, VOX_PASSES_INTERSECTION);
    static uint8_t mask[2 * WIDTH * HEIGHT];
    memset(mask, 0, sizeof(mask));
    mask[WIDTH * HEIGHT + 20 * WIDTH + 12] = 1; /* slice 3; in the window at 4, 4 */
    mask[WIDTH * HEIGHT + 47 * WIDTH + 55] = 1; /* its last pixel, 47, 31 */
    mask[WIDTH * HEIGHT + 48 * WIDTH + 55] = 1; /* beyond the window */
    mask[WIDTH * HEIGHT + 20 * WIDTH + 7] = 1;
    make.mask = (struct vox_mask_ask){WIDTH, HEIGHT, 2, 2, mask};
    struct vox_plan_click two[2] = {click, other};
    box_on(3);
    make.prompts[0].masked = true;
    make.prompts[0].clicks = two;
    make.prompts[0].n_clicks = 2;
    clicks_on(5);
    correct(5);
    correct(3);
    correct(4);
    correct(3);
    struct vox_object_run *run = go();
    expect_log("plan 2-6;A 5 of 48x32;B 5 of 48x32;"
               "A1(mask 2 3551);A1[2,4.5,10,10]+22,4-23.5,5;A1-23.5,5;A1-23.5,5;"
               "B1(mask 2 3551);B1[2,4.5,10,10]+22,4-23.5,5;B1-23.5,5;B1-23.5,5;"
               "A3+22,4;A3-23.5,5;B3+22,4;B3-23.5,5;"
               "A 0>4:0 =1 2 =3 4 .B 4<0:4 =3 2 =1 0 ."
               "A*2-23.5,5;A 2>4:=2 =3 4 .B*2-23.5,5;B 2<0:=2 =1 0 .");
    assert_int_equal(2, fake.n_kept);
    expect_retracked(run, 0, "5: 2 3 4 5 6");
    expect_retracked(run, 1, "3: 2 3 4 5 6");
    expect_retracked(run, 2, "4: 2 4 6");
    expect_retracked(run, 3, "3: 2 3 4 5 6");
    vox_object_run_free(run);

    begin(2, 6, false, VOX_PASSES_INTERSECTION);
    make.mask = (struct vox_mask_ask){WIDTH, HEIGHT, 4, 2, mask};
    prompt(3)->masked = true;
    const struct vox_object_setup setup = {
        .plan = &make.plan, .image = &make.image, .mask = &make.mask};
    assert_int_equal(VOX_E_ARG, vox_object_run_new(&setup, &run, NULL));
}

/* from_key: up from the lowest prompted slice, and anew from the highest one down; with strict
 * borders all of the slab, whatever the scores. */
static void from_key_begins_at_its_prompts(void **state)
{
    (void)state;
    begin(2, 8, false, VOX_PASSES_FROM_KEY);
    clicks_on(4);
    clicks_on(6);
    for (int f = 0; f < DEPTH; f++) {
        fake.absent[f] = true;
    }
    struct vox_object_run *run = go();
    expect_log("plan 2-8;A 7 of 48x32;B 7 of 48x32;A2+22,4;B2+22,4;A4+22,4;B4+22,4;"
               "A 2>6:=2 3 =4 5 6 .B 4<0:=4 3 =2 1 0 .");
    expect_visited(run, "4-8 2-6");
    assert_true(vox_object_run_outcome(run).combine_union);
    vox_object_run_free(run);
}

/* ---- free extent ---- */

/* The slab is the whole volume; a pass ends when the object was absent on three slices in a row, or
 * with the volume. */
static void free_passes_end_where_the_object_does(void **state)
{
    (void)state;
    begin(6, 6, true, VOX_PASSES_FROM_KEY);
    box_on(6);
    fake.absent[8] = fake.absent[9] = true; /* two are not enough */
    fake.absent[11] = fake.absent[12] = fake.absent[13] = true;
    struct vox_object_run *run = open_run();
    assert_int_equal(8 + 7, vox_object_run_total(run));
    vox_object_run_free(run);
    fake_take_log();
    run = go();
    expect_log("plan 0-13;A 14 of 48x32;B 14 of 48x32;A6[2,4.5,10,10];B6[2,4.5,10,10];"
               "A 6>13:=6 7 8 9 10 11 12 13 !B 6<0:=6 5 4 3 2 1 0 .");
    expect_visited(run, "6-13 0-6");
    vox_object_run_free(run);

    begin(6, 6, true, VOX_PASSES_FROM_KEY);
    box_on(6);
    fake.absent[7] = fake.absent[8] = fake.absent[9] = true;
    fake.absent[3] = fake.absent[4] = fake.absent[2] = true;
    run = go();
    const char *log = fake_take_log();
    assert_non_null(strstr(log, "A 6>13:=6 7 8 9 !B 6<0:=6 5 4 3 2 !"));
    expect_visited(run, "6-9 2-6");
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    assert_int_equal(2, outcome.first);
    assert_int_equal(9, outcome.last);
    assert_int_equal(9, seen.slices);
    assert_int_equal(9, seen.total);
    vox_object_run_free(run);
}

/* Neither before the last prompted slice nor with absent prompted slices. */
static void free_passes_reach_all_prompts(void **state)
{
    (void)state;
    begin(3, 9, true, VOX_PASSES_FROM_KEY);
    clicks_on(3);
    clicks_on(9);
    for (int f = 0; f < DEPTH; f++) {
        fake.absent[f] = true;
    }
    struct vox_object_run *run = go();
    assert_non_null(strstr(fake_take_log(), "A 3>13:=3 4 5 6 7 8 =9 10 11 12 !"
                                            "B 9<0:=9 8 7 6 5 4 =3 2 1 0 !"));
    vox_object_run_free(run);
}

static void free_single_passes(void **state)
{
    (void)state;
    begin(6, 6, true, VOX_PASSES_FORWARD);
    box_on(6);
    fake.absent[8] = fake.absent[9] = fake.absent[10] = true;
    struct vox_object_run *run = go();
    expect_log("plan 0-13;A 14 of 48x32;A6[2,4.5,10,10];A 6>13:=6 7 8 9 10 !");
    expect_visited(run, "6-10");
    vox_object_run_free(run);

    begin(6, 6, true, VOX_PASSES_BACKWARD);
    box_on(6);
    fake.absent[8] = fake.absent[9] = fake.absent[10] = true;
    run = go();
    expect_log("plan 0-13;A 14 of 48x32;A6[2,4.5,10,10];A 6<0:=6 5 4 3 2 1 0 .");
    expect_visited(run, "0-6");
    vox_object_run_free(run);
}

/* from_key finds the lowest and the highest slice with a voxel; the passes run inside them. */
static void free_intersection_finds_its_borders_first(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        begin(6, 6, true, way == 0 ? VOX_PASSES_INTERSECTION : VOX_PASSES_UNION);
        box_on(6);
        for (int f = 0; f < DEPTH; f++) {
            fake.absent[f] = f <= 3 || f >= 9;
        }
        struct vox_object_run *run = open_run();
        assert_int_equal(15 + 28, vox_object_run_total(run));
        vox_object_run_free(run);
        fake_take_log();
        fake_reset();
        for (int f = 0; f < DEPTH; f++) {
            fake.absent[f] = f <= 3 || f >= 9;
        }
        run = go();
        expect_log("plan 0-13;A 14 of 48x32;B 14 of 48x32;A6[2,4.5,10,10];B6[2,4.5,10,10];"
                   "A 6>13:=6 7 8 9 10 11 !B 6<0:=6 5 4 3 2 1 !"
                   "C 14 of 48x32;D 14 of 48x32;C6[2,4.5,10,10];D6[2,4.5,10,10];"
                   "C 4>8:4 5 =6 7 8 .D 8<4:8 7 =6 5 4 .");
        expect_visited(run, "4-8 4-8");
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
    begin(5, 7, true, VOX_PASSES_INTERSECTION);
    clicks_on(5);
    clicks_on(7);
    for (int f = 0; f < DEPTH; f++) {
        fake.absent[f] = true;
    }
    struct vox_object_run *run = go();
    assert_non_null(strstr(fake_take_log(), "C 5>7:=5 6 =7 .D 7<5:=7 6 =5 ."));
    expect_visited(run, "5-7 5-7");
    vox_object_run_free(run);
}

/* A voxel outside of the cut is none; a low-resolution hit that no voxel shows is none either. */
static void borders_are_those_of_voxels(void **state)
{
    (void)state;
    begin(4, 8, true, VOX_PASSES_INTERSECTION);
    clicks_on(6);
    make.cuts[0] = (struct vox_plan_cut){true, {0, 0}, {12, 12}}; /* slice 4: not in the window */
    make.cuts[4] = (struct vox_plan_cut){true, {0, 0}, {12, 16}}; /* slice 8 */
    for (int f = 0; f < DEPTH; f++) {
        fake.absent[f] = f <= 3 || f >= 9;
    }
    struct vox_object_run *run = go();
    expect_visited(run, "5-8 5-8");
    vox_object_run_free(run);

    begin(6, 6, true, VOX_PASSES_INTERSECTION);
    clicks_on(6);
    fake.radius = 3.0; /* around a place that the window does not show */
    run = go();
    expect_visited(run, "6-6 6-6");
    vox_object_run_free(run);
}

/* ---- corrections ---- */

/* In each pass for itself: clicks on top of what is there, then the slices after it; corrected
 * slices before and after stay as they are. */
static void corrections_track_what_comes_after(void **state)
{
    (void)state;
    begin(2, 8, false, VOX_PASSES_INTERSECTION);
    box_on(4);
    correct(6);
    correct(3);
    struct vox_object_run *run = open_run();
    /* 14, then 3 + 5, then 6 + 2 */
    assert_int_equal(30, vox_object_run_total(run));
    vox_object_run_free(run);
    fake_take_log();
    fake_reset();
    run = go();
    expect_log("plan 2-8;A 7 of 48x32;B 7 of 48x32;A2[2,4.5,10,10];B2[2,4.5,10,10];"
               "A 0>6:0 1 =2 3 4 5 6 .B 6<0:6 5 4 3 =2 1 0 ."
               "A*4-23.5,5;A 4>6:=4 5 6 .B*4-23.5,5;B 4<0:=4 3 =2 1 0 ."
               "A*1-23.5,5;A 1>6:=1 =2 3 =4 5 6 .B*1-23.5,5;B 1<0:=1 0 .");
    expect_retracked(run, 0, "6: 2 3 5 6 7 8");
    expect_retracked(run, 1, "3: 2 3 5 7 8");
    assert_int_equal(30, seen.slices);

    /* Continued: the same trackers, this click alone. */
    continue_with(run, 7);
    expect_log("plan 2-8;A*5-23.5,5;A 5>6:=5 6 .B*5-23.5,5;B 5<0:=5 =4 3 =2 =1 0 .");
    expect_retracked(run, 2, "7: 2 5 7 8");
    expect_retracked(run, 0, "6: 2 3 5 6 7 8");
    vox_object_run_free(run);
}

/* A correction of the slab's lowest slice: the way down has nothing after it. */
static void correction_of_the_first_frame(void **state)
{
    (void)state;
    begin(2, 4, false, VOX_PASSES_INTERSECTION);
    box_on(3);
    correct(2);
    struct vox_object_run *run = go();
    assert_non_null(strstr(fake_take_log(), "A*0-23.5,5;A 0>2:=0 =1 2 .B*0-23.5,5;B 0<0:."));
    expect_retracked(run, 0, "2: 2 4");
    vox_object_run_free(run);
}

/* A correction of a conditioning slice is a further step of its prompt: all begins anew, and the
 * others follow in their order. */
static void correction_of_a_prompt_begins_anew(void **state)
{
    (void)state;
    begin(2, 5, false, VOX_PASSES_INTERSECTION);
    box_on(3);
    correct(4);
    struct vox_object_run *run = go();
    fake_take_log();
    continue_with(run, 3);
    expect_log("plan 2-5;C 4 of 48x32;D 4 of 48x32;C1[2,4.5,10,10];C1-23.5,5;D1[2,4.5,10,10];"
               "D1-23.5,5;C 0>3:0 =1 2 3 .D 3<0:3 2 =1 0 ."
               "C*2-23.5,5;C 2>3:=2 3 .D*2-23.5,5;D 2<0:=2 =1 0 .");
    expect_retracked(run, 0, "4: 2 4 5");
    expect_retracked(run, 1, "3: 2 3 4 5");
    vox_object_run_free(run);
}

/* A pass that was not on the slice skips the correction; clicks are none too. */
static void corrections_where_a_pass_was_not(void **state)
{
    (void)state;
    begin(6, 6, true, VOX_PASSES_FROM_KEY);
    box_on(6);
    fake.absent[9] = fake.absent[10] = fake.absent[11] = true;
    correct(8);
    correct(12);
    correct(4);
    struct vox_object_run *run = go();
    expect_log("plan 0-13;A 14 of 48x32;B 14 of 48x32;A6[2,4.5,10,10];B6[2,4.5,10,10];"
               "A 6>13:=6 7 8 9 10 11 !B 6<0:=6 5 4 3 2 1 0 ."
               "A*8-23.5,5;A 8>13:=8 9 10 11 !B*4-23.5,5;B 4<0:=4 3 2 1 0 .");
    expect_retracked(run, 1, "12:");
    const struct vox_plan_correction nothing[2] = {{.k = 7},
                                                   {.k = -3, .clicks = &click, .n_clicks = 1}};
    assert_int_equal(VOX_OK, vox_object_run_correct(run, nothing, 2, NULL, NULL));
    expect_log("plan 0-13;");
    expect_retracked(run, 3, "7:");
    vox_object_run_free(run);
}

/* Clicks that end the object: what was tracked beyond the new end is forgotten; a corrected slice
 * is reached whatever lies before it, and absent slices count anew behind it. */
static void corrections_move_the_end(void **state)
{
    (void)state;
    begin(2, 2, true, VOX_PASSES_FORWARD);
    box_on(2);
    struct vox_object_run *run = go();
    expect_visited(run, "2-13");
    fake.ends_after[4] = true;
    fake_take_log();
    continue_with(run, 4);
    expect_log("plan 0-13;A*4-23.5,5;A 4>13:=4 5 6 7 !");
    expect_visited(run, "2-7");
    assert_true(vox_object_run_outcome(run).passes[0].scores[2] < 0.0F);
    assert_int_equal(7, vox_object_run_outcome(run).last);
    continue_with(run, 9); /* it is not there any more */
    expect_log("plan 0-13;");
    continue_with(run, 6);
    expect_log("plan 0-13;A*6-23.5,5;A 6>13:=6 7 8 9 !");
    expect_visited(run, "2-9");
    continue_with(run, 3);
    expect_log("plan 0-13;A*3-23.5,5;A 3>13:=3 =4 5 =6 7 8 9 !");
    vox_object_run_free(run);
}

/* Both stages get them; where the borders stay, the second one goes on, else it begins anew. */
static void corrections_of_a_free_intersection(void **state)
{
    (void)state;
    begin(6, 6, true, VOX_PASSES_INTERSECTION);
    box_on(6);
    for (int f = 0; f < DEPTH; f++) {
        fake.absent[f] = f <= 3 || f >= 9;
    }
    struct vox_object_run *run = go();
    fake_take_log();
    continue_with(run, 7);
    expect_log("plan 0-13;A*7-23.5,5;A 7>13:=7 8 9 10 11 !C*7-23.5,5;C 7>8:=7 8 .D*7-23.5,5;"
               "D 7<4:=7 =6 5 4 .");
    expect_visited(run, "4-8 4-8");
    expect_retracked(run, 0, "7: 4 5 7 8 9 10 11");

    fake.ends_after[5] = true; /* downwards from 5 nothing is left */
    fake.absent[8] = true;
    continue_with(run, 5);
    expect_log("plan 0-13;B*5-23.5,5;B 5<0:=5 4 3 2 !"
               "E 14 of 48x32;F 14 of 48x32;E6[2,4.5,10,10];F6[2,4.5,10,10];"
               "E 6>8:=6 7 8 .F 8<6:8 7 =6 ."
               "E*7-23.5,5;E 7>8:=7 8 .F*7-23.5,5;F 7<6:=7 =6 .");
    expect_visited(run, "6-8 6-8");
    expect_retracked(run, 1, "5: 2 3 4 5");
    vox_object_run_free(run);
}

/* ---- growing windows ---- */

static void begin_growing(enum vox_passes passes)
{
    begin(6, 6, true, passes);
    make.plan.grows = true;
    make.plan.window =
        vox_zoom_around(make.plan.centre, make.plan.length, make.image.spacing, make.image.size);
    clicks_on(6);
    for (int f = 0; f < DEPTH; f++) {
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
        {14.0, 1, {0, 0}, {64, 64}},
        {35.0, 2, {-14, -24}, {128, 128}},
        {0.0, 2, {-14, -24}, {128, 128}}, /* the whole slice is in it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin_growing(VOX_PASSES_FROM_KEY);
        fake.radius = cases[i].radius;
        struct vox_object_run *run = go();
        struct vox_object_outcome outcome = vox_object_run_outcome(run);
        assert_int_equal(cases[i].restarts, outcome.restarts);
        assert_int_equal(cases[i].restarts, seen.restarts);
        for (int a = 0; a < 2; a++) {
            assert_int_equal(cases[i].origin[a], outcome.window.origin[a]);
            assert_int_equal(cases[i].size[a], outcome.window.size[a]);
            assert_int_equal(cases[i].size[a], fake.window.size[a]);
        }
        vox_object_run_free(run);
    }

    begin_growing(VOX_PASSES_FROM_KEY);
    make.plan.length = 4.0;
    make.plan.window = vox_zoom_around(make.plan.centre, 4.0, make.image.spacing, make.image.size);
    struct vox_object_run *run = go();
    assert_int_equal(3, vox_object_run_outcome(run).restarts); /* 4, 8, 16 and 32 mm */
    assert_int_equal(32, vox_object_run_outcome(run).window.size[0]);
    vox_object_run_free(run);
}

/* Of an intersection agreed voxels count, not those of one pass. */
static void windows_grow_for_what_is_agreed(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        begin(6, 7, false, way == 0 ? VOX_PASSES_INTERSECTION : VOX_PASSES_UNION);
        make.plan.grows = true;
        make.plan.length = 32.0;
        make.plan.window =
            vox_zoom_around(make.plan.centre, 32.0, make.image.spacing, make.image.size);
        clicks_on(6);
        fake.absent[0] = true;
        fake.reverse_only[1] = true;
        struct vox_object_run *run = go();
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
    struct vox_object_run *run = go();
    fake_take_log();
    fake.radius = 0.0;
    continue_with(run, 7);
    expect_log("plan 0-13;A*7-15.5,5;A 7>13:=7 8 9 10 !");
    assert_int_equal(0, vox_object_run_outcome(run).restarts);
    vox_object_run_free(run);

    /* The window is found without them, then those of prompts begin anew in it. */
    begin_growing(VOX_PASSES_FORWARD);
    fake.radius = 14.0;
    correct(7);
    correct(6);
    run = go();
    expect_log("plan 0-13;A 14 of 32x32;A6+14,4;A 6>13:=6 7 8 9 10 !"
               "B 14 of 64x64;B6+30,20;B 6>13:=6 7 8 9 10 !"
               "C 14 of 64x64;C6+30,20;C6-31.5,21;C 6>13:=6 7 8 9 10 !"
               "C*7-31.5,21;C 7>13:=7 8 9 10 !");
    vox_object_run_free(run);

    /* A mask was cut to the window, so that one stays. */
    begin_growing(VOX_PASSES_FORWARD);
    static uint8_t mask[WIDTH * HEIGHT];
    make.mask = (struct vox_mask_ask){WIDTH, HEIGHT, 6, 1, mask};
    make.prompts[0].masked = true;
    run = go();
    assert_int_equal(0, vox_object_run_outcome(run).restarts);
    vox_object_run_free(run);
}

/* ---- logits ---- */

static void logits_of_slices(void **state)
{
    (void)state;
    begin(4, 4, true, VOX_PASSES_FROM_KEY);
    box_on(4);
    fake.absent[6] = fake.absent[7] = fake.absent[8] = true;
    struct vox_object_run *run = go();
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

/* ---- cancelling and errors ---- */

/* The scene of both: two stages, growth, corrections of both kinds. */
static void begin_much(void)
{
    begin_growing(VOX_PASSES_INTERSECTION);
    fake.radius = 14.0;
    correct(7);
    correct(6);
    correct(7);
}

static void a_raised_flag_ends_the_run_within_a_slice(void **state)
{
    (void)state;
    int at = 1;
    for (;; at++) {
        begin_much();
        fake.cancel_at = at;
        struct vox_object_run *run = open_run();
        struct vox_err err = {0};
        enum vox_code code = vox_object_run_go(run, &watcher, &err);
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
    struct vox_object_run *run = open_run();
    assert_int_equal(VOX_E_CANCELLED, vox_object_run_go(run, &watcher, NULL));
    assert_int_equal(0, fake.calls);
    vox_object_run_free(run);
}

static void errors_end_the_run(void **state)
{
    (void)state;
    for (int at = 1;; at++) {
        begin_much();
        fake.fail_at = at;
        struct vox_object_run *run = open_run();
        struct vox_err err = {0};
        enum vox_code code = vox_object_run_go(run, &watcher, &err);
        assert_int_equal(fake.calls < at ? VOX_OK : VOX_E_BACKEND, code);
        if (code != VOX_OK) {
            assert_string_equal("broken", err.msg);
            assert_int_equal(fake.calls, at);
            const struct vox_plan_correction more = correction(7);
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

static void plans_of_other_images_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(3, 7, false, VOX_PASSES_INTERSECTION);
        box_on(5);
        if (i == 0) {
            make.plan.last = DEPTH;
        } else if (i == 1) {
            make.plan.n_prompts = 0;
        } else if (i == 2) {
            make.prompts[0].k = 8;
        } else {
            clicks_on(5);
        }
        const struct vox_object_setup setup = {.plan = &make.plan, .image = &make.image};
        struct vox_object_run *run = NULL;
        assert_int_equal(VOX_E_ARG, vox_object_run_new(&setup, &run, NULL));
        assert_null(run);
    }
}

static int nothing_is_left(void **state)
{
    (void)state;
    return fake.features_open == 0 && fake.trackers_open == 0 ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_teardown(name, nothing_is_left)

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
        TEST(corrections_track_what_comes_after),
        TEST(correction_of_the_first_frame),
        TEST(correction_of_a_prompt_begins_anew),
        TEST(corrections_where_a_pass_was_not),
        TEST(corrections_move_the_end),
        TEST(corrections_of_a_free_intersection),
        TEST(windows_grow),
        TEST(windows_grow_for_what_is_agreed),
        TEST(corrections_keep_the_window),
        TEST(logits_of_slices),
        TEST(a_raised_flag_ends_the_run_within_a_slice),
        TEST(errors_end_the_run),
        TEST(plans_of_other_images_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
