/* Plans that are put together by hand, and runs over them with trackers that take notes
 * (fake_tracker.h). Functions end the test where they fail. */
#ifndef VOX_TESTS_FLOW_SCENE_H
#define VOX_TESTS_FLOW_SCENE_H

#include "fake_tracker.h"
#include "pipeline/object_run.h"

enum {
    FLOW_WIDTH = 100,
    FLOW_HEIGHT = 80,
    FLOW_DEPTH = 14,
    FLOW_PROMPTS = 4,
    FLOW_CORRECTIONS = 8
};

struct flow_plan {
    struct vox_plan_image image;
    struct vox_plan_object plan;
    struct vox_plan_prompt prompts[FLOW_PROMPTS];
    struct vox_plan_correction corrections[FLOW_CORRECTIONS];
    struct vox_plan_cut cuts[FLOW_DEPTH];
    struct vox_mask_ask mask;
};
extern struct flow_plan flow;

/* What the events of a call said. */
struct flow_events {
    int64_t slices, restarts, done, total;
    bool fell; /* done fell without a restart, or passed the total */
};
extern struct flow_events flow_seen;
extern const struct vox_watch flow_watch; /* cancelled by the scene of the trackers */

extern struct vox_plan_click flow_click; /* positive, at 30, 20 */
extern struct vox_plan_click flow_other; /* negative, at 31.5, 21 */

/* A window of 48 x 32 voxels from 8, 16 on; borders first ... last, or free; no prompt yet. */
void flow_begin(int64_t first, int64_t last, bool open, enum vox_passes passes);

/* Adds to the plan: a bare prompt, a box (10, 20.5, 18, 26), flow_click, a correction of
 * flow_other. */
struct vox_plan_prompt *flow_prompt(int64_t k);
void flow_box(int64_t k);
void flow_clicks(int64_t k);
void flow_correct(int64_t k);
struct vox_plan_correction flow_correction(int64_t k);

struct vox_object_run *flow_open(void);
/* A run that has gone; its progress was sound. */
struct vox_object_run *flow_go(void);
/* One more correction. */
void flow_continue(struct vox_object_run *run, int64_t k);

void flow_expect_log(const char *wanted);
/* The slices that were visited, by pass: "2-6 3-5". */
void flow_expect_visited(const struct vox_object_run *run, const char *wanted);
/* Slice and slices of a correction: "4: 2 3". */
void flow_expect_retracked(const struct vox_object_run *run, int64_t index, const char *wanted);

/* As a teardown: no tracker is left. */
int flow_nothing_is_left(void **state);

#endif
