#include <stdio.h>

#include "pipeline/params_parts.h"
#include "util/memory.h"

static enum vox_code read_clicks(const struct vox_json *points, const struct vox_json *signs,
                                 size_t index, size_t n, struct vox_click *clicks,
                                 struct vox_err *err)
{
    char place[VOX_PARAMS_PLACE];
    snprintf(place, sizeof(place), "'labels' of correction %zu", index);
    enum vox_code code = vox_params_signs(signs, place, n, clicks, err);
    for (size_t i = 0; i < n && code == VOX_OK; i++) {
        snprintf(place, sizeof(place), "point %zu of correction %zu", i, index);
        code = vox_params_numbers(vox_json_at(points, i), place, "[i, j]", 2, clicks[i].at, err);
    }
    return code;
}

static enum vox_code read_correction(struct vox_request *request, const struct vox_json *value,
                                     size_t index, struct vox_err *err)
{
    char place[VOX_PARAMS_PLACE];
    snprintf(place, sizeof(place), "correction %zu", index);
    if (vox_json_kind(value) != VOX_JSON_OBJECT) {
        return vox_fail(err, VOX_E_ARG,
                        "%s must be {\"k\": k, \"points\": [[i, j], ...], \"labels\": [1, ...]}",
                        place);
    }
    int label;
    enum vox_code code = vox_params_label(request, value, place, &label, err);
    if (code != VOX_OK) {
        return code;
    }
    double k;
    if (!vox_json_number(vox_json_get(value, "k"), &k)) {
        return vox_fail(err, VOX_E_ARG, "%s needs the number of its slice as \"k\"", place);
    }
    const struct vox_json *points = vox_params_get(value, "points");
    if (points != NULL && vox_json_kind(points) != VOX_JSON_ARRAY) {
        return vox_fail(err, VOX_E_ARG, "the points of %s must be a list of [i, j]", place);
    }
    size_t n = points == NULL ? 0 : vox_json_count(points);
    struct vox_click *clicks = vox_calloc(n, sizeof(*clicks));
    if (clicks == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    code = read_clicks(points, vox_params_get(value, "labels"), index, n, clicks, err);
    if (code == VOX_OK) {
        code = vox_request_add_correction(request, label, k, clicks, n, err);
    }
    vox_free(clicks);
    return code;
}

enum vox_code vox_params_read_corrections(struct vox_request *request, const struct vox_json *root,
                                          struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "corrections");
    if (value == NULL) {
        return VOX_OK;
    }
    if (vox_json_kind(value) != VOX_JSON_ARRAY) {
        return vox_fail(err, VOX_E_ARG, "'corrections' must be a list");
    }
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < vox_json_count(value) && code == VOX_OK; i++) {
        code = read_correction(request, vox_json_at(value, i), i, err);
    }
    return code;
}
