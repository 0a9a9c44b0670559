#include "volume/fill_holes.h"

#include <string.h>

#include "util/memory.h"

/* One slice: background that is reached from the edge gets its mark, all other is hole. */
struct slice {
    int32_t width, height;
    uint8_t *reached; /* by voxel */
    int32_t *stack;   /* voxels whose neighbours are to be looked at; each comes once */
    int32_t waiting;
};

static void reach(struct slice *slice, const uint8_t *mask, int32_t at)
{
    if (mask[at] == 0 && slice->reached[at] == 0) {
        slice->reached[at] = 1;
        slice->stack[slice->waiting++] = at;
    }
}

static void reach_edge(struct slice *slice, const uint8_t *mask)
{
    int32_t w = slice->width, h = slice->height;
    for (int32_t i = 0; i < w; i++) {
        reach(slice, mask, i);
        reach(slice, mask, (h - 1) * w + i);
    }
    for (int32_t j = 0; j < h; j++) {
        reach(slice, mask, j * w);
        reach(slice, mask, j * w + w - 1);
    }
}

static void spread(struct slice *slice, const uint8_t *mask)
{
    int32_t w = slice->width, h = slice->height;
    while (slice->waiting > 0) {
        int32_t at = slice->stack[--slice->waiting];
        int32_t i = at % w, j = at / w;
        if (i > 0) {
            reach(slice, mask, at - 1);
        }
        if (i < w - 1) {
            reach(slice, mask, at + 1);
        }
        if (j > 0) {
            reach(slice, mask, at - w);
        }
        if (j < h - 1) {
            reach(slice, mask, at + w);
        }
    }
}

enum vox_code vox_fill_holes(uint8_t *mask, const int64_t size[3], struct vox_err *err)
{
    size_t pixels;
    if (!vox_mul((size_t)size[0], (size_t)size[1], &pixels) || pixels > INT32_MAX) {
        return vox_fail(err, VOX_E_LIMIT, "a slice is too large to fill its holes");
    }
    struct slice slice = {
        .width = (int32_t)size[0],
        .height = (int32_t)size[1],
        .reached = vox_alloc(pixels),
        .stack = vox_calloc(pixels, sizeof(int32_t)),
    };
    enum vox_code code = VOX_OK;
    if (slice.reached == NULL || slice.stack == NULL) {
        code = vox_fail(err, VOX_E_NOMEM, "out of memory for the holes of a mask");
    }
    for (int64_t k = 0; k < size[2] && code == VOX_OK; k++) {
        uint8_t *at = mask + (size_t)k * pixels;
        memset(slice.reached, 0, pixels);
        reach_edge(&slice, at);
        spread(&slice, at);
        for (size_t p = 0; p < pixels; p++) {
            if (at[p] == 0 && slice.reached[p] == 0) {
                at[p] = 1;
            }
        }
    }
    vox_free(slice.reached);
    vox_free(slice.stack);
    return code;
}
