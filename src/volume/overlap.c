#include "volume/overlap.h"

/* A row of the box's mask that begins at (i, j, k) of the grid. */
static const uint8_t *row_at(const struct vox_region *region, int64_t i, int64_t j, int64_t k)
{
    return region->mask + (i - region->low[0]) +
           region->size[0] * ((j - region->low[1]) + region->size[1] * (k - region->low[2]));
}

int64_t vox_overlap_count(const struct vox_region *a, const struct vox_region *b)
{
    if (a->count == 0 || b->count == 0) {
        return 0;
    }
    int64_t low[3], end[3];
    for (int axis = 0; axis < 3; axis++) {
        int64_t end_a = a->low[axis] + a->size[axis], end_b = b->low[axis] + b->size[axis];
        low[axis] = a->low[axis] > b->low[axis] ? a->low[axis] : b->low[axis];
        end[axis] = end_a < end_b ? end_a : end_b;
        if (low[axis] >= end[axis]) {
            return 0;
        }
    }
    int64_t both = 0;
    for (int64_t k = low[2]; k < end[2]; k++) {
        for (int64_t j = low[1]; j < end[1]; j++) {
            const uint8_t *row_a = row_at(a, low[0], j, k), *row_b = row_at(b, low[0], j, k);
            for (int64_t i = 0; i < end[0] - low[0]; i++) {
                both += row_a[i] & row_b[i];
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
