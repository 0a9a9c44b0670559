/* A folder of this process for files that go with it.
 *
 * It lies below a common one, is locked while the process lives, and is removed with all that is in
 * it when it is closed; whoever opens one next removes those of processes that are gone, killed
 * ones too. */
#ifndef VOX_UTIL_PRIVATE_FOLDER_H
#define VOX_UTIL_PRIVATE_FOLDER_H

#include "util/error.h"

struct vox_private_folder;

/* Makes `common` (its parents must be there) and a folder in it, both with mode 0700. VOX_E_ARG
 * where `common` is open to other users, VOX_E_IO, VOX_E_NOMEM. The caller owns *out. */
enum vox_code vox_private_folder_open(const char *common, struct vox_private_folder **out,
                                      struct vox_err *err) VOX_MUST_USE;

const char *vox_private_folder_path(const struct vox_private_folder *folder);

/* Removes it. NULL is allowed. */
void vox_private_folder_close(struct vox_private_folder *folder);

/* Removes a file or a folder with all that is in it, as far as it can; links are not followed. */
void vox_remove_tree(const char *path);

#endif
