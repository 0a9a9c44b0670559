/* What the fuzz targets of volume formats do with a file that was accepted. */
#ifndef VOX_FUZZ_USE_VOLUME_H
#define VOX_FUZZ_USE_VOLUME_H

#include <stdlib.h>

#include "volume/volume.h"

/* Ends the process where a size or spacing is out of bounds; reads the last slice. */
static void use_volume(const struct vox_volume *volume, const struct vox_volume_limits *limits)
{
    for (int axis = 0; axis < 3; axis++) {
        if (volume->size[axis] < 1 || volume->size[axis] > limits->max_side ||
            !(volume->geometry.spacing[axis] > 0)) {
            abort();
        }
    }
    double *slice = malloc((size_t)(volume->size[0] * volume->size[1]) * sizeof(*slice));
    if (slice == NULL) {
        abort();
    }
    vox_volume_slice(volume, volume->size[2] - 1, slice);
    free(slice);
}

#endif
