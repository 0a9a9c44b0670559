#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/memory.h"

enum { STEP_BYTES = 16 << 20 }; /* between two looks at a cancel flag */

struct vox_file_writer {
    int fd;
    int folder; /* where the name lives, opened early so that making it durable cannot fail for want
                   of memory */
    char *path;
    char *temporary;
    uint64_t written;
    struct vox_file_writer *first; /* joined, or NULL */
};

/* strerrordesc_np is thread safe; strerror is not. */
static const char *reason(int number)
{
    const char *text = strerrordesc_np(number);
    return text == NULL ? "unknown error" : text;
}

static enum vox_code map_fd(int fd, struct vox_mapping *out, struct vox_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot examine the file: %s", reason(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return vox_fail(err, VOX_E_IO, "not a regular file");
    }
    struct vox_mapping mapping = {NULL, (size_t)st.st_size};
    if (mapping.size > 0) {
        void *data = mmap(NULL, mapping.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot map the file: %s", reason(errno));
        }
        mapping.data = data;
    }
    *out = mapping;
    return VOX_OK;
}

enum vox_code vox_file_map(const char *path, struct vox_mapping *out, struct vox_err *err)
{
    /* O_NONBLOCK: opening a named pipe would wait for somebody who writes. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        enum vox_code code = errno == ENOENT || errno == ENOTDIR ? VOX_E_NOT_FOUND : VOX_E_IO;
        return vox_fail_sys(err, code, errno, "cannot open the file: %s", reason(errno));
    }
    enum vox_code code = map_fd(fd, out, err);
    close(fd);
    return code;
}

/* munmap and madvise take a pointer to non-const although a read-only mapping is meant. */
static void *unconst(const uint8_t *data)
{
    union {
        const uint8_t *in;
        void *out;
    } cast = {data};
    return cast.out;
}

void vox_file_unmap(struct vox_mapping *mapping)
{
    if (mapping->data != NULL) {
        munmap(unconst(mapping->data), mapping->size);
    }
    mapping->data = NULL;
    mapping->size = 0;
}

void vox_file_unload(const struct vox_mapping *mapping)
{
    if (mapping->data != NULL) {
        madvise(unconst(mapping->data), mapping->size, MADV_DONTNEED);
    }
}

static char *temporary_name(const char *path)
{
    static const char suffix[] = ".XXXXXX";
    const char *slash = strrchr(path, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    size_t size = strlen(path) + sizeof(suffix) + 1;
    char *name = vox_alloc(size);
    if (name != NULL) {
        /* A leading dot, so that a folder being listed does not show it. */
        snprintf(name, size, "%.*s.%s%s", (int)folder, path, path + folder, suffix);
    }
    return name;
}

static void writer_free(struct vox_file_writer *file)
{
    if (file == NULL) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    if (file->folder >= 0) {
        close(file->folder);
    }
    vox_free(file->path);
    vox_free(file->temporary);
    vox_free(file);
}

/* The folder that a path lies in, opened; -1 with errno. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = vox_strdup(slash == NULL ? "." : path);
    if (folder == NULL) {
        errno = ENOMEM;
        return -1;
    }
    if (slash != NULL) {
        folder[slash == path ? 1 : slash - path] = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    vox_free(folder);
    return fd;
}

enum vox_code vox_file_create(const char *path, struct vox_file_writer **out, struct vox_err *err)
{
    struct vox_file_writer *file = vox_calloc(1, sizeof(*file));
    if (file == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    file->fd = -1;
    file->folder = -1;
    file->path = vox_strdup(path);
    file->temporary = temporary_name(path);
    if (file->path == NULL || file->temporary == NULL) {
        writer_free(file);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    file->folder = open_folder(path);
    if (file->folder >= 0) {
        file->fd = mkostemp(file->temporary, O_CLOEXEC);
    }
    if (file->fd < 0) {
        int number = errno;
        writer_free(file);
        return vox_fail_sys(err, number == ENOMEM ? VOX_E_NOMEM : VOX_E_IO, number,
                            "cannot create a file in the output folder: %s", reason(number));
    }
    *out = file;
    return VOX_OK;
}

enum vox_code vox_file_write(struct vox_file_writer *file, const void *data, size_t size,
                             struct vox_err *err)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t n = write(file->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot write the file: %s", reason(errno));
        }
        at += n;
        size -= (size_t)n;
        file->written += (size_t)n;
    }
    return VOX_OK;
}

uint64_t vox_file_written(const struct vox_file_writer *file)
{
    return file->written;
}

enum vox_code vox_file_patch(struct vox_file_writer *file, uint64_t at, const void *data,
                             size_t size, struct vox_err *err)
{
    VOX_ASSERT(at <= file->written && size <= file->written - at);
    const uint8_t *from = data;
    while (size > 0) {
        ssize_t n = pwrite(file->fd, from, size, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot write the file: %s", reason(errno));
        }
        from += n;
        at += (size_t)n;
        size -= (size_t)n;
    }
    return VOX_OK;
}

void vox_file_join(struct vox_file_writer *file, struct vox_file_writer *first)
{
    VOX_ASSERT(file->first == NULL);
    file->first = first;
}

enum vox_code vox_file_write_large(struct vox_file_writer *file, const void *data, size_t size,
                                   const atomic_int *cancel, struct vox_err *err)
{
    const uint8_t *at = data;
    while (size > 0) {
        if (cancel != NULL && atomic_load(cancel) != 0) {
            return vox_fail(err, VOX_E_CANCELLED, "cancelled");
        }
        size_t step = size < STEP_BYTES ? size : STEP_BYTES;
        enum vox_code code = vox_file_write(file, at, step, err);
        if (code != VOX_OK) {
            return code;
        }
        at += step;
        size -= step;
    }
    return VOX_OK;
}

enum vox_code vox_file_sync(struct vox_file_writer *file, struct vox_err *err)
{
    enum vox_code code = file->first == NULL ? VOX_OK : vox_file_sync(file->first, err);
    if (code != VOX_OK) {
        return code;
    }
    if (fsync(file->fd) != 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot write the file: %s", reason(errno));
    }
    return VOX_OK;
}

/* The mode that open(2) would have given: mkostemp makes 0600 whatever the umask says. A file that
 * is being replaced keeps its mode. */
static mode_t final_mode(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        return st.st_mode & 07777;
    }
    mode_t mask = 022;
    FILE *status = fopen("/proc/self/status", "re");
    if (status != NULL) {
        char line[128];
        while (fgets(line, sizeof(line), status) != NULL) {
            if (strncmp(line, "Umask:", 6) == 0) {
                mask = (mode_t)strtoul(line + 6, NULL, 8);
                break;
            }
        }
        fclose(status);
    }
    return 0666 & ~mask;
}

/* Syncs both before the first gets its name, so that little is left that can part them. */
static enum vox_code commit_first(struct vox_file_writer *file, struct vox_err *err)
{
    if (file->first == NULL) {
        return VOX_OK;
    }
    enum vox_code code = vox_file_sync(file, err);
    if (code == VOX_OK) {
        struct vox_file_writer *first = file->first;
        file->first = NULL;
        code = vox_file_commit(first, err);
    }
    return code;
}

enum vox_code vox_file_commit(struct vox_file_writer *file, struct vox_err *err)
{
    enum vox_code code = commit_first(file, err);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    int number = 0;
    if (fchmod(file->fd, final_mode(file->path)) != 0 || fsync(file->fd) != 0) {
        number = errno;
    }
    if (close(file->fd) != 0 && number == 0) {
        number = errno;
    }
    file->fd = -1;
    if (number == 0 && rename(file->temporary, file->path) != 0) {
        number = errno;
    }
    if (number != 0) {
        vox_file_abandon(file);
        return vox_fail_sys(err, VOX_E_IO, number, "cannot finish the file: %s", reason(number));
    }
    /* A rename is durable once the folder that holds the name is. Some file systems have nothing to
     * sync there and say EINVAL. */
    number = fsync(file->folder) == 0 || errno == EINVAL ? 0 : errno;
    writer_free(file);
    if (number != 0) {
        return vox_fail_sys(err, VOX_E_IO, number, "cannot make the file's name durable: %s",
                            reason(number));
    }
    return VOX_OK;
}

enum vox_code vox_file_save(const char *path, const void *data, size_t size, struct vox_err *err)
{
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(path, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_file_write(file, data, size, err);
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    return vox_file_commit(file, err);
}

enum vox_code vox_file_rename(const char *from, const char *to, struct vox_err *err)
{
    int folder = open_folder(to);
    int number = folder < 0 || rename(from, to) != 0 ? errno : 0;
    if (number == 0 && fsync(folder) != 0 && errno != EINVAL) {
        number = errno;
    }
    if (folder >= 0) {
        close(folder);
    }
    if (number != 0) {
        return vox_fail_sys(err, number == ENOMEM ? VOX_E_NOMEM : VOX_E_IO, number,
                            "cannot give the file its name: %s", reason(number));
    }
    return VOX_OK;
}

void vox_file_abandon(struct vox_file_writer *file)
{
    if (file != NULL) {
        vox_file_abandon(file->first);
        unlink(file->temporary);
        writer_free(file);
    }
}
