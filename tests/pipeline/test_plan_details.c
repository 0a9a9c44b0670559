/* Single sentences of docs/prompts.md that the tests of its rules pass by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/params_read.h"
#include "plan_fixture.h"

/* ---- parameters ---- */

/* Those of its name, `foreground`, its `background`, `points`. */
static void points_of_a_label_are_counted_through(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of(
        "{'points': [[5, 5, 3], [5, 5, 96]], 'background': [[5, 5, 97], [1, 1, 3]], "
        "'foreground': [[5, 5, 98]], 'liver': [[5, 5, 3], [5, 5, 99]], 'point_labels': [1, 0]}");
    plan_fixture_expect_warning(plan, "points 1, 2, 3 and 6 of 'liver' lie outside the image");
    vox_plan_free(plan);
}

/* `points` alone says whose the background is. */
static void background_beside_points_is_the_chosen_ones(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{'label': 'tumour', 'points': [], 'background': [[5, 5, 3]], 'liver': [[1, 1, 3]]}",
        "{'label': 'tumour', 'foreground': [], 'background': [[5, 5, 3]], 'liver': [[1, 1, 3]]}",
    };
    for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
        struct vox_request *request = plan_fixture_request(texts[n]);
        assert_int_equal(0, request->n_background);
        assert_int_equal(1, request->objects[0].n_clicks);
        assert_int_equal(1, request->objects[1].n_clicks);
        assert_false(request->objects[1].clicks[0].positive);
        vox_request_free(request);
    }
}

static enum vox_code read_nested(int levels)
{
    struct vox_request *request = plan_fixture_request("{}");
    static const char open[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
    static const char close[] = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    int inner = levels - 1; /* the object is the first */
    char text[2 * sizeof(open) + 20];
    snprintf(text, sizeof(text), "{\"x\": %.*s%.*s}", inner, open, inner, close);
    struct vox_err err = {0};
    enum vox_code code = vox_params_read(request, text, strlen(text), &err);
    vox_request_free(request);
    return code;
}

static void thirty_two_levels_are_read(void **state)
{
    (void)state;
    assert_int_equal(VOX_OK, read_nested(32));
    assert_int_equal(VOX_E_LIMIT, read_nested(33));
}

static void spellings_of_what_is_the_rule_anyway(void **state)
{
    (void)state;
    const char *clicks = "'box': null, 'points': [[5, 5], [50, 50]]";
    plan_fixture_check("{'liver': [[5, 5, 3], [50, 50, 3]], 'points_as': 'clicks'}", clicks);
    plan_fixture_check("{'liver': [[5, 5, 3], [50, 50, 3]], 'points_as': 'default'}", clicks);
    plan_fixture_check("{'liver': [[5, 5, 3], [50, 50, 3]], 'points_as': ''}", clicks);
}

/* ---- numbers ---- */

/* r(i0) >= w on the other side of the slice. */
static void rectangles_at_the_far_rim(void **state)
{
    (void)state;
    plan_fixture_check("{'box': [99.4, 1, 120, 9], 'slice': 4}", "'box': [99, 1, 99, 9]");
    plan_fixture_refuse("{'box': [99.5, 1, 120, 9], 'slice': 4}", "lies outside the slice");
    plan_fixture_check("{'box': [1, 79.4, 9, 90], 'slice': 4}", "'box': [1, 79, 9, 79]");
    plan_fixture_refuse("{'box': [1, 79.5, 9, 90], 'slice': 4}", "lies outside the slice");
}

/* ---- the plan ---- */

/* Ascending in i, then j, then k, whatever the order of the request; to the last bit. */
static void points_are_summed_in_their_order(void **state)
{
    (void)state;
    static const char *const orders[] = {
        "{'liver': [[0.1, 0.3, 3], [0.2, 0.2, 3], [0.3, 0.1, 3]], 'zoom': 2}",
        "{'liver': [[0.3, 0.1, 3], [0.2, 0.2, 3], [0.1, 0.3, 3]], 'zoom': 2}",
        "{'liver': [[0.2, 0.2, 3], [0.1, 0.3, 3], [0.3, 0.1, 3]], 'zoom': 2}",
    };
    const double i = (0.1 + 0.2 + 0.3) / 3.0, j = (0.3 + 0.2 + 0.1) / 3.0;
    assert_true(i != j);
    for (size_t n = 0; n < sizeof(orders) / sizeof(orders[0]); n++) {
        struct vox_plan *plan = plan_fixture_of(orders[n]);
        assert_true(plan->objects[0].centre[0] == i);
        assert_true(plan->objects[0].centre[1] == j);
        vox_plan_free(plan);
    }
}

/* i 10 ... 74, j 5 ... 20 */
static void corners_are_rounded_for_the_window(void **state)
{
    (void)state;
    struct vox_plan *plan =
        plan_fixture_of("{'roi': [10.4, 73.5, 4.5, 20.4, 3, 5], 'zoom': 1, 'clip': 'off'}");
    plan_fixture_expect(plan, "'rect': [10.4, 4.5, 73.5, 20.4]");
    plan_fixture_expect(plan, "'length': 65, 'grows': false}");
    assert_true(plan->objects[0].centre[0] == 42.0);
    assert_true(plan->objects[0].centre[1] == 12.5);
    vox_plan_free(plan);
}

static void pieces_are_in_the_order_of_z_then_rect(void **state)
{
    (void)state;
    static const double rois[][6] = {/* i0, j0, i1, j1, k0, k1 */
                                     {20, 10, 40, 30, 4, 8},
                                     {10, 12, 40, 30, 4, 8},
                                     {1, 1, 9, 9, 4, 9},
                                     {10, 11, 40, 30, 4, 8},
                                     {50, 50, 60, 60, 2, 9}};
    static const int wanted[] = {4, 3, 1, 0, 2};
    enum { N = sizeof(rois) / sizeof(rois[0]) };
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    struct vox_request *request = plan_fixture_request("{}");
    struct vox_err err = {0};
    for (int n = 0; n < N; n++) {
        const double *roi = rois[n];
        const struct vox_box_ask ask = {.roi = true,
                                        .corners = {roi[0], roi[1], roi[2], roi[3]},
                                        .bounded = true,
                                        .first = roi[4],
                                        .last = roi[5]};
        assert_int_equal(VOX_OK, vox_request_add_box(request, 0, &ask, &err));
    }
    struct vox_plan *plan = plan_fixture_plan(request, &plan_fixture_image, &defaults);
    assert_int_equal(N, plan->objects[0].n_pieces);
    for (int n = 0; n < N; n++) {
        const struct vox_plan_piece *piece = &plan->objects[0].pieces[n];
        const double *roi = rois[wanted[n]];
        assert_true(piece->rect.i0 == roi[0] && piece->rect.j0 == roi[1]);
        assert_true((double)piece->first == roi[4] && (double)piece->last == roi[5]);
    }
    vox_plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_a_label_are_counted_through),
        cmocka_unit_test(background_beside_points_is_the_chosen_ones),
        cmocka_unit_test(thirty_two_levels_are_read),
        cmocka_unit_test(spellings_of_what_is_the_rule_anyway),
        cmocka_unit_test(rectangles_at_the_far_rim),
        cmocka_unit_test(points_are_summed_in_their_order),
        cmocka_unit_test(corners_are_rounded_for_the_window),
        cmocka_unit_test(pieces_are_in_the_order_of_z_then_rect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
