/* Looking at the folder: images and labels whose file is gone leave the datastore, new ones come
 * in.
 *
 * A new file that may still be being written waits until it was closed, or has not changed for a
 * while, or is complete and not young. */
#ifndef VOX_STORE_FOLDER_LOOK_H
#define VOX_STORE_FOLDER_LOOK_H

#include <stdbool.h>

#include "store/datastore_parts.h"

/* Looks as a change of the datastore. `closed` (NULL: none) are the paths of files whose writers
 * are done; `eager`: files that are whole come in however young they are. *pending: files wait. */
enum vox_code vox_folder_look_now(struct vox_datastore *store, const struct vox_name_table *closed,
                                  bool eager, bool *pending, struct vox_err *err) VOX_MUST_USE;

struct vox_folder_look *vox_folder_look_new(void); /* NULL where there is no memory */
void vox_folder_look_free(struct vox_folder_look *look);

#endif
