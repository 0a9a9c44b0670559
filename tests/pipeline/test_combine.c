/* From logits to label values: each rule of "Passes and combination" in docs/prompts.md by an
 * example. Random cases: test_combine_random.c. */
#include "pipeline/combine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "combine_scene.h"
#include "util/memory.h"

static void expect(int64_t i, int64_t j, int64_t k, int value)
{
    assert_int_equal(value, scene_result.values[scene_at(i, j, k)]);
}

static int64_t painted(void)
{
    int64_t n = 0;
    for (int v = 0; v < COMBINE_VOXELS; v++) {
        n += scene_result.values[v] != 0;
    }
    return n;
}

/* ---- 1. agreement ---- */

static void agreed_and_uncertain_voxels(void **state)
{
    (void)state;
    scene_begin();
    scene_put(0, 2, 4, 4, 2, 1.0F);
    scene_put(0, 0, 5, 4, 2, 1.0F);
    scene_put(0, 1, 6, 4, 2, 1.0F);
    scene_put(0, 2, 7, 4, 2, 0.0F); /* strictly above 0 */
    scene_must_combine();
    expect(4, 4, 2, 1);
    expect(5, 4, 2, SCENE_LABELS + 1);
    expect(6, 4, 2, SCENE_LABELS + 1);
    expect(7, 4, 2, 0);
    assert_int_equal(3, painted());
    assert_int_equal(1, scene_result.counts[0].voxels);
    assert_int_equal(2, scene_result.counts[SCENE_LABELS].voxels);
    assert_true(fabs(scene_result.scores[0].agreement_dice - 0.5) < 1e-12);
}

/* Outside of the borders and of the cut both are empty. */
static void borders_and_cuts(void **state)
{
    (void)state;
    scene_begin();
    for (int64_t k = 0; k < COMBINE_DEPTH; k++) {
        for (int64_t i = 2; i < 12; i++) {
            scene_put(0, 2, i, 5, k, 1.0F);
            scene_put(0, 0, i, 6, k, 1.0F);
        }
    }
    const int64_t first[2] = {0, 0}, n[2] = {COMBINE_DEPTH, COMBINE_DEPTH};
    fake_run_passes(&scene.runs[0], 2, first, n);
    scene.cuts[0][1] = (struct vox_plan_cut){true, {4, 0}, {6, 10}}; /* slice 2 */
    scene.cuts[0][2] = (struct vox_plan_cut){true, {9, 5}, {13, 5}}; /* slice 3 */
    scene.cuts[0][3] = (struct vox_plan_cut){true, {3, 0}, {2, 10}}; /* slice 4: nothing */
    scene.options.largest_cc = false;
    scene_must_combine();
    for (int64_t k = 0; k < COMBINE_DEPTH; k++) {
        for (int64_t i = 0; i < COMBINE_WIDTH; i++) {
            bool row = i >= 2 && i < 12 && k >= 1 && k <= 5;
            bool cut = k == 2 ? i < 4 || i > 6 : (k == 3 ? i < 9 : k == 4);
            expect(i, 5, k, row && !cut ? 1 : 0);
            expect(i, 6, k, row && !cut && k != 3 ? SCENE_LABELS + 1 : 0);
        }
    }
    /* 10 + 3 + 3 + 0 + 10 agreed; 10 + 3 + 0 + 0 + 10 uncertain */
    assert_true(fabs(scene_result.scores[0].agreement_dice - 52.0 / 75.0) < 1e-12);
}

/* Union, from_key and single passes have no uncertain voxels; the two ways of from_key have no
 * common slices to agree on. */
static void other_passes_are_never_uncertain(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        scene_begin();
        scene_put(0, 0, 4, 4, 2, 1.0F);
        scene_put(0, 0, 5, 4, 2, 1.0F);
        scene_put(0, 1, 5, 4, 2, 1.0F);
        scene_put(0, 1, 6, 4, 2, 1.0F);
        scene.runs[0].outcome.combine_union = way < 2;
        scene.plans[0].passes = way == 0   ? VOX_PASSES_UNION
                                : way == 1 ? VOX_PASSES_FROM_KEY
                                           : VOX_PASSES_BACKWARD;
        if (way == 2) {
            scene.runs[0].outcome.n_passes = 1;
        }
        scene_must_combine();
        expect(4, 4, 2, 1);
        expect(5, 4, 2, 1);
        expect(6, 4, 2, way < 2 ? 1 : 0);
        assert_int_equal(0, scene_result.counts[SCENE_LABELS].voxels);
        double dice = scene_result.scores[0].agreement_dice;
        assert_true(way == 0 ? fabs(dice - 0.5) < 1e-12 : isnan(dice));
    }
}

/* A slice that a pass has not visited is empty for it. */
static void unvisited_slices(void **state)
{
    (void)state;
    scene_begin();
    scene_put(0, 2, 4, 4, 2, 1.0F);
    scene_put(0, 2, 4, 4, 3, 1.0F);
    scene.runs[0].visited[1][3] = false;
    scene_must_combine();
    expect(4, 4, 2, 1);
    expect(4, 4, 3, SCENE_LABELS + 1);
    scene.runs[0].visited[0][3] = false;
    scene_must_combine();
    expect(4, 4, 3, 0);
}

/* ---- 2. components ---- */

/* The largest 26-connected part of the agreed voxels; of equal ones the first. Uncertain voxels
 * stay in parts that touch it, be it by a corner or over other uncertain ones; not what touches
 * agreed voxels that went. */
static void largest_component_and_what_touches_it(void **state)
{
    (void)state;
    scene_begin();
    scene_put(0, 2, 8, 8, 2, 1.0F); /* two voxels, later in storage order */
    scene_put(0, 2, 9, 9, 3, 1.0F);
    scene_put(0, 2, 2, 2, 2, 1.0F); /* two voxels, a corner apart */
    scene_put(0, 2, 3, 3, 3, 1.0F);
    scene_put(0, 0, 4, 4, 4, 1.0F);  /* touches 3, 3, 3 by a corner */
    scene_put(0, 1, 5, 4, 4, 1.0F);  /* touches the last */
    scene_put(0, 1, 7, 4, 4, 1.0F);  /* touches nothing */
    scene_put(0, 0, 10, 9, 3, 1.0F); /* touches what is dropped */
    scene_must_combine();
    expect(2, 2, 2, 1);
    expect(3, 3, 3, 1);
    expect(4, 4, 4, SCENE_LABELS + 1);
    expect(5, 4, 4, SCENE_LABELS + 1);
    assert_int_equal(4, painted());

    scene_put(0, 2, 10, 9, 3, 1.0F); /* three voxels now */
    scene_must_combine();
    expect(8, 8, 2, 1);
    assert_int_equal(3, painted());

    scene.options.largest_cc = false;
    scene_must_combine();
    assert_int_equal(8, painted());
}

/* If nothing is agreed, the largest part of the uncertain ones stays, uncertain. */
static void nothing_agreed(void **state)
{
    (void)state;
    scene_begin();
    scene_put(0, 0, 2, 2, 2, 1.0F);
    scene_put(0, 0, 8, 8, 2, 1.0F);
    scene_put(0, 1, 9, 8, 2, 1.0F);
    scene_must_combine();
    expect(8, 8, 2, SCENE_LABELS + 1);
    expect(9, 8, 2, SCENE_LABELS + 1);
    assert_int_equal(2, painted());
    assert_true(scene_result.scores[0].agreement_dice == 0.0);

    scene.options.keep_uncertain = false;
    scene_must_combine();
    assert_int_equal(0, painted());
    assert_int_equal(0, scene_result.slab.n);
}

static void nothing_found(void **state)
{
    (void)state;
    scene_begin();
    scene_must_combine();
    assert_int_equal(0, scene_result.slab.n);
    assert_null(scene_result.slab.values);
    assert_true(isnan(scene_result.scores[0].agreement_dice));
    assert_true(isnan(scene_result.scores[0].entropy));
    scene.n = 0;
    scene_must_combine();
    assert_int_equal(0, scene_result.slab.n);
}

/* ---- 3. holes ---- */

static void ring(int pass, int64_t i, int64_t j, int64_t k)
{
    for (int n = 0; n < 9; n++) {
        if (n != 4) {
            scene_put(0, pass, i + n % 3 - 1, j + n / 3 - 1, k, 1.0F);
        }
    }
}

/* Holes of the agreed voxels, uncertain ones in them too, slice by slice, after the components; not
 * at the slice's edge, not through a corner. */
static void holes_are_filled_when_asked(void **state)
{
    (void)state;
    for (int fill = 0; fill < 2; fill++) {
        scene_begin();
        scene.options.fill_holes = fill == 1;
        ring(2, 4, 4, 2);
        ring(2, 4, 4, 3);
        scene_put(0, 0, 4, 4, 3, 1.0F); /* uncertain inside */
        ring(2, 8, 4, 2);
        scene_put(0, 2, 6, 4, 2, 1.0F);  /* joins the rings */
        scene_put(0, 2, 9, 5, 2, -1.0F); /* the second one is open by a corner: closed for sides */
        ring(2, 12, 9, 5);               /* a smaller part: dropped before */
        scene_must_combine();
        expect(4, 4, 2, fill);
        expect(4, 4, 3, fill == 1 ? 1 : SCENE_LABELS + 1);
        expect(8, 4, 2, fill);
        expect(12, 9, 5, 0);

        scene_begin();
        scene.options.fill_holes = fill == 1;
        ring(2, 0, 4, 2); /* on the edge: column -1 does not exist */
        scene_put(0, 2, 1, 4, 2, 1.0F);
        scene_must_combine();
        expect(0, 4, 2, 0);
    }
}

/* ---- 4. objects together ---- */

static void objects_together(void **state)
{
    (void)state;
    scene_begin();
    scene.n = 2;
    scene.options.largest_cc = false;
    scene_put(0, 2, 2, 2, 2, 1.0F); /* agreed beats uncertain, whoever comes first */
    scene_put(1, 0, 2, 2, 2, 9.0F);
    scene_put(0, 0, 3, 2, 2, 9.0F);
    scene_put(1, 2, 3, 2, 2, 1.0F);
    scene_put(0, 0, 4, 2, 2, 1.0F); /* both uncertain */
    scene_put(1, 1, 4, 2, 2, 1.0F);
    scene_put(0, 2, 5, 2, 2, 1.0F); /* the higher mean of both passes */
    scene_put(1, 0, 5, 2, 2, 0.5F);
    scene_put(1, 1, 5, 2, 2, 2.0F);
    scene_put(0, 2, 6, 2, 2, 1.5F);
    scene_put(1, 0, 6, 2, 2, 0.5F);
    scene_put(1, 1, 6, 2, 2, 2.0F);
    scene_put(0, 0, 7, 2, 2, 1.0F); /* a tie: the lower value */
    scene_put(0, 1, 7, 2, 2, 1.5F);
    scene_put(1, 0, 7, 2, 2, 0.5F);
    scene_put(1, 1, 7, 2, 2, 2.0F);
    for (int swap = 0; swap < 2; swap++) {
        if (swap == 1) { /* the same objects in the other order */
            struct fake_run *kept = vox_alloc(sizeof(*kept));
            assert_non_null(kept);
            *kept = scene.runs[0];
            scene.runs[0] = scene.runs[1];
            scene.runs[1] = *kept;
            vox_free(kept);
            const int64_t first[2] = {1, 1}, n[2] = {5, 5};
            fake_run_passes(&scene.runs[0], 2, first, n);
            fake_run_passes(&scene.runs[1], 2, first, n);
            scene.plans[0].label = 1;
            scene.plans[1].label = 0;
        }
        scene_must_combine();
        expect(2, 2, 2, 1);
        expect(3, 2, 2, 2);
        expect(4, 2, 2, SCENE_LABELS + 1);
        expect(5, 2, 2, 2);
        expect(6, 2, 2, 1);
        expect(7, 2, 2, 1);
    }
}

/* Of from_key the pass that was there counts, not the other's absence. */
static void the_mean_is_that_of_passes_that_were_there(void **state)
{
    (void)state;
    scene_begin();
    scene.n = 2;
    for (int o = 0; o < 2; o++) {
        scene.runs[o].outcome.combine_union = true;
        scene.plans[o].passes = VOX_PASSES_FROM_KEY;
    }
    scene_put(0, 2, 5, 5, 3, 1.0F);
    scene_put(1, 0, 5, 5, 3, 2.0F);
    scene.runs[1].visited[1][3] = false;
    scene_must_combine();
    expect(5, 5, 3, 2);
}

/* ---- entropy ---- */

static void entropy_of_the_box(void **state)
{
    (void)state;
    scene_begin();
    struct vox_plan_prompt prompt = {.k = 3, .boxed = true, .box = {2.4, 2, 3.6, 3}};
    scene.plans[0].prompts = &prompt;
    scene.plans[0].n_prompts = 1;
    scene.plans[0].has_rects = true;
    scene.plans[0].rects = prompt.box;
    for (int v = 0; v < COMBINE_VOXELS; v++) {
        scene.runs[0].logits[0][v] = 3.0F;
        scene.runs[0].logits[1][v] = -3.0F; /* a mean of 0: one bit */
    }
    scene_must_combine();
    assert_true(fabs(scene_result.scores[0].entropy - 1.0) < 1e-12);
    for (int v = 0; v < COMBINE_VOXELS; v++) {
        scene.runs[0].logits[0][v] = scene.runs[0].logits[1][v] = 800.0F;
    }
    scene_must_combine();
    assert_true(scene_result.scores[0].entropy == 0.0);
    for (int k = 1; k <= 5; k++) {
        scene_put(0, 2, 3, 2, k, 0.0F); /* one of 3 x 2 voxels on each slice */
        scene_put(0, 2, 5, 2, k, 0.0F); /* none of them */
    }
    scene_must_combine();
    assert_true(fabs(scene_result.scores[0].entropy - 1.0 / 6.0) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreed_and_uncertain_voxels),
        cmocka_unit_test(borders_and_cuts),
        cmocka_unit_test(other_passes_are_never_uncertain),
        cmocka_unit_test(unvisited_slices),
        cmocka_unit_test(largest_component_and_what_touches_it),
        cmocka_unit_test(nothing_agreed),
        cmocka_unit_test(nothing_found),
        cmocka_unit_test(holes_are_filled_when_asked),
        cmocka_unit_test(objects_together),
        cmocka_unit_test(the_mean_is_that_of_passes_that_were_there),
        cmocka_unit_test(entropy_of_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
