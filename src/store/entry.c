#include "store/entry.h"

#include <string.h>

#include "store/grow_text.h"
#include "store/info_text.h"
#include "store/name_table.h"
#include "store/store_ids.h"
#include "util/memory.h"

static const char nothing[] = "{}";

static void release_label(struct vox_entry_label *label)
{
    vox_free(label->tag);
    vox_free(label->ext);
    vox_free(label->info);
    vox_free(label->extra);
}

static void release(struct vox_entry *entry)
{
    for (size_t i = 0; i < entry->n_labels; i++) {
        release_label(&entry->labels[i]);
    }
    vox_free(entry->labels);
    vox_free(entry->id);
    vox_free(entry->stem);
    vox_free(entry->ext);
    vox_free(entry->info);
    vox_free(entry->image_extra);
    vox_free(entry->extra);
    vox_free(entry->body);
    vox_free(entry);
}

struct vox_entry *vox_entry_ref(struct vox_entry *entry)
{
    atomic_fetch_add(&entry->owners, 1);
    return entry;
}

void vox_entry_unref(struct vox_entry *entry)
{
    if (entry != NULL && atomic_fetch_sub(&entry->owners, 1) == 1) {
        release(entry);
    }
}

bool vox_entry_set(char **field, const char *text)
{
    char *copy = vox_strdup(text);
    if (copy == NULL) {
        return false;
    }
    vox_free(*field);
    *field = copy;
    return true;
}

struct vox_entry *vox_entry_new(const char *id, const char *stem, const char *ext, const char *info)
{
    struct vox_entry *entry = vox_calloc(1, sizeof(*entry));
    if (entry == NULL) {
        return NULL;
    }
    atomic_init(&entry->owners, 1);
    if (!vox_entry_set(&entry->id, id) || !vox_entry_set(&entry->stem, stem) ||
        !vox_entry_set(&entry->ext, ext) || !vox_entry_set(&entry->info, info) ||
        !vox_entry_set(&entry->image_extra, nothing) || !vox_entry_set(&entry->extra, nothing)) {
        release(entry);
        return NULL;
    }
    entry->id_hash = vox_name_hash(id);
    entry->stem_hash = vox_name_hash(stem);
    return entry;
}

const struct vox_entry_label *vox_entry_label(const struct vox_entry *entry, const char *tag)
{
    for (size_t i = 0; i < entry->n_labels; i++) {
        if (strcmp(entry->labels[i].tag, tag) == 0) {
            return &entry->labels[i];
        }
    }
    return NULL;
}

/* A label at the end that has nothing yet but its tag. */
static struct vox_entry_label *append_label(struct vox_entry *entry, const char *tag)
{
    size_t bytes, old = entry->n_labels * sizeof(*entry->labels);
    if (!vox_mul(entry->n_labels + 1, sizeof(*entry->labels), &bytes)) {
        return NULL;
    }
    struct vox_entry_label *labels = vox_realloc(entry->labels, old, bytes);
    if (labels == NULL) {
        return NULL;
    }
    entry->labels = labels;
    struct vox_entry_label *label = &labels[entry->n_labels];
    *label = (struct vox_entry_label){0};
    if (!vox_entry_set(&label->tag, tag) || !vox_entry_set(&label->extra, nothing)) {
        release_label(label);
        return NULL;
    }
    entry->n_labels++;
    return label;
}

bool vox_entry_set_label(struct vox_entry *entry, const char *tag, const char *ext,
                         const char *info)
{
    struct vox_entry_label *label = NULL;
    for (size_t i = 0; i < entry->n_labels && label == NULL; i++) {
        label = strcmp(entry->labels[i].tag, tag) == 0 ? &entry->labels[i] : NULL;
    }
    bool there = label != NULL;
    label = there ? label : append_label(entry, tag);
    if (label == NULL) {
        return false;
    }
    if (!vox_entry_set(&label->ext, ext) || !vox_entry_set(&label->info, info)) {
        if (!there) {
            vox_entry_drop_label(entry, tag);
        }
        return false;
    }
    return true;
}

void vox_entry_drop_label(struct vox_entry *entry, const char *tag)
{
    for (size_t i = 0; i < entry->n_labels; i++) {
        if (strcmp(entry->labels[i].tag, tag) == 0) {
            release_label(&entry->labels[i]);
            memmove(&entry->labels[i], &entry->labels[i + 1],
                    (entry->n_labels - i - 1) * sizeof(*entry->labels));
            entry->n_labels--;
            return;
        }
    }
}

struct vox_entry *vox_entry_copy(const struct vox_entry *entry)
{
    struct vox_entry *copy = vox_entry_new(entry->id, entry->stem, entry->ext, entry->info);
    bool good = copy != NULL && vox_entry_set(&copy->image_extra, entry->image_extra) &&
                vox_entry_set(&copy->extra, entry->extra);
    for (size_t i = 0; good && i < entry->n_labels; i++) {
        const struct vox_entry_label *label = &entry->labels[i];
        good = vox_entry_set_label(copy, label->tag, label->ext, label->info) &&
               vox_entry_set(&copy->labels[i].extra, label->extra);
    }
    if (!good) {
        vox_entry_unref(copy);
        return NULL;
    }
    copy->number = entry->number;
    copy->foreign = entry->foreign;
    return copy;
}

bool vox_entry_same(const struct vox_entry *a, const struct vox_entry *b)
{
    bool same = strcmp(a->stem, b->stem) == 0 && strcmp(a->id, b->id) == 0 &&
                a->foreign == b->foreign && strcmp(a->ext, b->ext) == 0 &&
                strcmp(a->info, b->info) == 0 && strcmp(a->image_extra, b->image_extra) == 0 &&
                strcmp(a->extra, b->extra) == 0 && a->n_labels == b->n_labels;
    for (size_t i = 0; same && i < a->n_labels; i++) {
        const struct vox_entry_label *x = &a->labels[i], *y = &b->labels[i];
        same = strcmp(x->tag, y->tag) == 0 && strcmp(x->ext, y->ext) == 0 &&
               strcmp(x->info, y->info) == 0 && strcmp(x->extra, y->extra) == 0;
    }
    return same;
}

/* --- reading --- */

static enum vox_code wrong(struct vox_err *err)
{
    return vox_fail(
        err, VOX_E_FORMAT,
        "an object of the datastore is not {\"image\": {\"ext\", \"info\"}, \"labels\": "
        "{tag: {\"ext\", \"info\"}}}");
}

/* {"ext", "info", ...}; NULL stands for {}. */
static enum vox_code read_file(const struct vox_json *json, char **ext, char **info, char **extra,
                               struct vox_err *err)
{
    static const char *const known[] = {"ext", "info", NULL};
    if (json != NULL && vox_json_kind(json) != VOX_JSON_OBJECT) {
        return wrong(err);
    }
    const struct vox_json *member = vox_json_get(json, "ext");
    const char *text = member == NULL ? "" : vox_json_text(member);
    if (text == NULL || !vox_is_ext(text)) {
        return wrong(err);
    }
    member = vox_json_get(json, "info");
    if (member != NULL && vox_json_kind(member) == VOX_JSON_NULL) {
        member = NULL;
    }
    if (member != NULL && vox_json_kind(member) != VOX_JSON_OBJECT) {
        return wrong(err);
    }
    char *rest = NULL, *told = NULL;
    enum vox_code code = vox_info_others(json, known, &rest, err);
    if (code == VOX_OK && member != NULL) {
        code = vox_json_format(member, &told, err);
    }
    if (code == VOX_OK &&
        (!vox_entry_set(ext, text) || !vox_entry_set(info, told == NULL ? nothing : told) ||
         !vox_entry_set(extra, rest))) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_free(rest);
    vox_free(told);
    return code;
}

static enum vox_code read_labels(struct vox_entry *entry, const struct vox_json *json,
                                 struct vox_err *err)
{
    void *cursor = NULL;
    const char *tag;
    const struct vox_json *value;
    if (json != NULL && vox_json_kind(json) == VOX_JSON_NULL) {
        return VOX_OK;
    }
    if (json != NULL && vox_json_kind(json) != VOX_JSON_OBJECT) {
        return wrong(err);
    }
    while (json != NULL && vox_json_next(json, &cursor, &tag, &value)) {
        struct vox_entry_label *label = append_label(entry, tag);
        if (label == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        enum vox_code code = read_file(value, &label->ext, &label->info, &label->extra, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}

enum vox_code vox_entry_read(const char *id, const char *stem, const struct vox_json *json,
                             struct vox_entry **out, struct vox_err *err)
{
    static const char *const known[] = {"image", "labels", NULL};
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        return wrong(err);
    }
    struct vox_entry *entry = vox_entry_new(id, stem, "", nothing);
    if (entry == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    char *extra = NULL;
    enum vox_code code =
        read_file(vox_json_get(json, "image"), &entry->ext, &entry->info, &entry->image_extra, err);
    if (code == VOX_OK) {
        code = read_labels(entry, vox_json_get(json, "labels"), err);
    }
    if (code == VOX_OK) {
        code = vox_info_others(json, known, &extra, err);
    }
    if (code == VOX_OK) {
        vox_free(entry->extra);
        entry->extra = extra;
    }
    if (code != VOX_OK) {
        vox_entry_unref(entry);
        return code;
    }
    *out = entry;
    return VOX_OK;
}

/* --- what the file says --- */

/* The members of a JSON object, each with a comma before it. */
static enum vox_code put_members(struct vox_grow *text, const char *object, int indent,
                                 struct vox_err *err)
{
    struct vox_json *json;
    if (strcmp(object, nothing) == 0) {
        return VOX_OK;
    }
    enum vox_code code = vox_info_parse(object, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    while (vox_json_next(json, &cursor, &key, &value)) {
        vox_grow_put(text, ",");
        vox_grow_line(text, indent);
        vox_grow_quote(text, key);
        vox_grow_put(text, ": ");
        vox_grow_json(text, value, indent);
    }
    vox_json_free(json);
    return VOX_OK;
}

/* {"ext", "info", ...} whose brace closes at `indent`. */
static enum vox_code put_file(struct vox_grow *text, const char *ext, const char *info,
                              const char *extra, int indent, struct vox_err *err)
{
    struct vox_json *json;
    enum vox_code code = vox_info_parse(info, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_grow_put(text, "{");
    vox_grow_line(text, indent + 2);
    vox_grow_put(text, "\"ext\": ");
    vox_grow_quote(text, ext);
    vox_grow_put(text, ",");
    vox_grow_line(text, indent + 2);
    vox_grow_put(text, "\"info\": ");
    vox_grow_json(text, json, indent + 2);
    vox_json_free(json);
    code = put_members(text, extra, indent + 2, err);
    vox_grow_line(text, indent);
    vox_grow_put(text, "}");
    return code;
}

static enum vox_code put_labels(struct vox_grow *text, const struct vox_entry *entry,
                                struct vox_err *err)
{
    vox_grow_put(text, "{");
    for (size_t i = 0; i < entry->n_labels; i++) {
        const struct vox_entry_label *label = &entry->labels[i];
        vox_grow_put(text, i == 0 ? "" : ",");
        vox_grow_line(text, 8);
        vox_grow_quote(text, label->tag);
        vox_grow_put(text, ": ");
        enum vox_code code = put_file(text, label->ext, label->info, label->extra, 8, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    if (entry->n_labels > 0) {
        vox_grow_line(text, 6);
    }
    vox_grow_put(text, "}");
    return VOX_OK;
}

enum vox_code vox_entry_seal(struct vox_entry *entry, struct vox_err *err)
{
    VOX_ASSERT(entry->body == NULL);
    struct vox_grow text = {0};
    vox_grow_put(&text, "{");
    vox_grow_line(&text, 6);
    vox_grow_put(&text, "\"image\": ");
    enum vox_code code = put_file(&text, entry->ext, entry->info, entry->image_extra, 6, err);
    if (code == VOX_OK) {
        vox_grow_put(&text, ",");
        vox_grow_line(&text, 6);
        vox_grow_put(&text, "\"labels\": ");
        code = put_labels(&text, entry, err);
    }
    if (code == VOX_OK) {
        code = put_members(&text, entry->extra, 6, err);
    }
    if (code != VOX_OK) {
        vox_grow_free(&text);
        return code;
    }
    vox_grow_line(&text, 4);
    vox_grow_put(&text, "}");
    return vox_grow_take(&text, &entry->body, &entry->body_size, err);
}
