/* A box on one slice, as a user gives it. */
#ifndef VOX_PIPELINE_BOX_PROMPT_H
#define VOX_PIPELINE_BOX_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/* Stored voxel indices; corners are voxels inside the box and may lie between voxels. */
struct vox_box_prompt {
    int64_t key;         /* the slice that the box is on */
    double corners[4];   /* i0, j0, i1, j1 */
    bool bounded;        /* first and last are given; else the whole volume is meant */
    int64_t first, last; /* slices outside stay empty */
};

/* Sorts the corners and the slices, cuts the box to the slice and fills first and last where they
 * are not given. *cut, if not NULL, says whether the box reached beyond the slice. VOX_E_ARG where
 * a corner is not finite, the box lies wholly outside, or a slice is not there or the key slice not
 * between first and last. */
enum vox_code vox_box_prompt_fit(struct vox_box_prompt *prompt, const int64_t size[3], bool *cut,
                                 struct vox_err *err) VOX_MUST_USE;

#endif
