/* What the image encoder makes of one slice. G = image_size / 16. Token order is raster, channels
 * last. */
#ifndef VOX_MODEL_FEATURES_H
#define VOX_MODEL_FEATURES_H

#include <stddef.h>

#include "model/config.h"

struct vox_features {
    float *f2; /* G*G x d_model: the vision feature of memory, decoder and memory attention */
    float *s1; /* 2G*2G x d_model / 4: high-resolution feature of stride 8 */
    float *s0; /* 4G*4G x d_model / 8: high-resolution feature of stride 4 */
};

/* Allocates the three maps (about 4 MiB at 512); NULL where there is no memory. Release with
 * vox_features_free. */
struct vox_features *vox_features_new(const struct vox_model_config *config);
void vox_features_free(struct vox_features *features); /* NULL is allowed */

/* Bytes that one vox_features_new takes. */
size_t vox_features_bytes(const struct vox_model_config *config);

#endif
