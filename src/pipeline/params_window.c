#include <math.h>
#include <string.h>

#include "pipeline/params_parts.h"

static enum vox_code set_bounds(struct vox_request *request, double low, double high,
                                struct vox_err *err)
{
    if (!(isfinite(low) && isfinite(high) && low < high)) {
        return vox_fail(err, VOX_E_ARG, "the lower bound of 'window' must be below its upper one");
    }
    request->window = (struct vox_window){.low = low, .high = high};
    request->window_given = true;
    return VOX_OK;
}

static enum vox_code read_preset(struct vox_request *request, const char *name, struct vox_err *err)
{
    if (strcmp(name, "default") == 0 || name[0] == '\0') {
        request->window = (struct vox_window){.automatic = true};
        request->window_given = false;
        return VOX_OK;
    }
    if (vox_window_preset(name, &request->window)) {
        request->window_given = true;
        return VOX_OK;
    }
    return vox_fail(err, VOX_E_ARG,
                    "'window' must be auto, full, abdomen, lung, bone, brain, mediastinum, "
                    "[low, high] or {\"center\": c, \"width\": w}");
}

enum vox_code vox_params_read_window(struct vox_request *request, const struct vox_json *root,
                                     struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "window");
    if (value == NULL) {
        return VOX_OK;
    }
    if (vox_json_kind(value) == VOX_JSON_OBJECT) {
        double center, width;
        if (!vox_json_number(vox_json_get(value, "center"), &center) ||
            !vox_json_number(vox_json_get(value, "width"), &width)) {
            return vox_fail(err, VOX_E_ARG, "'window' needs the numbers \"center\" and \"width\"");
        }
        return set_bounds(request, center - width / 2.0, center + width / 2.0, err);
    }
    const char *name = vox_json_text(value);
    if (name != NULL) {
        return read_preset(request, name, err);
    }
    double bounds[2];
    enum vox_code code = vox_params_numbers(value, "'window'", "[low, high]", 2, bounds, err);
    return code == VOX_OK ? set_bounds(request, bounds[0], bounds[1], err) : code;
}
