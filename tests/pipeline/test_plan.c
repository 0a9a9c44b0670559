/* Rules 8 to 10 of docs/prompts.md, plans that are not valid, hostile requests, failures. */
#include "pipeline/prompt_plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pipeline/plan_defaults.h"
#include "plan_fixture.h"
#include "support/failing_alloc.h"
#include "util/json_writer.h"
#include "util/memory.h"

/* The example of the page. */
static const char example[] =
    "{'liver': [[10, 12, 3], [40, 30, 3], [20, 44, 9], [11, 16, 15]], 'background': [[11, 20, 6], "
    "[30, 30, 7]]}";

static void rule_8_loose_cuts(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of(example);
    plan_fixture_expect(plan, "'clip': 'loose'");
    /* 33 / 4 = 8.25; then i 11 ... 20, j 16 ... 44: 29 / 4 = 7.25. On slice 9 the union of both
     * pieces, which is the first. */
    plan_fixture_expect(plan, "'cuts': [{'z': [3, 9], 'i': [2, 48], 'j': [4, 52]}, {'z': [10, 15], "
                              "'i': [4, 27], 'j': [9, 51]}]");
    vox_plan_free(plan);
    plan = plan_fixture_of("{'liver': [[10, 12, 3], [40, 30, 3], [20, 44, 9], [11, 50, 15]]}");
    plan_fixture_expect(plan, "{'z': [3, 8], 'i': [2, 48], 'j': [4, 52]}, {'z': [9, 9], 'i': [0, "
                              "50], 'j': [2, 60]}, {'z': [10, 15], 'i': [6, 25], 'j': [39, 55]}");
    vox_plan_free(plan);
}

static void rule_8_growth(void **state)
{
    (void)state;
    /* At least 5 voxels; halves are rounded up: 22 / 4 = 5.5 */
    plan_fixture_check("{'roi': [40, 59, 40, 49, 3, 5]}", "'i': [35, 64], 'j': [35, 54]");
    plan_fixture_check("{'roi': [40, 61, 40, 49, 3, 5]}", "'i': [34, 67], 'j': [34, 55]");
    plan_fixture_check("{'roi': [40.4, 61.5, 40, 49, 3, 5]}", "'i': [34, 68], 'j': [34, 55]");
    /* Clamped to the slice. */
    plan_fixture_check("{'roi': [0, 99, 70, 79, 3, 5]}", "'i': [0, 99], 'j': [45, 79]");
}

static void rule_8_tight_and_off(void **state)
{
    (void)state;
    plan_fixture_check("{'roi': [40.5, 59.4, 40, 49, 3, 5], 'clip': 'tight'}",
                       "'cuts': [{'z': [3, 5], 'i': [41, 59], 'j': [40, 49]}]");
    plan_fixture_check("{'roi': [40, 59, 40, 49, 3, 5], 'clip': 'off'}", "'cuts': []");
    /* Boxes are not cut unless it is asked for; then on their z, else on their key slice. */
    plan_fixture_check("{'box': [40, 40, 59, 49], 'slice': 4}", "'clip': 'off'");
    struct vox_plan *plan =
        plan_fixture_of("{'box': [{'key': 4, 'xyxy': [40, 40, 49, 49], 'z': [3, 6]}, {'key': 6, "
                        "'xyxy': [50, 50, 59, 59]}, {'key': 9, 'xyxy': [1, 1, 2, 2]}], "
                        "'clip': 'tight'}");
    plan_fixture_expect(plan,
                        "'cuts': [{'z': [3, 5], 'i': [40, 49], 'j': [40, 49]}, {'z': [6, 6], 'i': "
                        "[40, 59], 'j': [40, 59]}, {'z': [9, 9], 'i': [1, 2], 'j': [1, 2]}]");
    assert_false(plan->objects[0].cuts[7 - 3].cut);
    vox_plan_free(plan);
    plan_fixture_check("{'liver': [[5, 5, 3]], 'clip': 'tight'}", "'cuts': []");
    plan_fixture_check("{'liver': [[5, 5, 3], [9, 20, 3]], 'clip': 'tight', 'points_as': 'box'}",
                       "'cuts': [{'z': [3, 3], 'i': [5, 9], 'j': [5, 20]}]");
}

static void rule_8_not_in_pieces_without_a_box(void **state)
{
    (void)state;
    struct vox_plan *plan =
        plan_fixture_of("{'liver': [[10, 10, 3], [30, 30, 6], [31, 30, 9]], 'clip': 'tight'}");
    plan_fixture_expect(plan, "'cuts': [{'z': [3, 5], 'i': [10, 30], 'j': [10, 30]}]");
    vox_plan_free(plan);
    /* All of them: pieces all the same, so "loose", and nothing is cut. */
    plan_fixture_check("{'liver': [[10, 10, 3], [11, 11, 6]]}", "'clip': 'loose'");
    plan_fixture_check("{'liver': [[10, 10, 3], [11, 11, 6]]}", "'cuts': []");
}

static void check_passes(const char *params, enum vox_passes model, const char *wanted)
{
    const struct vox_plan_defaults defaults = {.passes = model};
    struct vox_plan *plan =
        plan_fixture_plan(plan_fixture_request(params), &plan_fixture_image, &defaults);
    char part[64];
    snprintf(part, sizeof(part), "'passes': '%s'", wanted);
    plan_fixture_expect(plan, part);
    vox_plan_free(plan);
}

static void rule_9_passes(void **state)
{
    (void)state;
    const char *strict = "{'roi': [1, 9, 1, 9, 3, 5]}", *single = "{'liver': [[5, 5, 3]]}";
    check_passes(strict, VOX_PASSES_DEFAULT, "intersection");
    check_passes(strict, VOX_PASSES_UNION, "union");
    check_passes(single, VOX_PASSES_DEFAULT, "from_key");
    check_passes(single, VOX_PASSES_UNION, "from_key");
    check_passes("{'roi': [1, 9, 1, 9, 3, 5], 'passes': 'backward'}", VOX_PASSES_UNION, "backward");
    check_passes("{'liver': [[5, 5, 3]], 'passes': 'intersection'}", VOX_PASSES_UNION,
                 "intersection");
    check_passes("{'roi': [1, 9, 1, 9, 3, 5], 'extent': 'free'}", VOX_PASSES_UNION, "from_key");
}

static void check_zoom(const char *params, const struct vox_plan_image *image, double model,
                       const char *wanted)
{
    const struct vox_plan_defaults defaults = {.zoom = model};
    struct vox_plan *plan = plan_fixture_plan(plan_fixture_request(params), image, &defaults);
    plan_fixture_expect(plan, wanted);
    vox_plan_free(plan);
}

static void rule_10_zoom(void **state)
{
    (void)state;
    const struct vox_plan_image *image = &plan_fixture_image;
    const struct vox_plan_image large = {.size = {512, 400, 40}, .spacing = {0.5, 0.75, 3.0}};
    const char *off = "'zoom': {'window': null, 'length': null, 'grows': false}";
    check_zoom("{'roi': [10, 19, 30, 39, 3, 5]}", image, 0.0, off);
    check_zoom("{'roi': [10, 19, 30, 39, 3, 5], 'zoom': 'off'}", image, 2.5, off);
    /* 48 voxels at least; centre 14.5, 34.5 */
    check_zoom("{'roi': [10, 19, 30, 39, 3, 5]}", image, 2.5,
               "'zoom': {'window': [0, 8, 48, 48], 'length': 48, 'grows': false}");
    check_zoom("{'roi': [10, 19, 30, 39, 3, 5], 'zoom': 6}", image, 2.5,
               "'window': [0, 0, 64, 64], 'length': 60, ");
    /* Sides in millimetres: 40 * 0.5 and 40 * 0.75; centre 219.5, 219.5 */
    check_zoom("{'roi': [200, 239, 200, 239, 3, 5], 'zoom': 2}", &large, 0.0,
               "'window': [152, 176, 128, 80], 'length': 60, ");
    /* Boxes and pieces together, corners rounded: i 20 ... 60, j 21 ... 50 */
    check_zoom("{'box': [{'key': 3, 'xyxy': [20.4, 20.5, 30, 30]}, {'key': 9, 'xyxy': [50, 40, "
               "59.5, 50.4]}], 'zoom': 1}",
               image, 0.0, "'window': [16, 8, 48, 48], 'length': 48, ");
    check_zoom("{'liver': [[10, 10, 3], [19, 19, 5], [19, 20, 9]], 'zoom': 5}", image, 0.0,
               "'window': [0, 0, 64, 64], 'length': 50, 'grows': false}");
}

static void rule_10_of_clicks(void **state)
{
    (void)state;
    const struct vox_plan_image *image = &plan_fixture_image;
    /* Mean 50, 40: (50 - 24) / 8 = 3.25, (40 - 24) / 8 = 2 */
    check_zoom("{'liver': [[40, 38, 3], [60, 42, 3]], 'zoom': 90}", image, 0.0,
               "'window': [24, 16, 48, 48], 'length': 48, 'grows': true}");
    /* Negative points do not move it; a piece without a box has no rectangle. */
    check_zoom("{'liver': [[50, 40, 3], [50, 40, 9]], 'background': [[0, 0, 6]]}", image, 2.5,
               "'window': [24, 16, 48, 48], 'length': 48, 'grows': true}");
    /* At the slice's rim, and on a slice that is smaller than the window. */
    check_zoom("{'liver': [[99, 79, 3]]}", image, 2.5, "'window': [52, 32, 48, 48]");
    const struct vox_plan_image thin = {.size = {1, 500, 40}, .spacing = {1.0, 1.0, 1.0}};
    check_zoom("{'liver': [[0, 250, 3]]}", &thin, 2.5, "'window': [-23, 224, 48, 48]");
    const struct vox_plan_image dot = {.size = {1, 1, 1}, .spacing = {1.0, 1.0, 1.0}};
    check_zoom("{'liver': [[0, 0, 0]]}", &dot, 2.5, "'window': [-23, -23, 48, 48]");
    /* As a box it has a rectangle. */
    check_zoom("{'liver': [[40, 38, 3], [60, 42, 3]], 'points_as': 'box'}", image, 2.5,
               "'length': 52.5, 'grows': false}");
}

static void rule_10_of_masks(void **state)
{
    (void)state;
    static const int64_t boxes[][5] = {{10, 20, 19, 29, 4}, {30, 40, 49, 44, 9}};
    const struct vox_plan_defaults defaults = {.zoom = 2.0};
    struct vox_request *request = plan_fixture_request("{}");
    plan_fixture_mask(request, &plan_fixture_image, boxes, 2);
    struct vox_plan *plan = plan_fixture_plan(request, &plan_fixture_image, &defaults);
    /* i 10 ... 49, j 20 ... 44 */
    plan_fixture_expect(plan, "'window': [0, 0, 80, 80], 'length': 80, 'grows': false}");
    vox_plan_free(plan);
}

static void zoom_needs_a_spacing(void **state)
{
    (void)state;
    static const double bad[] = {0.0, -1.0, (double)NAN, (double)INFINITY};
    for (size_t n = 0; n < 4; n++) {
        struct vox_plan_image image = plan_fixture_image;
        image.spacing[1] = bad[n];
        struct vox_plan_defaults defaults = {.zoom = 2.5};
        struct vox_request *request = plan_fixture_request("{'liver': [[5, 5, 3]]}");
        struct vox_plan *plan = NULL;
        struct vox_err err = {0};
        assert_int_equal(vox_plan_new(request, &image, &defaults, &plan, &err), VOX_E_ARG);
        assert_non_null(strstr(err.msg, "ask for zoom off"));
        defaults.zoom = 0.0;
        vox_plan_free(plan_fixture_plan(request, &image, &defaults));
    }
}

static void check_reason(const char *params, const char *words)
{
    struct vox_plan *plan = plan_fixture_of(params);
    assert_false(plan->valid);
    assert_int_equal(plan->n_objects, 0);
    if (strstr(plan->reason, words) == NULL) {
        fail_msg("%s: '%s'", params, plan->reason);
    }
    assert_true(strlen(plan->reason) + 1 < sizeof(plan->reason)); /* not cut */
    plan_fixture_expect(plan, "'valid': false, 'reason': '");
    plan_fixture_expect(plan, "'objects': []");
    char *text = plan_fixture_text(plan);
    assert_non_null(strstr(text, "nothing to segment: "));
    vox_free(text);
    vox_plan_free(plan);
}

static void not_valid(void **state)
{
    (void)state;
    check_reason("{}", "there is no positive point, box, roi or mask; draw a point");
    check_reason("{'liver': [], 'roi': null, 'box': []}", "there is no positive point");
    check_reason("{'spleen': [[1, 2, 3]]}", "there is no positive point");
    check_reason("{'background': [[1, 2, 3]]}", "there are negative points alone");
    check_reason("{'liver': [[1, 2, 40], [100, 1, 1], [1, -0.6, 1]]}",
                 "every positive point lies outside the image");
}

static void names_points_outside(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of(
        "{'liver': [[5, 5, 3], [5, 5, 39.5], [-0.51, 5, 3], [-0.5, 79.4, 39.4]], 'tumour': "
        "[[5, 1e300, 3], [5, -1e300, 3], [1e300, 5, 5]], 'background': [[5, 5, 3], [5, 80, 3]]}");
    assert_int_equal(plan->n_objects, 1);
    plan_fixture_expect(plan, "'rect': [0, 5, 5, 79]");
    plan_fixture_expect_warning(plan, "points 1 and 2 of 'liver' lie outside the image and are "
                                      "left out");
    plan_fixture_expect_warning(plan, "points 0, 1 and 2 of 'tumour'");
    plan_fixture_expect_warning(plan, "point 1 of 'background' lies outside the image and is left");
    plan_fixture_expect_warning(plan, "'tumour' is left out: every positive point lies outside");
    vox_plan_free(plan);
    plan = plan_fixture_of("{'liver': [[5, 5, 3], [5, 5, 99], [5, 5, 99], [5, 5, 99], [5, 5, 99], "
                           "[5, 5, 99], [5, 5, 99], [5, 5, 99], [5, 5, 99]]}");
    plan_fixture_expect_warning(plan, "points 1, 2, 3, 4, 5, 6 and 2 more of 'liver'");
    vox_plan_free(plan);
}

static void keeps_the_requests_warnings(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of("{'liver': [[5, 5, 3]], 'uncertain': [[1, 1, 1]]}");
    assert_int_equal(plan->warnings.n, 1);
    plan_fixture_expect_warning(plan, "of 'uncertain'");
    vox_plan_free(plan);
}

static void order_of_points_plays_no_part(void **state)
{
    (void)state;
    struct vox_plan *a = plan_fixture_of("{'liver': [[10, 12.5, 3], [40, 30, 3], [20, 44, 9], "
                                         "[22.25, 20, 15], [0, 0, 15]], 'background': [[1, 1, 9], "
                                         "[0.0, 7, 9], [-0.0, 7, 9], [2, 2, 4]], 'zoom': 2}");
    struct vox_plan *b = plan_fixture_of("{'background': [[2, 2, 4], [-0.0, 7, 9], [0.0, 7, 9], "
                                         "[1, 1, 9]], 'liver': [[-0.0, -0.0, 15], [22.25, 20, 15], "
                                         "[20, 44, 9], [40, 30, 3], [10, 12.5, 3]], 'zoom': 2}");
    char *x = plan_fixture_json(a);
    char *y = plan_fixture_json(b);
    assert_string_equal(x, y);
    vox_free(x);
    vox_free(y);
    vox_plan_free(a);
    vox_plan_free(b);
}

static void hostile_numbers(void **state)
{
    (void)state;
    plan_fixture_check("{'roi': [-1e300, 1e300, -1e300, 1e300, -1e300, 1e300], 'zoom': 100}",
                       "{'z': [0, 39], 'key': 19, 'rect': [0, 0, 99, 79]");
    plan_fixture_refuse("{'box': [1e300, 1, 1e300, 9], 'slice': 1}", "outside the slice");
    plan_fixture_refuse("{'box': [1, 1, 9, 9], 'slice': 1e300}", "slice 1e+300");
    plan_fixture_refuse("{'box': [1, 1, 9, 9], 'slice': -0.6}", "slice -0.6");
    plan_fixture_refuse("{'box': {'key': 1, 'xyxy': [1, 1, 9, 9], 'z': [-1e300, 1e300]}}",
                        "slice -1e+300");
    plan_fixture_check("{'liver': [[1, 1, 1]], 'background': [[1e300, -1e300, 1e300]], "
                       "'corrections': [{'k': 1e300, 'points': [[1e300, 1]], 'labels': [1]}]}",
                       "'corrections': []");
    struct vox_request *request = plan_fixture_request("{'liver': [[1, 1, 1]]}");
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    struct vox_plan_image image = plan_fixture_image;
    struct vox_plan *plan = NULL;
    struct vox_err err = {0};
    image.size[1] = 0;
    assert_int_equal(vox_plan_new(request, &image, &defaults, &plan, &err), VOX_E_ARG);
    image.size[1] = INT64_MAX;
    assert_int_equal(vox_plan_new(request, &image, &defaults, &plan, &err), VOX_E_ARG);
    assert_null(plan);
    /* Borders of more slices than memory is for. */
    image.size[1] = 80;
    image.size[2] = INT32_MAX;
    vox_request_free(request);
    request = plan_fixture_request("{'roi': [1, 9, 1, 9, 0, 1e9]}");
    assert_int_equal(vox_plan_new(request, &image, &defaults, &plan, &err), VOX_E_LIMIT);
    vox_request_free(request);
}

/* 4,096 points, half of them negative, on 65,536 slices, and as many boxes that reach over all of
 * them. */
static void plans_quickly(void **state)
{
    (void)state;
    const struct vox_plan_image image = {.size = {512, 512, 65536}, .spacing = {1.0, 1.0, 1.0}};
    const struct vox_plan_defaults defaults = {.zoom = 2.5};
    struct vox_request *request = plan_fixture_request("{'broadcast': 'box'}");
    struct vox_err err = {0};
    for (int n = 0; n < 4096; n++) {
        struct vox_click click = {.at = {n * 37 % 512, n * 91 % 512, n * 7919 % 65536},
                                  .positive = n % 2 == 0};
        assert_int_equal(vox_request_add_click(request, 0, &click, &err), VOX_OK);
        struct vox_box_ask box = {.corners = {n % 400, n % 300, n % 400 + 9, n % 300 + 9},
                                  .roi = n % 2 == 0,
                                  .key = n,
                                  .bounded = true,
                                  .first = n % 7,
                                  .last = 65535 - n % 5};
        assert_int_equal(vox_request_add_box(request, 1, &box, &err), VOX_OK);
    }
    clock_t begin = clock();
    struct vox_plan *plan = plan_fixture_plan(request, &image, &defaults);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    assert_int_equal(plan->n_objects, 2);
    assert_true(plan->objects[0].n_pieces > 2000);
    assert_int_equal(plan->objects[1].n_prompts, 65536);
    vox_plan_free(plan);
    print_message("%.1f ms\n", 1000.0 * seconds);
    /* Slices times points would take a second and more. */
    assert_true(seconds < 0.5);
}

static const char everything[] =
    "{'liver': [[10, 12, 3], [40, 30, 3], [20, 44, 9], [20, 45, 15], [1, 1, 99]], 'background': "
    "[[11, 20, 6], [30, 30, 7], [1, 1, 39]], 'label': 'tumour', 'roi': [1, 20, 2, 30, 3, 50], "
    "'box': {'key': 9, 'xyxy': [2, 2, 90, 20], 'z': [3, 9]}, 'points': [[5, 5, 5]], "
    "'corrections': [{'k': 6, 'points': [[3, 3]], 'labels': [1], 'label': 'liver'}], 'zoom': 2.5}";

static void survives_lack_of_memory(void **state)
{
    (void)state;
    static const int64_t boxes[][5] = {{10, 20, 19, 29, 4}};
    const struct vox_plan_defaults defaults = {.zoom = 0.0};
    for (int variant = 0; variant < 3; variant++) {
        struct vox_request *request = plan_fixture_request(
            variant == 1 ? "{'liver': [[1, 1, 1]], 'points_as': 'box'}" : everything);
        if (variant == 2) {
            plan_fixture_mask(request, &plan_fixture_image, boxes, 1);
        }
        enum vox_code code = VOX_E_NOMEM;
        long k = 0;
        while (code != VOX_OK) {
            struct vox_plan *plan = NULL;
            struct vox_err err = {0};
            vox_fail_allocation(++k);
            code = vox_plan_new(request, &plan_fixture_image, &defaults, &plan, &err);
            assert_int_equal(code, vox_allocation_failed() ? VOX_E_NOMEM : VOX_OK);
            vox_fail_allocation(0);
            assert_int_equal(plan != NULL, code == VOX_OK);
            vox_plan_free(plan);
        }
        assert_true(k > 10);
        vox_request_free(request);
    }
}

static void writes_survive_lack_of_memory(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of(everything);
    char name[2][VOX_LABEL_BYTES] = {"liver", "tumour"};
    const struct vox_labels labels = {.n = 2, .names = name};
    struct vox_err err = {0};
    enum vox_code code = VOX_E_NOMEM;
    char *text = NULL;
    long k = 0;
    while (code != VOX_OK) {
        vox_fail_allocation(++k);
        code = vox_plan_text(plan, &labels, &text, &err);
        vox_fail_allocation(0);
        assert_int_equal(text != NULL, code == VOX_OK);
    }
    assert_true(k > 1);
    vox_free(text);
    vox_plan_free(plan);
    vox_plan_free(NULL);
}

static void says_it_in_words(void **state)
{
    (void)state;
    struct vox_plan *plan = plan_fixture_of(everything);
    char *text = plan_fixture_text(plan);
    static const char *const lines[] = {
        "liver: slices 3 to 15; the mask is empty beyond\n",
        "  piece 1: slices 3 to 9, key slice 6, i 10 to 40, j 12 to 44\n",
        "  piece 2: slices 9 to 15, key slice 12, i 20 to 20, j 44 to 45; too small for a box",
        "  prompt: slice 6, box i 10 to 40, j 12 to 44\n",
        "  prompt: slice 12, clicks inside (20, 44), inside (20, 45)\n",
        "  correction 1: slice 6 (prompted), clicks inside (3, 3)\n",
        "  cut (loose): slices 3 to 8 to i 2 to 48, j 4 to 52\n",
        "  zoom: 96 x 96 voxels from i 0, j -8 on (82.5 mm)\n",
        "  passes: intersection (both ways; what one way alone finds is uncertain)\n",
        "tumour: slices 3 to 39; the mask is empty beyond\n",
        "  roi 1: slices 3 to 39, key slice 21, i 1 to 20, j 2 to 30\n",
        "warning: point 4 of 'liver' lies outside the image and is left out\n",
        "warning: the roi of 'tumour' reached beyond the image and was cut to slices 3 to 39\n",
    };
    for (size_t n = 0; n < sizeof(lines) / sizeof(lines[0]); n++) {
        if (strstr(text, lines[n]) == NULL) {
            fail_msg("missing '%s' in\n%s", lines[n], text);
        }
    }
    vox_free(text);
    vox_plan_free(plan);
    plan = plan_fixture_of("{'roi': [1, 20, 2, 30, 3, 9], 'broadcast': 'box', 'clip': 'off'}");
    text = plan_fixture_text(plan);
    assert_non_null(strstr(text, "  prompt: slices 3 to 9, box i 1 to 20, j 2 to 30\n"));
    assert_non_null(strstr(text, "  cut: none\n"));
    assert_non_null(strstr(text, "  zoom: off, the network sees whole slices\n"));
    vox_free(text);
    vox_plan_free(plan);
    plan = plan_fixture_of("{'liver': [[1, 1, 4], [2, 1, 4], [3, 1, 4], [4, 1, 4], [5, 1, 4], "
                           "[6, 1, 4], [7, 1, 4], [8, 1, 4], [9, 1, 4]], 'zoom': 2}");
    text = plan_fixture_text(plan);
    assert_non_null(strstr(text, "liver: slice 4; followed both ways until it is absent on 3"));
    assert_non_null(strstr(text, "inside (8, 1), 1 more\n"));
    assert_non_null(strstr(text, "(48 mm), doubled while the object touches its rim\n"));
    vox_free(text);
    vox_plan_free(plan);
}

static void takes_the_models_choices(void **state)
{
    (void)state;
    struct vox_model_config config = {.zoom = 2.5};
    struct vox_plan_defaults defaults = vox_plan_defaults_of(&config);
    assert_true(defaults.zoom == 2.5);
    assert_int_equal(defaults.broadcast, VOX_BROADCAST_DEFAULT);
    assert_int_equal(defaults.passes, VOX_PASSES_DEFAULT);
    snprintf(config.broadcast, sizeof(config.broadcast), "box");
    snprintf(config.passes, sizeof(config.passes), "from_key");
    defaults = vox_plan_defaults_of(&config);
    assert_int_equal(defaults.broadcast, VOX_BROADCAST_BOX);
    assert_int_equal(defaults.passes, VOX_PASSES_FROM_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_8_loose_cuts),
        cmocka_unit_test(rule_8_growth),
        cmocka_unit_test(rule_8_tight_and_off),
        cmocka_unit_test(rule_8_not_in_pieces_without_a_box),
        cmocka_unit_test(rule_9_passes),
        cmocka_unit_test(rule_10_zoom),
        cmocka_unit_test(rule_10_of_clicks),
        cmocka_unit_test(rule_10_of_masks),
        cmocka_unit_test(zoom_needs_a_spacing),
        cmocka_unit_test(not_valid),
        cmocka_unit_test(names_points_outside),
        cmocka_unit_test(keeps_the_requests_warnings),
        cmocka_unit_test(order_of_points_plays_no_part),
        cmocka_unit_test(hostile_numbers),
        cmocka_unit_test(plans_quickly),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(writes_survive_lack_of_memory),
        cmocka_unit_test(says_it_in_words),
        cmocka_unit_test(takes_the_models_choices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
