/* From logits to label values: each rule of "Passes and combination" in docs/prompts.md by an
 * example, and random cases against the plain way. */
#include "pipeline/combine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "naive_combine.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

enum { LABELS = 4 };

static char names[LABELS][VOX_LABEL_BYTES] = {"a", "b", "c", "d"};
static const struct vox_labels labels = {.n = LABELS, .names = names};
static const struct vox_plan_image image = {{COMBINE_WIDTH, COMBINE_HEIGHT, COMBINE_DEPTH},
                                            {1.0, 1.0, 1.0}};

static struct {
    struct fake_run runs[COMBINE_OBJECTS];
    struct vox_plan_object plans[COMBINE_OBJECTS];
    struct vox_plan_cut cuts[COMBINE_OBJECTS][COMBINE_DEPTH];
    struct vox_combine_options options;
    int n;
} scene;

static struct {
    struct vox_label_slab slab;
    struct vox_object_scores scores[COMBINE_OBJECTS];
    struct vox_label_count counts[LABELS + 1];
    uint16_t values[COMBINE_VOXELS]; /* the slab on the whole image */
} result;

/* One object of two passes over slices 1 ... 5, whole slices, nothing found. */
static void begin(void)
{
    memset(&scene, 0, sizeof(scene));
    scene.options = (struct vox_combine_options){true, false, true};
    for (int o = 0; o < COMBINE_OBJECTS; o++) {
        struct fake_run *run = &scene.runs[o];
        const int64_t size[2] = {COMBINE_WIDTH, COMBINE_HEIGHT};
        run->outcome =
            (struct vox_object_outcome){.first = 1, .last = 5, .window = vox_zoom_whole(size)};
        for (int i = 0; i < COMBINE_VOXELS; i++) {
            run->logits[0][i] = run->logits[1][i] = -1.0F;
        }
        for (int k = 0; k < COMBINE_DEPTH; k++) {
            run->visited[0][k] = run->visited[1][k] = true;
        }
        fake_run_passes(run, 2, (const int64_t[2]){1, 1}, (const int64_t[2]){5, 5});
        scene.plans[o] = (struct vox_plan_object){.label = o,
                                                  .first = 1,
                                                  .last = 5,
                                                  .passes = VOX_PASSES_INTERSECTION,
                                                  .cuts = scene.cuts[o]};
    }
    scene.n = 1;
}

static int64_t at(int64_t i, int64_t j, int64_t k)
{
    return (k * COMBINE_HEIGHT + j) * COMBINE_WIDTH + i;
}

/* A voxel in one pass (0, 1) or both (2). */
static void put(int object, int pass, int64_t i, int64_t j, int64_t k, float logit)
{
    for (int p = 0; p < 2; p++) {
        if (pass == 2 || pass == p) {
            scene.runs[object].logits[p][at(i, j, k)] = logit;
        }
    }
}

static enum vox_code combine(const struct vox_watch *watch, struct vox_err *err)
{
    const struct vox_object_run *runs[COMBINE_OBJECTS];
    const struct vox_plan_object *plans[COMBINE_OBJECTS];
    for (int o = 0; o < scene.n; o++) {
        runs[o] = (const struct vox_object_run *)&scene.runs[o];
        plans[o] = &scene.plans[o];
    }
    return vox_combine(runs, plans, scene.n, &image, &labels, &scene.options, watch, &result.slab,
                       result.scores, result.counts, err);
}

/* Counts are those of the map, and the slab holds the slices that have something and no others. */
static void check_counts(void)
{
    struct vox_label_count wanted[LABELS + 1];
    memset(wanted, 0, sizeof(wanted));
    int64_t first = COMBINE_DEPTH, last = -1;
    for (int64_t v = 0; v < COMBINE_VOXELS; v++) {
        const int64_t here[3] = {v % COMBINE_WIDTH, v / COMBINE_WIDTH % COMBINE_HEIGHT,
                                 v / COMBINE_PIXELS};
        if (result.values[v] == 0) {
            continue;
        }
        assert_true(result.values[v] <= LABELS + 1);
        struct vox_label_count *count = &wanted[result.values[v] - 1];
        for (int a = 0; a < 3; a++) {
            count->lo[a] = count->voxels == 0 || here[a] < count->lo[a] ? here[a] : count->lo[a];
            count->hi[a] = count->voxels == 0 || here[a] > count->hi[a] ? here[a] : count->hi[a];
        }
        count->voxels++;
        first = here[2] < first ? here[2] : first;
        last = here[2];
    }
    assert_memory_equal(wanted, result.counts, sizeof(wanted));
    assert_int_equal(last < 0 ? 0 : last - first + 1, result.slab.n);
    assert_int_equal(last < 0 ? 0 : first, result.slab.first);
}

static void must_combine(void)
{
    struct vox_err err = {0};
    if (combine(NULL, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    memset(result.values, 0, sizeof(result.values));
    assert_memory_equal(image.size, result.slab.size, sizeof(image.size));
    if (result.slab.n > 0) {
        memcpy(result.values + result.slab.first * COMBINE_PIXELS, result.slab.values,
               (size_t)(result.slab.n * COMBINE_PIXELS) * sizeof(uint16_t));
    }
    vox_label_slab_fini(&(struct vox_label_slab){.values = result.slab.values});
    check_counts();
}

static void expect(int64_t i, int64_t j, int64_t k, int value)
{
    assert_int_equal(value, result.values[at(i, j, k)]);
}

static int64_t painted(void)
{
    int64_t n = 0;
    for (int v = 0; v < COMBINE_VOXELS; v++) {
        n += result.values[v] != 0;
    }
    return n;
}

/* ---- 1. agreement ---- */

static void agreed_and_uncertain_voxels(void **state)
{
    (void)state;
    begin();
    put(0, 2, 4, 4, 2, 1.0F);
    put(0, 0, 5, 4, 2, 1.0F);
    put(0, 1, 6, 4, 2, 1.0F);
    put(0, 2, 7, 4, 2, 0.0F); /* strictly above 0 */
    must_combine();
    expect(4, 4, 2, 1);
    expect(5, 4, 2, LABELS + 1);
    expect(6, 4, 2, LABELS + 1);
    expect(7, 4, 2, 0);
    assert_int_equal(3, painted());
    assert_int_equal(1, result.counts[0].voxels);
    assert_int_equal(2, result.counts[LABELS].voxels);
    assert_true(fabs(result.scores[0].agreement_dice - 0.5) < 1e-12);
}

/* Outside of the borders and of the cut both are empty. */
static void borders_and_cuts(void **state)
{
    (void)state;
    begin();
    for (int64_t k = 0; k < COMBINE_DEPTH; k++) {
        for (int64_t i = 2; i < 12; i++) {
            put(0, 2, i, 5, k, 1.0F);
            put(0, 0, i, 6, k, 1.0F);
        }
    }
    const int64_t first[2] = {0, 0}, n[2] = {COMBINE_DEPTH, COMBINE_DEPTH};
    fake_run_passes(&scene.runs[0], 2, first, n);
    scene.cuts[0][1] = (struct vox_plan_cut){true, {4, 0}, {6, 10}}; /* slice 2 */
    scene.cuts[0][2] = (struct vox_plan_cut){true, {9, 5}, {13, 5}}; /* slice 3 */
    scene.cuts[0][3] = (struct vox_plan_cut){true, {3, 0}, {2, 10}}; /* slice 4: nothing */
    scene.options.largest_cc = false;
    must_combine();
    for (int64_t k = 0; k < COMBINE_DEPTH; k++) {
        for (int64_t i = 0; i < COMBINE_WIDTH; i++) {
            bool row = i >= 2 && i < 12 && k >= 1 && k <= 5;
            bool cut = k == 2 ? i < 4 || i > 6 : (k == 3 ? i < 9 : k == 4);
            expect(i, 5, k, row && !cut ? 1 : 0);
            expect(i, 6, k, row && !cut && k != 3 ? LABELS + 1 : 0);
        }
    }
    /* 10 + 3 + 3 + 0 + 10 agreed; 10 + 3 + 0 + 0 + 10 uncertain */
    assert_true(fabs(result.scores[0].agreement_dice - 52.0 / 75.0) < 1e-12);
}

/* Union, from_key and single passes have no uncertain voxels; the two ways of from_key have no
 * common slices to agree on. */
static void other_passes_are_never_uncertain(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        begin();
        put(0, 0, 4, 4, 2, 1.0F);
        put(0, 0, 5, 4, 2, 1.0F);
        put(0, 1, 5, 4, 2, 1.0F);
        put(0, 1, 6, 4, 2, 1.0F);
        scene.runs[0].outcome.combine_union = way < 2;
        scene.plans[0].passes = way == 0   ? VOX_PASSES_UNION
                                : way == 1 ? VOX_PASSES_FROM_KEY
                                           : VOX_PASSES_BACKWARD;
        if (way == 2) {
            scene.runs[0].outcome.n_passes = 1;
        }
        must_combine();
        expect(4, 4, 2, 1);
        expect(5, 4, 2, 1);
        expect(6, 4, 2, way < 2 ? 1 : 0);
        assert_int_equal(0, result.counts[LABELS].voxels);
        double dice = result.scores[0].agreement_dice;
        assert_true(way == 0 ? fabs(dice - 0.5) < 1e-12 : isnan(dice));
    }
}

/* A slice that a pass has not visited is empty for it. */
static void unvisited_slices(void **state)
{
    (void)state;
    begin();
    put(0, 2, 4, 4, 2, 1.0F);
    put(0, 2, 4, 4, 3, 1.0F);
    scene.runs[0].visited[1][3] = false;
    must_combine();
    expect(4, 4, 2, 1);
    expect(4, 4, 3, LABELS + 1);
    scene.runs[0].visited[0][3] = false;
    must_combine();
    expect(4, 4, 3, 0);
}

/* ---- 2. components ---- */

/* The largest 26-connected part of the agreed voxels; of equal ones the first. Uncertain voxels
 * stay in parts that touch it, be it by a corner or over other uncertain ones; not what touches
 * agreed voxels that went. */
static void largest_component_and_what_touches_it(void **state)
{
    (void)state;
    begin();
    put(0, 2, 8, 8, 2, 1.0F); /* two voxels, later in storage order */
    put(0, 2, 9, 9, 3, 1.0F);
    put(0, 2, 2, 2, 2, 1.0F); /* two voxels, a corner apart */
    put(0, 2, 3, 3, 3, 1.0F);
    put(0, 0, 4, 4, 4, 1.0F);  /* touches 3, 3, 3 by a corner */
    put(0, 1, 5, 4, 4, 1.0F);  /* touches the last */
    put(0, 1, 7, 4, 4, 1.0F);  /* touches nothing */
    put(0, 0, 10, 9, 3, 1.0F); /* touches what is dropped */
    must_combine();
    expect(2, 2, 2, 1);
    expect(3, 3, 3, 1);
    expect(4, 4, 4, LABELS + 1);
    expect(5, 4, 4, LABELS + 1);
    assert_int_equal(4, painted());

    put(0, 2, 10, 9, 3, 1.0F); /* three voxels now */
    must_combine();
    expect(8, 8, 2, 1);
    assert_int_equal(3, painted());

    scene.options.largest_cc = false;
    must_combine();
    assert_int_equal(8, painted());
}

/* If nothing is agreed, the largest part of the uncertain ones stays, uncertain. */
static void nothing_agreed(void **state)
{
    (void)state;
    begin();
    put(0, 0, 2, 2, 2, 1.0F);
    put(0, 0, 8, 8, 2, 1.0F);
    put(0, 1, 9, 8, 2, 1.0F);
    must_combine();
    expect(8, 8, 2, LABELS + 1);
    expect(9, 8, 2, LABELS + 1);
    assert_int_equal(2, painted());
    assert_true(result.scores[0].agreement_dice == 0.0);

    scene.options.keep_uncertain = false;
    must_combine();
    assert_int_equal(0, painted());
    assert_int_equal(0, result.slab.n);
}

static void nothing_found(void **state)
{
    (void)state;
    begin();
    must_combine();
    assert_int_equal(0, result.slab.n);
    assert_null(result.slab.values);
    assert_true(isnan(result.scores[0].agreement_dice));
    assert_true(isnan(result.scores[0].entropy));
    scene.n = 0;
    must_combine();
    assert_int_equal(0, result.slab.n);
}

/* ---- 3. holes ---- */

static void ring(int pass, int64_t i, int64_t j, int64_t k)
{
    for (int n = 0; n < 9; n++) {
        if (n != 4) {
            put(0, pass, i + n % 3 - 1, j + n / 3 - 1, k, 1.0F);
        }
    }
}

/* Holes of the agreed voxels, uncertain ones in them too, slice by slice, after the components; not
 * at the slice's edge, not through a corner. */
static void holes_are_filled_when_asked(void **state)
{
    (void)state;
    for (int fill = 0; fill < 2; fill++) {
        begin();
        scene.options.fill_holes = fill == 1;
        ring(2, 4, 4, 2);
        ring(2, 4, 4, 3);
        put(0, 0, 4, 4, 3, 1.0F); /* uncertain inside */
        ring(2, 8, 4, 2);
        put(0, 2, 6, 4, 2, 1.0F);  /* joins the rings */
        put(0, 2, 9, 5, 2, -1.0F); /* the second one is open by a corner: closed for sides */
        ring(2, 12, 9, 5);         /* a smaller part: dropped before */
        must_combine();
        expect(4, 4, 2, fill);
        expect(4, 4, 3, fill == 1 ? 1 : LABELS + 1);
        expect(8, 4, 2, fill);
        expect(12, 9, 5, 0);

        begin();
        scene.options.fill_holes = fill == 1;
        ring(2, 0, 4, 2); /* on the edge: column -1 does not exist */
        put(0, 2, 1, 4, 2, 1.0F);
        must_combine();
        expect(0, 4, 2, 0);
    }
}

/* ---- 4. objects together ---- */

static void objects_together(void **state)
{
    (void)state;
    begin();
    scene.n = 2;
    scene.options.largest_cc = false;
    put(0, 2, 2, 2, 2, 1.0F); /* agreed beats uncertain, whoever comes first */
    put(1, 0, 2, 2, 2, 9.0F);
    put(0, 0, 3, 2, 2, 9.0F);
    put(1, 2, 3, 2, 2, 1.0F);
    put(0, 0, 4, 2, 2, 1.0F); /* both uncertain */
    put(1, 1, 4, 2, 2, 1.0F);
    put(0, 2, 5, 2, 2, 1.0F); /* the higher mean of both passes */
    put(1, 0, 5, 2, 2, 0.5F);
    put(1, 1, 5, 2, 2, 2.0F);
    put(0, 2, 6, 2, 2, 1.5F);
    put(1, 0, 6, 2, 2, 0.5F);
    put(1, 1, 6, 2, 2, 2.0F);
    put(0, 0, 7, 2, 2, 1.0F); /* a tie: the lower value */
    put(0, 1, 7, 2, 2, 1.5F);
    put(1, 0, 7, 2, 2, 0.5F);
    put(1, 1, 7, 2, 2, 2.0F);
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
        must_combine();
        expect(2, 2, 2, 1);
        expect(3, 2, 2, 2);
        expect(4, 2, 2, LABELS + 1);
        expect(5, 2, 2, 2);
        expect(6, 2, 2, 1);
        expect(7, 2, 2, 1);
    }
}

/* Of from_key the pass that was there counts, not the other's absence. */
static void the_mean_is_that_of_passes_that_were_there(void **state)
{
    (void)state;
    begin();
    scene.n = 2;
    for (int o = 0; o < 2; o++) {
        scene.runs[o].outcome.combine_union = true;
        scene.plans[o].passes = VOX_PASSES_FROM_KEY;
    }
    put(0, 2, 5, 5, 3, 1.0F);
    put(1, 0, 5, 5, 3, 2.0F);
    scene.runs[1].visited[1][3] = false;
    must_combine();
    expect(5, 5, 3, 2);
}

/* ---- entropy ---- */

static void entropy_of_the_box(void **state)
{
    (void)state;
    begin();
    struct vox_plan_prompt prompt = {.k = 3, .boxed = true, .box = {2.4, 2, 3.6, 3}};
    scene.plans[0].prompts = &prompt;
    scene.plans[0].n_prompts = 1;
    scene.plans[0].has_rects = true;
    scene.plans[0].rects = prompt.box;
    for (int v = 0; v < COMBINE_VOXELS; v++) {
        scene.runs[0].logits[0][v] = 3.0F;
        scene.runs[0].logits[1][v] = -3.0F; /* a mean of 0: one bit */
    }
    must_combine();
    assert_true(fabs(result.scores[0].entropy - 1.0) < 1e-12);
    for (int v = 0; v < COMBINE_VOXELS; v++) {
        scene.runs[0].logits[0][v] = scene.runs[0].logits[1][v] = 800.0F;
    }
    must_combine();
    assert_true(result.scores[0].entropy == 0.0);
    for (int k = 1; k <= 5; k++) {
        put(0, 2, 3, 2, k, 0.0F); /* one of 3 x 2 voxels on each slice */
        put(0, 2, 5, 2, k, 0.0F); /* none of them */
    }
    must_combine();
    assert_true(fabs(result.scores[0].entropy - 1.0 / 6.0) < 1e-12);
}

/* ---- random cases ---- */

static uint32_t seed = 20;

static int64_t below(int64_t n)
{
    seed = seed * 1664525U + 1013904223U;
    return (int64_t)(seed >> 8) % n;
}

/* Blobs and noise of few values, so that 0 and ties come up. */
static void random_logits(struct fake_run *run, int64_t noise)
{
    static const float values[] = {-2.0F, -0.5F, 0.0F, 0.25F, 0.5F, 1.0F};
    int64_t ci = below(COMBINE_WIDTH), cj = below(COMBINE_HEIGHT), ck = below(COMBINE_DEPTH);
    int64_t radius = 4 + below(20);
    for (int p = 0; p < 2; p++) {
        for (int64_t v = 0; v < COMBINE_VOXELS; v++) {
            int64_t i = v % COMBINE_WIDTH - ci, j = v / COMBINE_WIDTH % COMBINE_HEIGHT - cj;
            int64_t k = v / COMBINE_PIXELS - ck;
            bool in = i * i + j * j + 2 * k * k < radius;
            float value = in ? 0.25F * (float)(1 + below(4)) : -1.0F;
            run->logits[p][v] = below(100) < noise ? values[below(6)] : value;
        }
    }
}

static void random_window(struct vox_zoom_window *window)
{
    if (below(3) == 0) {
        return;
    }
    window->whole = false;
    const int64_t slice[2] = {COMBINE_WIDTH, COMBINE_HEIGHT};
    for (int a = 0; a < 2; a++) {
        window->size[a] = 3 + below(slice[a] + 6);
        int64_t rest = slice[a] - window->size[a];
        window->origin[a] = rest > 0 ? below(rest + 1) : -(-rest / 2);
    }
}

static void random_object(int o)
{
    static const enum vox_passes all[] = {VOX_PASSES_INTERSECTION, VOX_PASSES_UNION,
                                          VOX_PASSES_FORWARD, VOX_PASSES_BACKWARD,
                                          VOX_PASSES_FROM_KEY};
    struct fake_run *run = &scene.runs[o];
    struct vox_plan_object *plan = &scene.plans[o];
    enum vox_passes passes = all[below(5)];
    bool single = passes == VOX_PASSES_FORWARD || passes == VOX_PASSES_BACKWARD;
    random_logits(run, below(2) == 0 ? 10 : 60);
    random_window(&run->outcome.window);
    plan->passes = passes;
    plan->label = below(2) == 0 ? o : o + 1;
    if (o == 1 && plan->label == scene.plans[0].label) {
        plan->label++;
    }
    plan->label = o == 2 ? (scene.plans[0].label == 0 ? 3 : 0) : plan->label;
    int64_t first = below(3), last = 3 + below(4);
    run->outcome.first = plan->first = first;
    run->outcome.last = plan->last = last;
    if (below(3) == 0) { /* free */
        plan->first = plan->last = first + below(last - first + 1);
    }
    run->outcome.combine_union = passes == VOX_PASSES_UNION || passes == VOX_PASSES_FROM_KEY;
    int64_t key = first + below(last - first + 1);
    bool apart = passes == VOX_PASSES_FROM_KEY;
    const int64_t from[2] = {apart ? key : first, first};
    const int64_t n[2] = {last - from[0] + 1, apart ? key - first + 1 : last - first + 1};
    fake_run_passes(run, single ? 1 : 2, from, n);
    for (int64_t k = 0; k <= plan->last - plan->first; k++) {
        struct vox_plan_cut *cut = &scene.cuts[o][k];
        cut->cut = below(2) == 0;
        for (int a = 0; a < 2; a++) {
            cut->lo[a] = below(5);
            cut->hi[a] = cut->lo[a] + below(10);
        }
    }
}

static void random_cases_equal_the_plain_way(void **state)
{
    (void)state;
    static struct naive_map naive;
    int64_t uncertain = 0, contested = 0;
    for (int round = 0; round < 300; round++) {
        begin();
        scene.n = 1 + (int)below(COMBINE_OBJECTS);
        for (int o = 0; o < scene.n; o++) {
            random_object(o);
        }
        scene.options = (struct vox_combine_options){below(4) != 0, below(2) == 0, below(4) != 0};
        must_combine();
        naive_combine(scene.runs, scene.plans, scene.n, LABELS, &scene.options, &naive);
        assert_memory_equal(naive.values, result.values, sizeof(naive.values));
        uncertain += result.counts[LABELS].voxels;
        contested += scene.n > 1;
        for (int o = 0; o < scene.n; o++) {
            double dice = result.scores[o].agreement_dice, wanted = naive.dice[o];
            assert_true(isnan(wanted) ? isnan(dice) : fabs(dice - wanted) < 1e-12);
        }
    }
    assert_true(uncertain > 1000 && contested > 100);
}

static void random_entropies_equal_the_plain_way(void **state)
{
    (void)state;
    struct vox_plan_piece pieces[2];
    struct vox_plan_prompt prompts[2];
    for (int round = 0; round < 150; round++) {
        begin();
        random_object(0);
        struct vox_plan_object *plan = &scene.plans[0];
        plan->has_rects = below(3) != 0;
        plan->pieces = pieces;
        plan->prompts = prompts;
        plan->n_pieces = plan->has_rects ? below(3) : 0;
        plan->n_prompts = plan->has_rects ? below(3) : 0;
        plan->rects = (struct vox_rect){1.0, 2.0, 8.5, 7.0};
        for (int p = 0; p < 2; p++) {
            double i = (double)below(8) / 2.0, j = (double)below(8) / 2.0;
            struct vox_rect rect = {i, j, i + (double)below(10), j + (double)below(8)};
            int64_t first = below(4);
            pieces[p] =
                (struct vox_plan_piece){first, first + below(3), first, rect, below(3) != 0, false};
            prompts[p] = (struct vox_plan_prompt){.k = 3 + p, .boxed = below(2) == 0, .box = rect};
        }
        must_combine();
        double wanted = naive_entropy(&scene.runs[0], plan), got = result.scores[0].entropy;
        assert_true(isnan(wanted) ? isnan(got) : fabs(got - wanted) < 1e-9);
        assert_true(isnan(got) || (got >= 0.0 && got <= 1.0));
    }
}

/* ---- faults ---- */

static void busy_scene(void)
{
    seed = 77;
    begin();
    scene.n = COMBINE_OBJECTS;
    for (int o = 0; o < COMBINE_OBJECTS; o++) {
        random_object(o);
    }
    scene.options.fill_holes = true;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static uint16_t wanted[COMBINE_VOXELS];
    busy_scene();
    must_combine();
    memcpy(wanted, result.values, sizeof(wanted));
    for (long k = 1;; k++) {
        memset(&result, 0x5a, sizeof(result));
        static uint8_t before[sizeof(result)];
        memcpy(before, &result, sizeof(result));
        vox_fail_allocation(k);
        enum vox_code code = combine(NULL, NULL);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            assert_int_equal(VOX_OK, code);
            assert_true(k > 20);
            vox_label_slab_fini(&result.slab);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        assert_memory_equal(before, &result, sizeof(result)); /* no output is touched */
    }
    must_combine();
    assert_memory_equal(wanted, result.values, sizeof(wanted));
}

static void errors_and_cancelling(void **state)
{
    (void)state;
    struct vox_err err = {0};
    for (int k = 1;; k++) {
        busy_scene();
        scene.runs[1].fails_at = k;
        enum vox_code code = combine(NULL, &err);
        if (code == VOX_OK) {
            assert_true(k > 10);
            vox_label_slab_fini(&result.slab);
            break;
        }
        assert_int_equal(VOX_E_BACKEND, code);
    }
    atomic_int cancel = 1;
    const struct vox_watch watch = {.cancel = &cancel};
    busy_scene();
    assert_int_equal(VOX_E_CANCELLED, combine(&watch, &err));
    assert_int_equal(0, scene.runs[0].looks);
    cancel = 0;
    assert_int_equal(VOX_OK, combine(&watch, &err));
    vox_label_slab_fini(&result.slab);
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
        cmocka_unit_test(random_cases_equal_the_plain_way),
        cmocka_unit_test(random_entropies_equal_the_plain_way),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(errors_and_cancelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
