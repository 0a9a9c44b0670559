/* Checksums of images, computed behind and kept in .voxlabel/checksums by size and times of
 * the file, since image infos are the clients' own. */
#ifndef VOX_STORE_CHECKSUMS_H
#define VOX_STORE_CHECKSUMS_H

#include <stdbool.h>

#include "store/datastore_parts.h"

/* Reads what is kept and begins to compute what is missing, if the options say so. */
enum vox_code vox_checksums_new(struct vox_datastore *store, struct vox_checksums **out,
                                struct vox_err *err) VOX_MUST_USE;

/* Ends the thread and keeps what is known. NULL is allowed. */
void vox_checksums_free(struct vox_checksums *checksums);

/* The files may have changed without a word. */
void vox_checksums_poke(struct vox_datastore *store);

/* A checksum that is known and still holds; false if there is none. */
bool vox_checksums_known(struct vox_datastore *store, const char *path, const char *file_name,
                         char out[VOX_CHECKSUM_SIZE]);

#endif
