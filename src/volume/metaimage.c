#include "volume/metaimage.h"

#include <inttypes.h>
#include <string.h>

#include "util/memory.h"
#include "util/number_text.h"
#include "volume/geometry.h"
#include "volume/metaimage_header.h"

/* MetaIO's long has 4 bytes on every machine (MET_ValueTypeSize of metaTypes.h). */
static const struct {
    const char *name;
    enum vox_voxel_type type;
} types[] = {
    {"MET_UCHAR", VOX_VOXEL_U8},       {"MET_CHAR", VOX_VOXEL_I8},
    {"MET_USHORT", VOX_VOXEL_U16},     {"MET_SHORT", VOX_VOXEL_I16},
    {"MET_UINT", VOX_VOXEL_U32},       {"MET_INT", VOX_VOXEL_I32},
    {"MET_ULONG_LONG", VOX_VOXEL_U64}, {"MET_LONG_LONG", VOX_VOXEL_I64},
    {"MET_FLOAT", VOX_VOXEL_F32},      {"MET_DOUBLE", VOX_VOXEL_F64},
    {"MET_ULONG", VOX_VOXEL_U32},      {"MET_LONG", VOX_VOXEL_I32},
    {"MET_ASCII_CHAR", VOX_VOXEL_I8},
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

const char *vox_metaimage_type_name(enum vox_voxel_type type)
{
    int i = 0;
    while (types[i].type != type) {
        i++;
        VOX_ASSERT(i < TYPES);
    }
    return types[i].name;
}

static bool given(const struct vox_meta_header *header, enum vox_meta_field field)
{
    return header->fields[field].at != NULL;
}

static enum vox_code need(const struct vox_meta_header *header, enum vox_meta_field field,
                          struct vox_err *err)
{
    return given(header, field)
               ? VOX_OK
               : vox_fail(err, VOX_E_FORMAT, "the MetaImage header has no field \"%s\"",
                          vox_meta_field_name(field));
}

/* *out stays as it is where the field is absent. */
static enum vox_code get_int(const struct vox_meta_header *header, enum vox_meta_field field,
                             int64_t *out, struct vox_err *err)
{
    struct vox_span span = header->fields[field];
    if (span.at != NULL && !vox_text_to_int(span.at, span.size, out)) {
        return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"%s\" is not a whole number",
                        vox_meta_field_name(field));
    }
    return VOX_OK;
}

/* MetaIO looks at the first letter. */
static enum vox_code get_flag(const struct vox_meta_header *header, enum vox_meta_field field,
                              bool *out, struct vox_err *err)
{
    struct vox_span span = header->fields[field];
    if (span.at == NULL) {
        return VOX_OK;
    }
    if (span.size == 0 || strchr("tTfF10", span.at[0]) == NULL) {
        return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"%s\" is neither True nor False",
                        vox_meta_field_name(field));
    }
    *out = strchr("tT1", span.at[0]) != NULL;
    return VOX_OK;
}

/* Splits a field into exactly `count` words. */
static enum vox_code get_words(const struct vox_meta_header *header, enum vox_meta_field field,
                               size_t count, struct vox_span *words, struct vox_err *err)
{
    struct vox_span rest = header->fields[field];
    struct vox_span word;
    size_t n = 0;
    for (; vox_span_next_word(&rest, &word); n++) {
        if (n < count) {
            words[n] = word;
        }
    }
    if (n != count) {
        return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"%s\" does not have %zu numbers",
                        vox_meta_field_name(field), count);
    }
    return VOX_OK;
}

static enum vox_code refuse_parts(const struct vox_meta_header *header, struct vox_err *err)
{
    int64_t channels = 1;
    bool binary = true;
    if (given(header, VOX_META_OBJECT_TYPE) &&
        !vox_span_is(header->fields[VOX_META_OBJECT_TYPE], "Image")) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a MetaIO file that holds no image (its ObjectType is another)");
    }
    enum vox_code code = get_int(header, VOX_META_CHANNELS, &channels, err);
    if (code == VOX_OK && channels != 1) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the MetaImage has %" PRId64
                        " values per voxel (colours, vectors or time); "
                        "save one of them as a grey 3D image",
                        channels);
    }
    if (code == VOX_OK) {
        code = get_flag(header, VOX_META_BINARY, &binary, err);
    }
    if (code == VOX_OK && !binary) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a MetaImage with its voxels as text; save it as binary");
    }
    return code;
}

/* Three axes, or a fourth of one sample. */
static enum vox_code find_size(const struct vox_meta_header *header, int64_t *axes, int64_t size[3],
                               struct vox_err *err)
{
    struct vox_span words[4];
    int64_t sizes[4] = {0};
    enum vox_code code = need(header, VOX_META_DIMENSIONS, err);
    if (code == VOX_OK) {
        code = get_int(header, VOX_META_DIMENSIONS, axes, err);
    }
    if (code == VOX_OK && *axes != 3 && *axes != 4) {
        return vox_fail(err, *axes < 1 ? VOX_E_FORMAT : VOX_E_UNSUPPORTED,
                        "the MetaImage has %" PRId64 " axes; a volume has three", *axes);
    }
    if (code == VOX_OK) {
        code = need(header, VOX_META_SIZE, err);
    }
    if (code == VOX_OK) {
        code = get_words(header, VOX_META_SIZE, (size_t)*axes, words, err);
    }
    for (int i = 0; code == VOX_OK && i < *axes; i++) {
        if (!vox_text_to_int(words[i].at, words[i].size, &sizes[i])) {
            return vox_fail(err, VOX_E_FORMAT,
                            "MetaImage field \"DimSize\" holds something that is "
                            "not a whole number");
        }
    }
    if (code == VOX_OK && *axes == 4 && sizes[3] != 1) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the MetaImage has a fourth axis (time points or vectors); save one of its "
                        "samples as a 3D file");
    }
    memcpy(size, sizes, 3 * sizeof(size[0]));
    return code;
}

static enum vox_code find_type(const struct vox_meta_header *header,
                               struct vox_voxel_layout *layout, struct vox_err *err)
{
    enum vox_code code = need(header, VOX_META_TYPE, err);
    if (code != VOX_OK) {
        return code;
    }
    struct vox_span name = header->fields[VOX_META_TYPE];
    for (int i = 0; i < TYPES; i++) {
        if (vox_span_is(name, types[i].name)) {
            layout->type = types[i].type;
            layout->stored_size = vox_voxel_size(layout->type);
            return VOX_OK;
        }
    }
    static const char array[] = "_ARRAY";
    const size_t tail = sizeof(array) - 1;
    if (name.size > tail && memcmp(name.at + name.size - tail, array, tail) == 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the MetaImage has several values per voxel (colours or vectors); save one "
                        "of them as a grey 3D image");
    }
    return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"ElementType\" names no type of numbers");
}

/* Where both fields are given, BinaryDataByteOrderMSB counts, as in MetaIO. */
static enum vox_code find_order(const struct vox_meta_header *header,
                                struct vox_voxel_layout *layout, struct vox_err *err)
{
    bool big = !vox_is_little_endian();
    enum vox_code code = get_flag(header, VOX_META_ELEMENT_MSB, &big, err);
    if (code == VOX_OK) {
        code = get_flag(header, VOX_META_BINARY_MSB, &big, err);
    }
    layout->swapped = big == vox_is_little_endian();
    return code;
}

/* The first of the fields that is given; VOX_META_FIELDS if none is. */
static enum vox_meta_field first_of(const struct vox_meta_header *header,
                                    const enum vox_meta_field fields[3])
{
    for (int i = 0; i < 3; i++) {
        if (fields[i] < VOX_META_FIELDS && given(header, fields[i])) {
            return fields[i];
        }
    }
    return VOX_META_FIELDS;
}

/* Joins three words with blanks; numbers that are too long to be read are too long to be kept. */
static enum vox_code keep_words(const struct vox_span words[3], enum vox_meta_field field,
                                char *out, size_t room, struct vox_err *err)
{
    size_t size = 0;
    for (int i = 0; i < 3; i++) {
        if (words[i].size + 2 > room - size) {
            return vox_fail(err, VOX_E_FORMAT,
                            "MetaImage field \"%s\" has an entry that is too long",
                            vox_meta_field_name(field));
        }
        if (i > 0) {
            out[size++] = ' ';
        }
        memcpy(out + size, words[i].at, words[i].size);
        size += words[i].size;
        out[size] = '\0';
    }
    return VOX_OK;
}

static enum vox_code find_spacing(const struct vox_meta_header *header, size_t axes,
                                  struct vox_metaimage_geometry *meta, struct vox_err *err)
{
    struct vox_span words[4];
    enum vox_meta_field field =
        first_of(header, (const enum vox_meta_field[3]){VOX_META_SPACING, VOX_META_ELEMENT_SIZE,
                                                        VOX_META_FIELDS});
    if (field == VOX_META_FIELDS) {
        return VOX_OK;
    }
    enum vox_code code = get_words(header, field, axes, words, err);
    for (int i = 0; i < 3 && code == VOX_OK; i++) {
        if (words[i].size >= sizeof(meta->spacing[i])) {
            return vox_fail(err, VOX_E_FORMAT,
                            "MetaImage field \"%s\" has an entry that is too long",
                            vox_meta_field_name(field));
        }
        memcpy(meta->spacing[i], words[i].at, words[i].size);
        meta->spacing[i][words[i].size] = '\0';
    }
    return code;
}

/* The precedence among fields of one meaning is MetaIO's. */
static enum vox_code find_geometry(const struct vox_meta_header *header, size_t axes,
                                   struct vox_geometry *geometry, struct vox_err *err)
{
    struct vox_metaimage_geometry *meta = &geometry->metaimage;
    struct vox_span words[16];
    enum vox_code code = find_spacing(header, axes, meta, err);
    enum vox_meta_field origin =
        first_of(header, (const enum vox_meta_field[3]){VOX_META_ORIGIN, VOX_META_OFFSET,
                                                        VOX_META_POSITION});
    if (code == VOX_OK && origin != VOX_META_FIELDS) {
        code = get_words(header, origin, axes, words, err);
        if (code == VOX_OK) {
            code = keep_words(words, origin, meta->origin, sizeof(meta->origin), err);
        }
    }
    enum vox_meta_field matrix =
        first_of(header, (const enum vox_meta_field[3]){VOX_META_MATRIX, VOX_META_ROTATION,
                                                        VOX_META_ORIENTATION});
    if (code == VOX_OK && matrix != VOX_META_FIELDS) {
        code = get_words(header, matrix, axes * axes, words, err);
        for (size_t i = 0; i < 3 && code == VOX_OK; i++) {
            code =
                keep_words(words + i * axes, matrix, meta->matrix[i], sizeof(meta->matrix[i]), err);
        }
    }
    geometry->source = VOX_FORMAT_METAIMAGE;
    return code == VOX_OK ? vox_geometry_from_metaimage(geometry, err) : code;
}

/* Only a name in the header's own folder is followed, and none that asks for a series of files. */
static enum vox_code check_name(struct vox_span name, struct vox_err *err)
{
    if (name.size == 0) {
        return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"ElementDataFile\" is empty");
    }
    if ((name.size >= 4 && vox_span_is((struct vox_span){name.at, 4}, "LIST")) ||
        memchr(name.at, '%', name.size) != NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a MetaImage whose slices are in a file each; save it as one .mha file");
    }
    if (name.size > 255 || memchr(name.at, '/', name.size) != NULL ||
        memchr(name.at, '\\', name.size) != NULL || name.at[0] == '.') {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a MetaImage whose voxels are not in a file of its own folder; save it as "
                        "one .mha file");
    }
    return VOX_OK;
}

static enum vox_code map_beside(const char *path, struct vox_span name, struct vox_mapping *out,
                                struct vox_err *err)
{
    if (path == NULL) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a MetaImage header whose voxels are in another file; save it as one .mha "
                        "file");
    }
    char *beside;
    enum vox_code code = vox_meta_beside(path, name, &beside, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_file_map(beside, out, err);
    vox_free(beside);
    return code == VOX_OK ? VOX_OK
                          : vox_err_prefix(err, code, "the MetaImage header's file of voxels");
}

/* HeaderSize counts from the file's first byte, whichever file that is; -1 means that the voxels
 * are its last bytes. */
static enum vox_code skip_to_voxels(const struct vox_meta_header *header, size_t wanted,
                                    const uint8_t *file, size_t file_size,
                                    struct vox_voxel_source *source, struct vox_err *err)
{
    int64_t skip = 0;
    int64_t packed = -1;
    enum vox_code code = get_int(header, VOX_META_HEADER_SIZE, &skip, err);
    if (code == VOX_OK) {
        code = get_int(header, VOX_META_COMPRESSED_SIZE, &packed, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    if (skip < (source->gzipped ? 0 : -1)) {
        return vox_fail(err, VOX_E_FORMAT, "MetaImage field \"HeaderSize\" is negative");
    }
    if (skip < 0) {
        source->data = file;
        source->size = file_size;
        source->skip = file_size > wanted ? file_size - wanted : 0;
    } else if (skip > 0) {
        size_t start = (uint64_t)skip < file_size ? (size_t)skip : file_size;
        source->data = file + start;
        source->size = file_size - start;
    }
    /* Some programs write 0 for "not known". */
    if (source->gzipped && packed > 0 && (uint64_t)packed < source->size) {
        source->size = (size_t)packed;
    }
    return VOX_OK;
}

static enum vox_code find_voxels(const struct vox_meta_header *header,
                                 const struct vox_content *content,
                                 struct vox_stored_volume *stored, struct vox_err *err)
{
    struct vox_span name = header->fields[VOX_META_DATA_FILE];
    struct vox_voxel_source *source = &stored->source;
    enum vox_code code = get_flag(header, VOX_META_COMPRESSED, &source->gzipped, err);
    if (code != VOX_OK) {
        return code;
    }
    const uint8_t *file = content->data;
    size_t file_size = content->size;
    source->data = content->data + header->end;
    source->size = content->size - header->end;
    if (!vox_span_is(name, "LOCAL")) {
        code = check_name(name, err);
        if (code == VOX_OK) {
            code = map_beside(content->path, name, &stored->beside, err);
        }
        if (code != VOX_OK) {
            return code;
        }
        source->data = file = stored->beside.data;
        source->size = file_size = stored->beside.size;
    }
    size_t wanted = vox_layout_bytes(&stored->layout);
    code = skip_to_voxels(header, wanted, file, file_size, source, err);
    if (code != VOX_OK) {
        vox_stored_close(stored);
    }
    return code;
}

static enum vox_code open_metaimage(const struct vox_content *content,
                                    const struct vox_volume_limits *limits,
                                    struct vox_stored_volume *out, struct vox_err *err)
{
    struct vox_meta_header header;
    struct vox_stored_volume stored = {.layout.layers = 1, .slope = 1};
    int64_t axes = 0;
    enum vox_code code = vox_meta_header_read(content->data, content->size, &header, err);
    if (code == VOX_OK) {
        code = refuse_parts(&header, err);
    }
    if (code == VOX_OK) {
        code = find_size(&header, &axes, stored.layout.size, err);
    }
    if (code == VOX_OK) {
        code = find_type(&header, &stored.layout, err);
    }
    if (code == VOX_OK) {
        code = find_order(&header, &stored.layout, err);
    }
    if (code == VOX_OK) {
        code = find_geometry(&header, (size_t)axes, &stored.geometry, err);
    }
    if (code == VOX_OK) {
        code = vox_layout_check(&stored.layout, limits, err);
    }
    if (code == VOX_OK) {
        code = find_voxels(&header, content, &stored, err);
    }
    if (code == VOX_OK) {
        *out = stored;
    }
    return code;
}

const struct vox_format vox_metaimage_format = {
    .name = "MetaImage",
    .probe = vox_is_metaimage,
    .open = open_metaimage,
    .endings = vox_metaimage_endings,
    .encode = vox_metaimage_encode,
};
