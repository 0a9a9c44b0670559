/* Voxels labelled "uncertain" in a label that a client submits. */
#ifndef VOX_STORE_UNCERTAIN_VOXELS_H
#define VOX_STORE_UNCERTAIN_VOXELS_H

#include <stdbool.h>

#include "store/datastore.h"

/* Writes `path` again as `out`, a path with the same ending, with its uncertain voxels dropped or
 * merged. Which voxels those are is told by the segments of the file, or by info.label_info: values
 * are 1, 2, ... in the order of its names, without background and scribbles, as 3D Slicer exports
 * them. *written is false, and there is no file, where nothing is called uncertain, no voxel is, or
 * the label cannot be rewritten; *why (may be NULL) then says what an operator should know, or is
 * NULL. */
enum vox_code vox_uncertain_rewrite(const char *path, const char *out, const char *info,
                                    enum vox_uncertain mode, const struct vox_volume_limits *limits,
                                    bool *written, const char **why,
                                    struct vox_err *err) VOX_MUST_USE;

#endif
