/* Connected components of binary volumes. */
#ifndef VOX_VOLUME_COMPONENTS_H
#define VOX_VOLUME_COMPONENTS_H

#include <stdint.h>

#include "util/error.h"

/* Whether vox_largest_component takes volumes of this size: VOX_E_ARG for a side below 1,
 * VOX_E_LIMIT beyond 2^32 - 2 voxels. */
enum vox_code vox_components_check(const int64_t size[3], struct vox_err *err) VOX_MUST_USE;

/* Keeps the largest 26-connected component of the non-zero voxels of mask (w x h x d, i fastest)
 * and clears the rest; of equally large ones the one whose first voxel comes first in storage order
 * stays. *voxels, if not NULL, gets its size (0 for an empty mask). The errors of
 * vox_components_check and VOX_E_NOMEM leave the mask as it was. */
enum vox_code vox_largest_component(uint8_t *mask, const int64_t size[3], int64_t *voxels,
                                    struct vox_err *err) VOX_MUST_USE;

/* Keeps the 26-connected component that holds the voxel at `place` (an index into mask; that voxel
 * is not zero) and clears the rest. Errors as above. */
enum vox_code vox_component_at(uint8_t *mask, const int64_t size[3], int64_t place,
                               struct vox_err *err) VOX_MUST_USE;

#endif
