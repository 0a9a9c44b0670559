/* gzip with bounds: inflating stops at a size that the caller knows beforehand, whatever the stream
 * holds. */
#ifndef VOX_VOLUME_GZIP_H
#define VOX_VOLUME_GZIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_file_writer;

/* Deflate cannot expand a byte to more than this. */
enum { VOX_DEFLATE_RATIO = 1032 };

/* True if the bytes begin like a gzip stream. */
bool vox_is_gzip(const uint8_t *data, size_t size);

/* Inflates the first `wanted` bytes, or all if there are fewer; *got says how many came. */
enum vox_code vox_gunzip_prefix(const uint8_t *data, size_t size, uint8_t *out, size_t wanted,
                                size_t *got, struct vox_err *err) VOX_MUST_USE;

/* Inflates skip + wanted bytes and drops the first `skip`. The stream may have several members; the
 * checksum of the one that holds the last wanted byte must be right. What that member holds beyond
 * is read to get there, but no more than `wanted` again or 1 MiB; then it is left alone, as is
 * everything behind it. The caller has compared `wanted` with its limits; *out is at least that
 * long and is released with vox_free. VOX_E_FORMAT if the stream is damaged or holds less. */
enum vox_code vox_gunzip(const uint8_t *data, size_t size, size_t skip, size_t wanted, void **out,
                         struct vox_err *err) VOX_MUST_USE;

/* Writes one gzip member that holds `head` (at most 65,535 bytes) followed by `body`.
 * VOX_E_CANCELLED once *cancel is not 0 (NULL: never): seen before and after the compression, which
 * is one step, and while its result is written. */
enum vox_code vox_gzip_write(struct vox_file_writer *file, const void *head, size_t head_size,
                             const void *body, size_t body_size, const atomic_int *cancel,
                             struct vox_err *err) VOX_MUST_USE;

#endif
