#include <limits.h>
#include <string.h>

#include "volume/geometry.h"
#include "volume/nifti.h"

/* The native byte order is written: readers tell it from sizeof_hdr. */
static void put_i16(uint8_t *head, size_t at, int64_t value)
{
    int16_t v = (int16_t)value;
    memcpy(head + at, &v, sizeof(v));
}

static void put_i32(uint8_t *head, size_t at, int32_t value)
{
    memcpy(head + at, &value, sizeof(value));
}

static void put_i64(uint8_t *head, size_t at, int64_t value)
{
    memcpy(head + at, &value, sizeof(value));
}

static void put_f32(uint8_t *head, size_t at, double value)
{
    float v = (float)value;
    memcpy(head + at, &v, sizeof(v));
}

static void put_f64(uint8_t *head, size_t at, double value)
{
    memcpy(head + at, &value, sizeof(value));
}

static int32_t datatype_of(enum vox_voxel_type type)
{
    static const enum vox_nifti_datatype codes[] = {
        [VOX_VOXEL_U8] = VOX_NIFTI_UINT8,    [VOX_VOXEL_I8] = VOX_NIFTI_INT8,
        [VOX_VOXEL_U16] = VOX_NIFTI_UINT16,  [VOX_VOXEL_I16] = VOX_NIFTI_INT16,
        [VOX_VOXEL_U32] = VOX_NIFTI_UINT32,  [VOX_VOXEL_I32] = VOX_NIFTI_INT32,
        [VOX_VOXEL_U64] = VOX_NIFTI_UINT64,  [VOX_VOXEL_I64] = VOX_NIFTI_INT64,
        [VOX_VOXEL_F32] = VOX_NIFTI_FLOAT32, [VOX_VOXEL_F64] = VOX_NIFTI_FLOAT64,
    };
    return (int32_t)codes[type];
}

/* Offsets are those of struct nifti_1_header. */
static void encode_first(uint8_t *head, const struct vox_nifti_geometry *g, const int64_t size[3],
                         enum vox_voxel_type type)
{
    put_i32(head, 0, VOX_NIFTI1_HEADER);
    head[38] = 'r'; /* ANALYZE's "regular", which some readers look for */
    put_i16(head, 40, 3);
    for (size_t i = 1; i < 8; i++) {
        put_i16(head, 40 + 2 * i, i <= 3 ? size[i - 1] : 1);
    }
    put_i16(head, 70, datatype_of(type));
    put_i16(head, 72, (int64_t)(8 * vox_voxel_size(type)));
    for (size_t i = 0; i < 8; i++) {
        put_f32(head, 76 + 4 * i, g->pixdim[i]);
    }
    put_f32(head, 108, VOX_NIFTI1_HEADER + 4);
    put_f32(head, 112, 1);
    head[123] = (uint8_t)g->xyzt_units;
    put_i16(head, 252, g->qform_code);
    put_i16(head, 254, g->sform_code);
    put_f32(head, 256, g->quatern_b);
    put_f32(head, 260, g->quatern_c);
    put_f32(head, 264, g->quatern_d);
    put_f32(head, 268, g->qoffset_x);
    put_f32(head, 272, g->qoffset_y);
    put_f32(head, 276, g->qoffset_z);
    for (size_t i = 0; i < 4; i++) {
        put_f32(head, 280 + 4 * i, g->srow_x[i]);
        put_f32(head, 296 + 4 * i, g->srow_y[i]);
        put_f32(head, 312 + 4 * i, g->srow_z[i]);
    }
    memcpy(head + 344, "n+1", 4);
}

/* Offsets are those of struct nifti_2_header. */
static void encode_second(uint8_t *head, const struct vox_nifti_geometry *g, const int64_t size[3],
                          enum vox_voxel_type type)
{
    /* Line ends that a copy as text would change. */
    static const uint8_t magic[8] = {'n', '+', '2', 0, '\r', '\n', 0x1a, '\n'};
    put_i32(head, 0, VOX_NIFTI2_HEADER);
    memcpy(head + 4, magic, sizeof(magic));
    put_i16(head, 12, datatype_of(type));
    put_i16(head, 14, (int64_t)(8 * vox_voxel_size(type)));
    put_i64(head, 16, 3);
    for (size_t i = 1; i < 8; i++) {
        put_i64(head, 16 + 8 * i, i <= 3 ? size[i - 1] : 1);
    }
    for (size_t i = 0; i < 8; i++) {
        put_f64(head, 104 + 8 * i, g->pixdim[i]);
    }
    put_i64(head, 168, VOX_NIFTI2_HEADER + 4);
    put_f64(head, 176, 1);
    put_i32(head, 344, g->qform_code);
    put_i32(head, 348, g->sform_code);
    put_f64(head, 352, g->quatern_b);
    put_f64(head, 360, g->quatern_c);
    put_f64(head, 368, g->quatern_d);
    put_f64(head, 376, g->qoffset_x);
    put_f64(head, 384, g->qoffset_y);
    put_f64(head, 392, g->qoffset_z);
    for (size_t i = 0; i < 4; i++) {
        put_f64(head, 400 + 8 * i, g->srow_x[i]);
        put_f64(head, 432 + 8 * i, g->srow_y[i]);
        put_f64(head, 464 + 8 * i, g->srow_z[i]);
    }
    put_i32(head, 500, g->xyzt_units);
}

/* Chooses the version and the fields. NIfTI-2 only where NIfTI-1 cannot hold the size, or where the
 * source was one: ITK's programs do not read it. */
static void choose_fields(const struct vox_geometry *like, const int64_t size[3], bool *second,
                          struct vox_nifti_geometry *out)
{
    *second = like->source == VOX_FORMAT_NIFTI2 || size[0] > INT16_MAX || size[1] > INT16_MAX ||
              size[2] > INT16_MAX;
    if (like->source == VOX_FORMAT_NIFTI1 || like->source == VOX_FORMAT_NIFTI2) {
        *out = like->nifti;
        return;
    }
    double affine[3][4];
    memcpy(affine, like->affine, sizeof(affine));
    vox_nifti_from_affine(affine, size, !*second, out);
}

const struct vox_format_ending vox_nifti_endings[] = {
    {.text = ".nii", .fixed = true},
    {.text = ".nii.gz", .compressed = true, .fixed = true, .whole = true},
    {.text = NULL},
};

enum vox_code vox_nifti_encode(const struct vox_output *output, struct vox_head *head,
                               struct vox_err *err)
{
    uint8_t bytes[VOX_NIFTI_HEADER_MAX] = {0};
    struct vox_nifti_geometry fields;
    bool second;
    choose_fields(output->like, output->size, &second, &fields);
    (second ? encode_second : encode_first)(bytes, &fields, output->size, output->type);
    vox_header_text_bytes(&head->text, bytes,
                          second ? VOX_NIFTI2_HEADER + 4 : VOX_NIFTI1_HEADER + 4);
    return vox_header_text_check(&head->text, err);
}
