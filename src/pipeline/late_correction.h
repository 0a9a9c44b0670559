/* Corrections that come after the first result. They join the request's list, and the plan is made
 * anew: so it is, warnings included, that of a fresh run with the same list. */
#ifndef VOX_PIPELINE_LATE_CORRECTION_H
#define VOX_PIPELINE_LATE_CORRECTION_H

#include "pipeline/infer_task.h"
#include "pipeline/prompt_plan.h"

/* Clicks of a label on one slice. */
struct vox_late_clicks {
    int label;
    int64_t k;
    const double (*ij)[2];
    const int *labels; /* 1 or 0 */
    int64_t n;
};

/* Adds the clicks to a request of which `plan` is the plan, and makes the new one: in it the
 * label's object has one more correction, its last. VOX_E_ARG where the label has no object, the
 * slice is not there or beyond strict borders, a number is not finite, a label is neither 1 nor 0,
 * or no click is inside the slice; VOX_E_LIMIT beyond the request's points; VOX_E_NOMEM. On failure
 * the request is as before. */
enum vox_code vox_late_correction_add(struct vox_request *request, const struct vox_plan *plan,
                                      const struct vox_plan_defaults *defaults,
                                      const struct vox_late_clicks *clicks, struct vox_plan **out,
                                      struct vox_err *err) VOX_MUST_USE;

/* Takes the correction that was added last out of the request. */
void vox_late_correction_drop(struct vox_request *request);

/* The last correction of a label's object, which has one. */
const struct vox_plan_correction *vox_late_correction_last(const struct vox_plan *plan, int label);

/* Adds the clicks to a finished inference and recomputes what they change. Errors of
 * vox_late_correction_add, which leave it as it was, and of vox_infer_correct. */
enum vox_code vox_late_correction_apply(struct vox_infer_data *data,
                                        const struct vox_late_clicks *clicks,
                                        const struct vox_watch *watch,
                                        struct vox_err *err) VOX_MUST_USE;

#endif
