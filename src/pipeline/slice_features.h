/* The features of a volume's slices, made when they are asked for: intensity window, resize, image
 * encoder. A bounded number of them is kept. */
#ifndef VOX_PIPELINE_SLICE_FEATURES_H
#define VOX_PIPELINE_SLICE_FEATURES_H

#include <stdatomic.h>
#include <stdint.h>

#include "model/tracker.h"
#include "pipeline/intensity.h"
#include "volume/volume.h"

/* All pointers are borrowed and must outlive the features. */
struct vox_slice_features_setup {
    struct vox_network *network;
    const struct vox_volume *volume;
    const struct vox_intensity *intensity;
    int64_t first;            /* the volume's slice that is frame 0 */
    int64_t frames;           /* slices from there on */
    int64_t capacity;         /* slices whose features are kept, at least 2 */
    const atomic_int *cancel; /* not 0: stop with VOX_E_CANCELLED; NULL: never */
};

/* Belongs to one thread at a time. */
struct vox_slice_features;

/* VOX_E_LIMIT where a slice is too large, VOX_E_ARG for a slab that leaves the volume, VOX_E_NOMEM.
 */
enum vox_code vox_slice_features_new(const struct vox_slice_features_setup *setup,
                                     struct vox_slice_features **out,
                                     struct vox_err *err) VOX_MUST_USE;
void vox_slice_features_free(struct vox_slice_features *features); /* NULL is allowed */

/* What a tracker asks. Looks at the cancel flag first, and again after a slice was encoded.
 * Features stay valid until the next call; those of the frame of vox_slice_features_keep always. */
struct vox_feature_source vox_slice_features_source(struct vox_slice_features *features);

/* The frame that is never thrown out for another; -1 for none. */
void vox_slice_features_keep(struct vox_slice_features *features, int64_t frame);

/* What was done so far. */
struct vox_slice_features_work {
    int64_t encoded;       /* slices */
    double window_seconds; /* intensity window and resize */
    double encode_seconds;
};
struct vox_slice_features_work vox_slice_features_work(const struct vox_slice_features *features);

#endif
