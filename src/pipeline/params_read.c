#include "pipeline/params_read.h"

#include <stdint.h>
#include <string.h>

#include "pipeline/params_parts.h"
#include "util/memory.h"

enum {
    /* Deeper than any prompt, so that what clients send for others fits. */
    MAX_DEPTH = 32,
    /* Room for other keys, and per point: four values and as many long numbers. */
    BASE_BYTES = 1 << 20,
    POINT_BYTES = 160,
    BASE_VALUES = 1 << 15,
    POINT_VALUES = 8,
    MOST_POINTS = 1 << 20 /* beyond, the limits grow no more */
};

const struct vox_json *vox_params_get(const struct vox_json *object, const char *key)
{
    const struct vox_json *value = vox_json_get(object, key);
    return value == NULL || vox_json_kind(value) == VOX_JSON_NULL ? NULL : value;
}

enum vox_code vox_params_numbers(const struct vox_json *value, const char *place, const char *form,
                                 size_t n, double *out, struct vox_err *err)
{
    if (value == NULL || vox_json_kind(value) != VOX_JSON_ARRAY) {
        return vox_fail(err, VOX_E_ARG, "%s is no list of numbers; give %s", place, form);
    }
    size_t count = vox_json_count(value);
    if (count != n) {
        return vox_fail(err, VOX_E_ARG, "%s has %zu number%s; give %s", place, count,
                        count == 1 ? "" : "s", form);
    }
    for (size_t i = 0; i < n; i++) {
        if (!vox_json_number(vox_json_at(value, i), &out[i])) {
            return vox_fail(err, VOX_E_ARG, "%s holds something that is no finite number; give %s",
                            place, form);
        }
    }
    return VOX_OK;
}

enum vox_code vox_params_label(const struct vox_request *request, const struct vox_json *object,
                               const char *place, int *out, struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(object, "label");
    if (value == NULL) {
        *out = request->chosen;
        return VOX_OK;
    }
    const char *name = vox_json_text(value);
    if (name == NULL) {
        return vox_fail(err, VOX_E_ARG, "the label of %s must be the name of a label", place);
    }
    int label = vox_labels_find(&request->labels, name);
    if (label < 0) {
        return vox_fail(err, VOX_E_NOT_FOUND, "the label of %s is none of the model's", place);
    }
    *out = label;
    return VOX_OK;
}

/* The label whose prompts need no name. */
static enum vox_code read_chosen(struct vox_request *request, const struct vox_json *root,
                                 struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "label");
    if (value == NULL) {
        return VOX_OK;
    }
    const char *name = vox_json_text(value);
    if (name == NULL) {
        return vox_fail(err, VOX_E_ARG, "'label' must be the name of a label");
    }
    int label = vox_labels_find(&request->labels, name);
    request->chosen = label < 0 ? 0 : label;
    return VOX_OK;
}

static enum vox_code read_all(struct vox_request *request, const struct vox_json *root,
                              struct vox_err *err)
{
    static enum vox_code (*const readers[])(struct vox_request *, const struct vox_json *,
                                            struct vox_err *) = {
        read_chosen,
        vox_params_read_options,
        vox_params_read_window,
        vox_params_read_points,
        vox_params_read_boxes,
        vox_params_read_corrections,
    };
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) && code == VOX_OK; i++) {
        code = readers[i](request, root, err);
    }
    return code;
}

static struct vox_json_limits limits_for(size_t max_points)
{
    size_t points = max_points < MOST_POINTS ? max_points : MOST_POINTS;
    return (struct vox_json_limits){.bytes = BASE_BYTES + POINT_BYTES * points,
                                    .depth = MAX_DEPTH,
                                    .values = BASE_VALUES + POINT_VALUES * points};
}

/* Parses once more where the first time failed for numbers that are not finite or too large. */
static enum vox_code parse(const char *text, size_t size, const struct vox_json_limits *limits,
                           struct vox_json **out, struct vox_err *err)
{
    struct vox_err said = {0};
    enum vox_code code = vox_json_parse(text, size, limits, out, &said);
    if (code == VOX_E_FORMAT && size > 0) {
        char *copy = vox_alloc(size);
        if (copy == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        memcpy(copy, text, size);
        if (vox_params_quote_numbers(copy, size) > 0) {
            code = vox_json_parse(copy, size, limits, out, &said);
        }
        vox_free(copy);
    }
    return code == VOX_OK ? VOX_OK : vox_fail(err, code, "params: %s", said.msg);
}

enum vox_code vox_params_read(struct vox_request *request, const char *text, size_t size,
                              struct vox_err *err)
{
    const struct vox_json_limits limits = limits_for(request->max_points);
    struct vox_json *root = NULL;
    enum vox_code code = parse(text, size, &limits, &root, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_request *copy = NULL;
    if (vox_json_kind(root) != VOX_JSON_OBJECT) {
        code = vox_fail(err, VOX_E_FORMAT, "params must be a JSON object");
    }
    if (code == VOX_OK) {
        code = vox_request_copy(request, &copy, err);
    }
    if (code == VOX_OK) {
        code = read_all(copy, root, err);
    }
    if (code == VOX_OK) {
        struct vox_request before = *request;
        *request = *copy;
        *copy = before;
    }
    vox_request_free(copy);
    vox_json_free(root);
    return code;
}
