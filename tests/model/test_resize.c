#include "model/resize.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/compare.h"
#include "support/tiny_network.h"
#include "util/memory.h"

static void four_times_larger_takes_eighths(void **state)
{
    (void)state;
    struct vox_bilinear axis[512];
    vox_bilinear_axis(128, 512, axis);
    static const float weights[] = {0.625F, 0.875F, 0.125F, 0.375F};
    for (int d = 2; d < 510; d++) {
        assert_int_equal((d - 2) / 4, axis[d].first);
        assert_int_equal((d - 2) / 4 + 1, axis[d].second);
        assert_true(axis[d].weight == weights[d % 4]);
    }
    for (int d = 0; d < 2; d++) {
        assert_true(axis[d].first == 0 && axis[d].weight == 0.0F);
        assert_true(axis[511 - d].first == 127 && axis[511 - d].second == 127);
    }
}

static void equal_size_copies(void **state)
{
    (void)state;
    enum { SIDE = 19 };
    float *map = vox_tiny_values("equal", SIDE * SIDE);
    struct vox_bilinear axis[SIDE];
    float row[SIDE];
    vox_bilinear_axis(SIDE, SIDE, axis);
    for (int y = 0; y < SIDE; y++) {
        vox_bilinear_row(map, SIDE, &axis[y], axis, SIDE, row);
        assert_memory_equal(map + y * SIDE, row, sizeof(row));
    }
    vox_free(map);
}

/* The kernel's definition in double, for any sizes. */
static double bilinear_at(const float *map, int64_t in_h, int64_t in_w, double y, double x)
{
    y = y < 0 ? 0 : y;
    x = x < 0 ? 0 : x;
    int64_t top = (int64_t)y < in_h - 1 ? (int64_t)y : in_h - 1;
    int64_t left = (int64_t)x < in_w - 1 ? (int64_t)x : in_w - 1;
    int64_t bottom = top + 1 < in_h ? top + 1 : top;
    int64_t right = left + 1 < in_w ? left + 1 : left;
    double fy = y - (double)top;
    double fx = x - (double)left;
    return (1 - fy) *
               ((1 - fx) * (double)map[top * in_w + left] + fx * (double)map[top * in_w + right]) +
           fy * ((1 - fx) * (double)map[bottom * in_w + left] +
                 fx * (double)map[bottom * in_w + right]);
}

static void any_size_follows_the_definition(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {{16, 16, 25, 9}, {7, 5, 3, 64}, {1, 1, 4, 4}, {8, 3, 1, 2}};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        int64_t in_h = sizes[s][0];
        int64_t in_w = sizes[s][1];
        int64_t h = sizes[s][2];
        int64_t w = sizes[s][3];
        float *map = vox_tiny_values("any", in_h * in_w);
        struct vox_bilinear y_axis[64];
        struct vox_bilinear x_axis[64];
        float row[64];
        vox_bilinear_axis(in_h, h, y_axis);
        vox_bilinear_axis(in_w, w, x_axis);
        for (int64_t y = 0; y < h; y++) {
            vox_bilinear_row(map, in_w, &y_axis[y], x_axis, w, row);
            for (int64_t x = 0; x < w; x++) {
                double wanted =
                    bilinear_at(map, in_h, in_w, ((double)y + 0.5) * (double)in_h / (double)h - 0.5,
                                ((double)x + 0.5) * (double)in_w / (double)w - 0.5);
                assert_true(fabs((double)row[x] - wanted) <= 4e-6);
            }
        }
        vox_free(map);
    }
}

static void antialias_has_the_known_weights(void **state)
{
    (void)state;
    enum { IN = 512, OUT = 128 };
    static float in[IN];
    float out[OUT];
    static const double inner[] = {1, 3, 5, 7, 7, 5, 3, 1};
    static const double edge[] = {5, 7, 7, 5, 3, 1};
    struct vox_err err = {0};
    /* One row whose only set sample is moved along: the answer is its weight everywhere. */
    for (int at = 0; at < IN; at++) {
        memset(in, 0, sizeof(in));
        in[at] = 1.0F;
        assert_int_equal(VOX_OK, vox_resize_antialias(in, 1, IN, out, 1, OUT, &err));
        for (int d = 0; d < OUT; d++) {
            int j = at - (4 * d - 2);
            double wanted = j >= 0 && j < 8 ? inner[j] / 32 : 0;
            if (d == 0) {
                wanted = at < 6 ? edge[at] / 28 : 0;
            } else if (d == OUT - 1) {
                wanted = IN - 1 - at < 6 ? edge[IN - 1 - at] / 28 : 0;
            }
            assert_true(fabs((double)out[d] - wanted) <= 1e-7);
        }
    }
}

static void antialias_enlarges_bilinearly_and_keeps_equal_sizes(void **state)
{
    (void)state;
    enum { IN = 9, OUT = 31 };
    float *map = vox_tiny_values("large", IN * IN);
    static float out[OUT * OUT];
    struct vox_bilinear axis[OUT];
    float row[OUT];
    struct vox_err err = {0};
    vox_bilinear_axis(IN, OUT, axis);
    assert_int_equal(VOX_OK, vox_resize_antialias(map, IN, IN, out, OUT, OUT, &err));
    for (int y = 0; y < OUT; y++) {
        vox_bilinear_row(map, IN, &axis[y], axis, OUT, row);
        assert_true(vox_close("enlarged row", out + y * OUT, row, OUT, 2e-6));
    }
    assert_int_equal(VOX_OK, vox_resize_antialias(map, IN, IN, out, IN, IN, &err));
    assert_true(vox_close("equal size", out, map, IN * IN, 0));
    vox_free(map);
}

static void antialias_keeps_a_constant(void **state)
{
    (void)state;
    static const int64_t sizes[][4] = {
        {200, 180, 64, 64}, {33, 1, 64, 64}, {1, 1, 64, 64}, {65, 129, 64, 64}};
    static float out[64 * 64];
    struct vox_err err = {0};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        int64_t n = sizes[s][0] * sizes[s][1];
        float *in = vox_alloc((size_t)n * sizeof(*in));
        assert_non_null(in);
        for (int64_t i = 0; i < n; i++) {
            in[i] = 3.0F;
        }
        assert_int_equal(VOX_OK,
                         vox_resize_antialias(in, sizes[s][0], sizes[s][1], out, 64, 64, &err));
        for (int i = 0; i < 64 * 64; i++) {
            assert_true(fabsf(out[i] - 3.0F) <= 2e-6F);
        }
        vox_free(in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_times_larger_takes_eighths),
        cmocka_unit_test(equal_size_copies),
        cmocka_unit_test(any_size_follows_the_definition),
        cmocka_unit_test(antialias_has_the_known_weights),
        cmocka_unit_test(antialias_enlarges_bilinearly_and_keeps_equal_sizes),
        cmocka_unit_test(antialias_keeps_a_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
