#include "app/doctor_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t mebibyte = UINT64_C(1) << 20;

/* A verdict that is not fine says what to do. */
static void expect(enum vox_verdict wanted, struct vox_judgement judgement)
{
    assert_int_equal(wanted, judgement.verdict);
    assert_true((judgement.remedy == NULL) == (wanted == VOX_VERDICT_OK));
}

static void test_memory(void **state)
{
    (void)state;
    expect(VOX_VERDICT_FAIL, vox_judge_memory(0));
    expect(VOX_VERDICT_FAIL, vox_judge_memory(400 * mebibyte - 1));
    expect(VOX_VERDICT_WARN, vox_judge_memory(400 * mebibyte));
    expect(VOX_VERDICT_WARN, vox_judge_memory(1536 * mebibyte - 1));
    expect(VOX_VERDICT_OK, vox_judge_memory(1536 * mebibyte));
    expect(VOX_VERDICT_OK, vox_judge_memory(UINT64_MAX));
}

static void test_room(void **state)
{
    (void)state;
    expect(VOX_VERDICT_WARN, vox_judge_room(0));
    expect(VOX_VERDICT_WARN, vox_judge_room(256 * mebibyte - 1));
    expect(VOX_VERDICT_OK, vox_judge_room(256 * mebibyte));
}

static void test_threads(void **state)
{
    (void)state;
    expect(VOX_VERDICT_OK, vox_judge_threads(64, 0.0));
    expect(VOX_VERDICT_OK, vox_judge_threads(2, 2.0));
    expect(VOX_VERDICT_OK, vox_judge_threads(2, 1.5));
    expect(VOX_VERDICT_OK, vox_judge_threads(2, 8.0));
    expect(VOX_VERDICT_WARN, vox_judge_threads(2, 1.0));
    expect(VOX_VERDICT_WARN, vox_judge_threads(64, 4.0));
}

static void test_clock(void **state)
{
    (void)state;
    const int64_t day = 86400, program = INT64_C(1760000000); /* October 2025 */
    expect(VOX_VERDICT_FAIL, vox_judge_clock(0, program));
    expect(VOX_VERDICT_FAIL, vox_judge_clock(-1, 0));
    expect(VOX_VERDICT_FAIL, vox_judge_clock(INT64_C(1735689599), 0));
    expect(VOX_VERDICT_OK, vox_judge_clock(INT64_C(1735689600), 0));
    expect(VOX_VERDICT_OK, vox_judge_clock(INT64_C(4102444800), program));
    expect(VOX_VERDICT_FAIL, vox_judge_clock(INT64_C(4102444801), program));
    expect(VOX_VERDICT_OK, vox_judge_clock(program - day, program)); /* another time zone's disk */
    expect(VOX_VERDICT_WARN, vox_judge_clock(program - day - 1, program));
}

static void test_cpu(void **state)
{
    (void)state;
    expect(VOX_VERDICT_OK, vox_judge_cpu("sse4_2 avx avx2 fma", true));
    expect(VOX_VERDICT_OK, vox_judge_cpu("fma avx2", true));
    expect(VOX_VERDICT_WARN, vox_judge_cpu("sse4_2 avx fma", true));
    expect(VOX_VERDICT_WARN, vox_judge_cpu("avx2", true));
    expect(VOX_VERDICT_WARN, vox_judge_cpu("xavx2 avx2x fma", true));
    expect(VOX_VERDICT_WARN, vox_judge_cpu("avx2 fma4", true));
    expect(VOX_VERDICT_WARN, vox_judge_cpu("", true));
    expect(VOX_VERDICT_OK, vox_judge_cpu("asimd", false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), cmocka_unit_test(test_room), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_clock),  cmocka_unit_test(test_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
