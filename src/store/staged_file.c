#include "store/staged_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_paths.h"
#include "util/memory.h"

enum { STEP = 1 << 20 };

static enum vox_code io_error(int number, const char *what, struct vox_err *err)
{
    enum vox_code code = number == ENOENT ? VOX_E_NOT_FOUND : VOX_E_IO;
    return vox_fail_sys(err, code, number, "cannot %s: %s", what, vox_errno_text(number));
}

static enum vox_code write_all(int fd, const char *data, size_t size, struct vox_err *err)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return vox_fail_sys(err, VOX_E_IO, errno, "cannot write into the datastore: %s",
                                vox_errno_text(errno));
        }
        data += n;
        size -= (size_t)n;
    }
    return VOX_OK;
}

static enum vox_code copy_through(int from, int to, char *buffer, struct vox_err *err)
{
    for (;;) {
        ssize_t n = read(from, buffer, STEP);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return io_error(errno, "read a file that comes in", err);
        }
        if (n == 0) {
            return VOX_OK;
        }
        enum vox_code code = write_all(to, buffer, (size_t)n, err);
        if (code != VOX_OK) {
            return code;
        }
    }
}

static enum vox_code copy_all(int from, int to, struct vox_err *err)
{
    char *buffer = vox_alloc(STEP);
    if (buffer == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    enum vox_code code = copy_through(from, to, buffer, err);
    vox_free(buffer);
    return code;
}

/* A new hidden file in a folder. */
static enum vox_code create_hidden(const char *folder, char **path, int *fd, struct vox_err *err)
{
    static atomic_uint_fast64_t counter;
    char name[64];
    for (int tries = 0; tries < 1000; tries++) {
        snprintf(name, sizeof(name), VOX_STAGED_PREFIX "%ld-%" PRIuFAST64, (long)getpid(),
                 atomic_fetch_add(&counter, 1));
        char *whole = vox_path_join(folder, name);
        if (whole == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        int made = open(whole, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (made >= 0) {
            *path = whole;
            *fd = made;
            return VOX_OK;
        }
        int number = errno;
        vox_free(whole);
        if (number != EEXIST) {
            return vox_fail_sys(err, VOX_E_IO, number, "cannot create a file in the datastore: %s",
                                vox_errno_text(number));
        }
    }
    return vox_fail(err, VOX_E_IO, "cannot create a file in the datastore: too many are left over");
}

/* From an open file (-1: none) or from memory. */
static enum vox_code stage(int source, const char *text, size_t size, const char *folder,
                           const char *target, struct vox_staged *out, struct vox_err *err)
{
    int fd = -1;
    struct vox_staged staged = {.folder = vox_strdup(folder), .target = vox_strdup(target)};
    enum vox_code code = staged.folder == NULL || staged.target == NULL
                             ? vox_fail(err, VOX_E_NOMEM, "out of memory")
                             : create_hidden(folder, &staged.temporary, &fd, err);
    if (code == VOX_OK) {
        code = source >= 0 ? copy_all(source, fd, err) : write_all(fd, text, size, err);
    }
    if (code == VOX_OK && fsync(fd) != 0) {
        code = io_error(errno, "write into the datastore", err);
    }
    if (fd >= 0 && close(fd) != 0 && code == VOX_OK) {
        code = io_error(errno, "write into the datastore", err);
    }
    if (code != VOX_OK) {
        vox_staged_end(&staged);
        return code;
    }
    *out = staged;
    return VOX_OK;
}

enum vox_code vox_staged_copy(const char *source, const char *folder, const char *target,
                              struct vox_staged *out, struct vox_err *err)
{
    int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return io_error(errno, "open a file that comes in", err);
    }
    enum vox_code code = stage(fd, NULL, 0, folder, target, out, err);
    close(fd);
    return code;
}

enum vox_code vox_staged_text(const char *text, size_t size, const char *folder, const char *target,
                              struct vox_staged *out, struct vox_err *err)
{
    return stage(-1, text, size, folder, target, out, err);
}

static enum vox_code copy_file(const char *from, const char *to, struct vox_err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return io_error(errno, "keep an older file", err);
    }
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out < 0) {
        int number = errno;
        close(in);
        return vox_fail_sys(err, VOX_E_IO, number, "cannot keep an older file: %s",
                            vox_errno_text(number));
    }
    enum vox_code code = copy_all(in, out, err);
    if (code == VOX_OK && fsync(out) != 0) {
        code = io_error(errno, "keep an older file", err);
    }
    close(in);
    close(out);
    if (code != VOX_OK) {
        unlink(to);
    }
    return code;
}

enum vox_code vox_file_link(const char *from, const char *to, struct vox_err *err)
{
    if (linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0) {
        return VOX_OK;
    }
    int number = errno;
    if (number == ENOENT || number == ENOSPC || number == EEXIST || number == EDQUOT) {
        return io_error(number, "keep an older file", err);
    }
    return copy_file(from, to, err);
}

enum vox_code vox_staged_place(struct vox_staged *staged, struct vox_err *err)
{
    if (staged->backup != NULL && !staged->backed_up) {
        struct vox_err own = {0};
        enum vox_code code = vox_file_link(staged->target, staged->backup, &own);
        if (code != VOX_OK && code != VOX_E_NOT_FOUND) {
            return vox_fail_sys(err, code, own.sys, "%s", own.msg);
        }
        staged->backed_up = code == VOX_OK;
    }
    if (rename(staged->temporary, staged->target) != 0) {
        return vox_fail_sys(err, VOX_E_IO, errno, "cannot give a file its name: %s",
                            vox_errno_text(errno));
    }
    staged->placed = true;
    return vox_folder_sync(staged->folder, err);
}

void vox_staged_undo(struct vox_staged *staged)
{
    if (!staged->placed) {
        return;
    }
    if (staged->backed_up) {
        rename(staged->backup, staged->target);
        staged->backed_up = false;
    } else {
        unlink(staged->target);
    }
}

void vox_staged_end(struct vox_staged *staged)
{
    if (staged->temporary != NULL && !staged->placed) {
        unlink(staged->temporary);
    }
    vox_free(staged->temporary);
    vox_free(staged->folder);
    vox_free(staged->target);
    vox_free(staged->backup);
    *staged = (struct vox_staged){0};
}

static enum vox_code read_text(int fd, char *text, size_t size, size_t *got, struct vox_err *err)
{
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, text + have, size - have);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return io_error(errno, "read a file of the datastore", err);
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    *got = have;
    return VOX_OK;
}

enum vox_code vox_file_text(const char *path, size_t most, char **out, size_t *size,
                            struct vox_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return io_error(errno, "open a file of the datastore", err);
    }
    enum vox_code code = VOX_OK;
    char *text = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        code = vox_fail(err, VOX_E_IO, "a file of the datastore is not a regular file");
    } else if ((uint64_t)st.st_size > most) {
        code = vox_fail(err, VOX_E_LIMIT, "a file of the datastore has more than %zu bytes", most);
    } else if ((text = vox_alloc((size_t)st.st_size + 1)) == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    size_t got = 0;
    if (code == VOX_OK) {
        code = read_text(fd, text, (size_t)st.st_size, &got, err);
    }
    close(fd);
    if (code != VOX_OK) {
        vox_free(text);
        return code;
    }
    text[got] = '\0';
    *out = text;
    *size = got;
    return VOX_OK;
}
