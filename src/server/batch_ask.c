#include "server/batch_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pipeline/params_read.h"
#include "pipeline/request.h"
#include "util/memory.h"
#include "volume/volume.h"

/* ---- reading ---- */

static bool is_kind(const struct vox_json *value, enum vox_json_kind kind)
{
    return value != NULL && vox_json_kind(value) == kind;
}

static bool is_absent(const struct vox_json *value)
{
    return value == NULL || vox_json_kind(value) == VOX_JSON_NULL;
}

static bool find_choice(const char *text, enum vox_image_choice *out)
{
    static const char *const names[] = {"all", "labeled", "unlabeled"};
    static const enum vox_image_choice choices[] = {VOX_IMAGES_ALL, VOX_IMAGES_LABELLED,
                                                    VOX_IMAGES_UNLABELLED};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = choices[i];
            return true;
        }
    }
    return false;
}

static int compare_ids(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

static enum vox_code read_ids(const struct vox_json *list, struct vox_batch_ask *out,
                              struct vox_err *err)
{
    size_t n = vox_json_count(list);
    out->ids = vox_calloc(n + 1, sizeof(*out->ids));
    if (out->ids == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const char *id = vox_json_text(vox_json_at(list, i));
        if (id == NULL) {
            return vox_fail(err, VOX_E_ARG, "'images' must be a list of ids");
        }
        out->ids[i] = vox_strdup(id);
        if (out->ids[i] == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        out->n_ids = i + 1;
    }
    qsort(out->ids, n, sizeof(*out->ids), compare_ids);
    return VOX_OK;
}

static enum vox_code read_images(const char *images, const struct vox_json *body,
                                 struct vox_batch_ask *out, struct vox_err *err)
{
    const struct vox_json *value = vox_json_get(body, "images");
    if (is_kind(value, VOX_JSON_ARRAY)) {
        return read_ids(value, out, err);
    }
    const char *text = images != NULL && images[0] != '\0' ? images : vox_json_text(value);
    if (text != NULL && !find_choice(text, &out->images)) {
        return vox_fail(err, VOX_E_ARG,
                        "'images' must be all, labeled, unlabeled or a list of ids");
    }
    return VOX_OK;
}

static enum vox_code read_rule(const struct vox_json *body, struct vox_batch_ask *out,
                               struct vox_err *err)
{
    static const char *const names[] = {"stored", "centre_box", "previous_label"};
    const struct vox_json *value = vox_json_get(body, "prompts");
    const char *text = vox_json_text(value);
    if (is_absent(value)) {
        return VOX_OK;
    }
    for (int i = 0; text != NULL && i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(text, names[i]) == 0) {
            out->rule = (enum vox_batch_rule)i;
            return VOX_OK;
        }
    }
    return vox_fail(err, VOX_E_ARG, "'prompts' must be stored, centre_box or previous_label");
}

static enum vox_code read_tag(const struct vox_json *body, const char *key, const char *fallback,
                              char out[VOX_TAG_MAX + 1], struct vox_err *err)
{
    const char *text = vox_json_text(vox_json_get(body, key));
    text = text != NULL && text[0] != '\0' ? text : fallback;
    enum vox_code code = text[0] == '\0' ? VOX_OK : vox_tag_check(text, strlen(text), err);
    if (code == VOX_OK) {
        snprintf(out, VOX_TAG_MAX + 1, "%s", text);
    }
    return code;
}

static enum vox_code read_params(const struct vox_json *body, struct vox_batch_ask *out,
                                 struct vox_err *err)
{
    const struct vox_json *value = vox_json_get(body, "params");
    if (is_absent(value)) {
        return VOX_OK;
    }
    if (!is_kind(value, VOX_JSON_OBJECT)) {
        return vox_fail(err, VOX_E_ARG, "'params' must be an object");
    }
    return vox_json_format(value, &out->params, err);
}

static enum vox_code read_request(const struct vox_json *body, struct vox_batch_ask *out,
                                  struct vox_err *err)
{
    if (body != NULL) {
        return vox_json_format(body, &out->request, err);
    }
    out->request = vox_strdup("{}");
    return out->request != NULL ? VOX_OK : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code read_all(const char *images, const struct vox_json *body,
                              struct vox_batch_ask *out, struct vox_err *err)
{
    enum vox_code code = read_images(images, body, out, err);
    if (code == VOX_OK) {
        code = read_rule(body, out, err);
    }
    if (code == VOX_OK) {
        code = read_tag(body, "label_tag", "original", out->tag, err);
    }
    if (code == VOX_OK && strcmp(out->tag, "final") == 0) {
        code = vox_fail(err, VOX_E_ARG, "'label_tag' cannot be final: that label is a person's");
    }
    if (code == VOX_OK) {
        code = read_tag(body, "label_from", "", out->label_from, err);
    }
    if (code == VOX_OK) {
        code = read_params(body, out, err);
    }
    if (code == VOX_OK) {
        code = read_request(body, out, err);
    }
    (void)!vox_json_bool(vox_json_get(body, "save_label"), &out->save);
    (void)!vox_json_int(vox_json_get(body, "max_batch_size"), &out->most);
    return code;
}

enum vox_code vox_batch_ask_read(const char *images, const struct vox_json *body,
                                 struct vox_batch_ask *out, struct vox_err *err)
{
    struct vox_batch_ask ask = {.images = VOX_IMAGES_ALL, .save = true};
    enum vox_code code = read_all(images, body, &ask, err);
    if (code != VOX_OK) {
        vox_batch_ask_fini(&ask);
        return code;
    }
    *out = ask;
    return VOX_OK;
}

void vox_batch_ask_fini(struct vox_batch_ask *ask)
{
    vox_batch_images_free(ask->ids, ask->n_ids);
    vox_free(ask->params);
    vox_free(ask->request);
    *ask = (struct vox_batch_ask){0};
}

/* ---- images ---- */

void vox_batch_images_free(char **ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        vox_free(ids[i]);
    }
    vox_free(ids);
}

static enum vox_code copy_ids(const struct vox_batch_ask *ask, char **ids, size_t *n,
                              struct vox_err *err)
{
    for (size_t i = 0; i < ask->n_ids; i++) {
        ids[*n] = vox_strdup(ask->ids[i]);
        if (ids[*n] == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        ++*n;
    }
    return VOX_OK;
}

static enum vox_code list_ids(struct vox_datastore *store, const struct vox_batch_ask *ask,
                              char ***out, size_t *n, struct vox_err *err)
{
    struct vox_image_item *items;
    size_t count;
    enum vox_code code = vox_datastore_list(store, ask->images, &items, &count, err);
    if (code != VOX_OK) {
        return code;
    }
    char **ids = vox_calloc(count + 1, sizeof(*ids));
    if (ids == NULL) {
        vox_image_items_free(items, count);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = items[i].id;
        items[i].id = NULL;
    }
    vox_image_items_free(items, count);
    qsort(ids, count, sizeof(*ids), compare_ids);
    *out = ids;
    *n = count;
    return VOX_OK;
}

enum vox_code vox_batch_images(struct vox_datastore *store, const struct vox_batch_ask *ask,
                               char ***out, size_t *n, struct vox_err *err)
{
    if (ask->ids == NULL) {
        return list_ids(store, ask, out, n, err);
    }
    size_t count = 0;
    char **ids = vox_calloc(ask->n_ids + 1, sizeof(*ids));
    enum vox_code code =
        ids != NULL ? copy_ids(ask, ids, &count, err) : vox_fail(err, VOX_E_NOMEM, "out of memory");
    if (code != VOX_OK) {
        vox_batch_images_free(ids, count);
        return code;
    }
    *out = ids;
    *n = count;
    return VOX_OK;
}

/* ---- prompts ---- */

static enum vox_code add_params(struct vox_request *request, const char *text, struct vox_err *err)
{
    return vox_params_read(request, text, strlen(text), err);
}

static enum vox_code add_stored(const struct vox_image_record *image, struct vox_request *request,
                                struct vox_err *err)
{
    const struct vox_json_limits limits = {.bytes = 8 << 20, .depth = 32, .values = 1000000};
    struct vox_json *info;
    char *text;
    enum vox_code code = vox_json_parse(image->info, strlen(image->info), &limits, &info, err);
    if (code != VOX_OK) {
        return code;
    }
    const struct vox_json *prompts = vox_json_get(info, "prompts");
    code = is_kind(prompts, VOX_JSON_OBJECT)
               ? vox_json_format(prompts, &text, err)
               : vox_fail(err, VOX_E_NOT_FOUND, "no prompts are stored");
    if (code == VOX_OK) {
        code = add_params(request, text, err);
        vox_free(text);
    }
    vox_json_free(info);
    return code;
}

static enum vox_code add_centre_box(const struct vox_image_record *image,
                                    struct vox_request *request, struct vox_err *err)
{
    struct vox_volume_limits limits = vox_volume_limits_default();
    struct vox_volume *volume;
    char text[160];
    enum vox_code code = vox_volume_read_header(image->path, &limits, &volume, err);
    if (code != VOX_OK) {
        return code;
    }
    long long w = volume->size[0], h = volume->size[1], d = volume->size[2];
    snprintf(text, sizeof(text), "{\"roi\": [%lld, %lld, %lld, %lld, 0, %lld]}", w / 4,
             w - 1 - w / 4, h / 4, h - 1 - h / 4, d - 1);
    vox_volume_free(volume);
    return add_params(request, text, err);
}

static enum vox_code take_label(struct vox_datastore *store, const char *id, const char *tag,
                                struct vox_batch_prompts *out, struct vox_err *err)
{
    struct vox_label_record label;
    enum vox_code code = vox_datastore_label(store, id, tag, 0, &label, err);
    if (code == VOX_OK) {
        out->mask = label.path;
        out->raw = strcasecmp(label.ext, ".bin") == 0;
        label.path = NULL;
        vox_label_record_free(&label);
    }
    return code;
}

static enum vox_code find_label(struct vox_datastore *store, const struct vox_batch_ask *ask,
                                const char *id, struct vox_batch_prompts *out, struct vox_err *err)
{
    const char *const tags[] = {ask->label_from, "final", "original"};
    size_t first = ask->label_from[0] != '\0' ? 0 : 1, last = first == 0 ? 1 : 3;
    enum vox_code code = vox_fail(err, VOX_E_NOT_FOUND, "there is no earlier label");
    for (size_t i = first; i < last && code == VOX_E_NOT_FOUND; i++) {
        code = take_label(store, id, tags[i], out, err);
    }
    return code;
}

static enum vox_code add_label(struct vox_datastore *store, const struct vox_batch_ask *ask,
                               const char *id, const char *before, struct vox_batch_prompts *out,
                               struct vox_err *err)
{
    enum vox_code code = find_label(store, ask, id, out, err);
    if (code == VOX_E_NOT_FOUND && before != NULL) {
        code = find_label(store, ask, before, out, err);
    }
    return code;
}

static enum vox_code fill(struct vox_datastore *store, const struct vox_batch_ask *ask,
                          const struct vox_image_record *image, const char *before,
                          struct vox_batch_prompts *out, struct vox_err *err)
{
    enum vox_code code = ask->params != NULL ? add_params(out->request, ask->params, err) : VOX_OK;
    if (code != VOX_OK) {
        return code;
    }
    switch (ask->rule) {
    case VOX_BATCH_CENTRE_BOX:
        return add_centre_box(image, out->request, err);
    case VOX_BATCH_PREVIOUS_LABEL:
        return add_label(store, ask, image->id, before, out, err);
    case VOX_BATCH_STORED:
        break;
    }
    return add_stored(image, out->request, err);
}

enum vox_code vox_batch_prompts_find(struct vox_datastore *store, const struct vox_labels *labels,
                                     const struct vox_batch_ask *ask,
                                     const struct vox_image_record *image, const char *before,
                                     struct vox_batch_prompts *out, struct vox_err *err)
{
    struct vox_batch_prompts prompts = {0};
    enum vox_code code = vox_request_new(labels, &prompts.request, err);
    if (code == VOX_OK) {
        code = fill(store, ask, image, before, &prompts, err);
    }
    if (code != VOX_OK) {
        vox_request_free(prompts.request);
        vox_free(prompts.mask);
        return code;
    }
    *out = prompts;
    return VOX_OK;
}
