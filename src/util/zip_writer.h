/* A zip archive of files, stored as they are: medical volumes are compressed already. */
#ifndef VOX_UTIL_ZIP_WRITER_H
#define VOX_UTIL_ZIP_WRITER_H

#include <stddef.h>

#include "util/error.h"

struct vox_zip_entry {
    const char *name; /* in the archive: UTF-8, with slashes */
    const char *path; /* of the file; NULL: `data` */
    const void *data;
    size_t size;
};

/* Writes an archive of the entries; an older file of that name is replaced. Above 4 GiB it is
 * zip64. VOX_E_NOT_FOUND where a file is not there, VOX_E_IO, VOX_E_NOMEM; on failure nothing is
 * left. */
enum vox_code vox_zip_write(const char *path, const struct vox_zip_entry *entries, size_t n,
                            struct vox_err *err) VOX_MUST_USE;

#endif
