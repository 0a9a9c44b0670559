#include "store/store_ids.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "store/store_paths.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/memory.h"
#include "util/utf8.h"

const char *const vox_image_exts[VOX_IMAGE_EXTS] = {".mha", ".nii.gz", ".nii", ".nrrd"};

static const char mark[] = "id=";
enum { MARK = sizeof(mark) - 1, HASH_TAIL = 2 + VOX_SHA256_HEX - 1 };

/* --- checks --- */

bool vox_is_utf8(const char *text)
{
    while (*text != '\0') {
        size_t n = vox_utf8_size(text);
        if (n == 0) {
            return false;
        }
        text += n;
    }
    return true;
}

enum vox_code vox_id_check(const char *id, size_t size, struct vox_err *err)
{
    char text[VOX_ID_MAX + 1];
    if (size == 0) {
        return vox_fail(err, VOX_E_ARG, "the image id is empty");
    }
    if (size > VOX_ID_MAX) {
        return vox_fail(err, VOX_E_ARG, "the image id has %zu bytes, more than %d", size,
                        VOX_ID_MAX);
    }
    if (memchr(id, '\0', size) != NULL) {
        return vox_fail(err, VOX_E_ARG, "the image id holds a NUL character");
    }
    memcpy(text, id, size);
    text[size] = '\0';
    if (!vox_is_utf8(text)) {
        return vox_fail(err, VOX_E_ARG, "the image id is not UTF-8");
    }
    return VOX_OK;
}

static bool is_plain(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

enum vox_code vox_tag_check(const char *tag, size_t size, struct vox_err *err)
{
    bool good = size > 0 && size <= VOX_TAG_MAX;
    for (size_t i = 0; good && i < size; i++) {
        good = is_plain(tag[i]) || tag[i] == '.' || tag[i] == '_' || tag[i] == '-';
    }
    if (!good || (size == 1 && tag[0] == '.') || (size == 2 && memcmp(tag, "..", 2) == 0)) {
        return vox_fail(err, VOX_E_ARG,
                        "a tag has 1 to %d of the characters A-Z a-z 0-9 . _ - and is not . or ..",
                        VOX_TAG_MAX);
    }
    return VOX_OK;
}

bool vox_is_ext(const char *ext)
{
    size_t size = strlen(ext);
    if (size == 0) {
        return true;
    }
    bool good = ext[0] == '.' && size > 1 && size <= VOX_EXT_MAX;
    for (size_t i = 1; good && i < size; i++) {
        good = is_plain(ext[i]) || ext[i] == '.' || ext[i] == '_' || ext[i] == '-';
    }
    return good;
}

bool vox_is_file_stem(const char *stem)
{
    return stem[0] != '\0' && stem[0] != '.' && strchr(stem, '/') == NULL && strlen(stem) <= 255;
}

/* --- endings --- */

static bool ends_with(const char *name, size_t size, const char *ext)
{
    size_t end = strlen(ext);
    return size > end && memcmp(name + size - end, ext, end) == 0;
}

bool vox_is_image_ext(const char *ext)
{
    for (int i = 0; i < VOX_IMAGE_EXTS; i++) {
        if (strcmp(ext, vox_image_exts[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *vox_image_name_ext(const char *name)
{
    size_t size = strlen(name);
    for (int i = 0; i < VOX_IMAGE_EXTS; i++) {
        if (ends_with(name, size, vox_image_exts[i])) {
            return name + size - strlen(vox_image_exts[i]);
        }
    }
    return NULL;
}

const char *vox_label_name_ext(const char *name)
{
    static const char *const others[] = {".seg.nrrd", ".json", ".bin"};
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (ends_with(name, size, others[i])) {
            return name + size - strlen(others[i]);
        }
    }
    return vox_image_name_ext(name);
}

/* What follows the last separator of any system. */
static const char *base_name(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '/' || *at == '\\') {
            name = at + 1;
        }
    }
    return name;
}

void vox_file_ext(const char *name, char ext[VOX_EXT_MAX + 1])
{
    static const char *const known[] = {".seg.nrrd", ".nii.gz"};
    const char *base = base_name(name);
    size_t size = strlen(base);
    const char *from = strrchr(base, '.');
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t end = strlen(known[i]);
        if (size > end && strcasecmp(base + size - end, known[i]) == 0) {
            from = base + size - end;
        }
    }
    ext[0] = '\0';
    if (from == NULL || from == base || !vox_is_ext(from) || from[1] == '\0') {
        return;
    }
    size_t n = strlen(from);
    for (size_t i = 0; i <= n; i++) {
        ext[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] - 'A' + 'a' : from[i]);
    }
}

bool vox_id_from_name(const char *name, char **out)
{
    const char *base = base_name(name);
    size_t size = strcspn(base, ".");
    if (vox_id_check(base, size, NULL) != VOX_OK) {
        return false;
    }
    char *id = vox_alloc(size + 1);
    if (id == NULL) {
        return false;
    }
    memcpy(id, base, size);
    id[size] = '\0';
    *out = id;
    return true;
}

/* --- stems --- */

/* Also what other systems do not take in file names, since folders are shared with them. */
static bool is_unsafe(const char *id, size_t i, size_t size)
{
    unsigned char c = (unsigned char)id[i];
    if (c < 0x20 || c == 0x7F || strchr("/\\:*?\"<>|", c) != NULL) {
        return true;
    }
    return (i == 0 && c == '.') || (i == size - 1 && (c == '.' || c == ' '));
}

static bool needs_escapes(const char *id, size_t size)
{
    if (size > VOX_STEM_MAX || strncmp(id, mark, MARK) == 0) {
        return true;
    }
    for (size_t i = 0; i < size; i++) {
        if (is_unsafe(id, i, size)) {
            return true;
        }
    }
    return false;
}

/* Writes characters as long as there is room for them; returns how many bytes of the id that took.
 */
static size_t escape(const char *id, size_t size, char *out, size_t room)
{
    size_t from = 0, to = 0;
    while (from < size) {
        size_t n = vox_utf8_size(id + from);
        bool escaped = n == 1 && (is_unsafe(id, from, size) || id[from] == '=');
        if (to + (escaped ? 3 : n) > room) {
            break;
        }
        if (escaped) {
            snprintf(out + to, 4, "=%02X", (unsigned)(unsigned char)id[from]);
        } else {
            memcpy(out + to, id + from, n);
        }
        to += escaped ? 3 : n;
        from += n;
    }
    out[to] = '\0';
    return from;
}

enum vox_code vox_stem_from_id(const char *id, char stem[VOX_STEM_SIZE], bool *hashed,
                               struct vox_err *err)
{
    size_t size = strlen(id);
    char text[VOX_STEM_SIZE];
    char hex[VOX_SHA256_HEX];
    bool cut = false;
    if (!needs_escapes(id, size)) {
        memcpy(text, id, size + 1);
    } else {
        memcpy(text, mark, MARK);
        if (escape(id, size, text + MARK, VOX_STEM_MAX - MARK) < size) {
            enum vox_code code = vox_sha256_hex(id, size, hex, err);
            if (code != VOX_OK) {
                return code;
            }
            cut = true;
            escape(id, size, text + MARK, VOX_STEM_MAX - MARK - HASH_TAIL);
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, "=~%s", hex);
        }
    }
    memcpy(stem, text, sizeof(text));
    *hashed = cut;
    return VOX_OK;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes escapes; false where they are none. */
static bool unescape(const char *text, char *out)
{
    while (*text != '\0') {
        if (*text != '=') {
            *out++ = *text++;
            continue;
        }
        int high = digit(text[1]);
        int low = high < 0 ? -1 : digit(text[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *out++ = (char)(high * 16 + low);
        text += 3;
    }
    *out = '\0';
    return true;
}

/* The id that .voxlabel/ids holds for a stem, NULL if there is none. */
static char *kept_id(const char *stem, const char *ids)
{
    char *path = vox_path_join(ids, stem);
    struct vox_mapping mapping = {0};
    char *id = NULL;
    if (path != NULL && vox_file_map(path, &mapping, NULL) == VOX_OK &&
        vox_id_check((const char *)mapping.data, mapping.size, NULL) == VOX_OK) {
        id = vox_alloc(mapping.size + 1);
        if (id != NULL) {
            memcpy(id, mapping.data, mapping.size);
            id[mapping.size] = '\0';
        }
    }
    vox_file_unmap(&mapping);
    vox_free(path);
    return id;
}

enum vox_code vox_stem_to_id(const char *stem, const char *ids, char **out, struct vox_err *err)
{
    size_t size = strlen(stem);
    char *id = NULL;
    if (strncmp(stem, mark, MARK) == 0 && size <= VOX_STEM_MAX) {
        const char *tail = size > MARK + HASH_TAIL ? stem + size - HASH_TAIL : stem;
        if (tail[0] == '=' && tail[1] == '~') {
            id = ids == NULL ? NULL : kept_id(stem, ids);
        } else {
            id = vox_alloc(size + 1);
            if (id != NULL && (!unescape(stem + MARK, id) || !vox_is_utf8(id))) {
                vox_free(id);
                id = NULL;
            }
        }
        /* Only what an id would be called, so that both ways agree. */
        char back[VOX_STEM_SIZE];
        bool hashed;
        if (id != NULL &&
            (vox_stem_from_id(id, back, &hashed, NULL) != VOX_OK || strcmp(back, stem) != 0)) {
            vox_free(id);
            id = NULL;
        }
    }
    id = id == NULL ? vox_strdup(stem) : id;
    if (id == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    *out = id;
    return VOX_OK;
}
