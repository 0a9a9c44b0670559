#include "store/datastore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/checksums.h"
#include "store/datastore_parts.h"
#include "store/disk_index.h"
#include "store/folder_look.h"
#include "store/store_ids.h"
#include "store/watcher.h"
#include "util/memory.h"

struct vox_datastore_options vox_datastore_options_default(void)
{
    return (struct vox_datastore_options){.follow = VOX_FOLLOW_AUTO,
                                          .poll_seconds = 1.5,
                                          .versions = 10,
                                          .uncertain = VOX_UNCERTAIN_KEEP,
                                          .checkout_seconds = 3600.0,
                                          .checksums_behind = true,
                                          .limits = vox_volume_limits_default()};
}

static enum vox_code no_memory(struct vox_err *err)
{
    return vox_fail(err, VOX_E_NOMEM, "out of memory");
}

/* --- where things are --- */

static enum vox_code find_folder(struct vox_datastore *store, const char *folder,
                                 struct vox_err *err)
{
    char path[PATH_MAX];
    if (realpath(folder, path) == NULL) {
        enum vox_code code = errno == ENOENT || errno == ENOTDIR ? VOX_E_NOT_FOUND : VOX_E_IO;
        return vox_fail_sys(err, code, errno, "cannot open the datastore's folder: %s",
                            vox_errno_text(errno));
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        enum vox_code code = errno == ENOTDIR ? VOX_E_NOT_FOUND : VOX_E_IO;
        return vox_fail_sys(err, code, errno, "cannot open the datastore's folder: %s",
                            vox_errno_text(errno));
    }
    close(fd);
    store->folder = vox_strdup(path);
    if (store->folder == NULL) {
        return no_memory(err);
    }
    return vox_file_state_read(path, &store->root, err);
}

static enum vox_code name_files(struct vox_datastore *store, struct vox_err *err)
{
    store->json = vox_path_join(store->folder, "datastore_v2.json");
    store->flock = vox_path_join(store->folder, ".lock");
    store->state = vox_path_join(store->folder, ".voxlabel");
    if (store->json == NULL || store->flock == NULL || store->state == NULL) {
        return no_memory(err);
    }
    store->ids = vox_path_join(store->state, "ids");
    store->versions = vox_path_join(store->state, "versions");
    store->staging = vox_path_join(store->state, "staging");
    if (store->ids == NULL || store->versions == NULL || store->staging == NULL) {
        return no_memory(err);
    }
    return VOX_OK;
}

/* "." and "" are the folder itself; others have to lie in it. */
static enum vox_code inner_folder(const struct vox_datastore *store, const char *name, char **out,
                                  struct vox_err *err)
{
    char *path = strcmp(name, ".") == 0 || name[0] == '\0' ? vox_strdup(store->folder)
                                                           : vox_path_join(store->folder, name);
    if (path == NULL) {
        return no_memory(err);
    }
    /* Each part of the name has to be one that goes down. */
    bool good = name[0] != '/';
    for (const char *part = name; good && *part != '\0';) {
        size_t size = strcspn(part, "/");
        good = !(size == 2 && memcmp(part, "..", 2) == 0);
        part += size + (part[size] == '/' ? 1 : 0);
    }
    if (!good) {
        vox_free(path);
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "images_dir and labels_dir of datastore_v2.json must lie in its folder");
    }
    *out = path;
    return VOX_OK;
}

/* --- what a first look makes --- */

/* The folder's own lock: who has it alone may sweep what killed processes left. */
static void hold_alive(struct vox_datastore *store)
{
    char *path = vox_path_join(store->state, "alive");
    store->alive = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    vox_free(path);
    if (store->alive < 0) {
        return;
    }
    if (flock(store->alive, LOCK_EX | LOCK_NB) == 0) {
        vox_folder_sweep(store->folder, ".datastore_v2.json.");
        vox_folder_sweep(store->images, VOX_STAGED_PREFIX);
        vox_folder_sweep(store->staging, ".");
        vox_folder_sweep(store->state, ".");
        struct vox_name_table tags = {0};
        size_t cursor = 0;
        const char *tag;
        if (vox_folder_list(store->labels, &tags, NULL) == VOX_OK) {
            while ((tag = vox_name_table_next(&tags, &cursor, NULL)) != NULL) {
                char *folder = vox_store_tag_folder(store, tag);
                if (folder != NULL) {
                    vox_folder_sweep(folder, VOX_STAGED_PREFIX);
                }
                vox_free(folder);
            }
        }
        vox_name_table_fini(&tags);
    }
    flock(store->alive, LOCK_SH);
}

static enum vox_code make_folders(struct vox_datastore *store, struct vox_err *err)
{
    static const char *const tags[] = {"final", "original"};
    enum vox_code code = vox_folder_make(store->state, err);
    code = code == VOX_OK ? vox_folder_make(store->ids, err) : code;
    code = code == VOX_OK ? vox_folder_make(store->versions, err) : code;
    code = code == VOX_OK ? vox_folder_make(store->staging, err) : code;
    code = code == VOX_OK ? vox_folder_make(store->images, err) : code;
    code = code == VOX_OK ? vox_folder_make(store->labels, err) : code;
    for (size_t i = 0; code == VOX_OK && i < sizeof(tags) / sizeof(tags[0]); i++) {
        char *folder = vox_store_tag_folder(store, tags[i]);
        code = folder == NULL ? no_memory(err) : vox_folder_make(folder, err);
        vox_free(folder);
    }
    return code;
}

static enum vox_code set_dirs(struct vox_datastore *store, const struct vox_index_head *head,
                              struct vox_err *err)
{
    enum vox_code code = inner_folder(store, head->images_dir, &store->images, err);
    return code == VOX_OK ? inner_folder(store, head->labels_dir, &store->labels, err) : code;
}

/* The file says where the images are. */
static enum vox_code read_first(struct vox_datastore *store, struct vox_err *err)
{
    int fd;
    struct vox_index *draft = NULL;
    bool changed, missing;
    enum vox_code code = vox_disk_lock(store, &fd, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_disk_read(store, &draft, &changed, &missing, err);
    vox_disk_unlock(fd);
    if (code != VOX_OK) {
        return code;
    }
    code = set_dirs(store, &draft->head, err);
    if (code != VOX_OK) {
        vox_index_unref(draft);
        return code;
    }
    return vox_store_publish(store, draft, err);
}

static enum vox_code first_look(struct vox_datastore *store, struct vox_err *err)
{
    enum vox_code code = read_first(store, err);
    if (code == VOX_OK && !store->read_only) {
        code = make_folders(store, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    if (!store->read_only) {
        hold_alive(store);
    }
    code = vox_folder_look_now(store, NULL, true, NULL, err);
    /* Objects whose images were gone have left no gaps. */
    return code == VOX_OK ? vox_store_renumber(store, err) : code;
}

/* --- opening and closing --- */

static bool init_locks(struct vox_datastore *store)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        return false;
    }
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    bool good = pthread_mutex_init(&store->lock, NULL) == 0 &&
                pthread_mutex_init(&store->queue_lock, NULL) == 0 &&
                pthread_cond_init(&store->changed, &monotonic) == 0 &&
                pthread_cond_init(&store->queue_moved, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    return good;
}

static void free_entry(void *value)
{
    vox_entry_unref(value);
}

static struct vox_datastore *make(const struct vox_datastore_options *options)
{
    struct vox_datastore *store = vox_calloc(1, sizeof(*store));
    if (store == NULL || !init_locks(store)) {
        vox_free(store);
        return NULL;
    }
    store->options = *options;
    store->alive = -1;
    store->last = &store->first;
    store->checkouts.free_value = vox_free;
    store->undecodable.free_value = vox_free;
    store->gone.free_value = free_entry;
    store->look = vox_folder_look_new();
    if (store->look == NULL) {
        vox_datastore_close(store);
        return NULL;
    }
    return store;
}

static enum vox_code fill(struct vox_datastore *store, const char *folder, struct vox_err *err)
{
    enum vox_code code = find_folder(store, folder, err);
    if (code == VOX_OK) {
        code = name_files(store, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    store->read_only = store->options.read_only;
    if (!store->read_only && access(store->folder, W_OK | X_OK) != 0) {
        store->read_only = true;
        vox_store_note(store, "the datastore's folder cannot be written; it is served read-only");
    }
    code = first_look(store, err);
    if (code == VOX_OK) {
        code = vox_checksums_new(store, &store->checksums, err);
    }
    if (code == VOX_OK) {
        code = vox_watcher_new(store, &store->watcher, err);
    }
    return code;
}

enum vox_code vox_datastore_open(const char *folder, const struct vox_datastore_options *options,
                                 struct vox_datastore **out, struct vox_err *err)
{
    struct vox_datastore *store = make(options);
    if (store == NULL) {
        return no_memory(err);
    }
    enum vox_code code = fill(store, folder, err);
    if (code != VOX_OK) {
        vox_datastore_close(store);
        return code;
    }
    *out = store;
    return VOX_OK;
}

static void free_paths(struct vox_datastore *store)
{
    vox_free(store->folder);
    vox_free(store->images);
    vox_free(store->labels);
    vox_free(store->json);
    vox_free(store->flock);
    vox_free(store->state);
    vox_free(store->ids);
    vox_free(store->versions);
    vox_free(store->staging);
}

void vox_datastore_close(struct vox_datastore *store)
{
    if (store == NULL) {
        return;
    }
    vox_watcher_free(store->watcher);
    vox_checksums_free(store->checksums);
    vox_index_unref(store->index);
    vox_name_table_fini(&store->numbers);
    for (size_t i = 0; i < store->n_numbered; i++) {
        vox_free(store->numbered[i]);
    }
    vox_free(store->numbered);
    vox_name_table_fini(&store->checkouts);
    vox_name_table_fini(&store->undecodable);
    vox_name_table_fini(&store->gone);
    vox_folder_look_free(store->look);
    if (store->alive >= 0) {
        close(store->alive);
    }
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->queue_lock);
    pthread_cond_destroy(&store->changed);
    pthread_cond_destroy(&store->queue_moved);
    free_paths(store);
    vox_free(store);
}

const char *vox_datastore_folder(const struct vox_datastore *store)
{
    return store->folder;
}

bool vox_datastore_read_only(const struct vox_datastore *store)
{
    return store->read_only;
}

bool vox_datastore_polled(const struct vox_datastore *store)
{
    return store->polled;
}

enum vox_code vox_datastore_refresh(struct vox_datastore *store, struct vox_err *err)
{
    return vox_folder_look_now(store, NULL, true, NULL, err);
}

enum vox_code vox_datastore_state_path(struct vox_datastore *store, const char *name, char **out,
                                       struct vox_err *err)
{
    enum vox_code code = vox_store_check_writable(store, err);
    if (code == VOX_OK) {
        code = vox_tag_check(name, strlen(name), err);
    }
    if (code != VOX_OK) {
        return code;
    }
    char *path = vox_path_join(store->state, name);
    if (path == NULL) {
        return no_memory(err);
    }
    *out = path;
    return VOX_OK;
}
