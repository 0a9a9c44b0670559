/* Names and values of addresses and forms. */
#include "server/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "util/memory.h"

static void decodes(const char *text, bool plus, const char *wanted)
{
    char *out = NULL;
    assert_int_equal(vox_percent_decode(text, strlen(text), plus, &out, NULL), VOX_OK);
    assert_string_equal(out, wanted);
    vox_free(out);
}

static void refuses(const char *text, size_t size)
{
    char *out = NULL;
    struct vox_err err = {0};
    assert_int_equal(vox_percent_decode(text, size, true, &out, &err), VOX_E_FORMAT);
    assert_null(out);
}

static void decoding(void **state)
{
    (void)state;
    decodes("", true, "");
    decodes("a+b%20c", true, "a b c");
    decodes("a+b%20c%2B", false, "a+b c+");
    decodes("%e8%83%b8%E9%83%A8", true, "\xe8\x83\xb8\xe9\x83\xa8");
    decodes("%zz%4%", true, "%zz%4%");
    decodes("%2541", true, "%41");
    decodes("%", true, "%");
    decodes("%4", true, "%4");
    decodes("100%25", true, "100%");
    refuses("%00", 3);
    refuses("a\0b", 3);
    refuses("%ff", 3);
    refuses("%c0%80", 6);
    refuses("%ed%a0%80", 9);
    refuses("\xc3", 1);
    refuses("%f4%90%80%80", 12);
}

static void parsing(void **state)
{
    struct vox_pairs pairs = {0};
    static const char text[] = "a=1&b=&c&&a=2&=x&d=e=f&%61=3&+=y";
    (void)state;
    assert_int_equal(vox_query_parse(text, sizeof(text) - 1, 100, &pairs, NULL), VOX_OK);
    assert_int_equal(pairs.count, 8);
    assert_string_equal(vox_pairs_get(&pairs, "a"), "3");
    assert_string_equal(vox_pairs_get(&pairs, "b"), "");
    assert_string_equal(vox_pairs_get(&pairs, "c"), "");
    assert_string_equal(vox_pairs_get(&pairs, ""), "x");
    assert_string_equal(vox_pairs_get(&pairs, "d"), "e=f");
    assert_string_equal(vox_pairs_get(&pairs, " "), "y");
    assert_null(vox_pairs_get(&pairs, "A"));
    vox_pairs_clear(&pairs);
    assert_int_equal(pairs.count, 0);
    assert_int_equal(vox_query_parse("", 0, 1, &pairs, NULL), VOX_OK);
    assert_int_equal(vox_query_parse("&&&", 3, 1, &pairs, NULL), VOX_OK);
    assert_int_equal(pairs.count, 0);
    vox_pairs_clear(&pairs);
}

static void bounds(void **state)
{
    struct vox_pairs pairs = {0};
    struct vox_err err = {0};
    (void)state;
    assert_int_equal(vox_query_parse("a=1&b=2", 7, 2, &pairs, &err), VOX_OK);
    assert_int_equal(vox_query_parse("c=1", 3, 2, &pairs, &err), VOX_E_LIMIT);
    assert_int_equal(pairs.count, 2);
    assert_int_equal(vox_query_parse("c=1&d=%ff", 9, 10, &pairs, &err), VOX_E_FORMAT);
    assert_int_equal(pairs.count, 2);
    assert_string_equal(vox_pairs_get(&pairs, "b"), "2");
    vox_pairs_clear(&pairs);
}

static void failing(void **state)
{
    static const char text[] = "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10";
    bool done = false;
    (void)state;
    for (long k = 1; k < 100 && !done; k++) {
        struct vox_pairs pairs = {0};
        vox_fail_allocation(k);
        const enum vox_code code = vox_query_parse(text, sizeof(text) - 1, 100, &pairs, NULL);
        done = !vox_allocation_failed();
        vox_fail_allocation(0);
        assert_int_equal(code, done ? VOX_OK : VOX_E_NOMEM);
        assert_int_equal(pairs.count, done ? 10 : 0);
        vox_pairs_clear(&pairs);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding),
        cmocka_unit_test(parsing),
        cmocka_unit_test(bounds),
        cmocka_unit_test(failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
