/* The inside of a run over one object, shared by the object_*.c files.
 *
 * A run has one stage, or two: where the borders of two passes have to be found, the first stage
 * follows the object from its prompts both ways, and the second has its passes inside of what that
 * found. A pass is a tracker that goes one way through the slab; corrections go into the trackers
 * of every stage. Slices are numbers in the volume; a tracker's frame is a slice minus the slab's
 * first. */
#ifndef VOX_PIPELINE_OBJECT_PARTS_H
#define VOX_PIPELINE_OBJECT_PARTS_H

#include "model/resize.h"
#include "model/tracker.h"
#include "pipeline/agreement.h"
#include "pipeline/object_run.h"
#include "pipeline/slice_features.h"

enum {
    VOX_RUN_OBJECT = 1, /* the tracker's name for the only object */
    VOX_RUN_ABSENT = 3, /* slices in a row without the object end a free pass */
    VOX_RUN_MOST_STAGES = 2
};

struct vox_run_pass {
    bool reverse;
    bool free;           /* ends where the object does; else at the last slice that it may cover */
    int64_t first, last; /* slices that it may cover; it begins at the one or the other */
    int64_t must;        /* the prompted or corrected slice farthest on: it goes as far as that */
    struct vox_tracker *tracker; /* NULL once the run has settled */
    float **low;    /* by slice, from first on: its logits of the network's grid; NULL: none yet */
    float *scores;  /* the same; NaN where it has not been */
    bool *visited;  /* the same */
    bool *prompted; /* the same: prompts and corrections, which are not tracked again */
};

struct vox_run_stage {
    bool built;      /* prompts are given and the passes have gone */
    int64_t n_given; /* corrections that were applied after that, those on prompts counted */
    int n_passes;
    struct vox_run_pass passes[2];
};

struct vox_object_run {
    struct vox_object_setup setup;
    struct vox_plan_image image;
    struct vox_plan_object plan; /* prompts, cuts and plain members; no pieces, no corrections */
    int64_t *prompted_frames;    /* by prompt: its frame */
    uint8_t **masks;             /* by prompt: its mask in the window; NULL: none */
    struct vox_plan_correction *corrections; /* the plan's and those that came later */
    int64_t n_corrections;
    int64_t n_given;          /* of them, that are to be applied now */
    int64_t slab_first, slab; /* slices of the trackers */
    uint8_t *again; /* by correction and slice of the slab: tracked for it; bit s is stage s */
    struct vox_retracked *retracked; /* by correction */
    int64_t n_retracked;

    struct vox_zoom_window window;
    struct vox_bilinear *rows, *columns; /* from the network's grid to the window */
    double length;                       /* of the window, mm */
    bool grows;
    int restarts;

    int n_stages;
    struct vox_run_stage stages[VOX_RUN_MOST_STAGES];
    bool failed;
    bool settled; /* the trackers are gone */

    /* of the call under way */
    struct vox_slice_features *features;
    const struct vox_watch *watch;
    double start;
    int64_t done, total;
    const struct vox_run_pass *latest; /* of the slice that an event tells of */
    int64_t latest_k;

    struct vox_object_work work;
};

/* ---- prompts (object_prompts.c) ---- */

/* Copies what a run needs of a plan. */
enum vox_code vox_run_copy_plan(struct vox_object_run *run, const struct vox_plan_object *plan,
                                const struct vox_mask_ask *mask, struct vox_err *err) VOX_MUST_USE;
void vox_run_free_plan(struct vox_object_run *run);

/* Appends copies of corrections. */
enum vox_code vox_run_add_corrections(struct vox_object_run *run,
                                      const struct vox_plan_correction *corrections, int64_t n,
                                      struct vox_err *err) VOX_MUST_USE;

/* Gives all prompts to both passes, in ascending order of their slices, each followed by the
 * corrections of its slice. */
enum vox_code vox_run_give_prompts(struct vox_object_run *run, struct vox_run_stage *stage,
                                   struct vox_err *err) VOX_MUST_USE;

/* Gives the clicks of one correction. */
enum vox_code vox_run_give_clicks(struct vox_object_run *run, struct vox_run_pass *pass,
                                  const struct vox_plan_correction *correction,
                                  struct vox_err *err) VOX_MUST_USE;

static inline int64_t vox_run_lowest(const struct vox_object_run *run)
{
    return run->plan.prompts[0].k;
}

static inline int64_t vox_run_highest(const struct vox_object_run *run)
{
    return run->plan.prompts[run->plan.n_prompts - 1].k;
}

/* ---- passes (object_passes.c) ---- */

/* The passes of stage s, not built; low and high are the borders of a second stage. */
void vox_run_shape_stage(struct vox_object_run *run, int s, int64_t low, int64_t high);
void vox_run_discard_stage(struct vox_object_run *run, int s); /* lets its trackers go */

/* Makes the trackers, gives the prompts and goes through the slices. */
enum vox_code vox_run_build_stage(struct vox_object_run *run, int s,
                                  struct vox_err *err) VOX_MUST_USE;

/* Goes on from slice `from`, whose result is there or prompted, to the end of the pass; what the
 * pass had beyond that end is forgotten. Slices that are computed get `bit` in `again` (by slice of
 * the slab), which may be NULL. */
enum vox_code vox_run_follow(struct vox_object_run *run, struct vox_run_pass *pass, int64_t from,
                             uint8_t *again, uint8_t bit, struct vox_err *err) VOX_MUST_USE;

/* Whether the pass has been on slice k. */
bool vox_run_visited(const struct vox_run_pass *pass, int64_t k);

/* Slices from k to the end of the pass, at most. */
int64_t vox_run_ahead(const struct vox_run_pass *pass, int64_t k);

/* The way from the network's grid to the window; again for another window. */
enum vox_code vox_run_set_axes(struct vox_object_run *run, struct vox_err *err) VOX_MUST_USE;

/* Lets all trackers go, and what only they could go on from. */
void vox_run_free_trackers(struct vox_object_run *run);

bool vox_run_blank(const struct vox_object_run *run, const struct vox_run_pass *pass, int64_t k);
void vox_run_logits(const struct vox_object_run *run, const struct vox_run_pass *pass, int64_t k,
                    float *out);

/* ---- corrections (object_corrections.c) ---- */

/* Applies those of run->n_given that the stage has not had. */
enum vox_code vox_run_correct_stage(struct vox_object_run *run, int s,
                                    struct vox_err *err) VOX_MUST_USE;

/* Marks the slices of a new stage for the corrections that went into its prompts. */
void vox_run_mark_prompts(struct vox_object_run *run, int s);

/* Takes stage s out of the marks. */
void vox_run_clear_marks(struct vox_object_run *run, int s);

/* Makes run->retracked of the marks. */
enum vox_code vox_run_list_retracked(struct vox_object_run *run, struct vox_err *err) VOX_MUST_USE;
void vox_run_free_retracked(struct vox_object_run *run);

/* Slices ahead of stage s until all corrections are in it. */
int64_t vox_run_stage_ahead(const struct vox_object_run *run, int s);

/* ---- extent and window (object_extent.c) ---- */

/* The lowest and highest slice on which a pass of the first stage found a voxel, and at least those
 * that are prompted. */
enum vox_code vox_run_find_borders(struct vox_object_run *run, int64_t *low, int64_t *high,
                                   struct vox_err *err) VOX_MUST_USE;

/* Whether the result touches the window's rim inside of the slice. */
enum vox_code vox_run_touches_rim(struct vox_object_run *run, bool *out,
                                  struct vox_err *err) VOX_MUST_USE;

/* Slices outside are empty. */
void vox_run_bounds(const struct vox_object_run *run, int64_t *first, int64_t *last);

#endif
