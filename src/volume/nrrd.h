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

/* Of the row of NRRD. */
extern const struct vox_format_ending vox_nrrd_endings[];

/* The SegmentN_... keys of a header that was opened. */
enum vox_code vox_nrrd_segments(const struct vox_content *content, struct vox_segment_list *out,
                                struct vox_err *err) VOX_MUST_USE;

enum vox_code vox_nrrd_encode(const struct vox_output *output, struct vox_head *head,
                              struct vox_err *err) VOX_MUST_USE;

#endif
