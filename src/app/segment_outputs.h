/* Files that appear together or not at all: all are written under temporary names, then all get
 * their names. */
#ifndef VOX_APP_SEGMENT_OUTPUTS_H
#define VOX_APP_SEGMENT_OUTPUTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "volume/volume.h"

enum { VOX_OUTPUTS_MAX = 3 };

/* All zero is empty. From before the first file until the end no signal may end the process
 * (app/signals.h). */
struct vox_outputs {
    int n;
    struct {
        const char *path;
        struct vox_file_writer *file;
    } at[VOX_OUTPUTS_MAX];
};

/* Finds out before the long work whether a file can be written: by beginning to write it. Returns
 * 0, or the exit status after it said what is wrong. */
int vox_outputs_try(const char *path);

/* Writes a file under its temporary name. Returns 0; VOX_EXIT_CANCELLED, without a word, once
 * *cancel is not 0; or VOX_EXIT_FAILURE after it said what is wrong. The path is borrowed. */
int vox_outputs_add_volume(struct vox_outputs *outputs, const char *path,
                           const struct vox_volume *like, enum vox_voxel_type type,
                           const void *voxels, const atomic_int *cancel);
int vox_outputs_add_text(struct vox_outputs *outputs, const char *path, const char *text,
                         size_t size);

/* Gives all files their names. Returns 0, or VOX_EXIT_FAILURE after it said what is wrong: the file
 * in question and those after it are dropped, those before it are in place. Empties the outputs. */
int vox_outputs_commit(struct vox_outputs *outputs);

/* Drops all files; empties the outputs. */
void vox_outputs_abandon(struct vox_outputs *outputs);

#endif
