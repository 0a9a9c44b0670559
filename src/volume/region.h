/* Regions: the voxels of a grid of label numbers that hold one number.
 *
 * A grid of label numbers has 0 where nothing is and 1 ... n elsewhere, one 16-bit number per
 * voxel, i fastest. */
#ifndef VOX_VOLUME_REGION_H
#define VOX_VOLUME_REGION_H

#include <stdbool.h>
#include <stdint.h>

/* Plain data. */
struct vox_region {
    const uint16_t *voxels; /* the whole grid, borrowed; may be NULL where count is 0 */
    uint16_t value;         /* the number that the region's voxels hold, not 0 */
    int64_t count;          /* voxels of the region */
    int64_t low[3];         /* the box around the region, both ends inside; meaningless where */
    int64_t high[3];        /* count is 0 */
};

/* Fills regions[0 ... n - 1] for the numbers 1 ... n in one pass over the grid; larger numbers in
 * it count as 0. */
void vox_regions_find(const uint16_t *voxels, const int64_t size[3], struct vox_region *regions,
                      int n);

/* The part of a region that lies on slice k, with its own box. */
void vox_region_slice(const struct vox_region *region, const int64_t size[3], int64_t k,
                      struct vox_region *out);

#endif
