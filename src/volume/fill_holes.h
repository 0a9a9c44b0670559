/* Holes of binary masks, slice by slice. */
#ifndef VOX_VOLUME_FILL_HOLES_H
#define VOX_VOLUME_FILL_HOLES_H

#include <stdint.h>

#include "util/error.h"

/* Sets to 1 the zero voxels of mask (w x h x d, i fastest) that lie in a hole of their slice: from
 * which no way over zero voxels of that slice, along i and j, leads to the slice's edge
 * (scipy.ndimage.binary_fill_holes on each slice, with its default structure). A side is at least
 * 1. VOX_E_LIMIT beyond 2^31 - 1 voxels in a slice, VOX_E_NOMEM; the mask is then as it was. */
enum vox_code vox_fill_holes(uint8_t *mask, const int64_t size[3],
                             struct vox_err *err) VOX_MUST_USE;

#endif
