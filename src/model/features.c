#include "model/features.h"

#include "util/memory.h"

static size_t tokens(const struct vox_model_config *config)
{
    size_t side = (size_t)config->image_size / 16;
    return side * side;
}

/* Floats of f2; s1 has as many (4 tokens of a quarter of the channels) and s0 twice as many (16 of
 * an eighth). */
static size_t unit(const struct vox_model_config *config)
{
    return tokens(config) * (size_t)config->neck.d_model;
}

size_t vox_features_bytes(const struct vox_model_config *config)
{
    return sizeof(struct vox_features) + 4 * unit(config) * sizeof(float);
}

struct vox_features *vox_features_new(const struct vox_model_config *config)
{
    struct vox_features *features = vox_alloc(sizeof(*features));
    float *maps = vox_alloc(4 * unit(config) * sizeof(*maps));
    if (features == NULL || maps == NULL) {
        vox_free(features);
        vox_free(maps);
        return NULL;
    }
    features->f2 = maps;
    features->s1 = maps + unit(config);
    features->s0 = maps + 2 * unit(config);
    return features;
}

void vox_features_free(struct vox_features *features)
{
    if (features != NULL) {
        vox_free(features->f2);
        vox_free(features);
    }
}
