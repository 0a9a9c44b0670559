/* The grid that two label files have in common. */
#ifndef VOX_APP_COMPARE_GRID_H
#define VOX_APP_COMPARE_GRID_H

#include <stdint.h>

#include "volume/label_map.h"

struct vox_common_grid {
    struct vox_volume grid; /* sizes and place; no voxels */
    int64_t first_slice;    /* number of its slice 0 in the file that counts them: A, or B where
                               only B is without segments */
    int64_t sides[3];       /* sizes for what asks how many voxels an axis has: cropped files are
                               parts of larger images */
};

/* Lays both maps upon one grid. Files must agree in size and place; those with segments, which
 * 3D Slicer crops, must have their voxels at the same places and may cover different parts.
 * VOX_E_ARG says how they differ. */
enum vox_code vox_common_grid_find(struct vox_label_map *a, struct vox_label_map *b,
                                   struct vox_common_grid *out, struct vox_err *err) VOX_MUST_USE;

#endif
