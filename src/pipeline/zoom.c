#include "pipeline/zoom.h"

#include <math.h>

#include "util/json_writer.h"

enum { TILE = 16, STEP = 8 };

struct vox_zoom_window vox_zoom_whole(const int64_t slice[2])
{
    return (struct vox_zoom_window){.whole = true, .size = {slice[0], slice[1]}};
}

static int64_t axis_size(double length, double spacing)
{
    double tiles = ceil(length / spacing / TILE);
    if (!(tiles >= 1.0)) {
        return TILE;
    }
    return tiles > (double)VOX_ZOOM_SIDE_MAX / TILE ? (int64_t)VOX_ZOOM_SIDE_MAX
                                                    : TILE * (int64_t)tiles;
}

static int64_t axis_origin(double centre, int64_t size, int64_t slice)
{
    if (size > slice) {
        return -((size - slice) / 2);
    }
    double origin = STEP * floor((centre - (double)size / 2.0) / STEP + 0.5);
    if (!(origin > 0.0)) {
        return 0;
    }
    return origin < (double)(slice - size) ? (int64_t)origin : slice - size;
}

struct vox_zoom_window vox_zoom_around(const double centre[2], double length,
                                       const double spacing[2], const int64_t slice[2])
{
    struct vox_zoom_window window = {.whole = false};
    for (int a = 0; a < 2; a++) {
        window.size[a] = axis_size(length, spacing[a]);
        window.origin[a] = axis_origin(centre[a], window.size[a], slice[a]);
    }
    return window;
}

double vox_zoom_length(const double corners[4], double factor, const double spacing[2])
{
    double width = (corners[2] - corners[0] + 1.0) * spacing[0];
    double height = (corners[3] - corners[1] + 1.0) * spacing[1];
    double length = factor * (width > height ? width : height);
    double least = VOX_ZOOM_LEAST_VOXELS * (spacing[0] < spacing[1] ? spacing[0] : spacing[1]);
    return length > least ? length : least;
}

/* Columns or rows lo ... hi of the window's inside on one axis. */
struct reach {
    int64_t lo, hi;
    bool beyond_lo, beyond_hi; /* the slice goes on there */
};

static struct reach reach_of(int64_t origin, int64_t size, int64_t slice)
{
    int64_t end = origin + size;
    return (struct reach){.lo = origin > 0 ? origin : 0,
                          .hi = end < slice ? end - 1 : slice - 1,
                          .beyond_lo = origin > 0,
                          .beyond_hi = end < slice};
}

static bool row_touches(const uint8_t *row, const struct reach *columns)
{
    for (int64_t i = columns->lo; i <= columns->hi; i++) {
        if (row[i] != 0) {
            return true;
        }
    }
    return false;
}

bool vox_zoom_touches_rim(const struct vox_zoom_window *window, const uint8_t *mask,
                          const int64_t slice[2])
{
    struct reach columns = reach_of(window->origin[0], window->size[0], slice[0]);
    struct reach rows = reach_of(window->origin[1], window->size[1], slice[1]);
    if (window->whole) {
        return false;
    }
    for (int64_t j = rows.lo; j <= rows.hi; j++) {
        const uint8_t *row = mask + j * slice[0];
        bool rim = (j == rows.lo && rows.beyond_lo) || (j == rows.hi && rows.beyond_hi);
        if ((rim && row_touches(row, &columns)) || (columns.beyond_lo && row[columns.lo] != 0) ||
            (columns.beyond_hi && row[columns.hi] != 0)) {
            return true;
        }
    }
    return false;
}

void vox_zoom_put(const struct vox_zoom_window *window, struct vox_json_writer *json,
                  const char *key)
{
    if (window->whole) {
        vox_json_put_null(json, key);
        return;
    }
    vox_json_begin_array(json, key);
    vox_json_put_int(json, NULL, window->origin[0]);
    vox_json_put_int(json, NULL, window->origin[1]);
    vox_json_put_int(json, NULL, window->size[0]);
    vox_json_put_int(json, NULL, window->size[1]);
    vox_json_end(json);
}
