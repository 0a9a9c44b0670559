/* Rectangles and regions: roi, box, slice. */
#include <stdio.h>

#include "pipeline/params_parts.h"

static const char rectangle_form[] = "[i0, j0, i1, j1]";

static bool is_list(const struct vox_json *value)
{
    return vox_json_kind(value) == VOX_JSON_ARRAY;
}

static void name_unlabelled(const struct vox_request *request, const char *key,
                            char place[VOX_PARAMS_PLACE])
{
    snprintf(place, VOX_PARAMS_PLACE, "'%s' (label '%s')", key,
             request->labels.names[request->chosen]);
}

/* Four numbers under `key` and the slice beside them. */
static enum vox_code read_flat(struct vox_request *request, const struct vox_json *root,
                               const char *key, struct vox_err *err)
{
    char place[VOX_PARAMS_PLACE];
    name_unlabelled(request, key, place);
    struct vox_box_ask box = {0};
    enum vox_code code =
        vox_params_numbers(vox_params_get(root, key), place, rectangle_form, 4, box.corners, err);
    if (code != VOX_OK) {
        return code;
    }
    if (!vox_json_number(vox_json_get(root, "slice"), &box.key)) {
        return vox_fail(err, VOX_E_ARG, "%s needs the number of its slice as 'slice'", place);
    }
    return vox_request_add_box(request, request->chosen, &box, err);
}

static enum vox_code read_roi(struct vox_request *request, const struct vox_json *root,
                              struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "roi");
    if (value == NULL || (is_list(value) && vox_json_count(value) == 0)) {
        return VOX_OK;
    }
    if (is_list(value) && vox_json_count(value) == 4) {
        return read_flat(request, root, "roi", err);
    }
    char place[VOX_PARAMS_PLACE];
    name_unlabelled(request, "roi", place);
    double n[6];
    enum vox_code code = vox_params_numbers(
        value, place, "[i0, i1, j0, j1, k0, k1], or [i0, j0, i1, j1] and 'slice'", 6, n, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_box_ask box = {.roi = true,
                                    .corners = {n[0], n[2], n[1], n[3]},
                                    .bounded = true,
                                    .first = n[4],
                                    .last = n[5]};
    return vox_request_add_box(request, request->chosen, &box, err);
}

static enum vox_code read_box(struct vox_request *request, const struct vox_json *value,
                              size_t index, struct vox_err *err)
{
    char place[VOX_PARAMS_PLACE];
    snprintf(place, sizeof(place), "box %zu", index);
    if (vox_json_kind(value) != VOX_JSON_OBJECT) {
        return vox_fail(err, VOX_E_ARG, "%s must be {\"key\": k, \"xyxy\": %s, \"z\": [k0, k1]}",
                        place, rectangle_form);
    }
    int label;
    enum vox_code code = vox_params_label(request, value, place, &label, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_box_ask box = {0};
    if (!vox_json_number(vox_json_get(value, "key"), &box.key)) {
        return vox_fail(err, VOX_E_ARG, "%s (label '%s') needs the number of its slice as \"key\"",
                        place, request->labels.names[label]);
    }
    snprintf(place, sizeof(place), "\"xyxy\" of box %zu (label '%s')", index,
             request->labels.names[label]);
    code = vox_params_numbers(vox_params_get(value, "xyxy"), place, rectangle_form, 4, box.corners,
                              err);
    const struct vox_json *z = vox_params_get(value, "z");
    if (code == VOX_OK && z != NULL) {
        double slices[2];
        snprintf(place, sizeof(place), "\"z\" of box %zu (label '%s')", index,
                 request->labels.names[label]);
        code = vox_params_numbers(z, place, "[k0, k1]", 2, slices, err);
        if (code == VOX_OK) {
            box.bounded = true;
            box.first = slices[0];
            box.last = slices[1];
        }
    }
    return code == VOX_OK ? vox_request_add_box(request, label, &box, err) : code;
}

/* One box, a list of boxes, or four numbers; an empty list is none of them. */
static enum vox_code read_box_key(struct vox_request *request, const struct vox_json *root,
                                  struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "box");
    if (value == NULL) {
        return VOX_OK;
    }
    if (vox_json_kind(value) == VOX_JSON_OBJECT) {
        return read_box(request, value, 0, err);
    }
    if (!is_list(value)) {
        return vox_fail(err, VOX_E_ARG, "'box' must be a box, a list of boxes, or %s and 'slice'",
                        rectangle_form);
    }
    double first;
    if (vox_json_number(vox_json_at(value, 0), &first)) {
        return read_flat(request, root, "box", err);
    }
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < vox_json_count(value) && code == VOX_OK; i++) {
        code = read_box(request, vox_json_at(value, i), i, err);
    }
    return code;
}

enum vox_code vox_params_read_boxes(struct vox_request *request, const struct vox_json *root,
                                    struct vox_err *err)
{
    const struct vox_json *slice = vox_params_get(root, "slice");
    double k;
    if (slice != NULL && !vox_json_number(slice, &k)) {
        return vox_fail(err, VOX_E_ARG, "'slice' must be a number");
    }
    enum vox_code code = read_roi(request, root, err);
    return code == VOX_OK ? read_box_key(request, root, err) : code;
}
