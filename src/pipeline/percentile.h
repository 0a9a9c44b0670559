/* Range and percentiles of an image's voxels, without a copy of them and in few passes: one for the
 * range, and for the percentiles too where the stored voxels have 8 or 16 bits; else one or two
 * more. */
#ifndef VOX_PIPELINE_PERCENTILE_H
#define VOX_PIPELINE_PERCENTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/watch.h"
#include "util/error.h"
#include "volume/slice_source.h"

/* What one pass over all voxels tells. */
struct vox_value_survey;

struct vox_value_range {
    double min, max;    /* of the finite voxels; min > max where there are none */
    int64_t not_finite; /* voxels that are NaN or infinite */
};

/* Reads each slice once, in ascending order. `percentiles` says whether they may be asked for;
 * `work` is room for w * h doubles; watch (NULL: none) is looked at for each slice here and below.
 * The caller owns *out. VOX_E_NOMEM, VOX_E_CANCELLED, and the errors of the source. */
enum vox_code vox_value_survey_new(struct vox_slice_source *source, bool percentiles, double *work,
                                   const struct vox_watch *watch, struct vox_value_survey **out,
                                   struct vox_err *err) VOX_MUST_USE;
void vox_value_survey_free(struct vox_value_survey *survey); /* NULL is allowed */

struct vox_value_range vox_value_survey_range(const struct vox_value_survey *survey);

enum { VOX_PERCENTILES_MAX = 2 };

/* values[i] = the quantile fractions[i] (0 ... 1) of the finite voxels > 0, interpolated linearly
 * as numpy.quantile does on doubles; 0 where no voxel is > 0. n is at most VOX_PERCENTILES_MAX;
 * source and work are those of vox_value_survey_new. */
enum vox_code vox_value_survey_percentiles(const struct vox_value_survey *survey,
                                           struct vox_slice_source *source, const double *fractions,
                                           int n, double *work, double *values,
                                           struct vox_err *err) VOX_MUST_USE;

#endif
