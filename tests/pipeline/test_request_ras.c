/* Prompts in RAS millimetres become voxel indices: axes of every direction and order, tilted ones,
 * and those that are none. The numbers are worked out by hand. */
#include "pipeline/request.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "request_fixture.h"

static const double tolerance = 1e-9;

static enum vox_code convert(struct vox_request *request, double affine[3][4])
{
    struct vox_err err = {0};
    enum vox_code code = vox_request_from_ras(request, affine, &err);
    assert_true((code == VOX_OK) == (err.msg[0] == '\0'));
    return code;
}

/* 2 mm along i, 4 along j, 5 along k from (10, 20, 30); signs flip the axes. */
static struct vox_request *converted(const char *json, double si, double sj, double sk)
{
    double affine[3][4] = {{si * 2, 0, 0, 10}, {0, sj * 4, 0, 20}, {0, 0, sk * 5, 30}};
    struct vox_request *request = request_fixture_read(json);
    assert_int_equal(VOX_OK, convert(request, affine));
    return request;
}

static void expect_box(const struct vox_box_ask *box, double i0, double j0, double i1, double j1,
                       double first, double last)
{
    const double want[6] = {i0, j0, i1, j1, first, last};
    const double got[6] = {box->corners[0], box->corners[1], box->corners[2],
                           box->corners[3], box->first,      box->last};
    for (int i = 0; i < 6; i++) {
        assert_true(fabs(got[i] - want[i]) <= tolerance);
    }
}

static void test_points_over_flips(void **state)
{
    (void)state;
    for (int flips = 0; flips < 8; flips++) {
        double si = (flips & 1) != 0 ? -1 : 1;
        double sj = (flips & 2) != 0 ? -1 : 1;
        double sk = (flips & 4) != 0 ? -1 : 1;
        struct vox_request *request =
            converted("{'liver': [[10, 20, 30], [16, 22, 45]], 'background': [[0, 0, 0]],"
                      " 'label': 'tumour', 'points': [[9, 20.5, 30]], 'point_labels': [0]}",
                      si, sj, sk);
        const struct vox_click *liver = request->objects[0].clicks;
        const struct vox_click *tumour = request->objects[1].clicks;
        request_fixture_at(&liver[0], 0, 0, 0, tolerance);
        request_fixture_at(&liver[1], si * 3, sj * 0.5, sk * 3, tolerance);
        /* Beside `points` the background belongs to the same label. */
        request_fixture_at(&tumour[0], si * -5, sj * -5, sk * -6, tolerance);
        request_fixture_at(&tumour[1], si * -0.5, sj * 0.125, 0, tolerance);
        assert_true(liver[0].positive && !tumour[1].positive);
        vox_request_free(request);
    }
}

static void test_background(void **state)
{
    (void)state;
    struct vox_request *request = converted("{'background': [[12, 16, 20]]}", 1, -1, -1);
    request_fixture_at(&request->background[0], 1, 1, 2, tolerance);
    vox_request_free(request);
}

static void test_boxes_over_flips(void **state)
{
    (void)state;
    static const char json[] = "{'roi': [14, 22, 24, 36, 40, 60],"
                               " 'box': [{'key': 45, 'xyxy': [14, 24, 22, 36], 'z': [60, 40]},"
                               "         {'key': 45, 'xyxy': [22, 24, 14, 36]}]}";
    struct vox_request *request = converted(json, 1, 1, 1);
    const struct vox_box_ask *boxes = request->objects[0].boxes;
    expect_box(&boxes[0], 2, 1, 6, 4, 2, 6);
    expect_box(&boxes[1], 2, 1, 6, 4, 2, 6);
    expect_box(&boxes[2], 2, 1, 6, 4, 3, 3);
    assert_true(fabs(boxes[1].key - 3) <= tolerance && fabs(boxes[2].key - 3) <= tolerance);
    assert_true(boxes[0].roi && boxes[0].key == 0.0);
    assert_true(boxes[1].bounded && !boxes[2].bounded);
    vox_request_free(request);

    request = converted(json, -1, 1, -1);
    boxes = request->objects[0].boxes;
    expect_box(&boxes[0], -6, 1, -2, 4, -6, -2);
    expect_box(&boxes[1], -6, 1, -2, 4, -6, -2);
    expect_box(&boxes[2], -6, 1, -2, 4, -3, -3);
    assert_true(fabs(boxes[1].key + 3) <= tolerance);
    vox_request_free(request);
}

/* A sagittal scan: i runs to anterior, j down, k to the right. */
static void test_other_order_of_axes(void **state)
{
    (void)state;
    double affine[3][4] = {{0, 0, 3, -60}, {0.5, 0, 0, -100}, {0, -0.5, 0, 80}};
    struct vox_request *request = request_fixture_read(
        "{'liver': [[-60, -100, 80], [-30, -90, 75]], 'roi': [-54, -30, -99, -90, 70, 79]}");
    assert_int_equal(VOX_OK, convert(request, affine));
    request_fixture_at(&request->objects[0].clicks[0], 0, 0, 0, tolerance);
    request_fixture_at(&request->objects[0].clicks[1], 20, 10, 10, tolerance);
    expect_box(&request->objects[0].boxes[0], 2, 2, 20, 20, 2, 10);
    vox_request_free(request);
}

static void test_tilted(void **state)
{
    (void)state;
    /* Columns are orthogonal: 2 (cos, sin, 0), 3 (-sin, cos, 0), 4 along S, with (3, 4, 5) / 5. */
    double affine[3][4] = {{1.2, -2.4, 0, 7}, {1.6, 1.8, 0, -3}, {0, 0, 4, 11}};
    struct vox_request *request = request_fixture_new();
    struct vox_err err = {0};
    static const double wanted[][3] = {{0, 0, 0}, {10, 20, 30}, {-1.5, 0.25, 3.75}, {511, 511, 99}};
    for (size_t p = 0; p < 4; p++) {
        struct vox_click click = {.positive = true};
        for (int row = 0; row < 3; row++) {
            click.at[row] = affine[row][3];
            for (int column = 0; column < 3; column++) {
                click.at[row] += affine[row][column] * wanted[p][column];
            }
        }
        assert_int_equal(VOX_OK, vox_request_add_click(request, 0, &click, &err));
    }
    assert_int_equal(VOX_OK, convert(request, affine));
    for (size_t p = 0; p < 4; p++) {
        request_fixture_at(&request->objects[0].clicks[p], wanted[p][0], wanted[p][1], wanted[p][2],
                           tolerance);
    }
    vox_request_free(request);
}

static void test_corrections(void **state)
{
    (void)state;
    struct vox_request *request = converted(
        "{'corrections': [{'k': 40, 'points': [[12, 24], [14, 28]], 'labels': [0, 1]}]}", 1, 1, 1);
    const struct vox_correction_ask *correction = &request->corrections[0];
    assert_true(fabs(correction->k - 2) <= tolerance);
    request_fixture_at(&correction->clicks[0], 1, 1, correction->k, tolerance);
    request_fixture_at(&correction->clicks[1], 2, 2, correction->k, tolerance);
    assert_false(correction->clicks[0].positive);
    vox_request_free(request);

    /* Slices that run along R: these two points lie on slices 1 and 2. */
    double sagittal[3][4] = {{0, 0, 2, 10}, {4, 0, 0, 20}, {0, 5, 0, 30}};
    request = request_fixture_read("{'liver': [[12, 24, 40]], 'corrections': ["
                                   "{'k': 40, 'points': [[12, 24]]},"
                                   "{'k': 40, 'points': [[12, 24], [14, 28]]}]}");
    struct vox_err err = {0};
    assert_int_equal(VOX_E_ARG, vox_request_from_ras(request, sagittal, &err));
    assert_non_null(strstr(err.msg, "correction 1 lie on several slices"));
    request_fixture_at(&request->objects[0].clicks[0], 12, 24, 40, 0.0);
    assert_true(request->corrections[0].k == 40.0);
    vox_request_free(request);
}

static void test_refused(void **state)
{
    (void)state;
    double flat[3][4] = {{1, 2, 3, 0}, {2, 4, 6, 0}, {0, 0, 1, 0}};
    double infinite[3][4] = {{1, 0, 0, 0}, {0, (double)INFINITY, 0, 0}, {0, 0, 1, 0}};
    double lost[3][4] = {{1, 0, 0, (double)NAN}, {0, 1, 0, 0}, {0, 0, 1, 0}};
    double zero[3][4] = {{0}};
    double tiny[3][4] = {{1e-5, 0, 0, 0}, {0, 1e-5, 0, 0}, {0, 0, 1e-5, 0}};
    static const char *const texts[] = {
        "{'liver': [[1, 2, 3], [1, 1e307, 1]]}", "{'background': [[1e307, 0, 0]]}",
        "{'roi': [0, 1, 0, 1, 0, 1e307]}", "{'box': {'key': 1e307, 'xyxy': [1, 2, 3, 4]}}",
        "{'corrections': [{'k': 1, 'points': [[1e307, 1]]}]}"};
    struct vox_request *request = request_fixture_read("{'liver': [[1, 2, 3]]}");
    assert_int_equal(VOX_E_ARG, convert(request, flat));
    assert_int_equal(VOX_E_ARG, convert(request, infinite));
    assert_int_equal(VOX_E_ARG, convert(request, lost));
    assert_int_equal(VOX_E_ARG, convert(request, zero));
    request_fixture_at(&request->objects[0].clicks[0], 1, 2, 3, 0.0);
    vox_request_free(request);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        request = request_fixture_read(texts[i]);
        struct vox_request *twin = request_fixture_read(texts[i]);
        assert_int_equal(VOX_E_ARG, convert(request, tiny));
        request_fixture_same(twin, request);
        vox_request_free(twin);
        vox_request_free(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_over_flips),
        cmocka_unit_test(test_background),
        cmocka_unit_test(test_boxes_over_flips),
        cmocka_unit_test(test_other_order_of_axes),
        cmocka_unit_test(test_tilted),
        cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
