/* A file that is being downloaded, and what is needed to go on with it another day.
 *
 * Beside the file lie notes, PATH.json: which version of the server's file the bytes are of, and
 * how many of them have reached the disk. Bytes beyond those are dropped when the file is opened
 * again, so that neither kill -9 nor a power cut leaves damage that a later download builds on. One
 * thread at a time. */
#ifndef VOX_UTIL_FETCH_PART_H
#define VOX_UTIL_FETCH_PART_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/hash.h"

enum { VOX_FETCH_VALIDATOR_BYTES = 256 };

struct vox_fetch_part;

/* Opens or makes `path`, and takes it for this process alone: VOX_E_BUSY where another one has it.
 */
enum vox_code vox_fetch_part_open(const char *path, struct vox_fetch_part **out,
                                  struct vox_err *err) VOX_MUST_USE;

/* Lets go of it; what was kept stays on the disk. NULL is allowed. */
void vox_fetch_part_close(struct vox_fetch_part *part);

/* Bytes that are there. */
uint64_t vox_fetch_part_size(const struct vox_fetch_part *part);

/* What the server called the version of its file (the value of ETag or Last-Modified); empty where
 * it said nothing, and the bytes cannot be gone on with. Borrowed. */
const char *vox_fetch_part_version(const struct vox_fetch_part *part);

/* Bytes of the whole file; 0 where that is not known. */
uint64_t vox_fetch_part_total(const struct vox_fetch_part *part);

/* Drops all bytes, and begins with another version (cut where it is too long to be kept). */
enum vox_code vox_fetch_part_restart(struct vox_fetch_part *part, const char *version,
                                     uint64_t total, struct vox_err *err) VOX_MUST_USE;

/* Appends bytes; now and then brings them to the disk. */
enum vox_code vox_fetch_part_add(struct vox_fetch_part *part, const void *data, size_t size,
                                 struct vox_err *err) VOX_MUST_USE;

/* Brings all bytes to the disk and notes that they are there. */
enum vox_code vox_fetch_part_keep(struct vox_fetch_part *part, struct vox_err *err) VOX_MUST_USE;

/* The digest of all bytes; once, when they are complete. */
void vox_fetch_part_hash(struct vox_fetch_part *part, char hex[VOX_SHA256_HEX]);

/* Brings the complete file to the disk, gives it its name, and drops the notes. The part must then
 * be closed. */
enum vox_code vox_fetch_part_finish(struct vox_fetch_part *part, const char *path,
                                    struct vox_err *err) VOX_MUST_USE;

/* Removes the file and its notes; the part must then be closed. */
void vox_fetch_part_remove(struct vox_fetch_part *part);

#endif
