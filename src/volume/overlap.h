/* How much two regions of one grid overlap. */
#ifndef VOX_VOLUME_OVERLAP_H
#define VOX_VOLUME_OVERLAP_H

#include <stdint.h>

#include "volume/region.h"

/* Voxels in both regions. */
int64_t vox_overlap_count(const struct vox_region *a, const struct vox_region *b);

/* Dice: 2 |A and B| / (|A| + |B|), and Jaccard: |A and B| / |A or B|, from the numbers of voxels.
 * Both are 1 where both regions are empty, for they agree. */
double vox_overlap_dice(int64_t a, int64_t b, int64_t both);
double vox_overlap_jaccard(int64_t a, int64_t b, int64_t both);

#endif
