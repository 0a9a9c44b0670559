#include "volume/point_tree.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LEAF_POINTS = 8 }; /* ranges of up to so many are searched one by one */

struct box {
    int32_t low[3], high[3];
};

/* Gram and Schmidt's way from the affine's columns to a triangular matrix. */
static void make_frame(double affine[3][4], struct vox_point_tree *tree)
{
    double q[3][3]; /* orthonormal, by column of the affine */
    memset(tree->frame, 0, sizeof(tree->frame));
    for (int c = 0; c < 3; c++) {
        double rest[3] = {affine[0][c], affine[1][c], affine[2][c]};
        tree->spacing[c] = sqrt(rest[0] * rest[0] + rest[1] * rest[1] + rest[2] * rest[2]);
        for (int r = 0; r < c; r++) {
            double along = rest[0] * q[r][0] + rest[1] * q[r][1] + rest[2] * q[r][2];
            tree->frame[r][c] = along;
            for (int x = 0; x < 3; x++) {
                rest[x] -= along * q[r][x];
            }
        }
        double length = sqrt(rest[0] * rest[0] + rest[1] * rest[1] + rest[2] * rest[2]);
        tree->frame[c][c] = length;
        for (int x = 0; x < 3; x++) {
            q[c][x] = rest[x] / length;
        }
    }
}

/* The height of the parallelepiped of a voxel over the face of the two other axes. */
static void find_layers(struct vox_point_tree *tree)
{
    double(*f)[3] = tree->frame;
    double volume = f[0][0] * f[1][1] * f[2][2];
    for (int axis = 0; axis < 3; axis++) {
        int b = (axis + 1) % 3, c = (axis + 2) % 3;
        double normal[3];
        for (int x = 0; x < 3; x++) {
            int y = (x + 1) % 3, z = (x + 2) % 3;
            normal[x] = f[y][b] * f[z][c] - f[z][b] * f[y][c];
        }
        tree->layers[axis] =
            volume / sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
    }
}

static int longest_side(const struct vox_point_tree *tree, const struct box *box)
{
    int longest = 0;
    double most = -1;
    for (int axis = 0; axis < 3; axis++) {
        double side = tree->spacing[axis] * ((double)box->high[axis] - (double)box->low[axis]);
        if (side > most) {
            most = side;
            longest = axis;
        }
    }
    return longest;
}

static void swap(int32_t (*points)[3], size_t a, size_t b)
{
    int32_t kept[3];
    memcpy(kept, points[a], sizeof(kept));
    memcpy(points[a], points[b], sizeof(kept));
    memcpy(points[b], kept, sizeof(kept));
}

/* Sorts as far as that points[wanted] is where a full sort along the axis would put it. The pivot
 * is drawn, so that no order of points is a bad one; equal ones, of which grids have many, go to
 * the middle at once. */
static void select_point(int32_t (*points)[3], size_t n, int axis, size_t wanted)
{
    size_t first = 0;
    size_t end = n;
    uint64_t draw = n;
    while (end - first > 1) {
        draw = draw * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int32_t pivot = points[first + (size_t)(draw >> 33) % (end - first)][axis];
        size_t below = first, at = first, above = end;
        while (at < above) {
            if (points[at][axis] < pivot) {
                swap(points, at++, below++);
            } else if (points[at][axis] > pivot) {
                swap(points, at, --above);
            } else {
                at++;
            }
        }
        if (wanted < below) {
            end = below;
        } else if (wanted >= above) {
            first = above;
        } else {
            return;
        }
    }
}

/* As deep as n can be halved. */
static void sort_range(const struct vox_point_tree *tree, size_t first, size_t n, struct box box)
{
    if (n <= LEAF_POINTS) {
        return;
    }
    int axis = longest_side(tree, &box);
    size_t half = n / 2;
    select_point(tree->points + first, n, axis, half);
    struct box lower = box, upper = box;
    lower.high[axis] = upper.low[axis] = tree->points[first + half][axis];
    sort_range(tree, first, half, lower);
    sort_range(tree, first + half + 1, n - half - 1, upper);
}

void vox_point_tree_build(int32_t (*points)[3], size_t n, double affine[3][4],
                          struct vox_point_tree *out)
{
    struct vox_point_tree tree = {.points = points, .n = n};
    memcpy(tree.low, points[0], sizeof(tree.low));
    memcpy(tree.high, points[0], sizeof(tree.high));
    for (size_t p = 1; p < n; p++) {
        for (int axis = 0; axis < 3; axis++) {
            int32_t x = points[p][axis];
            tree.low[axis] = x < tree.low[axis] ? x : tree.low[axis];
            tree.high[axis] = x > tree.high[axis] ? x : tree.high[axis];
        }
    }
    make_frame(affine, &tree);
    find_layers(&tree);
    struct box box;
    memcpy(box.low, tree.low, sizeof(box.low));
    memcpy(box.high, tree.high, sizeof(box.high));
    sort_range(&tree, 0, n, box);
    *out = tree;
}

static double square_distance(const struct vox_point_tree *tree, const int32_t a[3],
                              const int32_t b[3])
{
    double square = 0;
    for (int r = 0; r < 3; r++) {
        double x = 0;
        for (int c = r; c < 3; c++) {
            x += tree->frame[r][c] * ((double)b[c] - (double)a[c]);
        }
        square += x * x;
    }
    return square;
}

double vox_point_distance(const struct vox_point_tree *tree, const int32_t a[3], const int32_t b[3])
{
    return sqrt(square_distance(tree, a, b));
}

/* No point of the box is nearer than this: each coordinate of the frame runs over an interval while
 * the indices run over the box, and the intervals' distances from 0 are added. */
static double square_to_box(const struct vox_point_tree *tree, const int32_t at[3],
                            const struct box *box)
{
    double square = 0;
    for (int r = 0; r < 3; r++) {
        double least = 0, most = 0;
        for (int c = r; c < 3; c++) {
            double f = tree->frame[r][c];
            double below = f * ((double)box->low[c] - (double)at[c]);
            double above = f * ((double)box->high[c] - (double)at[c]);
            least += f > 0 ? below : above;
            most += f > 0 ? above : below;
        }
        double gap = least > 0 ? least : most < 0 ? -most : 0;
        square += gap * gap;
    }
    return square;
}

struct search {
    const struct vox_point_tree *tree;
    const int32_t *at;
    size_t best;
    double square; /* of the distance to it */
};

static void look_at(struct search *search, size_t p)
{
    double square = square_distance(search->tree, search->at, search->tree->points[p]);
    if (square < search->square) {
        search->square = square;
        search->best = p;
    }
}

static void search_range(struct search *search, size_t first, size_t n, const struct box *box)
{
    const struct vox_point_tree *tree = search->tree;
    if (n <= LEAF_POINTS) {
        for (size_t p = first; p < first + n; p++) {
            look_at(search, p);
        }
        return;
    }
    int axis = longest_side(tree, box);
    size_t half = n / 2, middle = first + half;
    int32_t split = tree->points[middle][axis];
    struct box lower = *box, upper = *box;
    lower.high[axis] = upper.low[axis] = split;
    look_at(search, middle);
    /* The half on whose side the place is first, the other if it can hold a nearer point. */
    bool is_lower = search->at[axis] < split;
    for (int turn = 0; turn < 2; turn++, is_lower = !is_lower) {
        const struct box *half_box = is_lower ? &lower : &upper;
        if (turn == 1) {
            double gap = tree->layers[axis] * ((double)search->at[axis] - (double)split);
            if (gap * gap >= search->square ||
                square_to_box(tree, search->at, half_box) >= search->square) {
                return;
            }
        }
        if (is_lower) {
            search_range(search, first, half, half_box);
        } else {
            search_range(search, middle + 1, n - half - 1, half_box);
        }
    }
}

size_t vox_point_tree_nearest(const struct vox_point_tree *tree, const int32_t at[3], size_t hint)
{
    struct search search = {tree, at, hint, square_distance(tree, at, tree->points[hint])};
    struct box box;
    memcpy(box.low, tree->low, sizeof(box.low));
    memcpy(box.high, tree->high, sizeof(box.high));
    search_range(&search, 0, tree->n, &box);
    return search.best;
}
