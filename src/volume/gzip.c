#include "volume/gzip.h"

#include <string.h>

#include <libdeflate.h>

#include "util/memory.h"

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
        vox_is_gzip(data, size)
            ? libdeflate_gzip_decompress(inflater, data, size, out, total, NULL)
            : libdeflate_zlib_decompress(inflater, data, size, out, total, NULL);
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
