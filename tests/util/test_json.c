#include "util/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/memory.h"

static const struct vox_json_limits roomy = {.bytes = 1 << 20, .depth = 64, .values = 1000};

static struct vox_json *parse(const char *text)
{
    struct vox_json *json = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_json_parse(text, strlen(text), &roomy, &json, &err));
    assert_non_null(json);
    return json;
}

static void refuse(const char *text, size_t size, const struct vox_json_limits *limits,
                   enum vox_code code, const char *said)
{
    struct vox_json *json = NULL;
    struct vox_err err = {0};
    assert_int_equal(code, vox_json_parse(text, size, limits, &json, &err));
    assert_null(json);
    assert_non_null(strstr(err.msg, said));
}

static void test_values(void **state)
{
    (void)state;
    struct vox_json *json = parse(" {\"n\": -9223372036854775808, \"r\": 1.5, \"t\": \"\\u00e9\","
                                  " \"b\": true, \"z\": null, \"l\": [1, [], {}]}\n");
    assert_int_equal(VOX_JSON_OBJECT, vox_json_kind(json));
    assert_int_equal(6, vox_json_count(json));
    static const struct {
        const char *key;
        enum vox_json_kind kind;
    } members[] = {{"n", VOX_JSON_INT},  {"r", VOX_JSON_REAL}, {"t", VOX_JSON_TEXT},
                   {"b", VOX_JSON_BOOL}, {"z", VOX_JSON_NULL}, {"l", VOX_JSON_ARRAY}};
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        assert_true(vox_json_next(json, &cursor, &key, &value));
        assert_string_equal(members[i].key, key);
        assert_int_equal(members[i].kind, vox_json_kind(value));
        assert_ptr_equal(value, vox_json_get(json, key));
    }
    assert_false(vox_json_next(json, &cursor, &key, &value));
    int64_t n = 0;
    assert_true(vox_json_int(vox_json_get(json, "n"), &n));
    assert_true(n == INT64_MIN);
    assert_string_equal("\xc3\xa9", vox_json_text(vox_json_get(json, "t")));
    const struct vox_json *list = vox_json_get(json, "l");
    assert_int_equal(3, vox_json_count(list));
    assert_true(vox_json_int(vox_json_at(list, 0), &n));
    assert_int_equal(1, n);
    assert_int_equal(VOX_JSON_OBJECT, vox_json_kind(vox_json_at(list, 2)));
    vox_json_free(json);
    vox_json_free(NULL);
}

/* Asking for what is not there, or is of another kind, is answered and changes nothing. */
static void test_wrong_kinds(void **state)
{
    (void)state;
    struct vox_json *json = parse("[1.0, \"2\", true, null, {\"a\": 3}]");
    int64_t n = 77;
    for (size_t i = 0; i < 5; i++) {
        assert_false(vox_json_int(vox_json_at(json, i), &n));
    }
    assert_false(vox_json_int(NULL, &n));
    assert_int_equal(77, n);
    double number = 77.0;
    bool flag = true;
    for (size_t i = 1; i < 5; i++) {
        assert_false(vox_json_number(vox_json_at(json, i), &number));
        assert_true(i == 2 || !vox_json_bool(vox_json_at(json, i), &flag));
    }
    assert_false(vox_json_number(NULL, &number));
    assert_false(vox_json_bool(NULL, &flag));
    assert_false(vox_json_bool(vox_json_at(json, 0), &flag));
    assert_true(number == 77.0);
    assert_true(flag);
    assert_null(vox_json_text(vox_json_at(json, 0)));
    assert_null(vox_json_text(NULL));
    assert_null(vox_json_at(json, 5));
    assert_null(vox_json_at(json, SIZE_MAX));
    assert_null(vox_json_at(NULL, 0));
    assert_null(vox_json_at(vox_json_at(json, 4), 0));
    assert_null(vox_json_get(json, "a"));
    assert_null(vox_json_get(NULL, "a"));
    assert_null(vox_json_get(vox_json_at(json, 4), "b"));
    assert_int_equal(0, vox_json_count(vox_json_at(json, 1)));
    void *cursor = NULL;
    const char *key;
    const struct vox_json *value;
    assert_false(vox_json_next(json, &cursor, &key, &value));
    vox_json_free(json);
}

static void test_numbers_and_flags(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } numbers[] = {{"0", 0.0},
                   {"-7", -7.0},
                   {"9223372036854775807", 0x1p63},
                   {"2.5", 2.5},
                   {"-0.0", 0.0},
                   {"1e300", 1e300},
                   {"1e-999", 0.0},
                   {"1E2", 100.0},
                   {"0.1", 0.1},
                   {"4.9e-324", 4.9e-324}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct vox_json *json = parse(numbers[i].text);
        double number = 77.0;
        assert_true(vox_json_number(json, &number));
        assert_true(number == numbers[i].value);
        vox_json_free(json);
    }
    struct vox_json *json = parse("[true, false]");
    bool flag = false;
    assert_true(vox_json_bool(vox_json_at(json, 0), &flag));
    assert_true(flag);
    assert_true(vox_json_bool(vox_json_at(json, 1), &flag));
    assert_false(flag);
    vox_json_free(json);
}

static void test_damage(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\" 1}",
        "{\"a\": 1,}",
        "[1] 2",
        "nul",
        "'a'",
        "[01]",
        "[1.]",
        "[NaN]",
        "[1e999]",
        "\"\\ud800\"",
        "[9223372036854775808]",
        "\"\xff\"",
        "\"\xc0\xaf\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "]",
        "[\"a]",
        "{\"a\": 1, \"a\": 2}",
        "{\"o\": {\"a\": 1, \"\\u0061\": 1}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        refuse(texts[i], strlen(texts[i]), &roomy, VOX_E_FORMAT, "not JSON at line ");
    }
    refuse("[1\0]", 4, &roomy, VOX_E_FORMAT, "NUL");
    refuse("[1]\0", 4, &roomy, VOX_E_FORMAT, "NUL");
    refuse(NULL, 0, &roomy, VOX_E_FORMAT, "not JSON at line ");
    refuse("{\n\"a\": x}", 9, &roomy, VOX_E_FORMAT, "not JSON at line 2");
    /* What stands in the text may be anybody's, and stays out of the message. */
    struct vox_json *json = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_E_FORMAT, vox_json_parse("[Smith]", 7, &roomy, &json, &err));
    assert_null(strstr(err.msg, "Smith"));
}

static void test_limits(void **state)
{
    (void)state;
    static const char text[] = "[[1, \"],[\\\"[\"], {\"a\": 2}]"; /* 6 values, 2 levels */
    const size_t size = strlen(text);
    struct vox_json_limits exact = {.bytes = size, .depth = 2, .values = 6};
    struct vox_json *json = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_json_parse(text, size, &exact, &json, &err));
    vox_json_free(json);
    struct vox_json_limits less = exact;
    less.bytes--;
    refuse(text, size, &less, VOX_E_LIMIT, "bytes");
    less = exact;
    less.depth--;
    refuse(text, size, &less, VOX_E_LIMIT, "nested more than 1 levels");
    less = exact;
    less.values = 4;
    refuse(text, size, &less, VOX_E_LIMIT, "more than 4 values");
}

/* No caller can ask for a depth that would use up the stack. */
static void test_depth_has_a_bound(void **state)
{
    (void)state;
    static char text[2 * 100000];
    memset(text, '[', sizeof(text) / 2);
    memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
    const struct vox_json_limits generous = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    refuse(text, sizeof(text), &generous, VOX_E_LIMIT, "nested more than 1000 levels");
    struct vox_json *json = NULL;
    assert_int_equal(VOX_OK,
                     vox_json_parse(text + sizeof(text) / 2 - 1000, 2000, &generous, &json, NULL));
    vox_json_free(json);
}

static void test_format(void **state)
{
    (void)state;
    static const char text[] =
        "{\"b\":[1,-2.5,1e300,true,null],\"a\":{\"text\":\"\\\"x\\n\"},\"c\":0.1}";
    struct vox_json *json = parse(text);
    char *out = NULL;
    assert_int_equal(VOX_OK, vox_json_format(json, &out, NULL));
    assert_null(strchr(out, ' '));
    struct vox_json *again = parse(out);
    double number;
    assert_true(vox_json_number(vox_json_get(again, "c"), &number));
    assert_true(number == 0.1);
    assert_true(vox_json_number(vox_json_at(vox_json_get(again, "b"), 2), &number));
    assert_true(number == 1e300);
    assert_string_equal("\"x\n", vox_json_text(vox_json_get(vox_json_get(again, "a"), "text")));
    assert_true(strstr(out, "\"b\"") < strstr(out, "\"a\""));
    vox_json_free(again);
    vox_json_free(json);
    vox_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_numbers_and_flags),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_depth_has_a_bound),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
