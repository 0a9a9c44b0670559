/* Rules 1 to 7 of docs/prompts.md: pieces, prompts, corrections, borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan_fixture.h"
#include "util/memory.h"

/* Two points far apart on each of these slices. */
#define PAIR(k) "[10, 12, " #k "], [40, 44, " #k "]"

static void rule_1_pieces(void **state)
{
    (void)state;
    struct vox_plan *plan =
        plan_fixture_of("{'liver': [[10, 12, 3], [40, 30, 3], [20, 44.5, 9], [22, 20, 15]]}");
    plan_fixture_expect(plan, "'z': [3, 15]");
    plan_fixture_expect(plan, "'pieces': [{'z': [3, 9], 'key': 6, 'rect': [10, 12, 40, 44.5], "
                              "'boxed': true, 'roi': false}, {'z': [9, 15], 'key': 12, 'rect': "
                              "[20, 20, 22, 44.5], 'boxed': false, 'roi': false}]");
    /* The points of both slices of the piece that is no box are clicks on its key slice. */
    plan_fixture_expect(plan, "'prompts': [{'k': 6, 'mask': false, 'box': [10, 12, 40, 44.5], "
                              "'points': [], 'labels': []}, {'k': 12, 'mask': false, 'box': null, "
                              "'points': [[22, 20], [20, 44.5]], 'labels': [1, 1]}]");
    plan_fixture_expect_warning(plan, "of 'liver' lie too close together for a box; they are "
                                      "clicks on slice 12");
    vox_plan_free(plan);
}

static void rule_1_slices_are_rounded(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of("{'liver': [[10, 12, 2.5], [40, 44, 3.49]]}");
    assert_int_equal(plan->objects[0].n_pieces, 0); /* both on slice 3 */
    plan_fixture_expect(plan, "'z': [3, 3]");
    vox_plan_free(plan);
    plan_fixture_check("{'liver': [[10, 12, 2.5], [40, 44, 3.5]]}", "'z': [3, 4], 'key': 3,");
}

static void rule_1_neighbouring_slices(void **state)
{
    (void)state;
    /* Keys on slices that pieces share: the rectangle there is the union of both. */
    struct vox_plan *plan = plan_fixture_of("{'liver': [[10, 10, 3], [20, 20, 3], [30, 30, 4], "
                                            "[40, 40, 4], [50, 50, 5], [60, 60, 5]]}");
    plan_fixture_expect(plan, "{'z': [3, 4], 'key': 3, 'rect': [10, 10, 40, 40]");
    plan_fixture_expect(plan, "{'z': [4, 5], 'key': 4, 'rect': [30, 30, 60, 60]");
    plan_fixture_expect(plan, "{'k': 3, 'mask': false, 'box': [10, 10, 40, 40]");
    plan_fixture_expect(plan, "{'k': 4, 'mask': false, 'box': [10, 10, 60, 60]");
    vox_plan_free(plan);
}

static void rule_1_smaller_than_min_box(void **state)
{
    (void)state;
    /* A side is i1 - i0 + 1. */
    const char *boxed = "'boxed': true", *unboxed = "'boxed': false";
    plan_fixture_check("{'liver': [[10, 10, 3], [15, 15, 5]]}", boxed);
    plan_fixture_check("{'liver': [[10, 10, 3], [14.9, 15, 5]]}", unboxed);
    plan_fixture_check("{'liver': [[10, 10, 3], [15, 14.9, 5]]}", unboxed);
    plan_fixture_check("{'liver': [[10, 10, 3], [10, 10, 5]], 'min_box': 1}", boxed);
    plan_fixture_check("{'liver': [[10, 10, 3], [14.9, 15, 5]], 'min_box': 5.9}", boxed);
    /* On the rim: the rectangle is clamped first. */
    plan_fixture_check("{'liver': [[-0.4, 10, 3], [4.8, 15, 5]]}", unboxed);
    /* A piece that is no box beside one that is: the shared slice's points are clicks all the
     * same, and its key slice may be the other's. */
    struct vox_plan *plan = plan_fixture_of(
        "{'liver': [[10, 10, 3], [30, 30, 3], [12, 12, 4], [13, 12, 5], [14, 12, 5]]}");
    plan_fixture_expect(plan, "{'z': [3, 4], 'key': 3, 'rect': [10, 10, 30, 30], 'boxed': true");
    plan_fixture_expect(plan, "{'z': [4, 5], 'key': 4, 'rect': [12, 12, 14, 12], 'boxed': false");
    plan_fixture_expect(plan, "{'k': 4, 'mask': false, 'box': null, 'points': [[12, 12], "
                              "[13, 12], [14, 12]], 'labels': [1, 1, 1]}");
    vox_plan_free(plan);
    /* And the other way round: a boxed piece whose key slice ends an unboxed one. */
    plan = plan_fixture_of("{'liver': [[12, 12, 3], [13, 12, 4], [40, 40, 5]]}");
    plan_fixture_expect(plan, "{'k': 3, 'mask': false, 'box': null, 'points': [[12, 12], "
                              "[13, 12]], 'labels': [1, 1]}");
    plan_fixture_expect(plan, "{'k': 4, 'mask': false, 'box': [13, 12, 40, 40], 'points': []");
    vox_plan_free(plan);
}

static void rule_2_rois(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of("{'roi': [40, 10, 12, 44, 9, 4]}"); /* flipped */
    plan_fixture_expect(plan, "'pieces': [{'z': [4, 9], 'key': 6, 'rect': [10, 12, 40, 44], "
                              "'boxed': true, 'roi': true}]");
    plan_fixture_expect(plan, "'prompts': [{'k': 6, 'mask': false, 'box': [10, 12, 40, 44]");
    plan_fixture_expect(plan, "'clip': 'loose'");
    vox_plan_free(plan);
    /* However small. */
    plan_fixture_check("{'roi': [10, 11, 12, 12, 4, 9]}", "'boxed': true");
    /* Cut to the image; the key slice is that of what is left. */
    plan = plan_fixture_of("{'roi': [-5, 10, 70, 500, 30, 77]}");
    plan_fixture_expect(plan, "{'z': [30, 39], 'key': 34, 'rect': [0, 70, 10, 79]");
    plan_fixture_expect_warning(plan, "roi of 'liver' reached beyond the image and was cut to "
                                      "slices 30 to 39");
    plan_fixture_expect_warning(plan, "roi of 'liver' reached beyond the slice");
    vox_plan_free(plan);
    plan_fixture_check("{'roi': [1, 9, 1, 9, -8, 5]}", "{'z': [0, 5], 'key': 2,");
    plan_fixture_refuse("{'roi': [1, 9, 1, 9, 40, 50]}",
                        "roi of 'liver' has no slice of the image");
    plan_fixture_refuse("{'roi': [1, 9, 1, 9, -1, -9]}", "no slice of the image; give 0 to 39");
    plan_fixture_refuse("{'roi': [1, 9, 80, 90, 4, 5]}", "roi of 'liver' lies outside the slice");
}

static void rule_3_broadcast(void **state)
{
    (void)state;
    struct vox_plan *plan =
        plan_fixture_of("{'liver': [" PAIR(3) ", [20, 50, 5]], 'broadcast': 'box'}");
    assert_int_equal(plan->objects[0].n_prompts, 3);
    plan_fixture_expect(plan, "{'k': 3, 'mask': false, 'box': [10, 12, 40, 50]");
    plan_fixture_expect(plan, "{'k': 5, 'mask': false, 'box': [10, 12, 40, 50]");
    vox_plan_free(plan);
    plan = plan_fixture_of("{'roi': [10, 20, 10, 20, 7, 9], 'broadcast': 'box'}");
    assert_int_equal(plan->objects[0].n_prompts, 3);
    vox_plan_free(plan);
    /* Shared slices take the union; slices of a piece that is no box have none of it. */
    plan = plan_fixture_of("{'liver': [[10, 10, 3], [20, 20, 5], [40, 40, 7], [41, 40, 9]], "
                           "'broadcast': 'box'}");
    assert_int_equal(plan->objects[0].n_prompts, 6); /* 3 to 7 and 8 */
    plan_fixture_expect(plan, "{'k': 4, 'mask': false, 'box': [10, 10, 20, 20]");
    plan_fixture_expect(plan, "{'k': 5, 'mask': false, 'box': [10, 10, 40, 40]");
    plan_fixture_expect(plan, "{'k': 7, 'mask': false, 'box': [20, 20, 40, 40], 'points': []");
    plan_fixture_expect(plan,
                        "{'k': 8, 'mask': false, 'box': null, 'points': [[40, 40], [41, 40]]");
    vox_plan_free(plan);
    /* The model's choice, and a request that has another. */
    const struct vox_plan_defaults defaults = {.broadcast = VOX_BROADCAST_BOX};
    plan = plan_fixture_plan(plan_fixture_request("{'roi': [10, 20, 10, 20, 7, 9]}"),
                             &plan_fixture_image, &defaults);
    assert_int_equal(plan->objects[0].n_prompts, 3);
    vox_plan_free(plan);
    plan = plan_fixture_plan(
        plan_fixture_request("{'roi': [10, 20, 10, 20, 7, 9], 'broadcast': 'propagate'}"),
        &plan_fixture_image, &defaults);
    assert_int_equal(plan->objects[0].n_prompts, 1);
    vox_plan_free(plan);
}

static void rule_3_boxes(void **state)
{
    (void)state;
    struct vox_plan *plan =
        plan_fixture_of("{'box': [{'key': 7, 'xyxy': [40, 44, 10, 12], 'z': [9, 2]}, "
                        "{'key': 7, 'xyxy': [50, 10, 60, 20]}], 'broadcast': 'box'}");
    plan_fixture_expect(plan, "'z': [2, 9], 'extent': 'strict'");
    plan_fixture_expect(plan, "'clip': 'off', 'pieces': [], 'prompts': [{'k': 7, 'mask': false, "
                              "'box': [10, 10, 60, 44], 'points': [], 'labels': []}]");
    vox_plan_free(plan);
    /* A roi beside a box; each prompts its own slice. */
    plan = plan_fixture_of("{'roi': [10, 20, 10, 20, 4, 8], 'box': {'key': 6, 'xyxy': [30, 30, 40, "
                           "40]}}");
    plan_fixture_expect(plan, "'prompts': [{'k': 6, 'mask': false, 'box': [10, 10, 40, 40]");
    vox_plan_free(plan);
    plan_fixture_check("{'box': [10, 12, 40, 44], 'slice': 5, 'label': 'tumour'}",
                       "'label': 'tumour', 'z': [5, 5], 'extent': 'free'");
    plan_fixture_refuse("{'box': [10, 12, 40, 44], 'slice': 40}", "slice 40 of the box of 'liver' "
                                                                  "is not there");
    plan_fixture_refuse("{'box': [100, 12, 140, 44], 'slice': 4}", "i is 0 to 99 and j is 0 to 79");
    plan_fixture_refuse("{'box': [5, -9, 9, -0.6], 'slice': 4}", "lies outside the slice");
    plan_fixture_refuse("{'box': {'key': 5, 'xyxy': [1, 1, 9, 9], 'z': [0, 40]}}", "slice 40");
    /* The rim belongs to the slice. */
    plan_fixture_check("{'box': [5, -9, 9, -0.5], 'slice': 4}", "'box': [5, 0, 9, 0]");
    plan = plan_fixture_of("{'box': [90, 70, 130, 99], 'slice': 39.4}");
    plan_fixture_expect(plan, "{'k': 39, 'mask': false, 'box': [90, 70, 99, 79]");
    plan_fixture_expect_warning(plan, "the box of 'liver' reached beyond the slice");
    vox_plan_free(plan);
}

static void rule_4_clicks(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of("{'liver': [[40, 44.5, 7], [10, 12, 7.2]]}");
    plan_fixture_expect(plan, "'prompts': [{'k': 7, 'mask': false, 'box': null, 'points': "
                              "[[10, 12], [40, 44.5]], 'labels': [1, 1]}]");
    plan_fixture_expect(plan, "'pieces': []");
    vox_plan_free(plan);
    /* As a box. */
    const char *box = "{'k': 7, 'mask': false, 'box': [10, 12, 40, 44.5], 'points': [[20, 20]], "
                      "'labels': [0]}";
    plan_fixture_check("{'liver': [[40, 12, 7], [10, 44.5, 7.2]], 'background': [[20, 20, 7]], "
                       "'points_as': 'box'}",
                       box);
    /* Beside a box, a roi or a mask they stay clicks, on their own slices. */
    plan = plan_fixture_of("{'liver': [[40, 12, 7], [30, 44.5, 9]], 'points_as': 'box', "
                           "'box': {'key': 9, 'xyxy': [10, 12, 40, 44]}}");
    plan_fixture_expect(plan, "{'k': 7, 'mask': false, 'box': null, 'points': [[40, 12]]");
    plan_fixture_expect(plan, "{'k': 9, 'mask': false, 'box': [10, 12, 40, 44], 'points': "
                              "[[30, 44.5]]");
    plan_fixture_expect(plan, "'pieces': []");
    vox_plan_free(plan);
    plan = plan_fixture_of("{'liver': [[40, 12, 2]], 'roi': [10, 20, 10, 20, 4, 8]}");
    plan_fixture_expect(plan, "'z': [2, 8]");
    plan_fixture_expect(plan, "{'k': 2, 'mask': false, 'box': null, 'points': [[40, 12]]");
    vox_plan_free(plan);
}

static struct vox_plan *plan_of_mask(const char *params, const int64_t (*boxes)[5], size_t n)
{
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    struct vox_request *request = plan_fixture_request(params);
    plan_fixture_mask(request, &plan_fixture_image, boxes, n);
    return plan_fixture_plan(request, &plan_fixture_image, &defaults);
}

static void rule_5_masks(void **state)
{
    (void)state;
    static const int64_t boxes[][5] = {
        {10, 10, 19, 19, 4}, {5, 12, 24, 16, 6}, {30, 40, 34, 44, 9}, {11, 11, 11, 11, 12}};
    /* 100 voxels on slices 4 and 6: the lower one. */
    struct vox_plan *plan = plan_of_mask("{}", boxes, 4);
    plan_fixture_expect(plan, "'z': [4, 12], 'extent': 'strict'");
    plan_fixture_expect(plan, "'prompts': [{'k': 4, 'mask': true, 'box': null, 'points': [], "
                              "'labels': []}]");
    plan_fixture_expect(plan, "'cuts': []");
    assert_true(plan->objects[0].has_rects);
    assert_true(plan->objects[0].rects.i0 == 5.0 && plan->objects[0].rects.j1 == 44.0);
    vox_plan_free(plan);
    /* Slices that are asked for, in any order, where there is something of it. */
    plan = plan_of_mask("{'mask_slices': [9, 5, 12, 6, 9, 77]}", boxes, 4);
    assert_int_equal(plan->objects[0].n_prompts, 3);
    plan_fixture_expect(plan, "'prompts': [{'k': 6, 'mask': true");
    plan_fixture_expect(plan, "{'k': 9, 'mask': true");
    plan_fixture_expect(plan, "{'k': 12, 'mask': true");
    vox_plan_free(plan);
    /* Box and clicks on top. */
    plan = plan_of_mask("{'liver': [[12, 12, 4]], 'background': [[30, 30, 4]], "
                        "'box': [8, 8, 20, 20], 'slice': 4}",
                        boxes, 4);
    plan_fixture_expect(plan, "'prompts': [{'k': 4, 'mask': true, 'box': [8, 8, 20, 20], "
                              "'points': [[12, 12], [30, 30]], 'labels': [1, 0]}]");
    vox_plan_free(plan);
    /* Points on two slices beside a mask make no piece. */
    plan = plan_of_mask("{'liver': [" PAIR(2) ", " PAIR(8) "]}", boxes, 4);
    assert_int_equal(plan->objects[0].n_pieces, 0);
    assert_int_equal(plan->objects[0].n_prompts, 3);
    vox_plan_free(plan);
    /* A mask that is asked for where it is not. */
    plan = plan_of_mask("{'mask_slices': [5]}", boxes, 4);
    assert_false(plan->valid);
    assert_non_null(strstr(plan->reason, "the mask has no voxel on a slice of mask_slices"));
    vox_plan_free(plan);
    plan = plan_of_mask("{'liver': [[12, 12, 4]], 'mask_slices': [5]}", boxes, 4);
    plan_fixture_expect(plan, "'prompts': [{'k': 4, 'mask': false");
    plan_fixture_expect_warning(plan, "mask of 'liver' has no voxel on a slice of mask_slices");
    vox_plan_free(plan);
}

static void rule_5_mask_of_another_grid(void **state)
{
    (void)state;
    static const int64_t boxes[][5] = {{10, 10, 19, 19, 39}};
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    static const int64_t sizes[][3] = {{99, 80, 40}, {100, 81, 40}, {100, 80, 39}};
    for (size_t n = 0; n < 3; n++) {
        struct vox_request *request = plan_fixture_request("{}");
        plan_fixture_mask(request, &plan_fixture_image, boxes, 1);
        struct vox_plan_image image = plan_fixture_image;
        memcpy(image.size, sizes[n], sizeof(image.size));
        struct vox_plan *plan = NULL;
        struct vox_err err = {0};
        assert_int_equal(vox_plan_new(request, &image, &defaults, &plan, &err), VOX_E_ARG);
        assert_non_null(strstr(err.msg, "the mask of 'liver' is not on the image's grid"));
        vox_request_free(request);
    }
}

static void rule_6_negative_points(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of("{'liver': [" PAIR(3) ", " PAIR(
        9) "], 'background': [[1, 5, 8], "
           "[9, 2, 8], [3, 2, 8], [20, 20, 6], [5, 5, 3], [5, 5, 10], [1, 1, 0]]}");
    plan_fixture_expect(plan, "'prompts': [{'k': 6, 'mask': false, 'box': [10, 12, 40, 44], "
                              "'points': [[20, 20]], 'labels': [0]}]");
    plan_fixture_expect(plan, "'corrections': [{'k': 3, 'points': [[5, 5]], 'labels': [0], "
                              "'on_prompt': false}, {'k': 8, 'points': [[3, 2], [9, 2], [1, 5]], "
                              "'labels': [0, 0, 0], 'on_prompt': false}]");
    plan_fixture_expect_warning(plan, "negative points of 'liver' on slices 0 and 10 lie outside "
                                      "slices 3 to 9 and are left out");
    vox_plan_free(plan);
    /* Beside positive ones of the same place. */
    plan_fixture_check("{'points': [[5, 5, 3], [5, 5, 3], [4, 5, 3]], 'point_labels': [1, 0, 1]}",
                       "'points': [[4, 5], [5, 5], [5, 5]], 'labels': [1, 0, 1]");
    /* Every object has the background's. */
    plan = plan_fixture_of("{'liver': [[5, 5, 3]], 'tumour': [[7, 7, 4]], 'background': [[9, 9, "
                           "3]]}");
    assert_int_equal(plan->n_objects, 2);
    plan_fixture_expect(plan, "'points': [[5, 5], [9, 9]], 'labels': [1, 0]");
    plan_fixture_expect(plan, "'corrections': [{'k': 3, 'points': [[9, 9]], 'labels': [0]");
    vox_plan_free(plan);
}

static void rule_6_corrections(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of("{'liver': [" PAIR(3) ", " PAIR(
        9) "], 'background': [[1, 5, 8]], 'corrections': "
           "[{'k': 9, 'points': [[9, 9], [1, 1], [5, 0]], 'labels': [0, 1, 1]}, "
           "{'k': 6.4, 'points': [[2, 2]], 'labels': [1]}, {'k': 9, 'points': [[3, 3]], 'labels': "
           "[1]}, {'k': 2, 'points': [[3, 3]], 'labels': [1]}, {'k': 5, 'points': [], 'labels': "
           "[]}, "
           "{'k': 8, 'points': [[4, 4], [200, 4], [4, -3]], 'labels': [1, 1, 0]}, "
           "{'k': 41, 'points': [[4, 4]], 'labels': [1]}]}");
    plan_fixture_expect(
        plan, "'corrections': [{'k': 8, 'points': [[1, 5]], 'labels': [0], 'on_prompt': false}, "
              "{'k': 9, 'points': [[9, 9], [1, 1], [5, 0]], 'labels': [0, 1, 1], 'on_prompt': "
              "false}, {'k': 6, 'points': [[2, 2]], 'labels': [1], 'on_prompt': true}, "
              "{'k': 9, 'points': [[3, 3]], 'labels': [1], 'on_prompt': false}, "
              "{'k': 8, 'points': [[4, 4]], 'labels': [1], 'on_prompt': false}]");
    plan_fixture_expect_warning(plan, "corrections of 'liver' on slice 2 lie outside slices 3 to "
                                      "9 and are left out");
    plan_fixture_expect_warning(plan, "points 1 and 2 of a correction of 'liver' on slice 8 lie "
                                      "outside the image and are left out");
    plan_fixture_expect_warning(plan, "point 0 of a correction of 'liver' on slice 41 lies");
    vox_plan_free(plan);
    /* Free borders are none. */
    plan_fixture_check("{'liver': [[5, 5, 3]], 'corrections': [{'k': 30, 'points': [[3, 3]], "
                       "'labels': [1]}]}",
                       "'corrections': [{'k': 30, 'points': [[3, 3]], 'labels': [1]");
    /* Of its own label only. */
    plan = plan_fixture_of("{'liver': [[5, 5, 3]], 'corrections': [{'k': 3, 'points': [[3, 3]], "
                           "'labels': [1], 'label': 'tumour'}]}");
    plan_fixture_expect(plan, "'corrections': []");
    plan_fixture_expect_warning(plan, "'tumour' is left out: there is no positive point");
    vox_plan_free(plan);
}

static void rule_7_borders(void **state)
{
    (void)state;
    plan_fixture_check("{'liver': [[5, 5, 3]]}", "'z': [3, 3], 'extent': 'free'");
    plan_fixture_check("{'liver': [[5, 5, 3]], 'extent': 'strict'}",
                       "'z': [3, 3], 'extent': 'strict'");
    plan_fixture_check("{'liver': [[5, 5, 3], [50, 50, 4]]}", "'z': [3, 4], 'extent': 'strict'");
    plan_fixture_check("{'liver': [[5, 5, 3], [50, 50, 4]], 'extent': 'free'}",
                       "'z': [3, 4], 'extent': 'free'");
    plan_fixture_check("{'liver': [[5, 5, 3], [50, 50, 4]], 'extent': 'default'}",
                       "'extent': 'strict'");
    plan_fixture_check("{'roi': [10, 20, 10, 20, 4, 4]}", "'z': [4, 4], 'extent': 'free'");
    /* Without z a box adds its key slice alone. */
    plan_fixture_check("{'box': [{'key': 7, 'xyxy': [1, 2, 9, 9]}, {'key': 3, 'xyxy': [1, 2, 9, "
                       "9]}]}",
                       "'z': [3, 7], 'extent': 'strict'");
    plan_fixture_check("{'box': {'key': 7, 'xyxy': [1, 2, 9, 9], 'z': [11.5, 6.6]}}",
                       "'z': [7, 12]");
    /* Negative points are no borders. */
    plan_fixture_check("{'liver': [[5, 5, 3]], 'background': [[5, 5, 30]]}", "'z': [3, 3]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_1_pieces),
        cmocka_unit_test(rule_1_slices_are_rounded),
        cmocka_unit_test(rule_1_neighbouring_slices),
        cmocka_unit_test(rule_1_smaller_than_min_box),
        cmocka_unit_test(rule_2_rois),
        cmocka_unit_test(rule_3_broadcast),
        cmocka_unit_test(rule_3_boxes),
        cmocka_unit_test(rule_4_clicks),
        cmocka_unit_test(rule_5_masks),
        cmocka_unit_test(rule_5_mask_of_another_grid),
        cmocka_unit_test(rule_6_negative_points),
        cmocka_unit_test(rule_6_corrections),
        cmocka_unit_test(rule_7_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
