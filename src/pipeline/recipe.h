/* The published MedSAM2 recipe (medsam2_infer_3D_CT.py of the MedSAM2 repository): a box on the key
 * slice, tracked to the last slice; state dropped; the same box, tracked to the first slice; the
 * union of both; its largest component. */
#ifndef VOX_PIPELINE_RECIPE_H
#define VOX_PIPELINE_RECIPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/network.h"
#include "pipeline/box_prompt.h"
#include "pipeline/intensity.h"
#include "pipeline/warnings.h"
#include "volume/volume.h"

/* Called on the thread of the run, after every slice. */
struct vox_progress {
    void (*report)(void *context, int64_t done, int64_t total, double seconds);
    void *context;
};

/* What to segment. Pointers are borrowed for the run. */
struct vox_recipe {
    struct vox_network *network;
    const struct vox_volume *volume;
    struct vox_box_prompt prompt;
    struct vox_window window;
    bool keep_logits;
    struct vox_progress progress; /* report may be NULL */
    const atomic_int *cancel;     /* not 0: stop within one slice; NULL: never */
};

/* Seconds per step. */
struct vox_latencies {
    double pre; /* intensity window and resize */
    double encode;
    double track;
    double post; /* union, component */
};

struct vox_segmentation {
    int64_t size[3];              /* of the volume */
    struct vox_box_prompt prompt; /* sorted and cut, with first and last */
    struct vox_intensity intensity;
    uint8_t *mask;  /* w * h * d, 1 in the object */
    float *logits;  /* w * h * d, from the pass away from the key slice, NaN outside first ... last;
                       NULL unless  they were to be kept */
    float *scores;  /* object score per slice from `first` on, a logit: present where > 0 */
    int64_t voxels; /* of the mask */
    int64_t bounds[2][3]; /* lowest and highest i, j, k of the mask; not set where it is empty */
    struct vox_latencies latencies;
    int64_t encoded_slices;
    int64_t cached_slices; /* slices that a pass needed and found encoded */
    struct vox_warnings warnings;
};

/* Segments. The caller owns *out. Each slice is encoded once. Beside the volume and the network it
 * takes memory for the mask, for the logits where they are kept, for the features of two slices and
 * for the tracker. VOX_E_ARG for a box or window that does not fit, VOX_E_CANCELLED, VOX_E_LIMIT,
 * VOX_E_NOMEM, VOX_E_BACKEND. */
enum vox_code vox_recipe_run(const struct vox_recipe *recipe, struct vox_segmentation **out,
                             struct vox_err *err) VOX_MUST_USE;

void vox_segmentation_free(struct vox_segmentation *segmentation); /* NULL is allowed */

#endif
