#include "volume/nifti.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "volume/geometry.h"
#include "volume/gzip.h"

/* What is read of a header, of either version; numbers are native. */
struct header {
    bool second; /* NIfTI-2 */
    bool swapped;
    int64_t dim[8];
    int32_t datatype, bitpix;
    double vox_offset;
    double scl_slope, scl_inter;
    struct vox_nifti_geometry geometry;
};

/* A position in a header's bytes. */
struct cursor {
    const uint8_t *data;
    bool swapped;
};

static uint64_t get_bits(const struct cursor *c, size_t at, size_t width)
{
    uint64_t value = 0;
    bool little = vox_is_little_endian() != c->swapped;
    for (size_t i = 0; i < width; i++) {
        size_t byte = little ? width - 1 - i : i;
        value = value << 8 | c->data[at + byte];
    }
    return value;
}

static int16_t get_i16(const struct cursor *c, size_t at)
{
    return (int16_t)(uint16_t)get_bits(c, at, 2);
}

static int32_t get_i32(const struct cursor *c, size_t at)
{
    return (int32_t)(uint32_t)get_bits(c, at, 4);
}

static int64_t get_i64(const struct cursor *c, size_t at)
{
    return (int64_t)get_bits(c, at, 8);
}

static double get_f32(const struct cursor *c, size_t at)
{
    uint32_t bits = (uint32_t)get_bits(c, at, 4);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

static double get_f64(const struct cursor *c, size_t at)
{
    uint64_t bits = get_bits(c, at, 8);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool vox_is_nifti(const uint8_t *data, size_t size)
{
    struct cursor c = {data, false};
    if (size < 4) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        int32_t sizeof_hdr = get_i32(&c, 0);
        if (sizeof_hdr == VOX_NIFTI1_HEADER || sizeof_hdr == VOX_NIFTI2_HEADER) {
            return true;
        }
        c.swapped = true;
    }
    return false;
}

static enum vox_code check_magic(const uint8_t *data, bool second, struct vox_err *err)
{
    const uint8_t *magic = data + (second ? 4 : 344);
    const char *single = second ? "n+2" : "n+1";
    const char *pair = second ? "ni2" : "ni1";
    if (memcmp(magic, pair, 4) == 0) {
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "a NIfTI header of a .hdr/.img pair; save it as a single .nii file");
    }
    if (memcmp(magic, single, 4) != 0) {
        if (second) {
            return vox_fail(err, VOX_E_FORMAT, "the NIfTI-2 magic is wrong; the file is damaged");
        }
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "an ANALYZE 7.5 header or a NIfTI header without its magic; save it as a "
                        "single .nii file");
    }
    if (second && memcmp(magic + 4, "\r\n\032\n", 4) != 0) {
        return vox_fail(err, VOX_E_FORMAT,
                        "the line ends in the NIfTI-2 magic were changed; the file was copied as "
                        "text and is damaged");
    }
    return VOX_OK;
}

/* Offsets are those of struct nifti_1_header. */
static void decode_first(const struct cursor *c, struct header *h)
{
    struct vox_nifti_geometry *g = &h->geometry;
    for (size_t i = 0; i < 8; i++) {
        h->dim[i] = get_i16(c, 40 + 2 * i);
        g->pixdim[i] = get_f32(c, 76 + 4 * i);
    }
    h->datatype = get_i16(c, 70);
    h->bitpix = get_i16(c, 72);
    h->vox_offset = get_f32(c, 108);
    h->scl_slope = get_f32(c, 112);
    h->scl_inter = get_f32(c, 116);
    g->xyzt_units = c->data[123];
    g->qform_code = get_i16(c, 252);
    g->sform_code = get_i16(c, 254);
    g->quatern_b = get_f32(c, 256);
    g->quatern_c = get_f32(c, 260);
    g->quatern_d = get_f32(c, 264);
    g->qoffset_x = get_f32(c, 268);
    g->qoffset_y = get_f32(c, 272);
    g->qoffset_z = get_f32(c, 276);
    for (size_t i = 0; i < 4; i++) {
        g->srow_x[i] = get_f32(c, 280 + 4 * i);
        g->srow_y[i] = get_f32(c, 296 + 4 * i);
        g->srow_z[i] = get_f32(c, 312 + 4 * i);
    }
}

/* Offsets are those of struct nifti_2_header. */
static void decode_second(const struct cursor *c, struct header *h)
{
    struct vox_nifti_geometry *g = &h->geometry;
    h->datatype = get_i16(c, 12);
    h->bitpix = get_i16(c, 14);
    for (size_t i = 0; i < 8; i++) {
        h->dim[i] = get_i64(c, 16 + 8 * i);
        g->pixdim[i] = get_f64(c, 104 + 8 * i);
    }
    h->vox_offset = (double)get_i64(c, 168);
    h->scl_slope = get_f64(c, 176);
    h->scl_inter = get_f64(c, 184);
    g->qform_code = get_i32(c, 344);
    g->sform_code = get_i32(c, 348);
    g->quatern_b = get_f64(c, 352);
    g->quatern_c = get_f64(c, 360);
    g->quatern_d = get_f64(c, 368);
    g->qoffset_x = get_f64(c, 376);
    g->qoffset_y = get_f64(c, 384);
    g->qoffset_z = get_f64(c, 392);
    for (size_t i = 0; i < 4; i++) {
        g->srow_x[i] = get_f64(c, 400 + 8 * i);
        g->srow_y[i] = get_f64(c, 432 + 8 * i);
        g->srow_z[i] = get_f64(c, 464 + 8 * i);
    }
    g->xyzt_units = get_i32(c, 500);
}

static enum vox_code decode(const uint8_t *data, size_t size, struct header *h, struct vox_err *err)
{
    if (!vox_is_nifti(data, size)) {
        return vox_fail(err, VOX_E_FORMAT, "this is no NIfTI header");
    }
    struct cursor c = {data, false};
    int32_t sizeof_hdr = get_i32(&c, 0);
    if (sizeof_hdr != VOX_NIFTI1_HEADER && sizeof_hdr != VOX_NIFTI2_HEADER) {
        c.swapped = true;
        sizeof_hdr = get_i32(&c, 0);
    }
    if (size < (size_t)sizeof_hdr) {
        return vox_fail(err, VOX_E_FORMAT, "the file ends inside the NIfTI header");
    }
    memset(h, 0, sizeof(*h));
    h->swapped = c.swapped;
    h->second = sizeof_hdr == VOX_NIFTI2_HEADER;
    enum vox_code code = check_magic(data, h->second, err);
    if (code != VOX_OK) {
        return code;
    }
    if (h->second) {
        decode_second(&c, h);
    } else {
        decode_first(&c, h);
    }
    return VOX_OK;
}

static enum vox_code find_size(const struct header *h, int64_t size[3], struct vox_err *err)
{
    int64_t axes = h->dim[0];
    if (axes < 1 || axes > 7) {
        return vox_fail(err, VOX_E_FORMAT, "dim[0] is %" PRId64 "; it counts axes, from 1 to 7",
                        axes);
    }
    if (axes < 2) {
        return vox_fail(err, VOX_E_UNSUPPORTED, "the image has one axis; a volume has three");
    }
    size[2] = 1;
    for (int i = 1; i <= axes; i++) {
        if (h->dim[i] < 1) {
            return vox_fail(err, VOX_E_FORMAT, "dim[%d] is %" PRId64 "; a size is at least 1", i,
                            h->dim[i]);
        }
        if (i <= 3) {
            size[i - 1] = h->dim[i];
        } else if (h->dim[i] > 1 && i == 4) {
            return vox_fail(err, VOX_E_UNSUPPORTED,
                            "the image has %" PRId64 " time points; save one of them as a 3D file",
                            h->dim[i]);
        } else if (h->dim[i] > 1) {
            return vox_fail(err, VOX_E_UNSUPPORTED,
                            "the image has %" PRId64
                            " values per voxel (dim[%d]); save one of them as a 3D file",
                            h->dim[i], i);
        }
    }
    return VOX_OK;
}

struct datatype {
    int32_t code;
    enum vox_voxel_type type;
    int32_t bits;
};

static const struct datatype datatypes[] = {
    {VOX_NIFTI_UINT8, VOX_VOXEL_U8, 8},       {VOX_NIFTI_INT8, VOX_VOXEL_I8, 8},
    {VOX_NIFTI_UINT16, VOX_VOXEL_U16, 16},    {VOX_NIFTI_INT16, VOX_VOXEL_I16, 16},
    {VOX_NIFTI_UINT32, VOX_VOXEL_U32, 32},    {VOX_NIFTI_INT32, VOX_VOXEL_I32, 32},
    {VOX_NIFTI_UINT64, VOX_VOXEL_U64, 64},    {VOX_NIFTI_INT64, VOX_VOXEL_I64, 64},
    {VOX_NIFTI_FLOAT32, VOX_VOXEL_F32, 32},   {VOX_NIFTI_FLOAT64, VOX_VOXEL_F64, 64},
    {VOX_NIFTI_FLOAT128, VOX_VOXEL_F64, 128},
};

static enum vox_code refuse_datatype(int32_t code, struct vox_err *err)
{
    switch (code) {
    case 1:
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the voxels are single bits; save the image as uint8");
    case 128:
    case 2304:
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the voxels are colours (%s); save one channel as a grey image",
                        code == 128 ? "RGB" : "RGBA");
    case 32:
    case 1792:
    case 2048:
        return vox_fail(err, VOX_E_UNSUPPORTED,
                        "the voxels are complex numbers; save the magnitude as a real image");
    default:
        return vox_fail(err, VOX_E_FORMAT, "datatype %" PRId32 " is not one of the NIfTI standard",
                        code);
    }
}

static enum vox_code find_layout(const struct header *h, struct vox_voxel_layout *layout,
                                 struct vox_err *err)
{
    enum vox_code code = find_size(h, layout->size, err);
    if (code != VOX_OK) {
        return code;
    }
    for (size_t i = 0; i < sizeof(datatypes) / sizeof(datatypes[0]); i++) {
        if (datatypes[i].code == h->datatype) {
            if (h->bitpix != datatypes[i].bits) {
                return vox_fail(err, VOX_E_FORMAT,
                                "bitpix is %" PRId32 ", but datatype %" PRId32 " has %" PRId32
                                " bits",
                                h->bitpix, h->datatype, datatypes[i].bits);
            }
            layout->type = datatypes[i].type;
            layout->stored_size = (size_t)datatypes[i].bits / 8;
            layout->swapped = h->swapped;
            return VOX_OK;
        }
    }
    return refuse_datatype(h->datatype, err);
}

static enum vox_code find_offset(const struct header *h, size_t *offset, struct vox_err *err)
{
    double least = h->second ? VOX_NIFTI2_HEADER + 4 : VOX_NIFTI1_HEADER + 4;
    /* 2^53: up to there a double is an exact count of bytes. */
    if (!(h->vox_offset >= least && h->vox_offset <= 9007199254740992.0) ||
        h->vox_offset != floor(h->vox_offset)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "vox_offset is %g; the voxels of a single file begin at %g or later",
                        h->vox_offset, least);
    }
    *offset = (size_t)h->vox_offset;
    return VOX_OK;
}

/* nifti1.h: "if scl_slope == 0 then no scaling"; numbers that are none mean the same. */
static enum vox_code find_scale(const struct header *h, double *slope, double *intercept,
                                struct vox_err *err)
{
    bool scaled = isfinite(h->scl_slope) && h->scl_slope != 0;
    if (scaled && !isfinite(h->scl_inter)) {
        return vox_fail(err, VOX_E_FORMAT,
                        "scl_slope is set, but scl_inter is not a finite number");
    }
    *slope = scaled ? h->scl_slope : 1;
    *intercept = scaled ? h->scl_inter : 0;
    return VOX_OK;
}

static enum vox_code open_nifti(const struct vox_content *content,
                                const struct vox_volume_limits *limits,
                                struct vox_stored_volume *out, struct vox_err *err)
{
    struct vox_stored_volume stored = {
        .layout.layers = 1,
        .source = {content->data, content->size, vox_is_gzip(content->data, content->size), 0},
    };
    uint8_t inflated[VOX_NIFTI2_HEADER];
    const uint8_t *head = content->data;
    size_t head_size = content->size;
    enum vox_code code = VOX_OK;
    if (stored.source.gzipped) {
        head = inflated;
        code = vox_gunzip_prefix(content->data, content->size, inflated, sizeof(inflated),
                                 &head_size, err);
    }
    struct header h;
    if (code == VOX_OK) {
        code = decode(head, head_size, &h, err);
    }
    if (code == VOX_OK) {
        code = find_layout(&h, &stored.layout, err);
    }
    if (code == VOX_OK) {
        code = vox_layout_check(&stored.layout, limits, err);
    }
    if (code == VOX_OK) {
        code = find_offset(&h, &stored.source.skip, err);
    }
    if (code == VOX_OK) {
        code = find_scale(&h, &stored.slope, &stored.intercept, err);
    }
    if (code == VOX_OK) {
        stored.geometry.source = h.second ? VOX_FORMAT_NIFTI2 : VOX_FORMAT_NIFTI1;
        stored.geometry.nifti = h.geometry;
        code = vox_geometry_from_nifti(&stored.geometry, err);
    }
    if (code == VOX_OK) {
        *out = stored;
    }
    return code;
}

const struct vox_format vox_nifti_format = {
    .name = "NIfTI",
    .in_gzip = true,
    .probe = vox_is_nifti,
    .open = open_nifti,
    .endings = vox_nifti_endings,
    .encode = vox_nifti_encode,
};
