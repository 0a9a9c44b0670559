#include "volume/surface_distance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "volume/point_tree.h"

static double plain[3][4] = {{0.5, 0, 0, -7}, {0, 2, 0, 100}, {0, 0, 3, 4.25}};
/* A gantry tilt: k leans towards j. */
static double tilted[3][4] = {{-0.5, 0, 0, 3}, {0, -0.5, -0.8, 1}, {0, 0, 2, 5}};

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static uint16_t *cleared(const int64_t size[3])
{
    uint16_t *voxels = calloc((size_t)(size[0] * size[1] * size[2]), sizeof(*voxels));
    assert_non_null(voxels);
    return voxels;
}

static void set(uint16_t *voxels, const int64_t size[3], int64_t i, int64_t j, int64_t k)
{
    voxels[i + size[0] * (j + size[1] * k)] = 1;
}

struct source {
    const uint16_t *voxels;
    int64_t pixels;
};

static int64_t give_slice(void *context, int64_t k, uint8_t *mask)
{
    const struct source *source = context;
    int64_t n = 0;
    for (int64_t p = 0; p < source->pixels; p++) {
        mask[p] = source->voxels[p + k * source->pixels] == 1;
        n += mask[p];
    }
    return n;
}

static enum vox_code read_region(const uint16_t *voxels, const int64_t size[3],
                                 struct vox_region *out)
{
    struct source source = {voxels, size[0] * size[1]};
    const struct vox_region_source supply = {give_slice, &source};
    struct vox_err err;
    return vox_region_read(&supply, size, out, &err);
}

static struct vox_surface *surface_of(const uint16_t *voxels, const int64_t size[3],
                                      double affine[3][4], int64_t slice)
{
    struct vox_region region;
    assert_int_equal(VOX_OK, read_region(voxels, size, &region));
    struct vox_surface *surface = NULL;
    struct vox_err err;
    enum vox_code code = slice < 0
                             ? vox_surface_new(&region, size, affine, &surface, &err)
                             : vox_surface_new_slice(&region, size, slice, affine, &surface, &err);
    assert_int_equal(VOX_OK, code);
    vox_region_free(&region);
    return surface;
}

/* Compares, whole (slice -1) or on a slice, in both orders, which must say the same. */
static struct vox_surface_agreement agree(const uint16_t *a, const uint16_t *b,
                                          const int64_t size[3], double affine[3][4], int64_t slice,
                                          double tolerance)
{
    struct vox_surface *x = surface_of(a, size, affine, slice);
    struct vox_surface *y = surface_of(b, size, affine, slice);
    struct vox_surface_agreement one, other;
    assert_int_equal(VOX_OK, vox_surface_compare(x, y, tolerance, &one, NULL));
    assert_int_equal(VOX_OK, vox_surface_compare(y, x, tolerance, &other, NULL));
    assert_true(one.hd95 == other.hd95 && one.surface_dice == other.surface_dice &&
                one.defined == other.defined);
    vox_surface_free(x);
    vox_surface_free(y);
    return one;
}

static int64_t surface_voxels(const uint16_t *voxels, const int64_t size[3], int64_t slice)
{
    struct vox_surface *surface = surface_of(voxels, size, plain, slice);
    int64_t n = vox_surface_count(surface);
    vox_surface_free(surface);
    return n;
}

static void surfaces_of_blocks(void **state)
{
    (void)state;
    const int64_t size[3] = {9, 9, 9};
    uint16_t *voxels = cleared(size);
    for (int64_t k = 0; k < 5; k++) {
        for (int64_t j = 2; j < 7; j++) {
            for (int64_t i = 1; i < 6; i++) {
                set(voxels, size, i, j, k);
            }
        }
    }
    /* A block of 5 x 5 x 5 without its inner 3 x 3 x 3; the grid's edge is an end too. */
    assert_int_equal(125 - 27, surface_voxels(voxels, size, -1));
    /* In a plane only the sides count. */
    assert_int_equal(25 - 9, surface_voxels(voxels, size, 2));
    assert_int_equal(0, surface_voxels(voxels, size, 7));
    /* A hole of one voxel has the six voxels around it for a surface. */
    voxels[3 + 9 * (4 + 9 * 2)] = 0;
    assert_int_equal(125 - 27 + 6, surface_voxels(voxels, size, -1));
    /* Another region is outside too. */
    voxels[3 + 9 * (4 + 9 * 2)] = 2;
    assert_int_equal(125 - 27 + 6, surface_voxels(voxels, size, -1));
    free(voxels);
    /* Nothing lies above and below the one slice of a grid. */
    const int64_t flat[3] = {5, 5, 1};
    voxels = cleared(flat);
    for (int n = 0; n < 25; n++) {
        voxels[n] = 1;
    }
    assert_int_equal(16, surface_voxels(voxels, flat, -1));
    free(voxels);
}

static void single_voxels(void **state)
{
    (void)state;
    const int64_t size[3] = {9, 8, 7};
    uint16_t *a = cleared(size), *b = cleared(size);
    set(a, size, 1, 2, 3);
    set(b, size, 4, 2, 1); /* 3 voxels of 0.5 mm and 2 of 3 mm away */
    double distance = sqrt(1.5 * 1.5 + 6.0 * 6.0);
    struct vox_surface_agreement got = agree(a, b, size, plain, -1, 6.1);
    assert_true(got.defined && near(got.hd95, distance) && got.surface_dice == 0);
    assert_true(agree(a, b, size, plain, -1, 6.2).surface_dice == 1);
    /* Exactly at the tolerance is within, and rounding does not decide. */
    assert_true(agree(a, b, size, plain, -1, distance).surface_dice == 1);
    assert_true(agree(a, b, size, plain, -1, distance * (1 - 5e-7)).surface_dice == 1);
    assert_true(agree(a, b, size, plain, -1, distance * (1 - 5e-6)).surface_dice == 0);
    /* Leaning axes: (-1.5, 1.6, -4). */
    got = agree(a, b, size, tilted, -1, 1);
    assert_true(near(got.hd95, sqrt(1.5 * 1.5 + 1.6 * 1.6 + 4.0 * 4.0)));
    free(a);
    free(b);
}

static void percentiles_are_directed(void **state)
{
    (void)state;
    const int64_t size[3] = {21, 3, 1};
    uint16_t *a = cleared(size), *b = cleared(size);
    set(a, size, 0, 1, 0);
    for (int64_t i = 0; i < 21; i++) {
        set(b, size, i, 1, 0);
    }
    /* From B: 0, 0.5, ... 10 mm, whose 95th percentile is the 20th of 21; from A: 0. */
    struct vox_surface_agreement got = agree(a, b, size, plain, -1, 2);
    assert_true(near(got.hd95, 9.5));
    /* Of B's voxels those at 0 ... 2 mm, and A's one. */
    assert_true(near(got.surface_dice, (5.0 + 1.0) / 22.0));
    /* Without the last voxel: the percentile lies between 9 and 9.5 mm, at 18.05 of 0 ... 19. */
    b[20 + 21] = 0;
    got = agree(a, b, size, plain, -1, 0);
    assert_true(near(got.hd95, 9.0 + 0.05 * 0.5));
    assert_true(near(got.surface_dice, 2.0 / 21.0));
    free(a);
    free(b);
}

static void empty_regions(void **state)
{
    (void)state;
    const int64_t size[3] = {4, 4, 4};
    uint16_t *a = cleared(size), *b = cleared(size);
    struct vox_surface_agreement got = agree(a, b, size, plain, -1, 1);
    assert_true(!got.defined && got.surface_dice == 1 && got.hd95 == 0);
    set(a, size, 1, 1, 1);
    got = agree(a, b, size, plain, -1, 1);
    assert_true(!got.defined && got.surface_dice == 0 && got.hd95 == 0);
    /* On another slice both are empty. */
    got = agree(a, b, size, plain, 2, 1);
    assert_true(!got.defined && got.surface_dice == 1);
    free(a);
    free(b);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static double random_real(uint32_t *seed)
{
    return (double)(next_random(seed) % 2001) / 1000.0 - 1.0;
}

static double brute_distance(double affine[3][4], const int32_t a[3], const int32_t b[3])
{
    double square = 0;
    for (int r = 0; r < 3; r++) {
        double x = 0;
        for (int c = 0; c < 3; c++) {
            x += affine[r][c] * ((double)b[c] - (double)a[c]);
        }
        square += x * x;
    }
    return sqrt(square);
}

/* The tree finds what a look at every point finds, for turned and leaning axes, for points that
 * coincide, and whatever the first guess. */
static void the_tree_finds_the_nearest(void **state)
{
    (void)state;
    enum { MOST = 400 };
    static int32_t points[MOST][3];
    uint32_t seed = 11;
    for (int round = 0; round < 60; round++) {
        double affine[3][4];
        for (int r = 0; r < 3; r++) {
            for (int c = 0; c < 4; c++) {
                affine[r][c] = random_real(&seed) + (r == c ? 0.2 + 2 * round % 3 : 0);
            }
        }
        size_t n = 1 + next_random(&seed) % MOST;
        uint32_t range = 1 + next_random(&seed) % (round % 2 == 0 ? 6 : 300);
        for (size_t p = 0; p < n; p++) {
            for (int axis = 0; axis < 3; axis++) {
                points[p][axis] = (int32_t)(next_random(&seed) % range);
            }
        }
        struct vox_point_tree tree;
        vox_point_tree_build(points, n, affine, &tree);
        for (int query = 0; query < 40; query++) {
            int32_t at[3];
            for (int axis = 0; axis < 3; axis++) {
                at[axis] = (int32_t)(next_random(&seed) % (range + 20)) - 10;
            }
            double least = HUGE_VAL;
            for (size_t p = 0; p < n; p++) {
                double distance = brute_distance(affine, at, points[p]);
                least = distance < least ? distance : least;
            }
            size_t found = vox_point_tree_nearest(&tree, at, next_random(&seed) % n);
            assert_true(found < n);
            assert_true(near(brute_distance(affine, at, points[found]), least));
            assert_true(near(vox_point_distance(&tree, at, points[found]), least));
        }
    }
}

static void bad_arguments(void **state)
{
    (void)state;
    const int64_t size[3] = {4, 4, 4};
    uint16_t *a = cleared(size);
    struct vox_surface *surface = surface_of(a, size, plain, -1);
    struct vox_surface_agreement agreement;
    struct vox_err err;
    assert_int_equal(VOX_E_ARG, vox_surface_compare(surface, surface, -1, &agreement, &err));
    assert_int_equal(VOX_E_ARG,
                     vox_surface_compare(surface, surface, (double)NAN, &agreement, &err));
    vox_surface_free(surface);
    struct vox_region region = {0};
    const int64_t long_one[3] = {INT64_C(1) << 31, 1, 1};
    assert_int_equal(VOX_E_LIMIT, vox_surface_new(&region, long_one, plain, &surface, &err));
    const int64_t none[3] = {4, 0, 4};
    assert_int_equal(VOX_E_LIMIT, vox_surface_new(&region, none, plain, &surface, &err));
    free(a);
}

/* The work of one comparison; VOX_OK or what failed, with nothing left. */
static enum vox_code work(const uint16_t *voxels, const int64_t size[3])
{
    struct vox_region region = {0};
    struct vox_surface *a = NULL, *b = NULL;
    struct vox_surface_agreement agreement;
    struct vox_err err;
    enum vox_code code = read_region(voxels, size, &region);
    if (code == VOX_OK) {
        code = vox_surface_new(&region, size, plain, &a, &err);
    }
    if (code == VOX_OK) {
        code = vox_surface_new_slice(&region, size, 1, plain, &b, &err);
    }
    if (code == VOX_OK) {
        code = vox_surface_compare(a, b, 1, &agreement, &err);
    }
    vox_surface_free(a);
    vox_surface_free(b);
    vox_region_free(&region);
    return code;
}

static void failing_allocations(void **state)
{
    (void)state;
    const int64_t size[3] = {4, 4, 4};
    uint16_t *voxels = cleared(size);
    for (int64_t i = 0; i < 64; i++) {
        voxels[i] = 1;
    }
    long k = 1;
    for (;; k++) {
        vox_fail_allocation(k);
        enum vox_code code = work(voxels, size);
        if (!vox_allocation_failed()) {
            assert_int_equal(VOX_OK, code);
            break;
        }
        assert_int_equal(VOX_E_NOMEM, code);
    }
    vox_fail_allocation(0);
    assert_true(k > 6);
    free(voxels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(surfaces_of_blocks),         cmocka_unit_test(single_voxels),
        cmocka_unit_test(percentiles_are_directed),   cmocka_unit_test(empty_regions),
        cmocka_unit_test(the_tree_finds_the_nearest), cmocka_unit_test(bad_arguments),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
