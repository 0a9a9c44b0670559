#include <string.h>

#include "store/grow_text.h"
#include "store/index.h"
#include "store/info_text.h"
#include "store/python_json.h"
#include "store/store_ids.h"
#include "util/json.h"
#include "util/memory.h"

static const struct vox_json_limits file_limits = {(size_t)512 << 20, 72, (size_t)64 << 20};

/* --- reading --- */

static enum vox_code read_text(const struct vox_json *json, const char *key, const char *other_key,
                               char **field, struct vox_err *err)
{
    const struct vox_json *member = vox_json_get(json, key);
    if (member == NULL && other_key != NULL) {
        member = vox_json_get(json, other_key);
    }
    if (member == NULL || vox_json_kind(member) == VOX_JSON_NULL) {
        return VOX_OK;
    }
    if (vox_json_text(member) == NULL) {
        return vox_fail(err, VOX_E_FORMAT, "\"%s\" of the datastore is not a text", key);
    }
    return vox_entry_set(field, vox_json_text(member))
               ? VOX_OK
               : vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code read_head(const struct vox_json *json, struct vox_index_head *head,
                               struct vox_err *err)
{
    static const char *const known[] = {"name",      "description", "images_dir", "labels_dir",
                                        "label_dir", "objects",     NULL};
    enum vox_code code = read_text(json, "name", NULL, &head->name, err);
    if (code == VOX_OK) {
        code = read_text(json, "description", NULL, &head->description, err);
    }
    if (code == VOX_OK) {
        code = read_text(json, "images_dir", NULL, &head->images_dir, err);
    }
    if (code == VOX_OK) {
        code = read_text(json, "labels_dir", "label_dir", &head->labels_dir, err);
    }
    char *extra = NULL;
    if (code == VOX_OK) {
        code = vox_info_others(json, known, &extra, err);
    }
    if (code == VOX_OK) {
        vox_free(head->extra);
        head->extra = extra;
    }
    return code;
}

struct reading {
    const struct vox_index *known;
    vox_index_name *name;
    void *context;
    struct vox_index *index;
};

/* The object itself where it says what was known before. */
static enum vox_code share_or_seal(const struct reading *r, struct vox_entry **entry,
                                   struct vox_err *err)
{
    int64_t place = r->known == NULL || (*entry)->foreign
                        ? VOX_INDEX_NONE
                        : vox_index_find_stem(r->known, (*entry)->stem);
    if (place != VOX_INDEX_NONE && vox_entry_same(r->known->at[place], *entry)) {
        vox_entry_unref(*entry);
        *entry = vox_entry_ref(r->known->at[place]);
        return VOX_OK;
    }
    (*entry)->number = UINT64_MAX;
    return vox_entry_seal(*entry, err);
}

static enum vox_code read_object(const struct reading *r, const char *stem,
                                 const struct vox_json *json, struct vox_err *err)
{
    char *id = NULL;
    struct vox_entry *entry = NULL;
    bool foreign = !vox_is_file_stem(stem);
    enum vox_code code = VOX_OK;
    if (!foreign) {
        code = r->name(r->context, stem, &id, err);
    }
    /* Two stems can stand for one id; the first has it. */
    bool taken = id != NULL && vox_index_find(r->index, id) != VOX_INDEX_NONE;
    if (code == VOX_OK) {
        code = vox_entry_read(foreign || taken ? stem : id, stem, json, &entry, err);
    }
    vox_free(id);
    if (code != VOX_OK) {
        return code;
    }
    entry->foreign = foreign || (taken && vox_index_find(r->index, stem) != VOX_INDEX_NONE);
    code = share_or_seal(r, &entry, err);
    if (code == VOX_OK) {
        code = vox_index_append(r->index, entry, err);
    }
    if (code != VOX_OK) {
        vox_entry_unref(entry);
    }
    return code;
}

static enum vox_code read_objects(const struct reading *r, const struct vox_json *objects,
                                  struct vox_err *err)
{
    void *cursor = NULL;
    const char *stem;
    const struct vox_json *value;
    enum vox_code code = VOX_OK;
    if (objects != NULL && vox_json_kind(objects) != VOX_JSON_OBJECT) {
        return vox_fail(err, VOX_E_FORMAT, "\"objects\" of the datastore is not an object");
    }
    while (code == VOX_OK && objects != NULL && vox_json_next(objects, &cursor, &stem, &value)) {
        code = read_object(r, stem, value, err);
    }
    return code;
}

/* Python's json module writes more than JSON; who wrote the file with it is read too. */
static enum vox_code parse(const char *text, size_t size, struct vox_json **out,
                           struct vox_err *err)
{
    struct vox_err first = {0};
    char *mended;
    size_t mended_size;
    enum vox_code code = vox_json_parse(text, size, &file_limits, out, &first);
    if (code == VOX_E_FORMAT && memchr(text, '\0', size) == NULL &&
        vox_python_json(text, size, &mended, &mended_size, NULL) == VOX_OK) {
        code = vox_json_parse(mended, mended_size, &file_limits, out, NULL);
        vox_free(mended);
    }
    if (code != VOX_OK && err != NULL) {
        *err = first;
    }
    return code;
}

enum vox_code vox_index_read(const char *text, size_t size, const struct vox_index *known,
                             vox_index_name *name, void *context, struct vox_index **out,
                             struct vox_err *err)
{
    struct vox_json *json;
    enum vox_code code = parse(text, size, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    struct reading r = {known, name, context, vox_index_new()};
    if (vox_json_kind(json) != VOX_JSON_OBJECT) {
        code = vox_fail(err, VOX_E_FORMAT, "the datastore is not a JSON object");
    } else if (r.index == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        code = read_head(json, &r.index->head, err);
    }
    if (code == VOX_OK) {
        code = read_objects(&r, vox_json_get(json, "objects"), err);
    }
    vox_json_free(json);
    if (code != VOX_OK) {
        vox_index_unref(r.index);
        return code;
    }
    *out = r.index;
    return VOX_OK;
}

/* --- writing --- */

static void put_text(struct vox_grow *text, const char *key, const char *value)
{
    vox_grow_line(text, 2);
    vox_grow_quote(text, key);
    vox_grow_put(text, ": ");
    vox_grow_quote(text, value);
    vox_grow_put(text, ",");
}

static enum vox_code put_head(struct vox_grow *text, const struct vox_index_head *head,
                              struct vox_err *err)
{
    vox_grow_put(text, "{");
    put_text(text, "name", head->name);
    put_text(text, "description", head->description);
    put_text(text, "images_dir", head->images_dir);
    put_text(text, "labels_dir", head->labels_dir);
    /* The other spelling, for those who read that one. */
    put_text(text, "label_dir", head->labels_dir);
    struct vox_json *json;
    enum vox_code code = vox_info_parse(head->extra, &json, err);
    if (code != VOX_OK) {
        return code;
    }
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    while (vox_json_next(json, &cursor, &key, &value)) {
        vox_grow_line(text, 2);
        vox_grow_quote(text, key);
        vox_grow_put(text, ": ");
        vox_grow_json(text, value, 2);
        vox_grow_put(text, ",");
    }
    vox_json_free(json);
    return VOX_OK;
}

/* Room for all bodies at once, so that they are copied once. */
static void reserve(struct vox_grow *text, const struct vox_index *index)
{
    size_t bytes = 0;
    for (size_t i = 0; i < index->n; i++) {
        if (!vox_add(bytes, index->at[i]->body_size + strlen(index->at[i]->stem) + 32, &bytes)) {
            return;
        }
    }
    vox_grow_reserve(text, bytes);
}

enum vox_code vox_index_write(const struct vox_index *index, char **out, size_t *size,
                              struct vox_err *err)
{
    struct vox_grow text = {0};
    enum vox_code code = put_head(&text, &index->head, err);
    if (code != VOX_OK) {
        vox_grow_free(&text);
        return code;
    }
    vox_grow_line(&text, 2);
    vox_grow_put(&text, "\"objects\": {");
    reserve(&text, index);
    for (size_t i = 0; i < index->n; i++) {
        const struct vox_entry *entry = index->at[i];
        vox_grow_put(&text, i == 0 ? "" : ",");
        vox_grow_line(&text, 4);
        vox_grow_quote(&text, entry->stem);
        vox_grow_put(&text, ": ");
        vox_grow_add(&text, entry->body, entry->body_size);
    }
    if (index->n > 0) {
        vox_grow_line(&text, 2);
    }
    vox_grow_put(&text, "}");
    vox_grow_line(&text, 0);
    vox_grow_put(&text, "}\n");
    return vox_grow_take(&text, out, size, err);
}
