#include <inttypes.h>
#include <string.h>

#include "volume/geometry.h"
#include "volume/metaimage.h"

const struct vox_format_ending vox_metaimage_endings[] = {
    {.text = ".mha", .zlib = true},
    {.text = ".mhd", .zlib = true, .beside = true},
    {.text = NULL},
};

/* A name that MetaIO takes for itself: no line's end, no pattern of a series, no blank that is
 * lost. */
static bool is_plain(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == '%' || name[i] == '\\') {
            return false;
        }
    }
    return size <= 255 && name[0] != ' ' && name[0] != '.' && strncmp(name, "LIST", 4) != 0;
}

static void add_flag(struct vox_header_text *text, const char *name, bool value)
{
    vox_header_text_add(text, "%s = %s\n", name, value ? "True" : "False");
}

static void add_space(struct vox_header_text *text, const struct vox_metaimage_geometry *meta)
{
    if (meta->matrix[0][0] != '\0') {
        vox_header_text_add(text, "TransformMatrix = %s %s %s\n", meta->matrix[0], meta->matrix[1],
                            meta->matrix[2]);
    }
    if (meta->origin[0] != '\0') {
        vox_header_text_add(text, "Offset = %s\n", meta->origin);
    }
    if (meta->spacing[0][0] != '\0') {
        vox_header_text_add(text, "ElementSpacing = %s %s %s\n", meta->spacing[0], meta->spacing[1],
                            meta->spacing[2]);
    }
}

enum vox_code vox_metaimage_encode(const struct vox_output *output, struct vox_head *head,
                                   struct vox_err *err)
{
    struct vox_header_text *text = &head->text;
    struct vox_metaimage_geometry meta = output->like->metaimage;
    if (output->beside != NULL && !is_plain(output->beside)) {
        return vox_fail(err, VOX_E_ARG,
                        "the name of a .mhd file must not hold %% or control characters, nor begin "
                        "with a dot, a blank or LIST");
    }
    if (output->like->source != VOX_FORMAT_METAIMAGE) {
        double affine[3][4];
        memcpy(affine, output->like->affine, sizeof(affine));
        vox_metaimage_from_affine(affine, &meta);
    }
    vox_header_text_add(text, "ObjectType = Image\nNDims = 3\n");
    add_flag(text, "BinaryData", true);
    add_flag(text, "BinaryDataByteOrderMSB", !vox_is_little_endian());
    add_flag(text, "CompressedData", output->compressed);
    if (output->compressed) {
        /* Readers of MetaIO need it, and it is not known yet. */
        vox_header_text_add(text, "CompressedDataSize = ");
        head->packed_size_at = text->size;
        vox_header_text_add(text, "%*s\n", VOX_PACKED_SIZE, "");
    }
    add_space(text, &meta);
    vox_header_text_add(text, "DimSize = %" PRId64 " %" PRId64 " %" PRId64 "\n", output->size[0],
                        output->size[1], output->size[2]);
    vox_header_text_add(text, "ElementType = %s\n", vox_metaimage_type_name(output->type));
    vox_header_text_add(text, "ElementDataFile = %s\n",
                        output->beside == NULL ? "LOCAL" : output->beside);
    return vox_header_text_check(text, err);
}
