/* What the passes say of the voxels of one slice: nothing, agreed, or uncertain. */
#ifndef VOX_PIPELINE_AGREEMENT_H
#define VOX_PIPELINE_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/prompt_plan.h"

enum { VOX_VOXEL_EMPTY, VOX_VOXEL_AGREED, VOX_VOXEL_UNCERTAIN };

/* The part of a slice that a window shows. */
struct vox_slice_patch {
    int64_t lo[2], size[2]; /* i and j */
};
struct vox_slice_patch vox_slice_patch(const struct vox_zoom_window *window,
                                       const int64_t slice[2]);

/* Fills states (of the patch, rows of j) from the logits of one or two passes, each of the whole
 * window. With two passes a voxel is agreed where both are > 0 and uncertain where one is; with
 * `either`, or one pass, it is agreed where any is. Outside of the cut (NULL: none) it is empty. */
void vox_agree(const float *const logits[2], int n_passes, bool either,
               const struct vox_zoom_window *window, const struct vox_slice_patch *patch,
               const struct vox_plan_cut *cut, uint8_t *states);

/* The cut of slice k; NULL where it is not cut. */
const struct vox_plan_cut *vox_plan_cut_at(const struct vox_plan_object *plan, int64_t k);

#endif
