#include "pipeline/request.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "request_fixture.h"
#include "support/failing_alloc.h"

enum { WIDTH = 4, HEIGHT = 3, SLICES = 5, PIXELS = WIDTH * HEIGHT };

static const char something[] =
    "{'liver': [[1, 2, 3], [4, 5, 6], [7, 8, 9]], 'tumour': [[7, 7, 7]], 'background': [[1, 1, 1]],"
    " 'roi': [1, 2, 3, 4, 5, 6], 'box': [{'key': 3, 'xyxy': [1, 2, 3, 4], 'label': 'tumour'}],"
    " 'corrections': [{'k': 1, 'points': [[1, 2], [3, 4]]}, {'k': 2, 'points': [[5, 6]]}],"
    " 'mask_slices': [1, 2], 'uncertain': [[1, 1, 1]]}";

/* With a mask too; a slice before and two after it are empty. */
static struct vox_request *whole(void)
{
    struct vox_request *request = request_fixture_read(something);
    uint8_t voxels[SLICES * PIXELS] = {0};
    struct vox_err err = {0};
    voxels[1 * PIXELS + 5] = 255;
    voxels[2 * PIXELS + 7] = 1;
    assert_int_equal(VOX_OK,
                     vox_request_set_mask(request, 1, WIDTH, HEIGHT, 10, SLICES, voxels, &err));
    return request;
}

static void test_masks(void **state)
{
    (void)state;
    struct vox_request *request = whole();
    const struct vox_mask_ask *mask = &request->objects[1].mask;
    assert_int_equal(WIDTH, mask->width);
    assert_int_equal(HEIGHT, mask->height);
    assert_int_equal(11, mask->first);
    assert_int_equal(2, mask->n);
    for (int i = 0; i < 2 * PIXELS; i++) {
        assert_int_equal(i == 5 || i == PIXELS + 7 ? 1 : 0, mask->voxels[i]);
    }
    assert_int_equal(0, request->objects[0].mask.n);
    struct vox_err err = {0};
    const uint8_t full[2] = {9, 9};
    const uint8_t empty[2] = {0, 0};
    /* Wrong calls leave it as it is. */
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, 2, 1, 1, 0, 1, full, &err));
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, -1, 1, 1, 0, 1, full, &err));
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, 1, 0, 1, 0, 1, full, &err));
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, 1, 1, -1, 0, 1, full, &err));
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, 1, 1, 1, 0, 0, full, &err));
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, 1, 1, 1, -1, 1, full, &err));
    assert_int_equal(VOX_E_ARG, vox_request_set_mask(request, 1, 1, 1, INT64_MAX, 2, full, &err));
    assert_int_equal(VOX_E_LIMIT, vox_request_set_mask(request, 1, INT64_MAX, 8, 0, 1, full, &err));
    assert_int_equal(11, request->objects[1].mask.first);
    /* A second mask replaces the first, an empty one ends it. */
    assert_int_equal(VOX_OK, vox_request_set_mask(request, 1, 1, 2, 0, 1, full, &err));
    assert_int_equal(2, request->objects[1].mask.height);
    assert_int_equal(0, request->objects[1].mask.first);
    assert_int_equal(VOX_OK, vox_request_set_mask(request, 1, 1, 1, 0, 2, empty, &err));
    assert_int_equal(0, request->objects[1].mask.n);
    assert_null(request->objects[1].mask.voxels);
    vox_request_free(request);
}

static void test_copies_are_independent(void **state)
{
    (void)state;
    struct vox_request *request = whole();
    struct vox_request *twin = whole();
    struct vox_request *copy = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_request_copy(request, &copy, &err));
    request_fixture_same(request, copy);

    const struct vox_click click = {.at = {1, 2, 3}, .positive = true};
    const struct vox_box_ask box = {.corners = {1, 2, 3, 4}, .key = 5};
    const uint8_t voxel = 1;
    assert_int_equal(VOX_OK, vox_request_add_click(copy, 0, &click, &err));
    assert_int_equal(VOX_OK, vox_request_add_background(copy, click.at, &err));
    assert_int_equal(VOX_OK, vox_request_add_box(copy, 0, &box, &err));
    assert_int_equal(VOX_OK, vox_request_add_correction(copy, 0, 1.0, &click, 1, &err));
    copy->objects[0].clicks[0].at[0] = 99.0;
    copy->objects[0].boxes[0].corners[0] = 99.0;
    copy->objects[1].mask.voxels[0] = 1;
    copy->corrections[0].clicks[0].at[0] = 99.0;
    copy->background[0].at[0] = 99.0;
    copy->mask_slices[0] = 99;
    copy->labels.names[0][0] = 'L';
    copy->warnings.text[0][0] = '!';
    copy->clip = VOX_CLIP_TIGHT;
    request_fixture_same(twin, request);
    assert_int_equal(VOX_OK, vox_request_set_mask(request, 1, 1, 1, 0, 1, &voxel, &err));
    vox_request_free(request);
    assert_int_equal(4, copy->objects[0].n_clicks);
    assert_int_equal(2, copy->objects[1].mask.n);
    vox_request_free(copy);
    vox_request_free(twin);
    vox_request_free(NULL);
}

static void test_refused_numbers(void **state)
{
    (void)state;
    struct vox_request *request = whole();
    struct vox_request *twin = whole();
    struct vox_err err = {0};
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int b = 0; b < 3; b++) {
        for (int axis = 0; axis < 3; axis++) {
            struct vox_click click = {.at = {1, 2, 3}, .positive = true};
            click.at[axis] = bad[b];
            assert_int_equal(VOX_E_ARG, vox_request_add_click(request, 0, &click, &err));
            assert_int_equal(VOX_E_ARG, vox_request_add_background(request, click.at, &err));
            /* The third number of a correction's point is not looked at. */
            if (axis < 2) {
                assert_int_equal(VOX_E_ARG,
                                 vox_request_add_correction(request, 0, 1.0, &click, 1, &err));
            }
        }
        const struct vox_click good = {.at = {1, 2, 3}};
        assert_int_equal(VOX_E_ARG, vox_request_add_correction(request, 0, bad[b], &good, 1, &err));
        struct vox_box_ask box = {.corners = {1, 2, 3, bad[b]}, .key = 3};
        assert_int_equal(VOX_E_ARG, vox_request_add_box(request, 0, &box, &err));
        box = (struct vox_box_ask){.corners = {1, 2, 3, 4}, .key = bad[b]};
        assert_int_equal(VOX_E_ARG, vox_request_add_box(request, 0, &box, &err));
        box = (struct vox_box_ask){.roi = true, .corners = {1, 2, 3, 4}, .last = bad[b]};
        assert_int_equal(VOX_E_ARG, vox_request_add_box(request, 0, &box, &err));
    }
    const struct vox_click good = {.at = {1, 2, 3}};
    const struct vox_box_ask box = {.corners = {1, 2, 3, 4}, .key = 3};
    for (int label = -1; label <= 2; label += 3) {
        assert_int_equal(VOX_E_ARG, vox_request_add_click(request, label, &good, &err));
        assert_int_equal(VOX_E_ARG, vox_request_add_box(request, label, &box, &err));
        assert_int_equal(VOX_E_ARG, vox_request_add_correction(request, label, 1, &good, 1, &err));
    }
    request_fixture_same(twin, request);
    vox_request_free(request);
    vox_request_free(twin);
}

/* What is not asked for is not read: an unbounded box may have anything in first and last. */
static void test_boxes_are_complete(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_new();
    struct vox_err err = {0};
    const struct vox_box_ask open = {
        .corners = {1, 2, 3, 4}, .key = 5, .first = (double)NAN, .last = -3};
    const struct vox_box_ask roi = {
        .roi = true, .corners = {1, 2, 3, 4}, .key = (double)NAN, .first = 8, .last = 2};
    assert_int_equal(VOX_OK, vox_request_add_box(request, 0, &open, &err));
    assert_int_equal(VOX_OK, vox_request_add_box(request, 0, &roi, &err));
    const struct vox_box_ask *boxes = request->objects[0].boxes;
    assert_true(boxes[0].first == 5.0 && boxes[0].last == 5.0 && !boxes[0].bounded);
    assert_true(boxes[1].bounded && boxes[1].key == 0.0);
    assert_true(boxes[1].first == 8.0 && boxes[1].last == 2.0);
    /* The key slice is rounded before it is compared with the borders. */
    const struct vox_box_ask close = {
        .corners = {1, 2, 3, 4}, .key = 4.6, .bounded = true, .first = 5.2, .last = 9};
    assert_int_equal(VOX_OK, vox_request_add_box(request, 0, &close, &err));
    vox_request_free(request);
}

static void test_limit(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_new();
    struct vox_err err = {0};
    const struct vox_click clicks[3] = {{.at = {1, 2, 3}}, {.at = {1, 2, 3}}, {.at = {1, 2, 3}}};
    const struct vox_box_ask box = {.corners = {1, 2, 3, 4}, .key = 3};
    request->max_points = 3;
    assert_int_equal(VOX_OK, vox_request_add_click(request, 0, clicks, &err));
    assert_int_equal(VOX_E_LIMIT, vox_request_add_correction(request, 0, 1, clicks, 3, &err));
    assert_int_equal(VOX_OK, vox_request_add_correction(request, 0, 1, clicks, 2, &err));
    assert_int_equal(VOX_OK, vox_request_add_correction(request, 0, 1, clicks, 0, &err));
    assert_int_equal(1, request->n_corrections);
    assert_int_equal(3, request->n_points);
    assert_int_equal(VOX_E_LIMIT, vox_request_add_click(request, 1, clicks, &err));
    assert_int_equal(VOX_E_LIMIT, vox_request_add_background(request, clicks[0].at, &err));
    assert_int_equal(VOX_OK, vox_request_add_box(request, 0, &box, &err));
    assert_int_equal(VOX_OK, vox_request_add_box(request, 1, &box, &err));
    assert_int_equal(VOX_OK, vox_request_add_box(request, 0, &box, &err));
    assert_int_equal(VOX_E_LIMIT, vox_request_add_box(request, 1, &box, &err));
    assert_int_equal(3, request->n_points);
    vox_request_free(request);
}

/* More elements than any first room; each keeps its place. */
static void test_growth(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_new();
    struct vox_request *copy = NULL;
    struct vox_err err = {0};
    for (int i = 0; i < 1000; i++) {
        const struct vox_click click = {.at = {i, i + 1, i + 2}, .positive = i % 2 == 0};
        assert_int_equal(VOX_OK, vox_request_add_click(request, 1, &click, &err));
        assert_int_equal(VOX_OK, vox_request_add_background(request, click.at, &err));
        if (i == 500) {
            assert_int_equal(VOX_OK, vox_request_copy(request, &copy, &err));
            vox_request_free(request);
            request = copy;
        }
    }
    for (int i = 0; i < 1000; i++) {
        request_fixture_at(&request->objects[1].clicks[i], i, i + 1, i + 2, 0.0);
        request_fixture_at(&request->background[i], i, i + 1, i + 2, 0.0);
        assert_int_equal(i % 2 == 0, request->objects[1].clicks[i].positive);
    }
    vox_request_free(request);
}

typedef enum vox_code (*call_fn)(struct vox_request *request, struct vox_err *err);

static enum vox_code copy_it(struct vox_request *request, struct vox_err *err)
{
    struct vox_request *copy = NULL;
    enum vox_code code = vox_request_copy(request, &copy, err);
    assert_true((code == VOX_OK) == (copy != NULL));
    if (copy != NULL) {
        request_fixture_same(request, copy);
    }
    vox_request_free(copy);
    return code;
}

static enum vox_code make_it(struct vox_request *request, struct vox_err *err)
{
    struct vox_request *made = NULL;
    enum vox_code code = vox_request_new(&request->labels, &made, err);
    assert_true((code == VOX_OK) == (made != NULL));
    vox_request_free(made);
    return code;
}

static const struct vox_click one = {.at = {1, 2, 3}, .positive = true};

static enum vox_code add_click(struct vox_request *request, struct vox_err *err)
{
    return vox_request_add_click(request, 1, &one, err);
}

static enum vox_code add_background(struct vox_request *request, struct vox_err *err)
{
    return vox_request_add_background(request, one.at, err);
}

static enum vox_code add_box(struct vox_request *request, struct vox_err *err)
{
    const struct vox_box_ask box = {.corners = {1, 2, 3, 4}, .key = 3};
    return vox_request_add_box(request, 1, &box, err);
}

static enum vox_code add_correction(struct vox_request *request, struct vox_err *err)
{
    return vox_request_add_correction(request, 1, 2.0, &one, 1, err);
}

static enum vox_code set_mask(struct vox_request *request, struct vox_err *err)
{
    const uint8_t voxels[2] = {0, 1};
    return vox_request_set_mask(request, 1, 1, 1, 0, 2, voxels, err);
}

static enum vox_code from_ras(struct vox_request *request, struct vox_err *err)
{
    double affine[3][4] = {{2, 0, 0, 1}, {0, 2, 0, 1}, {0, 0, 1, 1}};
    return vox_request_from_ras(request, affine, err);
}

static void test_no_memory(void **state)
{
    (void)state;
    static const call_fn calls[] = {copy_it, make_it,        add_click, add_background,
                                    add_box, add_correction, set_mask,  from_ras};
    for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
        struct vox_request *request = whole();
        struct vox_request *twin = whole();
        struct vox_err err = {0};
        enum vox_code code = VOX_E_NOMEM;
        long failures = 0;
        for (long k = 1; code != VOX_OK; k++) {
            assert_true(k < 100);
            vox_fail_allocation(k);
            code = calls[c](request, &err);
            bool failed = vox_allocation_failed();
            vox_fail_allocation(0);
            assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
            if (failed) {
                request_fixture_same(twin, request);
                failures++;
            }
        }
        assert_true(failures > 0);
        vox_request_free(request);
        vox_request_free(twin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),           cmocka_unit_test(test_copies_are_independent),
        cmocka_unit_test(test_refused_numbers), cmocka_unit_test(test_boxes_are_complete),
        cmocka_unit_test(test_limit),           cmocka_unit_test(test_growth),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
