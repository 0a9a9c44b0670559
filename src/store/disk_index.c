#include "store/disk_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "store/store_ids.h"
#include "util/file.h"
#include "util/memory.h"

enum { LOCK_SECONDS = 30, LOCK_STEP_MS = 5, BROKEN_TRIES = 12, BROKEN_STEP_MS = 100 };

static void wait_ms(long ms)
{
    const struct timespec step = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&step, NULL);
}

/* --- the lock --- */

enum vox_code vox_disk_lock(struct vox_datastore *store, int *fd, struct vox_err *err)
{
    int file = store->read_only ? open(store->flock, O_RDONLY | O_CLOEXEC)
                                : open(store->flock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0 && store->read_only) {
        *fd = -1;
        return VOX_OK;
    }
    if (file < 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot open the datastore's .lock: %s",
                            vox_errno_text(errno));
    }
    double end = vox_clock() + LOCK_SECONDS;
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        int number = errno;
        if (number == EINTR) {
            continue;
        }
        if (number != EWOULDBLOCK) {
            if (store->read_only) {
                break; /* where a share has no locks, reading goes on without */
            }
            close(file);
            return vox_fail_sys(err, VOX_E_IO, number, "cannot lock the datastore: %s",
                                vox_errno_text(number));
        }
        if (vox_clock() > end) {
            close(file);
            return vox_fail(err, VOX_E_BUSY,
                            "another program has held the datastore's .lock for %d s",
                            LOCK_SECONDS);
        }
        wait_ms(LOCK_STEP_MS);
    }
    *fd = file;
    return VOX_OK;
}

void vox_disk_unlock(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

enum vox_code vox_disk_check_folder(struct vox_datastore *store, struct vox_err *err)
{
    struct vox_file_state now;
    enum vox_code code = vox_file_state_read(store->folder, &now, err);
    if (code == VOX_OK &&
        (!now.there || now.device != store->root.device || now.inode != store->root.inode)) {
        code = vox_fail(err, VOX_E_IO,
                        "the datastore's folder is not the one that was opened; is its disk still "
                        "mounted?");
    }
    return code;
}

/* --- reading --- */

static enum vox_code name_stem(void *context, const char *stem, char **id, struct vox_err *err)
{
    const struct vox_datastore *store = context;
    return vox_stem_to_id(stem, store->ids, id, err);
}

/* Gives the file another name that is free; false where that cannot be done. */
static bool put_aside(const struct vox_datastore *store)
{
    struct tm parts;
    time_t now = (time_t)vox_now();
    char time_text[32];
    if (gmtime_r(&now, &parts) == NULL ||
        strftime(time_text, sizeof(time_text), "%Y%m%dT%H%M%SZ", &parts) == 0) {
        return false;
    }
    size_t size = strlen(store->json) + 64;
    char *name = vox_alloc(size);
    bool done = false;
    for (int i = 0; name != NULL && !done && i < 100; i++) {
        int n = snprintf(name, size, "%s.broken-%s", store->json, time_text);
        if (i > 0) {
            snprintf(name + n, size - (size_t)n, "-%d", i);
        }
        done = renameat2(AT_FDCWD, store->json, AT_FDCWD, name, RENAME_NOREPLACE) == 0;
        /* Network file systems may not know the flag. */
        if (!done && errno == EINVAL && access(name, F_OK) != 0) {
            done = rename(store->json, name) == 0;
        }
        if (!done && errno != EEXIST) {
            break;
        }
    }
    vox_free(name);
    return done;
}

static enum vox_code read_file(struct vox_datastore *store, struct vox_index **out,
                               struct vox_err *err)
{
    char *text;
    size_t size;
    enum vox_code code = vox_file_text(store->json, (size_t)512 << 20, &text, &size, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_index_read(text, size, store->index, name_stem, store, out, err);
    vox_free(text);
    return code;
}

/* Reads the file; one that is broken and young may be in somebody's hands and is looked at again.
 */
static enum vox_code read_patiently(struct vox_datastore *store, struct vox_file_state *state,
                                    struct vox_index **out, struct vox_err *err)
{
    for (int tries = 0;; tries++) {
        enum vox_code code = vox_file_state_read(store->json, state, err);
        if (code != VOX_OK || !state->there) {
            return code != VOX_OK ? code : VOX_E_NOT_FOUND;
        }
        code = read_file(store, out, err);
        bool broken = code == VOX_E_FORMAT || code == VOX_E_LIMIT;
        if (!broken || tries == BROKEN_TRIES || vox_now() - state->seconds > 2) {
            return code;
        }
        wait_ms(BROKEN_STEP_MS);
    }
}

/* What is left where the file cannot be used: memory. */
static enum vox_code from_memory(struct vox_datastore *store, struct vox_index **draft,
                                 struct vox_err *err)
{
    struct vox_index *copy = store->index == NULL ? vox_index_new() : vox_index_copy(store->index);
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *draft = copy;
    return VOX_OK;
}

static enum vox_code handle_broken(struct vox_datastore *store, const struct vox_err *why,
                                   struct vox_err *err)
{
    char text[600];
    bool aside = !store->read_only && put_aside(store);
    if (!aside && !store->read_only) {
        return vox_fail(err, VOX_E_IO,
                        "datastore_v2.json is broken and cannot be put aside; move it away (%s)",
                        why->msg);
    }
    if (aside || !store->said_broken) {
        snprintf(text, sizeof(text), "datastore_v2.json is broken (%s); %s%s", why->msg,
                 aside
                     ? "it is kept as datastore_v2.json.broken-<time>, and a new one is made from "
                     : "the folder is read-only, so it stays and is served from ",
                 store->index == NULL ? "the files in the folder" : "what was known before");
        vox_store_note(store, text);
    }
    store->said_broken = true;
    return VOX_OK;
}

/* Whether readers would see something else. */
static bool differs(const struct vox_index *a, const struct vox_index *b)
{
    if (a == NULL || a->n != b->n || !vox_index_same_head(a, b)) {
        return true;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->at[i] != b->at[i]) {
            return true;
        }
    }
    return false;
}

enum vox_code vox_disk_read(struct vox_datastore *store, struct vox_index **draft, bool *changed,
                            bool *missing, struct vox_err *err)
{
    struct vox_file_state state;
    struct vox_index *index = NULL;
    struct vox_err why = {0};
    *changed = false;
    *missing = false;
    enum vox_code code = vox_file_state_read(store->json, &state, err);
    if (code != VOX_OK) {
        return code;
    }
    if (state.there && store->index != NULL && vox_file_state_equal(&state, &store->mark)) {
        return from_memory(store, draft, err);
    }
    code = state.there ? read_patiently(store, &state, &index, &why) : VOX_E_NOT_FOUND;
    if (code == VOX_OK) {
        vox_store_set_mark(store, &state);
        store->said_broken = false;
        *changed = differs(store->index, index);
        *draft = index;
        return VOX_OK;
    }
    if (code == VOX_E_FORMAT || code == VOX_E_LIMIT) {
        code = handle_broken(store, &why, err);
        vox_store_set_mark(store, &state);
    } else if (code == VOX_E_NOT_FOUND) {
        code = VOX_OK;
    } else if (err != NULL) {
        *err = why;
    }
    *missing = true;
    *changed = store->index == NULL;
    return code == VOX_OK ? from_memory(store, draft, err) : code;
}

/* --- writing --- */

enum vox_code vox_disk_prepare(struct vox_datastore *store, const struct vox_index *draft,
                               struct vox_file_writer **out, struct vox_err *err)
{
    char *text = NULL;
    size_t size;
    struct vox_file_writer *file = NULL;
    enum vox_code code = vox_index_write(draft, &text, &size, err);
    if (code == VOX_OK) {
        code = vox_file_create(store->json, &file, err);
    }
    if (code == VOX_OK) {
        code = vox_file_write(file, text, size, err);
    }
    if (code == VOX_OK) {
        code = vox_file_sync(file, err);
    }
    vox_free(text);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    *out = file;
    return VOX_OK;
}

enum vox_code vox_disk_finish(struct vox_datastore *store, struct vox_file_writer *file,
                              struct vox_err *err)
{
    enum vox_code code = vox_file_commit(file, err);
    /* Where that is not known, the next look at the file reads it. */
    struct vox_file_state mark = {0};
    if (code == VOX_OK) {
        (void)!vox_file_state_read(store->json, &mark, NULL);
    }
    vox_store_set_mark(store, &mark);
    return code;
}
