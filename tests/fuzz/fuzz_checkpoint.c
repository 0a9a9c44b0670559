/* A checkpoint of any container: opened, looked through, and every tensor read. The first byte
 * chooses what the rest is: a whole file, or the pickle of an archive that is put around it, since
 * few changes of an archive keep it readable. */
#include <stdint.h>
#include <stdlib.h>

#include "model/weights.h"
#include "support/checkpoint_forge.h"
#include "util/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensors(const struct vox_weights *weights)
{
    for (int64_t i = 0; i < vox_weights_count(weights); i++) {
        const struct vox_weight *weight = vox_weights_at(weights, i);
        const float *values;
        float *owned;
        if (vox_weights_find(weights, weight->name) != weight) {
            abort();
        }
        if (vox_weight_f32(weight, &values, &owned, NULL) != VOX_OK) {
            continue;
        }
        volatile float sum = 0;
        for (int64_t j = 0; j < weight->numel; j++) {
            sum = sum + values[j];
        }
        vox_free(owned);
    }
}

static void open_bytes(const uint8_t *data, size_t size)
{
    struct vox_weights *weights = NULL;
    struct vox_err err = {0};
    enum vox_code code = vox_weights_from_memory(data, size, &weights, &err);
    if ((code == VOX_OK) != (weights != NULL) || (code == VOX_OK) != (err.msg[0] == '\0')) {
        abort();
    }
    if (code == VOX_OK) {
        read_tensors(weights);
    }
    vox_weights_close(weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float storage[16] = {1, 2, 3, 4, 5, 6, 7, 8};
    if (size == 0) {
        return 0;
    }
    if (data[0] != 'p') {
        /* A copy of that size, so that a sanitizer sees reads beyond it. */
        struct vox_bytes copy = {0};
        vox_bytes_add(&copy, data + 1, size - 1);
        open_bytes(copy.data, copy.size);
        vox_bytes_free(&copy);
        return 0;
    }
    struct vox_forge forge = {0};
    vox_forge_member(&forge, "archive/data/0", storage, sizeof(storage));
    vox_forge_member(&forge, "archive/data/1", storage, 6);
    struct vox_bytes archive = vox_forge_end_with(&forge, data + 1, size - 1);
    open_bytes(archive.data, archive.size);
    vox_bytes_free(&archive);
    return 0;
}
