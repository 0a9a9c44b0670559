/* The order in which the trunk keeps the tokens of a square grid: window after window, so that a
 * window's tokens are neighbours in memory and need no gathering. Windows at the right and bottom
 * edge are cut where the grid ends: the reference pads them instead, and vox_grid_window says by
 * how many tokens. */
#ifndef VOX_MODEL_GRID_LAYOUT_H
#define VOX_MODEL_GRID_LAYOUT_H

#include <stdint.h>

#include "util/error.h"

struct vox_grid_window {
    int64_t first;         /* first token */
    int64_t height, width; /* real tokens; both at most the window's side */
    int64_t padding;       /* tokens that the reference pads */
};

struct vox_grid_layout {
    int64_t side;   /* tokens per axis */
    int64_t window; /* side of a window; `side` itself: raster order */
    int64_t n_windows;
    struct vox_grid_window *windows;
    int32_t *raster; /* raster index (y * side + x) of every token */
};

/* Lays out a grid; the caller ends it with vox_grid_fini. */
enum vox_code vox_grid_init(struct vox_grid_layout *layout, int64_t side, int64_t window,
                            struct vox_err *err) VOX_MUST_USE;
void vox_grid_fini(struct vox_grid_layout *layout); /* all zero is allowed */

#endif
