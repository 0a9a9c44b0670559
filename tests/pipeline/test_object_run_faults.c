/* Allocations of a run fail, each of the first and ever fewer of the later ones, which are those of
 * further slices: the run says so and leaves nothing behind, and what it shares with others still
 * works. */
#include "pipeline/object_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "run_rig.h"
#include "support/failing_alloc.h"
#include "util/memory.h"

enum { MOST_ALLOCATIONS = 20000 };

static struct rig rig;
static struct vox_plan_click click = {20.0, 11.0, false};
static const struct vox_plan_correction late[] = {{.k = 4, .clicks = &click, .n_clicks = 1},
                                                  {.k = 3, .clicks = &click, .n_clicks = 1}};

static enum vox_code run_all(const struct rig_job *job, int n_late, struct vox_object_run **out,
                             struct vox_err *err)
{
    const struct vox_object_setup setup = {
        .network = rig.network,
        .slices = rig.slices,
        .intensity = &rig.intensity,
        .features = rig.store,
        .plan = &job->plan->objects[0],
        .image = &rig.image,
        .mask = rig_mask(job, 0),
    };
    struct vox_object_run *run = NULL;
    enum vox_code code = vox_object_run_new(&setup, &run, err);
    if (code == VOX_OK) {
        code = vox_object_run_go(run, NULL, err);
    }
    for (int i = 0; i < n_late && code == VOX_OK; i++) {
        code = vox_object_run_correct(run, &late[i], 1, NULL, err);
    }
    if (code != VOX_OK) {
        vox_object_run_free(run);
        return code;
    }
    *out = run;
    return VOX_OK;
}

static void sweep(const struct rig_job *job, int n_late)
{
    struct vox_object_run *wanted = NULL;
    assert_int_equal(VOX_OK, run_all(job, n_late, &wanted, NULL));
    for (long k = 1;; k += 1 + k / 64) {
        struct vox_object_run *run = NULL;
        struct vox_err err = {0};
        assert_true(k < MOST_ALLOCATIONS);
        vox_fail_allocation(k);
        enum vox_code code = run_all(job, n_late, &run, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        if (!failed) {
            assert_int_equal(VOX_OK, code);
            assert_true(k > 50);
            rig_expect_equal(wanted, run);
            vox_object_run_free(run);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
        assert_null(run);
    }
    vox_object_run_free(wanted);
}

static void strict_borders(void **state)
{
    (void)state;
    struct rig_job job;
    rig_plan_mask(&rig,
                  "{'box': {'label': 'liver', 'key': 3, 'xyxy': [8, 9, 30, 28], 'z': [3, 4]}}", 0.0,
                  20.0, 17.0, 8.0, 3, 3, &job);
    sweep(&job, 2);
    rig_end_job(&job);
}

/* Two stages and a window that grows. */
static void free_extent(void **state)
{
    (void)state;
    struct rig_job job;
    rig.image.spacing[0] = rig.image.spacing[1] = 3.0;
    rig.image.size[2] = 3;
    rig_plan(&rig, "{'liver': [[20, 15, 1]], 'passes': 'intersection'}", 2.0, &job);
    assert_true(job.plan->objects[0].grows);
    sweep(&job, 0);
    rig_end_job(&job);
}

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig, &(struct rig_options){.threads = 1, .salt = "9", .cache = 1 << 24});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_borders),
        cmocka_unit_test(free_extent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
