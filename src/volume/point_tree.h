/* The nearest of many grid points, exactly, under any affine: a k-d tree without nodes.
 *
 * The points are sorted in place so that the tree is in their order: the middle one splits a range
 * along the axis on which the range's box is longest, and what is before and behind it are ranges
 * again. */
#ifndef VOX_VOLUME_POINT_TREE_H
#define VOX_VOLUME_POINT_TREE_H

#include <stddef.h>
#include <stdint.h>

/* Belongs to one thread while it is made; searching does not change it. */
struct vox_point_tree {
    int32_t (*points)[3]; /* borrowed */
    size_t n;
    int32_t low[3], high[3]; /* the box around them */
    double frame[3][3];      /* upper triangular: millimetres of a difference of indices, in a frame
                                turned so that i lies along x and j in the xy plane */
    double spacing[3];       /* of voxels along an axis */
    double layers[3];        /* of the planes on which an index is constant */
};

/* Sorts n points, at least 1, of a grid with this affine, of which only the directions count. */
void vox_point_tree_build(int32_t (*points)[3], size_t n, double affine[3][4],
                          struct vox_point_tree *out);

/* Millimetres between two points. */
double vox_point_distance(const struct vox_point_tree *tree, const int32_t a[3],
                          const int32_t b[3]);

/* The number of a point of the tree that is nearest to `at`. The search is short where the point
 * `hint` of the tree is near. */
size_t vox_point_tree_nearest(const struct vox_point_tree *tree, const int32_t at[3], size_t hint);

#endif
