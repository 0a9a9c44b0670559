/* What tells one state of an image file from every other, without reading its voxels. */
#ifndef VOX_PIPELINE_FILE_IDENTITY_H
#define VOX_PIPELINE_FILE_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "util/error.h"

struct vox_file_identity {
    struct vox_file_part {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec modified;
        struct timespec changed; /* which tools that copy times cannot set */
    } parts[2]; /* the file, and that of its voxels where a MetaImage header names one */
};

/* VOX_E_NOT_FOUND, VOX_E_IO, VOX_E_NOMEM. */
enum vox_code vox_file_identify(const char *path, struct vox_file_identity *out,
                                struct vox_err *err) VOX_MUST_USE;

/* The same for a file that is about to be read. What was written a moment ago could be written
 * again without a change of its times, since those go in steps: waits for such a step, 20 ms at
 * most, so that every later change shows. */
enum vox_code vox_file_identify_settled(const char *path, struct vox_file_identity *out,
                                        struct vox_err *err) VOX_MUST_USE;

bool vox_file_identity_equal(const struct vox_file_identity *a, const struct vox_file_identity *b);

#endif
