/* The members of a zip archive in memory, read from its central directory (APPNOTE.TXT of PKWARE,
 * with zip64).
 *
 * Only stored members are handled. The archive is hostile until proven otherwise: every offset and
 * size is checked against its bytes, and archives whose members overlap, share a name or lie where
 * the directory does are refused. Checksums are not compared. Bounds: 65,536 members, names of 512
 * bytes. */
#ifndef VOX_MODEL_ZIP_READER_H
#define VOX_MODEL_ZIP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum { VOX_ZIP_MAX_MEMBERS = 65536, VOX_ZIP_MAX_NAME = 512 };

struct vox_zip_member {
    const char *name; /* in the archive; not NUL-terminated */
    size_t name_length;
    const uint8_t *data; /* in the archive */
    size_t size;
    size_t start; /* of the local header, from the archive's first byte */
    size_t end;   /* of the data */
};

struct vox_zip;

/* Whether bytes begin or end as an archive does. */
bool vox_zip_recognise(const uint8_t *data, size_t size);

/* Reads the directory of an archive whose bytes are borrowed until vox_zip_close. VOX_E_UNSUPPORTED
 * for compressed or encrypted members and archives in parts, VOX_E_LIMIT beyond a bound, else
 * VOX_E_FORMAT. */
enum vox_code vox_zip_open(const uint8_t *data, size_t size, struct vox_zip **out,
                           struct vox_err *err) VOX_MUST_USE;

void vox_zip_close(struct vox_zip *zip); /* NULL is allowed */

size_t vox_zip_count(const struct vox_zip *zip);

/* The i-th member in the order of the names' bytes. */
const struct vox_zip_member *vox_zip_at(const struct vox_zip *zip, size_t i);

/* The member of that name, or NULL. */
const struct vox_zip_member *vox_zip_find(const struct vox_zip *zip, const char *name,
                                          size_t length);

#endif
