#include "volume/fill_holes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

enum { SIDE = 12 };

/* The slow way: what is outside grows by one voxel to each side until it grows no more. */
static void reference(uint8_t *mask, int64_t w, int64_t h)
{
    bool outside[SIDE * SIDE] = {false};
    bool grew = true;
    while (grew) {
        grew = false;
        for (int64_t j = 0; j < h; j++) {
            for (int64_t i = 0; i < w; i++) {
                int64_t at = j * w + i;
                bool open = i == 0 || j == 0 || i == w - 1 || j == h - 1 || outside[at - 1] ||
                            outside[at + 1] || outside[at - w] || outside[at + w];
                if (mask[at] == 0 && open && !outside[at]) {
                    outside[at] = grew = true;
                }
            }
        }
    }
    for (int64_t at = 0; at < w * h; at++) {
        mask[at] = mask[at] == 0 && !outside[at] ? 1 : mask[at];
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void agrees_with_growing_from_outside(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 2}, {1, 9, 1}, {9, 1, 1}, {2, 5, 3}, {12, 12, 4}};
    uint32_t seed = 3;
    int64_t filled = 0;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (uint32_t percent = 0; percent <= 100; percent += 4) {
            uint8_t mask[SIDE * SIDE * 4], wanted[SIDE * SIDE * 4];
            const int64_t *size = sizes[s];
            int64_t pixels = size[0] * size[1];
            for (int64_t i = 0; i < pixels * size[2]; i++) {
                mask[i] = next_random(&seed) % 100 < percent ? 7 : 0;
            }
            memcpy(wanted, mask, sizeof(mask));
            for (int64_t k = 0; k < size[2]; k++) {
                reference(wanted + k * pixels, size[0], size[1]);
            }
            assert_int_equal(VOX_OK, vox_fill_holes(mask, size, NULL));
            assert_memory_equal(wanted, mask, (size_t)(pixels * size[2]));
            for (int64_t i = 0; i < pixels * size[2]; i++) {
                filled += mask[i] == 1;
            }
        }
    }
    assert_true(filled > 100);
}

/* Background connects by its sides alone: a ring that touches itself at corners holds a hole. */
static void corners_of_the_background_do_not_connect(void **state)
{
    (void)state;
    uint8_t mask[] = {0, 1, 0, 1, 0, 1, 0, 1, 0};
    const uint8_t wanted[] = {0, 1, 0, 1, 1, 1, 0, 1, 0};
    assert_int_equal(VOX_OK, vox_fill_holes(mask, (const int64_t[3]){3, 3, 1}, NULL));
    assert_memory_equal(wanted, mask, sizeof(mask));
}

/* A cavity that is closed within slices is filled although a neighbour slice opens it. */
static void slices_stand_for_themselves(void **state)
{
    (void)state;
    uint8_t mask[18] = {1, 1, 1, 1, 0, 1, 1, 1, 1, 0};
    uint8_t wanted[18] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0};
    assert_int_equal(VOX_OK, vox_fill_holes(mask, (const int64_t[3]){3, 3, 2}, NULL));
    assert_memory_equal(wanted, mask, sizeof(mask));
}

static void refuses_what_is_too_large_or_has_no_memory(void **state)
{
    (void)state;
    struct vox_err err = {0};
    uint8_t mask[9] = {1, 1, 1, 1, 0, 1, 1, 1, 1}, before[9];
    memcpy(before, mask, sizeof(mask));
    const int64_t large[3] = {65536, 65536, 1}, size[3] = {3, 3, 1};
    assert_int_equal(VOX_E_LIMIT, vox_fill_holes(mask, large, &err));
    for (long k = 1; k <= 2; k++) {
        vox_fail_allocation(k);
        assert_int_equal(VOX_E_NOMEM, vox_fill_holes(mask, size, &err));
        vox_fail_allocation(0);
        assert_memory_equal(before, mask, sizeof(mask));
    }
    assert_int_equal(VOX_OK, vox_fill_holes(mask, size, &err));
    assert_int_equal(1, mask[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_growing_from_outside),
        cmocka_unit_test(corners_of_the_background_do_not_connect),
        cmocka_unit_test(slices_stand_for_themselves),
        cmocka_unit_test(refuses_what_is_too_large_or_has_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
