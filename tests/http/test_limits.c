/* Bounds and their configuration names. */
#include "server/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* One row. `member` is in `limits`: a name that two rows have would set another one. */
static void check(struct vox_http_limits *limits, const uint64_t *member, uint64_t value,
                  uint64_t least, uint64_t most, const char *name)
{
    struct vox_err err = {0};
    assert_int_equal(*member, value);
    assert_true(least <= value && value <= most && least < most);
    assert_int_equal(vox_http_limits_set(limits, name, least, &err), VOX_OK);
    assert_int_equal(*member, least);
    assert_int_equal(vox_http_limits_set(limits, name, most, &err), VOX_OK);
    assert_int_equal(*member, most);
    assert_int_equal(vox_http_limits_set(limits, name, most + 1, &err), VOX_E_LIMIT);
    assert_non_null(strstr(err.msg, name));
    if (least > 0) {
        assert_int_equal(vox_http_limits_set(limits, name, least - 1, &err), VOX_E_LIMIT);
    }
    assert_int_equal(*member, most);
}

static void each_has_a_name(void **state)
{
    struct vox_http_limits limits;
    (void)state;
    vox_http_limits_default(&limits);
#define CHECK(member, value, least, most, name)                                                    \
    check(&limits, &limits.member, value, least, most, name);
    VOX_HTTP_LIMITS(CHECK)
#undef CHECK
    assert_int_equal(vox_http_limits_set(&limits, "max-nothing", 1, NULL), VOX_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_a_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
