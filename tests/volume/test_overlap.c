#include "volume/overlap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 5 x 3 x 2 */
static const int64_t size[3] = {5, 3, 2};
static const uint16_t first[30] = {
    0, 1, 1, 0, 0, /* */
    0, 1, 1, 0, 3, /* */
    0, 0, 0, 0, 3, /* */
    0, 0, 1, 0, 0, /* */
    0, 0, 0, 0, 0, /* */
    9, 0, 0, 0, 3,
};
static const uint16_t second[30] = {
    0, 0, 1, 1, 0, /* */
    0, 0, 1, 1, 0, /* */
    0, 0, 0, 0, 0, /* */
    0, 0, 1, 1, 0, /* */
    0, 0, 0, 0, 0, /* */
    0, 0, 0, 0, 0,
};

struct source {
    const uint16_t *voxels;
    uint16_t value;
};

static int64_t give_slice(void *context, int64_t k, uint8_t *mask)
{
    const struct source *source = context;
    int64_t n = 0;
    for (int64_t p = 0; p < size[0] * size[1]; p++) {
        mask[p] = source->voxels[p + k * size[0] * size[1]] == source->value;
        n += mask[p];
    }
    return n;
}

static struct vox_region read_region(const uint16_t *voxels, uint16_t value)
{
    struct source source = {voxels, value};
    const struct vox_region_source supply = {give_slice, &source};
    struct vox_region region;
    assert_int_equal(VOX_OK, vox_region_read(&supply, size, &region, NULL));
    return region;
}

static void box_is(const struct vox_region *region, int64_t i0, int64_t j0, int64_t k0, int64_t i1,
                   int64_t j1, int64_t k1)
{
    const int64_t low[3] = {i0, j0, k0}, sides[3] = {i1 - i0 + 1, j1 - j0 + 1, k1 - k0 + 1};
    assert_memory_equal(low, region->low, sizeof(low));
    assert_memory_equal(sides, region->size, sizeof(sides));
}

static void regions_have_counts_boxes_and_masks(void **state)
{
    (void)state;
    struct vox_region region = read_region(first, 1);
    assert_int_equal(5, region.count);
    box_is(&region, 1, 0, 0, 2, 1, 1);
    const uint8_t mask[8] = {1, 1, 1, 1, 0, 1, 0, 0};
    assert_memory_equal(mask, region.mask, sizeof(mask));
    vox_region_free(&region);
    region = read_region(first, 3);
    assert_int_equal(3, region.count);
    box_is(&region, 4, 1, 0, 4, 2, 1);
    vox_region_free(&region);
    assert_null(region.mask);
    region = read_region(first, 2);
    assert_int_equal(0, region.count);
    assert_null(region.mask);
    vox_region_free(&region);
}

static void slices_of_a_region(void **state)
{
    (void)state;
    struct vox_region region = read_region(first, 1);
    struct vox_region part = vox_region_slice(&region, 0);
    assert_int_equal(4, part.count);
    box_is(&part, 1, 0, 0, 2, 1, 0);
    part = vox_region_slice(&region, 1);
    assert_int_equal(1, part.count);
    box_is(&part, 1, 0, 1, 2, 1, 1);
    assert_ptr_equal(region.mask + 4, part.mask);
    assert_int_equal(0, vox_region_slice(&region, 2).count);
    assert_int_equal(0, vox_region_slice(&region, -1).count);
    vox_region_free(&region);
    assert_int_equal(0, vox_region_slice(&region, 0).count);
}

static void counts_what_both_have(void **state)
{
    (void)state;
    struct vox_region a = read_region(first, 1), b = read_region(second, 1);
    struct vox_region corner = read_region(first, 9), side = read_region(first, 3);
    struct vox_region none = read_region(first, 2);
    assert_int_equal(6, b.count);
    assert_int_equal(3, vox_overlap_count(&a, &b));
    assert_int_equal(3, vox_overlap_count(&b, &a));
    assert_int_equal(5, vox_overlap_count(&a, &a));
    assert_int_equal(0, vox_overlap_count(&side, &b));
    assert_int_equal(0, vox_overlap_count(&side, &corner));
    assert_int_equal(0, vox_overlap_count(&a, &none));
    struct vox_region part_a = vox_region_slice(&a, 1), part_b = vox_region_slice(&b, 1);
    assert_int_equal(1, vox_overlap_count(&part_a, &part_b));
    part_b = vox_region_slice(&b, 0);
    assert_int_equal(0, vox_overlap_count(&part_a, &part_b));
    vox_region_free(&a);
    vox_region_free(&b);
    vox_region_free(&corner);
    vox_region_free(&side);
}

static void ratios(void **state)
{
    (void)state;
    assert_true(vox_overlap_dice(5, 6, 3) == 6.0 / 11.0);
    assert_true(vox_overlap_jaccard(5, 6, 3) == 3.0 / 8.0);
    assert_true(vox_overlap_dice(7, 7, 7) == 1.0);
    assert_true(vox_overlap_jaccard(7, 7, 7) == 1.0);
    assert_true(vox_overlap_dice(0, 6, 0) == 0.0);
    assert_true(vox_overlap_jaccard(6, 0, 0) == 0.0);
    assert_true(vox_overlap_dice(0, 0, 0) == 1.0);
    assert_true(vox_overlap_jaccard(0, 0, 0) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_have_counts_boxes_and_masks),
        cmocka_unit_test(slices_of_a_region),
        cmocka_unit_test(counts_what_both_have),
        cmocka_unit_test(ratios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
