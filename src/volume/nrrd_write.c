#include <inttypes.h>
#include <string.h>

#include "volume/geometry.h"
#include "volume/nrrd.h"

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

static void add_space(struct vox_header_text *text, const struct vox_nrrd_geometry *nrrd)
{
    if (nrrd->space[0] != '\0') {
        vox_header_text_add(text, "space: %s\n", nrrd->space);
    } else if (nrrd->directions[0][0] != '\0' || nrrd->origin[0] != '\0') {
        vox_header_text_add(text, "space dimension: 3\n");
    }
}

static void add_axes(struct vox_header_text *text, const struct vox_nrrd_geometry *nrrd)
{
    if (nrrd->directions[0][0] != '\0') {
        vox_header_text_add(text, "space directions: %s %s %s\n", nrrd->directions[0],
                            nrrd->directions[1], nrrd->directions[2]);
    } else if (nrrd->spacings[0][0] != '\0') {
        vox_header_text_add(text, "spacings: %s %s %s\n", nrrd->spacings[0], nrrd->spacings[1],
                            nrrd->spacings[2]);
    }
}

const struct vox_format_ending vox_nrrd_endings[] = {
    {.text = ".nrrd", .compressed = true},
    {.text = NULL},
};

enum vox_code vox_nrrd_encode(const struct vox_output *output, struct vox_head *head,
                              struct vox_err *err)
{
    struct vox_header_text *text = &head->text;
    struct vox_nrrd_geometry nrrd = output->like->nrrd;
    if (output->like->source != VOX_FORMAT_NRRD) {
        double affine[3][4];
        memcpy(affine, output->like->affine, sizeof(affine));
        vox_nrrd_from_affine(affine, &nrrd);
    }
    /* Version 4 is the first that knows "space". */
    vox_header_text_add(text, "NRRD0004\ntype: %s\ndimension: 3\n", type_name(output->type));
    add_space(text, &nrrd);
    vox_header_text_add(text, "sizes: %" PRId64 " %" PRId64 " %" PRId64 "\n", output->size[0],
                        output->size[1], output->size[2]);
    add_axes(text, &nrrd);
    vox_header_text_add(text, "kinds: domain domain domain\n");
    if (vox_voxel_size(output->type) > 1) {
        vox_header_text_add(text, "endian: %s\n", vox_is_little_endian() ? "little" : "big");
    }
    vox_header_text_add(text, "encoding: %s\n", output->compressed ? "gzip" : "raw");
    if (nrrd.origin[0] != '\0') {
        vox_header_text_add(text, "space origin: %s\n", nrrd.origin);
    }
    vox_header_text_add(text, "\n");
    return vox_header_text_check(text, err);
}
