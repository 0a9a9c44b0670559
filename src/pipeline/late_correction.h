/* A correction that comes after the first result. */
#ifndef VOX_PIPELINE_LATE_CORRECTION_H
#define VOX_PIPELINE_LATE_CORRECTION_H

#include "pipeline/prompt_plan.h"

/* Makes the correction of slice k with n clicks (pairs i, j; labels 1 or 0) for a label of the plan
 * as rule 6 of docs/prompts.md has it. VOX_E_ARG where the label has no object, the slice is not
 * there or beyond strict borders, or no click is inside the slice. End it with
 * vox_late_correction_free. */
enum vox_code vox_late_correction_new(const struct vox_plan *plan, int label, int64_t k,
                                      const double (*ij)[2], const int *labels, int64_t n,
                                      struct vox_plan_correction **out,
                                      struct vox_err *err) VOX_MUST_USE;
void vox_late_correction_free(struct vox_plan_correction *correction); /* NULL is allowed */

/* Copies the correction to the end of those of the label's object, so that the plan says what the
 * result is made of. VOX_E_ARG where there is none, VOX_E_NOMEM. */
enum vox_code vox_late_correction_join(struct vox_plan *plan, int label,
                                       const struct vox_plan_correction *correction,
                                       struct vox_err *err) VOX_MUST_USE;

/* Takes the one that joined last out again. */
void vox_late_correction_part(struct vox_plan *plan, int label);

#endif
