#include "volume/gzip.h"

#include <string.h>

#include <libdeflate.h>

#include "util/file.h"
#include "util/memory.h"

/* Fast enough not to be felt after a click, and masks shrink about as well as with higher levels.
 */
enum { LEVEL = 4 };

/* Up to this many bytes before the wanted ones are worth inflating into the block and moving away.
 */
enum { MARGIN = 1 << 20 };

bool vox_is_gzip(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* The common case, twice as fast: a member that holds exactly `total` bytes. False if it is
 * anything else. */
static bool gunzip_whole(const uint8_t *data, size_t size, uint8_t *out, size_t total)
{
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    if (inflater == NULL) {
        return false;
    }
    /* Without a place for the actual size, any other size is an error. */
    enum libdeflate_result result =
        libdeflate_gzip_decompress(inflater, data, size, out, total, NULL);
    libdeflate_free_decompressor(inflater);
    return result == LIBDEFLATE_SUCCESS;
}

enum vox_code vox_gunzip(const uint8_t *data, size_t size, size_t skip, size_t wanted, void **out,
                         struct vox_err *err)
{
    size_t total = wanted;
    bool whole = skip <= MARGIN && vox_add(skip, wanted, &total);
    uint8_t *block = vox_alloc(total);
    if (block == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for %zu bytes of voxels", wanted);
    }
    if (whole && gunzip_whole(data, size, block, total)) {
        memmove(block, block + skip, wanted);
        *out = block;
        return VOX_OK;
    }
    enum vox_code code = vox_gunzip_stream(data, size, skip, block, wanted, err);
    if (code != VOX_OK) {
        vox_free(block);
        return code;
    }
    *out = block;
    return VOX_OK;
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* RFC 1952: magic, deflate, no flags, no time, no hint, Unix; then RFC 1951 3.2.4: a stored block
 * that is not the last. It ends on a byte, so the deflated body follows as it is and neither part
 * has to be copied beside the other. */
static enum vox_code write_start(struct vox_file_writer *file, const void *head, size_t head_size,
                                 struct vox_err *err)
{
    uint8_t start[15] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0};
    start[11] = (uint8_t)head_size;
    start[12] = (uint8_t)(head_size >> 8);
    start[13] = (uint8_t)~start[11];
    start[14] = (uint8_t)~start[12];
    enum vox_code code = vox_file_write(file, start, head_size > 0 ? sizeof(start) : 10, err);
    return code == VOX_OK ? vox_file_write(file, head, head_size, err) : code;
}

static enum vox_code write_end(struct vox_file_writer *file, const void *head, size_t head_size,
                               const void *body, size_t body_size, struct vox_err *err)
{
    uint8_t end[8];
    uint32_t sum = libdeflate_crc32(0, head, head_size);
    put32(end, libdeflate_crc32(sum, body, body_size));
    put32(end + 4, (uint32_t)(head_size + body_size));
    return vox_file_write(file, end, sizeof(end), err);
}

/* A mask takes a small part of its own size, so the first try asks for little memory. */
static enum vox_code squeeze(struct libdeflate_compressor *deflater, const void *body,
                             size_t body_size, void **out, size_t *size, struct vox_err *err)
{
    size_t bound = libdeflate_deflate_compress_bound(deflater, body_size);
    size_t room = body_size / 8 + 4096 < bound ? body_size / 8 + 4096 : bound;
    for (;;) {
        void *packed = vox_alloc(room);
        if (packed == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory for %zu bytes of compressed voxels",
                            room);
        }
        size_t used = libdeflate_deflate_compress(deflater, body, body_size, packed, room);
        if (used > 0) {
            *out = packed;
            *size = used;
            return VOX_OK;
        }
        vox_free(packed);
        if (room == bound) {
            return vox_fail(err, VOX_E_INTERNAL, "the voxels could not be compressed");
        }
        room = bound;
    }
}

enum vox_code vox_gzip_write(struct vox_file_writer *file, const void *head, size_t head_size,
                             const void *body, size_t body_size, const atomic_int *cancel,
                             struct vox_err *err)
{
    VOX_ASSERT(head_size <= 65535);
    if (cancel != NULL && atomic_load(cancel) != 0) {
        return vox_fail(err, VOX_E_CANCELLED, "cancelled");
    }
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(LEVEL);
    if (deflater == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    void *packed = NULL;
    size_t packed_size = 0;
    enum vox_code code = squeeze(deflater, body, body_size, &packed, &packed_size, err);
    libdeflate_free_compressor(deflater);
    if (code == VOX_OK) {
        code = write_start(file, head, head_size, err);
    }
    if (code == VOX_OK) {
        code = vox_file_write_large(file, packed, packed_size, cancel, err);
    }
    if (code == VOX_OK) {
        code = write_end(file, head, head_size, body, body_size, err);
    }
    vox_free(packed);
    return code;
}
