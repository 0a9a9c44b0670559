/* datastore_v2.json on the disk, for whoever holds the lock. */
#ifndef VOX_STORE_DISK_INDEX_H
#define VOX_STORE_DISK_INDEX_H

#include <stdbool.h>

#include "store/datastore_parts.h"

struct vox_file_writer;

/* Takes flock on .lock, waiting 30 seconds at most; *fd is -1 where the folder cannot be written.
 * VOX_E_BUSY. */
enum vox_code vox_disk_lock(struct vox_datastore *store, int *fd, struct vox_err *err) VOX_MUST_USE;
void vox_disk_unlock(int fd);

/* A draft of what the file says now; objects that did not change are shared. *changed: it differs
 * from what readers see. *missing: the file is not there, or was broken and has been put aside, so
 * that it must be written. */
enum vox_code vox_disk_read(struct vox_datastore *store, struct vox_index **draft, bool *changed,
                            bool *missing, struct vox_err *err) VOX_MUST_USE;

/* Brings the file's new text to the disk under a temporary name; vox_disk_finish gives it its own,
 * vox_file_abandon drops it. */
enum vox_code vox_disk_prepare(struct vox_datastore *store, const struct vox_index *draft,
                               struct vox_file_writer **out, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_disk_finish(struct vox_datastore *store, struct vox_file_writer *file,
                              struct vox_err *err) VOX_MUST_USE;

/* Whether this still is the folder that was opened. VOX_E_IO. */
enum vox_code vox_disk_check_folder(struct vox_datastore *store, struct vox_err *err) VOX_MUST_USE;

#endif
