/* The private folder in which uploads lie until somebody takes them.
 *
 * It is made at start, 0700, with a name of its own, and removed at stop. Folders that a server
 * which was killed has left are removed by the next one of the same user: each is locked as long as
 * its server lives. Any thread. */
#ifndef VOX_SERVER_SPOOL_H
#define VOX_SERVER_SPOOL_H

#include <stdint.h>

#include "util/error.h"

struct vox_spool;

/* In the folder `parent`; NULL: TMPDIR or /tmp. VOX_E_IO, VOX_E_NOMEM. */
enum vox_code vox_spool_open(const char *parent, struct vox_spool **out,
                             struct vox_err *err) VOX_MUST_USE;

/* Removes the folder and what is in it. NULL is allowed. */
void vox_spool_close(struct vox_spool *spool);

const char *vox_spool_path(const struct vox_spool *spool);

/* Makes a file for an upload: *path is the caller's (vox_free), *fd open for writing. The path ends
 * as `name` does where that is the end of a kind of file that we know (".nii.gz"), so that readers
 * which go by names know it too; no other part of `name` is in it. */
enum vox_code vox_spool_create(struct vox_spool *spool, const char *name, char **path, int *fd,
                               struct vox_err *err) VOX_MUST_USE;

#endif
