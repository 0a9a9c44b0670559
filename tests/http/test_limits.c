/* Bounds and their configuration names. */
#include "server/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *name;
    size_t offset;
    uint64_t value, least, most;
};

static const struct row rows[] = {
#define ROW(member, value, least, most, name)                                                      \
    {name, offsetof(struct vox_http_limits, member), value, least, most},
    VOX_HTTP_LIMITS(ROW)
#undef ROW
};

static uint64_t get(const struct vox_http_limits *limits, const struct row *row)
{
    uint64_t value = 0;
    memcpy(&value, (const char *)limits + row->offset, sizeof(value));
    return value;
}

static void each_has_a_name(void **state)
{
    struct vox_http_limits limits;
    (void)state;
    vox_http_limits_default(&limits);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct vox_err err = {0};
        assert_int_equal(get(&limits, row), row->value);
        assert_true(row->least <= row->value && row->value <= row->most);
        assert_int_equal(vox_http_limits_set(&limits, row->name, row->least, &err), VOX_OK);
        assert_int_equal(get(&limits, row), row->least);
        assert_int_equal(vox_http_limits_set(&limits, row->name, row->most, &err), VOX_OK);
        assert_int_equal(get(&limits, row), row->most);
        assert_int_equal(vox_http_limits_set(&limits, row->name, row->most + 1, &err), VOX_E_LIMIT);
        assert_non_null(strstr(err.msg, row->name));
        if (row->least > 0) {
            assert_int_equal(vox_http_limits_set(&limits, row->name, row->least - 1, &err),
                             VOX_E_LIMIT);
        }
        assert_int_equal(get(&limits, row), row->most);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(row->name, rows[k].name);
        }
    }
    assert_int_equal(vox_http_limits_set(&limits, "max-nothing", 1, NULL), VOX_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_a_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
