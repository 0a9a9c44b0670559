#include "model/grid_layout.h"

#include <string.h>

#include "util/memory.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void fill(struct vox_grid_layout *layout, int64_t per_axis)
{
    int64_t token = 0;
    int64_t side = layout->side;
    int64_t window = layout->window;
    for (int64_t n = 0; n < layout->n_windows; n++) {
        int64_t top = n / per_axis * window;
        int64_t left = n % per_axis * window;
        struct vox_grid_window *w = &layout->windows[n];
        w->first = token;
        w->height = smaller(window, side - top);
        w->width = smaller(window, side - left);
        w->padding = window * window - w->height * w->width;
        for (int64_t y = top; y < top + w->height; y++) {
            for (int64_t x = left; x < left + w->width; x++) {
                layout->raster[token++] = (int32_t)(y * side + x);
            }
        }
    }
}

enum vox_code vox_grid_init(struct vox_grid_layout *layout, int64_t side, int64_t window,
                            struct vox_err *err)
{
    int64_t per_axis = (side + window - 1) / window;
    struct vox_grid_layout made = {
        .side = side, .window = window, .n_windows = per_axis * per_axis};
    made.windows = vox_calloc((size_t)made.n_windows, sizeof(*made.windows));
    made.raster = vox_calloc((size_t)(side * side), sizeof(*made.raster));
    if (made.windows == NULL || made.raster == NULL) {
        vox_grid_fini(&made);
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    fill(&made, per_axis);
    *layout = made;
    return VOX_OK;
}

void vox_grid_fini(struct vox_grid_layout *layout)
{
    vox_free(layout->windows);
    vox_free(layout->raster);
    memset(layout, 0, sizeof(*layout));
}
