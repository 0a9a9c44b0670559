/* The linear operator of every backend, against a sum in double precision. */
#include "tensor/backend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/compare.h"
#include "tensor_fixture.h"
#include "tolerances.h"
#include "util/memory.h"

struct linear_case {
    int64_t rows, in, out;
    int64_t more_x, more_y; /* padding of the rows */
    enum vox_activation activation;
    bool accumulate, bias;
};

static const struct linear_case cases[] = {
    {1, 1, 1, 0, 0, VOX_ACT_NONE, false, true},
    {1, 1, 1, 2, 3, VOX_ACT_NONE, true, false},
    {1, 7, 5, 0, 0, VOX_ACT_RELU, false, true},
    {3, 1, 2, 1, 1, VOX_ACT_GELU, false, true},
    {2, 5, 1, 0, 2, VOX_ACT_NONE, false, false},
    {17, 31, 13, 4, 7, VOX_ACT_NONE, false, true},
    {17, 31, 13, 4, 7, VOX_ACT_NONE, false, false},
    {17, 31, 13, 4, 7, VOX_ACT_RELU, false, false},
    {17, 31, 13, 0, 0, VOX_ACT_GELU, false, true},
    {17, 31, 13, 4, 7, VOX_ACT_NONE, true, true},
    {17, 31, 13, 0, 0, VOX_ACT_NONE, true, false},
    {64, 96, 384, 0, 0, VOX_ACT_GELU, false, true},
    {61, 144, 97, 16, 0, VOX_ACT_RELU, false, true},
    {100, 256, 64, 0, 192, VOX_ACT_NONE, false, true},
    {150, 64, 256, 128, 0, VOX_ACT_NONE, true, true},
    {33, 1024, 40, 0, 0, VOX_ACT_NONE, true, true},
};
enum { CASES = (int)(sizeof(cases) / sizeof(cases[0])) };

static double activated(enum vox_activation activation, double value)
{
    if (activation == VOX_ACT_RELU) {
        return value < 0 ? 0 : value;
    }
    return activation == VOX_ACT_GELU ? 0.5 * value * erfc(-value * sqrt(0.5)) : value;
}

struct data {
    const struct linear_case *test;
    int64_t ld_x, ld_y;
    float *x, *weight, *bias;
    float *wanted;
    double tolerance;
};

static float *fresh_output(const struct data *data)
{
    const struct linear_case *test = data->test;
    if (test->accumulate) {
        return vox_guarded_filled(test->rows, test->out, data->ld_y, 4, 1);
    }
    return vox_guarded_new(test->rows, data->ld_y); /* NaN: what stays unwritten shows */
}

static void compute_wanted(struct data *data)
{
    const struct linear_case *test = data->test;
    double largest = 0;
    for (int64_t row = 0; row < test->rows; row++) {
        for (int64_t o = 0; o < test->out; o++) {
            float *to = &data->wanted[row * data->ld_y + o];
            double sum = test->bias ? (double)data->bias[o] : 0.0;
            double size = fabs(sum);
            if (test->accumulate) {
                sum += (double)*to;
                size += fabs((double)*to);
            }
            for (int64_t i = 0; i < test->in; i++) {
                double product =
                    (double)data->x[row * data->ld_x + i] * (double)data->weight[o * test->in + i];
                sum += product;
                size += fabs(product);
            }
            *to = (float)activated(test->activation, sum);
            largest = fmax(largest, size);
        }
    }
    data->tolerance = VOX_TOL_LINEAR * largest;
}

static struct data data_of(const struct linear_case *test)
{
    struct data data = {
        .test = test,
        .ld_x = test->in + test->more_x,
        .ld_y = test->out + test->more_y,
    };
    data.x = vox_guarded_filled(test->rows, test->in, data.ld_x, 1, 1);
    data.weight = vox_guarded_filled(test->out, test->in, test->in, 2, 1);
    data.bias = vox_guarded_filled(1, test->out, test->out, 3, 1);
    data.wanted = fresh_output(&data);
    compute_wanted(&data);
    return data;
}

static void data_free(struct data *data)
{
    vox_guarded_free(data->x);
    vox_guarded_free(data->weight);
    vox_guarded_free(data->bias);
    vox_guarded_free(data->wanted);
}

/* Makes the operator from copies of the weights that are gone when it runs. */
static struct vox_linear *make(struct vox_backend *be, const struct data *data)
{
    const struct linear_case *test = data->test;
    struct vox_linear_desc desc = {test->in, test->out, test->activation, test->accumulate,
                                   VOX_F32};
    float *weight = vox_guarded_filled(test->out, test->in, test->in, 2, 1);
    float *bias = vox_guarded_filled(1, test->out, test->out, 3, 1);
    struct vox_linear *linear = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    if (vox_linear_new(be, &desc, weight, test->bias ? bias : NULL, &linear, &err) != VOX_OK) {
        fail_msg("%s: %s", be->ops->name, err.msg);
    }
    vox_test_fill(weight, (size_t)(test->out * test->in), 99, 1);
    vox_test_fill(bias, (size_t)test->out, 99, 1);
    vox_guarded_free(weight);
    vox_guarded_free(bias);
    return linear;
}

struct tiles {
    const struct vox_linear *linear;
    const struct data *data;
    int64_t tile_rows;
    float *y;
};

static enum vox_code run_tile(void *context, int64_t tile, struct vox_lane *lane,
                              struct vox_err *err)
{
    const struct tiles *tiles = context;
    const struct data *data = tiles->data;
    int64_t from = tile * tiles->tile_rows;
    int64_t left = data->test->rows - from;
    int64_t rows = left < tiles->tile_rows ? left : tiles->tile_rows;
    return vox_linear_run(tiles->linear, lane, rows, data->x + from * data->ld_x, data->ld_x,
                          tiles->y + from * data->ld_y, data->ld_y, err);
}

/* The case's result in tiles of `tile_rows` rows. */
static float *run_in_tiles(struct vox_backend *be, const struct data *data, int64_t tile_rows)
{
    int64_t rows = data->test->rows;
    struct vox_linear *linear = make(be, data);
    struct tiles tiles = {linear, data, tile_rows, fresh_output(data)};
    int64_t whole = rows < tile_rows ? rows : tile_rows;
    assert_int_equal(vox_linear_plan(linear, whole, data->ld_x, data->ld_y, NULL), VOX_OK);
    assert_int_equal(vox_linear_plan(linear, whole, data->ld_x, data->ld_y, NULL), VOX_OK);
    if (rows % whole != 0) {
        assert_int_equal(vox_linear_plan(linear, rows % whole, data->ld_x, data->ld_y, NULL),
                         VOX_OK);
    }
    struct vox_err err = {VOX_OK, 0, ""};
    int64_t n = (rows + tile_rows - 1) / tile_rows;
    if (vox_pool_run(be->pool, n, run_tile, &tiles, &err) != VOX_OK) {
        fail_msg("%s: %s", be->ops->name, err.msg);
    }
    vox_linear_free(linear);
    return tiles.y;
}

static void check_case(struct vox_backend *be, const struct linear_case *test)
{
    struct data data = data_of(test);
    float *y = run_in_tiles(be, &data, be->tile_rows);
    char what[128];
    (void)snprintf(what, sizeof(what), "%s linear %lld x %lld x %lld, activation %d%s%s",
                   be->ops->name, (long long)test->rows, (long long)test->in, (long long)test->out,
                   (int)test->activation, test->accumulate ? ", accumulate" : "",
                   test->bias ? "" : ", no bias");
    assert_true(
        vox_rows_close(what, y, data.wanted, test->rows, test->out, data.ld_y, data.tolerance));
    vox_guarded_free(y);
    data_free(&data);
}

static void test_cases(void **state)
{
    (void)state;
    struct vox_pool *pool = vox_test_pool(1);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_backend *be = vox_test_backend(vox_backend_name(i), pool);
        assert_string_equal(be->ops->name, vox_backend_name(i));
        assert_true(be->tile_rows >= 1);
        for (int c = 0; c < CASES; c++) {
            check_case(be, &cases[c]);
        }
        vox_backend_close(be);
    }
    vox_pool_free(pool);
}

/* Small tiles, so that several lanes run one operator at once; every thread count gives the same
 * bits. */
static void test_threads_agree(void **state)
{
    (void)state;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        for (int c = 0; c < CASES; c++) {
            struct data data = data_of(&cases[c]);
            float *first = NULL;
            for (int threads = 1; threads <= 3; threads++) {
                struct vox_pool *pool = vox_test_pool(threads);
                struct vox_backend *be = vox_test_backend(vox_backend_name(i), pool);
                float *y = run_in_tiles(be, &data, 7);
                size_t bytes = (size_t)(cases[c].rows * data.ld_y) * sizeof(float);
                if (first == NULL) {
                    first = y;
                } else {
                    assert_memory_equal(y, first, bytes);
                    vox_guarded_free(y);
                }
                vox_backend_close(be);
                vox_pool_free(pool);
            }
            assert_true(vox_rows_close("tiles of 7", first, data.wanted, cases[c].rows,
                                       cases[c].out, data.ld_y, data.tolerance));
            vox_guarded_free(first);
            data_free(&data);
        }
    }
}

static enum vox_code run_unplanned(void *context, int64_t tile, struct vox_lane *lane,
                                   struct vox_err *err)
{
    static const int64_t shapes[][3] = {{5, 31, 13}, {4, 32, 13}, {4, 31, 14}};
    const struct tiles *tiles = context;
    const int64_t *shape = shapes[tile];
    return vox_linear_run(tiles->linear, lane, shape[0], tiles->data->x, shape[1], tiles->y,
                          shape[2], err);
}

/* A shape that was not planned is an error, and nothing is written. */
static void test_unplanned_shape(void **state)
{
    (void)state;
    static const struct linear_case test = {17, 31, 13, 4, 7, VOX_ACT_NONE, false, true};
    struct vox_pool *pool = vox_test_pool(1);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_backend *be = vox_test_backend(vox_backend_name(i), pool);
        struct data data = data_of(&test);
        struct vox_linear *linear = make(be, &data);
        struct tiles tiles = {linear, &data, 0, vox_guarded_new(test.rows, data.ld_y)};
        assert_int_equal(vox_linear_plan(linear, 4, 31, 13, NULL), VOX_OK);
        for (int64_t n = 1; n <= 3; n++) {
            assert_int_not_equal(vox_pool_run(pool, n, run_unplanned, &tiles, NULL), VOX_OK);
        }
        assert_true(vox_guarded_intact("unplanned", tiles.y, test.rows, 0, data.ld_y));
        vox_guarded_free(tiles.y);
        vox_linear_free(linear);
        data_free(&data);
        vox_backend_close(be);
    }
    vox_pool_free(pool);
}

static void check_refused(struct vox_backend *be, struct vox_linear_desc desc, enum vox_code wanted)
{
    static const float weight[4] = {1, 2, 3, 4};
    struct vox_linear *linear = NULL;
    assert_int_equal(vox_linear_new(be, &desc, weight, NULL, &linear, NULL), wanted);
    assert_null(linear);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    static const float weight[4] = {1, 2, 3, 4};
    struct vox_pool *pool = vox_test_pool(1);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_backend *be = vox_test_backend(vox_backend_name(i), pool);
        struct vox_linear_desc good = {2, 2, VOX_ACT_NONE, false, VOX_F32};
        struct vox_linear_desc desc = good;
        desc.in = 0;
        check_refused(be, desc, VOX_E_ARG);
        desc = good;
        desc.out = INT64_MAX;
        check_refused(be, desc, VOX_E_ARG);
        desc = good;
        desc.compute = VOX_F16;
        check_refused(be, desc, VOX_E_UNSUPPORTED);
        desc = good;
        desc.activation = VOX_ACT_RELU;
        desc.accumulate = true;
        check_refused(be, desc, VOX_E_ARG);
        struct vox_linear *linear = NULL;
        assert_int_equal(vox_linear_new(be, &good, weight, NULL, &linear, NULL), VOX_OK);
        assert_int_equal(vox_linear_plan(linear, 0, 2, 2, NULL), VOX_E_ARG);
        assert_int_equal(vox_linear_plan(linear, 1, 1, 2, NULL), VOX_E_ARG);
        assert_int_equal(vox_linear_plan(linear, 1, 2, 1, NULL), VOX_E_ARG);
        assert_int_equal(vox_linear_plan(linear, INT64_MAX, 2, 2, NULL), VOX_E_ARG);
        vox_linear_free(linear);
        vox_linear_free(NULL);
        vox_backend_close(be);
    }
    vox_backend_close(NULL);
    vox_pool_free(pool);
}

static void test_backend_names(void **state)
{
    (void)state;
    struct vox_pool *pool = vox_test_pool(1);
    struct vox_backend *be = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    assert_int_equal(vox_backend_open("abacus", pool, &be, &err), VOX_E_ARG);
    assert_null(be);
    assert_non_null(strstr(err.msg, "ref"));
    assert_null(vox_backend_name(-1));
    assert_int_equal(vox_backend_open(NULL, pool, &be, NULL), VOX_OK);
    assert_string_equal(be->ops->name, vox_backend_name(0));
    vox_backend_close(be);
    vox_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),           cmocka_unit_test(test_threads_agree),
        cmocka_unit_test(test_unplanned_shape), cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_backend_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
