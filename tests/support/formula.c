#include "support/formula.h"

#include <math.h>
#include <string.h>

uint32_t vox_formula_hash(const char *salt, const char *name)
{
    uint32_t hash = 2166136261u;
    for (int i = 0; i < 2; i++) {
        for (const char *at = i == 0 ? salt : name; *at != '\0'; at++) {
            hash = (hash ^ (unsigned char)*at) * 16777619u;
        }
    }
    return hash;
}

/* The i-th number of -1..1, exact in double. */
static double spread(uint32_t hash, uint32_t i)
{
    uint32_t x = hash ^ i * 2654435769u;
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x / 2147483648.0 - 1.0;
}

void vox_formula_fill(const char *salt, const char *name, int rank, const int64_t *shape,
                      float *out)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++) {
        n *= shape[i];
    }
    size_t length = strlen(name);
    double scale = 0.2;
    double offset = 0.0;
    if (rank >= 2) {
        scale = sqrt(3.0 * (double)shape[0] / (double)n);
    } else if (length >= 7 && strcmp(name + length - 7, ".weight") == 0) {
        offset = 1.0;
    }
    uint32_t hash = vox_formula_hash(salt, name);
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)(offset + scale * spread(hash, (uint32_t)i));
    }
}
