#include "volume/components.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "util/memory.h"

/* Works on runs: stretches of non-zero voxels along i. Runs are numbered in storage order, so the
 * root of a set, always its lowest run, holds the set's first voxel. */
struct run {
    uint32_t begin, end; /* i of the first voxel and of the one after the last */
    uint32_t
        parent; /* a run of the same set with a number that is not higher; its own for a root */
    uint32_t voxels; /* of the whole set, in a root */
};

struct runs {
    struct run *at;
    uint32_t *rows; /* number of the first run of each row j + h * k, one more entry at the end */
    size_t width, height, depth;
};

/* The next voxel from i on that is zero (or non-zero), or width. */
static size_t find_voxel(const uint8_t *row, size_t i, size_t width, bool zero)
{
    if (zero) {
        const uint8_t *found = memchr(row + i, 0, width - i);
        return found == NULL ? width : (size_t)(found - row);
    }
    for (; width - i >= 8; i += 8) {
        uint64_t eight;
        memcpy(&eight, row + i, sizeof(eight));
        if (eight != 0) {
            break;
        }
    }
    while (i < width && row[i] == 0) {
        i++;
    }
    return i;
}

/* Stores the runs of a row from *next on; counts only where runs is NULL. */
static uint32_t scan_row(const uint8_t *row, size_t width, struct run *runs, uint32_t next)
{
    size_t i = find_voxel(row, 0, width, false);
    while (i < width) {
        size_t end = find_voxel(row, i, width, true);
        if (runs != NULL) {
            runs[next] = (struct run){(uint32_t)i, (uint32_t)end, next, (uint32_t)(end - i)};
        }
        next++;
        i = end < width ? find_voxel(row, end, width, false) : width;
    }
    return next;
}

static uint32_t find_root(struct run *runs, uint32_t i)
{
    while (runs[i].parent != i) {
        runs[i].parent = runs[runs[i].parent].parent;
        i = runs[i].parent;
    }
    return i;
}

static void join(struct run *runs, uint32_t a, uint32_t b)
{
    a = find_root(runs, a);
    b = find_root(runs, b);
    if (a != b) {
        uint32_t low = a < b ? a : b;
        uint32_t high = a < b ? b : a;
        runs[high].parent = low;
        runs[low].voxels += runs[high].voxels;
    }
}

/* Joins the runs of two rows that touch, by a side, an edge or a corner. */
static void join_rows(const struct runs *r, size_t row, size_t other)
{
    uint32_t a = r->rows[row];
    uint32_t b = r->rows[other];
    while (a < r->rows[row + 1] && b < r->rows[other + 1]) {
        const struct run *x = &r->at[a];
        const struct run *y = &r->at[b];
        if (x->begin <= y->end && y->begin <= x->end) {
            join(r->at, a, b);
        }
        if (x->end < y->end) {
            a++;
        } else {
            b++;
        }
    }
}

static void join_all(const struct runs *r)
{
    for (size_t k = 0; k < r->depth; k++) {
        for (size_t j = 0; j < r->height; j++) {
            size_t row = j + r->height * k;
            if (j > 0) {
                join_rows(r, row, row - 1);
            }
            if (k > 0) {
                size_t below = row - r->height;
                if (j > 0) {
                    join_rows(r, row, below - 1);
                }
                join_rows(r, row, below);
                if (j + 1 < r->height) {
                    join_rows(r, row, below + 1);
                }
            }
        }
    }
}

/* The first of the largest. */
static uint32_t find_largest(const struct runs *r, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (r->at[i].parent == i && r->at[i].voxels > r->at[best].voxels) {
            best = i;
        }
    }
    return best;
}

static void clear_others(uint8_t *mask, const struct runs *r, uint32_t best)
{
    for (size_t row = 0; row < r->height * r->depth; row++) {
        for (uint32_t i = r->rows[row]; i < r->rows[row + 1]; i++) {
            if (find_root(r->at, i) != best) {
                memset(mask + row * r->width + r->at[i].begin, 0, r->at[i].end - r->at[i].begin);
            }
        }
    }
}

enum vox_code vox_components_check(const int64_t size[3], struct vox_err *err)
{
    size_t count = 1;
    for (int axis = 0; axis < 3; axis++) {
        if (size[axis] < 1) {
            return vox_fail(err, VOX_E_ARG, "size %" PRId64 " on axis %d; a side is at least 1",
                            size[axis], axis + 1);
        }
        if (!vox_mul(count, (size_t)size[axis], &count) || count > UINT32_MAX - 1) {
            return vox_fail(err, VOX_E_LIMIT, "components are found in up to %" PRIu32 " voxels",
                            UINT32_MAX - 1);
        }
    }
    return VOX_OK;
}

/* Finds all components of a mask; *count is 0 where there is none. The caller frees r->at and
 * r->rows. */
static enum vox_code find_components(const uint8_t *mask, const int64_t size[3], struct runs *r,
                                     uint32_t *count, struct vox_err *err)
{
    enum vox_code code = vox_components_check(size, err);
    if (code != VOX_OK) {
        return code;
    }
    *r = (struct runs){NULL, NULL, (size_t)size[0], (size_t)size[1], (size_t)size[2]};
    const size_t rows = r->height * r->depth;
    *count = 0;
    for (size_t row = 0; row < rows; row++) {
        *count = scan_row(mask + row * r->width, r->width, NULL, *count);
    }
    if (*count == 0) {
        return VOX_OK;
    }
    r->at = vox_alloc(*count * sizeof(r->at[0]));
    r->rows = vox_alloc((rows + 1) * sizeof(r->rows[0]));
    if (r->at == NULL || r->rows == NULL) {
        vox_free(r->at);
        vox_free(r->rows);
        return vox_fail(err, VOX_E_NOMEM, "out of memory for the components of a mask");
    }
    r->rows[0] = 0;
    for (size_t row = 0; row < rows; row++) {
        r->rows[row + 1] = scan_row(mask + row * r->width, r->width, r->at, r->rows[row]);
    }
    join_all(r);
    return VOX_OK;
}

enum vox_code vox_largest_component(uint8_t *mask, const int64_t size[3], int64_t *voxels,
                                    struct vox_err *err)
{
    struct runs r = {0};
    uint32_t count = 0;
    enum vox_code code = find_components(mask, size, &r, &count, err);
    if (code != VOX_OK) {
        return code;
    }
    int64_t kept = 0;
    if (count > 0) {
        uint32_t best = find_largest(&r, count);
        kept = r.at[best].voxels;
        clear_others(mask, &r, best);
        vox_free(r.at);
        vox_free(r.rows);
    }
    if (voxels != NULL) {
        *voxels = kept;
    }
    return VOX_OK;
}

enum vox_code vox_component_at(uint8_t *mask, const int64_t size[3], int64_t place,
                               struct vox_err *err)
{
    struct runs r = {0};
    uint32_t count = 0;
    enum vox_code code = find_components(mask, size, &r, &count, err);
    if (code != VOX_OK) {
        return code;
    }
    VOX_ASSERT(place >= 0 && place < size[0] * size[1] * size[2] && mask[place] != 0);
    size_t row = (size_t)place / r.width;
    uint32_t holder = r.rows[row];
    while (r.at[holder].end <= (size_t)place % r.width) {
        holder++;
    }
    clear_others(mask, &r, find_root(r.at, holder));
    vox_free(r.at);
    vox_free(r.rows);
    return VOX_OK;
}
