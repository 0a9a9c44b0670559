/* Label maps of any format, Slicer's segmentations most of all. What is accepted is laid upon an
 * image that it half covers; each value and each segment is looked for in all its slices, and what
 * a slice says of its own voxels is compared with them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "volume/label_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int64_t said, const uint8_t *mask, size_t voxels)
{
    int64_t count = 0;
    for (size_t i = 0; i < voxels; i++) {
        if (mask[i] > 1) {
            abort();
        }
        count += mask[i];
    }
    if (count != said) {
        abort();
    }
}

static void look(const struct vox_label_map *map, const struct vox_volume *image)
{
    size_t voxels = (size_t)(image->size[0] * image->size[1]);
    const int32_t *values;
    size_t n = vox_label_map_values(map, &values);
    int segments = vox_label_map_segments(map);
    uint8_t *mask = malloc(voxels);
    if (mask == NULL) {
        abort();
    }
    /* The first and the last few: more would only take time. */
    for (int64_t k = 0; k < image->size[2]; k += 1 + image->size[2] / 8) {
        for (size_t i = 0; i < n; i += 1 + n / 4) {
            check(vox_label_map_value_slice(map, values[i], k, mask), mask, voxels);
        }
        for (int i = 0; i < segments; i += 1 + segments / 4) {
            check(vox_label_map_segment_slice(map, i, k, mask), mask, voxels);
        }
    }
    free(mask);
    for (int i = 0; i < segments; i++) {
        const struct vox_segment_info *segment = vox_label_map_segment(map, i);
        if (segment->layer >= vox_label_map_layers(map) || strlen(segment->name) > 1 << 20 ||
            strlen(segment->id) > 1 << 20) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct vox_volume_limits limits = {.max_side = 300, .max_bytes = 1 << 18};
    struct vox_label_map *map = NULL;
    struct vox_err err;
    if (vox_label_map_parse(data, size, &limits, &map, &err) != VOX_OK) {
        return 0;
    }
    struct vox_volume image = *vox_label_map_grid(map);
    look(map, &image);
    for (int axis = 0; axis < 3; axis++) {
        image.size[axis] = image.size[axis] / 2 + 1;
        for (int r = 0; r < 3; r++) {
            image.geometry.affine[r][3] += image.geometry.affine[r][axis];
        }
    }
    if (vox_label_map_place(map, &image, &err) == VOX_OK) {
        look(map, &image);
    }
    vox_label_map_free(map);
    return 0;
}
