/* MetaImage files; the last slice of what is accepted is read too. */
#include <stdint.h>

#include "use_volume.h"
#include "volume/metaimage_header.h"
#include "volume/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct vox_volume_limits limits = {.max_side = 300, .max_bytes = 1 << 20};
    struct vox_volume *volume = NULL;
    struct vox_err err;
    if (!vox_is_metaimage(data, size) ||
        vox_volume_parse(data, size, &limits, &volume, &err) != VOX_OK) {
        return 0;
    }
    use_volume(volume, &limits);
    vox_volume_free(volume);
    return 0;
}
