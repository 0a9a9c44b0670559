/* The inside of combining, shared by the combine_*.c files: one object, cleaned up. */
#ifndef VOX_PIPELINE_COMBINE_PARTS_H
#define VOX_PIPELINE_COMBINE_PARTS_H

#include "pipeline/agreement.h"
#include "pipeline/combine.h"

/* The states (pipeline/agreement.h) of a box of voxels; everything else is empty. */
struct vox_state_box {
    int64_t lo[3], size[3]; /* a size is 0 where nothing is */
    uint8_t *states;
};
void vox_state_box_fini(struct vox_state_box *box); /* all zero is allowed */

/* One object and what it takes to look at its logits. */
struct vox_combined {
    const struct vox_object_run *run;
    const struct vox_plan_object *plan;
    struct vox_object_outcome outcome;
    struct vox_slice_patch patch; /* what the window shows */
    struct vox_state_box box;
    int64_t in_both, in_one; /* voxels of both passes and of one, before the clean-up */
    float *logits[2];        /* of a slice's window; NULL at rest */
};

/* All zero is allowed. */
void vox_combined_fini(struct vox_combined *object);

/* Agreement and clean-up of one object (docs/prompts.md); the box is the smallest that holds what
 * is left. Fills *scores. The caller ends *object, on failure too. */
enum vox_code vox_combined_init(struct vox_combined *object, const struct vox_object_run *run,
                                const struct vox_plan_object *plan,
                                const struct vox_plan_image *image,
                                const struct vox_combine_options *options,
                                const struct vox_watch *watch, struct vox_object_scores *scores,
                                struct vox_err *err) VOX_MUST_USE;

/* Whether pass p was on slice k. */
bool vox_combined_visited(const struct vox_combined *object, int p, int64_t k);

/* Reads the logits of the passes that were on slice k: *n of them, in object->logits[0 ... *n - 1],
 * for which room is made where there is none. */
enum vox_code vox_combined_look(struct vox_combined *object, int64_t k, int *n,
                                struct vox_err *err) VOX_MUST_USE;

/* Lets that room go. */
void vox_combined_rest(struct vox_combined *object);

/* The mean of those logits at voxel i, j of the patch. */
double vox_combined_mean(const struct vox_combined *object, int n, int64_t i, int64_t j);

/* Dice of the passes from numbers of voxels; NaN where it means nothing (combine_scores.c). */
double vox_agreement_dice(const struct vox_plan_object *plan, int64_t in_both, int64_t in_one);

/* The entropy score; the object's box is that of all voxels of either pass. */
enum vox_code vox_combined_entropy(struct vox_combined *object, const struct vox_watch *watch,
                                   double *out, struct vox_err *err) VOX_MUST_USE;

#endif
