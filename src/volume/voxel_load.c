#include "volume/voxel_load.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "util/memory.h"
#include "volume/gzip.h"

bool vox_is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static void swap16(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t v;
        memcpy(&v, bytes + 2 * i, 2);
        v = __builtin_bswap16(v);
        memcpy(bytes + 2 * i, &v, 2);
    }
}

static void swap32(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t v;
        memcpy(&v, bytes + 4 * i, 4);
        v = __builtin_bswap32(v);
        memcpy(bytes + 4 * i, &v, 4);
    }
}

static void swap64(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t v;
        memcpy(&v, bytes + 8 * i, 8);
        v = __builtin_bswap64(v);
        memcpy(bytes + 8 * i, &v, 8);
    }
}

void vox_swap_bytes(void *values, size_t count, size_t width)
{
    switch (width) {
    case 2:
        swap16(values, count);
        break;
    case 4:
        swap32(values, count);
        break;
    case 8:
        swap64(values, count);
        break;
    default:
        VOX_ASSERT(width == 1);
    }
}

enum vox_code vox_layout_check(const struct vox_voxel_layout *layout,
                               const struct vox_volume_limits *limits, struct vox_err *err)
{
    VOX_ASSERT(layout->layers >= 1);
    size_t count = 1;
    size_t stored;
    size_t decoded;
    bool fits = true;
    for (int axis = 0; axis < 3; axis++) {
        int64_t side = layout->size[axis];
        if (side < 1) {
            return vox_fail(err, VOX_E_FORMAT, "size %" PRId64 " on axis %d; a side is at least 1",
                            side, axis + 1);
        }
        if (side > limits->max_side) {
            return vox_fail(err, VOX_E_LIMIT,
                            "%" PRId64 " voxels on axis %d, the limit is %" PRId64, side, axis + 1,
                            limits->max_side);
        }
        fits = fits && vox_mul(count, (size_t)side, &count);
    }
    fits = fits && vox_mul(count, (size_t)layout->layers, &count) &&
           vox_mul(count, layout->stored_size, &stored);
    if (!fits || !vox_mul(count, vox_voxel_size(layout->type), &decoded) ||
        decoded > limits->max_bytes) {
        return vox_fail(err, VOX_E_LIMIT,
                        "%" PRId64 " x %" PRId64 " x %" PRId64
                        " voxels of %s are more than the limit of %" PRIu64 " bytes",
                        layout->size[0], layout->size[1], layout->size[2],
                        vox_voxel_name(layout->type), limits->max_bytes);
    }
    return VOX_OK;
}

size_t vox_layout_bytes(const struct vox_voxel_layout *layout)
{
    return (size_t)layout->size[0] * (size_t)layout->size[1] * (size_t)layout->size[2] *
           (size_t)layout->layers * layout->stored_size;
}

/* More than any header extension needs; inflating it all costs a moment only. */
static const size_t most_skipped = (size_t)64 << 20;

enum vox_code vox_source_check(const struct vox_voxel_layout *layout,
                               const struct vox_voxel_source *source, struct vox_err *err)
{
    size_t wanted = vox_layout_bytes(layout);
    if (!source->gzipped) {
        size_t there = source->size > source->skip ? source->size - source->skip : 0;
        if (there < wanted) {
            return vox_fail(err, VOX_E_FORMAT,
                            "the file holds %zu bytes of voxels, the header promises %zu", there,
                            wanted);
        }
        return VOX_OK;
    }
    if (wanted / VOX_DEFLATE_RATIO > source->size) {
        return vox_fail(
            err, VOX_E_FORMAT,
            "%zu bytes of gzip cannot hold the %zu bytes of voxels that the header promises",
            source->size, wanted);
    }
    if (source->skip > most_skipped) {
        return vox_fail(err, VOX_E_LIMIT,
                        "the voxels begin %zu bytes into the gzip stream, the limit is %zu",
                        source->skip, most_skipped);
    }
    return VOX_OK;
}

static enum vox_code load_raw(const struct vox_voxel_source *source, size_t wanted, void **out,
                              struct vox_err *err)
{
    void *block = vox_alloc(wanted);
    if (block == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for %zu bytes of voxels", wanted);
    }
    memcpy(block, source->data + source->skip, wanted);
    *out = block;
    return VOX_OK;
}

/* IEEE 754 binary128 to double. The significand's highest 63 bits and one that says whether any
 * other was set are enough to round correctly. */
static double double_of_binary128(uint64_t high, uint64_t low)
{
    const uint64_t fraction_mask = (UINT64_C(1) << 48) - 1;
    uint64_t fraction = high & fraction_mask;
    int exponent = (int)(high >> 48 & 0x7fff);
    double sign = high >> 63 != 0 ? -1.0 : 1.0;
    if (exponent == 0x7fff) {
        return fraction == 0 && low == 0 ? sign * (double)INFINITY : (double)NAN;
    }
    if (exponent == 0) {
        return sign * 0.0; /* smaller than any double */
    }
    uint64_t sticky = (low & ((UINT64_C(1) << 49) - 1)) != 0 ? 1 : 0;
    uint64_t significand = (fraction | UINT64_C(1) << 48) << 15 | low >> 49 | sticky;
    return sign * ldexp((double)significand, exponent - 16383 - 63);
}

/* Narrows in place: the value written never lies beyond the one read. */
static void narrow_binary128(uint8_t *bytes, size_t count, bool swapped)
{
    bool low_first = vox_is_little_endian() != swapped;
    for (size_t i = 0; i < count; i++) {
        uint64_t half[2];
        memcpy(half, bytes + 16 * i, 16);
        if (swapped) {
            half[0] = __builtin_bswap64(half[0]);
            half[1] = __builtin_bswap64(half[1]);
        }
        double value = low_first ? double_of_binary128(half[1], half[0])
                                 : double_of_binary128(half[0], half[1]);
        memcpy(bytes + 8 * i, &value, 8);
    }
}

void vox_voxels_settle(const struct vox_voxel_layout *layout, void *stored, size_t count)
{
    if (layout->stored_size == 16) {
        narrow_binary128(stored, count, layout->swapped);
    } else if (layout->swapped) {
        vox_swap_bytes(stored, count, layout->stored_size);
    }
}

enum vox_code vox_voxels_load(const struct vox_voxel_layout *layout,
                              const struct vox_voxel_source *source, void **out,
                              struct vox_err *err)
{
    enum vox_code code = vox_source_check(layout, source, err);
    if (code != VOX_OK) {
        return code;
    }
    size_t wanted = vox_layout_bytes(layout);
    void *block;
    code = source->gzipped
               ? vox_gunzip(source->data, source->size, source->skip, wanted, &block, err)
               : load_raw(source, wanted, &block, err);
    if (code != VOX_OK) {
        return code;
    }
    vox_voxels_settle(layout, block, wanted / layout->stored_size);
    *out = block;
    return VOX_OK;
}
