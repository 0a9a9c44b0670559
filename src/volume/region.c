#include "volume/region.h"

#include <stdbool.h>
#include <string.h>

#include "util/memory.h"

static void include(struct vox_region *region, int64_t high[3], const int64_t at[3])
{
    for (int axis = 0; axis < 3; axis++) {
        if (region->count == 0 || at[axis] < region->low[axis]) {
            region->low[axis] = at[axis];
        }
        if (region->count == 0 || at[axis] > high[axis]) {
            high[axis] = at[axis];
        }
    }
}

/* Takes a slice's voxels into the box. */
static void include_slice(struct vox_region *region, int64_t high[3], const uint8_t *mask,
                          const int64_t size[3], int64_t k)
{
    for (int64_t j = 0; j < size[1]; j++) {
        const uint8_t *row = mask + j * size[0];
        const uint8_t *first = memchr(row, 1, (size_t)size[0]);
        if (first == NULL) {
            continue;
        }
        const uint8_t *last = memrchr(row, 1, (size_t)size[0]);
        include(region, high, (const int64_t[3]){first - row, j, k});
        region->count++; /* is counted in full later; here it only says that there is a box */
        include(region, high, (const int64_t[3]){last - row, j, k});
    }
}

/* Copies the box's part of its slices. */
static void copy_slices(const struct vox_region_source *source, const int64_t size[3],
                        uint8_t *slice, struct vox_region *region)
{
    uint8_t *to = region->mask;
    for (int64_t k = 0; k < region->size[2]; k++) {
        (void)source->slice(source->context, region->low[2] + k, slice);
        for (int64_t j = 0; j < region->size[1]; j++) {
            memcpy(to, slice + region->low[0] + size[0] * (region->low[1] + j),
                   (size_t)region->size[0]);
            to += region->size[0];
        }
    }
}

enum vox_code vox_region_read(const struct vox_region_source *source, const int64_t size[3],
                              struct vox_region *out, struct vox_err *err)
{
    struct vox_region region = {0};
    int64_t high[3] = {0}, count = 0;
    uint8_t *slice = vox_calloc((size_t)size[0], (size_t)size[1]);
    if (slice == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for a slice");
    }
    for (int64_t k = 0; k < size[2]; k++) {
        int64_t found = source->slice(source->context, k, slice);
        if (found > 0) {
            include_slice(&region, high, slice, size, k);
            count += found;
        }
    }
    region.count = count;
    if (count > 0) {
        size_t bytes = 1;
        bool fits = true;
        for (int axis = 0; axis < 3; axis++) {
            region.size[axis] = high[axis] - region.low[axis] + 1;
            fits = fits && vox_mul(bytes, (size_t)region.size[axis], &bytes);
        }
        region.mask = fits ? vox_alloc(bytes) : NULL;
        if (region.mask == NULL) {
            vox_free(slice);
            return vox_fail(err, VOX_E_NOMEM, "out of memory for a structure's box");
        }
        copy_slices(source, size, slice, &region);
    }
    vox_free(slice);
    *out = region;
    return VOX_OK;
}

void vox_region_free(struct vox_region *region)
{
    vox_free(region->mask);
    *region = (struct vox_region){0};
}

struct vox_region vox_region_slice(const struct vox_region *region, int64_t k)
{
    struct vox_region part = {0};
    int64_t at = k - region->low[2];
    if (region->count == 0 || at < 0 || at >= region->size[2]) {
        return part;
    }
    const int64_t pixels = region->size[0] * region->size[1];
    const uint8_t *mask = region->mask + at * pixels;
    for (int64_t p = 0; p < pixels; p++) {
        part.count += mask[p];
    }
    if (part.count > 0) {
        memcpy(part.low, region->low, sizeof(part.low));
        memcpy(part.size, region->size, sizeof(part.size));
        part.low[2] = k;
        part.size[2] = 1;
        part.mask = region->mask + at * pixels;
    }
    return part;
}
