/* Points: under labels' names, background, uncertain, foreground, points; and corrections. */
#include <stdio.h>
#include <string.h>

#include "pipeline/params_parts.h"
#include "util/memory.h"

/* Where a point of the list `key` belongs: to a label, or (-1) as a negative one to all. */
struct list {
    const char *key;
    int label;
    bool positive;
};

static void name_point(const struct vox_request *request, const struct list *list, size_t index,
                       char place[VOX_PARAMS_PLACE])
{
    const char *label = list->label < 0 ? list->key : request->labels.names[list->label];
    if (strcmp(label, list->key) == 0) {
        snprintf(place, VOX_PARAMS_PLACE, "point %zu of '%s'", index, list->key);
    } else {
        snprintf(place, VOX_PARAMS_PLACE, "point %zu of '%s' (label '%s')", index, list->key,
                 label);
    }
}

/* Refuses more points than are allowed before it looks at them. */
static enum vox_code check_list(const struct vox_request *request, const char *key,
                                const struct vox_json *value, struct vox_err *err)
{
    if (vox_json_kind(value) != VOX_JSON_ARRAY) {
        return vox_fail(err, VOX_E_ARG, "'%s' must be a list of points [i, j, k]", key);
    }
    size_t n = vox_json_count(value);
    size_t left =
        request->max_points > request->n_points ? request->max_points - request->n_points : 0;
    if (n > left) {
        return vox_fail(err, VOX_E_LIMIT, "more than %zu points; give fewer", request->max_points);
    }
    return VOX_OK;
}

static enum vox_code read_point(const struct vox_request *request, const struct list *list,
                                const struct vox_json *value, size_t index, double at[3],
                                struct vox_err *err)
{
    char place[VOX_PARAMS_PLACE];
    name_point(request, list, index, place);
    return vox_params_numbers(vox_json_at(value, index), place, "[i, j, k]", 3, at, err);
}

static enum vox_code read_list(struct vox_request *request, const struct vox_json *root,
                               const struct list *list, struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, list->key);
    if (value == NULL) {
        return VOX_OK;
    }
    enum vox_code code = check_list(request, list->key, value, err);
    size_t n = code == VOX_OK ? vox_json_count(value) : 0;
    for (size_t i = 0; i < n && code == VOX_OK; i++) {
        struct vox_click click = {.positive = list->positive};
        code = read_point(request, list, value, i, click.at, err);
        if (code == VOX_OK) {
            code = list->label < 0 ? vox_request_add_background(request, click.at, err)
                                   : vox_request_add_click(request, list->label, &click, err);
        }
    }
    return code;
}

/* Looks at the points of 'uncertain', which this model has no use for, and drops them. */
static enum vox_code read_uncertain(struct vox_request *request, const struct vox_json *root,
                                    struct vox_err *err)
{
    static const struct list list = {"uncertain", -1, false};
    const struct vox_json *value = vox_params_get(root, list.key);
    if (value == NULL) {
        return VOX_OK;
    }
    enum vox_code code = check_list(request, list.key, value, err);
    size_t n = code == VOX_OK ? vox_json_count(value) : 0;
    for (size_t i = 0; i < n && code == VOX_OK; i++) {
        double at[3];
        code = read_point(request, &list, value, i, at, err);
    }
    if (code == VOX_OK && n > 0) {
        vox_warn(&request->warnings,
                 "%zu point%s of 'uncertain' %s left out; draw with a label or 'background'", n,
                 n == 1 ? "" : "s", n == 1 ? "was" : "were");
    }
    return code;
}

enum vox_code vox_params_signs(const struct vox_json *value, const char *place, size_t n,
                               struct vox_click *clicks, struct vox_err *err)
{
    if (value != NULL && (vox_json_kind(value) != VOX_JSON_ARRAY || vox_json_count(value) != n)) {
        return vox_fail(err, VOX_E_ARG, "%s must be a list of %zu numbers, 1 or 0 for each point",
                        place, n);
    }
    for (size_t i = 0; i < n; i++) {
        double sign = 1.0;
        if (value != NULL &&
            !(vox_json_number(vox_json_at(value, i), &sign) && (sign == 0.0 || sign == 1.0))) {
            return vox_fail(err, VOX_E_ARG, "number %zu of %s must be 1 (inside) or 0 (outside)", i,
                            place);
        }
        clicks[i].positive = sign == 1.0;
    }
    return VOX_OK;
}

/* Points of the key `points` with the signs of `point_labels`. */
static enum vox_code read_signed(struct vox_request *request, const struct vox_json *root,
                                 struct vox_err *err)
{
    const struct list list = {"points", request->chosen, true};
    const struct vox_json *value = vox_params_get(root, list.key);
    const struct vox_json *signs = vox_params_get(root, "point_labels");
    enum vox_code code = value == NULL ? VOX_OK : check_list(request, list.key, value, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t n = value == NULL ? 0 : vox_json_count(value);
    struct vox_click *clicks = vox_calloc(n, sizeof(*clicks));
    if (clicks == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    code = vox_params_signs(signs, "'point_labels'", n, clicks, err);
    for (size_t i = 0; i < n && code == VOX_OK; i++) {
        code = read_point(request, &list, value, i, clicks[i].at, err);
        if (code == VOX_OK) {
            code = vox_request_add_click(request, list.label, &clicks[i], err);
        }
    }
    vox_free(clicks);
    return code;
}

enum vox_code vox_params_read_points(struct vox_request *request, const struct vox_json *root,
                                     struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    for (int label = 0; label < request->labels.n && code == VOX_OK; label++) {
        const struct list list = {request->labels.names[label], label, true};
        code = read_list(request, root, &list, err);
    }
    /* Beside points of one object alone the background is that object's. */
    bool one = vox_params_get(root, "foreground") != NULL || vox_params_get(root, "points") != NULL;
    const struct list lists[] = {
        {"foreground", request->chosen, true},
        {"background", one ? request->chosen : -1, false},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && code == VOX_OK; i++) {
        code = read_list(request, root, &lists[i], err);
    }
    if (code == VOX_OK) {
        code = read_signed(request, root, err);
    }
    return code == VOX_OK ? read_uncertain(request, root, err) : code;
}
