#include "util/hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

enum vox_code vox_sha256(const void *data, size_t size, uint8_t digest[VOX_SHA256_SIZE],
                         struct vox_err *err)
{
    uint8_t result[VOX_SHA256_SIZE];
    int status = gnutls_hash_fast(GNUTLS_DIG_SHA256, size == 0 ? "" : data, size, result);
    if (status != 0) {
        return vox_fail_sys(err, VOX_E_BACKEND, status, "cannot compute a SHA-256: %s",
                            gnutls_strerror(status));
    }
    for (size_t i = 0; i < VOX_SHA256_SIZE; i++) {
        digest[i] = result[i];
    }
    return VOX_OK;
}

enum vox_code vox_sha256_hex(const void *data, size_t size, char hex[VOX_SHA256_HEX],
                             struct vox_err *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[VOX_SHA256_SIZE];
    enum vox_code code = vox_sha256(data, size, digest, err);
    if (code != VOX_OK) {
        return code;
    }
    for (size_t i = 0; i < VOX_SHA256_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[VOX_SHA256_HEX - 1] = '\0';
    return VOX_OK;
}
