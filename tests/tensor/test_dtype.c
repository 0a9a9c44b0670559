#include "tensor/dtype.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE 754 binary16 as its definition reads. */
static double half_value(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 0x1f);
    double fraction = bits & 0x3ff;
    double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 0) {
        return sign * ldexp(fraction, -24);
    }
    return sign * ldexp(1024 + fraction, exponent - 25);
}

static void test_every_half(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float value = vox_f16_to_f32((uint16_t)bits);
        if ((bits & 0x7c00) != 0x7c00) {
            assert_int_equal(bits_of(value), bits_of((float)half_value(bits)));
        } else if ((bits & 0x3ff) == 0) {
            assert_int_equal(bits_of(value), bits & 0x8000 ? 0xff800000U : 0x7f800000U);
        } else {
            assert_true(isnan(value));
        }
    }
}

static void test_every_bfloat(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x10000; bits++) {
        float value = vox_bf16_to_f32((uint16_t)bits);
        assert_int_equal(bits_of(value), bits << 16);
        /* What is a bfloat16 already stays, NaN as some NaN. */
        uint16_t back = vox_f32_to_bf16(value);
        assert_true(isnan(value) ? isnan(vox_bf16_to_f32(back)) : back == bits);
    }
}

static void test_bfloat_rounding(void **state)
{
    (void)state;
    static const struct {
        uint32_t from;
        uint16_t to;
    } cases[] = {
        {0x3f800000, 0x3f80}, /* 1 */
        {0x3f807fff, 0x3f80}, /* just under half way */
        {0x3f808000, 0x3f80}, /* tie, even below */
        {0x3f808001, 0x3f81}, /* just over */
        {0x3f818000, 0x3f82}, /* tie, even above */
        {0xbf818000, 0xbf82}, /* the sign does not matter */
        {0x3fff8000, 0x4000}, /* carries into the exponent */
        {0x7f7fffff, 0x7f80}, /* the largest float becomes infinity */
        {0x00008000, 0x0000}, /* tie between zero and the smallest */
        {0x00018000, 0x0002}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x80000000, 0x8000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(vox_f32_to_bf16(float_of(cases[i].from)), cases[i].to);
    }
    /* NaNs whose upper half alone would be infinity, and that rounding up would carry out of. */
    assert_true(isnan(vox_bf16_to_f32(vox_f32_to_bf16(float_of(0x7f800001)))));
    assert_true(isnan(vox_bf16_to_f32(vox_f32_to_bf16(float_of(0xffffffff)))));
}

static void test_widen_at_any_alignment(void **state)
{
    (void)state;
    uint8_t bytes[64];
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 37 % 61); /* small exponents: no NaN */
    }
    static const enum vox_dtype dtypes[] = {VOX_F32, VOX_F16, VOX_BF16};
    for (int d = 0; d < 3; d++) {
        for (size_t shift = 0; shift < 4; shift++) {
            float got[9];
            memset(got, 0x55, sizeof(got));
            vox_widen(dtypes[d], bytes + shift, 8, got);
            for (size_t i = 0; i < 8; i++) {
                const uint8_t *at = bytes + shift + i * vox_dtype_size(dtypes[d]);
                uint32_t bits = (uint32_t)at[0] | (uint32_t)at[1] << 8;
                float wanted =
                    dtypes[d] == VOX_F16 ? (float)half_value(bits) : float_of(bits << 16);
                if (dtypes[d] == VOX_F32) {
                    wanted = float_of(bits | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
                }
                assert_int_equal(bits_of(got[i]), bits_of(wanted));
            }
            assert_int_equal(bits_of(got[8]), 0x55555555);
        }
    }
}

static void test_names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(vox_dtype_name(VOX_F32), "f32");
    assert_string_equal(vox_dtype_name(VOX_F16), "f16");
    assert_string_equal(vox_dtype_name(VOX_BF16), "bf16");
    assert_int_equal(vox_dtype_size(VOX_F32), 4);
    assert_int_equal(vox_dtype_size(VOX_F16), 2);
    assert_int_equal(vox_dtype_size(VOX_BF16), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half),      cmocka_unit_test(test_every_bfloat),
        cmocka_unit_test(test_bfloat_rounding), cmocka_unit_test(test_widen_at_any_alignment),
        cmocka_unit_test(test_names_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
