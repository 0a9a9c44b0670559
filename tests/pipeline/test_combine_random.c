/* Combining random objects against the plain way; failing allocations, errors, cancelling. */
#include "pipeline/combine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "combine_scene.h"
#include "support/failing_alloc.h"

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
        scene_begin();
        scene.n = 1 + (int)below(COMBINE_OBJECTS);
        for (int o = 0; o < scene.n; o++) {
            random_object(o);
        }
        scene.options = (struct vox_combine_options){below(4) != 0, below(2) == 0, below(4) != 0};
        scene_must_combine();
        naive_combine(scene.runs, scene.plans, scene.n, SCENE_LABELS, &scene.options, &naive);
        assert_memory_equal(naive.values, scene_result.values, sizeof(naive.values));
        uncertain += scene_result.counts[SCENE_LABELS].voxels;
        contested += scene.n > 1;
        for (int o = 0; o < scene.n; o++) {
            double dice = scene_result.scores[o].agreement_dice, wanted = naive.dice[o];
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
        scene_begin();
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
        scene_must_combine();
        double wanted = naive_entropy(&scene.runs[0], plan), got = scene_result.scores[0].entropy;
        assert_true(isnan(wanted) ? isnan(got) : fabs(got - wanted) < 1e-9);
        assert_true(isnan(got) || (got >= 0.0 && got <= 1.0));
    }
}

/* ---- faults ---- */

static void busy_scene(void)
{
    seed = 77;
    scene_begin();
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
    scene_must_combine();
    memcpy(wanted, scene_result.values, sizeof(wanted));
    for (long k = 1;; k++) {
        memset(&scene_result, 0x5a, sizeof(scene_result));
        static uint8_t before[sizeof(scene_result)];
        memcpy(before, &scene_result, sizeof(scene_result));
        vox_fail_allocation(k);
        enum vox_code code = scene_combine(NULL, NULL);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            assert_int_equal(VOX_OK, code);
            assert_true(k > 20);
            vox_label_slab_fini(&scene_result.slab);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        assert_memory_equal(before, &scene_result, sizeof(scene_result)); /* no output is touched */
    }
    scene_must_combine();
    assert_memory_equal(wanted, scene_result.values, sizeof(wanted));
}

static void errors_and_cancelling(void **state)
{
    (void)state;
    struct vox_err err = {0};
    for (int k = 1;; k++) {
        busy_scene();
        scene.runs[1].fails_at = k;
        enum vox_code code = scene_combine(NULL, &err);
        if (code == VOX_OK) {
            assert_true(k > 10);
            vox_label_slab_fini(&scene_result.slab);
            break;
        }
        assert_int_equal(VOX_E_BACKEND, code);
    }
    atomic_int cancel = 1;
    const struct vox_watch watch = {.cancel = &cancel};
    busy_scene();
    assert_int_equal(VOX_E_CANCELLED, scene_combine(&watch, &err));
    assert_int_equal(0, scene.runs[0].looks);
    cancel = 0;
    assert_int_equal(VOX_OK, scene_combine(&watch, &err));
    vox_label_slab_fini(&scene_result.slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_cases_equal_the_plain_way),
        cmocka_unit_test(random_entropies_equal_the_plain_way),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(errors_and_cancelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
