#include "util/json_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

static void expect_text(struct vox_json_writer *json, const char *want)
{
    const char *text = NULL;
    size_t size = 0;
    struct vox_err err;
    assert_int_equal(vox_json_writer_text(json, &text, &size, &err), VOX_OK);
    assert_int_equal(size, strlen(want));
    assert_memory_equal(text, want, size + 1); /* the NUL too */
    vox_json_writer_free(json);
}

static void test_layout(void **state)
{
    (void)state;
    struct vox_json_writer *json = vox_json_writer_new();
    vox_json_begin_object(json, NULL);
    vox_json_put_int(json, "a", INT64_MIN);
    vox_json_begin_array(json, "list");
    vox_json_put_bool(json, NULL, true);
    vox_json_put_null(json, NULL);
    vox_json_begin_object(json, NULL);
    vox_json_put_text(json, "b", "c");
    vox_json_put_text(json, "d", NULL);
    vox_json_end(json);
    vox_json_begin_array(json, NULL);
    vox_json_end(json);
    vox_json_end(json);
    vox_json_put_bool(json, "last", false);
    vox_json_end(json);
    expect_text(json, "{\n  \"a\": -9223372036854775808,\n"
                      "  \"list\": [true, null, {\"b\": \"c\", \"d\": null}, []],\n"
                      "  \"last\": false\n}\n");

    json = vox_json_writer_new();
    vox_json_begin_object(json, NULL);
    vox_json_end(json);
    expect_text(json, "{}\n");
}

static void test_raw(void **state)
{
    (void)state;
    struct vox_json_writer *json = vox_json_writer_new();
    vox_json_begin_object(json, NULL);
    vox_json_put_raw(json, "a", "[1,{\"b\":null}]");
    vox_json_begin_array(json, "c");
    vox_json_put_raw(json, NULL, "-0.5");
    vox_json_put_raw(json, NULL, "\"d\"");
    vox_json_end(json);
    vox_json_end(json);
    expect_text(json, "{\n  \"a\": [1,{\"b\":null}],\n  \"c\": [-0.5, \"d\"]\n}\n");
}

static void test_numbers(void **state)
{
    (void)state;
    struct vox_json_writer *json = vox_json_writer_new();
    vox_json_begin_array(json, NULL);
    const double values[] = {0.1,
                             1.0 / 3.0,
                             -5.0,
                             1e300,
                             (double)0.1F,
                             (double)NAN,
                             (double)INFINITY,
                             -(double)INFINITY};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        vox_json_put_real(json, NULL, values[i]);
    }
    vox_json_end(json);
    expect_text(json, "[0.1, 0.3333333333333333, -5, 1e+300, 0.10000000149011612, null, null, "
                      "null]\n");
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", "\"\"\n"},
        {"a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\"\n"},
        {"\n\t\x01\x7f", "\"\\u000a\\u0009\\u0001\\u007f\"\n"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e\"\n"},
        /* a lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, cut short */
        {"\x80", "\"\\ufffd\"\n"},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\"\n"},
        {"\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\"\n"},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"\n"},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n"},
        {"\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n"},
        {"\xe2\x82", "\"\\ufffd\\ufffd\"\n"},
        {"\xff", "\"\\ufffd\"\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vox_json_writer *json = vox_json_writer_new();
        vox_json_put_text(json, NULL, cases[i].in);
        expect_text(json, cases[i].want);
    }
}

static void test_long_text(void **state)
{
    (void)state;
    struct vox_json_writer *json = vox_json_writer_new();
    vox_json_begin_array(json, NULL);
    for (int i = 0; i < 10000; i++) {
        vox_json_put_int(json, NULL, i);
    }
    vox_json_end(json);
    const char *text;
    size_t size;
    assert_int_equal(vox_json_writer_text(json, &text, &size, NULL), VOX_OK);
    assert_memory_equal(text + size - 14, ", 9998, 9999]\n", 14);
    /* The text may be asked for twice. */
    size_t again;
    assert_int_equal(vox_json_writer_text(json, &text, &again, NULL), VOX_OK);
    assert_int_equal(again, size);
    vox_json_writer_free(json);
    vox_json_writer_free(NULL);
}

/* Half a report must not pass for a whole one. */
static void test_no_memory(void **state)
{
    (void)state;
    vox_fail_allocation(1);
    assert_null(vox_json_writer_new());
    for (long k = 2;; k++) {
        vox_fail_allocation(k);
        struct vox_json_writer *json = vox_json_writer_new();
        vox_json_begin_array(json, NULL);
        for (int i = 0; i < 1000; i++) {
            vox_json_put_int(json, NULL, i);
        }
        vox_json_end(json);
        bool failed = vox_allocation_failed();
        const char *text = NULL;
        size_t size;
        struct vox_err err;
        enum vox_code code = vox_json_writer_text(json, &text, &size, &err);
        vox_json_writer_free(json);
        vox_fail_allocation(0);
        if (!failed) {
            assert_int_equal(code, VOX_OK);
            assert_true(k > 3);
            return;
        }
        assert_int_equal(code, VOX_E_NOMEM);
        assert_null(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),    cmocka_unit_test(test_raw),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_long_text), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
