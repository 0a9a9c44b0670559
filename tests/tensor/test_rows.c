/* The row kernels of every instruction set that this CPU has, against plain C and against double
 * precision. */
#include "tensor/plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/compare.h"
#include "tensor_fixture.h"
#include "tolerances.h"

static const char *const isas[] = {"sse2", "avx2", "avx512"};
enum { ISAS = 3 };

/* The kernels of one instruction set, or NULL where this CPU or this build lacks it. */
static const struct vox_row_ops *variant(int i)
{
    assert_int_equal(setenv("VOXLABEL_ISA", isas[i], 1), 0);
    const struct vox_row_ops *rows = vox_rows_best();
    assert_int_equal(unsetenv("VOXLABEL_ISA"), 0);
    return strcmp(rows->name, isas[i]) == 0 ? rows : NULL;
}

static const char *label(const char *format, const struct vox_row_ops *rows, int64_t a, int64_t b)
{
    static char text[128];
    (void)snprintf(text, sizeof(text), "%s %s of %lld x %lld", rows->name, format, (long long)a,
                   (long long)b);
    return text;
}

static const int64_t widths[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 97, 128, 257, 1024};
enum { WIDTHS = (int)(sizeof(widths) / sizeof(widths[0])) };

static void test_best_is_chosen(void **state)
{
    (void)state;
    const struct vox_row_ops *best = vox_rows_best();
    assert_non_null(best);
    for (int i = 0; i < ISAS; i++) {
        const struct vox_row_ops *rows = variant(i);
        print_message("%s: %s\n", isas[i], rows != NULL ? "tested" : "not on this machine");
        if (rows != NULL && i == ISAS - 1) {
            assert_ptr_equal(best, rows);
        }
    }
    assert_string_equal(vox_rows_ref()->name, "ref");
}

static void check_layer_norm(const struct vox_row_ops *rows, int64_t columns, float middle,
                             enum vox_activation activation, double tolerance)
{
    enum { ROWS = 3 };
    int64_t ld = columns + columns % 5;
    float *x = vox_guarded_filled(ROWS, columns, ld, 1, 1);
    float *gamma = vox_guarded_filled(1, columns, columns, 2, 1);
    float *beta = vox_guarded_filled(1, columns, columns, 3, 1);
    float *got = vox_guarded_new(ROWS, ld);
    float *wanted = vox_guarded_new(ROWS, ld);
    for (int64_t row = 0; row < ROWS; row++) {
        for (int64_t i = 0; i < columns; i++) {
            x[row * ld + i] += middle;
        }
    }
    const char *what = label("layer_norm", rows, ROWS, columns);
    vox_rows_ref()->layer_norm(ROWS, columns, x, ld, gamma, beta, 1e-5F, activation, wanted, ld);
    rows->layer_norm(ROWS, columns, x, ld, gamma, beta, 1e-5F, activation, got, ld);
    assert_true(vox_rows_close(what, got, wanted, ROWS, columns, ld, tolerance));
    rows->layer_norm(ROWS, columns, x, ld, gamma, beta, 1e-5F, activation, x, ld);
    assert_true(vox_rows_close(what, x, wanted, ROWS, columns, ld, tolerance));
    vox_guarded_free(x);
    vox_guarded_free(gamma);
    vox_guarded_free(beta);
    vox_guarded_free(got);
    vox_guarded_free(wanted);
}

static void test_layer_norm(void **state)
{
    (void)state;
    static const enum vox_activation all[] = {VOX_ACT_NONE, VOX_ACT_RELU, VOX_ACT_GELU};
    for (int v = 0; v < ISAS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (int i = 0; rows != NULL && i < WIDTHS; i++) {
            for (int a = 0; a < 3; a++) {
                check_layer_norm(rows, widths[i], 0, all[a], VOX_TOL_LAYER_NORM);
                if (widths[i] >=
                    15) { /* fewer values may lie close together, far from the tolerance's case */
                    check_layer_norm(rows, widths[i], 100, all[a], VOX_TOL_LAYER_NORM_FAR);
                }
            }
        }
    }
}

/* Plain C against the definition in double precision, which closes the chain. */
static void test_ref_layer_norm(void **state)
{
    (void)state;
    static const float x[4] = {1, 2, 3, 6};
    static const float gamma[4] = {1, 2, 1, 1};
    static const float beta[4] = {0, 0, 5, 0};
    float y[4];
    vox_rows_ref()->layer_norm(1, 4, x, 4, gamma, beta, 0.5F, VOX_ACT_NONE, y, 4);
    double deviation = sqrt(3.5 + 0.5); /* mean 3, squares 4 + 1 + 0 + 9 */
    const float wanted[4] = {(float)(-2 / deviation), (float)(-2 / deviation), 5,
                             (float)(3 / deviation)};
    assert_true(vox_close("ref layer_norm", y, wanted, 4, VOX_TOL_ROUNDING));
}

static void check_gelu(const struct vox_row_ops *rows)
{
    enum { N = 1000 };
    float x[N];
    double worst = 0;
    for (int step = 0; step < 400; step++) {
        for (int i = 0; i < N; i++) {
            x[i] = -10.0F + (float)(step * N + i) * 5e-5F;
        }
        rows->activate(VOX_ACT_GELU, N, x);
        for (int i = 0; i < N; i++) {
            double from = (double)(-10.0F + (float)(step * N + i) * 5e-5F);
            double wanted = 0.5 * from * erfc(-from * sqrt(0.5));
            double error = fabs((double)x[i] - wanted) / fmax(1, fabs(from));
            if (!(error <= worst)) {
                worst = error;
            }
        }
    }
    print_message("%s gelu: error at most %.2g\n", rows->name, worst);
    assert_true(worst <= VOX_TOL_GELU);
}

static void test_gelu_error(void **state)
{
    (void)state;
    check_gelu(vox_rows_ref());
    for (int v = 0; v < ISAS; v++) {
        if (variant(v) != NULL) {
            check_gelu(variant(v));
        }
    }
}

static void test_activate(void **state)
{
    (void)state;
    static const enum vox_activation all[] = {VOX_ACT_NONE, VOX_ACT_RELU, VOX_ACT_GELU};
    for (int v = 0; v < ISAS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (int64_t n = 1; rows != NULL && n < 70; n++) {
            for (int a = 0; a < 3; a++) {
                float *got = vox_guarded_filled(1, n, n, 4, 6);
                float *wanted = vox_guarded_filled(1, n, n, 4, 6);
                rows->activate(all[a], n, got);
                vox_rows_ref()->activate(all[a], n, wanted);
                assert_true(vox_rows_close(label("activate", rows, a, n), got, wanted, 1, n, n,
                                           6 * VOX_TOL_GELU));
                vox_guarded_free(got);
                vox_guarded_free(wanted);
            }
        }
    }
}

static void check_special_values(const struct vox_row_ops *rows)
{
    enum { N = 23 }; /* a whole vector and a part of one, whichever width */
    for (int at = 0; at < N; at++) {
        float x[N] = {0};
        x[at] = NAN;
        rows->activate(VOX_ACT_RELU, N, x);
        assert_true(isnan(x[at]));
        rows->activate(VOX_ACT_GELU, N, x);
        assert_true(isnan(x[at]));
        assert_true(x[(at + 1) % N] == 0);
        x[at] = INFINITY;
        rows->activate(VOX_ACT_RELU, N, x);
        rows->activate(VOX_ACT_GELU, N, x);
        assert_true(x[at] == INFINITY);
        x[at] = -INFINITY;
        rows->activate(VOX_ACT_RELU, N, x);
        assert_true(x[at] == 0);
        x[at] = -40;
        rows->activate(VOX_ACT_GELU, N, x);
        assert_true(x[at] == 0);
    }
}

static void test_special_values(void **state)
{
    (void)state;
    check_special_values(vox_rows_ref());
    for (int v = 0; v < ISAS; v++) {
        if (variant(v) != NULL) {
            check_special_values(variant(v));
        }
    }
}

static void test_axpy_scale_and_dot(void **state)
{
    (void)state;
    for (int v = 0; v < ISAS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (int64_t n = 1; rows != NULL && n < 100; n++) {
            float *x = vox_guarded_filled(1, n, n, 5, 1);
            float *got = vox_guarded_filled(1, n, n, 6, 1);
            float *wanted = vox_guarded_filled(1, n, n, 6, 1);
            float sum = rows->dot(n, x, got);
            double exact = 0;
            double size = 0;
            for (int64_t i = 0; i < n; i++) {
                exact += (double)x[i] * (double)got[i];
                size += fabs((double)x[i] * (double)got[i]);
            }
            assert_true(fabs((double)sum - exact) <= VOX_TOL_SUM * size);
            assert_true(fabs((double)vox_rows_ref()->dot(n, x, got) - exact) <= VOX_TOL_SUM * size);
            rows->axpy(n, 0.75F, x, got);
            vox_rows_ref()->axpy(n, 0.75F, x, wanted);
            assert_true(
                vox_rows_close(label("axpy", rows, 1, n), got, wanted, 1, n, n, VOX_TOL_ROUNDING));
            rows->scale(n, 1.0F / 7168.0F, got);
            vox_rows_ref()->scale(n, 1.0F / 7168.0F, wanted);
            assert_true(
                vox_rows_close(label("scale", rows, 1, n), got, wanted, 1, n, n, VOX_TOL_ROUNDING));
            vox_guarded_free(x);
            vox_guarded_free(got);
            vox_guarded_free(wanted);
        }
    }
}

static void test_rotate(void **state)
{
    (void)state;
    enum { ROWS = 3 };
    for (int v = 0; v < ISAS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (int64_t columns = 2; rows != NULL && columns < 70; columns++) {
            int64_t ld = columns + columns % 3;
            int64_t pairs = columns / 2;
            float *got = vox_guarded_filled(ROWS, columns, ld, 7, 1);
            float *wanted = vox_guarded_filled(ROWS, columns, ld, 7, 1);
            float *cosines = vox_guarded_filled(ROWS, pairs, pairs, 8, 1);
            float *sines = vox_guarded_filled(ROWS, pairs, pairs, 9, 1);
            rows->rotate(ROWS, columns, got, ld, cosines, sines);
            vox_rows_ref()->rotate(ROWS, columns, wanted, ld, cosines, sines);
            assert_true(vox_rows_close(label("rotate", rows, ROWS, columns), got, wanted, ROWS,
                                       columns, ld, VOX_TOL_ROUNDING));
            vox_guarded_free(got);
            vox_guarded_free(wanted);
            vox_guarded_free(cosines);
            vox_guarded_free(sines);
        }
    }
    /* A quarter turn, by the definition. */
    float x[4] = {3, 4, 5, 6};
    static const float c[2] = {0, 1};
    static const float s[2] = {1, 0};
    vox_rows_ref()->rotate(1, 4, x, 4, c, s);
    assert_true(x[0] == -4 && x[1] == 3 && x[2] == 5 && x[3] == 6);
}

static void check_max_pool(const struct vox_row_ops *rows, int64_t h, int64_t w, int64_t columns)
{
    int64_t ld_x = columns + 2;
    int64_t ld_y = columns + 1;
    float *x = vox_guarded_filled(4 * h * w, columns, ld_x, 10, 1);
    float *got = vox_guarded_new(h * w, ld_y);
    float *wanted = vox_guarded_new(h * w, ld_y);
    rows->max_pool(h, w, columns, x, ld_x, got, ld_y);
    vox_rows_ref()->max_pool(h, w, columns, x, ld_x, wanted, ld_y);
    const char *what = label("max_pool", rows, h * w, columns);
    assert_true(vox_rows_close(what, got, wanted, h * w, columns, ld_y, 0));
    /* A NaN in any of the four comes through, in its own column only. */
    for (int64_t token = 0; token < 4 * h * w; token++) {
        float *at = x + token * ld_x + columns - 1;
        float kept = *at;
        *at = NAN;
        rows->max_pool(h, w, columns, x, ld_x, got, ld_y);
        int64_t from = (token / (2 * w) / 2 * w + token % (2 * w) / 2) * ld_y + columns - 1;
        assert_true(isnan(got[from]));
        *at = kept;
    }
    vox_guarded_free(x);
    vox_guarded_free(got);
    vox_guarded_free(wanted);
}

static void test_max_pool(void **state)
{
    (void)state;
    for (int v = 0; v < ISAS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (int i = 0; rows != NULL && i < WIDTHS; i++) {
            check_max_pool(rows, 1, 1, widths[i]);
            check_max_pool(rows, 3, 5, widths[i]);
        }
    }
    static const float x[8] = {1, 5, 3, 4, -1, 2, 9, -7}; /* 2 x 4 tokens of one channel */
    float y[2];
    vox_rows_ref()->max_pool(1, 2, 1, x, 1, y, 1);
    assert_true(y[0] == 5 && y[1] == 9);
}

struct image {
    int64_t h, w, columns, kernel, y0, y1;
};

static void check_depthwise(const struct vox_row_ops *rows, const struct image *image)
{
    int64_t tokens = image->h * image->w;
    int64_t made = (image->y1 - image->y0) * image->w;
    int64_t columns = image->columns;
    int64_t taps = image->kernel * image->kernel;
    float *x = vox_guarded_filled(tokens, columns, columns, 11, 1);
    float *weight = vox_guarded_filled(taps, columns, columns, 12, 0.3F);
    float *bias = vox_guarded_filled(1, columns, columns, 13, 1);
    float *got = vox_guarded_new(made, columns);
    float *wanted = vox_guarded_new(made, columns);
    rows->depthwise(image->h, image->w, columns, image->kernel, x, weight, bias, image->y0,
                    image->y1, got);
    vox_rows_ref()->depthwise(image->h, image->w, columns, image->kernel, x, weight, bias,
                              image->y0, image->y1, wanted);
    /* At most 49 products of 0.3. */
    assert_true(vox_rows_close(label("depthwise", rows, tokens, columns), got, wanted, made,
                               columns, columns, 15 * VOX_TOL_SUM));
    vox_guarded_free(x);
    vox_guarded_free(weight);
    vox_guarded_free(bias);
    vox_guarded_free(got);
    vox_guarded_free(wanted);
}

static void test_depthwise(void **state)
{
    (void)state;
    static const struct image images[] = {
        {1, 1, 1, 1, 0, 1},  {1, 1, 5, 7, 0, 1},     {3, 2, 17, 3, 0, 3},   {8, 9, 64, 7, 0, 8},
        {5, 7, 67, 5, 1, 4}, {11, 4, 33, 7, 10, 11}, {4, 32, 256, 7, 2, 4}, {9, 13, 100, 7, 3, 3},
    };
    for (int v = 0; v < ISAS; v++) {
        const struct vox_row_ops *rows = variant(v);
        for (size_t i = 0; rows != NULL && i < sizeof(images) / sizeof(images[0]); i++) {
            check_depthwise(rows, &images[i]);
        }
    }
    /* Row 1 of a 2 x 2 image: the kernel is not turned round, and the border is zero. */
    static const float x[4] = {1, 2, 3, 4};
    static const float weight[9] = {1, 10, 100, 1000, 10000, 100000, 7, 7, 7};
    static const float bias[1] = {0.5F};
    float out[2];
    vox_rows_ref()->depthwise(2, 2, 1, 3, x, weight, bias, 1, 2, out);
    assert_true(out[0] == 10 + 200 + 30000 + 400000 + 0.5F);
    assert_true(out[1] == 1 + 20 + 3000 + 40000 + 0.5F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_is_chosen),     cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_ref_layer_norm),     cmocka_unit_test(test_gelu_error),
        cmocka_unit_test(test_activate),           cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_axpy_scale_and_dot), cmocka_unit_test(test_rotate),
        cmocka_unit_test(test_max_pool),           cmocka_unit_test(test_depthwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
