/* Whether a file is an image that can be decoded, told by its header and its size. */
#ifndef VOX_STORE_IMAGE_PROBE_H
#define VOX_STORE_IMAGE_PROBE_H

#include "util/error.h"
#include "volume/volume.h"

enum vox_probe {
    VOX_PROBE_WHOLE,
    VOX_PROBE_PART, /* compressed voxels that may not all be there */
    VOX_PROBE_NOT
};

/* Why an image is VOX_PROBE_NOT stands in *err (NULL is allowed), *code the code with it. */
enum vox_probe vox_image_probe(const char *path, const struct vox_volume_limits *limits,
                               enum vox_code *code, struct vox_err *err);

#endif
