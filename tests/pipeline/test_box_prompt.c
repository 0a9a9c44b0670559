#include "pipeline/box_prompt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t size[3] = {20, 10, 5};

static enum vox_code fit(struct vox_box_prompt *prompt, bool *cut)
{
    struct vox_err err = {0};
    enum vox_code code = vox_box_prompt_fit(prompt, size, cut, &err);
    assert_true(code == VOX_OK || err.msg[0] != '\0');
    return code;
}

static void expect_corners(const struct vox_box_prompt *prompt, double i0, double j0, double i1,
                           double j1)
{
    const double want[4] = {i0, j0, i1, j1};
    for (int i = 0; i < 4; i++) {
        assert_true(prompt->corners[i] == want[i]);
    }
}

static void test_sorts_and_cuts(void **state)
{
    (void)state;
    bool cut = true;
    struct vox_box_prompt prompt = {.key = 2, .corners = {12.5, 8, 3.25, 1}};
    assert_int_equal(fit(&prompt, &cut), VOX_OK);
    expect_corners(&prompt, 3.25, 1, 12.5, 8);
    assert_false(cut);
    assert_int_equal(prompt.first, 0);
    assert_int_equal(prompt.last, 4);

    prompt = (struct vox_box_prompt){.key = 0, .corners = {-7, 2, 100, 9.25}};
    assert_int_equal(fit(&prompt, &cut), VOX_OK);
    expect_corners(&prompt, 0, 2, 19, 9);
    assert_true(cut);
}

static void test_range(void **state)
{
    (void)state;
    struct vox_box_prompt prompt = {
        .key = 2, .corners = {1, 1, 5, 5}, .bounded = true, .first = 3, .last = 1};
    assert_int_equal(fit(&prompt, NULL), VOX_OK);
    assert_int_equal(prompt.first, 1);
    assert_int_equal(prompt.last, 3);
    static const int64_t bad[][3] = {{2, 3, 4}, {2, -1, 3}, {2, 1, 5}, {-1, 0, 4}, {5, 0, 4}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        prompt.key = bad[i][0];
        prompt.first = bad[i][1];
        prompt.last = bad[i][2];
        assert_int_equal(fit(&prompt, NULL), VOX_E_ARG);
        assert_int_equal(prompt.first, bad[i][1]);
    }
}

static void test_outside(void **state)
{
    (void)state;
    static const double bad[][4] = {
        {-9, 1, -1, 5},  {19.5, 1, 30, 5},       {1, -3, 5, -0.75},
        {1, 9.5, 5, 12}, {(double)NAN, 1, 5, 5}, {1, 1, (double)INFINITY, 5},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct vox_box_prompt prompt = {.key = 0};
        for (int c = 0; c < 4; c++) {
            prompt.corners[c] = bad[i][c];
        }
        assert_int_equal(fit(&prompt, NULL), VOX_E_ARG);
    }
    /* Half a voxel beside the first one is still its cell. */
    struct vox_box_prompt prompt = {.key = 0, .corners = {-3, 1, -0.5, 5}};
    assert_int_equal(fit(&prompt, NULL), VOX_OK);
    expect_corners(&prompt, 0, 1, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_and_cuts),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
