/* Which backend is opened when the best one does not prove itself, or could not try. */
#include "tensor/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/self_test.h"
#include "tensor_fixture.h"

static struct vox_pool *pool;
static enum vox_code verdict;

enum vox_code __wrap_vox_backend_self_test(struct vox_backend *be, struct vox_err *err);

enum vox_code __wrap_vox_backend_self_test(struct vox_backend *be, struct vox_err *err)
{
    assert_string_not_equal(be->ops->name, "ref");
    return verdict == VOX_OK ? VOX_OK : vox_fail(err, verdict, "as the test wants it");
}

static void expect_opened(const char *name, const char *want)
{
    struct vox_backend *be = NULL;
    struct vox_err err = {0};
    assert_int_equal(VOX_OK, vox_backend_open(name, pool, &be, &err));
    assert_string_equal(want, be->ops->name);
    vox_backend_close(be);
}

static void expect_refused(const char *name, enum vox_code code)
{
    struct vox_backend *be = NULL;
    struct vox_err err = {0};
    assert_int_equal(code, vox_backend_open(name, pool, &be, &err));
    assert_null(be);
    assert_int_equal(code, err.code);
}

static void test_best_first(void **state)
{
    (void)state;
    verdict = VOX_OK;
    expect_opened(NULL, vox_backend_name(0));
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        expect_opened(vox_backend_name(i), vox_backend_name(i));
    }
    expect_refused("abacus", VOX_E_ARG);
}

static void test_wrong_results(void **state)
{
    (void)state;
    verdict = VOX_E_BACKEND;
    expect_opened(NULL, "ref");
    if (strcmp(vox_backend_name(0), "ref") != 0) {
        expect_refused(vox_backend_name(0), VOX_E_BACKEND);
    }
}

/* A machine without memory for the fast one must not end up with the slow one unasked. */
static void test_other_failures(void **state)
{
    (void)state;
    if (strcmp(vox_backend_name(0), "ref") == 0) {
        skip();
    }
    static const enum vox_code codes[] = {VOX_E_NOMEM, VOX_E_INTERNAL, VOX_E_LIMIT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        verdict = codes[i];
        expect_refused(NULL, codes[i]);
        expect_opened("ref", "ref");
    }
}

static int setup(void **state)
{
    (void)state;
    pool = vox_test_pool(2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vox_pool_free(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_first),
        cmocka_unit_test(test_wrong_results),
        cmocka_unit_test(test_other_failures),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
