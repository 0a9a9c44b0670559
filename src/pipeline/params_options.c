#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/choices.h"
#include "pipeline/params_parts.h"
#include "util/memory.h"
#include "util/number_text.h"
#include "volume/format.h"

static const double zoom_least = 1.0, zoom_most = 100.0;
static const double min_box_most = 1e6;
static const double slice_most = 1e9;

/* A text cell that a client's user emptied leaves the choice open as well. */
static bool is_open(const char *text)
{
    return strcmp(text, "default") == 0 || text[0] == '\0';
}

/* The names as "loose, tight, off". */
static void list_names(const struct vox_choices *choices, char text[VOX_PARAMS_PLACE])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < choices->n && used < VOX_PARAMS_PLACE; i++) {
        int n = snprintf(text + used, VOX_PARAMS_PLACE - used, "%s%s", i == 0 ? "" : ", ",
                         choices->names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* Sets *out, which is the value of an enum, where the key is there. */
static enum vox_code read_choice(const struct vox_json *root, const char *key,
                                 const struct vox_choices *choices, int *out, struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, key);
    if (value == NULL) {
        return VOX_OK;
    }
    const char *text = vox_json_text(value);
    int found = text == NULL ? -1 : is_open(text) ? 0 : vox_choice_find(choices, text);
    if (found < 0) {
        char names[VOX_PARAMS_PLACE];
        list_names(choices, names);
        return vox_fail(err, VOX_E_ARG, "'%s' must be one of %s", key, names);
    }
    *out = found;
    return VOX_OK;
}

static enum vox_code read_choices(struct vox_request *request, const struct vox_json *root,
                                  struct vox_err *err)
{
    int values[] = {(int)request->broadcast, (int)request->points_as, (int)request->extent,
                    (int)request->clip, (int)request->passes};
    static const struct {
        const char *key;
        const struct vox_choices *choices;
    } keys[] = {{"broadcast", &vox_broadcast_choices},
                {"points_as", &vox_points_as_choices},
                {"extent", &vox_extent_choices},
                {"clip", &vox_clip_choices},
                {"passes", &vox_passes_choices}};
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && code == VOX_OK; i++) {
        code = read_choice(root, keys[i].key, keys[i].choices, &values[i], err);
    }
    if (code == VOX_OK) {
        request->broadcast = (enum vox_broadcast)values[0];
        request->points_as = (enum vox_points_as)values[1];
        request->extent = (enum vox_extent)values[2];
        request->clip = (enum vox_clip)values[3];
        request->passes = (enum vox_passes)values[4];
    }
    return code;
}

/* True or false, also as text, since clients show lists of texts to choose from. */
static bool read_flag(const struct vox_json *value, bool *flag)
{
    const char *text = vox_json_text(value);
    if (text == NULL) {
        return vox_json_bool(value, flag);
    }
    bool yes = strcmp(text, "true") == 0, no = strcmp(text, "false") == 0;
    *flag = yes || (!no && *flag);
    return yes || no || is_open(text);
}

static enum vox_code read_flags(struct vox_request *request, const struct vox_json *root,
                                struct vox_err *err)
{
    const struct {
        const char *key;
        bool *flag;
    } keys[] = {{"largest_cc", &request->largest_cc},
                {"fill_holes", &request->fill_holes},
                {"keep_uncertain", &request->keep_uncertain},
                {"result_compress", &request->result_compress}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct vox_json *value = vox_params_get(root, keys[i].key);
        if (value != NULL && !read_flag(value, keys[i].flag)) {
            return vox_fail(err, VOX_E_ARG, "'%s' must be true or false", keys[i].key);
        }
    }
    request->result_compress_given =
        request->result_compress_given || vox_params_get(root, "result_compress") != NULL;
    return VOX_OK;
}

/* A number, also as text, since cells that may say "off" hold texts. */
static bool read_factor(const struct vox_json *value, double *out)
{
    const char *text = vox_json_text(value);
    return text == NULL ? vox_json_number(value, out) : vox_text_to_double(text, strlen(text), out);
}

static enum vox_code read_zoom(struct vox_request *request, const struct vox_json *root,
                               struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "zoom");
    if (value == NULL) {
        return VOX_OK;
    }
    const char *text = vox_json_text(value);
    if (text != NULL && is_open(text)) {
        request->zoom = (struct vox_zoom_choice){0};
        return VOX_OK;
    }
    if (text != NULL && strcmp(text, "off") == 0) {
        request->zoom = (struct vox_zoom_choice){.given = true};
        return VOX_OK;
    }
    double factor;
    if (!read_factor(value, &factor) || !(factor >= zoom_least && factor <= zoom_most)) {
        return vox_fail(err, VOX_E_ARG, "'zoom' must be \"off\" or a number from 1 to 100");
    }
    request->zoom = (struct vox_zoom_choice){.given = true, .factor = factor};
    return VOX_OK;
}

static enum vox_code read_min_box(struct vox_request *request, const struct vox_json *root,
                                  struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "min_box");
    double side;
    if (value == NULL) {
        return VOX_OK;
    }
    if (!vox_json_number(value, &side) || !(side >= 0.0 && side <= min_box_most)) {
        return vox_fail(err, VOX_E_ARG, "'min_box' must be a number of voxels, 0 or more");
    }
    request->min_box = side;
    return VOX_OK;
}

static enum vox_code read_slices(const struct vox_json *value, size_t n, int64_t *out,
                                 struct vox_err *err)
{
    for (size_t i = 0; i < n; i++) {
        double slice;
        if (!vox_json_number(vox_json_at(value, i), &slice) ||
            !(slice >= -slice_most && slice <= slice_most)) {
            return vox_fail(err, VOX_E_ARG, "number %zu of 'mask_slices' must be a slice", i);
        }
        out[i] = (int64_t)floor(slice + 0.5);
    }
    return VOX_OK;
}

static enum vox_code read_mask_slices(struct vox_request *request, const struct vox_json *root,
                                      struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "mask_slices");
    if (value == NULL) {
        return VOX_OK;
    }
    if (vox_json_kind(value) != VOX_JSON_ARRAY) {
        return vox_fail(err, VOX_E_ARG, "'mask_slices' must be a list of slices");
    }
    size_t n = vox_json_count(value);
    if (n > request->max_points) {
        return vox_fail(err, VOX_E_LIMIT, "more than %zu 'mask_slices'; give fewer",
                        request->max_points);
    }
    int64_t *slices = NULL;
    if (n > 0) {
        slices = vox_calloc(n, sizeof(*slices));
        if (slices == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    enum vox_code code = read_slices(value, n, slices, err);
    if (code != VOX_OK) {
        vox_free(slices);
        return code;
    }
    vox_free(request->mask_slices);
    request->mask_slices = slices;
    request->n_mask_slices = n;
    return VOX_OK;
}

static enum vox_code read_extension(struct vox_request *request, const struct vox_json *root,
                                    struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "result_extension");
    if (value == NULL) {
        return VOX_OK;
    }
    const char *text = vox_json_text(value);
    if (text != NULL && is_open(text)) {
        request->result_extension[0] = '\0';
        return VOX_OK;
    }
    char path[1 + sizeof(request->result_extension)] = "x";
    const struct vox_format_ending *ending = NULL;
    if (text != NULL && strlen(text) < sizeof(request->result_extension)) {
        snprintf(path + 1, sizeof(path) - 1, "%s", text);
        if (vox_format_for_path(path, &ending) == NULL || strcmp(ending->text, text) != 0) {
            ending = NULL;
        }
    }
    if (ending == NULL) {
        return vox_fail(err, VOX_E_ARG,
                        "'result_extension' must be the ending of a format that can be written, "
                        "as \".nii.gz\" or \".nrrd\"");
    }
    snprintf(request->result_extension, sizeof(request->result_extension), "%s", text);
    return VOX_OK;
}

static enum vox_code read_dtype(struct vox_request *request, const struct vox_json *root,
                                struct vox_err *err)
{
    const struct vox_json *value = vox_params_get(root, "result_dtype");
    if (value == NULL) {
        return VOX_OK;
    }
    const char *text = vox_json_text(value);
    if (text == NULL ||
        !(is_open(text) || strcmp(text, "uint8") == 0 || strcmp(text, "uint16") == 0)) {
        return vox_fail(err, VOX_E_ARG, "'result_dtype' must be \"uint8\" or \"uint16\"");
    }
    snprintf(request->result_dtype, sizeof(request->result_dtype), "%s", is_open(text) ? "" : text);
    return VOX_OK;
}

enum vox_code vox_params_read_options(struct vox_request *request, const struct vox_json *root,
                                      struct vox_err *err)
{
    static enum vox_code (*const readers[])(struct vox_request *, const struct vox_json *,
                                            struct vox_err *) = {
        read_choices,     read_flags,     read_zoom,  read_min_box,
        read_mask_slices, read_extension, read_dtype,
    };
    enum vox_code code = VOX_OK;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) && code == VOX_OK; i++) {
        code = readers[i](request, root, err);
    }
    return code;
}
