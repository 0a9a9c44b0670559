/* Every row of the table of parameters in docs/prompts.md. */
#include "pipeline/params_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "request_fixture.h"

static void expect_click(const struct vox_click *click, double i, double j, double k, bool positive)
{
    request_fixture_at(click, i, j, k, 0.0);
    assert_int_equal(positive, click->positive);
}

static void expect_box(const struct vox_box_ask *box, bool roi, double i0, double j0, double i1,
                       double j1)
{
    const double corners[4] = {i0, j0, i1, j1};
    assert_int_equal(roi, box->roi);
    for (int i = 0; i < 4; i++) {
        assert_true(box->corners[i] == corners[i]);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    struct vox_request *empty = request_fixture_new();
    assert_int_equal(0, empty->chosen);
    assert_int_equal(VOX_POINTS_MAX_DEFAULT, empty->max_points);
    assert_true(empty->min_box == 6.0);
    assert_true(empty->largest_cc && empty->keep_uncertain && !empty->fill_holes);
    assert_false(empty->window_given || empty->zoom.given || empty->result_compress);
    assert_true(empty->window.automatic);
    assert_string_equal("", empty->result_extension);
    assert_string_equal("", empty->result_dtype);
    static const char *const texts[] = {
        "{}",
        " {\n} ",
        "{'liver': [], 'tumour': [], 'background': [], 'uncertain': [], 'foreground': []}",
        "{'points': [], 'point_labels': [], 'roi': [], 'box': [], 'corrections': []}",
        "{'mask_slices': [], 'corrections': [{'k': 3}, {'k': 3, 'points': []}]}",
        "{'corrections': [{'k': 3, 'points': null, 'labels': []}]}",
        "{'liver': null, 'background': null, 'uncertain': null, 'foreground': null}",
        "{'points': null, 'point_labels': null, 'roi': null, 'box': null, 'corrections': null}",
        "{'slice': null, 'label': null, 'mask_slices': null, 'window': null, 'zoom': null}",
        "{'min_box': null, 'broadcast': null, 'points_as': null, 'extent': null, 'clip': null}",
        "{'passes': null, 'largest_cc': null, 'fill_holes': null, 'keep_uncertain': null}",
        "{'result_extension': null, 'result_dtype': null, 'result_compress': null}",
        "{'device': 'cuda', 'client_id': 7, 'kidney': [[1]], 'Liver': true, 'mask': []}",
        "{'x': {'y': []}, 'slice': 3, '': [], 'labels': [[1, 2]]}",
        "{'broadcast': 'default', 'points_as': 'default', 'extent': '', 'clip': 'default'}",
        "{'passes': '', 'zoom': 'default', 'window': '', 'result_extension': ''}",
        "{'result_extension': 'default', 'result_dtype': '', 'window': 'default', 'zoom': ''}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vox_request *read = request_fixture_read(texts[i]);
        request_fixture_same(empty, read);
        vox_request_free(read);
    }
    vox_request_free(empty);
}

static void test_points_of_labels(void **state)
{
    (void)state;
    struct vox_request *request =
        request_fixture_read("{'tumour': [[1, 2.5, 3]], 'liver': [[-4, 1e300, 0], [7, 8, 9]], "
                             "'background': [[0, -0.5, 2]]}");
    const struct vox_object_ask *liver = &request->objects[0];
    const struct vox_object_ask *tumour = &request->objects[1];
    assert_int_equal(2, liver->n_clicks);
    expect_click(&liver->clicks[0], -4.0, 1e300, 0.0, true);
    expect_click(&liver->clicks[1], 7.0, 8.0, 9.0, true);
    assert_int_equal(1, tumour->n_clicks);
    expect_click(&tumour->clicks[0], 1.0, 2.5, 3.0, true);
    assert_int_equal(1, request->n_background);
    expect_click(&request->background[0], 0.0, -0.5, 2.0, false);
    assert_int_equal(4, request->n_points);
    assert_int_equal(0, request->warnings.n);
    vox_request_free(request);
}

static void test_points_of_the_chosen(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read(
        "{'label': 'tumour', 'foreground': [[1, 2, 3]], 'background': [[4, 5, 6]],"
        " 'points': [[7, 7, 7], [8, 8, 8]], 'point_labels': [0, 1.0]}");
    assert_int_equal(1, request->chosen);
    assert_int_equal(0, request->objects[0].n_clicks);
    assert_int_equal(0, request->n_background);
    const struct vox_object_ask *tumour = &request->objects[1];
    assert_int_equal(4, tumour->n_clicks);
    expect_click(&tumour->clicks[0], 1.0, 2.0, 3.0, true);
    expect_click(&tumour->clicks[1], 4.0, 5.0, 6.0, false);
    expect_click(&tumour->clicks[2], 7.0, 7.0, 7.0, false);
    expect_click(&tumour->clicks[3], 8.0, 8.0, 8.0, true);
    vox_request_free(request);

    request = request_fixture_read("{'points': [[1, 1, 1]], 'label': 'no label of the model'}");
    assert_int_equal(0, request->chosen);
    expect_click(&request->objects[0].clicks[0], 1.0, 1.0, 1.0, true);
    vox_request_free(request);

    /* An empty list beside it says whose the background is, null does not. */
    request = request_fixture_read("{'foreground': [], 'background': [[1, 1, 1]]}");
    assert_int_equal(0, request->n_background);
    assert_int_equal(1, request->objects[0].n_clicks);
    vox_request_free(request);
    request = request_fixture_read("{'points': null, 'background': [[1, 1, 1]]}");
    assert_int_equal(1, request->n_background);
    vox_request_free(request);
}

static void test_uncertain(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read("{'uncertain': [[1, 2, 3], [4, 5, 6]]}");
    assert_int_equal(0, request->n_points);
    assert_int_equal(1, request->warnings.n);
    assert_string_equal("2 points of 'uncertain' were left out; draw with a label or 'background'",
                        request->warnings.text[0]);
    vox_request_free(request);
}

static void test_rois(void **state)
{
    (void)state;
    struct vox_request *request =
        request_fixture_read("{'roi': [30, 10, 5.5, 25, 9, 2], 'label': 'tumour', 'slice': 99}");
    assert_int_equal(0, request->objects[0].n_boxes);
    assert_int_equal(1, request->objects[1].n_boxes);
    const struct vox_box_ask *box = &request->objects[1].boxes[0];
    expect_box(box, true, 30.0, 5.5, 10.0, 25.0);
    assert_true(box->bounded && box->first == 9.0 && box->last == 2.0);
    vox_request_free(request);

    request = request_fixture_read("{'roi': [1, 2, 30, 40], 'slice': 7, 'box': [5, 6, 7, 8]}");
    assert_int_equal(2, request->objects[0].n_boxes);
    expect_box(&request->objects[0].boxes[0], false, 1.0, 2.0, 30.0, 40.0);
    expect_box(&request->objects[0].boxes[1], false, 5.0, 6.0, 7.0, 8.0);
    assert_true(request->objects[0].boxes[1].key == 7.0);
    assert_false(request->objects[0].boxes[1].bounded);
    vox_request_free(request);
}

static void test_boxes(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read(
        "{'box': [{'key': 3, 'xyxy': [1, 2, 3, 4.25]},"
        " {'key': 5, 'xyxy': [9, 8, 7, 6], 'z': [8, 2], 'label': 'tumour', 'colour': 'red'},"
        " {'key': 0, 'xyxy': [0, 0, 1, 1], 'z': null, 'label': null}]}");
    assert_int_equal(2, request->objects[0].n_boxes);
    expect_box(&request->objects[0].boxes[0], false, 1.0, 2.0, 3.0, 4.25);
    assert_false(request->objects[0].boxes[0].bounded);
    assert_true(request->objects[0].boxes[0].key == 3.0);
    const struct vox_box_ask *box = &request->objects[1].boxes[0];
    expect_box(box, false, 9.0, 8.0, 7.0, 6.0);
    assert_true(box->bounded && box->key == 5.0 && box->first == 8.0 && box->last == 2.0);
    vox_request_free(request);

    request =
        request_fixture_read("{'label': 'tumour', 'box': {'key': 2.5, 'xyxy': [1, 2, 3, 4]}}");
    assert_int_equal(1, request->objects[1].n_boxes);
    assert_true(request->objects[1].boxes[0].key == 2.5);
    vox_request_free(request);
}

static void test_corrections(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read(
        "{'label': 'tumour', 'corrections': ["
        "{'k': 4, 'points': [[1, 2], [3, 4.5]], 'labels': [0, 1], 'label': 'liver'},"
        "{'k': 2.25, 'points': [[9, 9]]}]}");
    assert_int_equal(2, request->n_corrections);
    assert_int_equal(3, request->n_points);
    const struct vox_correction_ask *first = &request->corrections[0];
    assert_int_equal(0, first->label);
    assert_true(first->k == 4.0);
    assert_int_equal(2, first->n_clicks);
    expect_click(&first->clicks[0], 1.0, 2.0, 4.0, false);
    expect_click(&first->clicks[1], 3.0, 4.5, 4.0, true);
    assert_int_equal(1, request->corrections[1].label);
    expect_click(&request->corrections[1].clicks[0], 9.0, 9.0, 2.25, true);
    vox_request_free(request);
}

static void expect_window(const char *json, bool automatic, double low, double high)
{
    struct vox_request *request = request_fixture_read(json);
    assert_true(request->window_given);
    assert_int_equal(automatic, request->window.automatic);
    assert_true(request->window.low == low);
    assert_true(request->window.high == high);
    vox_request_free(request);
}

static void test_windows(void **state)
{
    (void)state;
    expect_window("{'window': [-1.5, 7]}", false, -1.5, 7.0);
    expect_window("{'window': {'center': 40, 'width': 5}}", false, 37.5, 42.5);
    expect_window("{'window': 'auto'}", true, 0.0, 0.0);
    expect_window("{'window': 'abdomen'}", false, -160.0, 240.0);
    expect_window("{'window': 'lung'}", false, -1350.0, 150.0);
    expect_window("{'window': 'bone'}", false, -500.0, 1300.0);
    expect_window("{'window': 'brain'}", false, 0.0, 80.0);
    expect_window("{'window': 'mediastinum'}", false, -125.0, 225.0);
    struct vox_request *full = request_fixture_read("{'window': 'full'}");
    assert_int_equal(VOX_WINDOW_FULL, full->window.rule);
    assert_false(full->window.automatic);
    vox_request_free(full);
}

static void test_choices(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read(
        "{'broadcast': 'box', 'points_as': 'box', 'extent': 'free', 'clip': 'tight',"
        " 'passes': 'from_key', 'largest_cc': false, 'fill_holes': true, 'keep_uncertain': false,"
        " 'min_box': 2.5, 'zoom': 2.5, 'mask_slices': [3, -1, 2.5], 'result_extension': '.nii.gz',"
        " 'result_dtype': 'uint16', 'result_compress': true}");
    assert_int_equal(VOX_BROADCAST_BOX, request->broadcast);
    assert_int_equal(VOX_POINTS_AS_BOX, request->points_as);
    assert_int_equal(VOX_EXTENT_FREE, request->extent);
    assert_int_equal(VOX_CLIP_TIGHT, request->clip);
    assert_int_equal(VOX_PASSES_FROM_KEY, request->passes);
    assert_true(!request->largest_cc && request->fill_holes && !request->keep_uncertain);
    assert_true(request->min_box == 2.5);
    assert_true(request->zoom.given && request->zoom.factor == 2.5);
    assert_int_equal(3, request->n_mask_slices);
    assert_int_equal(3, request->mask_slices[0]);
    assert_int_equal(-1, request->mask_slices[1]);
    assert_int_equal(3, request->mask_slices[2]);
    assert_string_equal(".nii.gz", request->result_extension);
    assert_string_equal("uint16", request->result_dtype);
    assert_true(request->result_compress);
    vox_request_free(request);
}

static void test_flags_as_text(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read(
        "{'largest_cc': 'false', 'fill_holes': 'true', 'keep_uncertain': 'default'}");
    assert_true(!request->largest_cc && request->fill_holes && request->keep_uncertain);
    vox_request_free(request);
}

static void test_every_name(void **state)
{
    (void)state;
    static const struct {
        const char *key, *names[5];
    } rows[] = {
        {"broadcast", {"propagate", "box", NULL}},
        {"extent", {"strict", "free", NULL}},
        {"clip", {"loose", "tight", "off", NULL}},
        {"passes", {"intersection", "union", "forward", "backward", "from_key"}},
    };
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for (int i = 0; i < 5 && rows[row].names[i] != NULL; i++) {
            char json[64];
            snprintf(json, sizeof(json), "{'%s': '%s'}", rows[row].key, rows[row].names[i]);
            struct vox_request *request = request_fixture_read(json);
            const char *const shown[] = {
                vox_broadcast_name(request->broadcast), vox_extent_name(request->extent),
                vox_clip_name(request->clip), vox_passes_name(request->passes)};
            for (size_t other = 0; other < 4; other++) {
                assert_string_equal(other == row ? rows[row].names[i] : "default", shown[other]);
            }
            vox_request_free(request);
        }
    }
    enum vox_passes passes = VOX_PASSES_UNION;
    enum vox_clip clip = VOX_CLIP_OFF;
    enum vox_extent extent = VOX_EXTENT_FREE;
    enum vox_broadcast broadcast = VOX_BROADCAST_BOX;
    assert_false(vox_passes_find("default", &passes) || vox_passes_find("", &passes));
    assert_false(vox_clip_find("Loose", &clip) || vox_extent_find("default", &extent) ||
                 vox_broadcast_find("boxes", &broadcast));
    assert_int_equal(VOX_PASSES_UNION, passes);
    assert_true(vox_passes_find("backward", &passes) && vox_clip_find("tight", &clip) &&
                vox_extent_find("strict", &extent) && vox_broadcast_find("propagate", &broadcast));
    assert_int_equal(VOX_PASSES_BACKWARD, passes);
    assert_int_equal(VOX_CLIP_TIGHT, clip);
    assert_int_equal(VOX_EXTENT_STRICT, extent);
    assert_int_equal(VOX_BROADCAST_PROPAGATE, broadcast);
}

static void test_zoom_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool given;
        double factor;
    } rows[] = {
        {"{'zoom': 'off'}", true, 0.0},      {"{'zoom': 1}", true, 1.0},
        {"{'zoom': 100}", true, 100.0},      {"{'zoom': '2.5'}", true, 2.5},
        {"{'zoom': 'default'}", false, 0.0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vox_request *request = request_fixture_read(rows[i].json);
        assert_int_equal(rows[i].given, request->zoom.given);
        assert_true(request->zoom.factor == rows[i].factor);
        vox_request_free(request);
    }
}

/* Prompts join those that are there, options replace, what is not named stays. */
static void test_several_texts(void **state)
{
    (void)state;
    struct vox_request *request =
        request_fixture_read("{'liver': [[1, 1, 1]], 'background': [[2, 2, 2]], 'clip': 'off', "
                             "'zoom': 3, 'label': 'tumour',"
                             " 'mask_slices': [1, 2], 'passes': 'union', 'result_extension': "
                             "'.nrrd', 'window': 'lung'}");
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, request_fixture_add(request,
                                                 "{'foreground': [[3, 3, 3]], 'clip': 'default',"
                                                 " 'zoom': 'default', 'mask_slices': [7]}",
                                                 &err));
    assert_int_equal(1, request->objects[0].n_clicks);
    assert_int_equal(1, request->objects[1].n_clicks);
    assert_int_equal(1, request->n_background);
    assert_int_equal(3, request->n_points);
    assert_int_equal(VOX_CLIP_DEFAULT, request->clip);
    assert_int_equal(VOX_PASSES_UNION, request->passes);
    assert_false(request->zoom.given);
    assert_true(request->window_given);
    assert_string_equal(".nrrd", request->result_extension);
    assert_int_equal(1, request->n_mask_slices);
    assert_int_equal(7, request->mask_slices[0]);
    assert_int_equal(VOX_OK, request_fixture_add(request,
                                                 "{'mask_slices': [], 'label': 'nobody',"
                                                 " 'window': 'default', 'result_extension': ''}",
                                                 &err));
    assert_int_equal(0, request->n_mask_slices);
    assert_int_equal(0, request->chosen);
    assert_false(request->window_given);
    assert_string_equal("", request->result_extension);
    vox_request_free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_points_of_labels),
        cmocka_unit_test(test_points_of_the_chosen),
        cmocka_unit_test(test_uncertain),
        cmocka_unit_test(test_rois),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_corrections),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_flags_as_text),
        cmocka_unit_test(test_every_name),
        cmocka_unit_test(test_zoom_spellings),
        cmocka_unit_test(test_several_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
