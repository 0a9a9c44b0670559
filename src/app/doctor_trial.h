/* A picture that 'voxlabel doctor' has a model segment, to see the whole work. */
#ifndef VOX_APP_DOCTOR_TRIAL_H
#define VOX_APP_DOCTOR_TRIAL_H

#include "util/error.h"
#include "voxlabel/voxlabel.h"

/* Segments a bright ball from a box. *dice is 0 (nothing of it) to 1 (it exactly). */
enum vox_code vox_trial_run(struct vox_model *model, double *dice,
                            struct vox_err *err) VOX_MUST_USE;

#endif
