#include "volume/region.h"

#include <stddef.h>

static void include(struct vox_region *region, const int64_t at[3])
{
    for (int axis = 0; axis < 3; axis++) {
        if (region->count == 0 || at[axis] < region->low[axis]) {
            region->low[axis] = at[axis];
        }
        if (region->count == 0 || at[axis] > region->high[axis]) {
            region->high[axis] = at[axis];
        }
    }
}

/* A run of equal voxels along i. */
static void add_run(struct vox_region *region, int64_t begin, int64_t end, int64_t j, int64_t k)
{
    include(region, (const int64_t[3]){begin, j, k});
    region->count += end - begin;
    include(region, (const int64_t[3]){end - 1, j, k});
}

void vox_regions_find(const uint16_t *voxels, const int64_t size[3], struct vox_region *regions,
                      int n)
{
    for (int r = 0; r < n; r++) {
        regions[r] = (struct vox_region){.voxels = voxels, .value = (uint16_t)(r + 1)};
    }
    for (int64_t k = 0; k < size[2]; k++) {
        for (int64_t j = 0; j < size[1]; j++) {
            const uint16_t *row = voxels + size[0] * (j + size[1] * k);
            int64_t begin = 0;
            while (begin < size[0]) {
                uint16_t value = row[begin];
                int64_t end = begin + 1;
                while (end < size[0] && row[end] == value) {
                    end++;
                }
                if (value > 0 && value <= n) {
                    add_run(&regions[value - 1], begin, end, j, k);
                }
                begin = end;
            }
        }
    }
}

void vox_region_slice(const struct vox_region *region, const int64_t size[3], int64_t k,
                      struct vox_region *out)
{
    struct vox_region part = {.voxels = region->voxels, .value = region->value};
    if (region->count > 0 && k >= region->low[2] && k <= region->high[2]) {
        for (int64_t j = region->low[1]; j <= region->high[1]; j++) {
            const uint16_t *row = region->voxels + size[0] * (j + size[1] * k);
            for (int64_t i = region->low[0]; i <= region->high[0]; i++) {
                if (row[i] == region->value) {
                    add_run(&part, i, i + 1, j, k);
                }
            }
        }
    }
    *out = part;
}
