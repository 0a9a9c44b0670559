/* Runs on a small network against the passes written down plainly, bit for bit: prompts of every
 * kind, all ways of passing, corrections in any order, any number of threads, any cache. */
#include "pipeline/object_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "naive_passes.h"
#include "run_rig.h"
#include "util/memory.h"

enum { MEBIBYTE = 1 << 20, MOST_LATE = 8 };

/* Salts of weights whose object scores have both signs along the slices. */
static const char *const salts[] = {"3", "9", "6"};
enum { SALTS = sizeof(salts) / sizeof(salts[0]) };

static const char *const all_passes[] = {"intersection", "union", "forward", "backward",
                                         "from_key"};
enum { PASSES = sizeof(all_passes) / sizeof(all_passes[0]) };

static struct rig rig;

static void open_rig(const char *salt, void (*change)(struct vox_model_config *config))
{
    rig_open(&rig, &(struct rig_options){
                       .threads = 1, .salt = salt, .cache = 16 * MEBIBYTE, .change = change});
}

/* Parameters with the passes put in. */
static const char *with_passes(const char *params, const char *passes)
{
    static char text[1000];
    int n = snprintf(text, sizeof(text), "{'passes': '%s', %s}", passes, params);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    return text;
}

static int early_ends; /* passes that ended before their last slice */
static int restarts;   /* for a wider window */

static void expect_naive(const struct rig_job *job, int object)
{
    struct vox_object_run *run = rig_gone(&rig, job, object);
    struct vox_object_outcome outcome = vox_object_run_outcome(run);
    restarts += outcome.restarts;
    for (int p = 0; p < outcome.n_passes; p++) {
        const struct vox_pass *pass = &outcome.passes[p];
        early_ends += !pass->visited[pass->reverse ? 0 : pass->n - 1];
    }
    struct naive_result naive;
    naive_run(&rig, job, object, NULL, 0, &naive);
    naive_expect(&naive, run);
    naive_end(&naive);
    vox_object_run_free(run);
}

/* ---- prompts and passes ---- */

static void equals_the_plain_passes(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        double zoom;
    } cases[] = {
        {"'liver': [[10, 8, 1], [28, 24, 3], [26, 20.5, 7]]", 0.0},
        {"'liver': [[10, 8, 1], [28, 24, 3]], 'background': [[5, 5, 2], [6, 7, 3]]", 2.5},
        {"'liver': [[10, 8, 2], [28, 24, 5]], 'broadcast': 'box'", 0.0},
        {"'box': {'label': 'liver', 'key': 3, 'xyxy': [8, 9.25, 30, 28], 'z': [1, 6]}", 1.0},
        {"'box': {'label': 'liver', 'key': 5, 'xyxy': [8, 9, 30, 28]}", 0.0},
        {"'box': {'label': 'liver', 'key': 0, 'xyxy': [8, 9, 30, 28]}", 0.0},
        {"'box': {'label': 'liver', 'key': 8, 'xyxy': [8, 9, 30, 28]}, 'extent': 'strict'", 0.0},
        {"'liver': [[20, 15, 4], [25, 18, 4]], 'background': [[3, 3, 4], [4, 30, 6]]", 0.0},
        {"'liver': [[20, 15, 2], [25, 18, 6]], 'extent': 'free'", 0.0},
    };
    early_ends = 0;
    for (size_t s = 0; s < SALTS; s++) {
        open_rig(salts[s], NULL);
        for (size_t c = s; c < sizeof(cases) / sizeof(cases[0]); c += SALTS) {
            for (int p = 0; p < PASSES; p++) {
                struct rig_job job;
                rig_plan(&rig, with_passes(cases[c].params, all_passes[p]), cases[c].zoom, &job);
                expect_naive(&job, 0);
                rig_end_job(&job);
            }
        }
        rig_close(&rig);
    }
    assert_true(early_ends > 3);
}

static void masks_equal_the_plain_passes(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "'mask_slices': [2, 4]",
        "'clip': 'off'",
        ("'box': {'label': 'liver', 'key': 3, 'xyxy': [8, 9, 30, 28]}, 'liver': [[15, 15, 3]], "
         "'mask_slices': [3], 'corrections': [{'k': 3, 'points': [[20, 9]], 'labels': [0]}]"),
    };
    open_rig(salts[0], NULL);
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        for (int z = 0; z < 2; z++) {
            struct rig_job job;
            rig_plan_mask(&rig, with_passes(cases[c], "intersection"), z == 0 ? 0.0 : 1.5, 20.0,
                          17.0, 8.0, 2, 4, &job);
            assert_true(job.plan->objects[0].prompts[0].masked);
            expect_naive(&job, 0);
            rig_end_job(&job);
        }
    }
    rig_close(&rig);
}

/* Voxels of 3 mm: the first window has 16 of them. */
static void growing_windows_equal_the_plain_passes(void **state)
{
    (void)state;
    restarts = 0;
    for (int s = 0; s < SALTS; s++) {
        open_rig(salts[s], NULL);
        rig.image.spacing[0] = rig.image.spacing[1] = 3.0;
        for (int p = s % 2; p < PASSES; p += 2) {
            static const char params[] =
                "'liver': [[20, 15, 4]], 'corrections': [{'k': 4, 'points': [[22, 9]], 'labels': "
                "[0]}, {'k': 5, 'points': [[30, 9], [9, 9]], 'labels': [0, 1]}]";
            struct rig_job job;
            rig_plan(&rig, with_passes(params, all_passes[p]), 2.0, &job);
            assert_true(job.plan->objects[0].grows);
            expect_naive(&job, 0);
            rig_end_job(&job);
        }
        rig_close(&rig);
    }
    assert_true(restarts > 0);
}

/* ---- corrections ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

/* Late corrections of one to three clicks, some outside of the slab. */
struct late {
    struct vox_plan_correction list[MOST_LATE];
    struct vox_plan_click clicks[MOST_LATE][3];
    int64_t n;
};

static void make_late(struct late *late, int64_t n, uint32_t *seed)
{
    late->n = n;
    for (int64_t c = 0; c < n; c++) {
        int64_t clicks = 1 + next_random(seed) % 3;
        for (int64_t i = 0; i < clicks; i++) {
            late->clicks[c][i] =
                (struct vox_plan_click){.i = (double)(next_random(seed) % (4 * RIG_WIDTH)) / 4.0,
                                        .j = (double)(next_random(seed) % (4 * RIG_HEIGHT)) / 4.0,
                                        .positive = next_random(seed) % 2 == 0};
        }
        late->list[c] = (struct vox_plan_correction){
            .k = next_random(seed) % RIG_DEPTH, .clicks = late->clicks[c], .n_clicks = clicks};
    }
}

/* A fresh run of the plan with the corrections in it. */
static struct vox_object_run *fresh(const struct rig_job *job, const struct late *late, int64_t n)
{
    struct vox_plan_object plan = job->plan->objects[0];
    struct vox_plan_correction all[2 * MOST_LATE];
    assert_true(plan.n_corrections <= MOST_LATE);
    for (int64_t c = 0; c < plan.n_corrections; c++) {
        all[c] = plan.corrections[c];
    }
    for (int64_t c = 0; c < n; c++) {
        all[plan.n_corrections + c] = late->list[c];
    }
    plan.corrections = all;
    plan.n_corrections += n;
    const struct vox_object_setup setup = {
        .network = rig.network,
        .slices = rig.slices,
        .intensity = &rig.intensity,
        .features = rig.store,
        .plan = &plan,
        .image = &rig.image,
        .mask = rig_mask(job, 0),
    };
    struct vox_object_run *run = NULL;
    assert_int_equal(VOX_OK, vox_object_run_new(&setup, &run, NULL));
    rig_go(run);
    return run;
}

/* Some at once, some one by one; after each call all is as if it had been asked for at once. */
static void correct_at_random(const char *params, double zoom, uint32_t *seed)
{
    struct rig_job job;
    struct late late;
    rig_plan(&rig, params, zoom, &job);
    make_late(&late, 2 + next_random(seed) % 4, seed);
    struct vox_object_run *run = rig_gone(&rig, &job, 0);
    for (int64_t done = 0; done < late.n;) {
        int64_t n = 1 + next_random(seed) % 2;
        n = done + n > late.n ? late.n - done : n;
        if (next_random(seed) % 4 == 0) {
            vox_object_run_settle(run);
        }
        rig_correct(run, late.list + done, n);
        done += n;
        struct vox_object_run *other = fresh(&job, &late, done);
        rig_expect_equal(run, other);
        vox_object_run_free(other);
    }
    struct naive_result naive;
    naive_run(&rig, &job, 0, late.list, late.n, &naive);
    naive_expect(&naive, run);
    naive_end(&naive);
    vox_object_run_free(run);
    rig_end_job(&job);
}

static void correct_everything(uint32_t seed, int rounds)
{
    static const struct {
        const char *params;
        double zoom;
    } cases[] = {
        {"'liver': [[10, 8, 1], [28, 24, 4], [26, 20.5, 7]], 'background': [[5, 5, 2]]", 0.0},
        {"'box': {'label': 'liver', 'key': 4, 'xyxy': [8, 9, 30, 28]}", 1.5},
        {"'liver': [[20, 15, 4]]", 2.0},
    };
    rig.image.spacing[0] = rig.image.spacing[1] = 2.0;
    for (int round = 0; round < rounds; round++) {
        for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
            const char *passes = all_passes[next_random(&seed) % PASSES];
            correct_at_random(with_passes(cases[c].params, passes), cases[c].zoom, &seed);
        }
    }
}

static void corrections_in_any_order_equal_a_fresh_run(void **state)
{
    (void)state;
    for (int s = 0; s < SALTS; s++) {
        open_rig(salts[s], NULL);
        correct_everything(17U + (uint32_t)s, s == 0 ? 2 : 1);
        rig_close(&rig);
    }
}

/* Corrections that become conditioning slices, few of which are used, and sparse memories. */
static void corrections_that_condition(struct vox_model_config *config)
{
    config->cond_corrections = true;
    config->max_cond_frames = 2;
    config->memory_stride = 2;
}

static void corrections_of_other_configurations(void **state)
{
    (void)state;
    open_rig(salts[0], corrections_that_condition);
    correct_everything(99U, 2);
    rig_close(&rig);
}

/* What a correction does not reach is not computed again. */
static void corrections_encode_nothing_anew(void **state)
{
    (void)state;
    open_rig(salts[0], NULL);
    struct rig_job job;
    struct late late = {.n = 1};
    uint32_t seed = 5;
    rig_plan(&rig, "{'box': {'label': 'liver', 'key': 3, 'xyxy': [8, 9, 30, 28], 'z': [1, 6]}}",
             0.0, &job);
    struct vox_object_run *run = rig_gone(&rig, &job, 0);
    struct vox_object_work before = vox_object_run_work(run);
    assert_int_equal(6, before.encoded);
    assert_int_equal(12, before.tracked);
    make_late(&late, 1, &seed);
    late.list[0].k = 5;
    rig_correct(run, late.list, 1);
    struct vox_object_work after = vox_object_run_work(run);
    assert_int_equal(6, after.encoded);
    assert_true(after.cached > before.cached);
    assert_int_equal(12 + 2 + 5, after.tracked); /* 5, 6 upwards; 5, 4, 3, 2, 1 downwards */
    assert_true(after.track_seconds > before.track_seconds);
    assert_true(after.encode_seconds == before.encode_seconds);
    vox_object_run_free(run);
    rig_end_job(&job);
    rig_close(&rig);
}

/* ---- determinism ---- */

/* Everything of a run, to be compared with that of another rig. */
struct record {
    struct vox_object_outcome outcome;
    float logits[2][RIG_DEPTH][RIG_PIXELS];
    float scores[2][RIG_DEPTH];
};

static void record(const struct vox_object_run *run, struct record *out)
{
    memset(out, 0, sizeof(*out));
    out->outcome = vox_object_run_outcome(run);
    assert_true(out->outcome.window.whole);
    for (int p = 0; p < out->outcome.n_passes; p++) {
        for (int64_t k = 0; k < RIG_DEPTH; k++) {
            assert_int_equal(VOX_OK, vox_object_run_logits(run, p, k, out->logits[p][k], NULL));
        }
        const struct vox_pass *pass = &out->outcome.passes[p];
        memcpy(out->scores[p], pass->scores, (size_t)pass->n * sizeof(float));
    }
}

static const char two_objects[] =
    "{'liver': [[10, 8, 1], [28, 24, 6]], 'tumour': [[20, 15, 3]], 'corrections': [{'k': 4, "
    "'points': [[22, 9]], 'labels': [0]}, {'k': 3, 'points': [[30, 9]], 'labels': [0], 'label': "
    "'tumour'}, {'k': 4, 'points': [[25, 12]], 'label': 'tumour'}]}";

static void any_threads_caches_and_order_of_objects(void **state)
{
    (void)state;
    static struct record wanted[2], got;
    static const struct {
        int threads;
        uint64_t cache;
        bool backwards;
    } cases[] = {{1, 16 * MEBIBYTE, false}, {2, 16 * MEBIBYTE, true}, {1, 0, false}, {3, 0, true}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        rig_open(&rig, &(struct rig_options){
                           .threads = cases[c].threads, .salt = salts[0], .cache = cases[c].cache});
        struct rig_job job;
        rig_plan(&rig, two_objects, 0.0, &job);
        assert_int_equal(2, job.plan->n_objects);
        for (int i = 0; i < 2; i++) {
            int object = cases[c].backwards ? 1 - i : i;
            struct vox_object_run *run = rig_gone(&rig, &job, object);
            record(run, c == 0 ? &wanted[object] : &got);
            if (c > 0) {
                assert_int_equal(wanted[object].outcome.first, got.outcome.first);
                assert_int_equal(wanted[object].outcome.last, got.outcome.last);
                assert_memory_equal(wanted[object].logits, got.logits, sizeof(got.logits));
                assert_memory_equal(wanted[object].scores, got.scores, sizeof(got.scores));
            }
            vox_object_run_free(run);
        }
        rig_end_job(&job);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_plain_passes),
        cmocka_unit_test(masks_equal_the_plain_passes),
        cmocka_unit_test(growing_windows_equal_the_plain_passes),
        cmocka_unit_test(corrections_in_any_order_equal_a_fresh_run),
        cmocka_unit_test(corrections_of_other_configurations),
        cmocka_unit_test(corrections_encode_nothing_anew),
        cmocka_unit_test(any_threads_caches_and_order_of_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
