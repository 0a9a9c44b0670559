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

#include "pipeline/watch.h"
#include "util/error.h"
#include "volume/slice_source.h"

/* Where the bounds of a window come from. The named windows are those that radiology departments
 * use for CT (Radiopaedia, "Windowing (CT)"), in Hounsfield units; that of the abdomen is
 * the one that MedSAM2 was trained with. */
enum vox_window_rule {
    VOX_WINDOW_GIVEN,       /* the user's bounds */
    VOX_WINDOW_AS_IS,       /* bytes stay as they are */
    VOX_WINDOW_ABDOMEN,     /* -160 ... 240: centre 40, width 400 */
    VOX_WINDOW_PERCENTILES, /* 0.5 and 99.5 percent of the voxels > 0 */
    VOX_WINDOW_LUNG,        /* -1350 ... 150: centre -600, width 1500 */
    VOX_WINDOW_BONE,        /* -500 ... 1300: centre 400, width 1800 */
    VOX_WINDOW_BRAIN,       /* 0 ... 80: centre 40, width 80 */
    VOX_WINDOW_MEDIASTINUM, /* -125 ... 225: centre 50, width 350 */
    VOX_WINDOW_FULL         /* nothing is clipped */
};

/* "given", "as is", "abdomen", "percentiles", "lung", "bone", "brain", "mediastinum", "full";
 * static. */
const char *vox_window_rule_name(enum vox_window_rule rule);

/* What the user asks for. */
struct vox_window {
    bool automatic;            /* all is found as vox_intensity_prepare says */
    enum vox_window_rule rule; /* GIVEN, FULL or a named window; of no matter if automatic */
    double low, high;          /* finite, low < high; of no matter if automatic or FULL */
};

/* The window of this name: abdomen, lung, bone, brain, mediastinum, full, auto. False, and *out
 * untouched, for any other. */
bool vox_window_preset(const char *name, struct vox_window *out);

/* How one volume's voxels become bytes. Plain data; may be kept with the volume. */
struct vox_intensity {
    enum vox_window_rule rule;
    double low, high;   /* bounds of the clipping: with AS_IS 0 and 255, with FULL the range */
    double min, max;    /* range of the clipped volume */
    int64_t not_finite; /* voxels that are NaN or infinite */
    bool flat;          /* max == min: every byte becomes 0 */
    bool single;        /* float32 arithmetic */
};

/* Looks at all voxels in one pass, slice by slice, or not at all where bytes stay as they are; for
 * percentiles of voxels with more than 16 bits in two or three passes. The automatic window:
 * unscaled uint8 as it is; a minimum of -500 or less takes the abdomen window; all others the
 * percentiles, interpolated as numpy.percentile does on doubles, and voxels of 0 become 0.
 * VOX_E_ARG for bad bounds, VOX_E_LIMIT where a slice has more than VOX_SLICE_MAX_PIXELS,
 * VOX_E_NOMEM, and the errors of the source. */
enum vox_code vox_intensity_prepare(struct vox_slice_source *source,
                                    const struct vox_window *window, struct vox_intensity *out,
                                    struct vox_err *err) VOX_MUST_USE;

/* The same; `watch` is looked at for each slice. VOX_E_CANCELLED. */
enum vox_code vox_intensity_prepare_watched(struct vox_slice_source *source,
                                            const struct vox_window *window,
                                            const struct vox_watch *watch,
                                            struct vox_intensity *out,
                                            struct vox_err *err) VOX_MUST_USE;

/* Whether both ask for the same bounds. */
bool vox_window_equal(const struct vox_window *a, const struct vox_window *b);

enum { VOX_SLICE_MAX_PIXELS = 1 << 26 };

/* Slice k as bytes into out (w * h); work is room for w * h doubles. The errors of the source: none
 * where it is resident. */
enum vox_code vox_intensity_slice(struct vox_slice_source *source,
                                  const struct vox_intensity *intensity, int64_t k, double *work,
                                  uint8_t *out, struct vox_err *err) VOX_MUST_USE;

#endif
