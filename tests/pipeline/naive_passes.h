/* The passes of one object once more, written down plainly over the tracker: each pass by itself,
 * from the beginning, its results copied as they come. Functions end the test where they fail. */
#ifndef VOX_TESTS_NAIVE_PASSES_H
#define VOX_TESTS_NAIVE_PASSES_H

#include "run_rig.h"

struct naive_pass {
    bool reverse;
    float *logits[RIG_DEPTH]; /* of the window; NULL where it was not */
    float scores[RIG_DEPTH];
};

struct naive_result {
    struct vox_zoom_window window;
    int64_t first, last;
    int n_passes;
    struct naive_pass passes[2];
    int restarts;
};

/* The plan's object with its corrections and n more. */
void naive_run(struct rig *rig, const struct rig_job *job, int object,
               const struct vox_plan_correction *more, int64_t n, struct naive_result *out);
void naive_end(struct naive_result *result);

/* The run holds that result, bit for bit. */
void naive_expect(const struct naive_result *result, const struct vox_object_run *run);

#endif
