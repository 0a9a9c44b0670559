/* Distances between the surfaces of two regions, in millimetres.
 *
 * The surface of a region is the set of its voxels that have one of the six voxels next to them
 * outside the region or outside the grid: what scipy.ndimage.binary_erosion with its default
 * structure takes away. So MONAI (monai/metrics/utils.py, get_mask_edges) and MedPy
 * (medpy/metric/binary.py) have it. Along an axis on which the grid has one voxel nothing lies
 * next to a voxel: a single slice is measured in its plane.
 *
 * A distance is that of two voxel centres, exactly as the affine places them, also where the axes
 * are not at right angles (gantry tilt). The nearest one is searched in a k-d tree (Bentley 1975),
 * whose memory grows with the surface and not with the box around it. */
#ifndef VOX_VOLUME_SURFACE_DISTANCE_H
#define VOX_VOLUME_SURFACE_DISTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/region.h"

enum { VOX_SURFACE_MAX_VOXELS = 1 << 27 }; /* 1.5 GiB each */

/* The surface of one region; belongs to one thread at a time. */
struct vox_surface;

/* `affine` is the grid's (volume/geometry.h), only read; the region may be empty. The caller owns
 * *out. VOX_E_LIMIT beyond VOX_SURFACE_MAX_VOXELS or where a side of the grid does not fit 31 bits,
 * VOX_E_NOMEM. */
enum vox_code vox_surface_new(const struct vox_region *region, const int64_t size[3],
                              double affine[3][4], struct vox_surface **out,
                              struct vox_err *err) VOX_MUST_USE;

/* As if the region's grid had only slice k: neighbours and distances are those of the plane. */
enum vox_code vox_surface_new_slice(const struct vox_region *region, const int64_t size[3],
                                    int64_t k, double affine[3][4], struct vox_surface **out,
                                    struct vox_err *err) VOX_MUST_USE;

void vox_surface_free(struct vox_surface *surface); /* NULL is allowed */

int64_t vox_surface_count(const struct vox_surface *surface); /* voxels */

struct vox_surface_agreement {
    bool defined; /* neither surface is empty; else the next is 0 */
    double hd95;  /* mm: the 95th percentile of the distances from each voxel of A's surface to B's
                     surface, the same from B to A, and of these two the larger. Percentiles are
                     interpolated linearly, as numpy.percentile does. So MONAI's
                     compute_hausdorff_distance(percentile=95) has it; MedPy's hd95 pools both sets
                     of distances and gets a lower number. */
    double surface_dice; /* the share of the voxels of both surfaces that lie within the tolerance
                            of the other: Nikolov et al. 2021 (doi:10.2196/26151) with voxels in
                            place of areas, as MONAI's compute_surface_dice. 1 where both are empty,
                            0 where one is. */
};

/* Compares two surfaces of one grid. `tolerance` is in mm, at least 0; a distance that is larger by
 * less than a millionth of it, which single-precision headers bring about, counts as within.
 * VOX_E_NOMEM. */
enum vox_code vox_surface_compare(const struct vox_surface *a, const struct vox_surface *b,
                                  double tolerance, struct vox_surface_agreement *out,
                                  struct vox_err *err) VOX_MUST_USE;

#endif
