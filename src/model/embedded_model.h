/* Networks inside the program and the library themselves. Their configuration is the built-in
 * skeleton of their name (model/config.h). */
#ifndef VOX_MODEL_EMBEDDED_MODEL_H
#define VOX_MODEL_EMBEDDED_MODEL_H

#include <stddef.h>
#include <stdint.h>

struct vox_embedded_model {
    const char *name;
    const char *short_name; /* finds it as well */
    const uint8_t *weights; /* a .safetensors file, at a multiple of 64 bytes */
    size_t size;
    const char *sha256; /* of the file that the build took */
};

/* The i-th, NULL beyond the last; a build may be without any (VOX_EMBED_MODEL). The first is what
 * is taken where no model is named. */
const struct vox_embedded_model *vox_embedded_model_at(int i);

/* The one of that name or short name, or NULL. */
const struct vox_embedded_model *vox_embedded_model_find(const char *name);

#endif
