/* Objects to be combined, put together by hand (fake_object_run.c stands in for their runs).
 * Functions end the test where they fail. */
#ifndef VOX_TESTS_COMBINE_SCENE_H
#define VOX_TESTS_COMBINE_SCENE_H

#include "naive_combine.h"

enum { SCENE_LABELS = 4 };

extern const struct vox_labels scene_labels;
extern const struct vox_plan_image scene_image;

struct combine_scene {
    struct fake_run runs[COMBINE_OBJECTS];
    struct vox_plan_object plans[COMBINE_OBJECTS];
    struct vox_plan_cut cuts[COMBINE_OBJECTS][COMBINE_DEPTH];
    struct vox_combine_options options;
    int n; /* objects */
};
extern struct combine_scene scene;

struct combine_result {
    struct vox_label_slab slab;
    struct vox_object_scores scores[COMBINE_OBJECTS];
    struct vox_label_count counts[SCENE_LABELS + 1];
    uint16_t values[COMBINE_VOXELS]; /* the slab on the whole image */
};
extern struct combine_result scene_result;

/* One object of two passes over slices 1 ... 5, whole slices, nothing found. */
void scene_begin(void);

int64_t scene_at(int64_t i, int64_t j, int64_t k);

/* A voxel in one pass (0, 1) or both (2). */
void scene_put(int object, int pass, int64_t i, int64_t j, int64_t k, float logit);

/* Into scene_result, without values. */
enum vox_code scene_combine(const struct vox_watch *watch, struct vox_err *err);

/* With values; counts are those of the map, and the slab holds what it must. */
void scene_must_combine(void);

#endif
