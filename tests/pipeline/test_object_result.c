/* From runs on a small network to label values. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run_rig.h"
#include "util/memory.h"

static const struct vox_combine_options defaults = {true, false, true};

struct outcome {
    struct vox_label_slab slab;
    struct vox_object_scores scores[2];
    struct vox_label_count counts[3];
};

static void combine(const struct rig *rig, const struct rig_job *job,
                    const struct vox_combine_options *options, struct outcome *out)
{
    struct vox_object_run *runs[2];
    const struct vox_plan_object *plans[2];
    struct vox_err err = {0};
    for (int o = 0; o < job->plan->n_objects; o++) {
        runs[o] = rig_gone(rig, job, o);
        plans[o] = &job->plan->objects[o];
    }
    const struct vox_object_run *const shown[2] = {runs[0], runs[1]};
    if (vox_combine(shown, plans, job->plan->n_objects, &rig->image, &job->request->labels, options,
                    NULL, &out->slab, out->scores, out->counts, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    for (int o = 0; o < job->plan->n_objects; o++) {
        vox_object_run_free(runs[o]);
    }
}

static bool in_cut(const struct vox_plan_object *plan, int64_t i, int64_t j, int64_t k)
{
    if (k < plan->first || k > plan->last) {
        return false;
    }
    const struct vox_plan_cut *cut = &plan->cuts[k - plan->first];
    return !cut->cut || (i >= cut->lo[0] && i <= cut->hi[0] && j >= cut->lo[1] && j <= cut->hi[1]);
}

/* Voxels inside and outside of where the plan lets the object be. */
static void count_places(const struct rig_job *job, const struct vox_label_slab *slab,
                         int64_t *inside, int64_t *outside)
{
    *inside = *outside = 0;
    for (int64_t v = 0; v < slab->n * RIG_PIXELS; v++) {
        if (slab->values[v] != 0) {
            bool in = in_cut(&job->plan->objects[0], v % RIG_WIDTH, v / RIG_WIDTH % RIG_HEIGHT,
                             slab->first + v / RIG_PIXELS);
            *inside += in;
            *outside += !in;
        }
    }
}

/* A network that sees the object everywhere: what it finds far from the clicks is cut. */
static void a_leaking_track_stays_near_what_was_drawn(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig,
             &(struct rig_options){.threads = 1, .salt = "0", .present = true, .cache = 1 << 24});
    static const char params[] = "{'liver': [[16, 12, 2], [22, 18, 4], [24, 16, 6]]}";
    struct rig_job job, loose;
    struct outcome cut, leaked;
    int64_t inside, outside;
    rig_plan(&rig, params, 0.0, &job);
    assert_true(job.plan->objects[0].clip == VOX_CLIP_LOOSE);
    combine(&rig, &job, &defaults, &cut);
    count_places(&job, &cut.slab, &inside, &outside);
    assert_true(inside > 100);
    assert_int_equal(0, outside);
    assert_true(cut.slab.first >= 2 && cut.slab.first + cut.slab.n - 1 <= 6);

    rig_plan(&rig, "{'liver': [[16, 12, 2], [22, 18, 4], [24, 16, 6]], 'clip': 'off'}", 0.0,
             &loose);
    combine(&rig, &loose, &defaults, &leaked);
    count_places(&job, &leaked.slab, &inside, &outside);
    assert_true(outside > 100); /* there was something to cut */
    vox_label_slab_fini(&cut.slab);
    vox_label_slab_fini(&leaked.slab);
    rig_end_job(&loose);
    rig_end_job(&job);
    rig_close(&rig);
}

/* The same map for any number of threads and any cache. */
static void maps_do_not_depend_on_threads_and_caches(void **state)
{
    (void)state;
    static const char params[] = "{'liver': [[10, 8, 1], [28, 24, 6]], 'tumour': [[20, 15, 3]], "
                                 "'fill_holes': true}";
    struct outcome first = {0}, other = {0};
    for (int round = 0; round < 3; round++) {
        struct rig rig;
        struct rig_job job;
        struct outcome *out = round == 0 ? &first : &other;
        rig_open(&rig, &(struct rig_options){
                           .threads = 1 + round, .salt = "6", .cache = round == 1 ? 0 : 1 << 24});
        rig_plan(&rig, params, 0.0, &job);
        combine(&rig, &job, &(struct vox_combine_options){true, true, true}, out);
        rig_end_job(&job);
        rig_close(&rig);
        if (round > 0) {
            assert_int_equal(first.slab.first, other.slab.first);
            assert_int_equal(first.slab.n, other.slab.n);
            assert_memory_equal(first.slab.values, other.slab.values,
                                (size_t)(first.slab.n * RIG_PIXELS) * sizeof(uint16_t));
            assert_memory_equal(first.counts, other.counts, sizeof(first.counts));
            assert_memory_equal(first.scores, other.scores, sizeof(first.scores));
            vox_label_slab_fini(&other.slab);
        }
    }
    assert_true(first.counts[0].voxels > 0 && first.counts[1].voxels > 0);
    vox_label_slab_fini(&first.slab);
}

/* ---- threads ---- */

struct worker {
    const struct rig *rig;
    const struct rig_job *job;
    int object;
    struct vox_slice_source *slices; /* one thread at a time */
    struct vox_object_run *run;
    enum vox_code code;
};

static void *work(void *context)
{
    struct worker *worker = context;
    const struct vox_object_setup setup = {
        .network = worker->rig->network,
        .slices = worker->slices,
        .intensity = &worker->rig->intensity,
        .features = worker->rig->store,
        .plan = &worker->job->plan->objects[worker->object],
        .image = &worker->rig->image,
    };
    worker->code = vox_object_run_new(&setup, &worker->run, NULL);
    if (worker->code == VOX_OK) {
        worker->code = vox_object_run_go(worker->run, NULL, NULL);
    }
    return NULL;
}

/* Runs of several threads share the network and the store. */
static void runs_of_two_threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_job job;
    struct worker workers[2];
    pthread_t threads[2];
    rig_open(&rig, &(struct rig_options){.threads = 2, .salt = "6", .cache = 1 << 24});
    rig_plan(&rig, "{'liver': [[10, 8, 1], [28, 24, 6]], 'tumour': [[20, 15, 3]]}", 0.0, &job);
    for (int i = 0; i < 2; i++) {
        workers[i] = (struct worker){.rig = &rig, .job = &job, .object = i};
        assert_int_equal(VOX_OK, vox_slice_source_borrow(&rig.volume, &workers[i].slices, NULL));
        assert_int_equal(0, pthread_create(&threads[i], NULL, work, &workers[i]));
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
        assert_int_equal(VOX_OK, workers[i].code);
        struct vox_object_run *alone = rig_gone(&rig, &job, i);
        rig_expect_equal(alone, workers[i].run);
        vox_object_run_free(alone);
        vox_object_run_free(workers[i].run);
        vox_slice_source_close(workers[i].slices);
    }
    rig_end_job(&job);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaking_track_stays_near_what_was_drawn),
        cmocka_unit_test(runs_of_two_threads_do_not_disturb_each_other),
        cmocka_unit_test(maps_do_not_depend_on_threads_and_caches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
