/* Percentiles of a volume without a copy of it: its order statistics are found digit by digit. */
#ifndef VOX_PIPELINE_PERCENTILE_H
#define VOX_PIPELINE_PERCENTILE_H

#include <stdint.h>

#include "util/error.h"
#include "volume/volume.h"

enum { VOX_PERCENTILES_MAX = 2 };

/* values[i] = the quantile fractions[i] (0 ... 1) of the finite voxels > 0, interpolated linearly
 * as numpy.quantile does on doubles; 0 where no voxel is > 0. n is at most VOX_PERCENTILES_MAX;
 * work is room for w * h doubles. VOX_E_NOMEM. */
enum vox_code vox_percentiles_positive(const struct vox_volume *volume, const double *fractions,
                                       int n, double *work, double *values,
                                       struct vox_err *err) VOX_MUST_USE;

#endif
