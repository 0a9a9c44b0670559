#include "util/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Raises and hands the code on, because vox_fail may not be called for nothing. */
#define FAILS_WITH(code, call) assert_int_equal(code, call)

static void fail_fills_every_field(void **state)
{
    (void)state;
    struct vox_err err = {VOX_OK, 77, "old text"};
    FAILS_WITH(VOX_E_LIMIT, vox_fail(&err, VOX_E_LIMIT, "%d voxels are more than %s", 7, "six"));
    assert_int_equal(VOX_E_LIMIT, err.code);
    assert_int_equal(0, err.sys);
    assert_string_equal("7 voxels are more than six", err.msg);
}

static void fail_sys_keeps_the_number(void **state)
{
    (void)state;
    struct vox_err err = {0};
    FAILS_WITH(VOX_E_IO, vox_fail_sys(&err, VOX_E_IO, 28, "cannot write"));
    assert_int_equal(VOX_E_IO, err.code);
    assert_int_equal(28, err.sys);
    assert_string_equal("cannot write", err.msg);
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    FAILS_WITH(VOX_E_FORMAT, vox_fail(NULL, VOX_E_FORMAT, "%s", "text"));
    FAILS_WITH(VOX_E_IO, vox_fail_sys(NULL, VOX_E_IO, 5, "%s", "text"));
    FAILS_WITH(VOX_E_IO, vox_err_prefix(NULL, VOX_E_IO, "slice %d", 3));
}

static void long_text_is_cut_and_ended(void **state)
{
    (void)state;
    char text[3 * sizeof(((struct vox_err *)0)->msg)];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct {
        struct vox_err err;
        char guard[8];
    } box;
    memset(&box, 0x5a, sizeof(box));
    FAILS_WITH(VOX_E_ARG, vox_fail(&box.err, VOX_E_ARG, "%s", text));
    assert_int_equal(sizeof(box.err.msg) - 1, strlen(box.err.msg));
    for (size_t i = 0; i < sizeof(box.guard); i++) {
        assert_int_equal(0x5a, box.guard[i]);
    }
}

static void control_bytes_become_question_marks(void **state)
{
    (void)state;
    struct vox_err err = {0};
    FAILS_WITH(VOX_E_FORMAT, vox_fail(&err, VOX_E_FORMAT, "a%sb\tc\x7f%c", "\n\r\x1b[31m", 1));
    assert_string_equal("a???[31mb?c??", err.msg);
}

static void text_beyond_ascii_stays(void **state)
{
    (void)state;
    struct vox_err err = {0};
    FAILS_WITH(VOX_E_FORMAT, vox_fail(&err, VOX_E_FORMAT, "label %s", "L\xc3\xa4sion"));
    assert_string_equal("label L\xc3\xa4sion", err.msg);
}

static void prefix_goes_before_the_text(void **state)
{
    (void)state;
    struct vox_err err = {0};
    FAILS_WITH(VOX_E_IO, vox_fail_sys(&err, VOX_E_IO, 5, "cannot read"));
    FAILS_WITH(VOX_E_IO, vox_err_prefix(&err, VOX_E_IO, "slice %d\n", 31));
    assert_string_equal("slice 31?: cannot read", err.msg);
    assert_int_equal(VOX_E_IO, err.code);
    assert_int_equal(5, err.sys);
}

static void long_prefix_is_cut(void **state)
{
    (void)state;
    struct vox_err err = {0};
    enum { SIZE = sizeof(err.msg) };
    char text[SIZE];
    memset(text, 'p', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    FAILS_WITH(VOX_E_IO, vox_fail(&err, VOX_E_IO, "cannot read"));
    /* Room for ": cann" after the prefix. */
    FAILS_WITH(VOX_E_IO, vox_err_prefix(&err, VOX_E_IO, "%.*s", SIZE - 7, text));
    assert_int_equal(SIZE - 1, strlen(err.msg));
    assert_string_equal("p: cann", err.msg + SIZE - 8);
    FAILS_WITH(VOX_E_IO, vox_err_prefix(&err, VOX_E_IO, "%s%s", text, text));
    assert_int_equal(SIZE - 1, strlen(err.msg));
}

static void every_code_has_its_own_name(void **state)
{
    (void)state;
    for (int a = VOX_OK; a <= VOX_E_INTERNAL; a++) {
        assert_string_not_equal("unknown", vox_code_name((enum vox_code)a));
        for (int b = VOX_OK; b < a; b++) {
            assert_string_not_equal(vox_code_name((enum vox_code)b),
                                    vox_code_name((enum vox_code)a));
        }
    }
    assert_string_equal("format", vox_code_name(VOX_E_FORMAT));
    assert_string_equal("unknown", vox_code_name((enum vox_code)(VOX_E_INTERNAL + 1)));
}

static void broken_invariant_ends_the_process(void **state)
{
    (void)state;
    VOX_ASSERT(sizeof(int) > 1);
    int ends[2];
    assert_int_equal(0, pipe(ends));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        VOX_ASSERT(sizeof(int) == 1);
        _exit(0);
    }
    close(ends[1]);
    char text[512] = {0};
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    close(ends[0]);
    int status = 0;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_true(WIFSIGNALED(status));
    assert_true(n > 0);
    assert_non_null(strstr(text, "sizeof(int) == 1"));
    assert_non_null(strstr(text, "test_error.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_fills_every_field),
        cmocka_unit_test(fail_sys_keeps_the_number),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(long_text_is_cut_and_ended),
        cmocka_unit_test(control_bytes_become_question_marks),
        cmocka_unit_test(text_beyond_ascii_stays),
        cmocka_unit_test(prefix_goes_before_the_text),
        cmocka_unit_test(long_prefix_is_cut),
        cmocka_unit_test(every_code_has_its_own_name),
        cmocka_unit_test(broken_invariant_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
