/* What a run has to tell of its object, copied: corrections that fail leave it as it was. */
#ifndef VOX_PIPELINE_OBJECT_ACCOUNT_H
#define VOX_PIPELINE_OBJECT_ACCOUNT_H

#include "pipeline/object_run.h"

struct vox_json_writer;

struct vox_object_account {
    int64_t first, n;              /* slices of which there is something to tell */
    struct vox_zoom_window window; /* the last one */
    int n_passes;
    bool reverse[2];
    float *scores[2]; /* by pass, n of them; NaN where the pass was not */
    struct vox_retracked *retracked;
    int64_t n_retracked;
};

/* VOX_E_NOMEM, and *out is untouched. End it with vox_object_account_fini. */
enum vox_code vox_object_account_init(const struct vox_object_run *run,
                                      struct vox_object_account *out,
                                      struct vox_err *err) VOX_MUST_USE;
void vox_object_account_fini(struct vox_object_account *account); /* all zero is allowed */

/* The members "zoom_window" (the window that the mask was found in, as in the plan, which has the
 * first one) and "object_score" (a list with one object per slice). */
void vox_object_account_put_scores(const struct vox_object_account *account,
                                   struct vox_json_writer *json);

/* One element of a list for each correction. */
void vox_object_account_put_corrections(const struct vox_object_account *account, const char *label,
                                        struct vox_json_writer *json);

#endif
