#include "flow_scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct flow_plan flow;
struct flow_events flow_seen;
struct vox_plan_click flow_click = {30.0, 20.0, true};
struct vox_plan_click flow_other = {31.5, 21.0, false};

static void watch_event(void *context, const struct vox_event *event)
{
    assert_ptr_equal(&flow, context);
    assert_true(event->seconds >= 0.0);
    assert_string_equal("track", event->step);
    if (event->kind == VOX_EVENT_RESTART) {
        flow_seen.restarts++;
        assert_int_equal(0, event->done);
    } else {
        flow_seen.slices++;
        flow_seen.fell =
            flow_seen.fell || event->done != flow_seen.done + 1 || event->done > event->total;
    }
    flow_seen.done = event->done;
    flow_seen.total = event->total;
}

const struct vox_watch flow_watch = {
    .event = watch_event, .context = &flow, .cancel = &fake.cancel};

void flow_begin(int64_t first, int64_t last, bool open, enum vox_passes passes)
{
    fake_reset();
    memset(&flow, 0, sizeof(flow));
    memset(&flow_seen, 0, sizeof(flow_seen));
    flow.image = (struct vox_plan_image){{FLOW_WIDTH, FLOW_HEIGHT, FLOW_DEPTH}, {1.0, 1.0, 3.0}};
    flow.plan = (struct vox_plan_object){
        .prompts = flow.prompts,
        .corrections = flow.corrections,
        .first = first,
        .last = last,
        .free = open,
        .passes = passes,
        .clip = VOX_CLIP_OFF,
        .cuts = flow.cuts,
        .window = {.origin = {8, 16}, .size = {48, 32}},
        .length = 32.0,
        .centre = {30.0, 30.0},
    };
}

struct vox_plan_prompt *flow_prompt(int64_t k)
{
    struct vox_plan_prompt *added = &flow.prompts[flow.plan.n_prompts++];
    *added = (struct vox_plan_prompt){.k = k};
    return added;
}

void flow_box(int64_t k)
{
    struct vox_plan_prompt *added = flow_prompt(k);
    added->boxed = true;
    added->box = (struct vox_rect){10.0, 20.5, 18.0, 26.0};
}

void flow_clicks(int64_t k)
{
    struct vox_plan_prompt *added = flow_prompt(k);
    added->clicks = &flow_click;
    added->n_clicks = 1;
}

struct vox_plan_correction flow_correction(int64_t k)
{
    return (struct vox_plan_correction){.k = k, .clicks = &flow_other, .n_clicks = 1};
}

void flow_correct(int64_t k)
{
    flow.corrections[flow.plan.n_corrections++] = flow_correction(k);
}

struct vox_object_run *flow_open(void)
{
    const struct vox_object_setup setup = {
        .plan = &flow.plan, .image = &flow.image, .mask = &flow.mask};
    struct vox_object_run *run = NULL;
    struct vox_err err = {0};
    if (vox_object_run_new(&setup, &run, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    return run;
}

static void expect_progress(void)
{
    assert_false(flow_seen.fell);
    assert_int_equal(flow_seen.total, flow_seen.done);
}

struct vox_object_run *flow_go(void)
{
    struct vox_object_run *run = flow_open();
    struct vox_err err = {0};
    if (vox_object_run_go(run, &flow_watch, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    expect_progress();
    assert_int_equal(0, fake.features_open);
    return run;
}

void flow_continue(struct vox_object_run *run, int64_t k)
{
    const struct vox_plan_correction added = flow_correction(k);
    struct vox_err err = {0};
    flow_seen.done = flow_seen.total = 0;
    if (vox_object_run_correct(run, &added, 1, &flow_watch, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    expect_progress();
    assert_int_equal(0, fake.features_open);
}

void flow_expect_log(const char *wanted)
{
    assert_string_equal(wanted, fake_take_log());
}

void flow_expect_visited(const struct vox_object_run *run, const char *wanted)
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

void flow_expect_retracked(const struct vox_object_run *run, int64_t index, const char *wanted)
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

int flow_nothing_is_left(void **state)
{
    (void)state;
    return fake.features_open == 0 && fake.trackers_open == 0 ? 0 : -1;
}
