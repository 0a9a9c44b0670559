#include <float.h>
#include <math.h>
#include <string.h>

#include "pipeline/params_parts.h"

/* Centre and width in Hounsfield units as radiologists use them. */
static const struct {
    const char *name;
    double center, width;
} presets[] = {
    {"abdomen", 40.0, 400.0}, {"lung", -600.0, 1500.0},     {"bone", 400.0, 1800.0},
    {"brain", 40.0, 80.0},    {"mediastinum", 50.0, 350.0},
};

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
    if (strcmp(name, "auto") == 0) {
        request->window = (struct vox_window){.automatic = true};
        request->window_given = true;
        return VOX_OK;
    }
    if (strcmp(name, "full") == 0) {
        /* Nothing is clipped; a float must hold the bounds too. */
        return set_bounds(request, (double)-FLT_MAX, (double)FLT_MAX, err);
    }
    for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (strcmp(name, presets[i].name) == 0) {
            return set_bounds(request, presets[i].center - presets[i].width / 2.0,
                              presets[i].center + presets[i].width / 2.0, err);
        }
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
