/* The features of a volume's slices, made when they are asked for: intensity window, zoom window,
 * resize, image encoder. What was encoded before is taken from a store. */
#ifndef VOX_PIPELINE_SLICE_FEATURES_H
#define VOX_PIPELINE_SLICE_FEATURES_H

#include <stdint.h>

#include "model/tracker.h"
#include "pipeline/feature_store.h"
#include "pipeline/intensity.h"
#include "pipeline/watch.h"
#include "pipeline/zoom.h"
#include "volume/slice_source.h"

/* All pointers are borrowed and must outlive the features. */
struct vox_slice_features_setup {
    struct vox_network *network;
    struct vox_slice_source *slices;
    const struct vox_intensity *intensity; /* of the whole volume */
    struct vox_zoom_window window;         /* of every slice; it may reach beyond the slice */
    int64_t first;                         /* the volume's slice that is frame 0 */
    int64_t frames;                        /* slices from there on */
    struct vox_feature_store *store;       /* of this network; never NULL */
    const struct vox_watch *watch;         /* who may cancel; NULL: nobody */
};

/* Belongs to one thread at a time; those of several threads may share a store and a network. */
struct vox_slice_features;

/* VOX_E_LIMIT where slice or window is too large, VOX_E_ARG for a slab that leaves the volume or a
 * window that misses the slice, VOX_E_NOMEM; where the window reaches beyond the slice also the
 * errors of reading the volume. */
enum vox_code vox_slice_features_new(const struct vox_slice_features_setup *setup,
                                     struct vox_slice_features **out,
                                     struct vox_err *err) VOX_MUST_USE;
void vox_slice_features_free(struct vox_slice_features *features); /* NULL is allowed */

/* What a tracker asks. Asks the watch first, and again after a slice was encoded. Errors
 * of reading and of encoding name the volume's slice. Features stay valid until the next call of
 * the source; those of frames that are kept until vox_slice_features_keep says otherwise. Nothing
 * is allocated for a slice beside its features. */
struct vox_feature_source vox_slice_features_source(struct vox_slice_features *features);

/* Frames whose features stay here once they were asked for, whatever the store throws out: those
 * that are prompted, since every pass needs them. The first VOX_KEPT_FRAMES of n; replaces what was
 * kept before. */
void vox_slice_features_keep(struct vox_slice_features *features, const int64_t *frames, int64_t n);

enum { VOX_KEPT_FRAMES = 8 };

/* What was done so far. */
struct vox_slice_features_work {
    int64_t encoded;       /* slices that went through the encoder */
    int64_t cached;        /* times that a slice was found in the store, in memory or on disk */
    double window_seconds; /* reading, intensity window, zoom window and resize */
    double encode_seconds;
};
struct vox_slice_features_work vox_slice_features_work(const struct vox_slice_features *features);

#endif
