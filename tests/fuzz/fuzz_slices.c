/* Files read slice by slice under a budget: what comes is what reading them whole gives, and what
 * is refused whole is not accepted in parts. The first byte is the budget in eighths of the file's
 * slices, the second one the order; the rest is the file. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "volume/slice_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all slices upwards, so that the whole stream is seen, then in another order. False if one
 * could not be read. Compares with `whole`, if that is not NULL. */
static bool read_slices(struct vox_slice_source *source, const struct vox_volume *whole,
                        unsigned order)
{
    const struct vox_volume *volume = vox_slice_source_volume(source);
    const int64_t depth = volume->size[2];
    const size_t bytes = (size_t)(volume->size[0] * volume->size[1]) * vox_voxel_size(volume->type);
    for (int64_t i = 0; i < 2 * depth; i++) {
        int64_t k = i;
        if (i >= depth) {
            k = order % 3 == 0 ? 2 * depth - 1 - i : (i * (1 + (int64_t)order) + order) % depth;
        }
        const void *stored;
        if (vox_slice_source_stored(source, k, &stored, NULL) != VOX_OK) {
            return false;
        }
        if (whole != NULL &&
            memcmp(stored, (const uint8_t *)whole->voxels + (size_t)k * bytes, bytes) != 0) {
            abort();
        }
        if (order % 5 == 0 && i == depth) {
            vox_slice_source_plan(source, depth / 3, depth - 1 - depth / 4);
        }
    }
    return true;
}

static void compare(const char *path, unsigned eighths, unsigned order)
{
    const struct vox_volume_limits limits = {.max_side = 300, .max_bytes = 1 << 20};
    struct vox_volume *whole = NULL;
    uint64_t budget = 1 << 20;
    bool good = vox_volume_read(path, &limits, &whole, NULL) == VOX_OK;
    if (good) {
        uint64_t bytes = (uint64_t)(whole->size[0] * whole->size[1] * whole->size[2]) *
                         vox_voxel_size(whole->type);
        budget = bytes * eighths / 8;
    } else {
        budget = (uint64_t)eighths * 97;
    }
    struct vox_slice_source *source = NULL;
    if (vox_slice_source_open(path, &limits, budget, &source, NULL) == VOX_OK) {
        if (read_slices(source, whole, order) && !good) {
            abort();
        }
        if (!vox_slice_source_resident(source) && vox_slice_source_bytes(source) > budget) {
            abort();
        }
        vox_slice_source_close(source);
    }
    vox_volume_free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    int file = memfd_create("volume", 0);
    if (file < 0 || write(file, data + 2, size - 2) != (ssize_t)(size - 2)) {
        abort();
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    compare(path, data[0] % 9, data[1]);
    close(file);
    return 0;
}
