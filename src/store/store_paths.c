#include "store/store_paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_ids.h"
#include "util/memory.h"

char *vox_path_file(const char *folder, const char *stem, const char *ext)
{
    size_t a = strlen(folder), b = strlen(stem), c = strlen(ext);
    char *path = vox_alloc(a + b + c + 2);
    if (path != NULL) {
        snprintf(path, a + b + c + 2, "%s/%s%s", folder, stem, ext);
    }
    return path;
}

char *vox_path_join(const char *folder, const char *name)
{
    return vox_path_file(folder, name, "");
}

const char *vox_errno_text(int number)
{
    const char *text = strerrordesc_np(number);
    return text == NULL ? "unknown error" : text;
}

enum vox_code vox_file_state_read(const char *path, struct vox_file_state *out, struct vox_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        *out = (struct vox_file_state){true,
                                       st.st_dev,
                                       st.st_ino,
                                       st.st_size,
                                       st.st_mtim.tv_sec,
                                       st.st_mtim.tv_nsec,
                                       st.st_ctim.tv_sec,
                                       st.st_ctim.tv_nsec};
        return VOX_OK;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot look at a file of the datastore: %s",
                            vox_errno_text(errno));
    }
    *out = (struct vox_file_state){0};
    return VOX_OK;
}

bool vox_file_state_equal(const struct vox_file_state *a, const struct vox_file_state *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds &&
           a->changed == b->changed && a->changed_nanoseconds == b->changed_nanoseconds;
}

enum vox_code vox_folder_sync(const char *path, struct vox_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int number = fd < 0 ? errno : 0;
    /* Some file systems have nothing to sync there and say EINVAL. */
    if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL) {
        number = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (number != 0) {
        return vox_fail_sys(err, VOX_E_IO, number, "cannot bring a folder to the disk: %s",
                            vox_errno_text(number));
    }
    return VOX_OK;
}

static enum vox_code sync_parent(const char *path, struct vox_err *err)
{
    const char *slash = strrchr(path, '/');
    char *parent = vox_strdup(path);
    if (parent == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    parent[slash == NULL || slash == path ? 1 : slash - path] = '\0';
    enum vox_code code = vox_folder_sync(slash == NULL ? "." : parent, err);
    vox_free(parent);
    return code;
}

enum vox_code vox_folder_make(const char *path, struct vox_err *err)
{
    if (mkdir(path, 0777) == 0) {
        return sync_parent(path, err);
    }
    int number = errno;
    struct stat st;
    if (number == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return VOX_OK;
    }
    return vox_fail_sys(err, VOX_E_IO, number, "cannot make a folder in the datastore: %s",
                        vox_errno_text(number));
}

static const char a_file[] = "file", another[] = "other";

bool vox_is_file_value(const void *value)
{
    return value == a_file;
}

static void *unconst(const char *text)
{
    union {
        const char *in;
        void *out;
    } cast = {text};
    return cast.out;
}

static const char *kind_of(int folder, const struct dirent *entry)
{
    if (entry->d_type == DT_REG) {
        return a_file;
    }
    struct stat st;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) {
        return another;
    }
    return fstatat(folder, entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) ? a_file : another;
}

/* Streams are each one thread's; then it is safe in the C library of Linux. */
static const struct dirent *next_entry(DIR *dir)
{
    return readdir(dir); /* NOLINT(concurrency-mt-unsafe) */
}

static enum vox_code list_entries(DIR *dir, struct vox_name_table *table, struct vox_err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = next_entry(dir);
        if (entry == NULL && errno != 0) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot read a folder of the datastore: %s",
                                vox_errno_text(errno));
        }
        if (entry == NULL) {
            return VOX_OK;
        }
        if (entry->d_name[0] == '.' || !vox_is_utf8(entry->d_name)) {
            continue;
        }
        enum vox_code code =
            vox_name_table_put(table, entry->d_name, unconst(kind_of(dirfd(dir), entry)), err);
        if (code != VOX_OK) {
            return code;
        }
    }
}

enum vox_code vox_folder_list(const char *path, struct vox_name_table *table, struct vox_err *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL && errno == ENOENT) {
        return VOX_OK;
    }
    if (dir == NULL) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot read a folder of the datastore: %s",
                            vox_errno_text(errno));
    }
    enum vox_code code = list_entries(dir, table, err);
    closedir(dir);
    return code;
}

void vox_folder_sweep(const char *path, const char *prefix)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    size_t size = strlen(prefix);
    while (dir != NULL && (entry = next_entry(dir)) != NULL) {
        if (strncmp(entry->d_name, prefix, size) == 0) {
            /* Folders, "." and ".." among them, are refused. */
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* Recursion is `deep` levels. */
static void remove_level(const char *path, int deep)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = next_entry(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(dirfd(dir), entry->d_name, 0) != 0 && errno == EISDIR && deep > 1) {
            char *inner = vox_path_join(path, entry->d_name);
            if (inner != NULL) {
                remove_level(inner, deep - 1);
            }
            vox_free(inner);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(path);
}

void vox_folder_remove(const char *path)
{
    remove_level(path, 3);
}

int64_t vox_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

double vox_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct timespec vox_clock_after(double seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    seconds = seconds > 0.0 ? seconds : 0.0;
    seconds = seconds < 1e6 ? seconds : 1e6;
    long whole = (long)seconds;
    now.tv_sec += whole;
    now.tv_nsec += (long)((seconds - (double)whole) * 1e9);
    if (now.tv_nsec >= 1000000000L) {
        now.tv_sec++;
        now.tv_nsec -= 1000000000L;
    }
    return now;
}
