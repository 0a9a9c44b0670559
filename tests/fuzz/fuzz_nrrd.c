/* NRRD files; the last slice of what is accepted is read too. */
#include <stdint.h>
#include <stdlib.h>

#include "volume/nrrd.h"
#include "volume/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct vox_volume *volume, const struct vox_volume_limits *limits)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct vox_volume_limits limits = {.max_side = 300, .max_bytes = 1 << 20};
    struct vox_volume *volume = NULL;
    struct vox_err err;
    if (!vox_is_nrrd(data, size) ||
        vox_volume_parse(data, size, &limits, &volume, &err) != VOX_OK) {
        return 0;
    }
    use(volume, &limits);
    vox_volume_free(volume);
    return 0;
}
