/* Combining once more, written down plainly: whole images, one voxel after the other. */
#ifndef VOX_TESTS_NAIVE_COMBINE_H
#define VOX_TESTS_NAIVE_COMBINE_H

#include "pipeline/combine.h"

enum { COMBINE_WIDTH = 14, COMBINE_HEIGHT = 11, COMBINE_DEPTH = 7, COMBINE_OBJECTS = 3 };
enum {
    COMBINE_PIXELS = COMBINE_WIDTH * COMBINE_HEIGHT,
    COMBINE_VOXELS = COMBINE_PIXELS * COMBINE_DEPTH
};

/* What stands in for a run: logits of each pass on the whole image. Link fake_object_run.c into the
 * test. Runs are borrowed as `const struct vox_object_run *`. */
struct fake_run {
    struct vox_object_outcome outcome;
    float scores[2][COMBINE_DEPTH];
    bool visited[2][COMBINE_DEPTH];
    float logits[2][COMBINE_VOXELS]; /* what lies outside of the window is not asked for */
    int fails_at;                    /* the look at logits that fails; 0: none */
    int looks;
};

/* Lets the passes of the outcome point into the run; slices from first on. */
void fake_run_passes(struct fake_run *run, int n_passes, const int64_t first[2],
                     const int64_t n[2]);

struct naive_map {
    uint16_t values[COMBINE_VOXELS];
    double dice[COMBINE_OBJECTS];
};

/* n objects with the labels of their plans, of n_labels. */
void naive_combine(const struct fake_run *runs, const struct vox_plan_object *plans, int n,
                   int n_labels, const struct vox_combine_options *options, struct naive_map *out);

/* The mean binary entropy inside rectangles, or the box of what was found. */
double naive_entropy(const struct fake_run *run, const struct vox_plan_object *plan);

#endif
