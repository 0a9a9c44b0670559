/* Models inside the program itself. */
#ifndef VOX_APP_MODEL_EMBEDDED_H
#define VOX_APP_MODEL_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

struct vox_embedded_model {
    const char *name;
    const uint8_t *weights; /* a .safetensors file */
    size_t size;
    const char *yaml; /* its configuration */
    size_t yaml_size;
};

/* The i-th, NULL beyond the last. */
const struct vox_embedded_model *vox_embedded_model_at(int i);

/* The one of that name, or NULL. */
const struct vox_embedded_model *vox_embedded_model_find(const char *name);

#endif
