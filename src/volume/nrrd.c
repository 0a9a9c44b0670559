#include "volume/nrrd.h"

#include <inttypes.h>
#include <string.h>

#include "util/number_text.h"
#include "volume/geometry.h"
#include "volume/nrrd_header.h"

/* NRRD_DIM_MAX of the reference implementation. */
enum { MOST_AXES = 16 };

struct axes {
    int64_t count;
    int64_t dropped; /* the one of four that is none of space, or -1 */
    int64_t layers;  /* its samples; 1 where there are three */
};

bool vox_is_nrrd(const uint8_t *data, size_t size)
{
    return size >= 6 && memcmp(data, "NRRD00", 6) == 0;
}

static enum vox_code missing(enum vox_nrrd_field field, struct vox_err *err)
{
    return vox_fail(err, VOX_E_FORMAT, "the NRRD header has no field \"%s\"",
                    vox_nrrd_field_name(field));
}

static enum vox_code get_int(const struct vox_nrrd_header *header, enum vox_nrrd_field field,
                             int64_t *out, struct vox_err *err)
{
    struct vox_span span = header->fields[field];
    if (!vox_text_to_int(span.at, span.size, out)) {
        return vox_fail(err, VOX_E_FORMAT, "NRRD field \"%s\" is not a whole number",
                        vox_nrrd_field_name(field));
    }
    return VOX_OK;
}

static enum vox_code find_type(const struct vox_nrrd_header *header, enum vox_voxel_type *type,
                               struct vox_err *err)
{
    static const struct {
        enum vox_voxel_type type;
        const char *names[7];
    } spellings[] = {
        {VOX_VOXEL_I8, {"signed char", "int8", "int8_t"}},
        {VOX_VOXEL_U8, {"uchar", "unsigned char", "uint8", "uint8_t"}},
        {VOX_VOXEL_I16,
         {"short", "short int", "signed short", "signed short int", "int16", "int16_t"}},
        {VOX_VOXEL_U16, {"ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"}},
        {VOX_VOXEL_I32, {"int", "signed int", "int32", "int32_t"}},
        {VOX_VOXEL_U32, {"uint", "unsigned int", "uint32", "uint32_t"}},
        {VOX_VOXEL_I64,
         {"longlong", "long long", "long long int", "signed long long", "signed long long int",
          "int64", "int64_t"}},
        {VOX_VOXEL_U64,
         {"ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"}},
        {VOX_VOXEL_F32, {"float"}},
        {VOX_VOXEL_F64, {"double"}},
    };
    struct vox_span given = header->fields[VOX_NRRD_TYPE];
    if (given.at == NULL) {
        return missing(VOX_NRRD_TYPE, err);
    }
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        for (size_t n = 0; n < 7 && spellings[i].names[n] != NULL; n++) {
            if (vox_span_is(given, spellings[i].names[n])) {
                *type = spellings[i].type;
                return VOX_OK;
            }
        }
    }
    if (vox_span_is(given, "block")) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the voxels are opaque blocks (NRRD type \"block\")");
    }
    return vox_fail(err, VOX_E_FORMAT, "NRRD field \"type\" names no type of the standard");
}

static enum vox_code find_encoding(const struct vox_nrrd_header *header, bool *gzipped,
                                   struct vox_err *err)
{
    static const struct {
        const char *name, *refused_as;
    } encodings[] = {
        {"raw", NULL},    {"gzip", NULL},     {"gz", NULL},      {"bzip2", "bzip2"},
        {"bz2", "bzip2"}, {"ascii", "ascii"}, {"text", "ascii"}, {"txt", "ascii"},
        {"hex", "hex"},   {"zrl", "zrl"},
    };
    struct vox_span given = header->fields[VOX_NRRD_ENCODING];
    if (given.at == NULL) {
        return missing(VOX_NRRD_ENCODING, err);
    }
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        if (vox_span_is(given, encodings[i].name)) {
            if (encodings[i].refused_as != NULL) {
                return vox_fail(err, VOX_E_UNSUPPORTED,
                                "NRRD encoding %s is not read; save the file as gzip or raw",
                                encodings[i].refused_as);
            }
            *gzipped = i > 0;
            return VOX_OK;
        }
    }
    return vox_fail(err, VOX_E_FORMAT, "NRRD field \"encoding\" names no encoding of the standard");
}

static enum vox_code find_endian(const struct vox_nrrd_header *header,
                                 struct vox_voxel_layout *layout, struct vox_err *err)
{
    struct vox_span given = header->fields[VOX_NRRD_ENDIAN];
    layout->swapped = false;
    if (layout->stored_size == 1) {
        return VOX_OK;
    }
    if (given.at == NULL) {
        return missing(VOX_NRRD_ENDIAN, err);
    }
    bool little = vox_span_is(given, "little");
    if (!little && !vox_span_is(given, "big")) {
        return vox_fail(err, VOX_E_FORMAT, "NRRD field \"endian\" is neither little nor big");
    }
    layout->swapped = little != vox_is_little_endian();
    return VOX_OK;
}

/* A list that comes first is what Slicer writes for the layers of a segmentation. */
static bool is_list(const struct vox_nrrd_header *header)
{
    struct vox_span rest = header->fields[VOX_NRRD_KINDS];
    struct vox_span word;
    return rest.at != NULL && vox_nrrd_next_word(&rest, &word) && vox_span_is(word, "list");
}

/* A volume has three axes; a fourth may be there if it has one sample, or if layers are welcome. */
static enum vox_code drop_fourth(const int64_t sizes[4], bool list, struct axes *axes,
                                 struct vox_err *err)
{
    if (sizes[0] == 1 || (list && sizes[0] > 1)) {
        axes->dropped = 0;
        axes->layers = sizes[0];
    } else if (sizes[3] == 1) {
        axes->dropped = 3;
    } else {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the NRRD image has a fourth axis (colours, vectors, time or segment "
                        "layers); save one of its samples as a 3D file");
    }
    if (axes->layers > VOX_LAYERS_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "%" PRId64 " layers of segments, the limit is %d",
                        axes->layers, VOX_LAYERS_MAX);
    }
    return VOX_OK;
}

static enum vox_code find_sizes(const struct vox_nrrd_header *header, bool layered,
                                struct axes *axes, int64_t size[3], struct vox_err *err)
{
    if (header->fields[VOX_NRRD_DIMENSION].at == NULL) {
        return missing(VOX_NRRD_DIMENSION, err);
    }
    if (header->fields[VOX_NRRD_SIZES].at == NULL) {
        return missing(VOX_NRRD_SIZES, err);
    }
    enum vox_code code = get_int(header, VOX_NRRD_DIMENSION, &axes->count, err);
    if (code != VOX_OK) {
        return code;
    }
    if (axes->count < 1 || axes->count > MOST_AXES) {
        return vox_fail(err, VOX_E_FORMAT, "NRRD field \"dimension\" is not between 1 and 16");
    }
    if (axes->count != 3 && axes->count != 4) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the NRRD image has %" PRId64 " axes; a volume has three", axes->count);
    }
    int64_t sizes[4] = {0};
    struct vox_span rest = header->fields[VOX_NRRD_SIZES];
    struct vox_span word;
    int64_t count = 0;
    for (; vox_nrrd_next_word(&rest, &word); count++) {
        if (count == axes->count || !vox_text_to_int(word.at, word.size, &sizes[count])) {
            count = -1;
            break;
        }
    }
    if (count != axes->count) {
        return vox_fail(err, VOX_E_FORMAT, "NRRD field \"sizes\" is not one whole number per axis");
    }
    axes->dropped = -1;
    axes->layers = 1;
    code = axes->count == 4 ? drop_fourth(sizes, layered && is_list(header), axes, err) : VOX_OK;
    for (int64_t from = 0, to = 0; from < axes->count && code == VOX_OK; from++) {
        if (from != axes->dropped) {
            size[to++] = sizes[from];
        }
    }
    return code;
}

/* Splits a field into a word per axis and leaves out that of the dropped axis. */
static enum vox_code words_of_axes(const struct vox_nrrd_header *header, enum vox_nrrd_field field,
                                   const struct axes *axes, struct vox_span words[3],
                                   struct vox_err *err)
{
    struct vox_span rest = header->fields[field];
    struct vox_span word;
    int64_t count = 0;
    int kept = 0;
    for (; vox_nrrd_next_word(&rest, &word); count++) {
        if (count != axes->dropped && kept < 3) {
            words[kept++] = word;
        }
    }
    if (count != axes->count) {
        return vox_fail(err, VOX_E_FORMAT, "NRRD field \"%s\" does not have one entry per axis",
                        vox_nrrd_field_name(field));
    }
    return VOX_OK;
}

static enum vox_code check_kinds(const struct vox_nrrd_header *header, const struct axes *axes,
                                 struct vox_err *err)
{
    struct vox_span kinds[3] = {{NULL, 0}};
    if (header->fields[VOX_NRRD_KINDS].at == NULL) {
        return VOX_OK;
    }
    enum vox_code code = words_of_axes(header, VOX_NRRD_KINDS, axes, kinds, err);
    for (int i = 0; i < 3 && code == VOX_OK; i++) {
        if (!vox_span_is(kinds[i], "domain") && !vox_span_is(kinds[i], "space") &&
            !vox_span_is(kinds[i], "none") && !vox_span_is(kinds[i], "???")) {
            return vox_fail(err, VOX_E_UNSUPPORTED,
                            "axis %d of the NRRD image is not one of space (colours, vectors or "
                            "time); save a grey 3D "
                            "image",
                            i + 1);
        }
    }
    return code;
}

static enum vox_code keep_text(struct vox_span span, enum vox_nrrd_field field, char *out,
                               size_t size, struct vox_err *err)
{
    if (span.size >= size) {
        return vox_fail(err, VOX_E_FORMAT,
                        "NRRD field \"%s\" has an entry of more than %zu characters",
                        vox_nrrd_field_name(field), size - 1);
    }
    memcpy(out, span.at, span.size);
    out[span.size] = '\0';
    return VOX_OK;
}

static enum vox_code find_directions(const struct vox_nrrd_header *header, const struct axes *axes,
                                     struct vox_nrrd_geometry *nrrd, struct vox_err *err)
{
    struct vox_span words[3];
    enum vox_code code = words_of_axes(header, VOX_NRRD_DIRECTIONS, axes, words, err);
    for (int i = 0; i < 3 && code == VOX_OK; i++) {
        if (vox_span_is(words[i], "none")) {
            return vox_fail(err, VOX_E_UNSUPPORTED,
                            "axis %d of the NRRD image has no direction in space (colours, vectors "
                            "or time); save a "
                            "grey 3D image",
                            i + 1);
        }
        code = keep_text(words[i], VOX_NRRD_DIRECTIONS, nrrd->directions[i],
                         sizeof(nrrd->directions[i]), err);
    }
    return code;
}

static enum vox_code find_spacings(const struct vox_nrrd_header *header, const struct axes *axes,
                                   struct vox_nrrd_geometry *nrrd, struct vox_err *err)
{
    struct vox_span words[3];
    enum vox_code code = words_of_axes(header, VOX_NRRD_SPACINGS, axes, words, err);
    for (int i = 0; i < 3 && code == VOX_OK; i++) {
        code = keep_text(words[i], VOX_NRRD_SPACINGS, nrrd->spacings[i], sizeof(nrrd->spacings[i]),
                         err);
    }
    return code;
}

static enum vox_code find_geometry(const struct vox_nrrd_header *header, const struct axes *axes,
                                   struct vox_geometry *geometry, struct vox_err *err)
{
    struct vox_nrrd_geometry *nrrd = &geometry->nrrd;
    const struct vox_span *fields = header->fields;
    enum vox_code code = VOX_OK;
    int64_t space_dimension = 3;
    if (fields[VOX_NRRD_SPACE_DIMENSION].at != NULL) {
        code = get_int(header, VOX_NRRD_SPACE_DIMENSION, &space_dimension, err);
        if (code == VOX_OK && space_dimension != 3) {
            code = vox_fail(err, VOX_E_UNSUPPORTED,
                            "the NRRD image lies in a space that has not three dimensions");
        }
    }
    if (code == VOX_OK && fields[VOX_NRRD_SPACE].at != NULL) {
        code = keep_text(fields[VOX_NRRD_SPACE], VOX_NRRD_SPACE, nrrd->space, sizeof(nrrd->space),
                         err);
    }
    if (code == VOX_OK && fields[VOX_NRRD_ORIGIN].at != NULL) {
        code = keep_text(fields[VOX_NRRD_ORIGIN], VOX_NRRD_ORIGIN, nrrd->origin,
                         sizeof(nrrd->origin), err);
    }
    if (code == VOX_OK && fields[VOX_NRRD_DIRECTIONS].at != NULL) {
        code = find_directions(header, axes, nrrd, err);
    } else if (code == VOX_OK && fields[VOX_NRRD_SPACINGS].at != NULL) {
        code = find_spacings(header, axes, nrrd, err);
    }
    geometry->source = VOX_FORMAT_NRRD;
    return code == VOX_OK ? vox_geometry_from_nrrd(geometry, err) : code;
}

/* "line skip" counts lines of the file; "byte skip" counts bytes after them, of the inflated stream
 * where there is one, and -1 means that the voxels are the file's last bytes. */
static enum vox_code skip_to_voxels(const struct vox_nrrd_header *header, size_t wanted,
                                    struct vox_voxel_source *source, struct vox_err *err)
{
    int64_t lines = 0;
    int64_t bytes = 0;
    enum vox_code code = VOX_OK;
    if (header->fields[VOX_NRRD_LINE_SKIP].at != NULL) {
        code = get_int(header, VOX_NRRD_LINE_SKIP, &lines, err);
    }
    if (code == VOX_OK && header->fields[VOX_NRRD_BYTE_SKIP].at != NULL) {
        code = get_int(header, VOX_NRRD_BYTE_SKIP, &bytes, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    if (lines < 0 || bytes < (source->gzipped ? 0 : -1)) {
        return vox_fail(err, VOX_E_FORMAT, "NRRD field \"%s\" is negative",
                        vox_nrrd_field_name(lines < 0 ? VOX_NRRD_LINE_SKIP : VOX_NRRD_BYTE_SKIP));
    }
    for (; lines > 0; lines--) {
        const uint8_t *newline =
            source->size == 0 ? NULL : memchr(source->data, '\n', source->size);
        if (newline == NULL) {
            return vox_fail(err, VOX_E_FORMAT,
                            "the file has fewer lines than NRRD field \"line skip\" passes over");
        }
        source->size -= (size_t)(newline - source->data) + 1;
        source->data = newline + 1;
    }
    source->skip = (size_t)bytes;
    if (bytes < 0) {
        source->skip = source->size > wanted ? source->size - wanted : 0;
    }
    return VOX_OK;
}

/* Everything but the place of the voxels. */
static enum vox_code understand(const struct vox_nrrd_header *header, bool layered,
                                struct vox_voxel_layout *layout, bool *gzipped,
                                struct vox_geometry *geometry, struct vox_err *err)
{
    struct axes axes;
    if (header->fields[VOX_NRRD_DATA_FILE].at != NULL) {
        return vox_fail(
            err, VOX_E_UNSUPPORTED,
            "an NRRD header whose voxels are in another file; save it as a single .nrrd file");
    }
    enum vox_code code = find_sizes(header, layered, &axes, layout->size, err);
    if (code == VOX_OK) {
        layout->layers = axes.layers;
        code = find_type(header, &layout->type, err);
    }
    if (code == VOX_OK) {
        layout->stored_size = vox_voxel_size(layout->type);
        code = find_encoding(header, gzipped, err);
    }
    if (code == VOX_OK) {
        code = find_endian(header, layout, err);
    }
    if (code == VOX_OK) {
        code = check_kinds(header, &axes, err);
    }
    return code == VOX_OK ? find_geometry(header, &axes, geometry, err) : code;
}

static enum vox_code open_nrrd(const struct vox_content *content,
                               const struct vox_volume_limits *limits,
                               struct vox_stored_volume *out, struct vox_err *err)
{
    struct vox_nrrd_header header;
    struct vox_stored_volume stored = {.slope = 1};
    bool gzipped = false;
    enum vox_code code = vox_nrrd_header_read(content->data, content->size, &header, err);
    if (code == VOX_OK) {
        code =
            understand(&header, content->layered, &stored.layout, &gzipped, &stored.geometry, err);
    }
    if (code == VOX_OK) {
        code = vox_layout_check(&stored.layout, limits, err);
    }
    if (code != VOX_OK) {
        return code;
    }
    stored.source = (struct vox_voxel_source){content->data + header.end,
                                              content->size - header.end, gzipped, 0};
    code = skip_to_voxels(&header, vox_layout_bytes(&stored.layout), &stored.source, err);
    if (code == VOX_OK) {
        *out = stored;
    }
    return code;
}

const struct vox_format vox_nrrd_format = {
    .name = "NRRD",
    .probe = vox_is_nrrd,
    .open = open_nrrd,
    .segments = vox_nrrd_segments,
    .endings = vox_nrrd_endings,
    .encode = vox_nrrd_encode,
};
