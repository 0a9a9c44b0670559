/* The queue: who computes when, what is kept, what becomes of jobs that are refused, cancelled, or
 * fail. */
#include "pipeline/job_queue.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "job_rig.h"
#include "library_rig.h"
#include "own_folder.h"
#include "util/file.h"
#include "util/memory.h"

static const char *const boxed = "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]},"
                                 " \"result_extension\": \".nrrd\"}";
static const char *const whole = "{\"roi\": [8, 30, 6, 22, 0, 1000]}";

/* ---- one job ---- */

static void test_a_job(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    struct vox_job *job = rig_submit(&rig, "scan.nii", boxed, "anna", "first");
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_DONE, facts.state);
    assert_string_equal("first", facts.id);
    assert_true(facts.valid);
    assert_string_equal(".nrrd", facts.extension);
    assert_int_equal(facts.done, facts.total);
    assert_non_null(strstr(facts.json, "\"job\": \"first\""));
    rig_expect_mask(facts.file, rig.model, "scan.nii", boxed);
    struct vox_job *again = vox_job_find(rig.queue, "first");
    assert_ptr_equal(job, again);
    vox_job_release(again);
    assert_null(vox_job_find(rig.queue, "other"));
    struct vox_job_queue_counts counts = vox_job_queue_counts(rig.queue);
    assert_int_equal(1, counts.done);
    assert_int_equal(1, counts.kept);
    vox_job_release(job);
    rig_close_queue(&rig);
}

static void test_no_prompt(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    struct vox_job *job = rig_submit(&rig, "scan.nii", "{\"intersection\": []}", "", NULL);
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_DONE, facts.state);
    assert_false(facts.valid);
    assert_non_null(facts.file);
    assert_non_null(strstr(facts.json, "\"valid\": false"));
    vox_job_release(job);
    rig_close_queue(&rig);
}

static void test_no_image(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    struct vox_job *job = rig_submit(&rig, "nothing.nii", boxed, "", NULL);
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_FAILED, facts.state);
    assert_int_equal(VOX_E_NOT_FOUND, facts.code);
    assert_null(facts.file);
    vox_job_release(job);
    rig_close_queue(&rig);
}

/* ---- events ---- */

static void test_events(void **state)
{
    (void)state;
    struct job_rig rig;
    struct rig_events early, late, brief;
    struct vox_job_listener *listeners[2];
    rig_open_queue(&rig, NULL, true);
    struct vox_job *job = rig_submit(&rig, "scan.nii", boxed, "anna", "watched");
    rig_begin_events(&early);
    assert_int_equal(VOX_OK, vox_job_listen(job, 0, rig_take_event, &early, &listeners[0], NULL));
    rig_free_model(&rig);
    assert_true(vox_job_wait(job, 100.0));
    rig_begin_events(&late);
    assert_int_equal(VOX_OK, vox_job_listen(job, 2, rig_take_event, &late, &listeners[1], NULL));
    vox_job_unlisten(job, listeners[0]);
    vox_job_unlisten(job, listeners[1]);
    rig_begin_events(&brief);
    brief.most = 3;
    assert_int_equal(VOX_OK, vox_job_listen(job, 0, rig_take_event, &brief, &listeners[0], NULL));
    assert_null(listeners[0]);
    assert_int_equal(3, brief.n);
    rig_begin_events(&brief);
    brief.most = 1;
    assert_int_equal(VOX_OK,
                     vox_job_listen(job, 1000, rig_take_event, &brief, &listeners[0], NULL));
    assert_null(listeners[0]);
    assert_int_equal(1, brief.n);
    assert_string_equal("done", brief.kinds[0]);
    assert_int_equal(early.n, late.n + 2);
    assert_string_equal("queued", early.kinds[0]);
    assert_string_equal("plan", early.kinds[1]);
    assert_string_equal("slice", late.kinds[0]);
    assert_string_equal("done", early.kinds[early.n - 1]);
    assert_int_equal(8, early.slices); /* 1 ... 4, both ways */
    assert_int_equal(8, early.masked);
    assert_int_equal(0, early.wrong);
    vox_job_release(job);
    rig_close_queue(&rig);
}

/* ---- turns ---- */

enum { LONG = 60 }; /* slices */

/* Waits until the job has done some slices; false: it has ended before. */
static bool await_slices(struct vox_job *job, int64_t n)
{
    struct vox_job_facts facts;
    do {
        usleep(1000);
        vox_job_describe(job, &facts);
    } while (facts.state < VOX_JOB_DONE && facts.done < n);
    return facts.state == VOX_JOB_RUNNING;
}

/* How many slices another job has done while this one computed: from its plan, for which it had the
 * turn, to its last slice. */
struct meanwhile {
    atomic_llong *slices; /* of the other one */
    long long first, last;
};

static bool count_slice(void *context, int64_t number, const char *kind, const char *json)
{
    (void)number;
    (void)json;
    atomic_fetch_add((atomic_llong *)context, strcmp(kind, "slice") == 0);
    return true;
}

static bool note_slices(void *context, int64_t number, const char *kind, const char *json)
{
    struct meanwhile *meanwhile = context;
    (void)number;
    (void)json;
    long long slices = atomic_load(meanwhile->slices);
    if (strcmp(kind, "plan") == 0) {
        meanwhile->first = slices;
    } else if (strcmp(kind, "slice") == 0) {
        meanwhile->last = slices;
    }
    return true;
}

static void expect_click_first(struct job_rig *rig, const char *client)
{
    struct vox_job_facts facts;
    struct vox_job_listener *listeners[2];
    atomic_llong slices = 0;
    struct meanwhile meanwhile = {.slices = &slices};
    struct vox_job *slow = rig_submit(rig, "long.nii", whole, "anna", NULL);
    assert_int_equal(VOX_OK, vox_job_listen(slow, 0, count_slice, &slices, &listeners[0], NULL));
    assert_true(await_slices(slow, 10));
    struct vox_job *quick = rig_submit(rig, "scan.nii", boxed, client, NULL);
    assert_int_equal(VOX_OK,
                     vox_job_listen(quick, 0, note_slices, &meanwhile, &listeners[1], NULL));
    assert_true(vox_job_wait(quick, 100.0));
    vox_job_unlisten(quick, listeners[1]);
    vox_job_describe(quick, &facts);
    assert_int_equal(VOX_JOB_DONE, facts.state);
    /* Only where it has waited for too long the other one goes on. */
    assert_true(meanwhile.first >= 10);
    assert_true(meanwhile.last - meanwhile.first <= (long long)facts.seconds);
    assert_true(vox_job_wait(slow, 300.0));
    vox_job_unlisten(slow, listeners[0]);
    assert_int_equal(2 * LONG, atomic_load(&slices));
    rig_expect_mask(facts.file, rig->model, "scan.nii", boxed);
    vox_job_describe(slow, &facts);
    assert_int_equal(VOX_JOB_DONE, facts.state);
    if (strcmp(client, "anna") == 0) {
        rig_expect_mask(facts.file, rig->model, "long.nii", whole);
    }
    vox_job_release(slow);
    vox_job_release(quick);
}

static void test_a_click_goes_first(void **state)
{
    (void)state;
    struct job_rig rig;
    rig_open_queue(&rig, NULL, false);
    rig_write_long("long.nii", LONG);
    expect_click_first(&rig, "bert");
    expect_click_first(&rig, "anna");
    rig_close_queue(&rig);
}

static void test_batch_gives_way(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    rig_write_long("long.nii", 30);
    struct vox_job_setup setup = rig_setup("long.nii", whole, "", NULL);
    struct vox_job *batch;
    setup.class = VOX_JOB_BATCH;
    assert_int_equal(VOX_OK, vox_job_submit(rig.queue, &setup, &batch, NULL));
    assert_true(await_slices(batch, 5));
    struct vox_job *click = rig_submit(&rig, "scan.nii", boxed, "anna", NULL);
    assert_true(vox_job_wait(click, 100.0));
    vox_job_describe(batch, &facts);
    assert_int_equal(VOX_JOB_RUNNING, facts.state);
    assert_true(vox_job_wait(batch, 300.0));
    vox_job_describe(batch, &facts);
    assert_int_equal(VOX_JOB_DONE, facts.state);
    vox_job_release(batch);
    vox_job_release(click);
    rig_close_queue(&rig);
}

/* Many jobs of several clients on two files: each gets its own mask. */
static void test_many(void **state)
{
    (void)state;
    enum { JOBS = 12 };
    static const char *const params[3] = {
        "{\"box\": {\"key\": 2, \"xyxy\": [8, 6, 30, 22], \"z\": [1, 4]}}",
        "{\"intersection\": [[20, 15, 2]], \"window\": [-100, 250]}",
        "{\"roi\": [10, 30, 5, 20, 1, 3], \"window\": \"full\", \"zoom\": 2}",
    };
    struct job_rig rig;
    struct vox_job *jobs[JOBS];
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    for (int i = 0; i < JOBS; i++) {
        char client[8];
        snprintf(client, sizeof(client), "c%d", i % 4);
        jobs[i] = rig_submit(&rig, "scan.nii", params[i % 3], client, NULL);
    }
    for (int i = 0; i < JOBS; i++) {
        assert_true(vox_job_wait(jobs[i], 100.0));
        vox_job_describe(jobs[i], &facts);
        assert_int_equal(VOX_JOB_DONE, facts.state);
        rig_expect_mask(facts.file, rig.model, "scan.nii", params[i % 3]);
        vox_job_release(jobs[i]);
    }
    rig_close_queue(&rig);
}

/* ---- stopping ---- */

static void test_cancel(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    rig_write_long("long.nii", 200);
    struct vox_job *job = rig_submit(&rig, "long.nii", whole, "", NULL);
    assert_true(await_slices(job, 5));
    vox_job_cancel(job);
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_CANCELLED, facts.state);
    assert_true(facts.done < 400);
    assert_null(facts.file);
    vox_job_cancel(job); /* has no effect */
    vox_job_release(job);
    assert_int_equal(1, vox_job_queue_counts(rig.queue).cancelled);
    rig_close_queue(&rig);
}

static void test_timeout(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    rig_write_long("long.nii", 400);
    struct vox_job_setup setup = rig_setup("long.nii", whole, "", NULL);
    struct vox_job *job;
    setup.timeout = 0.01;
    assert_int_equal(VOX_OK, vox_job_submit(rig.queue, &setup, &job, NULL));
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_FAILED, facts.state);
    assert_int_equal(VOX_E_BUSY, facts.code);
    assert_non_null(strstr(facts.message, "longer than"));
    vox_job_release(job);
    rig_close_queue(&rig);
}

static void note_end(void *context, struct vox_job *job)
{
    struct vox_job_facts facts;
    vox_job_describe(job, &facts);
    atomic_fetch_add((atomic_int *)context, facts.state == VOX_JOB_CANCELLED ? 1 : 100);
}

static void test_cancel_while_it_waits(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    atomic_int ends = 0;
    rig_open_queue(&rig, NULL, true);
    struct vox_job *first = rig_submit(&rig, "scan.nii", boxed, "", NULL);
    struct vox_job_setup setup = rig_setup("scan.nii", boxed, "", NULL);
    struct vox_job *job;
    setup.finished = note_end;
    setup.context = &ends;
    assert_int_equal(VOX_OK, vox_job_submit(rig.queue, &setup, &job, NULL));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_QUEUED, facts.state);
    assert_int_equal(1, facts.position);
    vox_job_cancel(job);
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_CANCELLED, facts.state);
    assert_int_equal(1, vox_job_queue_counts(rig.queue).cancelled);
    vox_job_release(job);
    rig_free_model(&rig);
    assert_true(vox_job_wait(first, 100.0));
    vox_job_release(first);
    assert_true(vox_job_queue_drain(rig.queue, 100.0));
    assert_int_equal(1, atomic_load(&ends));
    rig_close_queue(&rig);
}

static void test_full(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job *jobs[3];
    struct vox_err err = {0};
    const struct vox_job_queue_setup limits = {.max_waiting = 2};
    rig_open_queue(&rig, &limits, true);
    jobs[0] = rig_submit(&rig, "scan.nii", boxed, "", "a");
    struct vox_job_setup setup = rig_setup("scan.nii", boxed, "", "a");
    assert_int_equal(VOX_E_LIMIT, vox_job_submit(rig.queue, &setup, &jobs[1], &err));
    setup = rig_setup("scan.nii", boxed, "", "a/b");
    assert_int_equal(VOX_E_ARG, vox_job_submit(rig.queue, &setup, &jobs[1], &err));
    jobs[1] = rig_submit(&rig, "scan.nii", boxed, "", "b");
    setup = rig_setup("scan.nii", boxed, "", "c");
    assert_int_equal(VOX_E_BUSY, vox_job_submit(rig.queue, &setup, &jobs[2], &err));
    assert_non_null(strstr(err.msg, "later"));
    rig_free_model(&rig);
    assert_true(vox_job_queue_drain(rig.queue, 100.0));
    setup = rig_setup("scan.nii", boxed, "", "d");
    assert_int_equal(VOX_E_BUSY, vox_job_submit(rig.queue, &setup, &jobs[2], &err));
    vox_job_release(jobs[0]);
    vox_job_release(jobs[1]);
    rig_close_queue(&rig);
}

static void test_model_fails(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, true);
    struct vox_job *job = rig_submit(&rig, "scan.nii", boxed, "", NULL);
    rig_fail_model(&rig);
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_FAILED, facts.state);
    assert_string_equal("the model could not be opened: no such model", facts.message);
    vox_job_prefetch(rig.queue, "scan.nii");
    vox_job_release(job);
    rig_close_queue(&rig);
}

static void test_close_with_work(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job *jobs[4];
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    rig_write_long("long.nii", 400);
    for (int i = 0; i < 4; i++) {
        jobs[i] = rig_submit(&rig, "long.nii", whole, "anna", NULL);
    }
    assert_true(await_slices(jobs[0], 1));
    vox_job_queue_close(rig.queue);
    rig.queue = NULL;
    for (int i = 0; i < 4; i++) {
        vox_job_describe(jobs[i], &facts);
        assert_int_equal(VOX_JOB_CANCELLED, facts.state);
        vox_job_cancel(jobs[i]);
        vox_job_release(jobs[i]);
    }
    rig_close_queue(&rig);
}

/* ---- what is kept ---- */

static void test_old_jobs_go(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    const struct vox_job_queue_setup limits = {.keep_jobs = 2};
    char file[4096];
    rig_open_queue(&rig, &limits, false);
    rig_copy("scan.nii", "upload.nii");
    struct vox_job_setup setup = rig_setup("upload.nii", boxed, "", "one");
    struct vox_job *job;
    setup.own_image = true;
    assert_int_equal(VOX_OK, vox_job_submit(rig.queue, &setup, &job, NULL));
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_int_equal(VOX_JOB_DONE, facts.state);
    snprintf(file, sizeof(file), "%s", facts.file);
    for (int i = 0; i < 2; i++) {
        struct vox_job *other = rig_submit(&rig, "scan.nii", boxed, "", NULL);
        assert_true(vox_job_wait(other, 100.0));
        vox_job_release(other);
    }
    for (int i = 0; i < 10000; i++) {
        struct vox_job *found = vox_job_find(rig.queue, "one");
        if (found == NULL) {
            break;
        }
        vox_job_release(found);
        usleep(1000);
    }
    assert_null(vox_job_find(rig.queue, "one"));
    assert_int_equal(0, access(file, F_OK));
    assert_int_equal(0, access("upload.nii", F_OK));
    vox_job_release(job);
    /* The queue may hold it for a moment. */
    for (int i = 0; i < 10000 && access("upload.nii", F_OK) == 0; i++) {
        usleep(1000);
    }
    assert_int_not_equal(0, access(file, F_OK));
    assert_int_not_equal(0, access("upload.nii", F_OK));
    rig_close_queue(&rig);
    rmdir("private"); /* which is empty */
    assert_int_not_equal(0, access("private", F_OK));
}

/* ---- prefetching ---- */

static bool await_idle(struct vox_job_queue *queue, int64_t ended)
{
    for (int i = 0; i < 100000; i++) {
        struct vox_job_queue_counts counts = vox_job_queue_counts(queue);
        if (counts.done + counts.cancelled + counts.failed >= ended) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

static void test_prefetch(void **state)
{
    (void)state;
    struct job_rig rig;
    struct vox_job_facts facts;
    rig_open_queue(&rig, NULL, false);
    vox_job_prefetch(rig.queue, "scan.nii");
    assert_true(await_idle(rig.queue, 1));
    struct vox_job *job = rig_submit(&rig, "scan.nii", boxed, "", NULL);
    assert_true(vox_job_wait(job, 100.0));
    vox_job_describe(job, &facts);
    assert_non_null(strstr(facts.json, "\"encoded_slices\": 0,"));
    rig_expect_mask(facts.file, rig.model, "scan.nii", boxed);
    vox_job_release(job);
    rig_close_queue(&rig);
}

static void test_prefetch_is_given_up(void **state)
{
    (void)state;
    struct job_rig rig;
    rig_open_queue(&rig, NULL, false);
    rig_write_long("long.nii", 2000);
    vox_job_prefetch(rig.queue, "long.nii");
    while (vox_job_queue_counts(rig.queue).slices < 3) {
        usleep(1000);
    }
    struct vox_job *job = rig_submit(&rig, "scan.nii", boxed, "", NULL);
    assert_true(vox_job_wait(job, 100.0));
    assert_true(await_idle(rig.queue, 2));
    struct vox_job_queue_counts counts = vox_job_queue_counts(rig.queue);
    assert_int_equal(1, counts.done);
    assert_int_equal(1, counts.cancelled);
    vox_job_release(job);
    rig_close_queue(&rig);
}

/* What was opened is read again by the next queue. */
static void test_opened_often(void **state)
{
    (void)state;
    struct job_rig rig;
    const struct vox_job_queue_setup first = {.counts = "counts"};
    rig_open_queue(&rig, &first, false);
    vox_job_prefetch(rig.queue, "scan.nii");
    assert_true(await_idle(rig.queue, 1));
    rig_close_queue(&rig);
    assert_int_equal(0, access("counts", F_OK));
    for (int fits = 0; fits < 2; fits++) {
        const struct vox_job_queue_setup next = {
            .counts = "counts", .warm_bytes = fits == 0 ? 2 * RIG_VOXELS - 1 : 2 * RIG_VOXELS};
        rig_open_queue(&rig, &next, true);
        rig_free_model(&rig);
        assert_true(await_idle(rig.queue, 1));
        assert_int_equal(fits, rig_files_read(&rig));
        rig_close_queue(&rig);
    }
}

static int setup_folder(void **state)
{
    int failed = vox_enter_folder(state);
    if (failed == 0) {
        rig_write_scan();
    }
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job),
        cmocka_unit_test(test_no_prompt),
        cmocka_unit_test(test_no_image),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_a_click_goes_first),
        cmocka_unit_test(test_batch_gives_way),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_cancel_while_it_waits),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_model_fails),
        cmocka_unit_test(test_close_with_work),
        cmocka_unit_test(test_old_jobs_go),
        cmocka_unit_test(test_prefetch),
        cmocka_unit_test(test_prefetch_is_given_up),
        cmocka_unit_test(test_opened_often),
    };
    return cmocka_run_group_tests(tests, setup_folder, vox_leave_folder);
}
