/* gzip with bounds: inflating stops at a size that the caller knows beforehand, whatever the stream
 * holds. */
#ifndef VOX_VOLUME_GZIP_H
#define VOX_VOLUME_GZIP_H

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

/* Inflates skip + wanted bytes of a gzip stream, or of zlib's own framing (RFC 1950), told apart by
 * the first bytes, and drops the first `skip`. The stream may have several members; the
 * checksum of the one that holds the last wanted byte must be right. What that member holds beyond
 * is read to get there, but no more than `wanted` again or 1 MiB; then it is left alone, as is
 * everything behind it. The caller has compared `wanted` with its limits; *out is at least that
 * long and is released with vox_free. VOX_E_FORMAT if the stream is damaged or holds less. */
enum vox_code vox_gunzip(const uint8_t *data, size_t size, size_t skip, size_t wanted, void **out,
                         struct vox_err *err) VOX_MUST_USE;

/* The same into a block of `wanted` bytes, always as a stream: what vox_gunzip does with a file
 * that is not one member of the expected size. */
enum vox_code vox_gunzip_stream(const uint8_t *data, size_t size, size_t skip, uint8_t *out,
                                size_t wanted, struct vox_err *err) VOX_MUST_USE;

/* Reads a stream part by part: gzip with any number of members, or zlib's own framing (RFC 1950, as
 * MetaImage has it), told apart by the first bytes. One thread at a time. */
struct vox_gzip_reader;

/* The bytes are borrowed until vox_gzip_reader_free. VOX_E_NOMEM. */
enum vox_code vox_gzip_reader_new(const uint8_t *data, size_t size, struct vox_gzip_reader **out,
                                  struct vox_err *err) VOX_MUST_USE;

/* Reads exactly `wanted` bytes into out, or passes over them where out is NULL. The checksum of a
 * member is compared when its end is passed. VOX_E_FORMAT if the stream is damaged or ends before;
 * then only rewinding helps. VOX_E_NOMEM. */
enum vox_code vox_gzip_reader_read(struct vox_gzip_reader *reader, void *out, size_t wanted,
                                   struct vox_err *err) VOX_MUST_USE;

/* Reads on to the end of the member, where its checksum is compared, but no more than `most` bytes
 * or 1 MiB, whichever is more: for who has read all that is wanted. */
enum vox_code vox_gzip_reader_finish(struct vox_gzip_reader *reader, size_t most,
                                     struct vox_err *err) VOX_MUST_USE;

/* Back to the first byte. */
enum vox_code vox_gzip_reader_rewind(struct vox_gzip_reader *reader,
                                     struct vox_err *err) VOX_MUST_USE;

void vox_gzip_reader_free(struct vox_gzip_reader *reader); /* NULL is allowed */

/* A place in a reader's stream, with what it takes to go on from there (about 40 KiB). */
struct vox_gzip_mark;

/* Marks where the reader is. The mark is of use for as long as the stream's bytes stay, and ends
 * with vox_gzip_mark_free. VOX_E_NOMEM. */
enum vox_code vox_gzip_reader_mark(const struct vox_gzip_reader *reader, struct vox_gzip_mark **out,
                                   struct vox_err *err) VOX_MUST_USE;

/* Goes to a mark of this reader, also after an error. VOX_E_NOMEM: the reader is where it was. */
enum vox_code vox_gzip_reader_return(struct vox_gzip_reader *reader,
                                     const struct vox_gzip_mark *mark,
                                     struct vox_err *err) VOX_MUST_USE;

void vox_gzip_mark_free(struct vox_gzip_mark *mark); /* NULL is allowed */

/* Writes one gzip member, or a stream with zlib's own framing, part by part. One thread at a time.
 */
struct vox_gzip_writer;

/* What is put goes to the file, which the caller keeps and in the end commits or abandons.
 * VOX_E_NOMEM. */
enum vox_code vox_gzip_writer_new(struct vox_file_writer *file, bool zlib_container,
                                  struct vox_gzip_writer **out, struct vox_err *err) VOX_MUST_USE;

enum vox_code vox_gzip_writer_put(struct vox_gzip_writer *writer, const void *data, size_t size,
                                  struct vox_err *err) VOX_MUST_USE;

/* Writes what is left and the checksum; nothing may be put after it. */
enum vox_code vox_gzip_writer_finish(struct vox_gzip_writer *writer,
                                     struct vox_err *err) VOX_MUST_USE;

/* Does not finish, does not touch the file; NULL is allowed. */
void vox_gzip_writer_free(struct vox_gzip_writer *writer);

#endif
