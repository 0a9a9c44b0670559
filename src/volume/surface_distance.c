#include "volume/surface_distance.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"
#include "volume/point_tree.h"

static const double percentile = 95.0 / 100.0;
static const double tolerance_slack = 1.0 + 1e-6;

struct vox_surface {
    int32_t (*points)[3];
    size_t n;
    struct vox_point_tree tree; /* where n is not 0 */
};

struct finder {
    struct vox_region region;
    bool counts[3]; /* whether the voxels before and behind along an axis are neighbours */
};

/* Whether a voxel of the region lies on its surface; `at` is counted in the box, outside of which
 * the region has no voxels. */
static bool on_surface(const struct finder *finder, const int64_t at[3], const uint8_t *voxel)
{
    const int64_t *size = finder->region.size;
    const int64_t steps[3] = {1, size[0], size[0] * size[1]};
    for (int axis = 0; axis < 3; axis++) {
        if (finder->counts[axis] && (at[axis] == 0 || at[axis] + 1 == size[axis] ||
                                     voxel[-steps[axis]] == 0 || voxel[steps[axis]] == 0)) {
            return true;
        }
    }
    return false;
}

/* Finds the surface's voxels; where points is NULL they are only counted. */
static size_t find_surface(const struct finder *finder, int32_t (*points)[3])
{
    const struct vox_region *region = &finder->region;
    size_t n = 0;
    for (int64_t k = 0; k < region->size[2]; k++) {
        for (int64_t j = 0; j < region->size[1]; j++) {
            const uint8_t *row = region->mask + region->size[0] * (j + region->size[1] * k);
            for (int64_t i = 0; i < region->size[0]; i++) {
                if (row[i] == 0 || !on_surface(finder, (const int64_t[3]){i, j, k}, row + i)) {
                    continue;
                }
                if (points != NULL) {
                    points[n][0] = (int32_t)(region->low[0] + i);
                    points[n][1] = (int32_t)(region->low[1] + j);
                    points[n][2] = (int32_t)(region->low[2] + k);
                }
                n++;
            }
        }
    }
    return n;
}

static enum vox_code make(const struct finder *finder, double affine[3][4],
                          struct vox_surface **out, struct vox_err *err)
{
    size_t n = finder->region.count == 0 ? 0 : find_surface(finder, NULL);
    if (n > VOX_SURFACE_MAX_VOXELS) {
        return vox_fail(err, VOX_E_LIMIT, "a surface of more than %d voxels",
                        VOX_SURFACE_MAX_VOXELS);
    }
    struct vox_surface *surface = vox_calloc(1, sizeof(*surface));
    int32_t(*points)[3] = vox_alloc(n * sizeof(points[0]));
    if (surface == NULL || points == NULL) {
        vox_free(surface);
        vox_free(points);
        return vox_fail(err, VOX_E_NOMEM, "out of memory for a surface of %zu voxels", n);
    }
    surface->points = points;
    surface->n = n;
    if (n > 0) {
        (void)find_surface(finder, points);
        vox_point_tree_build(points, n, affine, &surface->tree);
    }
    *out = surface;
    return VOX_OK;
}

/* Grids whose indices the points hold. */
static enum vox_code check(const int64_t size[3], struct vox_err *err)
{
    for (int axis = 0; axis < 3; axis++) {
        if (size[axis] < 1 || size[axis] > INT32_MAX) {
            return vox_fail(err, VOX_E_LIMIT, "a side of the grid does not fit 31 bits");
        }
    }
    return VOX_OK;
}

enum vox_code vox_surface_new(const struct vox_region *region, const int64_t size[3],
                              double affine[3][4], struct vox_surface **out, struct vox_err *err)
{
    const struct finder finder = {*region, {size[0] > 1, size[1] > 1, size[2] > 1}};
    enum vox_code code = check(size, err);
    return code == VOX_OK ? make(&finder, affine, out, err) : code;
}

enum vox_code vox_surface_new_slice(const struct vox_region *region, const int64_t size[3],
                                    int64_t k, double affine[3][4], struct vox_surface **out,
                                    struct vox_err *err)
{
    const struct finder finder = {vox_region_slice(region, k), {size[0] > 1, size[1] > 1, false}};
    enum vox_code code = check(size, err);
    return code == VOX_OK ? make(&finder, affine, out, err) : code;
}

void vox_surface_free(struct vox_surface *surface)
{
    if (surface != NULL) {
        vox_free(surface->points);
        vox_free(surface);
    }
}

int64_t vox_surface_count(const struct vox_surface *surface)
{
    return (int64_t)surface->n;
}

/* The distance of each voxel of `from` to the nearest of `to`. Neighbours in the tree's order are
 * near each other, so what was nearest to the last one is a good first guess. */
static void measure(const struct vox_surface *from, const struct vox_surface *to, double *out)
{
    size_t nearest = 0;
    for (size_t p = 0; p < from->n; p++) {
        const int32_t *at = from->points[p];
        nearest = vox_point_tree_nearest(&to->tree, at, nearest);
        out[p] = vox_point_distance(&to->tree, at, to->points[nearest]);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* Sorts the distances, n at least 1. */
static double find_percentile(double *distances, size_t n)
{
    qsort(distances, n, sizeof(distances[0]), compare_doubles);
    double place = percentile * (double)(n - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < n ? below + 1 : below;
    double part = place - (double)below;
    return distances[below] + part * (distances[above] - distances[below]);
}

static size_t count_within(const double *distances, size_t n, double tolerance)
{
    size_t within = 0;
    for (size_t p = 0; p < n; p++) {
        within += distances[p] <= tolerance * tolerance_slack;
    }
    return within;
}

enum vox_code vox_surface_compare(const struct vox_surface *a, const struct vox_surface *b,
                                  double tolerance, struct vox_surface_agreement *out,
                                  struct vox_err *err)
{
    if (!(tolerance >= 0)) {
        return vox_fail(err, VOX_E_ARG, "a tolerance must be at least 0 mm");
    }
    struct vox_surface_agreement found = {.defined = a->n > 0 && b->n > 0};
    if (!found.defined) {
        found.surface_dice = a->n == b->n ? 1 : 0;
        *out = found;
        return VOX_OK;
    }
    size_t most = a->n > b->n ? a->n : b->n;
    double *distances = vox_calloc(most, sizeof(*distances));
    if (distances == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the distances of %zu voxels", most);
    }
    size_t within = 0;
    for (int direction = 0; direction < 2; direction++) {
        const struct vox_surface *from = direction == 0 ? a : b;
        measure(from, direction == 0 ? b : a, distances);
        within += count_within(distances, from->n, tolerance);
        double hd95 = find_percentile(distances, from->n);
        found.hd95 = hd95 > found.hd95 ? hd95 : found.hd95;
    }
    found.surface_dice = (double)within / (double)(a->n + b->n);
    vox_free(distances);
    *out = found;
    return VOX_OK;
}
