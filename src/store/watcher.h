/* The thread that follows the folder: woken by the kernel, or polling. */
#ifndef VOX_STORE_WATCHER_H
#define VOX_STORE_WATCHER_H

#include "store/datastore_parts.h"

/* Sets store->polled. *out is NULL where nothing is to be followed. */
enum vox_code vox_watcher_new(struct vox_datastore *store, struct vox_watcher **out,
                              struct vox_err *err) VOX_MUST_USE;
void vox_watcher_free(struct vox_watcher *watcher); /* NULL is allowed */

#endif
