/* Files: read-only mappings, and writing that is either complete or absent.
 *
 * Error texts name the operation and the system's reason, never the path: paths may hold patients'
 * names. The layer that knows whether a path may be shown adds it. */
#ifndef VOX_UTIL_FILE_H
#define VOX_UTIL_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct vox_mapping {
    const uint8_t *data; /* page aligned; NULL when the file is empty */
    size_t size;         /* bytes */
};

/* Maps a regular file for reading. On success the caller owns *out and ends it with vox_file_unmap.
 * VOX_E_NOT_FOUND if there is no such file, VOX_E_IO otherwise. */
enum vox_code vox_file_map(const char *path, struct vox_mapping *out,
                           struct vox_err *err) VOX_MUST_USE;

/* Ends a mapping; one that was never made (all zero) is allowed. */
void vox_file_unmap(struct vox_mapping *mapping);

/* Tells the kernel that the pages of a mapping are not needed now: they leave the resident set and
 * come back when they are read. */
void vox_file_unload(const struct vox_mapping *mapping);

/* A file under construction: written to a temporary name beside `path` (mode 0600 until committed,
 * then as the umask says), fsynced and renamed by vox_file_commit. A crash at any moment leaves the
 * old file or the new one. One thread at a time. */
struct vox_file_writer;

enum vox_code vox_file_create(const char *path, struct vox_file_writer **out,
                              struct vox_err *err) VOX_MUST_USE;

/* Appends size bytes. */
enum vox_code vox_file_write(struct vox_file_writer *file, const void *data, size_t size,
                             struct vox_err *err) VOX_MUST_USE;

/* The same in steps; VOX_E_CANCELLED once *cancel is not 0 (NULL: never), with a part written. */
enum vox_code vox_file_write_large(struct vox_file_writer *file, const void *data, size_t size,
                                   const atomic_int *cancel, struct vox_err *err) VOX_MUST_USE;

/* Bytes appended so far. */
uint64_t vox_file_written(const struct vox_file_writer *file);

/* Writes over bytes that were appended before, for what is known only at the end: at + size is at
 * most vox_file_written. */
enum vox_code vox_file_patch(struct vox_file_writer *file, uint64_t at, const void *data,
                             size_t size, struct vox_err *err) VOX_MUST_USE;

/* Makes `first`, which `file` says something about, a part of it: `file` owns it, and whatever ends
 * `file` ends `first` before. A file has one at most. */
void vox_file_join(struct vox_file_writer *file, struct vox_file_writer *first);

/* Brings what was written to the disk, so that little is left that can fail in vox_file_commit: who
 * writes several files syncs all of them before the first commit. */
enum vox_code vox_file_sync(struct vox_file_writer *file, struct vox_err *err) VOX_MUST_USE;

/* Syncs, renames to the final name, syncs the folder, and frees the writer in every case. On
 * failure nothing is left, but where the folder's sync is what failed: then the file is complete
 * under its name, and whether the name outlives a power cut is not known. A joined file gets its
 * name first and keeps it where `file` then fails. */
enum vox_code vox_file_commit(struct vox_file_writer *file, struct vox_err *err) VOX_MUST_USE;

/* All of it for a file whose bytes are in memory: created, written and committed, or not there. */
enum vox_code vox_file_save(const char *path, const void *data, size_t size,
                            struct vox_err *err) VOX_MUST_USE;

/* Gives a complete file, already on the disk, another name in the same folder, in the place of an
 * older file of that name, and syncs the folder. */
enum vox_code vox_file_rename(const char *from, const char *to, struct vox_err *err) VOX_MUST_USE;

/* Drops the temporary file and frees the writer; NULL is allowed. */
void vox_file_abandon(struct vox_file_writer *file);

#endif
