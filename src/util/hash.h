/* SHA-256. */
#ifndef VOX_UTIL_HASH_H
#define VOX_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum { VOX_SHA256_SIZE = 32, VOX_SHA256_HEX = 65 };

/* The digest of `size` bytes. VOX_E_BACKEND where the library refuses, e.g. in a restricted mode.
 */
enum vox_code vox_sha256(const void *data, size_t size, uint8_t digest[VOX_SHA256_SIZE],
                         struct vox_err *err) VOX_MUST_USE;

/* The same as 64 lower-case hexadecimal digits and a NUL. */
enum vox_code vox_sha256_hex(const void *data, size_t size, char hex[VOX_SHA256_HEX],
                             struct vox_err *err) VOX_MUST_USE;

/* A digest of bytes that come in pieces; one thread at a time. */
struct vox_hasher;

enum vox_code vox_hasher_new(struct vox_hasher **out, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_hasher_add(struct vox_hasher *hasher, const void *data, size_t size,
                             struct vox_err *err) VOX_MUST_USE;

/* The digest of all that was added; the hasher is then as new. */
void vox_hasher_take_hex(struct vox_hasher *hasher, char hex[VOX_SHA256_HEX]);

void vox_hasher_free(struct vox_hasher *hasher); /* NULL is allowed */

#endif
