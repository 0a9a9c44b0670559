/* The window of a slice that the network sees: the whole slice, or a part of it around the object,
 * the same on all slices. */
#ifndef VOX_PIPELINE_ZOOM_H
#define VOX_PIPELINE_ZOOM_H

#include <stdbool.h>
#include <stdint.h>

struct vox_json_writer;

struct vox_zoom_window {
    bool whole;        /* the slice itself: origin 0, size w x h */
    int64_t origin[2]; /* of the window in the slice, i and j; multiples of 8 unless it was moved
                          inside or centred; may be negative where the window is larger */
    int64_t size[2];   /* voxels, multiples of 16 unless whole; at most VOX_ZOOM_SIDE_MAX */
};

enum {
    VOX_ZOOM_SIDE_MAX = 1 << 30,
    VOX_ZOOM_LEAST_VOXELS = 48, /* of the finer spacing, for rectangles */
    VOX_ZOOM_CLICK_LENGTH = 48, /* mm */
    VOX_ZOOM_MAX_GROWTH = 3     /* times doubled */
};

/* The whole slice. */
struct vox_zoom_window vox_zoom_whole(const int64_t slice[2]);

/* The window of `length` millimetres around `centre` (i, j): per axis a the size is 16 *
 * ceil(length / spacing_a / 16) voxels, the origin 8 * r((centre_a - size_a / 2) / 8), moved
 * inside the slice where it fits, centred on the slice where it does not. */
struct vox_zoom_window vox_zoom_around(const double centre[2], double length,
                                       const double spacing[2], const int64_t slice[2]);

/* The length for rectangles: factor times the longer side in millimetres of their union (corners
 * i0, j0, i1, j1, a side is i1 - i0 + 1 voxels), at least 48 of the finer in-plane voxels. */
double vox_zoom_length(const double corners[4], double factor, const double spacing[2]);

/* Whether mask (w x h of the slice) touches the window's rim at a place inside the slice: there the
 * object may go on beyond the window. */
bool vox_zoom_touches_rim(const struct vox_zoom_window *window, const uint8_t *mask,
                          const int64_t slice[2]);

/* The member `key`: [i, j, width, height], origin and size; null for the whole slice. */
void vox_zoom_put(const struct vox_zoom_window *window, struct vox_json_writer *json,
                  const char *key);

#endif
