#include "request_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/params_read.h"

struct vox_request *request_fixture_new(void)
{
    static const char *const names[] = {"liver", "tumour"};
    struct vox_labels labels = {0};
    struct vox_request *request = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_labels_init(&labels, names, 2, &err));
    assert_int_equal(VOX_OK, vox_request_new(&labels, &request, &err));
    vox_labels_fini(&labels);
    return request;
}

enum vox_code request_fixture_add(struct vox_request *request, const char *json,
                                  struct vox_err *err)
{
    size_t size = strlen(json);
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i <= size; i++) {
        text[i] = json[i];
        if (json[i] == '\'') {
            text[i] = '"';
        }
    }
    enum vox_code code = vox_params_read(request, text, size, err);
    free(text);
    return code;
}

struct vox_request *request_fixture_read(const char *json)
{
    struct vox_request *request = request_fixture_new();
    struct vox_err err = {0};
    if (request_fixture_add(request, json, &err) != VOX_OK) {
        print_message("%s: %s\n", json, err.msg);
        fail();
    }
    return request;
}

static void same_clicks(const struct vox_click *a, size_t n_a, const struct vox_click *b,
                        size_t n_b)
{
    assert_int_equal(n_a, n_b);
    for (size_t i = 0; i < n_a; i++) {
        request_fixture_at(&a[i], b[i].at[0], b[i].at[1], b[i].at[2], 0.0);
        assert_int_equal(a[i].positive, b[i].positive);
    }
}

static void same_boxes(const struct vox_object_ask *a, const struct vox_object_ask *b)
{
    assert_int_equal(a->n_boxes, b->n_boxes);
    for (size_t i = 0; i < a->n_boxes; i++) {
        assert_int_equal(a->boxes[i].roi, b->boxes[i].roi);
        assert_int_equal(a->boxes[i].bounded, b->boxes[i].bounded);
        assert_memory_equal(a->boxes[i].corners, b->boxes[i].corners, sizeof(b->boxes[i].corners));
        assert_true(a->boxes[i].key == b->boxes[i].key);
        assert_true(a->boxes[i].first == b->boxes[i].first);
        assert_true(a->boxes[i].last == b->boxes[i].last);
    }
}

static void same_objects(const struct vox_object_ask *a, const struct vox_object_ask *b)
{
    same_clicks(a->clicks, a->n_clicks, b->clicks, b->n_clicks);
    same_boxes(a, b);
    assert_int_equal(a->mask.width, b->mask.width);
    assert_int_equal(a->mask.height, b->mask.height);
    assert_int_equal(a->mask.first, b->mask.first);
    assert_int_equal(a->mask.n, b->mask.n);
    if (a->mask.n > 0) {
        assert_memory_equal(a->mask.voxels, b->mask.voxels,
                            (size_t)(a->mask.n * a->mask.height * a->mask.width));
    }
}

static void same_options(const struct vox_request *a, const struct vox_request *b)
{
    assert_int_equal(a->window_given, b->window_given);
    assert_int_equal(a->window.automatic, b->window.automatic);
    assert_true(a->window.low == b->window.low && a->window.high == b->window.high);
    assert_int_equal(a->zoom.given, b->zoom.given);
    assert_true(a->zoom.factor == b->zoom.factor);
    assert_true(a->min_box == b->min_box);
    assert_int_equal(a->broadcast, b->broadcast);
    assert_int_equal(a->points_as, b->points_as);
    assert_int_equal(a->extent, b->extent);
    assert_int_equal(a->clip, b->clip);
    assert_int_equal(a->passes, b->passes);
    assert_int_equal(a->largest_cc, b->largest_cc);
    assert_int_equal(a->fill_holes, b->fill_holes);
    assert_int_equal(a->keep_uncertain, b->keep_uncertain);
    assert_string_equal(a->result_extension, b->result_extension);
    assert_string_equal(a->result_dtype, b->result_dtype);
    assert_int_equal(a->result_compress, b->result_compress);
}

void request_fixture_same(const struct vox_request *a, const struct vox_request *b)
{
    assert_int_equal(a->labels.n, b->labels.n);
    assert_int_equal(a->chosen, b->chosen);
    for (int i = 0; i < a->labels.n; i++) {
        assert_string_equal(a->labels.names[i], b->labels.names[i]);
        same_objects(&a->objects[i], &b->objects[i]);
    }
    same_clicks(a->background, a->n_background, b->background, b->n_background);
    assert_int_equal(a->n_corrections, b->n_corrections);
    for (size_t i = 0; i < a->n_corrections; i++) {
        assert_int_equal(a->corrections[i].label, b->corrections[i].label);
        assert_true(a->corrections[i].k == b->corrections[i].k);
        same_clicks(a->corrections[i].clicks, a->corrections[i].n_clicks, b->corrections[i].clicks,
                    b->corrections[i].n_clicks);
    }
    assert_int_equal(a->n_mask_slices, b->n_mask_slices);
    for (size_t i = 0; i < a->n_mask_slices; i++) {
        assert_int_equal(a->mask_slices[i], b->mask_slices[i]);
    }
    assert_int_equal(a->n_points, b->n_points);
    assert_int_equal(a->max_points, b->max_points);
    same_options(a, b);
    assert_int_equal(a->warnings.n, b->warnings.n);
    for (int i = 0; i < a->warnings.n; i++) {
        assert_string_equal(a->warnings.text[i], b->warnings.text[i]);
    }
}

void request_fixture_at(const struct vox_click *click, double i, double j, double k,
                        double tolerance)
{
    const double want[3] = {i, j, k};
    for (int axis = 0; axis < 3; axis++) {
        assert_true(fabs(click->at[axis] - want[axis]) <= tolerance);
    }
}
