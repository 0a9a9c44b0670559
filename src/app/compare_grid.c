#include "app/compare_grid.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "volume/geometry.h"

static const double largest_shift = 0.01; /* voxels, of two grids that count as one */

static enum vox_code check_sizes(const struct vox_volume *a, const struct vox_volume *b,
                                 struct vox_err *err)
{
    for (int axis = 0; axis < 3; axis++) {
        if (a->size[axis] != b->size[axis]) {
            return vox_fail(err, VOX_E_ARG,
                            "has %" PRId64 " x %" PRId64 " x %" PRId64
                            " voxels and the other file %" PRId64 " x %" PRId64 " x %" PRId64
                            "; only files of one grid can be compared",
                            b->size[0], b->size[1], b->size[2], a->size[0], a->size[1], a->size[2]);
        }
    }
    double affine_a[3][4], affine_b[3][4];
    memcpy(affine_a, a->geometry.affine, sizeof(affine_a));
    memcpy(affine_b, b->geometry.affine, sizeof(affine_b));
    double shift = vox_corner_distance(affine_a, affine_b, a->size);
    if (!(shift <= largest_shift)) {
        return vox_fail(err, VOX_E_ARG,
                        "lies elsewhere than the other file, by %.3g voxels in a corner; resample "
                        "one to the other's grid first",
                        shift);
    }
    return VOX_OK;
}

/* The smallest grid of A's voxels that holds both. False if B's first voxel is not near one of it.
 */
static bool unite(const struct vox_volume *a, const struct vox_volume *b,
                  struct vox_common_grid *out)
{
    const struct vox_volume_limits limits = vox_volume_limits_default();
    double affine[3][4], steps[3];
    memcpy(affine, a->geometry.affine, sizeof(affine));
    const double origin[3] = {b->geometry.affine[0][3], b->geometry.affine[1][3],
                              b->geometry.affine[2][3]};
    vox_affine_index(affine, origin, steps);
    out->grid = *a;
    for (int axis = 0; axis < 3; axis++) {
        if (!(fabs(steps[axis]) <= (double)limits.max_side)) {
            return false;
        }
        int64_t step = (int64_t)round(steps[axis]);
        int64_t first = step < 0 ? step : 0;
        int64_t end = step + b->size[axis] > a->size[axis] ? step + b->size[axis] : a->size[axis];
        out->grid.size[axis] = end - first;
        if (out->grid.size[axis] > limits.max_side) {
            return false;
        }
        for (int r = 0; r < 3; r++) {
            out->grid.geometry.affine[r][3] += affine[r][axis] * (double)first;
        }
        if (axis == 2) {
            out->first_slice = first;
        }
    }
    return true;
}

static enum vox_code place_both(struct vox_label_map *a, struct vox_label_map *b,
                                struct vox_common_grid *out)
{
    if (!unite(vox_label_map_grid(a), vox_label_map_grid(b), out)) {
        return VOX_E_ARG;
    }
    enum vox_code code = vox_label_map_place(a, &out->grid, NULL);
    return code == VOX_OK ? vox_label_map_place(b, &out->grid, NULL) : code;
}

enum vox_code vox_common_grid_find(struct vox_label_map *a, struct vox_label_map *b,
                                   struct vox_common_grid *out, struct vox_err *err)
{
    const struct vox_volume *grid_a = vox_label_map_grid(a), *grid_b = vox_label_map_grid(b);
    bool named_a = vox_label_map_segments(a) > 0, named_b = vox_label_map_segments(b) > 0;
    struct vox_common_grid common = {.first_slice = 0};
    if (!named_a && !named_b) {
        enum vox_code code = check_sizes(grid_a, grid_b, err);
        if (code != VOX_OK) {
            return code;
        }
        common.grid = *grid_a;
        memcpy(common.sides, grid_a->size, sizeof(common.sides));
        *out = common;
        return VOX_OK;
    }
    if (place_both(a, b, &common) != VOX_OK) {
        return vox_fail(err, VOX_E_ARG,
                        "has its voxels elsewhere than the other file; resample one to the "
                        "other's grid first");
    }
    for (int axis = 0; axis < 3; axis++) {
        common.sides[axis] = common.grid.size[axis] + 2;
    }
    if (named_a && !named_b) {
        /* Counted from B's first slice. */
        double affine[3][4], steps[3];
        memcpy(affine, grid_b->geometry.affine, sizeof(affine));
        const double origin[3] = {common.grid.geometry.affine[0][3],
                                  common.grid.geometry.affine[1][3],
                                  common.grid.geometry.affine[2][3]};
        vox_affine_index(affine, origin, steps);
        common.first_slice = (int64_t)round(steps[2]);
    }
    *out = common;
    return VOX_OK;
}
