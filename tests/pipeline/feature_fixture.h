/* Small features whose values follow from a number, for tests of what keeps them. */
#ifndef VOX_PIPELINE_FEATURE_FIXTURE_H
#define VOX_PIPELINE_FEATURE_FIXTURE_H

#include <stdbool.h>

#include "model/features.h"
#include "pipeline/feature_store.h"

/* 64 x 64 pixels, 4 x 4 tokens of 32 channels. */
extern const struct vox_model_config vox_small_config;

/* Ends the process where there is no memory. */
struct vox_features *vox_small_features(int seed);

/* Whether they are those of that number, bit for bit. */
bool vox_are_small_features(const struct vox_features *features, int seed);

struct vox_feature_key vox_small_key(int seed);

#endif
