/* A skeleton YAML: what is accepted must describe a network whose tensors can be listed. */
#include <stdint.h>
#include <stdlib.h>

#include "model/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vox_code check_shape(void *context, const char *name, int rank, const int64_t *shape,
                                 struct vox_err *err)
{
    (void)context;
    (void)err;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 1 || shape[i] > 1 << 24) {
            abort();
        }
    }
    return name[0] == '\0' || rank < 1 || rank > VOX_WEIGHT_MAX_RANK ? VOX_E_INTERNAL : VOX_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vox_model_config config;
    struct vox_err err = {0};
    enum vox_code code = vox_config_parse("fuzz", (const char *)data, size, &config, &err);
    if ((code == VOX_OK) != (err.msg[0] == '\0')) {
        abort();
    }
    if (code == VOX_OK && vox_schema_visit(&config, check_shape, NULL, &err) != VOX_OK) {
        abort();
    }
    return 0;
}
