#include "util/private_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/memory.h"

/* Names: "run-" and 16 hexadecimal digits; the lock is a file of the same name and ".lock" beside
 * it, so that a folder is never without one. */
static const char prefix[] = "run-";
static const char lock_ending[] = ".lock";

enum { NAME = sizeof(prefix) - 1 + 16, DEPTH_MAX = 32, MOST_TRIES = 16 };

struct vox_private_folder {
    char *path, *lock_path;
    int lock;
};

/* ---- removing ---- */

static void remove_entries(int folder, int depth);

static void remove_entry(int parent, const char *name, int depth)
{
    if (unlinkat(parent, name, 0) == 0 || (errno != EISDIR && errno != EPERM)) {
        return;
    }
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) {
        remove_entries(folder, depth);
        (void)unlinkat(parent, name, AT_REMOVEDIR);
    }
}

/* Closes the folder. */
static void remove_entries(int folder, int depth)
{
    DIR *entries = fdopendir(folder);
    if (entries == NULL) {
        close(folder);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!self && depth < DEPTH_MAX) {
            remove_entry(folder, entry->d_name, depth + 1);
        }
    }
    closedir(entries);
}

void vox_remove_tree(const char *path)
{
    remove_entry(AT_FDCWD, path, 0);
}

/* ---- what others left ---- */

static bool is_lock_name(const char *name)
{
    return strncmp(name, prefix, sizeof(prefix) - 1) == 0 &&
           strlen(name) == NAME + sizeof(lock_ending) - 1 && strcmp(name + NAME, lock_ending) == 0;
}

/* A lock that can be had is nobody's. */
static void remove_left_over(int common, const char *lock_name)
{
    char name[NAME + 1];
    int lock = openat(common, lock_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (lock < 0) {
        return;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
        memcpy(name, lock_name, NAME);
        name[NAME] = '\0';
        remove_entry(common, name, 0);
        (void)unlinkat(common, lock_name, 0);
    }
    close(lock);
}

static void remove_left_overs(const char *common)
{
    DIR *entries = opendir(common);
    if (entries == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (is_lock_name(entry->d_name)) {
            remove_left_over(dirfd(entries), entry->d_name);
        }
    }
    closedir(entries);
}

/* ---- making ---- */

static enum vox_code make_common(const char *common, struct vox_err *err)
{
    if (mkdir(common, 0700) != 0 && errno != EEXIST) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot make the folder for temporary files");
    }
    struct stat st;
    if (stat(common, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return vox_fail(err, VOX_E_IO, "the folder for temporary files is none");
    }
    if ((st.st_mode & 0077) != 0 || st.st_uid != geteuid()) {
        return vox_fail(err, VOX_E_ARG,
                        "the folder for temporary files must be yours alone; chmod 700 it, or name "
                        "another");
    }
    return VOX_OK;
}

static char *join(const char *folder, const char *name, const char *ending)
{
    size_t size = strlen(folder) + 1 + strlen(name) + strlen(ending) + 1;
    char *path = vox_alloc(size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s%s", folder, name, ending);
    }
    return path;
}

static enum vox_code choose_name(const char *common, struct vox_private_folder *folder,
                                 struct vox_err *err)
{
    unsigned char random[8];
    char name[NAME + 1];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return vox_fail_sys(err, VOX_E_IO, errno, "no random numbers");
    }
    int n = snprintf(name, sizeof(name), "%s", prefix);
    for (size_t i = 0; i < sizeof(random); i++) {
        n += snprintf(name + n, sizeof(name) - (size_t)n, "%02x", random[i]);
    }
    folder->path = join(common, name, "");
    folder->lock_path = join(common, name, lock_ending);
    if (folder->path == NULL || folder->lock_path == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    return VOX_OK;
}

/* The lock is there and held before the folder is; who looks for left overs between the lock's
 * making and its holding takes its name away, which is seen. */
static enum vox_code make_folder(struct vox_private_folder *folder, struct vox_err *err)
{
    folder->lock = open(folder->lock_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (folder->lock < 0) {
        return vox_fail_sys(err, VOX_E_IO, errno,
                            "cannot write into the folder for temporary "
                            "files");
    }
    struct stat st;
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0 || fstat(folder->lock, &st) != 0 ||
        st.st_nlink == 0) {
        return vox_fail(err, VOX_E_BUSY, "another process took the folder for temporary files");
    }
    if (mkdir(folder->path, 0700) != 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot make a folder for temporary files");
    }
    return VOX_OK;
}

static enum vox_code make(const char *common, struct vox_private_folder **out, struct vox_err *err)
{
    struct vox_private_folder *folder = vox_calloc(1, sizeof(*folder));
    if (folder == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    folder->lock = -1;
    enum vox_code code = choose_name(common, folder, err);
    if (code == VOX_OK) {
        code = make_folder(folder, err);
    }
    if (code != VOX_OK) {
        vox_private_folder_close(folder);
        return code;
    }
    *out = folder;
    return VOX_OK;
}

/* Another process that begins at the same time may take the new one for a left over. */
enum vox_code vox_private_folder_open(const char *common, struct vox_private_folder **out,
                                      struct vox_err *err)
{
    enum vox_code code = make_common(common, err);
    if (code != VOX_OK) {
        return code;
    }
    remove_left_overs(common);
    int tries = 0;
    do {
        code = make(common, out, err);
    } while (code == VOX_E_BUSY && ++tries < MOST_TRIES);
    return code;
}

const char *vox_private_folder_path(const struct vox_private_folder *folder)
{
    return folder->path;
}

void vox_private_folder_close(struct vox_private_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    if (folder->lock >= 0) {
        vox_remove_tree(folder->path);
        (void)unlink(folder->lock_path);
        close(folder->lock);
    }
    vox_free(folder->path);
    vox_free(folder->lock_path);
    vox_free(folder);
}
