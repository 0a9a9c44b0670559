#include "model/zip_reader.h"

#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

enum {
    LOCAL_SIZE = 30,
    ENTRY_SIZE = 46, /* of the central directory */
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR64_SIZE = 20,
    COMMENT_MAX = 65535,
    ZIP64_FIELD = 1,
    FLAG_ENCRYPTED = 1,
    FLAG_STRONG_ENCRYPTION = 1 << 6,
    FLAG_MASKED_HEADER = 1 << 13
};

struct vox_zip {
    size_t count;
    struct vox_zip_member members[];
};

/* The bytes of an archive, and where its directory is. */
struct archive {
    const uint8_t *data;
    size_t size;
    size_t directory; /* first byte */
    size_t directory_size;
    size_t count;
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static bool signed_as(const uint8_t *at, const char *signature)
{
    return memcmp(at, signature, 4) == 0;
}

/* Whether `size` bytes at `offset` lie before `end`. */
static bool fits(uint64_t offset, uint64_t size, size_t end)
{
    return offset <= end && size <= end - offset;
}

/* The end record: the last one whose comment ends with the file. False where there is none. */
static bool find_end(const uint8_t *data, size_t size, size_t *out)
{
    if (size < END_SIZE) {
        return false;
    }
    size_t last = size - END_SIZE;
    size_t first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;
    for (size_t at = last + 1; at-- > first;) {
        if (signed_as(data + at, "PK\5\6") && get16(data + at + 20) == last - at) {
            *out = at;
            return true;
        }
    }
    return false;
}

bool vox_zip_recognise(const uint8_t *data, size_t size)
{
    size_t end;
    return (size >= 4 && signed_as(data, "PK\3\4")) || find_end(data, size, &end);
}

static enum vox_code directory_fails(struct vox_err *err)
{
    return vox_fail(err, VOX_E_FORMAT,
                    "the archive's directory does not lie within the file; it is damaged or cut "
                    "short");
}

/* The numbers of the end record, or of the zip64 end record where there is one. */
static enum vox_code read_end(struct archive *archive, struct vox_err *err)
{
    const uint8_t *data = archive->data;
    size_t end;
    if (!find_end(data, archive->size, &end)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the archive has no end record; the file is cut short or damaged");
    }
    const uint8_t *record = data + end;
    bool parts = get16(record + 4) != 0 || get16(record + 6) != 0;
    uint64_t here = get16(record + 8);
    uint64_t count = get16(record + 10);
    uint64_t size = get32(record + 12);
    uint64_t start = get32(record + 16);
    uint64_t limit = end;
    if (end >= LOCATOR64_SIZE && signed_as(record - LOCATOR64_SIZE, "PK\6\7")) {
        uint64_t at = get64(record - LOCATOR64_SIZE + 8);
        if (!fits(at, END64_SIZE, end - LOCATOR64_SIZE) || !signed_as(data + at, "PK\6\6")) {
            return directory_fails(err);
        }
        record = data + at;
        parts = get32(record + 16) != 0 || get32(record + 20) != 0;
        here = get64(record + 24);
        count = get64(record + 32);
        size = get64(record + 40);
        start = get64(record + 48);
        limit = at;
    }
    if (parts || here != count) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "the archive is one of several parts");
    }
    if (!fits(start, size, (size_t)limit)) {
        return directory_fails(err);
    }
    if (count > VOX_ZIP_MAX_MEMBERS) {
        return vox_fail(err, VOX_E_LIMIT, "the archive has %llu members, more than %d",
                        (unsigned long long)count, VOX_ZIP_MAX_MEMBERS);
    }
    if (count > size / ENTRY_SIZE) {
        return vox_fail(err, VOX_E_FORMAT, "the archive's directory is too small for %llu members",
                        (unsigned long long)count);
    }
    archive->directory = (size_t)start;
    archive->directory_size = (size_t)size;
    archive->count = (size_t)count;
    return VOX_OK;
}

/* The numbers of a directory entry that zip64 may hold elsewhere. */
struct extent {
    uint64_t size, stored, start;
};

/* Takes from the zip64 field what the entry marks as being there. False if it is not. */
static bool read_zip64(const uint8_t *extra, size_t extra_size, struct extent *extent)
{
    uint64_t *const wanted[] = {&extent->size, &extent->stored, &extent->start};
    size_t missing = 0;
    for (size_t i = 0; i < 3; i++) {
        missing += *wanted[i] == UINT32_MAX ? 1 : 0;
    }
    if (missing == 0) {
        return true;
    }
    while (extra_size >= 4) {
        size_t field = get16(extra + 2);
        if (field > extra_size - 4) {
            return false;
        }
        if (get16(extra) == ZIP64_FIELD) {
            const uint8_t *at = extra + 4;
            for (size_t i = 0; i < 3 && field >= 8; i++) {
                if (*wanted[i] == UINT32_MAX) {
                    *wanted[i] = get64(at);
                    at += 8;
                    field -= 8;
                    missing--;
                }
            }
            return missing == 0;
        }
        extra += 4 + field;
        extra_size -= 4 + field;
    }
    return false;
}

static int cut(size_t length)
{
    return (int)(length > 100 ? 100 : length);
}

/* Finds the data behind the local header, whose own sizes need not be set. */
static enum vox_code locate(const struct archive *archive, const struct extent *extent,
                            struct vox_zip_member *member, struct vox_err *err)
{
    const char *name = member->name;
    int shown = cut(member->name_length);
    if (!fits(extent->start, LOCAL_SIZE, archive->directory) ||
        !signed_as(archive->data + extent->start, "PK\3\4")) {
        return vox_fail(err, VOX_E_FORMAT,
                        "member '%.*s' does not lie within the file; the archive is damaged", shown,
                        name);
    }
    const uint8_t *local = archive->data + extent->start;
    size_t name_length = get16(local + 26);
    uint64_t begin = extent->start + LOCAL_SIZE + name_length + get16(local + 28);
    if (!fits(begin, extent->size, archive->directory)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "member '%.*s' does not lie within the file; the archive is damaged", shown,
                        name);
    }
    if (name_length != member->name_length || memcmp(local + LOCAL_SIZE, name, name_length) != 0) {
        return vox_fail(err, VOX_E_FORMAT, "member '%.*s' has another name in its own header",
                        shown, name);
    }
    member->start = (size_t)extent->start;
    member->data = archive->data + begin;
    member->size = (size_t)extent->size;
    member->end = (size_t)begin + member->size;
    return VOX_OK;
}

/* Reads one entry of the directory and steps over it. */
static enum vox_code read_entry(const struct archive *archive, size_t *at,
                                struct vox_zip_member *member, struct vox_err *err)
{
    size_t end = archive->directory + archive->directory_size;
    const uint8_t *entry = archive->data + *at;
    if (!fits(*at, ENTRY_SIZE, end) || !signed_as(entry, "PK\1\2")) {
        return vox_fail(err, VOX_E_FORMAT, "the archive's directory is damaged");
    }
    size_t name_length = get16(entry + 28);
    size_t extra_size = get16(entry + 30);
    size_t total = ENTRY_SIZE + name_length + extra_size + get16(entry + 32);
    if (!fits(*at, total, end)) {
        return vox_fail(err, VOX_E_FORMAT, "the archive's directory is damaged");
    }
    member->name = (const char *)entry + ENTRY_SIZE;
    member->name_length = name_length;
    int shown = cut(name_length);
    if (name_length == 0 || name_length > VOX_ZIP_MAX_NAME) {
        return vox_fail(err, VOX_E_LIMIT, "a member's name has %zu bytes; 1 to %d are allowed",
                        name_length, VOX_ZIP_MAX_NAME);
    }
    unsigned flags = get16(entry + 8);
    if ((flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED_HEADER)) != 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "member '%.*s' is encrypted", shown, member->name);
    }
    struct extent extent = {get32(entry + 24), get32(entry + 20), get32(entry + 42)};
    if (!read_zip64((const uint8_t *)member->name + name_length, extra_size, &extent)) {
        return vox_fail(err, VOX_E_FORMAT, "member '%.*s' lacks its zip64 sizes", shown,
                        member->name);
    }
    if (get16(entry + 10) != 0 || extent.size != extent.stored) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "member '%.*s' is compressed; only stored members, as torch.save writes "
                        "them, are supported",
                        shown, member->name);
    }
    *at += total;
    return locate(archive, &extent, member, err);
}

static int by_start(const void *a, const void *b)
{
    const struct vox_zip_member *x = a;
    const struct vox_zip_member *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t common = a_length < b_length ? a_length : b_length;
    int order = memcmp(a, b, common);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_name(const void *a, const void *b)
{
    const struct vox_zip_member *x = a;
    const struct vox_zip_member *y = b;
    return compare_names(x->name, x->name_length, y->name, y->name_length);
}

/* Refuses overlapping members and repeated names; leaves the members sorted by name. */
static enum vox_code check_members(struct vox_zip *zip, struct vox_err *err)
{
    struct vox_zip_member *members = zip->members;
    qsort(members, zip->count, sizeof(*members), by_start);
    for (size_t i = 1; i < zip->count; i++) {
        if (members[i].start < members[i - 1].end) {
            return vox_fail(err, VOX_E_FORMAT, "members '%.*s' and '%.*s' overlap",
                            cut(members[i - 1].name_length), members[i - 1].name,
                            cut(members[i].name_length), members[i].name);
        }
    }
    qsort(members, zip->count, sizeof(*members), by_name);
    for (size_t i = 1; i < zip->count; i++) {
        if (by_name(&members[i - 1], &members[i]) == 0) {
            return vox_fail(err, VOX_E_FORMAT, "two members are named '%.*s'",
                            cut(members[i].name_length), members[i].name);
        }
    }
    return VOX_OK;
}

enum vox_code vox_zip_open(const uint8_t *data, size_t size, struct vox_zip **out,
                           struct vox_err *err)
{
    struct archive archive = {.data = data, .size = size};
    enum vox_code code = read_end(&archive, err);
    if (code != VOX_OK) {
        return code;
    }
    /* The directory has an entry of 46 bytes for each, so this is bounded by the file's size. */
    struct vox_zip *zip = vox_calloc(1, sizeof(*zip) + archive.count * sizeof(zip->members[0]));
    if (zip == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    zip->count = archive.count;
    size_t at = archive.directory;
    for (size_t i = 0; i < zip->count && code == VOX_OK; i++) {
        code = read_entry(&archive, &at, &zip->members[i], err);
    }
    if (code == VOX_OK && at != archive.directory + archive.directory_size) {
        code = vox_fail(err, VOX_E_FORMAT,
                        "the archive's directory holds more than the members that it counts");
    }
    if (code == VOX_OK) {
        code = check_members(zip, err);
    }
    if (code != VOX_OK) {
        vox_zip_close(zip);
        return code;
    }
    *out = zip;
    return VOX_OK;
}

void vox_zip_close(struct vox_zip *zip)
{
    vox_free(zip);
}

size_t vox_zip_count(const struct vox_zip *zip)
{
    return zip->count;
}

const struct vox_zip_member *vox_zip_at(const struct vox_zip *zip, size_t i)
{
    return &zip->members[i];
}

const struct vox_zip_member *vox_zip_find(const struct vox_zip *zip, const char *name,
                                          size_t length)
{
    struct vox_zip_member key = {.name = name, .name_length = length};
    return bsearch(&key, zip->members, zip->count, sizeof(key), by_name);
}
