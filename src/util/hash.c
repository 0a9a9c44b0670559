#include "util/hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "util/memory.h"

struct vox_hasher {
    gnutls_hash_hd_t handle;
};

static enum vox_code refused(int status, struct vox_err *err)
{
    return vox_fail_sys(err, VOX_E_BACKEND, status, "cannot compute a SHA-256: %s",
                        gnutls_strerror(status));
}

enum vox_code vox_sha256(const void *data, size_t size, uint8_t digest[VOX_SHA256_SIZE],
                         struct vox_err *err)
{
    uint8_t result[VOX_SHA256_SIZE];
    int status = gnutls_hash_fast(GNUTLS_DIG_SHA256, size == 0 ? "" : data, size, result);
    if (status != 0) {
        return refused(status, err);
    }
    for (size_t i = 0; i < VOX_SHA256_SIZE; i++) {
        digest[i] = result[i];
    }
    return VOX_OK;
}

static void write_hex(const uint8_t digest[VOX_SHA256_SIZE], char hex[VOX_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < VOX_SHA256_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[VOX_SHA256_HEX - 1] = '\0';
}

enum vox_code vox_sha256_hex(const void *data, size_t size, char hex[VOX_SHA256_HEX],
                             struct vox_err *err)
{
    uint8_t digest[VOX_SHA256_SIZE];
    enum vox_code code = vox_sha256(data, size, digest, err);
    if (code == VOX_OK) {
        write_hex(digest, hex);
    }
    return code;
}

enum vox_code vox_hasher_new(struct vox_hasher **out, struct vox_err *err)
{
    struct vox_hasher *hasher = vox_calloc(1, sizeof(*hasher));
    if (hasher == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    int status = gnutls_hash_init(&hasher->handle, GNUTLS_DIG_SHA256);
    if (status != 0) {
        vox_free(hasher);
        return refused(status, err);
    }
    *out = hasher;
    return VOX_OK;
}

enum vox_code vox_hasher_add(struct vox_hasher *hasher, const void *data, size_t size,
                             struct vox_err *err)
{
    int status = size == 0 ? 0 : gnutls_hash(hasher->handle, data, size);
    return status == 0 ? VOX_OK : refused(status, err);
}

void vox_hasher_take_hex(struct vox_hasher *hasher, char hex[VOX_SHA256_HEX])
{
    uint8_t digest[VOX_SHA256_SIZE];
    gnutls_hash_output(hasher->handle, digest);
    write_hex(digest, hex);
}

void vox_hasher_free(struct vox_hasher *hasher)
{
    if (hasher != NULL) {
        gnutls_hash_deinit(hasher->handle, NULL);
        vox_free(hasher);
    }
}
