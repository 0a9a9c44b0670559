/* A preview: the slices of a segmentation side by side in one picture, with the outlines of what
 * was found and the prompts that were given.
 *
 * Each slice is a tile of the same part of the image, scaled so that a millimetre has the same
 * length in both directions and in all tiles. On a tile are the grey values; a thin outline of each
 * label, along the line that lies halfway between the voxels inside and those outside; boxes as
 * yellow rectangles, positive clicks as green and negative ones as red crosses; the slice's number,
 * yellow where there are prompts; and, if known, the directions of its edges. Slices run from left
 * to right and down.
 *
 * Nothing here knows where grey values, labels and prompts come from: the caller gives slices on
 * demand. Coordinates are voxel indices of the image, i along the row, j down the rows, and may lie
 * between voxels: voxel i covers i - 0.5 to i + 0.5. */
#ifndef VOX_PIPELINE_PREVIEW_H
#define VOX_PIPELINE_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct vox_file_writer;

enum {
    VOX_PREVIEW_SLICES = 24,        /* a good number for one picture */
    VOX_PREVIEW_SLICES_MAX = 200,   /* more are refused */
    VOX_PREVIEW_TILE_PIXELS = 280,  /* longer side of a tile, about */
    VOX_PREVIEW_SIDE_MAX = 1 << 16, /* pixels of a slice along i and j */
};

struct vox_preview_box {
    int64_t k;
    double i0, j0, i1, j1; /* outermost voxels, inside; in any order */
};

struct vox_preview_click {
    int64_t k;
    double i, j;
    bool positive;
};

/* A part of the slices, in voxels, first and last inside. */
struct vox_preview_view {
    int64_t i0, j0, i1, j1;
};

struct vox_preview {
    int64_t width, height; /* of a slice, voxels */
    double spacing[2];     /* mm along i and j */

    /* Fills grey and labels of slice k, width * height each: 0 is black, 255 white; a label is 0
     * where nothing was found. What it returns instead of VOX_OK ends the work. Called once for
     * each slice, in the order of the list. */
    enum vox_code (*slice)(void *context, int64_t k, uint8_t *grey, uint16_t *labels,
                           struct vox_err *err);
    void *context;
    const int64_t *slices; /* which ones, in the order of the picture */
    int n_slices;          /* 1 ... VOX_PREVIEW_SLICES_MAX */

    const struct vox_preview_box *boxes;
    int n_boxes;
    const struct vox_preview_click *clicks;
    int n_clicks;

    struct vox_preview_view view; /* all 0: whole slices */
    bool mirror_i, mirror_j;      /* show i from right to left, j from bottom to top */
    char edges[4]; /* letters at the left, right, upper and lower edge of each tile, of "RLAPSI"; 0:
                      none */
};

/* A colour that shows on grey and differs from those of its neighbours, for label values from 1;
 * none is that of a prompt. */
void vox_preview_colour(uint16_t label, uint8_t out[3]);

/* Chooses slices for the picture: all of `prompted` (n of them, in any order, also twice) and,
 * evenly, others of first ... last (first > last: none), at most `most` in all, in ascending order;
 * where more than that are prompted, evenly of these. `out` has room for `most`; returns how many.
 */
int vox_preview_choose(int64_t first, int64_t last, const int64_t *prompted, int n, int most,
                       int64_t *out);

/* The part of the slices to show around what is at low ... high (i and j of labels and prompts):
 * with three quarters of its extent on each side, at least 20 mm, as near to a square in mm as the
 * image allows; all of it where low > high. */
void vox_preview_frame(int64_t width, int64_t height, const double spacing[2], const double low[2],
                       const double high[2], struct vox_preview_view *out);

/* Sets mirror_i, mirror_j and edges so that a radiologist sees what is usual: the patient's right
 * on the left of the picture, the front or the head on top. `affine` is the image's
 * (volume/geometry.h), only read. Rows and columns are not exchanged. */
void vox_preview_orient(double affine[3][4], struct vox_preview *preview);

/* Draws the picture as PNG. *out holds the whole file under its temporary name, and the caller ends
 * it with vox_file_commit or vox_file_abandon (util/file.h). Needs memory for one slice and one row
 * of tiles. VOX_E_ARG for numbers that cannot be, VOX_E_LIMIT for a slice beyond
 * VOX_PREVIEW_SIDE_MAX, VOX_E_NOMEM, VOX_E_IO, and what `slice` returns. */
enum vox_code vox_preview_prepare(const char *path, const struct vox_preview *preview,
                                  struct vox_file_writer **out, struct vox_err *err) VOX_MUST_USE;

#endif
