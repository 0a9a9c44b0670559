#include "volume/overlap.h"

#include <stdbool.h>

int64_t vox_overlap_count(const struct vox_region *a, const struct vox_region *b,
                          const int64_t size[3])
{
    if (a->count == 0 || b->count == 0) {
        return 0;
    }
    int64_t low[3], high[3];
    for (int axis = 0; axis < 3; axis++) {
        low[axis] = a->low[axis] > b->low[axis] ? a->low[axis] : b->low[axis];
        high[axis] = a->high[axis] < b->high[axis] ? a->high[axis] : b->high[axis];
    }
    int64_t both = 0;
    for (int64_t k = low[2]; k <= high[2]; k++) {
        for (int64_t j = low[1]; j <= high[1]; j++) {
            const int64_t row = size[0] * (j + size[1] * k);
            for (int64_t i = low[0]; i <= high[0]; i++) {
                both += a->voxels[row + i] == a->value && b->voxels[row + i] == b->value;
            }
        }
    }
    return both;
}

double vox_overlap_dice(int64_t a, int64_t b, int64_t both)
{
    return a + b == 0 ? 1.0 : 2.0 * (double)both / (double)(a + b);
}

double vox_overlap_jaccard(int64_t a, int64_t b, int64_t both)
{
    return a + b == 0 ? 1.0 : (double)both / (double)(a + b - both);
}
