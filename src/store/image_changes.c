/* Images that come, change and go. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/commit.h"
#include "store/image_probe.h"
#include "store/info_text.h"
#include "store/label_versions.h"
#include "store/store_ids.h"
#include "util/memory.h"

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

static enum vox_code unknown(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOT_FOUND, "no image of the datastore has this id");
}

/* --- adding --- */

struct adding {
    struct vox_change change;
    const char *id;
    char stem[VOX_STEM_SIZE + 64];
    const char *ext;
    const char *patch, *user;
    struct vox_staged staged;
    char *other; /* the image's file with another ending, which goes */
};

/* The info for the new file over what was there. */
static enum vox_code merge_info(const struct adding *a, const char *old, char **out,
                                struct vox_err *err)
{
    const char *name = strrchr(a->staged.target, '/') + 1;
    const struct vox_info_member members[] = {{.key = "ts", .integer = vox_now()},
                                              {.key = "name", .text = name},
                                              {.key = "user", .text = a->user}};
    return vox_info_merge(old, a->patch, members, a->user == NULL ? 2 : 3, out, err);
}

static enum vox_code apply_adding(struct vox_datastore *store, struct vox_change *change,
                                  struct vox_index *draft, bool *changed, struct vox_err *err)
{
    struct adding *a = (struct adding *)(void *)change;
    int64_t place = vox_index_find(draft, a->id);
    int64_t named = vox_index_find_stem(draft, a->stem);
    if (place != named) {
        return vox_fail(err, VOX_E_BUSY,
                        "another image has the file name that this one would have; try another id");
    }
    const struct vox_entry *old = place == VOX_INDEX_NONE ? NULL : draft->at[place];
    char *info = NULL;
    enum vox_code code = merge_info(a, old == NULL ? "{}" : old->info, &info, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_free(a->other);
    a->other =
        old != NULL && strcmp(old->ext, a->ext) != 0 ? vox_store_image_path(store, old) : NULL;
    struct vox_entry *entry =
        old == NULL ? vox_entry_new(a->id, a->stem, a->ext, info) : vox_entry_copy(old);
    bool good =
        entry != NULL && vox_entry_set(&entry->ext, a->ext) && vox_entry_set(&entry->info, info);
    vox_free(info);
    if (!good) {
        vox_entry_unref(entry);
        return no_memory(err);
    }
    *changed = true;
    return vox_draft_put(draft, entry, err);
}

static enum vox_code place_adding(struct vox_datastore *store, struct vox_change *change,
                                  struct vox_err *err)
{
    (void)store;
    return vox_staged_place(&((struct adding *)(void *)change)->staged, err);
}

static void undo_adding(struct vox_datastore *store, struct vox_change *change)
{
    (void)store;
    vox_staged_undo(&((struct adding *)(void *)change)->staged);
}

static void settle_adding(struct vox_datastore *store, struct vox_change *change)
{
    struct adding *a = (struct adding *)(void *)change;
    if (a->staged.backed_up) {
        unlink(a->staged.backup);
    }
    if (a->other != NULL) {
        unlink(a->other);
    }
    vox_store_set_undecodable(store, strrchr(a->staged.target, '/') + 1, NULL);
}

/* An id that is too long for a file name is written down under its stem. */
static enum vox_code keep_id(struct vox_datastore *store, const char *stem, const char *id,
                             struct vox_err *err)
{
    struct vox_staged staged = {0};
    char *path = vox_path_join(store->ids, stem);
    enum vox_code code = path == NULL
                             ? no_memory(err)
                             : vox_staged_text(id, strlen(id), store->staging, path, &staged, err);
    if (code == VOX_OK) {
        code = vox_staged_place(&staged, err);
    }
    if (code == VOX_OK) {
        code = vox_folder_sync(store->ids, err);
    }
    vox_staged_end(&staged);
    vox_free(path);
    return code;
}

static enum vox_code find_stem(struct vox_datastore *store, const char *id, char *stem, size_t size,
                               struct vox_err *err)
{
    struct vox_entry *entry;
    char fresh[VOX_STEM_SIZE];
    bool hashed;
    enum vox_code code = vox_store_find(store, id, &entry, NULL);
    if (code == VOX_OK) {
        snprintf(stem, size, "%s", entry->stem);
        vox_entry_unref(entry);
        return VOX_OK;
    }
    code = vox_stem_from_id(id, fresh, &hashed, err);
    if (code == VOX_OK && hashed) {
        code = keep_id(store, fresh, id, err);
    }
    if (code == VOX_OK) {
        snprintf(stem, size, "%s", fresh);
    }
    return code;
}

/* Where the older file waits until the new one is in the datastore; swept away with staged files.
 */
static char *name_backup(const struct vox_datastore *store)
{
    static atomic_uint_fast64_t counter;
    char name[80];
    snprintf(name, sizeof(name), VOX_STAGED_PREFIX "old-%ld-%" PRIuFAST64, (long)getpid(),
             atomic_fetch_add(&counter, 1));
    return vox_path_join(store->staging, name);
}

/* Copies the file into the images' folder. */
static enum vox_code stage_image(struct vox_datastore *store, const struct vox_incoming *upload,
                                 struct adding *a, struct vox_err *err)
{
    char *target = vox_path_file(store->images, a->stem, a->ext);
    enum vox_code code =
        target == NULL ? no_memory(err)
                       : vox_staged_copy(upload->path, store->images, target, &a->staged, err);
    vox_free(target);
    if (code == VOX_OK) {
        a->staged.backup = name_backup(store);
        code = a->staged.backup == NULL ? no_memory(err) : VOX_OK;
    }
    return code;
}

static enum vox_code check_image(const struct vox_datastore *store,
                                 const struct vox_incoming *upload, const char *ext,
                                 struct vox_err *err)
{
    enum vox_code code;
    if (!vox_is_image_ext(ext)) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the image's file name must end with .nii.gz, .nii, .nrrd or .mha");
    }
    if (vox_image_probe(upload->path, &store->options.limits, &code, err) == VOX_PROBE_NOT) {
        return code;
    }
    return VOX_OK;
}

static const char *settle_ext(const char *ext)
{
    if (ext == NULL || ext[0] == '\0') {
        return ".nii.gz";
    }
    return strcmp(ext, ".seg.nrrd") == 0 ? ".nrrd" : ext;
}

static enum vox_code add_checked(struct vox_datastore *store, const struct vox_incoming *upload,
                                 struct adding *a, struct vox_err *err)
{
    bool beside = strcmp(a->ext, ".dcm") == 0;
    enum vox_code code = beside ? VOX_OK : check_image(store, upload, a->ext, err);
    if (code == VOX_OK) {
        code = find_stem(store, a->id, a->stem, sizeof(a->stem), err);
    }
    if (code == VOX_OK) {
        code = stage_image(store, upload, a, err);
    }
    if (code == VOX_OK && beside) {
        code = vox_staged_place(&a->staged, err);
        settle_adding(store, &a->change);
    } else if (code == VOX_OK) {
        code = vox_commit(store, &a->change, err);
    }
    vox_staged_end(&a->staged);
    vox_free(a->other);
    return code;
}

enum vox_code vox_datastore_add_image(struct vox_datastore *store, const char *id,
                                      const struct vox_incoming *upload, struct vox_err *err)
{
    struct adding a = {.change = {.apply = apply_adding,
                                  .place = place_adding,
                                  .undo = undo_adding,
                                  .settle = settle_adding,
                                  .id = id,
                                  .images = true},
                       .id = id,
                       .ext = settle_ext(upload->ext),
                       .patch = upload->info,
                       .user = upload->user};
    enum vox_code code = vox_store_check_change(store, id, NULL, upload->info, err);
    return code == VOX_OK ? add_checked(store, upload, &a, err) : code;
}

/* --- deleting --- */

struct deleting {
    struct vox_change change;
    const char *id;
    struct vox_entry *entry;
};

static enum vox_code apply_deleting(struct vox_datastore *store, struct vox_change *change,
                                    struct vox_index *draft, bool *changed, struct vox_err *err)
{
    (void)store;
    struct deleting *d = (struct deleting *)(void *)change;
    int64_t place = vox_index_find(draft, d->id);
    if (place == VOX_INDEX_NONE) {
        return unknown(err);
    }
    vox_entry_unref(d->entry);
    d->entry = vox_entry_ref(draft->at[place]);
    vox_index_drop(draft, (size_t)place);
    vox_index_close(draft);
    *changed = true;
    return VOX_OK;
}

static bool remove_file(char *path)
{
    bool gone = path != NULL && (unlink(path) == 0 || errno == ENOENT);
    vox_free(path);
    return gone;
}

static void settle_deleting(struct vox_datastore *store, struct vox_change *change)
{
    struct deleting *d = (struct deleting *)(void *)change;
    const struct vox_entry *entry = d->entry;
    bool gone = true;
    for (size_t i = 0; i < entry->n_labels; i++) {
        const struct vox_entry_label *label = &entry->labels[i];
        if (vox_tag_check(label->tag, strlen(label->tag), NULL) == VOX_OK) {
            gone = remove_file(vox_store_label_path(store, label->tag, entry->stem, label->ext)) &&
                   gone;
        }
    }
    gone = remove_file(vox_store_image_path(store, entry)) && gone;
    vox_versions_remove(store, entry->stem);
    (void)remove_file(vox_path_join(store->ids, entry->stem));
    vox_name_table_remove(&store->gone, entry->stem);
    vox_checkout_release(store, entry->id, NULL);
    if (!gone) {
        change->code = vox_fail(&change->err, VOX_E_IO,
                                "a file of the image cannot be deleted; it will come back");
    }
}

enum vox_code vox_datastore_delete_image(struct vox_datastore *store, const char *id,
                                         struct vox_err *err)
{
    struct deleting d = {
        .change = {.apply = apply_deleting, .settle = settle_deleting, .id = id, .images = true},
        .id = id};
    enum vox_code code = vox_store_check_change(store, id, NULL, NULL, err);
    if (code == VOX_OK) {
        code = vox_commit(store, &d.change, err);
    }
    vox_entry_unref(d.entry);
    return code;
}

/* --- infos --- */

struct telling {
    struct vox_change change;
    const char *id, *tag; /* tag NULL: the image's info */
    const char *patch, *user;
};

static enum vox_code apply_telling(struct vox_datastore *store, struct vox_change *change,
                                   struct vox_index *draft, bool *changed, struct vox_err *err)
{
    (void)store;
    const struct telling *t = (const struct telling *)(const void *)change;
    const struct vox_info_member user = {.key = "user", .text = t->user};
    int64_t place = vox_index_find(draft, t->id);
    if (place == VOX_INDEX_NONE) {
        return unknown(err);
    }
    const struct vox_entry *old = draft->at[place];
    const struct vox_entry_label *label = t->tag == NULL ? NULL : vox_entry_label(old, t->tag);
    if (t->tag != NULL && label == NULL) {
        return vox_fail(err, VOX_E_NOT_FOUND, "the image has no label with this tag");
    }
    char *info = NULL;
    enum vox_code code = vox_info_merge(label == NULL ? old->info : label->info, t->patch, &user,
                                        t->user == NULL ? 0 : 1, &info, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_entry *entry = vox_entry_copy(old);
    bool good =
        entry != NULL && (label == NULL ? vox_entry_set(&entry->info, info)
                                        : vox_entry_set_label(entry, t->tag, label->ext, info));
    vox_free(info);
    if (!good) {
        vox_entry_unref(entry);
        return no_memory(err);
    }
    *changed = true;
    return vox_draft_put(draft, entry, err);
}

static enum vox_code tell(struct vox_datastore *store, struct telling *t, struct vox_err *err)
{
    enum vox_code code = vox_store_check_change(store, t->id, t->tag, t->patch, err);
    t->change.apply = apply_telling;
    t->change.id = t->id;
    return code == VOX_OK ? vox_commit(store, &t->change, err) : code;
}

enum vox_code vox_datastore_update_image_info(struct vox_datastore *store, const char *id,
                                              const char *info, const char *user,
                                              struct vox_err *err)
{
    struct telling t = {.id = id, .patch = info, .user = user};
    return tell(store, &t, err);
}

enum vox_code vox_datastore_update_label_info(struct vox_datastore *store, const char *id,
                                              const char *tag, const char *info, const char *user,
                                              struct vox_err *err)
{
    struct telling t = {.id = id, .tag = tag, .patch = info, .user = user};
    return tell(store, &t, err);
}
