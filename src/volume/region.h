/* Regions: the voxels of one structure, as a mask of the box around them. */
#ifndef VOX_VOLUME_REGION_H
#define VOX_VOLUME_REGION_H

#include <stdint.h>

#include "util/error.h"

/* Plain data. */
struct vox_region {
    int64_t count;   /* voxels; where it is 0 there is no box and no mask */
    int64_t low[3];  /* the box's first voxel on the grid */
    int64_t size[3]; /* of the box */
    uint8_t *mask;   /* 1 inside, 0 outside; the box's voxels, i fastest */
};

/* Where the voxels come from: gives slice k of the grid, w * h bytes of 1 and 0, and returns how
 * many are 1. Asked twice for some slices. */
struct vox_region_source {
    int64_t (*slice)(void *context, int64_t k, uint8_t *mask);
    void *context;
};

/* Reads a region from a grid of this size. The caller ends *out with vox_region_free. VOX_E_NOMEM.
 */
enum vox_code vox_region_read(const struct vox_region_source *source, const int64_t size[3],
                              struct vox_region *out, struct vox_err *err) VOX_MUST_USE;

void vox_region_free(struct vox_region *region); /* all zero is allowed */

/* The part of a region that lies on slice k of the grid; its box may be larger than it needs to be,
 * and its mask is borrowed from the region. */
struct vox_region vox_region_slice(const struct vox_region *region, int64_t k);

#endif
