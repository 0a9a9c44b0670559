/* Backends that are wrong in one operator each: the proof must refuse them and say which operator
 * it is. */
#include "tensor/self_test.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/plan.h"
#include "tensor_fixture.h"

static struct vox_backend *good; /* the plain C backend that the wrong ones are made from */

static enum vox_code linear_off(const struct vox_linear *linear, struct vox_lane *lane,
                                int64_t rows, const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                struct vox_err *err)
{
    enum vox_code code = good->ops->linear_run(linear, lane, rows, x, ld_x, y, ld_y, err);
    y[(rows - 1) * ld_y + linear->desc.out - 1] += 0.02F;
    return code;
}

static enum vox_code linear_nan(const struct vox_linear *linear, struct vox_lane *lane,
                                int64_t rows, const float *x, int64_t ld_x, float *y, int64_t ld_y,
                                struct vox_err *err)
{
    enum vox_code code = good->ops->linear_run(linear, lane, rows, x, ld_x, y, ld_y, err);
    y[0] = NAN;
    return code;
}

static enum vox_code linear_too_far(const struct vox_linear *linear, struct vox_lane *lane,
                                    int64_t rows, const float *x, int64_t ld_x, float *y,
                                    int64_t ld_y, struct vox_err *err)
{
    enum vox_code code = good->ops->linear_run(linear, lane, rows, x, ld_x, y, ld_y, err);
    y[linear->desc.out] = 0.0F; /* the padding after the first row */
    return code;
}

/* GELU by the hyperbolic tangent, as some libraries have it: off by up to 5e-4. */
static enum vox_code linear_tanh_gelu(const struct vox_linear *linear, struct vox_lane *lane,
                                      int64_t rows, const float *x, int64_t ld_x, float *y,
                                      int64_t ld_y, struct vox_err *err)
{
    struct vox_linear plain = *linear;
    if (plain.desc.activation != VOX_ACT_GELU) {
        return good->ops->linear_run(linear, lane, rows, x, ld_x, y, ld_y, err);
    }
    struct vox_linear *changed = (struct vox_linear *)(uintptr_t)linear;
    changed->desc.activation = VOX_ACT_NONE;
    enum vox_code code = good->ops->linear_run(linear, lane, rows, x, ld_x, y, ld_y, err);
    changed->desc.activation = VOX_ACT_GELU;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t o = 0; o < plain.desc.out; o++) {
            float v = y[row * ld_y + o];
            y[row * ld_y + o] = 0.5F * v * (1 + tanhf(0.79788456F * (v + 0.044715F * v * v * v)));
        }
    }
    return code;
}

static enum vox_code linear_refuses(const struct vox_linear *linear, struct vox_lane *lane,
                                    int64_t rows, const float *x, int64_t ld_x, float *y,
                                    int64_t ld_y, struct vox_err *err)
{
    (void)linear;
    (void)lane;
    (void)rows;
    (void)x;
    (void)ld_x;
    (void)y;
    (void)ld_y;
    return vox_fail(err, VOX_E_BACKEND, "no linear kernel today");
}

/* The last valid key counts once, whatever the block says. */
static enum vox_code attention_counts_once(const struct vox_attention *attention,
                                           struct vox_lane *lane, const float *q,
                                           const struct vox_key_block *blocks, int64_t n_blocks,
                                           float *out, struct vox_err *err)
{
    struct vox_key_block changed[8];
    assert_in_range(n_blocks, 1, 8);
    for (int64_t b = 0; b < n_blocks; b++) {
        changed[b] = blocks[b];
        changed[b].last_multiplicity = 1;
    }
    return good->ops->attention_run(attention, lane, q, changed, n_blocks, out, err);
}

/* Keys beyond the valid ones are taken too. */
static enum vox_code attention_takes_all(const struct vox_attention *attention,
                                         struct vox_lane *lane, const float *q,
                                         const struct vox_key_block *blocks, int64_t n_blocks,
                                         float *out, struct vox_err *err)
{
    struct vox_key_block changed[8];
    assert_in_range(n_blocks, 1, 8);
    for (int64_t b = 0; b < n_blocks; b++) {
        changed[b] = blocks[b];
        changed[b].valid = attention->desc.keys;
    }
    return good->ops->attention_run(attention, lane, q, changed, n_blocks, out, err);
}

static enum vox_code attention_first_block(const struct vox_attention *attention,
                                           struct vox_lane *lane, const float *q,
                                           const struct vox_key_block *blocks, int64_t n_blocks,
                                           float *out, struct vox_err *err)
{
    (void)n_blocks;
    return good->ops->attention_run(attention, lane, q, blocks, 1, out, err);
}

static void expect_refused(struct vox_backend *wrong, const char *operator_name)
{
    struct vox_err err = {VOX_OK, 0, ""};
    assert_int_equal(vox_backend_self_test(wrong, &err), VOX_E_BACKEND);
    if (strstr(err.msg, operator_name) == NULL) {
        fail_msg("\"%s\" does not name %s", err.msg, operator_name);
    }
}

static void test_wrong_linear(void **state)
{
    (void)state;
    static const struct {
        enum vox_code (*run)(const struct vox_linear *, struct vox_lane *, int64_t, const float *,
                             int64_t, float *, int64_t, struct vox_err *);
        const char *name;
    } wrongs[] = {{linear_off, "linear"},
                  {linear_nan, "linear"},
                  {linear_too_far, "linear"},
                  {linear_tanh_gelu, "linear with GELU"},
                  {linear_refuses, "linear"}};
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        struct vox_backend_ops ops = *good->ops;
        ops.linear_run = wrongs[i].run;
        struct vox_backend wrong = *good;
        wrong.ops = &ops;
        expect_refused(&wrong, wrongs[i].name);
    }
}

static void test_wrong_attention(void **state)
{
    (void)state;
    static enum vox_code (*const runs[])(const struct vox_attention *, struct vox_lane *,
                                         const float *, const struct vox_key_block *, int64_t,
                                         float *, struct vox_err *) = {
        attention_counts_once, attention_takes_all, attention_first_block};
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        struct vox_backend_ops ops = *good->ops;
        ops.attention_run = runs[i];
        struct vox_backend wrong = *good;
        wrong.ops = &ops;
        expect_refused(&wrong, "attention");
    }
}

/* ---- row kernels, each wrong in a way of its own ---- */

static void generous_eps_norm(int64_t rows, int64_t columns, const float *x, int64_t ld_x,
                              const float *gamma, const float *beta, float eps,
                              enum vox_activation activation, float *y, int64_t ld_y)
{
    vox_rows_ref()->layer_norm(rows, columns, x, ld_x, gamma, beta, eps + 0.01F, activation, y,
                               ld_y);
}

static void no_activation(enum vox_activation activation, int64_t n, float *x)
{
    (void)activation;
    (void)n;
    (void)x;
}

static void short_axpy(int64_t n, float a, const float *x, float *y)
{
    vox_rows_ref()->axpy(n - 1, a, x, y);
}

static void turned_rotate(int64_t rows, int64_t columns, float *x, int64_t ld_x,
                          const float *cosines, const float *sines)
{
    vox_rows_ref()->rotate(rows, columns, x, ld_x, sines, cosines);
}

static void lost_row_pool(int64_t h, int64_t w, int64_t columns, const float *x, int64_t ld_x,
                          float *y, int64_t ld_y)
{
    vox_rows_ref()->max_pool(h - 1, w, columns, x, ld_x, y, ld_y);
}

static void shifted_depthwise(int64_t h, int64_t w, int64_t columns, int64_t kernel, const float *x,
                              const float *weight, const float *bias, int64_t y0, int64_t y1,
                              float *out)
{
    vox_rows_ref()->depthwise(h, w, columns, kernel, x, weight, bias, y0 + 1, y1 + 1, out);
}

static float no_dot(int64_t n, const float *a, const float *b)
{
    (void)n;
    (void)a;
    (void)b;
    return NAN;
}

static void unbiased_softmax(int64_t rows, int64_t columns, float *scores, int64_t ld, float scale,
                             float last_bias, float *running_max, float *running_sum,
                             float *rescale)
{
    (void)last_bias;
    vox_rows_ref()->softmax_step(rows, columns, scores, ld, scale, 0, running_max, running_sum,
                                 rescale);
}

static void expect_rows_refused(const struct vox_row_ops *rows, const char *name)
{
    struct vox_backend wrong = *good;
    wrong.rows = rows;
    expect_refused(&wrong, name);
}

static void test_wrong_rows(void **state)
{
    (void)state;
    struct vox_row_ops rows = *vox_rows_ref();
    rows.layer_norm = generous_eps_norm;
    expect_rows_refused(&rows, "layer_norm");
    rows = *vox_rows_ref();
    rows.activate = no_activation;
    expect_rows_refused(&rows, "activate");
    rows = *vox_rows_ref();
    rows.axpy = short_axpy;
    expect_rows_refused(&rows, "axpy");
    rows = *vox_rows_ref();
    rows.rotate = turned_rotate;
    expect_rows_refused(&rows, "rotate");
    rows = *vox_rows_ref();
    rows.max_pool = lost_row_pool;
    expect_rows_refused(&rows, "max_pool");
    rows = *vox_rows_ref();
    rows.depthwise = shifted_depthwise;
    expect_rows_refused(&rows, "depthwise");
    rows = *vox_rows_ref();
    rows.dot = no_dot;
    expect_rows_refused(&rows, "dot");
    rows = *vox_rows_ref();
    rows.softmax_step = unbiased_softmax;
    expect_rows_refused(&rows, "softmax_step");
}

static void test_right_ones_pass(void **state)
{
    (void)state;
    struct vox_err err = {VOX_OK, 0, ""};
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_backend *be = vox_test_backend(vox_backend_name(i), good->pool);
        if (vox_backend_self_test(be, &err) != VOX_OK) {
            fail_msg("%s", err.msg);
        }
        vox_backend_close(be);
    }
    struct vox_backend fast = *good;
    fast.rows = vox_rows_best();
    if (vox_backend_self_test(&fast, &err) != VOX_OK) {
        fail_msg("%s: %s", fast.rows->name, err.msg);
    }
}

static int setup(void **state)
{
    (void)state;
    good = vox_test_backend("ref", vox_test_pool(2));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct vox_pool *pool = good->pool;
    vox_backend_close(good);
    vox_pool_free(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_ones_pass),
        cmocka_unit_test(test_wrong_linear),
        cmocka_unit_test(test_wrong_attention),
        cmocka_unit_test(test_wrong_rows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
