/* Labels that come and go. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/commit.h"
#include "store/info_text.h"
#include "store/label_versions.h"
#include "store/store_ids.h"
#include "store/uncertain_voxels.h"
#include "util/memory.h"

static const char final_tag[] = "final";

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

/* --- saving --- */

struct saving {
    struct vox_change change;
    const char *id, *tag;
    char *stem;
    char ext[VOX_EXT_MAX + 1];
    char *info;
    struct vox_staged staged;

    /* The label that is replaced, as it was when the change was applied. */
    char *old_ext, *old_info, *old_path;
    struct vox_version version; /* what it becomes */

    struct vox_staged original; /* what the client sent, where that was rewritten */
    struct vox_version original_version;
};

static void forget_old(struct saving *s)
{
    vox_free(s->old_ext);
    vox_free(s->old_info);
    vox_free(s->old_path);
    s->old_ext = s->old_info = s->old_path = NULL;
}

static enum vox_code note_old(const struct vox_datastore *store, struct saving *s,
                              const struct vox_entry *entry, struct vox_err *err)
{
    const struct vox_entry_label *label = vox_entry_label(entry, s->tag);
    forget_old(s);
    if (label == NULL) {
        return VOX_OK;
    }
    s->old_ext = vox_strdup(label->ext);
    s->old_info = vox_strdup(label->info);
    s->old_path = vox_store_label_path(store, s->tag, entry->stem, label->ext);
    return s->old_ext == NULL || s->old_info == NULL || s->old_path == NULL ? no_memory(err)
                                                                            : VOX_OK;
}

static enum vox_code apply_saving(struct vox_datastore *store, struct vox_change *change,
                                  struct vox_index *draft, bool *changed, struct vox_err *err)
{
    struct saving *s = (struct saving *)(void *)change;
    int64_t place = vox_index_find(draft, s->id);
    if (place == VOX_INDEX_NONE || strcmp(draft->at[place]->stem, s->stem) != 0) {
        return vox_fail(err, VOX_E_NOT_FOUND, "no image of the datastore has this id");
    }
    /* Once it is placed, what was there before is not there any more. */
    enum vox_code code = change->placed ? VOX_OK : note_old(store, s, draft->at[place], err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_entry *entry = vox_entry_copy(draft->at[place]);
    if (entry == NULL || !vox_entry_set_label(entry, s->tag, s->ext, s->info)) {
        vox_entry_unref(entry);
        return no_memory(err);
    }
    *changed = true;
    return vox_draft_put(draft, entry, err);
}

/* The label that was there gets a second name among the versions. */
static enum vox_code keep_old(const struct vox_datastore *store, struct saving *s,
                              struct vox_err *err)
{
    if (s->old_path == NULL || store->options.versions <= 0) {
        return VOX_OK;
    }
    enum vox_code code =
        vox_version_begin(store, s->tag, s->stem, s->old_ext, s->old_info, &s->version, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_err own = {0}; /* a label whose file is gone is none */
    code = vox_file_link(s->old_path, s->version.path, &own);
    if (code == VOX_E_NOT_FOUND) {
        vox_version_undo(&s->version);
        vox_version_end(&s->version);
        return VOX_OK;
    }
    if (code != VOX_OK) {
        return vox_fail_sys(err, code, own.sys, "%s", own.msg);
    }
    char *end = strrchr(s->version.path, '/');
    *end = '\0';
    code = vox_folder_sync(s->version.path, err);
    *end = '/';
    return code;
}

/* What the client sent becomes a version, since what is stored was made of it. */
static enum vox_code keep_original(const struct vox_datastore *store, struct saving *s,
                                   struct vox_err *err)
{
    if (s->original.temporary == NULL || store->options.versions <= 0) {
        return VOX_OK;
    }
    enum vox_code code =
        vox_version_begin(store, s->tag, s->stem, s->ext, s->info, &s->original_version, err);
    if (code != VOX_OK) {
        return code;
    }
    char *folder = vox_strdup(s->original_version.path);
    char *target = vox_strdup(s->original_version.path);
    if (folder == NULL || target == NULL) {
        vox_free(folder);
        vox_free(target);
        return no_memory(err);
    }
    *strrchr(folder, '/') = '\0';
    vox_free(s->original.folder);
    vox_free(s->original.target);
    s->original.folder = folder;
    s->original.target = target;
    return vox_staged_place(&s->original, err);
}

static enum vox_code place_saving(struct vox_datastore *store, struct vox_change *change,
                                  struct vox_err *err)
{
    struct saving *s = (struct saving *)(void *)change;
    enum vox_code code = keep_old(store, s, err);
    if (code == VOX_OK) {
        code = keep_original(store, s, err);
    }
    return code == VOX_OK ? vox_staged_place(&s->staged, err) : code;
}

static void undo_saving(struct vox_datastore *store, struct vox_change *change)
{
    (void)store;
    struct saving *s = (struct saving *)(void *)change;
    bool replaced =
        s->staged.placed && s->old_path != NULL && strcmp(s->old_path, s->staged.target) == 0;
    if (replaced && s->version.path != NULL) {
        rename(s->version.path, s->old_path);
    } else if (!replaced) {
        vox_staged_undo(&s->staged);
    }
    vox_version_undo(&s->version);
    vox_version_undo(&s->original_version);
}

static void settle_saving(struct vox_datastore *store, struct vox_change *change)
{
    const struct saving *s = (const struct saving *)(const void *)change;
    if (s->old_path != NULL && strcmp(s->old_path, s->staged.target) != 0) {
        unlink(s->old_path);
    }
    vox_versions_trim(store, s->tag, s->stem);
    if (strcmp(s->tag, final_tag) == 0) {
        vox_checkout_release(store, s->id, NULL);
    }
}

static void end_saving(struct saving *s)
{
    vox_staged_end(&s->staged);
    vox_staged_end(&s->original);
    vox_version_end(&s->version);
    vox_version_end(&s->original_version);
    forget_old(s);
    vox_free(s->stem);
    vox_free(s->info);
}

/* ".seg.nrrd" unless an image has the name that would give. */
static void settle_ext(struct vox_datastore *store, struct saving *s, const char *ext)
{
    snprintf(s->ext, sizeof(s->ext), "%s", ext == NULL || ext[0] == '\0' ? ".nii.gz" : ext);
    if (strcmp(s->ext, ".seg.nrrd") != 0) {
        return;
    }
    char *other = vox_path_file("", s->stem, ".seg");
    struct vox_index *index = vox_store_snapshot(store);
    if (other != NULL && vox_index_find_stem(index, other + 1) != VOX_INDEX_NONE) {
        snprintf(s->ext, sizeof(s->ext), ".nrrd");
    }
    vox_index_unref(index);
    vox_free(other);
}

static enum vox_code make_info(struct saving *s, const struct vox_incoming *upload,
                               struct vox_err *err)
{
    char *name = vox_path_file("", s->stem, s->ext);
    if (name == NULL) {
        return no_memory(err);
    }
    const struct vox_info_member members[] = {{.key = "ts", .integer = vox_now()},
                                              {.key = "name", .text = name + 1},
                                              {.key = "user", .text = upload->user}};
    enum vox_code code =
        vox_info_merge("{}", upload->info, members, upload->user == NULL ? 2 : 3, &s->info, err);
    vox_free(name);
    return code;
}

/* Stages the label with its uncertain voxels changed; *done is false where it is to be stored as it
 * came. */
static enum vox_code stage_rewritten(struct vox_datastore *store, struct saving *s,
                                     const struct vox_incoming *upload, const char *folder,
                                     const char *target, bool *done, struct vox_err *err)
{
    static atomic_uint_fast64_t counter;
    char name[80];
    const char *why = NULL;
    snprintf(name, sizeof(name), VOX_STAGED_PREFIX "uncertain-%ld-%" PRIuFAST64, (long)getpid(),
             atomic_fetch_add(&counter, 1));
    char *path = vox_path_file(store->staging, name, s->ext);
    enum vox_code code =
        path == NULL ? no_memory(err)
                     : vox_uncertain_rewrite(upload->path, path, s->info, store->options.uncertain,
                                             &store->options.limits, done, &why, err);
    if (code == VOX_OK && *done) {
        code = vox_staged_copy(path, folder, target, &s->staged, err);
        unlink(path);
    }
    if (code == VOX_OK && *done) {
        code = vox_staged_copy(upload->path, store->staging, target, &s->original, err);
    }
    if (why != NULL) {
        vox_store_note(store, why);
    }
    vox_free(path);
    return code;
}

static enum vox_code stage_label(struct vox_datastore *store, struct saving *s,
                                 const struct vox_incoming *upload, struct vox_err *err)
{
    bool done = false;
    char *folder = vox_store_tag_folder(store, s->tag);
    char *target = vox_store_label_path(store, s->tag, s->stem, s->ext);
    enum vox_code code =
        folder == NULL || target == NULL ? no_memory(err) : vox_folder_make(folder, err);
    if (code == VOX_OK && store->options.uncertain != VOX_UNCERTAIN_KEEP &&
        strcmp(s->tag, final_tag) == 0) {
        code = stage_rewritten(store, s, upload, folder, target, &done, err);
    }
    if (code == VOX_OK && !done) {
        code = vox_staged_copy(upload->path, folder, target, &s->staged, err);
    }
    vox_free(folder);
    vox_free(target);
    return code;
}

static enum vox_code save_checked(struct vox_datastore *store, struct saving *s,
                                  const struct vox_incoming *upload, struct vox_err *err)
{
    struct vox_entry *entry;
    enum vox_code code = vox_store_find(store, s->id, &entry, err);
    if (code != VOX_OK) {
        return code;
    }
    s->stem = vox_strdup(entry->stem);
    vox_entry_unref(entry);
    if (s->stem == NULL) {
        return no_memory(err);
    }
    settle_ext(store, s, upload->ext);
    code = make_info(s, upload, err);
    if (code == VOX_OK) {
        code = stage_label(store, s, upload, err);
    }
    return code == VOX_OK ? vox_commit(store, &s->change, err) : code;
}

enum vox_code vox_datastore_save_label(struct vox_datastore *store, const char *id, const char *tag,
                                       const struct vox_incoming *upload, struct vox_err *err)
{
    struct saving s = {.change = {.apply = apply_saving,
                                  .place = place_saving,
                                  .undo = undo_saving,
                                  .settle = settle_saving,
                                  .id = id},
                       .id = id,
                       .tag = tag};
    enum vox_code code = vox_store_check_change(store, id, tag, upload->info, err);
    if (code == VOX_OK && upload->ext != NULL && !vox_is_ext(upload->ext)) {
        code = vox_fail(err, VOX_E_ARG, "the label's file name does not end with an extension");
    }
    if (code == VOX_OK) {
        code = save_checked(store, &s, upload, err);
    }
    end_saving(&s);
    return code;
}

/* --- deleting --- */

enum { TWINS = VOX_IMAGE_EXTS + 4 };

/* A label's file, and files that would be taken for the label if only that one went. */
struct deleting {
    struct vox_change change;
    const char *id, *tag;
    char *stem, *ext, *info;
    char *paths[TWINS];
    struct vox_version versions[TWINS];
    int n;
};

static void forget(struct deleting *d)
{
    for (int i = 0; i < d->n; i++) {
        vox_free(d->paths[i]);
        vox_version_end(&d->versions[i]);
    }
    d->n = 0;
    vox_free(d->stem);
    vox_free(d->ext);
    vox_free(d->info);
    d->stem = d->ext = d->info = NULL;
}

static enum vox_code list_files(const struct vox_datastore *store, struct deleting *d,
                                const struct vox_index *draft, struct vox_err *err)
{
    const char *exts[TWINS] = {d->ext, ".json", ".bin", ".seg.nrrd"};
    char *other = vox_path_file("", d->stem, ".seg");
    if (other == NULL) {
        return no_memory(err);
    }
    /* "x.seg.nrrd" is the label of an image "x.seg" if there is one. */
    if (vox_index_find_stem(draft, other + 1) != VOX_INDEX_NONE) {
        exts[3] = d->ext;
    }
    vox_free(other);
    memcpy(exts + 4, vox_image_exts, sizeof(vox_image_exts));
    for (int i = 0; i < TWINS; i++) {
        struct vox_file_state state;
        if (i > 0 && strcmp(exts[i], d->ext) == 0) {
            continue;
        }
        char *path = vox_store_label_path(store, d->tag, d->stem, exts[i]);
        enum vox_code code = path == NULL ? no_memory(err) : vox_file_state_read(path, &state, err);
        if (code != VOX_OK || !state.there) {
            vox_free(path);
            if (code != VOX_OK) {
                return code;
            }
            continue;
        }
        d->paths[d->n++] = path;
    }
    return VOX_OK;
}

static enum vox_code apply_deleting(struct vox_datastore *store, struct vox_change *change,
                                    struct vox_index *draft, bool *changed, struct vox_err *err)
{
    struct deleting *d = (struct deleting *)(void *)change;
    int64_t place = vox_index_find(draft, d->id);
    const struct vox_entry_label *label =
        place == VOX_INDEX_NONE ? NULL : vox_entry_label(draft->at[place], d->tag);
    if (label == NULL) {
        return VOX_OK;
    }
    if (!change->placed) {
        forget(d);
        d->stem = vox_strdup(draft->at[place]->stem);
        d->ext = vox_strdup(label->ext);
        d->info = vox_strdup(label->info);
        if (d->stem == NULL || d->ext == NULL || d->info == NULL) {
            return no_memory(err);
        }
        enum vox_code code = list_files(store, d, draft, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    struct vox_entry *entry = vox_entry_copy(draft->at[place]);
    if (entry == NULL) {
        return no_memory(err);
    }
    vox_entry_drop_label(entry, d->tag);
    *changed = true;
    return vox_draft_put(draft, entry, err);
}

static enum vox_code place_deleting(struct vox_datastore *store, struct vox_change *change,
                                    struct vox_err *err)
{
    struct deleting *d = (struct deleting *)(void *)change;
    enum vox_code code = VOX_OK;
    for (int i = d->n - 1; code == VOX_OK && store->options.versions > 0 && i >= 0; i--) {
        const char *ext = strrchr(d->paths[i], '/') + 1 + strlen(d->stem);
        code = vox_version_begin(store, d->tag, d->stem, ext, d->info, &d->versions[i], err);
        if (code == VOX_OK) {
            code = vox_file_link(d->paths[i], d->versions[i].path, err);
        }
    }
    return code;
}

static void undo_deleting(struct vox_datastore *store, struct vox_change *change)
{
    (void)store;
    const struct deleting *d = (const struct deleting *)(const void *)change;
    for (int i = 0; i < d->n; i++) {
        vox_version_undo(&d->versions[i]);
    }
}

static void settle_deleting(struct vox_datastore *store, struct vox_change *change)
{
    const struct deleting *d = (const struct deleting *)(const void *)change;
    char *folder = vox_store_tag_folder(store, d->tag);
    for (int i = 0; i < d->n; i++) {
        if (unlink(d->paths[i]) != 0) {
            change->code = vox_fail(&change->err, VOX_E_IO,
                                    "the label's file cannot be deleted; it will come back");
        }
    }
    if (d->n > 0) {
        if (folder != NULL) {
            (void)!vox_folder_sync(folder, NULL);
        }
        vox_versions_trim(store, d->tag, d->stem);
    }
    vox_free(folder);
}

enum vox_code vox_datastore_delete_label(struct vox_datastore *store, const char *id,
                                         const char *tag, struct vox_err *err)
{
    struct deleting d = {.change = {.apply = apply_deleting,
                                    .place = place_deleting,
                                    .undo = undo_deleting,
                                    .settle = settle_deleting,
                                    .id = id},
                         .id = id,
                         .tag = tag};
    enum vox_code code = vox_store_check_change(store, id, tag, NULL, err);
    if (code == VOX_OK) {
        code = vox_commit(store, &d.change, err);
    }
    forget(&d);
    return code;
}
