/* NRRD files with an attached header (teem.sourceforge.net/nrrd/format.html), voxels raw or
 * gzipped. */
#ifndef VOX_VOLUME_NRRD_H
#define VOX_VOLUME_NRRD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "volume/format.h"

/* True if the bytes begin with the magic of an NRRD file, of whatever version. */
bool vox_is_nrrd(const uint8_t *data, size_t size);

/* Of the row of NRRD; the voxels are gzipped. */
extern const struct vox_format_ending vox_nrrd_endings[];
enum vox_code vox_nrrd_prepare(const char *path, const struct vox_format_ending *ending,
                               const struct vox_geometry *like, const int64_t size[3],
                               enum vox_voxel_type type, const void *voxels,
                               const atomic_int *cancel, struct vox_file_writer **out,
                               struct vox_err *err) VOX_MUST_USE;

#endif
