/* Grey values for the network: an intensity window, then 0 ... 255 over the range of the whole
 * clipped volume.
 *
 * The arithmetic is that of numpy in medsam2_infer_3D_CT.py of the MedSAM2 repository: A = clip(V,
 * low, high); B = (A - min A) / (max A - min A) * 255, truncated to 8 bits; in double, or in
 * float32 where the volume holds unscaled float32. Values that are no finite numbers count as the
 * minimum. */
#ifndef VOX_PIPELINE_INTENSITY_H
#define VOX_PIPELINE_INTENSITY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "volume/volume.h"

/* What the user asks for. */
struct vox_window {
    bool automatic;   /* low and high are found as vox_intensity_prepare says */
    double low, high; /* finite, low < high */
};

enum vox_window_rule {
    VOX_WINDOW_GIVEN,      /* the user's bounds */
    VOX_WINDOW_AS_IS,      /* bytes stay as they are */
    VOX_WINDOW_ABDOMEN,    /* -160 ... 240 Hounsfield units (centre 40, width 400) */
    VOX_WINDOW_PERCENTILES /* 0.5 and 99.5 percent of the voxels > 0 */
};

/* "given", "as is", "abdomen", "percentiles"; static. */
const char *vox_window_rule_name(enum vox_window_rule rule);

/* How one volume's voxels become bytes. Plain data; may be kept with the volume. */
struct vox_intensity {
    enum vox_window_rule rule;
    double low, high;   /* bounds of the clipping; with VOX_WINDOW_AS_IS 0 and 255 */
    double min, max;    /* range of the clipped volume */
    int64_t not_finite; /* voxels that are NaN or infinite */
    bool flat;          /* max == min: every byte becomes 0 */
    bool single;        /* float32 arithmetic */
};

/* Looks at the whole volume once, slice by slice (several times where percentiles are needed).
 * The automatic window: unscaled uint8 as it is; a minimum of -500 or less takes the abdomen
 * window; all others the percentiles, interpolated as numpy.percentile does on doubles. VOX_E_ARG
 * for bad bounds, VOX_E_LIMIT where a slice has more than VOX_SLICE_MAX_PIXELS, VOX_E_NOMEM. */
enum vox_code vox_intensity_prepare(const struct vox_volume *volume,
                                    const struct vox_window *window, struct vox_intensity *out,
                                    struct vox_err *err) VOX_MUST_USE;

enum { VOX_SLICE_MAX_PIXELS = 1 << 26 };

/* Slice k as bytes into out (w * h); work is room for w * h doubles. */
void vox_intensity_slice(const struct vox_volume *volume, const struct vox_intensity *intensity,
                         int64_t k, double *work, uint8_t *out);

#endif
