#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/file.h"
#include "volume/geometry.h"
#include "volume/gzip.h"
#include "volume/nrrd.h"
#include "volume/voxel_load.h"

/* Every text that goes in has a bounded length; together they stay well under this. */
enum { HEADER_ROOM = 2048 };

struct text {
    char at[HEADER_ROOM];
    size_t size;
};

static void add(struct text *text, const char *format, ...) VOX_PRINTF(2, 3);

static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->at + text->size, sizeof(text->at) - text->size, format, args);
    va_end(args);
    VOX_ASSERT(n >= 0 && (size_t)n < sizeof(text->at) - text->size);
    text->size += (size_t)n;
}

static const char *type_name(enum vox_voxel_type type)
{
    switch (type) {
    case VOX_VOXEL_F32:
        return "float";
    case VOX_VOXEL_F64:
        return "double";
    default:
        return vox_voxel_name(type);
    }
}

static void add_space(struct text *text, const struct vox_nrrd_geometry *nrrd)
{
    if (nrrd->space[0] != '\0') {
        add(text, "space: %s\n", nrrd->space);
    } else if (nrrd->directions[0][0] != '\0' || nrrd->origin[0] != '\0') {
        add(text, "space dimension: 3\n");
    }
}

static void add_axes(struct text *text, const struct vox_nrrd_geometry *nrrd)
{
    if (nrrd->directions[0][0] != '\0') {
        add(text, "space directions: %s %s %s\n", nrrd->directions[0], nrrd->directions[1],
            nrrd->directions[2]);
    } else if (nrrd->spacings[0][0] != '\0') {
        add(text, "spacings: %s %s %s\n", nrrd->spacings[0], nrrd->spacings[1], nrrd->spacings[2]);
    }
}

static void make_header(struct text *text, const struct vox_nrrd_geometry *nrrd,
                        const int64_t size[3], enum vox_voxel_type type)
{
    text->size = 0;
    /* Version 4 is the first that knows "space". */
    add(text, "NRRD0004\ntype: %s\ndimension: 3\n", type_name(type));
    add_space(text, nrrd);
    add(text, "sizes: %" PRId64 " %" PRId64 " %" PRId64 "\n", size[0], size[1], size[2]);
    add_axes(text, nrrd);
    add(text, "kinds: domain domain domain\n");
    if (vox_voxel_size(type) > 1) {
        add(text, "endian: %s\n", vox_is_little_endian() ? "little" : "big");
    }
    add(text, "encoding: gzip\n");
    if (nrrd->origin[0] != '\0') {
        add(text, "space origin: %s\n", nrrd->origin);
    }
    add(text, "\n");
}

const struct vox_format_ending vox_nrrd_endings[] = {{".nrrd"}, {NULL}};

enum vox_code vox_nrrd_prepare(const char *path, const struct vox_format_ending *ending,
                               const struct vox_geometry *like, const int64_t size[3],
                               enum vox_voxel_type type, const void *voxels,
                               const atomic_int *cancel, struct vox_file_writer **out,
                               struct vox_err *err)
{
    (void)ending;
    struct vox_nrrd_geometry nrrd = like->nrrd;
    if (like->source != VOX_FORMAT_NRRD) {
        double affine[3][4];
        memcpy(affine, like->affine, sizeof(affine));
        vox_nrrd_from_affine(affine, &nrrd);
    }
    struct text text;
    make_header(&text, &nrrd, size, type);
    size_t bytes = (size_t)size[0] * (size_t)size[1] * (size_t)size[2] * vox_voxel_size(type);
    struct vox_file_writer *file;
    enum vox_code code = vox_file_create(path, &file, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_file_write(file, text.at, text.size, err);
    if (code == VOX_OK) {
        code = vox_gzip_write(file, NULL, 0, voxels, bytes, cancel, err);
    }
    if (code != VOX_OK) {
        vox_file_abandon(file);
        return code;
    }
    *out = file;
    return VOX_OK;
}
