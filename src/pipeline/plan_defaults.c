#include "pipeline/plan_defaults.h"

struct vox_plan_defaults vox_plan_defaults_of(const struct vox_model_config *config)
{
    struct vox_plan_defaults defaults = {.zoom = config->zoom};
    if (!vox_broadcast_find(config->broadcast, &defaults.broadcast)) {
        defaults.broadcast = VOX_BROADCAST_DEFAULT;
    }
    if (!vox_passes_find(config->passes, &defaults.passes)) {
        defaults.passes = VOX_PASSES_DEFAULT;
    }
    return defaults;
}
