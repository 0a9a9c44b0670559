#include "feature_fixture.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

enum { UNIT = 4 * 4 * 32 };

const struct vox_model_config vox_small_config = {.image_size = 64, .neck = {.d_model = 32}};

/* All bits matter, those of no number too. */
static uint32_t bits_of(int seed, int map, int i)
{
    uint32_t x = (uint32_t)seed * 2654435761U + (uint32_t)map * 40503U + (uint32_t)i * 2246822519U;
    x ^= x >> 15;
    x *= 3266489917U;
    return x ^ (x >> 13);
}

struct vox_features *vox_small_features(int seed)
{
    struct vox_features *features = vox_features_new(&vox_small_config);
    if (features == NULL) {
        fprintf(stderr, "no memory for features\n");
        exit(2);
    }
    float *const maps[3] = {features->f2, features->s1, features->s0};
    for (int map = 0; map < 3; map++) {
        for (int i = 0; i < (map == 2 ? 2 : 1) * UNIT; i++) {
            uint32_t bits = bits_of(seed, map, i);
            memcpy(&maps[map][i], &bits, sizeof(bits));
        }
    }
    return features;
}

bool vox_are_small_features(const struct vox_features *features, int seed)
{
    struct vox_features *expected = vox_small_features(seed);
    bool equal = memcmp(features->f2, expected->f2, UNIT * sizeof(float)) == 0 &&
                 memcmp(features->s1, expected->s1, UNIT * sizeof(float)) == 0 &&
                 memcmp(features->s0, expected->s0, 2 * UNIT * sizeof(float)) == 0;
    vox_features_free(expected);
    return equal;
}

struct vox_feature_key vox_small_key(int seed)
{
    struct vox_feature_key key;
    for (size_t i = 0; i < sizeof(key.bytes); i++) {
        key.bytes[i] = (uint8_t)bits_of(seed, 7, (int)i);
    }
    return key;
}
