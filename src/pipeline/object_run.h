/* One object, from its plan to the logits of both passes. A run stays: corrections continue it and
 * recompute only what they change.
 *
 * What a run with corrections holds equals, bit for bit, that of a fresh run with the same prompts
 * and the same corrections, with or without caches, for any number of threads. */
#ifndef VOX_PIPELINE_OBJECT_RUN_H
#define VOX_PIPELINE_OBJECT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "model/network.h"
#include "pipeline/feature_store.h"
#include "pipeline/intensity.h"
#include "pipeline/prompt_plan.h"
#include "pipeline/watch.h"
#include "volume/slice_source.h"

/* Borrowed for as long as the run lives. */
struct vox_object_setup {
    struct vox_network *network;
    struct vox_slice_source *slices;
    const struct vox_intensity *intensity;
    struct vox_feature_store *features; /* what is known of slices; shared */
    const struct vox_plan_object *plan; /* copied */
    const struct vox_plan_image *image; /* copied */
    const struct vox_mask_ask *mask;    /* of the request; NULL: none; copied where it is needed */
};

struct vox_object_run;

/* VOX_E_ARG for a plan or mask of another image, VOX_E_NOMEM, VOX_E_LIMIT. The caller owns *out. */
enum vox_code vox_object_run_new(const struct vox_object_setup *setup, struct vox_object_run **out,
                                 struct vox_err *err) VOX_MUST_USE;
void vox_object_run_free(struct vox_object_run *run); /* NULL is allowed */

/* How many slices a run will track at most, for the total of its progress. */
int64_t vox_object_run_total(const struct vox_object_run *run);

/* Tracks: prompts, passes, corrections of the plan, growing windows. `event` is filled with kind,
 * done and total of this object. After an error the run is good for nothing but being freed. */
enum vox_code vox_object_run_go(struct vox_object_run *run, const struct vox_watch *watch,
                                struct vox_err *err) VOX_MUST_USE;

/* Applies further corrections to a run that is done, after those that it has. */
enum vox_code vox_object_run_correct(struct vox_object_run *run,
                                     const struct vox_plan_correction *corrections, int64_t n,
                                     const struct vox_watch *watch,
                                     struct vox_err *err) VOX_MUST_USE;

/* Lets the trackers of a run that is done go: five sixths of its memory. What it holds stays;
 * further corrections begin anew from its prompts, with the same result. */
void vox_object_run_settle(struct vox_object_run *run);

/* Bytes that a run holds, its trackers' included: for who has to choose which to settle. */
uint64_t vox_object_run_bytes(const struct vox_object_run *run);

/* What was made. */
struct vox_pass {
    bool reverse;
    int64_t first, n;    /* slices it may cover */
    const float *scores; /* n object scores, logits; present where > 0; NaN where it was not */
    const bool *visited; /* n */
};

struct vox_object_outcome {
    int64_t first, last;           /* slices outside are empty */
    struct vox_zoom_window window; /* the last one */
    int n_passes;                  /* 1 or 2 */
    struct vox_pass passes[2];     /* away from slice 0 first, where there are two */
    bool combine_union;            /* voxels of either pass, else those of both */
    int restarts;                  /* times the window was doubled */
};
struct vox_object_outcome vox_object_run_outcome(const struct vox_object_run *run);

/* Logits of a pass on slice k into out, window.size[0] * window.size[1] values, rows of j: bilinear
 * from the network's low-resolution ones; -1024 on slices that the pass has not visited. */
enum vox_code vox_object_run_logits(const struct vox_object_run *run, int pass, int64_t k,
                                    float *out, struct vox_err *err) VOX_MUST_USE;

/* Whether a pass has no logit above 0 on slice k, or was not there: then none of its voxels is in
 * the object. Costs less than the logits. */
bool vox_object_run_blank(const struct vox_object_run *run, int pass, int64_t k);

/* What it has cost so far. */
struct vox_object_work {
    int64_t tracked;         /* slices, of all passes */
    int64_t encoded, cached; /* slices that went through the encoder; that were found encoded */
    double window_seconds;   /* intensity window, zoom and resize */
    double encode_seconds;
    double track_seconds; /* all else of the runs */
};
struct vox_object_work vox_object_run_work(const struct vox_object_run *run);

/* Slices that were tracked for each correction, in the order of application. */
struct vox_retracked {
    int64_t k;       /* the corrected slice */
    int64_t *slices; /* ascending, n of them, borrowed; those of all passes together */
    int64_t n;
};
const struct vox_retracked *vox_object_run_retracked(const struct vox_object_run *run, int64_t *n);

#endif
