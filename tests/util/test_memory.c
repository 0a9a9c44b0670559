#include "util/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void blocks_are_aligned_and_writable(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4095, 100000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *block = vox_alloc(sizes[i]);
        assert_non_null(block);
        assert_int_equal(0, (uintptr_t)block % 64);
        memset(block, 0xa5, sizes[i]);
        vox_free(block);
    }
    vox_free(NULL);
}

static void calloc_clears(void **state)
{
    (void)state;
    /* A block that was dirty before, so that a forgotten memset is likely to show. */
    for (int round = 0; round < 8; round++) {
        unsigned char *dirty = vox_alloc(1000);
        assert_non_null(dirty);
        memset(dirty, 0xff, 1000);
        vox_free(dirty);
        unsigned char *block = vox_calloc(250, 4);
        assert_non_null(block);
        for (size_t i = 0; i < 1000; i++) {
            assert_int_equal(0, block[i]);
        }
        vox_free(block);
    }
}

static void sizes_that_do_not_fit_give_nothing(void **state)
{
    (void)state;
    /* volatile: the compiler would warn about these numbers if it saw them. */
    volatile size_t huge = SIZE_MAX;
    assert_null(vox_alloc(huge));
    assert_null(vox_alloc(huge - 63));
    assert_null(vox_calloc(huge / 2 + 1, 2));
    assert_null(vox_calloc(2, huge / 2 + 1));
    assert_null(vox_calloc(huge, huge));
}

static void realloc_keeps_what_fits(void **state)
{
    (void)state;
    unsigned char *block = vox_realloc(NULL, 0, 10);
    assert_non_null(block);
    for (unsigned i = 0; i < 10; i++) {
        block[i] = (unsigned char)(i + 1);
    }
    block = vox_realloc(block, 10, 5000);
    assert_non_null(block);
    assert_int_equal(0, (uintptr_t)block % 64);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(i + 1, block[i]);
    }
    block = vox_realloc(block, 5000, 4);
    assert_non_null(block);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(i + 1, block[i]);
    }
    volatile size_t huge = SIZE_MAX;
    assert_null(vox_realloc(block, 4, huge));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(i + 1, block[i]);
    }
    vox_free(block);
}

static void strdup_copies(void **state)
{
    (void)state;
    char text[] = "text";
    char *copy = vox_strdup(text);
    assert_non_null(copy);
    text[0] = 'n';
    assert_string_equal("text", copy);
    vox_free(copy);
    copy = vox_strdup("");
    assert_non_null(copy);
    assert_string_equal("", copy);
    vox_free(copy);
}

static void mul_knows_its_limit(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(vox_mul(SIZE_MAX, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_true(vox_mul(0, SIZE_MAX, &out));
    assert_int_equal(0, out);
    assert_true(vox_mul(SIZE_MAX, 0, &out));
    assert_int_equal(0, out);
    assert_true(vox_mul(65536, 65536, &out));
    assert_true(out == (size_t)1 << 32);
    assert_true(vox_mul(SIZE_MAX / 3, 3, &out));
    assert_true(out == SIZE_MAX / 3 * 3);
    out = 7;
    assert_false(vox_mul(SIZE_MAX / 3 + 1, 3, &out));
    assert_false(vox_mul(3, SIZE_MAX / 3 + 1, &out));
    assert_false(vox_mul(SIZE_MAX, SIZE_MAX, &out));
    assert_false(vox_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_int_equal(7, out);
}

static void add_knows_its_limit(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(vox_add(SIZE_MAX, 0, &out));
    assert_true(out == SIZE_MAX);
    assert_true(vox_add(SIZE_MAX - 5, 5, &out));
    assert_true(out == SIZE_MAX);
    assert_true(vox_add(2, 3, &out));
    assert_int_equal(5, out);
    out = 7;
    assert_false(vox_add(SIZE_MAX, 1, &out));
    assert_false(vox_add(1, SIZE_MAX, &out));
    assert_false(vox_add(SIZE_MAX, SIZE_MAX, &out));
    assert_int_equal(7, out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_writable),
        cmocka_unit_test(calloc_clears),
        cmocka_unit_test(sizes_that_do_not_fit_give_nothing),
        cmocka_unit_test(realloc_keeps_what_fits),
        cmocka_unit_test(strdup_copies),
        cmocka_unit_test(mul_knows_its_limit),
        cmocka_unit_test(add_knows_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
