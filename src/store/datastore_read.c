/* What the datastore says of images and labels. */
#include <string.h>

#include "store/datastore_parts.h"
#include "store/image_probe.h"
#include "store/label_versions.h"
#include "store/store_ids.h"
#include "util/memory.h"

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

/* --- images --- */

void vox_image_record_free(struct vox_image_record *record)
{
    vox_free(record->id);
    vox_free(record->path);
    vox_free(record->ext);
    vox_free(record->file_name);
    vox_free(record->info);
    *record = (struct vox_image_record){0};
}

/* Whether the file can be decoded now; what is found is remembered. */
static bool probe(struct vox_datastore *store, const struct vox_image_record *record,
                  const struct vox_file_state *state)
{
    enum vox_code code;
    if (!vox_is_image_ext(record->ext)) {
        return false;
    }
    bool good = vox_image_probe(record->path, &store->options.limits, &code, NULL) != VOX_PROBE_NOT;
    vox_store_set_undecodable(store, record->file_name, good ? NULL : state);
    return good;
}

static enum vox_code fill_image(struct vox_datastore *store, const struct vox_entry *entry,
                                struct vox_image_record *out, struct vox_err *err)
{
    struct vox_file_state state = {0};
    struct vox_image_record record = {.id = vox_strdup(entry->id),
                                      .path = vox_store_image_path(store, entry),
                                      .ext = vox_strdup(entry->ext),
                                      .info = vox_strdup(entry->info),
                                      .number = entry->number,
                                      .labelled = vox_entry_label(entry, "final") != NULL};
    record.file_name = record.path == NULL ? NULL : vox_strdup(strrchr(record.path, '/') + 1);
    enum vox_code code = VOX_OK;
    if (record.id == NULL || record.file_name == NULL || record.ext == NULL ||
        record.info == NULL) {
        code = no_memory(err);
    }
    if (code == VOX_OK) {
        code = vox_file_state_read(record.path, &state, err);
    }
    if (code == VOX_OK && !state.there) {
        code = vox_fail(err, VOX_E_NOT_FOUND, "the image's file is gone");
    }
    if (code != VOX_OK) {
        vox_image_record_free(&record);
        return code;
    }
    record.decodable = probe(store, &record, &state);
    *out = record;
    return VOX_OK;
}

enum vox_code vox_datastore_image(struct vox_datastore *store, const char *id,
                                  struct vox_image_record *out, struct vox_err *err)
{
    struct vox_entry *entry;
    enum vox_code code = vox_store_find(store, id, &entry, err);
    if (code == VOX_OK) {
        code = fill_image(store, entry, out, err);
        vox_entry_unref(entry);
    }
    return code;
}

enum vox_code vox_datastore_numbered(struct vox_datastore *store, uint64_t number,
                                     struct vox_image_record *out, struct vox_err *err)
{
    pthread_mutex_lock(&store->lock);
    char *id = number < store->n_numbered ? vox_strdup(store->numbered[number]) : NULL;
    bool known = number < store->n_numbered;
    pthread_mutex_unlock(&store->lock);
    if (id == NULL) {
        return known ? no_memory(err)
                     : vox_fail(err, VOX_E_NOT_FOUND, "no image of the datastore has this number");
    }
    enum vox_code code = vox_datastore_image(store, id, out, err);
    vox_free(id);
    return code;
}

/* --- lists --- */

void vox_image_items_free(struct vox_image_item *items, size_t n)
{
    for (size_t i = 0; items != NULL && i < n; i++) {
        vox_free(items[i].id);
        vox_free(items[i].file_name);
    }
    vox_free(items);
}

static bool is_chosen(struct vox_datastore *store, const struct vox_entry *entry,
                      enum vox_image_choice choice)
{
    if (!vox_store_is_decodable(store, entry)) {
        return false;
    }
    bool labelled = vox_entry_label(entry, "final") != NULL;
    return choice == VOX_IMAGES_ALL || labelled == (choice == VOX_IMAGES_LABELLED);
}

static bool fill_item(const struct vox_entry *entry, struct vox_image_item *item)
{
    size_t stem = strlen(entry->stem), ext = strlen(entry->ext);
    item->id = vox_strdup(entry->id);
    item->number = entry->number;
    item->file_name = vox_alloc(stem + ext + 1);
    if (item->file_name != NULL) {
        memcpy(item->file_name, entry->stem, stem);
        memcpy(item->file_name + stem, entry->ext, ext + 1);
    }
    return item->id != NULL && item->file_name != NULL;
}

enum vox_code vox_datastore_list(struct vox_datastore *store, enum vox_image_choice choice,
                                 struct vox_image_item **out, size_t *n, struct vox_err *err)
{
    struct vox_index *index = vox_store_snapshot(store);
    struct vox_image_item *items = vox_calloc(index->n + 1, sizeof(*items));
    bool good = items != NULL;
    size_t found = 0;
    for (size_t i = 0; good && i < index->n; i++) {
        if (is_chosen(store, index->at[i], choice)) {
            good = fill_item(index->at[i], &items[found++]);
        }
    }
    vox_index_unref(index);
    if (!good) {
        vox_image_items_free(items, found);
        return no_memory(err);
    }
    *out = items;
    *n = found;
    return VOX_OK;
}

/* --- labels --- */

void vox_label_record_free(struct vox_label_record *record)
{
    vox_free(record->path);
    vox_free(record->ext);
    vox_free(record->file_name);
    vox_free(record->info);
    *record = (struct vox_label_record){0};
}

static enum vox_code fill_label(const struct vox_datastore *store, const struct vox_entry *entry,
                                const char *tag, struct vox_label_record *out, struct vox_err *err)
{
    const struct vox_entry_label *label = vox_entry_label(entry, tag);
    if (label == NULL) {
        return vox_fail(err, VOX_E_NOT_FOUND, "the image has no label with this tag");
    }
    struct vox_file_state state = {0};
    struct vox_label_record record = {.path =
                                          vox_store_label_path(store, tag, entry->stem, label->ext),
                                      .ext = vox_strdup(label->ext),
                                      .info = vox_strdup(label->info)};
    record.file_name = record.path == NULL ? NULL : vox_strdup(strrchr(record.path, '/') + 1);
    enum vox_code code = VOX_OK;
    if (record.file_name == NULL || record.ext == NULL || record.info == NULL) {
        code = no_memory(err);
    }
    if (code == VOX_OK) {
        code = vox_file_state_read(record.path, &state, err);
    }
    if (code == VOX_OK && !state.there) {
        code = vox_fail(err, VOX_E_NOT_FOUND, "the label's file is gone");
    }
    if (code != VOX_OK) {
        vox_label_record_free(&record);
        return code;
    }
    *out = record;
    return VOX_OK;
}

enum vox_code vox_datastore_label(struct vox_datastore *store, const char *id, const char *tag,
                                  int version, struct vox_label_record *out, struct vox_err *err)
{
    struct vox_entry *entry;
    enum vox_code code = vox_tag_check(tag, strlen(tag), err);
    if (code == VOX_OK) {
        code = vox_store_find(store, id, &entry, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    code = version == 0 ? fill_label(store, entry, tag, out, err)
                        : vox_versions_find(store, tag, entry->stem, version, out, err);
    vox_entry_unref(entry);
    return code;
}

enum vox_code vox_datastore_versions(struct vox_datastore *store, const char *id, const char *tag,
                                     int **out, size_t *n, struct vox_err *err)
{
    struct vox_entry *entry;
    enum vox_code code = vox_tag_check(tag, strlen(tag), err);
    if (code == VOX_OK) {
        code = vox_store_find(store, id, &entry, err);
    }
    if (code == VOX_OK) {
        code = vox_versions_list(store, tag, entry->stem, out, n, err);
        vox_entry_unref(entry);
    }
    return code;
}
