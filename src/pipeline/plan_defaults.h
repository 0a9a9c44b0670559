/* What a model says where a request is silent. */
#ifndef VOX_PIPELINE_PLAN_DEFAULTS_H
#define VOX_PIPELINE_PLAN_DEFAULTS_H

#include "model/config.h"
#include "pipeline/prompt_plan.h"

struct vox_plan_defaults vox_plan_defaults_of(const struct vox_model_config *config);

#endif
