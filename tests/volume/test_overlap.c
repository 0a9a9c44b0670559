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

static void box_is(const struct vox_region *region, int64_t i0, int64_t j0, int64_t k0, int64_t i1,
                   int64_t j1, int64_t k1)
{
    const int64_t low[3] = {i0, j0, k0}, high[3] = {i1, j1, k1};
    assert_memory_equal(low, region->low, sizeof(low));
    assert_memory_equal(high, region->high, sizeof(high));
}

static void regions_have_counts_and_boxes(void **state)
{
    (void)state;
    struct vox_region regions[3];
    vox_regions_find(first, size, regions, 3);
    assert_int_equal(5, regions[0].count);
    box_is(&regions[0], 1, 0, 0, 2, 1, 1);
    assert_int_equal(0, regions[1].count);
    assert_int_equal(3, regions[2].count);
    box_is(&regions[2], 4, 1, 0, 4, 2, 1);
    for (int r = 0; r < 3; r++) {
        assert_int_equal(r + 1, regions[r].value);
        assert_ptr_equal(first, regions[r].voxels);
    }
}

static void slices_of_a_region(void **state)
{
    (void)state;
    struct vox_region regions[3], part;
    vox_regions_find(first, size, regions, 3);
    vox_region_slice(&regions[0], size, 0, &part);
    assert_int_equal(4, part.count);
    box_is(&part, 1, 0, 0, 2, 1, 0);
    vox_region_slice(&regions[0], size, 1, &part);
    assert_int_equal(1, part.count);
    box_is(&part, 2, 0, 1, 2, 0, 1);
    vox_region_slice(&regions[0], size, 2, &part);
    assert_int_equal(0, part.count);
    vox_region_slice(&regions[1], size, 0, &part);
    assert_int_equal(0, part.count);
}

static void counts_what_both_have(void **state)
{
    (void)state;
    struct vox_region a[3], b[3], part_a, part_b;
    vox_regions_find(first, size, a, 3);
    vox_regions_find(second, size, b, 3);
    assert_int_equal(6, b[0].count);
    assert_int_equal(3, vox_overlap_count(&a[0], &b[0], size));
    assert_int_equal(3, vox_overlap_count(&b[0], &a[0], size));
    assert_int_equal(5, vox_overlap_count(&a[0], &a[0], size));
    assert_int_equal(0, vox_overlap_count(&a[2], &b[0], size));
    assert_int_equal(0, vox_overlap_count(&a[0], &b[1], size));
    vox_region_slice(&a[0], size, 1, &part_a);
    vox_region_slice(&b[0], size, 1, &part_b);
    assert_int_equal(1, vox_overlap_count(&part_a, &part_b, size));
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
        cmocka_unit_test(regions_have_counts_and_boxes),
        cmocka_unit_test(slices_of_a_region),
        cmocka_unit_test(counts_what_both_have),
        cmocka_unit_test(ratios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
