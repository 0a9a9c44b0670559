#include "volume/metaimage_header.h"

#include <string.h>

#include "util/memory.h"

/* Some programs put all DICOM fields there. */
enum { LONGEST_HEADER = 1 << 20 };

static const char *const names[VOX_META_FIELDS] = {
    [VOX_META_OBJECT_TYPE] = "ObjectType",
    [VOX_META_DIMENSIONS] = "NDims",
    [VOX_META_SIZE] = "DimSize",
    [VOX_META_TYPE] = "ElementType",
    [VOX_META_CHANNELS] = "ElementNumberOfChannels",
    [VOX_META_BINARY] = "BinaryData",
    [VOX_META_BINARY_MSB] = "BinaryDataByteOrderMSB",
    [VOX_META_ELEMENT_MSB] = "ElementByteOrderMSB",
    [VOX_META_COMPRESSED] = "CompressedData",
    [VOX_META_COMPRESSED_SIZE] = "CompressedDataSize",
    [VOX_META_HEADER_SIZE] = "HeaderSize",
    [VOX_META_SPACING] = "ElementSpacing",
    [VOX_META_ELEMENT_SIZE] = "ElementSize",
    [VOX_META_ORIGIN] = "Origin",
    [VOX_META_OFFSET] = "Offset",
    [VOX_META_POSITION] = "Position",
    [VOX_META_MATRIX] = "TransformMatrix",
    [VOX_META_ROTATION] = "Rotation",
    [VOX_META_ORIENTATION] = "Orientation",
    [VOX_META_DATA_FILE] = "ElementDataFile",
};

const char *vox_meta_field_name(enum vox_meta_field field)
{
    return names[field];
}

/* MetaIO takes either sign, and capitals as they are. False for a line without one. */
static bool split(struct vox_span line, struct vox_span *name, struct vox_span *value)
{
    size_t at = 0;
    while (at < line.size && line.at[at] != '=' && line.at[at] != ':') {
        at++;
    }
    if (at == line.size) {
        return false;
    }
    *name = vox_span_trim((struct vox_span){line.at, at});
    *value = vox_span_trim((struct vox_span){line.at + at + 1, line.size - at - 1});
    return true;
}

static bool same(struct vox_span span, const char *name)
{
    return span.size == strlen(name) && memcmp(span.at, name, span.size) == 0;
}

/* VOX_META_FIELDS if it is none that is looked at. */
static int find_field(struct vox_span name)
{
    int field = 0;
    while (field < VOX_META_FIELDS && !same(name, names[field])) {
        field++;
    }
    return field;
}

bool vox_is_metaimage(const uint8_t *data, size_t size)
{
    struct vox_span rest = {(const char *)data, size < 256 ? size : 256};
    struct vox_span line = {NULL, 0};
    while (vox_span_next_line(&rest, &line) && vox_span_trim(line).size == 0) {
    }
    struct vox_span name;
    struct vox_span value;
    if (line.at == NULL || !split(line, &name, &value)) {
        return false;
    }
    /* The only other one that programs write first. */
    return find_field(name) < VOX_META_FIELDS || same(name, "Comment");
}

static enum vox_code read_line(struct vox_span line, struct vox_meta_header *header,
                               struct vox_err *err)
{
    struct vox_span name;
    struct vox_span value;
    if (memchr(line.at, '\0', line.size) != NULL) {
        return vox_fail(err, VOX_E_FORMAT, "the MetaImage header holds a NUL byte");
    }
    if (!split(line, &name, &value)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "a line of the MetaImage header is no field with a value");
    }
    int field = find_field(name);
    if (field == VOX_META_FIELDS) {
        return VOX_OK;
    }
    if (header->fields[field].at != NULL) {
        return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"%s\" is given twice", names[field]);
    }
    header->fields[field] = value;
    return VOX_OK;
}

enum vox_code vox_meta_header_read(const uint8_t *data, size_t size, struct vox_meta_header *out,
                                   struct vox_err *err)
{
    struct vox_meta_header header;
    memset(&header, 0, sizeof(header));
    struct vox_span rest = {(const char *)data, size < LONGEST_HEADER ? size : LONGEST_HEADER};
    struct vox_span line;
    while (vox_span_next_line(&rest, &line)) {
        if (rest.size == 0 && size > LONGEST_HEADER) {
            break; /* the line may be cut */
        }
        if (vox_span_trim(line).size == 0) {
            continue;
        }
        enum vox_code code = read_line(line, &header, err);
        if (code != VOX_OK) {
            return code;
        }
        if (header.fields[VOX_META_DATA_FILE].at != NULL) {
            header.end = (size_t)(rest.at - (const char *)data);
            *out = header;
            return VOX_OK;
        }
    }
    return vox_fail(err, VOX_E_FORMAT, "%s",
                    size > LONGEST_HEADER
                        ? "the MetaImage header is longer than 1 MiB"
                        : "the file ends before MetaImage field \"ElementDataFile\"");
}

enum vox_code vox_meta_beside(const char *path, struct vox_span name, char **out,
                              struct vox_err *err)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    char *beside = vox_alloc(folder + name.size + 1);
    if (beside == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    memcpy(beside, path, folder);
    memcpy(beside + folder, name.at, name.size);
    beside[folder + name.size] = '\0';
    *out = beside;
    return VOX_OK;
}
