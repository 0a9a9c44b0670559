/* The running softmax of the row kernels: every instruction set that this CPU has, against double
 * precision. */
#include "tensor/plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/compare.h"
#include "tensor_fixture.h"
#include "tolerances.h"

static const char *const isas[] = {"ref", "sse2", "avx2", "avx512"};
enum { VARIANTS = 4, ROWS = 3, BLOCKS = 3, MOST = 520 };

static const struct vox_row_ops *variant(int i)
{
    if (i == 0) {
        return vox_rows_ref();
    }
    assert_int_equal(setenv("VOXLABEL_ISA", isas[i], 1), 0);
    const struct vox_row_ops *rows = vox_rows_best();
    assert_int_equal(unsetenv("VOXLABEL_ISA"), 0);
    return strcmp(rows->name, isas[i]) == 0 ? rows : NULL;
}

struct running {
    float max[ROWS], sum[ROWS], rescale[ROWS];
};

static void begin(struct running *running)
{
    for (int row = 0; row < ROWS; row++) {
        running->max[row] = -INFINITY;
        running->sum[row] = 0;
        running->rescale[row] = NAN;
    }
}

/* What one step must give for one row, worked out in double from the raw scores. */
static void check_row(const char *name, const float *raw, const float *got, int64_t columns,
                      float scale, float last_bias, double old_max, double old_sum,
                      const struct running *running, int row)
{
    double max = old_max;
    for (int64_t i = 0; i < columns; i++) {
        max = fmax(max,
                   (double)raw[i] * (double)scale + (i == columns - 1 ? (double)last_bias : 0.0));
    }
    double sum = 0;
    float wanted[MOST];
    for (int64_t i = 0; i < columns; i++) {
        double score =
            (double)raw[i] * (double)scale + (i == columns - 1 ? (double)last_bias : 0.0);
        wanted[i] = (float)exp(score - max);
        sum += exp(score - max);
    }
    assert_true(vox_close(name, got, wanted, (size_t)columns, VOX_TOL_SOFTMAX));
    double rescale = exp(old_max - max);
    assert_true(fabs((double)running->rescale[row] - rescale) <= VOX_TOL_SOFTMAX);
    assert_true(fabs((double)running->max[row] - max) <= VOX_TOL_ROUNDING * fmax(1, fabs(max)));
    double total = old_sum * rescale + sum;
    assert_true(fabs((double)running->sum[row] - total) <= VOX_TOL_SOFTMAX * total);
}

static void check_steps(const struct vox_row_ops *rows, int64_t columns, float scale,
                        float last_bias)
{
    int64_t ld = columns + columns % 4;
    struct running running;
    begin(&running);
    for (uint32_t block = 0; block < BLOCKS; block++) {
        /* The ranges make the maximum grow from the first block to the second and stay in the
         * third. */
        static const float ranges[BLOCKS] = {2, 9, 5};
        float *raw = vox_guarded_filled(ROWS, columns, ld, 20 + block, ranges[block]);
        float *got = vox_guarded_filled(ROWS, columns, ld, 20 + block, ranges[block]);
        struct running before = running;
        rows->softmax_step(ROWS, columns, got, ld, scale, last_bias, running.max, running.sum,
                           running.rescale);
        assert_true(vox_guarded_intact(rows->name, got, ROWS, columns, ld));
        for (int row = 0; row < ROWS; row++) {
            check_row(rows->name, raw + row * ld, got + row * ld, columns, scale, last_bias,
                      (double)before.max[row], (double)before.sum[row], &running, row);
            if (block == 0) {
                assert_true(running.rescale[row] == 0);
            } else if (before.max[row] == running.max[row]) {
                assert_true(running.rescale[row] == 1);
            }
        }
        vox_guarded_free(raw);
        vox_guarded_free(got);
    }
}

static void test_steps(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 2, 3, 8, 15, 16, 17, 18, 31, 33, 64, 97, 512, 513};
    for (int v = 0; v < VARIANTS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (size_t i = 0; rows != NULL && i < sizeof(widths) / sizeof(widths[0]); i++) {
            check_steps(rows, widths[i], 1, 0);
            check_steps(rows, widths[i], 0.125F, 1.75F);
            check_steps(rows, widths[i], 3, -2.5F);
            check_steps(rows, widths[i], -2, 0);
        }
    }
}

/* Every weight e^x with x in -87 ... 0, against double. */
static void check_exponential(const struct vox_row_ops *rows)
{
    enum { N = 500 };
    float s[N + 1];
    float from[N + 1];
    double worst = 0;
    for (int step = 0; step < 400; step++) {
        from[0] = 0; /* the maximum, so that nothing is subtracted */
        for (int i = 1; i <= N; i++) {
            from[i] = (float)(step * N + i) * (-87.0F / (400 * N));
        }
        memcpy(s, from, sizeof(s));
        float max = -INFINITY;
        float sum = 0;
        float rescale = 0;
        rows->softmax_step(1, N + 1, s, N + 1, 1, 0, &max, &sum, &rescale);
        for (int i = 0; i <= N; i++) {
            double exact = exp((double)from[i]);
            float near = (float)exact;
            double unit = (double)(nextafterf(near, 2) - near);
            double error = fabs((double)s[i] - exact) / unit;
            if (!(error <= worst)) {
                worst = error;
            }
        }
    }
    print_message("%s exp: error at most %.2f ulp\n", rows->name, worst);
    assert_true(worst <= VOX_TOL_EXP_ULP);
}

static void test_exponential(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        if (variant(v) != NULL) {
            check_exponential(variant(v));
        }
    }
}

/* Scores of -INFINITY weigh nothing, even where there is no other score yet. */
static void check_infinite(const struct vox_row_ops *rows)
{
    enum { N = 21 };
    float s[N];
    float max = -INFINITY;
    float sum = 0;
    float rescale = NAN;
    for (int i = 0; i < N; i++) {
        s[i] = -INFINITY;
    }
    rows->softmax_step(1, N, s, N, 1, 0, &max, &sum, &rescale);
    assert_true(max == -INFINITY && sum == 0 && rescale == 0);
    for (int i = 0; i < N; i++) {
        assert_true(s[i] == 0);
        s[i] = i == 4 || i == 20 ? -3.0F : -INFINITY;
    }
    rows->softmax_step(1, N, s, N, 1, 0, &max, &sum, &rescale);
    assert_true(max == -3 && sum == 2 && rescale == 0);
    for (int i = 0; i < N; i++) {
        assert_true(s[i] == (i == 4 || i == 20 ? 1.0F : 0.0F));
        s[i] = -1e30F;
    }
    rows->softmax_step(1, N, s, N, 1, 0, &max, &sum, &rescale);
    assert_true(max == -3 && sum == 2 && rescale == 1 && s[0] == 0 && s[20] == 0);
}

static void check_nan(const struct vox_row_ops *rows)
{
    enum { N = 37 };
    for (int at = 0; at < N; at++) {
        float s[N] = {0};
        float max = -INFINITY;
        float sum = 0;
        float rescale = 0;
        s[at] = NAN;
        rows->softmax_step(1, N, s, N, 1, 0, &max, &sum, &rescale);
        assert_true(isnan(sum) && isnan(s[at]));
        /* and stays in the sum through the next block */
        float t[N] = {0};
        t[3] = 5;
        rows->softmax_step(1, N, t, N, 1, 0, &max, &sum, &rescale);
        assert_true(isnan(sum));
    }
}

static void test_infinite_and_nan(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANTS; v++) {
        if (variant(v) != NULL) {
            check_infinite(variant(v));
            check_nan(variant(v));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_exponential),
        cmocka_unit_test(test_infinite_and_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
