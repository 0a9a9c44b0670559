#include <string.h>

#include "store/datastore_parts.h"
#include "store/info_text.h"
#include "store/store_ids.h"
#include "util/memory.h"

void vox_store_note(const struct vox_datastore *store, const char *text)
{
    if (store->options.note != NULL) {
        store->options.note(store->options.note_context, text);
    }
}

struct vox_index *vox_store_snapshot(struct vox_datastore *store)
{
    pthread_mutex_lock(&store->lock);
    struct vox_index *index = vox_index_ref(store->index);
    pthread_mutex_unlock(&store->lock);
    return index;
}

enum vox_code vox_store_find(struct vox_datastore *store, const char *id, struct vox_entry **out,
                             struct vox_err *err)
{
    enum vox_code code = vox_id_check(id, strlen(id), err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_index *index = vox_store_snapshot(store);
    int64_t place = vox_index_find(index, id);
    if (place != VOX_INDEX_NONE) {
        *out = vox_entry_ref(index->at[place]);
    }
    vox_index_unref(index);
    return place == VOX_INDEX_NONE
               ? vox_fail(err, VOX_E_NOT_FOUND, "no image of the datastore has this id")
               : VOX_OK;
}

/* --- numbers --- */

/* Numbers are pointers in the table, one more than they are so that none is NULL. */
static uint64_t known_number(const struct vox_datastore *store, const char *id)
{
    return (uint64_t)(uintptr_t)vox_name_table_get(&store->numbers, id);
}

static void *as_pointer(uint64_t number)
{
    union {
        uintptr_t number;
        void *pointer;
    } cast = {(uintptr_t)number};
    return cast.pointer;
}

static bool room_for_number(struct vox_datastore *store)
{
    if (store->n_numbered < store->numbered_room) {
        return true;
    }
    size_t room = store->numbered_room == 0 ? 64 : store->numbered_room * 2;
    char **grown =
        vox_realloc(store->numbered, store->numbered_room * sizeof(char *), room * sizeof(char *));
    if (grown == NULL) {
        return false;
    }
    store->numbered = grown;
    store->numbered_room = room;
    return true;
}

static enum vox_code give_number(struct vox_datastore *store, struct vox_entry *entry,
                                 struct vox_err *err)
{
    uint64_t known = known_number(store, entry->id);
    if (known > 0) {
        entry->number = known - 1;
        return VOX_OK;
    }
    char *id = vox_strdup(entry->id);
    if (id == NULL || !room_for_number(store)) {
        vox_free(id);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code =
        vox_name_table_put(&store->numbers, id, as_pointer(store->n_numbered + 1), err);
    if (code != VOX_OK) {
        vox_free(id);
        return code;
    }
    entry->number = store->n_numbered;
    store->numbered[store->n_numbered++] = id;
    return VOX_OK;
}

enum vox_code vox_store_renumber(struct vox_datastore *store, struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    pthread_mutex_lock(&store->lock);
    vox_name_table_fini(&store->numbers);
    while (store->n_numbered > 0) {
        vox_free(store->numbered[--store->n_numbered]);
    }
    for (size_t i = 0; code == VOX_OK && i < store->index->n; i++) {
        code = give_number(store, store->index->at[i], err);
    }
    pthread_mutex_unlock(&store->lock);
    return code;
}

enum vox_code vox_store_publish(struct vox_datastore *store, struct vox_index *draft,
                                struct vox_err *err)
{
    enum vox_code code = VOX_OK;
    struct vox_index *before = draft;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; code == VOX_OK && i < draft->n; i++) {
        if (draft->at[i]->number == UINT64_MAX) {
            code = give_number(store, draft->at[i], err);
        }
    }
    if (code == VOX_OK) {
        before = store->index;
        store->index = draft;
        store->generation++;
        pthread_cond_broadcast(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
    if (code != VOX_OK) {
        /* Memory lags behind the disk: the next look reads all of it. */
        const struct vox_file_state none = {0};
        vox_store_set_mark(store, &none);
    }
    vox_index_unref(before);
    return code;
}

struct vox_file_state vox_store_mark(struct vox_datastore *store)
{
    pthread_mutex_lock(&store->lock);
    struct vox_file_state mark = store->mark;
    pthread_mutex_unlock(&store->lock);
    return mark;
}

void vox_store_set_mark(struct vox_datastore *store, const struct vox_file_state *mark)
{
    pthread_mutex_lock(&store->lock);
    store->mark = *mark;
    pthread_mutex_unlock(&store->lock);
}

void vox_store_touch(struct vox_datastore *store, bool images)
{
    pthread_mutex_lock(&store->lock);
    store->generation++;
    store->images_generation += images ? 1 : 0;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

uint64_t vox_datastore_generation(struct vox_datastore *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t generation = store->generation;
    pthread_mutex_unlock(&store->lock);
    return generation;
}

bool vox_datastore_wait(struct vox_datastore *store, uint64_t generation, double seconds)
{
    const struct timespec end = vox_clock_after(seconds);
    pthread_mutex_lock(&store->lock);
    int status = 0;
    while (store->generation == generation && status == 0) {
        status = pthread_cond_timedwait(&store->changed, &store->lock, &end);
    }
    bool moved = store->generation != generation;
    pthread_mutex_unlock(&store->lock);
    return moved;
}

/* --- files of objects --- */

char *vox_store_image_path(const struct vox_datastore *store, const struct vox_entry *entry)
{
    return vox_path_file(store->images, entry->stem, entry->ext);
}

char *vox_store_tag_folder(const struct vox_datastore *store, const char *tag)
{
    return vox_path_join(store->labels, tag);
}

char *vox_store_label_path(const struct vox_datastore *store, const char *tag, const char *stem,
                           const char *ext)
{
    char *folder = vox_store_tag_folder(store, tag);
    char *path = folder == NULL ? NULL : vox_path_file(folder, stem, ext);
    vox_free(folder);
    return path;
}

bool vox_store_is_decodable(struct vox_datastore *store, const struct vox_entry *entry)
{
    if (entry->foreign || !vox_is_image_ext(entry->ext)) {
        return false;
    }
    pthread_mutex_lock(&store->lock);
    bool bad = false;
    if (store->undecodable.n > 0) {
        char *name = vox_path_file("", entry->stem, entry->ext);
        bad = name != NULL && vox_name_table_get(&store->undecodable, name + 1) != NULL;
        vox_free(name);
    }
    pthread_mutex_unlock(&store->lock);
    return !bad;
}

void vox_store_set_undecodable(struct vox_datastore *store, const char *file_name,
                               const struct vox_file_state *state)
{
    struct vox_file_state *copy = state == NULL ? NULL : vox_alloc(sizeof(*copy));
    pthread_mutex_lock(&store->lock);
    size_t before = store->undecodable.n;
    if (copy == NULL) {
        vox_name_table_remove(&store->undecodable, file_name);
    } else {
        *copy = *state;
        if (vox_name_table_put(&store->undecodable, file_name, copy, NULL) != VOX_OK) {
            vox_free(copy); /* it is looked at again */
        }
    }
    if (store->undecodable.n != before) {
        store->generation++;
        pthread_cond_broadcast(&store->changed);
    }
    pthread_mutex_unlock(&store->lock);
}

enum vox_code vox_store_check_writable(const struct vox_datastore *store, struct vox_err *err)
{
    return store->read_only
               ? vox_fail(err, VOX_E_UNSUPPORTED, "the datastore is read-only; nothing was changed")
               : VOX_OK;
}

enum vox_code vox_store_check_change(const struct vox_datastore *store, const char *id,
                                     const char *tag, const char *info, struct vox_err *err)
{
    enum vox_code code = vox_store_check_writable(store, err);
    if (code == VOX_OK) {
        code = vox_id_check(id, strlen(id), err);
    }
    if (code == VOX_OK && tag != NULL) {
        code = vox_tag_check(tag, strlen(tag), err);
    }
    return code == VOX_OK ? vox_info_check(info, err) : code;
}
