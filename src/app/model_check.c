#include "app/model_check.h"

#include <stdio.h>

#include "model/weights.h"
#include "pipeline/model_choice.h"
#include "util/file.h"
#include "util/hash.h"

enum vox_code vox_model_bytes_check(const void *data, size_t size, const char *yaml,
                                    char config[64], const char **container, struct vox_err *err)
{
    struct vox_weights *weights;
    struct vox_model_config found;
    enum vox_code code = vox_weights_from_memory(data, size, &weights, err);
    if (code != VOX_OK) {
        return code;
    }
    code = vox_config_choose(yaml, weights, &found, err);
    if (code == VOX_OK) {
        snprintf(config, sizeof(found.name), "%s", found.name);
        *container = vox_weights_container(weights);
    }
    vox_weights_close(weights);
    return code;
}

enum vox_code vox_model_file_check(const char *path, const char *yaml, char config[64],
                                   struct vox_err *err)
{
    struct vox_mapping mapping;
    const char *container;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code == VOX_OK) {
        code = vox_model_bytes_check(mapping.data, mapping.size, yaml, config, &container, err);
        vox_file_unmap(&mapping);
    }
    return code;
}

enum vox_code vox_model_file_hash(const char *path, char sha256[65], size_t *size,
                                  struct vox_err *err)
{
    struct vox_mapping mapping;
    enum vox_code code = vox_file_map(path, &mapping, err);
    if (code == VOX_OK) {
        code = vox_sha256_hex(mapping.data, mapping.size, sha256, err);
        if (code == VOX_OK) {
            *size = mapping.size;
        }
        vox_file_unmap(&mapping);
    }
    return code;
}
