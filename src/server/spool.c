#include "server/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/memory.h"

#define PREFIX "voxlabel-uploads-"
#define LOCK "lock"

enum { PATH_BYTES = 4096 };

struct vox_spool {
    int lock;
    atomic_uint_fast64_t next;
    char path[PATH_BYTES];
};

static bool join(char out[PATH_BYTES], const char *folder, const char *name)
{
    const int n = snprintf(out, PATH_BYTES, "%s/%s", folder, name);
    return n > 0 && n < PATH_BYTES;
}

/* Removes a folder's files, of which none is a folder, and the folder; the lock goes last. */
static void remove_folder(const char *path)
{
    char file[PATH_BYTES];
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        if (strcmp(entry->d_name, LOCK) != 0 && join(file, path, entry->d_name)) {
            (void)unlink(file);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    if (join(file, path, LOCK)) {
        (void)unlink(file);
    }
    (void)rmdir(path);
}

/* Opens a folder's lock and takes it; -1 where another process lives with it. */
static int take_lock(const char *path, int flags)
{
    char file[PATH_BYTES];
    if (!join(file, path, LOCK)) {
        return -1;
    }
    const int fd = open(file, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool is_left_over(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid();
}

/* One without a lock file is being made right now, or lost it a moment before it would have gone.
 */
static void sweep(const char *parent)
{
    char path[PATH_BYTES];
    DIR *folder = opendir(parent);
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        if (strncmp(entry->d_name, PREFIX, sizeof(PREFIX) - 1) != 0 ||
            !join(path, parent, entry->d_name) || !is_left_over(path)) {
            continue;
        }
        const int lock = take_lock(path, 0);
        if (lock >= 0) {
            remove_folder(path);
            (void)close(lock);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

enum vox_code vox_spool_open(const char *parent, struct vox_spool **out, struct vox_err *err)
{
    if (parent == NULL || *parent == '\0') {
        parent = getenv("TMPDIR");
        parent = parent != NULL && *parent != '\0' ? parent : "/tmp";
    }
    struct vox_spool *spool = vox_calloc(1, sizeof(*spool));
    if (spool == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for the folder of uploads");
    }
    sweep(parent);
    if (!join(spool->path, parent, PREFIX "XXXXXX") || mkdtemp(spool->path) == NULL) {
        const int sys = errno;
        vox_free(spool);
        return vox_fail_sys(err, VOX_E_IO, sys, "no folder for uploads can be made: %s",
                            strerrordesc_np(sys));
    }
    spool->lock = take_lock(spool->path, O_CREAT | O_EXCL);
    if (spool->lock < 0) {
        const int sys = errno;
        (void)rmdir(spool->path);
        vox_free(spool);
        return vox_fail_sys(err, VOX_E_IO, sys, "the folder for uploads cannot be locked");
    }
    *out = spool;
    return VOX_OK;
}

void vox_spool_close(struct vox_spool *spool)
{
    if (spool != NULL) {
        remove_folder(spool->path);
        (void)close(spool->lock);
        vox_free(spool);
    }
}

const char *vox_spool_path(const struct vox_spool *spool)
{
    return spool->path;
}

static const char *known_end(const char *name)
{
    static const char *const ends[] = {".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha", ".mhd",
                                       ".json",     ".bin",    ".dcm", ".zip",  ".gz",  ".png",
                                       ".jpg",      ".tif",    ".xml", ".raw"};
    const size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const size_t end = strlen(ends[i]);
        if (size >= end && strcasecmp(name + size - end, ends[i]) == 0) {
            return ends[i];
        }
    }
    return "";
}

enum vox_code vox_spool_create(struct vox_spool *spool, const char *name, char **path, int *fd,
                               struct vox_err *err)
{
    char text[PATH_BYTES];
    const uint64_t number = atomic_fetch_add(&spool->next, 1);
    const int n =
        snprintf(text, sizeof(text), "%s/%" PRIu64 "%s", spool->path, number, known_end(name));
    if (n < 0 || n >= PATH_BYTES) {
        return vox_fail(err, VOX_E_IO, "the path of the folder of uploads is too long");
    }
    char *copy = vox_strdup(text);
    if (copy == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "there is no memory for an upload");
    }
    const int file = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        const int sys = errno;
        vox_free(copy);
        return vox_fail_sys(err, VOX_E_IO, sys, "an upload cannot be stored: %s",
                            strerrordesc_np(sys));
    }
    *path = copy;
    *fd = file;
    return VOX_OK;
}
