#include "volume/nrrd_header.h"

#include <string.h>

/* Slicer puts tables of segments and DICOM fields there, some ten KB. */
enum { LONGEST_HEADER = 1 << 20 };

static const char *const names[VOX_NRRD_FIELDS] = {
    [VOX_NRRD_TYPE] = "type",
    [VOX_NRRD_DIMENSION] = "dimension",
    [VOX_NRRD_SIZES] = "sizes",
    [VOX_NRRD_ENCODING] = "encoding",
    [VOX_NRRD_ENDIAN] = "endian",
    [VOX_NRRD_SPACE] = "space",
    [VOX_NRRD_SPACE_DIMENSION] = "space dimension",
    [VOX_NRRD_DIRECTIONS] = "space directions",
    [VOX_NRRD_ORIGIN] = "space origin",
    [VOX_NRRD_SPACINGS] = "spacings",
    [VOX_NRRD_KINDS] = "kinds",
    [VOX_NRRD_LINE_SKIP] = "line skip",
    [VOX_NRRD_BYTE_SKIP] = "byte skip",
    [VOX_NRRD_DATA_FILE] = "data file",
};

const char *vox_nrrd_field_name(enum vox_nrrd_field field)
{
    return names[field];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool vox_nrrd_next_word(struct vox_span *rest, struct vox_span *word)
{
    *rest = vox_span_trim(*rest);
    if (rest->size == 0) {
        return false;
    }
    size_t size = 0;
    if (rest->at[0] == '(') {
        const char *close = memchr(rest->at, ')', rest->size);
        size = close == NULL ? rest->size : (size_t)(close - rest->at) + 1;
    } else {
        while (size < rest->size && !is_blank(rest->at[size]) && rest->at[size] != '(') {
            size++;
        }
    }
    word->at = rest->at;
    word->size = size;
    rest->at += size;
    rest->size -= size;
    return true;
}

/* "line skip" may be written "lineskip", and so may the others. */
static bool same_name(struct vox_span given, const char *name)
{
    size_t i = 0;
    for (; *name != '\0'; name++) {
        if (*name == ' ' && i < given.size && given.at[i] != ' ') {
            continue;
        }
        char c = i < given.size ? given.at[i] : '\0';
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c != *name) {
            return false;
        }
        i++;
    }
    return i == given.size;
}

static enum vox_code read_line(struct vox_span line, struct vox_nrrd_header *header,
                               struct vox_err *err)
{
    if (line.at[0] == '#') {
        return VOX_OK;
    }
    const char *colon = memchr(line.at, ':', line.size);
    const char *end = line.at + line.size;
    /* A key may hold colons, a field's name does not: what follows the colon decides. */
    while (colon != NULL && colon + 1 < end && colon[1] != '=' && !is_blank(colon[1])) {
        colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
    }
    if (colon == NULL) {
        return vox_fail(err, VOX_E_FORMAT,
                        "a line of the NRRD header is neither a field nor a key with a value");
    }
    if (colon + 1 < end && colon[1] == '=') {
        return VOX_OK;
    }
    struct vox_span name = vox_span_trim((struct vox_span){line.at, (size_t)(colon - line.at)});
    for (int i = 0; i < VOX_NRRD_FIELDS; i++) {
        if (same_name(name, names[i])) {
            if (header->fields[i].at != NULL) {
                return vox_fail(err, VOX_E_FORMAT, "NRRD field \"%s\" is given twice", names[i]);
            }
            header->fields[i] =
                vox_span_trim((struct vox_span){colon + 1, (size_t)(end - colon - 1)});
            break;
        }
    }
    return VOX_OK;
}

static enum vox_code check_version(const uint8_t *data, size_t size, struct vox_err *err)
{
    /* "NRRD0004" */
    bool known = size >= 9 && memcmp(data, "NRRD000", 7) == 0 && data[7] >= '1' && data[7] <= '5' &&
                 (data[8] == '\n' || data[8] == '\r');
    if (!known) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the version of the NRRD file is not one of NRRD0001 to NRRD0005");
    }
    return VOX_OK;
}

enum vox_code vox_nrrd_header_read(const uint8_t *data, size_t size, struct vox_nrrd_header *out,
                                   struct vox_err *err)
{
    struct vox_nrrd_header header;
    memset(&header, 0, sizeof(header));
    enum vox_code code = check_version(data, size, err);
    const char *text = (const char *)data;
    size_t limit = size < LONGEST_HEADER ? size : LONGEST_HEADER;
    size_t at = 0;
    for (bool first = true; code == VOX_OK; first = false) {
        const char *newline = memchr(text + at, '\n', limit - at);
        if (newline == NULL) {
            return vox_fail(err, VOX_E_FORMAT, "%s",
                            limit < size ? "the NRRD header is longer than 1 MiB"
                                         : "the file ends inside the NRRD header");
        }
        struct vox_span line = {text + at, (size_t)(newline - text) - at};
        at += line.size + 1;
        if (line.size > 0 && line.at[line.size - 1] == '\r') {
            line.size--;
        }
        if (line.size == 0) {
            header.end = at;
            *out = header;
            return VOX_OK;
        }
        if (memchr(line.at, '\0', line.size) != NULL) {
            return vox_fail(err, VOX_E_FORMAT, "the NRRD header holds a NUL byte");
        }
        code = first ? VOX_OK : read_line(line, &header, err);
    }
    return code;
}
