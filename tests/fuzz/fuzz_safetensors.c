/* The header of a .safetensors file, with its true length before it and as many bytes behind it as
 * its first byte says times four. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/weights.h"
#include "support/byte_builder.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct vox_bytes file = {0};
    vox_bytes_number(&file, size - 1, 8);
    vox_bytes_add(&file, data + 1, size - 1);
    vox_bytes_fill(&file, 0x3c, 4 * (size_t)(data[0] % 64));
    struct vox_weights *weights = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_weights_from_memory(file.data, file.size, &weights, &err);
    if ((code == VOX_OK) != (weights != NULL) || (code == VOX_OK) != (err.msg[0] == '\0')) {
        abort();
    }
    const char *metadata = code == VOX_OK ? vox_weights_metadata(weights) : NULL;
    if (metadata != NULL && (metadata[0] != '{' || metadata[strlen(metadata) - 1] != '}')) {
        abort();
    }
    for (int64_t i = 0; code == VOX_OK && i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_at(weights, i);
        const float *values;
        float *owned = NULL;
        volatile float sum = 0;
        if (vox_weight_f32(weight, &values, &owned, NULL) == VOX_OK) {
            for (int64_t j = 0; j < weight->numel; j++) {
                sum = sum + values[j];
            }
        }
        vox_free(owned);
    }
    vox_weights_close(weights);
    vox_bytes_free(&file);
    return 0;
}
