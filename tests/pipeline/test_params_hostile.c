/* Parameters that are refused: what is said, and that the request is as it was. */
#include "pipeline/params_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "request_fixture.h"
#include "support/failing_alloc.h"

/* Something of everything, so that a half-applied text shows. */
static const char something[] =
    "{'liver': [[1, 2, 3], [4, 5, 6]], 'tumour': [[7, 7, 7]], 'background': [[1, 1, 1]],"
    " 'roi': [1, 2, 3, 4, 5, 6], 'box': [{'key': 3, 'xyxy': [1, 2, 3, 4], 'label': 'tumour'}],"
    " 'corrections': [{'k': 1, 'points': [[1, 2], [3, 4]]}], 'mask_slices': [1, 2],"
    " 'clip': 'off', 'zoom': 2, 'window': [0, 9], 'uncertain': [[1, 1, 1]]}";

static void refuse(const char *json, enum vox_code code, const char *said)
{
    struct vox_request *request = request_fixture_read(something);
    struct vox_request *before = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_request_copy(request, &before, &err));
    enum vox_code got = request_fixture_add(request, json, &err);
    if (got != code || strstr(err.msg, said) == NULL) {
        print_message("%s: %s, %s\n", json, vox_code_name(got), err.msg);
    }
    assert_int_equal(code, got);
    assert_int_equal(code, err.code);
    assert_non_null(strstr(err.msg, said));
    request_fixture_same(before, request);
    vox_request_free(before);
    vox_request_free(request);
}

static void test_no_object(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "7",
        "'text'",
        "null",
        "true",
        "{",
        "{'a' 1}",
        "{} {}",
        "{'liver': [[1, 2, 3]}",
        "{'a': 1, 'a': 2}",
        "NaN",
        "1e999",
        "{'liver': [[nan, 1, 1]]}",
        "{'liver': [[+Infinity]]}",
        "{NaN: 1}",
        "{'a': 1, 1e999: 2}",
        "{'a': 01e999}",
        "{'a': 1.e999}",
        "{'a': -}",
        "{'a': 1e999x}",
        "{'a': NaNNaN}",
        "{'a': 1e999",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        refuse(texts[i], VOX_E_FORMAT, "params");
    }
    struct vox_request *request = request_fixture_new();
    struct vox_err err = {0};
    assert_int_equal(VOX_E_FORMAT, vox_params_read(request, "{}\0", 3, &err));
    assert_int_equal(VOX_E_FORMAT, vox_params_read(request, "{\"a\": \"\xff\"}", 10, &err));
    assert_int_equal(VOX_E_FORMAT, vox_params_read(request, NULL, 0, &err));
    vox_request_free(request);
}

/* Numbers that no double or 64-bit integer holds are refused by name where one is needed, and are
 * nobody's business elsewhere. */
static void test_numbers_beyond(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1.5E+400",
        "99999999999999999999",
        "-9223372036854775809",
        "1000000000000000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char json[200];
        snprintf(json, sizeof(json), "{'liver': [[1, 2, 3], [1, %s , 3]]}", numbers[i]);
        refuse(json, VOX_E_ARG, "point 1 of 'liver' holds something that is no finite number");
        snprintf(json, sizeof(json), "{'liver': [[1, 2, %s]]}", numbers[i]);
        refuse(json, VOX_E_ARG, "point 0 of 'liver' holds something that is no finite number");
        snprintf(json, sizeof(json), "{'roi': [%s, 2, 3, 4, 5, 6]}", numbers[i]);
        refuse(json, VOX_E_ARG, "'roi' (label 'liver') holds");
        snprintf(json, sizeof(json), "{'corrections': [{'k': %s}]}", numbers[i]);
        refuse(json, VOX_E_ARG, "correction 0 needs the number of its slice");
        snprintf(json, sizeof(json), "{'zoom': %s}", numbers[i]);
        refuse(json, VOX_E_ARG, "'zoom'");
        snprintf(json, sizeof(json), "{'window': [%s, 2]}", numbers[i]);
        refuse(json, VOX_E_ARG, "'window' holds");
        snprintf(json, sizeof(json), "{'series': %s, 'tumour': [[1, 2, 3]], 'x': '\\'%s'}",
                 numbers[i], numbers[i]);
        struct vox_request *request = request_fixture_read(json);
        assert_int_equal(1, request->objects[1].n_clicks);
        vox_request_free(request);
    }
}

static void test_points(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{'liver': [[1, 2]]}", "point 0 of 'liver' has 2 numbers; give [i, j, k]"},
        {"{'liver': [[1, 2, 3], [1, 2, 3], [1, 2, 3], [9]]}",
         "point 3 of 'liver' has 1 number; give [i, j, k]"},
        {"{'liver': [[]]}", "point 0 of 'liver' has 0 numbers"},
        {"{'tumour': [[1, 2, 3, 4]]}", "point 0 of 'tumour' has 4 numbers"},
        {"{'liver': [1, 2, 3]}", "point 0 of 'liver' is no list"},
        {"{'liver': [{'i': 1}]}", "point 0 of 'liver' is no list"},
        {"{'liver': [null]}", "point 0 of 'liver' is no list"},
        {"{'liver': [[1, 2, '3']]}", "point 0 of 'liver' holds something that is no finite number"},
        {"{'liver': [[true, 2, 3]]}", "point 0 of 'liver' holds"},
        {"{'liver': [[1, null, 3]]}", "point 0 of 'liver' holds"},
        {"{'liver': [[1, [2], 3]]}", "point 0 of 'liver' holds"},
        {"{'liver': 5}", "'liver' must be a list of points [i, j, k]"},
        {"{'liver': '1,2,3'}", "'liver' must be a list"},
        {"{'liver': {}}", "'liver' must be a list"},
        {"{'liver': true}", "'liver' must be a list"},
        {"{'background': [[1, 2, 3], [1, 2]]}", "point 1 of 'background' has 2"},
        {"{'background': 'none'}", "'background' must be a list"},
        {"{'uncertain': [[1]]}", "point 0 of 'uncertain' has 1"},
        {"{'foreground': [[1, 2, 3], [1, 2]], 'label': 'tumour'}",
         "point 1 of 'foreground' (label 'tumour') has 2 numbers"},
        {"{'points': [[1, 2]]}", "point 0 of 'points' (label 'liver')"},
        {"{'points': [[1, 2, 3]], 'point_labels': []}", "'point_labels' must be a list of 1"},
        {"{'points': [[1, 2, 3]], 'point_labels': [1, 1]}", "'point_labels' must be a list of 1"},
        {"{'point_labels': [1]}", "'point_labels' must be a list of 0"},
        {"{'points': [[1, 2, 3]], 'point_labels': [2]}", "number 0 of 'point_labels'"},
        {"{'points': [[1, 2, 3]], 'point_labels': [-1]}", "must be 1 (inside) or 0 (outside)"},
        {"{'points': [[1, 2, 3]], 'point_labels': [true]}", "number 0 of 'point_labels'"},
        {"{'points': [[1, 2, 3]], 'point_labels': ['1']}", "number 0 of 'point_labels'"},
        {"{'points': [[1, 2, 3]], 'point_labels': 1}", "'point_labels' must be a list"},
        {"{'label': 3}", "'label' must be the name of a label"},
        {"{'label': ['liver']}", "'label' must be the name of a label"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        refuse(rows[i][0], VOX_E_ARG, rows[i][1]);
    }
}

static void test_boxes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{'roi': [1, 2, 3, 4]}", "'roi' (label 'liver') needs the number of its slice as 'slice'"},
        {"{'roi': [1, 2, 3, 4], 'slice': '7'}", "'slice' must be a number"},
        {"{'slice': [1]}", "'slice' must be a number"},
        {"{'roi': [1, 2, 3, 4, 5]}", "'roi' (label 'liver') has 5 numbers"},
        {"{'roi': [1, 2, 3, 4, 5, 6, 7]}", "has 7 numbers"},
        {"{'roi': [1, 2, 3, 4, 5, '6']}", "holds something that is no finite number"},
        {"{'roi': [1, 2, 3, false], 'slice': 1}", "holds something that is no finite number"},
        {"{'roi': {'i': 1}}", "'roi' (label 'liver') is no list"},
        {"{'roi': 'all'}", "is no list"},
        {"{'box': 7}", "'box' must be a box, a list of boxes, or [i0, j0, i1, j1] and 'slice'"},
        {"{'box': [1, 2, 3], 'slice': 1}", "'box' (label 'liver') has 3 numbers"},
        {"{'box': [1, 2, 3, 4, 5, 6], 'slice': 1}", "has 6 numbers"},
        {"{'box': [1, 2, 3, 4]}", "as 'slice'"},
        {"{'box': {}}", "box 0 (label 'liver') needs the number of its slice as \"key\""},
        {"{'box': {'key': '3', 'xyxy': [1, 2, 3, 4]}}", "as \"key\""},
        {"{'box': {'key': null, 'xyxy': [1, 2, 3, 4]}}", "as \"key\""},
        {"{'box': {'key': 3}}", "\"xyxy\" of box 0 (label 'liver') is no list"},
        {"{'box': [{'key': 3, 'xyxy': [1, 2, 3, 4]}, {'key': 3, 'xyxy': [1, 2], 'label': "
         "'tumour'}]}",
         "\"xyxy\" of box 1 (label 'tumour') has 2 numbers"},
        {"{'box': {'key': 3, 'xyxy': [1, 2, 3, 4], 'z': [1]}}", "\"z\" of box 0 (label 'liver')"},
        {"{'box': {'key': 3, 'xyxy': [1, 2, 3, 4], 'z': 3}}", "\"z\" of box 0"},
        {"{'box': {'key': 3, 'xyxy': [1, 2, 3, 4], 'z': [4, 9]}}", "key slice"},
        {"{'box': {'key': 3, 'xyxy': [1, 2, 3, 4], 'z': [2, 1]}}", "key slice"},
        {"{'box': [[1, 2, 3, 4]]}", "box 0 must be {\"key\": k"},
        {"{'box': ['x']}", "box 0 must be"},
        {"{'box': {'key': 3, 'xyxy': [1, 2, 3, 4], 'label': 1}}", "the label of box 0 must be"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        refuse(rows[i][0], VOX_E_ARG, rows[i][1]);
    }
    refuse("{'box': {'key': 3, 'xyxy': [1, 2, 3, 4], 'label': 'kidney'}}", VOX_E_NOT_FOUND,
           "the label of box 0 is none of the model's");
}

static void test_corrections(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{'corrections': {}}", "'corrections' must be a list"},
        {"{'corrections': [[1, 2]]}", "correction 0 must be {\"k\": k"},
        {"{'corrections': [{'points': [[1, 2]]}]}", "correction 0 needs the number of its slice"},
        {"{'corrections': [{'k': '3', 'points': [[1, 2]]}]}", "correction 0 needs"},
        {"{'corrections': [{'k': 3, 'points': 1}]}", "the points of correction 0 must be a list"},
        {"{'corrections': [{'k': 3, 'points': [[1, 2]]}, {'k': 3, 'points': [[1, 2], [1, 2, 3]]}]}",
         "point 1 of correction 1 has 3 numbers; give [i, j]"},
        {"{'corrections': [{'k': 3, 'points': [[1, '2']]}]}", "point 0 of correction 0 holds"},
        {"{'corrections': [{'k': 3, 'points': [[1, 2]], 'labels': []}]}",
         "'labels' of correction 0 must be a list of 1"},
        {"{'corrections': [{'k': 3, 'points': [[1, 2]], 'labels': [0.5]}]}",
         "number 0 of 'labels' of correction 0"},
        {"{'corrections': [{'k': 3, 'labels': [1]}]}", "'labels' of correction 0 must be"},
        {"{'corrections': [{'k': 3, 'points': [], 'label': {}}]}", "the label of correction 0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        refuse(rows[i][0], VOX_E_ARG, rows[i][1]);
    }
    refuse("{'corrections': [{'k': 3, 'points': [[1, 2]], 'label': 'kidney'}]}", VOX_E_NOT_FOUND,
           "the label of correction 0 is none of the model's");
}

static void test_options(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{'window': [1]}", "'window' has 1 number; give [low, high]"},
        {"{'window': [2, 1]}", "below"},
        {"{'window': [1, 1]}", "below"},
        {"{'window': ['1', 2]}", "'window' holds"},
        {"{'window': 'liver'}", "'window' must be auto"},
        {"{'window': 7}", "'window' is no list"},
        {"{'window': {'center': 1}}", "\"width\""},
        {"{'window': {'center': 1, 'width': 0}}", "below"},
        {"{'window': {'center': 1, 'width': -5}}", "below"},
        {"{'window': {'center': 1.7e308, 'width': 1.7e308}}", "below"},
        {"{'window': {'center': 1e300, 'width': 1}}", "below"},
        {"{'window': true}", "'window'"},
        {"{'zoom': 0}", "'zoom' must be \"off\" or a number from 1 to 100"},
        {"{'zoom': 0.99}", "'zoom'"},
        {"{'zoom': 100.5}", "'zoom'"},
        {"{'zoom': -1e300}", "'zoom'"},
        {"{'zoom': 'on'}", "'zoom'"},
        {"{'zoom': 'nan'}", "'zoom'"},
        {"{'zoom': '2.5x'}", "'zoom'"},
        {"{'zoom': '1e5'}", "'zoom'"},
        {"{'zoom': true}", "'zoom'"},
        {"{'zoom': []}", "'zoom'"},
        {"{'min_box': -1}", "'min_box'"},
        {"{'min_box': '6'}", "'min_box'"},
        {"{'min_box': 1e300}", "'min_box'"},
        {"{'broadcast': 'boxes'}", "'broadcast' must be one of default, propagate, box"},
        {"{'broadcast': 1}", "'broadcast'"},
        {"{'points_as': 'mask'}", "'points_as' must be one of clicks, box"},
        {"{'extent': 'Strict'}", "'extent' must be one of default, strict, free"},
        {"{'clip': false}", "'clip' must be one of default, loose, tight, off"},
        {"{'passes': 'both'}", "intersection, union, forward, backward, from_key"},
        {"{'largest_cc': 1}", "'largest_cc' must be true or false"},
        {"{'fill_holes': 'yes'}", "'fill_holes'"},
        {"{'keep_uncertain': 0}", "'keep_uncertain'"},
        {"{'result_compress': []}", "'result_compress'"},
        {"{'mask_slices': 3}", "'mask_slices' must be a list"},
        {"{'mask_slices': [1, '2']}", "number 1 of 'mask_slices'"},
        {"{'mask_slices': [1e300]}", "number 0 of 'mask_slices'"},
        {"{'result_extension': '.exe'}", "'result_extension'"},
        {"{'result_extension': 'nrrd'}", "'result_extension'"},
        {"{'result_extension': '/../a.nrrd'}", "'result_extension'"},
        {"{'result_extension': '.............................nrrd'}", "'result_extension'"},
        {"{'result_extension': 3}", "'result_extension'"},
        {"{'result_dtype': 'float32'}", "'result_dtype' must be \"uint8\" or \"uint16\""},
        {"{'result_dtype': 8}", "'result_dtype'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        refuse(rows[i][0], VOX_E_ARG, rows[i][1]);
    }
}

/* One bad value at the end undoes all that was good before it. */
static void test_all_or_nothing(void **state)
{
    (void)state;
    refuse("{'liver': [[9, 9, 9]], 'roi': [9, 9, 9, 9, 9, 9], 'clip': 'tight', 'zoom': 9,"
           " 'window': 'lung', 'uncertain': [[1, 1, 1]], 'mask_slices': [8], 'label': 'tumour',"
           " 'corrections': [{'k': 1, 'points': [[1, 1]]}, {'k': 1, 'points': [[1]]}]}",
           VOX_E_ARG, "point 0 of correction 1");
}

/* {"liver": [[1, 2, 3], ...], ...} with n points, before them a text. */
static char *many_points(const char *before, size_t n, const char *point, const char *after)
{
    size_t room = strlen(before) + strlen(after) + n * (strlen(point) + 1) + 1;
    char *text = malloc(room);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, room, "%s", before);
    for (size_t i = 0; i < n; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s%s", i == 0 ? "" : ",", point);
    }
    snprintf(text + used, room - used, "%s", after);
    return text;
}

static enum vox_code add_many(struct vox_request *request, const char *before, size_t n,
                              const char *point, const char *after)
{
    char *text = many_points(before, n, point, after);
    struct vox_err err = {0};
    enum vox_code code = request_fixture_add(request, text, &err);
    free(text);
    return code;
}

static void test_too_many_points(void **state)
{
    (void)state;
    static const char *const lists[][3] = {
        {"{'liver': [", "[1,2,3]", "]}"},
        {"{'background': [", "[1,2,3]", "]}"},
        {"{'foreground': [", "[1,2,3]", "]}"},
        {"{'points': [", "[1,2,3]", "]}"},
        {"{'uncertain': [", "[1,2,3]", "]}"},
        {"{'corrections': [{'k': 1, 'points': [", "[1,2]", "]}]}"},
        {"{'corrections': [", "{'k':1,'points':[[1,2]]}", "]}"},
        {"{'box': [", "{'key':1,'xyxy':[1,2,3,4]}", "]}"},
        {"{'mask_slices': [", "1", "]}"},
        {"{'liver': [[1, 2, 3]], 'background': [", "[1,2,3]", "]}"},
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const char *const *list = lists[i];
        struct vox_request *request = request_fixture_new();
        assert_int_equal(VOX_E_LIMIT, add_many(request, list[0], 5000, list[1], list[2]));
        assert_int_equal(0, request->n_points);
        size_t most = strstr(list[0], "liver") == list[0] + 2 && i > 0 ? 4096 : 4097;
        assert_int_equal(VOX_E_LIMIT, add_many(request, list[0], most, list[1], list[2]));
        assert_int_equal(VOX_OK, add_many(request, list[0], most - 1, list[1], list[2]));
        vox_request_free(request);
    }
    /* What was there before counts as well. */
    struct vox_request *request = request_fixture_new();
    struct vox_err err = {0};
    request->max_points = 2;
    assert_int_equal(VOX_OK, request_fixture_add(request, "{'liver': [[1, 2, 3]]}", &err));
    assert_int_equal(VOX_OK, request_fixture_add(request, "{'points': [[1, 2, 3]]}", &err));
    assert_int_equal(VOX_E_LIMIT, request_fixture_add(request, "{'tumour': [[1, 2, 3]]}", &err));
    assert_string_equal("more than 2 points; give fewer", err.msg);
    assert_int_equal(2, request->n_points);
    request->max_points = 1;
    assert_int_equal(VOX_E_LIMIT, request_fixture_add(request, "{'tumour': [[1, 2, 3]]}", &err));
    vox_request_free(request);
}

static void test_size_and_depth(void **state)
{
    (void)state;
    static const char *const nests[][2] = {{"[", "]"}, {"{'a':", "}"}};
    struct vox_request *request = request_fixture_new();
    for (size_t i = 0; i < 2; i++) {
        char *open = many_points("{'x': ", 100000, nests[i][0], "");
        /* The commas that many_points puts between are not wanted here. */
        char *to = open;
        for (const char *from = open; *from != '\0'; from++) {
            if (*from != ',') {
                *to++ = *from;
            }
        }
        *to = '\0';
        struct vox_err err = {0};
        assert_int_equal(VOX_E_LIMIT, request_fixture_add(request, open, &err));
        assert_non_null(strstr(err.msg, "nested"));
        free(open);
    }
    assert_int_equal(VOX_E_LIMIT, add_many(request, "{'x': [", 1000000, "1", "]}"));
    assert_int_equal(VOX_E_LIMIT, add_many(request, "{'x': '", 3000000, "1", "'}"));
    /* What others may be sent fits. */
    assert_int_equal(VOX_OK, add_many(request, "{'x': [", 30000, "1", "]}"));
    assert_int_equal(VOX_OK, add_many(request, "{'x': '", 300000, "1", "'}"));
    assert_int_equal(0, request->n_points);
    /* A bound that nobody could reach is none that overflows. */
    request->max_points = SIZE_MAX;
    assert_int_equal(VOX_OK, add_many(request, "{'liver': [", 10000, "[1,2,3]", "]}"));
    assert_int_equal(10000, request->n_points);
    vox_request_free(request);
}

/* jansson's own allocations are not among those that fail here. */
static void test_no_memory(void **state)
{
    (void)state;
    struct vox_request *request = request_fixture_read(something);
    struct vox_request *before = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_request_copy(request, &before, &err));
    static const char more[] =
        "{'x': NaN, 'liver': [[3, 3, 3]], 'points': [[1, 1, 1], [2, 2, 2]], 'roi': [1, 2, 3, 4, 5, "
        "6],"
        " 'corrections': [{'k': 1, 'points': [[1, 2]]}], 'mask_slices': [5], 'background': [[1, 1, "
        "1]]}";
    enum vox_code code = VOX_E_NOMEM;
    long k;
    for (k = 1; code != VOX_OK; k++) {
        assert_true(k < 200);
        vox_fail_allocation(k);
        code = request_fixture_add(request, more, &err);
        bool failed = vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(failed ? VOX_E_NOMEM : VOX_OK, code);
        if (failed) {
            request_fixture_same(before, request);
        }
    }
    assert_true(k > 15);
    assert_int_equal(before->n_points + 5, request->n_points);
    vox_request_free(before);
    vox_request_free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_object),      cmocka_unit_test(test_numbers_beyond),
        cmocka_unit_test(test_points),         cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_corrections),    cmocka_unit_test(test_options),
        cmocka_unit_test(test_all_or_nothing), cmocka_unit_test(test_too_many_points),
        cmocka_unit_test(test_size_and_depth), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
