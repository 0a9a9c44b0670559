#include "volume/volume.h"

#include "util/file.h"
#include "util/memory.h"
#include "volume/format.h"

struct vox_volume_limits vox_volume_limits_default(void)
{
    return (struct vox_volume_limits){.max_side = 65536, .max_bytes = UINT64_C(16) << 30};
}

static const struct {
    size_t size;
    const char *name;
} types[] = {
    [VOX_VOXEL_U8] = {1, "uint8"},    [VOX_VOXEL_I8] = {1, "int8"},
    [VOX_VOXEL_U16] = {2, "uint16"},  [VOX_VOXEL_I16] = {2, "int16"},
    [VOX_VOXEL_U32] = {4, "uint32"},  [VOX_VOXEL_I32] = {4, "int32"},
    [VOX_VOXEL_U64] = {8, "uint64"},  [VOX_VOXEL_I64] = {8, "int64"},
    [VOX_VOXEL_F32] = {4, "float32"}, [VOX_VOXEL_F64] = {8, "float64"},
};

static bool is_type(enum vox_voxel_type type)
{
    return (unsigned)type < sizeof(types) / sizeof(types[0]);
}

size_t vox_voxel_size(enum vox_voxel_type type)
{
    VOX_ASSERT(is_type(type));
    return types[type].size;
}

const char *vox_voxel_name(enum vox_voxel_type type)
{
    VOX_ASSERT(is_type(type));
    return types[type].name;
}

static enum vox_code make(const struct vox_stored_volume *stored, struct vox_volume **out,
                          struct vox_err *err)
{
    struct vox_volume *volume = vox_alloc(sizeof(*volume));
    if (volume == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    void *voxels;
    enum vox_code code = vox_voxels_load(&stored->layout, &stored->source, &voxels, err);
    if (code != VOX_OK) {
        vox_free(volume);
        return code;
    }
    const int64_t *size = stored->layout.size;
    *volume = (struct vox_volume){
        .size = {size[0], size[1], size[2]},
        .type = stored->layout.type,
        .slope = stored->slope,
        .intercept = stored->intercept,
        .voxels = voxels,
        .geometry = stored->geometry,
    };
    *out = volume;
    return VOX_OK;
}

static enum vox_code parse(const struct vox_content *content,
                           const struct vox_volume_limits *limits, struct vox_volume **out,
                           struct vox_err *err)
{
    struct vox_stored_volume stored;
    enum vox_code code = vox_content_open(content, limits, &stored, err);
    if (code == VOX_OK) {
        code = make(&stored, out, err);
        vox_stored_close(&stored);
    }
    return code;
}

enum vox_code vox_volume_parse(const void *data, size_t size,
                               const struct vox_volume_limits *limits, struct vox_volume **out,
                               struct vox_err *err)
{
    const struct vox_content content = {.data = data, .size = size};
    return parse(&content, limits, out, err);
}

enum vox_code vox_volume_read(const char *path, const struct vox_volume_limits *limits,
                              struct vox_volume **out, struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code == VOX_OK) {
        const struct vox_content content = {
            .data = mapping.data, .size = mapping.size, .path = path};
        code = parse(&content, limits, out, err);
        vox_file_unmap(&mapping);
    }
    return code;
}

#define SCALE_SLICE(type)                                                                          \
    do {                                                                                           \
        const type *stored = (const type *)volume->voxels + start;                                 \
        for (size_t i = 0; i < plane; i++) {                                                       \
            out[i] = slope * (double)stored[i] + intercept;                                        \
        }                                                                                          \
    } while (0)

void vox_volume_slice(const struct vox_volume *volume, int64_t k, double *out)
{
    VOX_ASSERT(k >= 0 && k < volume->size[2]);
    const size_t plane = (size_t)volume->size[0] * (size_t)volume->size[1];
    const size_t start = plane * (size_t)k;
    const double slope = volume->slope;
    const double intercept = volume->intercept;
    switch (volume->type) {
    case VOX_VOXEL_U8:
        SCALE_SLICE(uint8_t);
        break;
    case VOX_VOXEL_I8:
        SCALE_SLICE(int8_t);
        break;
    case VOX_VOXEL_U16:
        SCALE_SLICE(uint16_t);
        break;
    case VOX_VOXEL_I16:
        SCALE_SLICE(int16_t);
        break;
    case VOX_VOXEL_U32:
        SCALE_SLICE(uint32_t);
        break;
    case VOX_VOXEL_I32:
        SCALE_SLICE(int32_t);
        break;
    case VOX_VOXEL_U64:
        SCALE_SLICE(uint64_t);
        break;
    case VOX_VOXEL_I64:
        SCALE_SLICE(int64_t);
        break;
    case VOX_VOXEL_F32:
        SCALE_SLICE(float);
        break;
    case VOX_VOXEL_F64:
        SCALE_SLICE(double);
        break;
    }
}

#undef SCALE_SLICE

void vox_volume_free(struct vox_volume *volume)
{
    if (volume != NULL) {
        vox_free(volume->voxels);
        vox_free(volume);
    }
}
