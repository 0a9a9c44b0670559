#include "volume/components.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The slow way: flood fill from every voxel in storage order; the first of the largest stays, or
 * the one that holds `place` where that is not -1. */
static int64_t reference_at(uint8_t *mask, const int64_t size[3], int64_t place)
{
    int64_t count = size[0] * size[1] * size[2];
    int64_t *stack = malloc((size_t)count * sizeof(*stack));
    int *label = calloc((size_t)count, sizeof(*label));
    assert_non_null(stack);
    assert_non_null(label);
    int labels = 0;
    int best = 0;
    int64_t best_size = 0;
    for (int64_t start = 0; start < count; start++) {
        if (mask[start] == 0 || label[start] != 0) {
            continue;
        }
        int64_t depth = 1;
        int64_t found = 0;
        stack[0] = start;
        label[start] = ++labels;
        while (depth > 0) {
            int64_t at = stack[--depth];
            found++;
            int64_t i = at % size[0];
            int64_t j = at / size[0] % size[1];
            int64_t k = at / size[0] / size[1];
            for (int n = 0; n < 27; n++) {
                int64_t x = i + n % 3 - 1;
                int64_t y = j + n / 3 % 3 - 1;
                int64_t z = k + n / 9 - 1;
                if (x < 0 || y < 0 || z < 0 || x >= size[0] || y >= size[1] || z >= size[2]) {
                    continue;
                }
                int64_t next = x + size[0] * (y + size[1] * z);
                if (mask[next] != 0 && label[next] == 0) {
                    label[next] = labels;
                    stack[depth++] = next;
                }
            }
        }
        if (found > best_size) {
            best_size = found;
            best = labels;
        }
    }
    best = place >= 0 ? label[place] : best;
    for (int64_t n = 0; n < count; n++) {
        mask[n] = label[n] == best ? mask[n] : 0;
    }
    free(stack);
    free(label);
    return best_size;
}

static int64_t reference(uint8_t *mask, const int64_t size[3])
{
    return reference_at(mask, size, -1);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void agrees_with_a_flood_fill(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},   {1, 9, 7},   {17, 1, 5},   {8, 8, 1},
                                       {13, 11, 7}, {16, 16, 9}, {33, 20, 10}, {64, 3, 3}};
    uint32_t seed = 7;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (uint32_t percent = 0; percent <= 100; percent += 5) {
            size_t count = (size_t)(sizes[s][0] * sizes[s][1] * sizes[s][2]);
            uint8_t *mask = malloc(count);
            uint8_t *wanted = malloc(count);
            assert_non_null(mask);
            assert_non_null(wanted);
            for (size_t i = 0; i < count; i++) {
                mask[i] = next_random(&seed) % 100 < percent
                              ? (uint8_t)(1 + next_random(&seed) % 255)
                              : 0;
            }
            memcpy(wanted, mask, count);
            int64_t size = reference(wanted, sizes[s]);
            int64_t got = -1;
            assert_int_equal(VOX_OK, vox_largest_component(mask, sizes[s], &got, NULL));
            assert_int_equal(size, got);
            assert_memory_equal(wanted, mask, count);
            free(mask);
            free(wanted);
        }
    }
}

/* From every voxel of many small masks. */
static void the_component_of_a_voxel_stays(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1}, {5, 1, 4}, {6, 5, 1}, {7, 5, 3}};
    uint32_t seed = 11;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        int64_t count = sizes[s][0] * sizes[s][1] * sizes[s][2];
        for (uint32_t percent = 10; percent <= 100; percent += 10) {
            uint8_t mask[105], kept[105], wanted[105];
            for (int64_t i = 0; i < count; i++) {
                mask[i] = next_random(&seed) % 100 < percent ? 3 : 0;
            }
            for (int64_t place = 0; place < count; place++) {
                if (mask[place] == 0) {
                    continue;
                }
                memcpy(kept, mask, sizeof(mask));
                memcpy(wanted, mask, sizeof(mask));
                (void)reference_at(wanted, sizes[s], place);
                assert_int_equal(VOX_OK, vox_component_at(kept, sizes[s], place, NULL));
                assert_memory_equal(wanted, kept, (size_t)count);
            }
        }
    }
    uint8_t none = 1;
    assert_int_equal(VOX_E_ARG, vox_component_at(&none, (const int64_t[3]){1, 1, 0}, 0, NULL));
}

static void corners_connect(void **state)
{
    (void)state;
    const int64_t size[3] = {3, 3, 3};
    uint8_t mask[27] = {0};
    mask[0] = mask[13] = mask[26] = 1; /* a space diagonal */
    int64_t got;
    assert_int_equal(VOX_OK, vox_largest_component(mask, size, &got, NULL));
    assert_int_equal(3, got);
    /* The other diagonals of a plane and of space. */
    memset(mask, 0, sizeof(mask));
    mask[2] = mask[4] = mask[6] = mask[16] = 1;
    assert_int_equal(VOX_OK, vox_largest_component(mask, size, &got, NULL));
    assert_int_equal(4, got);
}

static void the_first_of_equals_stays(void **state)
{
    (void)state;
    const int64_t size[3] = {7, 1, 1};
    uint8_t mask[7] = {0, 9, 8, 0, 7, 6, 0};
    const uint8_t wanted[7] = {0, 9, 8, 0, 0, 0, 0};
    int64_t got;
    assert_int_equal(VOX_OK, vox_largest_component(mask, size, &got, NULL));
    assert_int_equal(2, got);
    assert_memory_equal(wanted, mask, sizeof(mask));
}

/* Two arms that meet in the last row belong together although their runs began apart. */
static void arms_that_meet_late(void **state)
{
    (void)state;
    const int64_t size[3] = {5, 3, 1};
    uint8_t mask[15] = {1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1};
    const uint8_t wanted[15] = {1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0};
    assert_int_equal(VOX_OK, vox_largest_component(mask, size, NULL, NULL));
    assert_memory_equal(wanted, mask, sizeof(mask));
}

static void empty_masks_and_bad_sizes(void **state)
{
    (void)state;
    uint8_t mask[8] = {0};
    int64_t got = -1;
    assert_int_equal(VOX_OK, vox_largest_component(mask, (const int64_t[3]){2, 2, 2}, &got, NULL));
    assert_int_equal(0, got);
    struct vox_err err;
    assert_int_equal(VOX_E_ARG,
                     vox_largest_component(mask, (const int64_t[3]){2, 0, 2}, &got, &err));
    assert_int_equal(VOX_E_LIMIT,
                     vox_largest_component(mask, (const int64_t[3]){65536, 65536, 1}, &got, &err));
    assert_int_equal(VOX_OK, vox_components_check((const int64_t[3]){65535, 65536, 1}, &err));
    assert_int_equal(VOX_E_LIMIT, vox_components_check((const int64_t[3]){65536, 65536, 1}, &err));
    assert_int_equal(VOX_E_LIMIT,
                     vox_largest_component(mask, (const int64_t[3]){INT64_MAX, 4, 4}, &got, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_flood_fill),
        cmocka_unit_test(corners_connect),
        cmocka_unit_test(the_first_of_equals_stays),
        cmocka_unit_test(arms_that_meet_late),
        cmocka_unit_test(empty_masks_and_bad_sizes),
        cmocka_unit_test(the_component_of_a_voxel_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
