/* From the passes of all objects to one map of label values: agreement, clean-up, and who owns a
 * voxel that two objects claim. All on the image's own grid. */
#ifndef VOX_PIPELINE_COMBINE_H
#define VOX_PIPELINE_COMBINE_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/labels.h"
#include "pipeline/object_run.h"

struct vox_combine_options {
    bool largest_cc;
    bool fill_holes;
    bool keep_uncertain;
};

/* Label values on consecutive slices; empty elsewhere. */
struct vox_label_slab {
    int64_t size[3];  /* of the image */
    int64_t first, n; /* slices; n is 0 where nothing was found */
    uint16_t *values; /* n * h * w */
};
void vox_label_slab_fini(struct vox_label_slab *slab); /* all zero is allowed */

/* Voxels of one value. */
struct vox_label_count {
    int64_t voxels;
    int64_t lo[3], hi[3]; /* inclusive; not set where there are none */
};

/* How sure the network is of one object. Values that do not exist are NaN. */
struct vox_object_scores {
    double
        agreement_dice; /* forward against backward, inside borders and cuts, before the clean-up;
                           where both passes cover the same slices and either found something */
    double entropy;     /* mean binary entropy (bits) of the mean logit inside the 3D box: on each
                           slice the rectangles that hold there, else those of the whole object;
                           of an object without rectangles the box around all voxels of either
                           pass. What lies outside of the window does not count. */
};

/* Combines n objects; their order does not matter. runs[i] belongs to plans[i]; scores is room for
 * n; counts for labels->n + 1, the uncertain value last. VOX_E_CANCELLED, VOX_E_LIMIT, VOX_E_NOMEM.
 */
enum vox_code vox_combine(const struct vox_object_run *const *runs,
                          const struct vox_plan_object *const *plans, int n,
                          const struct vox_plan_image *image, const struct vox_labels *labels,
                          const struct vox_combine_options *options, const struct vox_watch *watch,
                          struct vox_label_slab *out, struct vox_object_scores *scores,
                          struct vox_label_count *counts, struct vox_err *err) VOX_MUST_USE;

#endif
