/* Files on their way into the datastore: complete and on the disk under a hidden name, then given
 * their own. What a killed process leaves is swept away when the datastore is opened. */
#ifndef VOX_STORE_STAGED_FILE_H
#define VOX_STORE_STAGED_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* How hidden names begin. */
#define VOX_STAGED_PREFIX ".voxlabel-"

struct vox_datastore;

/* A staged file, the place that it goes to, and what was there before. All zero is none. */
struct vox_staged {
    char *temporary;
    char *folder; /* of the target */
    char *target;
    char *backup; /* where the file that was there is kept; NULL: nowhere */
    bool backed_up, placed;
};

/* Copies `source` into `folder`. The caller ends *out with vox_staged_end. VOX_E_IO,
 * VOX_E_NOT_FOUND, VOX_E_NOMEM. */
enum vox_code vox_staged_copy(const char *source, const char *folder, const char *target,
                              struct vox_staged *out, struct vox_err *err) VOX_MUST_USE;
enum vox_code vox_staged_text(const char *text, size_t size, const char *folder, const char *target,
                              struct vox_staged *out, struct vox_err *err) VOX_MUST_USE;

/* Links the target's file to the backup, renames the staged file to the target, and brings both
 * names to the disk. */
enum vox_code vox_staged_place(struct vox_staged *staged, struct vox_err *err) VOX_MUST_USE;

/* Takes that back as well as it can. */
void vox_staged_undo(struct vox_staged *staged);

/* Removes what was not placed. */
void vox_staged_end(struct vox_staged *staged);

/* A second name for a file in another folder of the same disk, or a copy where the disk has none. A
 * file that is not there is VOX_E_NOT_FOUND. Not durable until that folder is synced. */
enum vox_code vox_file_link(const char *from, const char *to, struct vox_err *err) VOX_MUST_USE;

/* The whole of a file that others may change at the same time, with a NUL behind. The caller frees
 * *out with vox_free. VOX_E_NOT_FOUND, VOX_E_LIMIT, VOX_E_IO, VOX_E_NOMEM. */
enum vox_code vox_file_text(const char *path, size_t most, char **out, size_t *size,
                            struct vox_err *err) VOX_MUST_USE;

#endif
