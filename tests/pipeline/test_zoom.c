#include "pipeline/zoom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const struct vox_zoom_window *window, int64_t i, int64_t j, int64_t width,
                   int64_t height)
{
    assert_int_equal(window->origin[0], i);
    assert_int_equal(window->origin[1], j);
    assert_int_equal(window->size[0], width);
    assert_int_equal(window->size[1], height);
}

static struct vox_zoom_window around(double i, double j, double length, double si, double sj,
                                     int64_t w, int64_t h)
{
    const double centre[2] = {i, j};
    const double spacing[2] = {si, sj};
    const int64_t slice[2] = {w, h};
    struct vox_zoom_window window = vox_zoom_around(centre, length, spacing, slice);
    assert_false(window.whole);
    return window;
}

static void whole_slice(void **state)
{
    (void)state;
    const int64_t slice[2] = {100, 3};
    struct vox_zoom_window window = vox_zoom_whole(slice);
    assert_true(window.whole);
    expect(&window, 0, 0, 100, 3);
    uint8_t *mask = calloc(300, 1);
    mask[0] = 1;
    assert_false(vox_zoom_touches_rim(&window, mask, slice));
    free(mask);
}

/* Rule 10: 16 * ceil(L / spacing / 16), at 8 * r((centre - size / 2) / 8). */
static void rule_10_size_and_place(void **state)
{
    (void)state;
    struct vox_zoom_window window = around(256.0, 200.0, 80.0, 1.0, 1.0, 512, 512);
    expect(&window, 216, 160, 80, 80);
    window = around(256.0, 200.0, 80.5, 1.0, 0.5, 512, 512);
    expect(&window, 208, 112, 96, 176);
    /* r rounds halves up: (100 - 48) / 8 = 6.5, (99.99 - 48) / 8 = 6.499 */
    window = around(100.0, 99.99, 96.0, 1.0, 1.0, 512, 512);
    expect(&window, 56, 48, 96, 96);
    window = around(100.0, 100.0, 48.0, 0.75, 2.0, 512, 512);
    expect(&window, 72, 88, 64, 32);
}

static void rule_10_moved_inside(void **state)
{
    (void)state;
    struct vox_zoom_window window = around(3.0, 509.0, 64.0, 1.0, 1.0, 512, 510);
    expect(&window, 0, 446, 64, 64);
    window = around(0.0, 63.0, 64.0, 1.0, 1.0, 64, 65);
    expect(&window, 0, 1, 64, 64);
}

static void rule_10_larger_than_the_slice(void **state)
{
    (void)state;
    struct vox_zoom_window window = around(10.0, 10.0, 96.0, 1.0, 1.0, 51, 200);
    expect(&window, -22, 0, 96, 96); /* floor(45 / 2) */
    window = around(0.0, 500.0, 48.0, 1.0, 1.0, 1, 1000);
    expect(&window, -23, 480, 48, 48);
}

static void bounds_the_size(void **state)
{
    (void)state;
    struct vox_zoom_window window = around(1.0, 1.0, 48.0, 1e-300, 1e300, 64, 64);
    assert_int_equal(window.size[0], VOX_ZOOM_SIDE_MAX);
    assert_int_equal(window.size[1], 16);
    window = around(1.0, 1.0, 48.0, 5e-324, 1.0, 64, 64);
    assert_int_equal(window.size[0], VOX_ZOOM_SIDE_MAX);
}

static void rule_10_length(void **state)
{
    (void)state;
    const double rect[4] = {10.0, 12.0, 40.0, 44.0};
    const double even[2] = {1.0, 1.0};
    const double wide[2] = {2.0, 0.5};
    assert_true(vox_zoom_length(rect, 2.5, even) == 82.5);
    assert_true(vox_zoom_length(rect, 2.5, wide) == 155.0);
    /* At least 48 of the finer voxels. */
    assert_true(vox_zoom_length(rect, 1.0, even) == 48.0);
    const double dot[4] = {5.0, 5.0, 5.0, 5.0};
    assert_true(vox_zoom_length(dot, 100.0, wide) == 200.0);
    assert_true(vox_zoom_length(dot, 1.0, wide) == 24.0);
}

static bool touches(const struct vox_zoom_window *window, int64_t i, int64_t j)
{
    const int64_t slice[2] = {40, 30};
    uint8_t *mask = calloc(40 * 30, 1);
    mask[j * 40 + i] = 1;
    bool touched = vox_zoom_touches_rim(window, mask, slice);
    free(mask);
    return touched;
}

static void rim(void **state)
{
    (void)state;
    struct vox_zoom_window inner = {.origin = {8, 8}, .size = {16, 16}};
    assert_true(touches(&inner, 8, 10));
    assert_true(touches(&inner, 23, 10));
    assert_true(touches(&inner, 10, 8));
    assert_true(touches(&inner, 10, 23));
    assert_true(touches(&inner, 8, 8));
    assert_true(touches(&inner, 23, 23));
    assert_false(touches(&inner, 9, 9));
    assert_false(touches(&inner, 22, 22));
    assert_false(touches(&inner, 7, 10)); /* not in the window at all */
    assert_false(touches(&inner, 24, 23));
    /* Where the rim is the slice's own there is nothing beyond. */
    struct vox_zoom_window corner = {.origin = {0, 14}, .size = {16, 16}};
    assert_false(touches(&corner, 0, 20));
    assert_false(touches(&corner, 5, 29));
    assert_true(touches(&corner, 15, 20));
    assert_true(touches(&corner, 5, 14));
    struct vox_zoom_window large = {.origin = {-4, 8}, .size = {48, 16}};
    assert_false(touches(&large, 0, 10));
    assert_false(touches(&large, 39, 10));
    assert_true(touches(&large, 0, 8));
    assert_true(touches(&large, 39, 23));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_slice),
        cmocka_unit_test(rule_10_size_and_place),
        cmocka_unit_test(rule_10_moved_inside),
        cmocka_unit_test(rule_10_larger_than_the_slice),
        cmocka_unit_test(bounds_the_size),
        cmocka_unit_test(rule_10_length),
        cmocka_unit_test(rim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
