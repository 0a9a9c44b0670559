/* A network of the published structure in small, with formula-made weights: 64 x 64 pixels, 4 x 4
 * tokens of 32 channels. Functions end the process with a message where they fail. */
#ifndef VOX_SUPPORT_TINY_NETWORK_H
#define VOX_SUPPORT_TINY_NETWORK_H

#include "model/builder.h"
#include "model/network.h"

/* The built-in configuration with small sizes. */
void vox_tiny_config(struct vox_model_config *config);

/* Weights for a configuration; another salt (NULL is "") gives others. `present` raises the object
 * score. */
struct vox_weights *vox_tiny_weights(const struct vox_model_config *config, const char *salt,
                                     bool present);

struct vox_tiny {
    struct vox_model_config config;
    struct vox_weights *weights;
    struct vox_pool *pool;
    struct vox_backend *be;
    struct vox_builder builder;
};

/* Weights (as vox_tiny_weights), two threads and the plain C backend, for building single modules.
 * Call vox_tiny_reserve once they are built. */
void vox_tiny_open(struct vox_tiny *tiny, const struct vox_model_config *config, const char *salt,
                   bool present);
void vox_tiny_reserve(struct vox_tiny *tiny);
void vox_tiny_close(struct vox_tiny *tiny);

/* n values in -1 ... 1 that follow from `name`, for the caller to vox_free. */
float *vox_tiny_values(const char *name, int64_t n);

#endif
