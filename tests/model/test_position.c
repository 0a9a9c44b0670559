#include "model/position.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The reference printed six digits (half a unit of the last is 5e-7) of values whose angles, up to
 * 2 pi, it computed in float32 (another 4e-7). */
static void assert_printed(double wanted, float found)
{
    if (!(fabs((double)found - wanted) <= 1e-6)) {
        fail_msg("%.9g, wanted %.9g", (double)found, wanted);
    }
}

static void sine_code_is_the_reference(void **state)
{
    (void)state;
    enum { SIDE = 32, CHANNELS = 256 };
    static float code[SIDE * SIDE * CHANNELS];
    vox_sine_code(SIDE, CHANNELS, code);
    static const struct {
        int channel, y, x;
        double value;
    } wanted[] = {
        {0, 0, 0, 0.195090},   {1, 0, 0, 0.980785},    {2, 10, 0, 0.955469},
        {3, 10, 0, -0.295093}, {129, 7, 9, -0.382684},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_printed(wanted[i].value,
                       code[(wanted[i].y * SIDE + wanted[i].x) * CHANNELS + wanted[i].channel]);
    }
}

static void rope_table_is_the_reference(void **state)
{
    (void)state;
    enum { SIDE = 32, CHANNELS = 256, PAIRS = CHANNELS / 2 };
    static float cosines[SIDE * SIDE * PAIRS];
    static float sines[SIDE * SIDE * PAIRS];
    vox_rope_table(SIDE, CHANNELS, 10000.0, cosines, sines);
    static const struct {
        int token, pair;
        double cosine, sine;
    } wanted[] = {
        {33, 0, 0.540302, 0.841471},    {33, 64, 0.540302, 0.841471},
        {163, 1, -0.855801, 0.517306},  {163, 65, -0.373304, -0.927709},
        {1023, 0, 0.914742, -0.404038}, {1023, 127, 0.999994, 0.00357982},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        int at = wanted[i].token * PAIRS + wanted[i].pair;
        assert_printed(wanted[i].cosine, cosines[at]);
        assert_printed(wanted[i].sine, sines[at]);
    }
}

static void distance_code_is_the_reference(void **state)
{
    (void)state;
    static const struct {
        float value;
        double wanted[4]; /* of indices 0, 2, 128, 130 */
    } rows[] = {
        {1.0F / 15.0F, {0.0666173, 0.0576989, 0.997779, 0.998334}},
        {15.0F / 15.0F, {0.841471, 0.761720, 0.540302, 0.647906}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        float code[256];
        vox_distance_code(rows[i].value, 256, code);
        assert_printed(rows[i].wanted[0], code[0]);
        assert_printed(rows[i].wanted[1], code[2]);
        assert_printed(rows[i].wanted[2], code[128]);
        assert_printed(rows[i].wanted[3], code[130]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_code_is_the_reference),
        cmocka_unit_test(rope_table_is_the_reference),
        cmocka_unit_test(distance_code_is_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
