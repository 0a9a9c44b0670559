#include "store/commit.h"

#include <string.h>

#include "store/disk_index.h"
#include "util/file.h"

enum vox_code vox_draft_put(struct vox_index *draft, struct vox_entry *entry, struct vox_err *err)
{
    enum vox_code code = vox_entry_seal(entry, err);
    int64_t place = vox_index_find_stem(draft, entry->stem);
    if (code == VOX_OK && place != VOX_INDEX_NONE) {
        vox_index_replace(draft, (size_t)place, entry);
        return VOX_OK;
    }
    if (code == VOX_OK) {
        entry->number = UINT64_MAX;
        code = vox_index_append(draft, entry, err);
    }
    if (code != VOX_OK) {
        vox_entry_unref(entry);
    }
    return code;
}

static bool apply_kind(struct vox_datastore *store, struct vox_change *first, bool looks,
                       struct vox_index *draft)
{
    bool any = false;
    for (struct vox_change *change = first; change != NULL; change = change->next) {
        if (change->code != VOX_OK || change->looks != looks) {
            continue;
        }
        change->changed = false;
        change->code = change->apply(store, change, draft, &change->changed, &change->err);
        any = any || (change->code == VOX_OK && change->changed);
    }
    return any;
}

/* Whether any change of the group did something to the draft; those that failed are out. */
static bool apply_all(struct vox_datastore *store, struct vox_change *first,
                      struct vox_index *draft)
{
    bool any = apply_kind(store, first, true, draft);
    any = apply_kind(store, first, false, draft) || any;
    vox_index_close(draft);
    return any;
}

/* False where one failed, which is out of the group then; those before it keep what they placed. */
static bool place_all(struct vox_datastore *store, struct vox_change *first)
{
    for (struct vox_change *change = first; change != NULL; change = change->next) {
        if (change->code != VOX_OK || change->placed || change->place == NULL) {
            continue;
        }
        change->code = change->place(store, change, &change->err);
        change->placed = true;
        if (change->code != VOX_OK) {
            return false;
        }
    }
    return true;
}

/* Writes the draft and what comes with it. *again: a change went, the rest can be tried again. */
static enum vox_code write_draft(struct vox_datastore *store, struct vox_change *first,
                                 const struct vox_index *draft, bool *again, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_disk_prepare(store, draft, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    *again = !place_all(store, first);
    if (*again) {
        vox_file_abandon(file);
        return VOX_OK;
    }
    return vox_disk_finish(store, file, err);
}

static enum vox_code attempt(struct vox_datastore *store, struct vox_change *first, bool *again,
                             struct vox_err *err)
{
    struct vox_index *draft = NULL;
    bool changed, missing;
    *again = false;
    enum vox_code code = vox_disk_check_folder(store, err);
    if (code == VOX_OK) {
        code = vox_disk_read(store, &draft, &changed, &missing, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    bool applied = apply_all(store, first, draft);
    if ((applied || missing) && !store->read_only) {
        code = write_draft(store, first, draft, again, err);
    }
    if (code != VOX_OK || *again || !(applied || changed)) {
        if (changed) {
            /* What others wrote goes with the draft: the next look reads it again. */
            const struct vox_file_state none = {0};
            vox_store_set_mark(store, &none);
        }
        vox_index_unref(draft);
        return code;
    }
    return vox_store_publish(store, draft, err);
}

/* Ends every change of the group. */
static void end_group(struct vox_datastore *store, struct vox_change *first, enum vox_code code,
                      const struct vox_err *err)
{
    bool images = false;
    for (struct vox_change *change = first; change != NULL; change = change->next) {
        if (change->code == VOX_OK && code != VOX_OK) {
            change->code = code;
            change->err = *err;
        }
        if (change->code != VOX_OK && change->placed && change->undo != NULL) {
            change->undo(store, change);
        }
        if (change->code == VOX_OK && change->settle != NULL) {
            change->settle(store, change);
        }
        images = images || (change->code == VOX_OK && change->images && change->changed);
    }
    if (images) {
        vox_store_touch(store, true);
    }
}

static void run_group(struct vox_datastore *store, struct vox_change *first)
{
    struct vox_err err = {0};
    int fd;
    bool again = false;
    enum vox_code code = vox_disk_lock(store, &fd, &err);
    if (code != VOX_OK) {
        end_group(store, first, code, &err);
        return;
    }
    do {
        code = attempt(store, first, &again, &err);
    } while (again);
    end_group(store, first, code, &err);
    vox_disk_unlock(fd);
}

static bool has_id(const struct vox_change *first, const char *id)
{
    while (first != NULL && (first->id == NULL || strcmp(first->id, id) != 0)) {
        first = first->next;
    }
    return first != NULL;
}

/* Takes what waits from the queue. Of several changes of one image the first: what it removes in
 * the end could be what the next has placed. */
static struct vox_change *take_group(struct vox_datastore *store)
{
    struct vox_change *group = NULL, **end = &group;
    struct vox_change *rest = store->first;
    store->first = NULL;
    store->last = &store->first;
    while (rest != NULL) {
        struct vox_change *change = rest;
        rest = rest->next;
        change->next = NULL;
        if (change->id != NULL && has_id(group, change->id)) {
            *store->last = change;
            store->last = &change->next;
        } else {
            *end = change;
            end = &change->next;
        }
    }
    return group;
}

/* Carries out what waits. The queue's lock is held. */
static void lead(struct vox_datastore *store)
{
    struct vox_change *first = take_group(store);
    store->leading = true;
    pthread_mutex_unlock(&store->queue_lock);
    run_group(store, first);
    pthread_mutex_lock(&store->queue_lock);
    store->leading = false;
    while (first != NULL) {
        /* Its owner may go as soon as it is done. */
        struct vox_change *next = first->next;
        first->done = true;
        first = next;
    }
    pthread_cond_broadcast(&store->queue_moved);
}

enum vox_code vox_commit(struct vox_datastore *store, struct vox_change *change,
                         struct vox_err *err)
{
    pthread_mutex_lock(&store->queue_lock);
    *store->last = change;
    store->last = &change->next;
    while (!change->done) {
        if (store->leading) {
            pthread_cond_wait(&store->queue_moved, &store->queue_lock);
        } else {
            lead(store);
        }
    }
    pthread_mutex_unlock(&store->queue_lock);
    if (change->code != VOX_OK && err != NULL) {
        *err = change->err;
    }
    return change->code;
}
