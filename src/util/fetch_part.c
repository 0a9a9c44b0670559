#include "util/fetch_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/json.h"
#include "util/json_writer.h"
#include "util/memory.h"

enum {
    STEP_BYTES = 1 << 20,  /* read at once */
    KEEP_BYTES = 16 << 20, /* between two looks at the disk */
    NOTES_BYTES = 4096
};

struct vox_fetch_part {
    int fd;
    char *path;
    char *notes;
    struct vox_hasher *hasher; /* of all bytes */
    uint64_t size;
    uint64_t kept; /* of them, on the disk and noted */
    uint64_t total;
    char version[VOX_FETCH_VALIDATOR_BYTES];
};

static enum vox_code fail_io(struct vox_err *err, const char *what)
{
    const char *why = strerrordesc_np(errno);
    return vox_fail_sys(err, VOX_E_IO, errno, "%s: %s", what, why != NULL ? why : "unknown error");
}

/* ---- notes ---- */

static void take_notes(struct vox_fetch_part *part, const struct vox_json *json)
{
    const char *version = vox_json_text(vox_json_get(json, "version"));
    int64_t kept, total;
    if (version == NULL || strlen(version) >= sizeof(part->version) ||
        !vox_json_int(vox_json_get(json, "kept"), &kept) || kept < 0 ||
        !vox_json_int(vox_json_get(json, "total"), &total) || total < 0) {
        return;
    }
    memcpy(part->version, version, strlen(version) + 1);
    part->kept = (uint64_t)kept;
    part->total = (uint64_t)total;
}

/* Notes that are missing or damaged say that nothing was kept. */
static enum vox_code read_notes(struct vox_fetch_part *part, struct vox_err *err)
{
    static const struct vox_json_limits limits = {NOTES_BYTES, 2, 16};
    struct vox_mapping mapping;
    struct vox_json *json;
    if (vox_file_map(part->notes, &mapping, NULL) != VOX_OK) {
        return VOX_OK;
    }
    enum vox_code code =
        vox_json_parse((const char *)mapping.data, mapping.size, &limits, &json, err);
    if (code == VOX_OK) {
        take_notes(part, json);
        vox_json_free(json);
    }
    vox_file_unmap(&mapping);
    return code == VOX_E_NOMEM ? code : VOX_OK;
}

static enum vox_code write_notes(struct vox_fetch_part *part, struct vox_err *err)
{
    struct vox_json_writer *json = vox_json_writer_new();
    if (json == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "version", part->version);
    vox_json_put_int(json, "kept", (int64_t)part->size);
    vox_json_put_int(json, "total", (int64_t)part->total);
    vox_json_end(json);
    const char *text;
    size_t size;
    struct vox_file_writer *file = NULL;
    enum vox_code code = vox_json_writer_text(json, &text, &size, err);
    if (code == VOX_OK) {
        code = vox_file_create(part->notes, &file, err);
    }
    if (code == VOX_OK) {
        code = vox_file_write(file, text, size, err);
        if (code == VOX_OK) {
            code = vox_file_commit(file, err);
        } else {
            vox_file_abandon(file);
        }
    }
    vox_json_writer_free(json);
    return code;
}

/* ---- opening ---- */

/* Opens and locks the file that has this name now: whoever had the lock before may have given the
 * file another name. */
static enum vox_code take_file(struct vox_fetch_part *part, struct vox_err *err)
{
    for (;;) {
        struct stat mine, named;
        part->fd = open(part->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (part->fd < 0) {
            return fail_io(err, "cannot create a file in the folder");
        }
        if (flock(part->fd, LOCK_EX | LOCK_NB) != 0) {
            return errno == EWOULDBLOCK
                       ? vox_fail(err, VOX_E_BUSY, "another process is downloading the file")
                       : fail_io(err, "cannot lock the file");
        }
        if (fstat(part->fd, &mine) != 0) {
            return fail_io(err, "cannot examine the file");
        }
        if (!S_ISREG(mine.st_mode)) {
            return vox_fail(err, VOX_E_IO, "the partial file is no regular file");
        }
        if (stat(part->path, &named) == 0 && named.st_dev == mine.st_dev &&
            named.st_ino == mine.st_ino) {
            part->size = (uint64_t)mine.st_size;
            return VOX_OK;
        }
        close(part->fd);
        part->fd = -1;
    }
}

static enum vox_code cut(struct vox_fetch_part *part, uint64_t size, struct vox_err *err)
{
    if (ftruncate(part->fd, (off_t)size) != 0 || lseek(part->fd, (off_t)size, SEEK_SET) < 0) {
        return fail_io(err, "cannot write the file");
    }
    part->size = size;
    return VOX_OK;
}

static enum vox_code hash_kept(struct vox_fetch_part *part, struct vox_err *err)
{
    uint8_t *buffer = part->size == 0 ? NULL : vox_alloc(STEP_BYTES);
    enum vox_code code = VOX_OK;
    uint64_t at = 0;
    if (part->size > 0 && buffer == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    while (code == VOX_OK && at < part->size) {
        uint64_t left = part->size - at;
        size_t step = left < STEP_BYTES ? (size_t)left : STEP_BYTES;
        ssize_t n = pread(part->fd, buffer, step, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            code = n < 0 ? fail_io(err, "cannot read the partial file")
                         : vox_fail(err, VOX_E_IO, "the partial file became shorter");
            break;
        }
        code = vox_hasher_add(part->hasher, buffer, (size_t)n, err);
        at += (size_t)n;
    }
    vox_free(buffer);
    return code;
}

static char *notes_name(const char *path)
{
    size_t size = strlen(path) + sizeof(".json");
    char *name = vox_alloc(size);
    if (name != NULL) {
        snprintf(name, size, "%s.json", path);
    }
    return name;
}

enum vox_code vox_fetch_part_open(const char *path, struct vox_fetch_part **out,
                                  struct vox_err *err)
{
    struct vox_fetch_part *part = vox_calloc(1, sizeof(*part));
    if (part == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    part->fd = -1;
    part->path = vox_strdup(path);
    part->notes = notes_name(path);
    enum vox_code code = vox_hasher_new(&part->hasher, err);
    if (code == VOX_OK && (part->path == NULL || part->notes == NULL)) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    if (code == VOX_OK) {
        code = take_file(part, err);
    }
    if (code == VOX_OK) {
        code = read_notes(part, err);
    }
    if (code == VOX_OK) {
        bool whole = part->kept <= part->size && part->version[0] != '\0';
        part->kept = whole ? part->kept : 0;
        code = cut(part, part->kept, err);
    }
    if (code == VOX_OK) {
        code = hash_kept(part, err);
    }
    if (code != VOX_OK) {
        vox_fetch_part_close(part);
        return code;
    }
    *out = part;
    return VOX_OK;
}

void vox_fetch_part_close(struct vox_fetch_part *part)
{
    if (part == NULL) {
        return;
    }
    if (part->fd >= 0) {
        close(part->fd);
    }
    vox_hasher_free(part->hasher);
    vox_free(part->path);
    vox_free(part->notes);
    vox_free(part);
}

/* ---- bytes ---- */

uint64_t vox_fetch_part_size(const struct vox_fetch_part *part)
{
    return part->size;
}

const char *vox_fetch_part_version(const struct vox_fetch_part *part)
{
    return part->version;
}

uint64_t vox_fetch_part_total(const struct vox_fetch_part *part)
{
    return part->total;
}

enum vox_code vox_fetch_part_restart(struct vox_fetch_part *part, const char *version,
                                     uint64_t total, struct vox_err *err)
{
    char dropped[VOX_SHA256_HEX];
    enum vox_code code = cut(part, 0, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_hasher_take_hex(part->hasher, dropped);
    /* A version that does not fit could not be asked for again. */
    bool fits = strlen(version) < sizeof(part->version);
    snprintf(part->version, sizeof(part->version), "%s", fits ? version : "");
    part->total = total;
    part->kept = 0;
    return write_notes(part, err);
}

enum vox_code vox_fetch_part_add(struct vox_fetch_part *part, const void *data, size_t size,
                                 struct vox_err *err)
{
    enum vox_code code = vox_hasher_add(part->hasher, data, size, err);
    const uint8_t *at = data;
    while (code == VOX_OK && size > 0) {
        ssize_t n = write(part->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fail_io(err, "cannot write the file");
        }
        at += n;
        size -= (size_t)n;
        part->size += (size_t)n;
    }
    if (code == VOX_OK && part->size - part->kept >= KEEP_BYTES) {
        code = vox_fetch_part_keep(part, err);
    }
    return code;
}

enum vox_code vox_fetch_part_keep(struct vox_fetch_part *part, struct vox_err *err)
{
    if (part->size == part->kept) {
        return VOX_OK;
    }
    if (fdatasync(part->fd) != 0) {
        return fail_io(err, "cannot write the file");
    }
    enum vox_code code = write_notes(part, err);
    if (code == VOX_OK) {
        part->kept = part->size;
    }
    return code;
}

void vox_fetch_part_hash(struct vox_fetch_part *part, char hex[VOX_SHA256_HEX])
{
    vox_hasher_take_hex(part->hasher, hex);
}

enum vox_code vox_fetch_part_finish(struct vox_fetch_part *part, const char *path,
                                    struct vox_err *err)
{
    if (fsync(part->fd) != 0) {
        return fail_io(err, "cannot write the file");
    }
    enum vox_code code = vox_file_rename(part->path, path, err);
    if (code == VOX_OK) {
        unlink(part->notes);
    }
    return code;
}

void vox_fetch_part_remove(struct vox_fetch_part *part)
{
    unlink(part->path);
    unlink(part->notes);
}
