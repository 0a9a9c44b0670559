/* MetaImage files (itk.org/Wiki/ITK/MetaIO): .mha with the voxels behind the header, .mhd with the
 * voxels in a file beside it; raw, or compressed with zlib or gzip. */
#ifndef VOX_VOLUME_METAIMAGE_H
#define VOX_VOLUME_METAIMAGE_H

#include "volume/format.h"

/* Of the row of MetaImage. */
extern const struct vox_format_ending vox_metaimage_endings[];
enum vox_code vox_metaimage_encode(const struct vox_output *output, struct vox_head *head,
                                   struct vox_err *err) VOX_MUST_USE;

/* MetaIO's name of a voxel type. */
const char *vox_metaimage_type_name(enum vox_voxel_type type);

#endif
