#include "tensor/self_test.h"

#include <math.h>
#include <string.h>

#include "tensor/plan.h"
#include "util/memory.h"

enum { FLOATS = 4096, MANY = 256, BLOCKS = 2 };

/* Relative to the largest value of the result. Sums of up to 70 products differ by less than 1e-6
 * between two orders of summation; GELU by the hyperbolic tangent would differ by 5e-5. */
static const double tolerance = 1e-5;

struct bench {
    struct vox_backend *be;
    struct vox_backend *ref;
    float a[FLOATS];
    float b[FLOATS];
    float c[MANY];
    float ours[FLOATS];
    float theirs[FLOATS];
};

/* Values in -1 ... 1 that look random and are the same everywhere. */
static void fill(float *to, size_t n, uint32_t seed)
{
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525U + 1013904223U;
        to[i] = (float)(state >> 8) * 0x1p-23F - 1.0F;
    }
}

static enum vox_code compare(const struct bench *bench, const char *what, size_t n,
                             struct vox_err *err)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)bench->theirs[i]));
    }
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)bench->ours[i] - (double)bench->theirs[i]);
        if (!(difference <= tolerance * largest)) {
            return vox_fail(err, VOX_E_BACKEND,
                            "the backend %s computes %s wrongly on this machine: %g instead of %g",
                            bench->be->ops->name, what, (double)bench->ours[i],
                            (double)bench->theirs[i]);
        }
    }
    return VOX_OK;
}

/* ---- linear ---- */

struct linear_case {
    const char *what;
    struct vox_linear_desc desc;
    bool bias;
    int64_t rows;
};

static const struct linear_case linear_cases[] = {
    {"linear", {37, 19, VOX_ACT_NONE, false, VOX_F32}, true, 5},
    {"linear without bias", {64, 48, VOX_ACT_NONE, false, VOX_F32}, false, 33},
    {"linear with ReLU", {31, 33, VOX_ACT_RELU, false, VOX_F32}, true, 17},
    {"linear with GELU", {40, 50, VOX_ACT_GELU, false, VOX_F32}, true, 16},
    {"linear with accumulation", {24, 36, VOX_ACT_NONE, true, VOX_F32}, true, 9},
    {"linear of one value", {1, 1, VOX_ACT_NONE, false, VOX_F32}, true, 1},
};

struct linear_run {
    const struct vox_linear *linear;
    const float *x;
    float *y;
    int64_t rows, ld_x, ld_y;
};

static enum vox_code run_linear_tile(void *context, int64_t tile, struct vox_lane *lane,
                                     struct vox_err *err)
{
    (void)tile;
    const struct linear_run *run = context;
    return vox_linear_run(run->linear, lane, run->rows, run->x, run->ld_x, run->y, run->ld_y, err);
}

static enum vox_code run_linear(struct vox_backend *be, const struct linear_case *test,
                                const struct bench *bench, float *y, struct vox_err *err)
{
    struct vox_linear *linear = NULL;
    const float *bias = test->bias ? bench->c : NULL;
    enum vox_code code = vox_linear_new(be, &test->desc, bench->b, bias, &linear, err);
    if (code != VOX_OK) {
        return code;
    }
    struct linear_run run = {linear,     bench->a,          y,
                             test->rows, test->desc.in + 3, test->desc.out + 5};
    code = vox_linear_plan(linear, run.rows, run.ld_x, run.ld_y, err);
    if (code == VOX_OK) {
        code = vox_pool_run(be->pool, 1, run_linear_tile, &run, err);
    }
    vox_linear_free(linear);
    return code;
}

static enum vox_code test_linear(struct bench *bench, struct vox_err *err)
{
    for (size_t i = 0; i < sizeof(linear_cases) / sizeof(linear_cases[0]); i++) {
        const struct linear_case *test = &linear_cases[i];
        fill(bench->ours, FLOATS, 7);
        fill(bench->theirs, FLOATS, 7);
        enum vox_code code = run_linear(bench->be, test, bench, bench->ours, err);
        if (code == VOX_OK) {
            code = run_linear(bench->ref, test, bench, bench->theirs, err);
        }
        if (code == VOX_OK) {
            code = compare(bench, test->what, FLOATS, err);
        }
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}

/* ---- attention ---- */

struct attention_run {
    const struct vox_attention *attention;
    const struct bench *bench;
    struct vox_key_block blocks[BLOCKS];
    void *memory[2 * BLOCKS]; /* what `blocks` points at: keys, values of each */
    float *out;
};

static const struct vox_attention_desc attention_desc = {
    .queries = 9,
    .keys = 24,
    .dim_k = 20,
    .dim_v = 12,
    .ld_q = 21,
    .ld_k = 22,
    .ld_v = 15,
    .ld_out = 14,
    .scale = 1.5F,
    .compute = VOX_F32,
};
static const int64_t attention_valid[BLOCKS] = {24, 7};

static enum vox_code run_attention_tile(void *context, int64_t tile, struct vox_lane *lane,
                                        struct vox_err *err)
{
    (void)tile;
    struct attention_run *run = context;
    for (int64_t b = 0; b < BLOCKS; b++) {
        const float *k = run->bench->b + b * 600;
        const float *v = run->bench->b + 2000 + b * 400;
        int64_t rows = attention_valid[b];
        enum vox_code code =
            vox_attention_pack_keys(run->attention, lane, rows, k, run->memory[2 * b], err);
        if (code == VOX_OK) {
            code = vox_attention_pack_values(run->attention, lane, rows, v, run->memory[2 * b + 1],
                                             err);
        }
        if (code != VOX_OK) {
            return code;
        }
        run->blocks[b] = (struct vox_key_block){run->memory[2 * b], run->memory[2 * b + 1], rows,
                                                b == BLOCKS - 1 ? 3.0F : 1.0F};
    }
    return vox_attention_run(run->attention, lane, run->bench->a, run->blocks, BLOCKS, run->out,
                             err);
}

static enum vox_code run_attention(struct vox_backend *be, const struct bench *bench, float *out,
                                   struct vox_err *err)
{
    struct vox_attention *attention = NULL;
    enum vox_code code = vox_attention_new(be, &attention_desc, &attention, err);
    if (code != VOX_OK) {
        return code;
    }
    struct attention_run run = {.attention = attention, .bench = bench, .out = out};
    for (int i = 0; i < 2 * BLOCKS && code == VOX_OK; i++) {
        run.memory[i] = vox_alloc(i % 2 == 0 ? vox_attention_keys_bytes(attention)
                                             : vox_attention_values_bytes(attention));
        if (run.memory[i] == NULL) {
            code = vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
    }
    if (code == VOX_OK) {
        code = vox_pool_run(be->pool, 1, run_attention_tile, &run, err);
    }
    for (int i = 0; i < 2 * BLOCKS; i++) {
        vox_free(run.memory[i]);
    }
    vox_attention_free(attention);
    return code;
}

static enum vox_code test_attention(struct bench *bench, struct vox_err *err)
{
    fill(bench->ours, FLOATS, 7);
    fill(bench->theirs, FLOATS, 7);
    enum vox_code code = run_attention(bench->be, bench, bench->ours, err);
    if (code == VOX_OK) {
        code = run_attention(bench->ref, bench, bench->theirs, err);
    }
    return code == VOX_OK ? compare(bench, "attention", FLOATS, err) : code;
}

/* ---- rows ---- */

/* Each runs one row kernel on y (FLOATS values, filled alike for both sides). */
static void use_layer_norm(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    rows->layer_norm(3, 37, bench->a, 40, bench->b, bench->c, 1e-6F, VOX_ACT_NONE, y, 39);
}

static void use_relu(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    (void)bench;
    rows->activate(VOX_ACT_RELU, 101, y);
}

static void use_gelu(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    (void)bench;
    rows->activate(VOX_ACT_GELU, 101, y);
}

static void use_axpy(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    rows->axpy(101, 1.25F, bench->a, y);
}

static void use_scale(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    (void)bench;
    rows->scale(101, 1.25F, y);
}

static void use_rotate(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    rows->rotate(5, 38, y, 41, bench->a, bench->b);
}

static void use_max_pool(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    rows->max_pool(3, 2, 21, bench->a, 23, y, 25);
}

static void use_depthwise(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    rows->depthwise(6, 5, 35, 7, bench->a, bench->b, bench->c, 1, 4, y);
}

static void use_dot(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    y[0] = rows->dot(101, bench->a, bench->b);
}

static void use_softmax(const struct vox_row_ops *rows, const struct bench *bench, float *y)
{
    (void)bench;
    float *max = y + 3000;
    float *sum = y + 3016;
    float *rescale = y + 3032;
    for (int i = 0; i < 5; i++) {
        max[i] = -INFINITY;
        sum[i] = 0;
    }
    rows->softmax_step(5, 37, y, 40, 3.0F, 0.0F, max, sum, rescale);
    rows->softmax_step(5, 21, y + 1000, 23, 4.0F, 0.7F, max, sum, rescale);
}

static const struct {
    const char *what;
    void (*use)(const struct vox_row_ops *rows, const struct bench *bench, float *y);
} row_cases[] = {
    {"layer_norm", use_layer_norm},
    {"activate with ReLU", use_relu},
    {"activate with GELU", use_gelu},
    {"axpy", use_axpy},
    {"scale", use_scale},
    {"rotate", use_rotate},
    {"max_pool", use_max_pool},
    {"depthwise", use_depthwise},
    {"dot", use_dot},
    {"softmax_step", use_softmax},
};

static enum vox_code test_rows(struct bench *bench, struct vox_err *err)
{
    for (size_t i = 0; i < sizeof(row_cases) / sizeof(row_cases[0]); i++) {
        fill(bench->ours, FLOATS, 7);
        fill(bench->theirs, FLOATS, 7);
        row_cases[i].use(bench->be->rows, bench, bench->ours);
        row_cases[i].use(bench->ref->rows, bench, bench->theirs);
        enum vox_code code = compare(bench, row_cases[i].what, FLOATS, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    return VOX_OK;
}

enum vox_code vox_backend_self_test(struct vox_backend *be, struct vox_err *err)
{
    struct bench *bench = vox_calloc(1, sizeof(*bench));
    if (bench == NULL) {
        return vox_fail(err, VOX_E_NOMEM, "out of memory");
    }
    bench->be = be;
    fill(bench->a, FLOATS, 1);
    fill(bench->b, FLOATS, 2);
    fill(bench->c, MANY, 3);
    enum vox_code code = vox_ref_open(be->pool, &bench->ref, err);
    if (code == VOX_OK) {
        code = test_rows(bench, err);
    }
    if (code == VOX_OK) {
        code = test_linear(bench, err);
    }
    if (code == VOX_OK) {
        code = test_attention(bench, err);
    }
    vox_backend_close(bench->ref);
    vox_free(bench);
    return code;
}
