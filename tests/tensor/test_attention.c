/* Attention of every backend, against the definition in double precision. */
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

enum { MOST_BLOCKS = 28, TILES = 5 };

struct attention_case {
    int64_t queries, keys, dim_k, dim_v;
    int64_t more; /* padding of all rows */
    float scale, range;
    int64_t n_blocks;
    struct {
        int64_t rows, valid;
        float times;
    } blocks[MOST_BLOCKS];
};

/* A full memory bank: seven memories of 1024 tokens. */
#define SEVEN_BLOCKS                                                                               \
    {256, 256, 1}, {256, 256, 1}, {256, 256, 1}, {256, 256, 1}, {256, 256, 1}, {256, 256, 1},      \
    {                                                                                              \
        256, 256, 1                                                                                \
    }

static const struct attention_case cases[] = {
    {1, 1, 1, 1, 0, 1, 1, 1, {{1, 1, 1}}},
    {1, 1, 1, 1, 2, 1, 1, 2, {{1, 1, 2.5F}, {1, 1, 1}}},
    {3, 5, 7, 2, 1, 0.5F, 1, 1, {{5, 5, 1}}},
    {3, 5, 7, 2, 0, 0.5F, 1, 3, {{5, 4, 1}, {1, 1, 7}, {5, 2, 0.5F}}},
    {17, 31, 13, 11, 3, 0.7F, 1, 2, {{31, 31, 1}, {31, 17, 1}}},
    {17, 31, 13, 11, 3, 0.7F, 1, 2, {{30, 1, 3}, {31, 30, 5}}},
    {64, 64, 32, 32, 64, 0.177F, 1, 1, {{64, 64, 1}}},
    {16, 128, 96, 64, 0, 0.1F, 1, 2, {{128, 128, 1}, {100, 100, 16}}},
    {32, 256, 64, 64, 128, 0.125F, 2, 4, {{256, 256, 1}, {256, 256, 1}, {256, 256, 1}, {9, 9, 4}}},
    /* Scores up to some 80, so that a missing maximum would overflow. */
    {20, 48, 16, 24, 0, 1, 4, 3, {{48, 48, 1}, {48, 33, 2}, {48, 48, 1}}},
    {16, 256, 64, 64, 0, 0.01F, 1, 28, {SEVEN_BLOCKS, SEVEN_BLOCKS, SEVEN_BLOCKS, SEVEN_BLOCKS}},
    {4, 16, 8, 8, 0, -1, 2, 2, {{16, 16, 1}, {16, 5, 1}}},
};
enum { CASES = (int)(sizeof(cases) / sizeof(cases[0])) };

struct data {
    const struct attention_case *test;
    struct vox_attention_desc desc;
    float *q; /* TILES tiles of queries */
    float *k[MOST_BLOCKS], *v[MOST_BLOCKS];
    float *wanted;
    double tolerance;
};

static void attend(struct data *data, int64_t row, double *largest_score)
{
    const struct attention_case *test = data->test;
    const struct vox_attention_desc *desc = &data->desc;
    const float *q = data->q + row * desc->ld_q;
    double out[256] = {0};
    double sum = 0;
    for (int64_t b = 0; b < test->n_blocks; b++) {
        for (int64_t j = 0; j < test->blocks[b].valid; j++) {
            double score = 0;
            for (int64_t i = 0; i < desc->dim_k; i++) {
                score += (double)q[i] * (double)data->k[b][j * desc->ld_k + i];
            }
            score *= (double)desc->scale;
            *largest_score = fmax(*largest_score, fabs(score));
            /* In double the exponential of any of these scores is in range. */
            double weight = exp(score);
            weight *= j == test->blocks[b].valid - 1 ? (double)test->blocks[b].times : 1;
            sum += weight;
            for (int64_t i = 0; i < desc->dim_v; i++) {
                out[i] += weight * (double)data->v[b][j * desc->ld_v + i];
            }
        }
    }
    for (int64_t i = 0; i < desc->dim_v; i++) {
        data->wanted[row * desc->ld_out + i] = (float)(out[i] / sum);
    }
}

static struct data data_of(const struct attention_case *test)
{
    struct data data = {
        .test = test,
        .desc = {test->queries, test->keys, test->dim_k, test->dim_v, test->dim_k + test->more,
                 test->dim_k + 2 * test->more, test->dim_v + test->more,
                 test->dim_v + 3 * test->more, test->scale, VOX_F32},
    };
    const struct vox_attention_desc *desc = &data.desc;
    int64_t queries = TILES * test->queries;
    data.q = vox_guarded_filled(queries, test->dim_k, desc->ld_q, 1, test->range);
    for (uint32_t b = 0; b < test->n_blocks; b++) {
        int64_t rows = test->blocks[b].rows;
        data.k[b] = vox_guarded_filled(rows, test->dim_k, desc->ld_k, 10 + b, test->range);
        data.v[b] = vox_guarded_filled(rows, test->dim_v, desc->ld_v, 20 + b, 1);
    }
    data.wanted = vox_guarded_new(queries, desc->ld_out);
    double largest_score = 0;
    for (int64_t row = 0; row < queries; row++) {
        attend(&data, row, &largest_score);
    }
    data.tolerance = VOX_TOL_ATTENTION * fmax(1, largest_score / VOX_TOL_ATTENTION_SCORE);
    return data;
}

static void data_free(struct data *data)
{
    for (int64_t b = 0; b < data->test->n_blocks; b++) {
        vox_guarded_free(data->k[b]);
        vox_guarded_free(data->v[b]);
    }
    vox_guarded_free(data->q);
    vox_guarded_free(data->wanted);
}

struct run {
    const struct vox_attention *attention;
    const struct data *data;
    struct vox_key_block blocks[MOST_BLOCKS];
    float *keys[MOST_BLOCKS], *values[MOST_BLOCKS]; /* packed, in guards */
    float *out;
};

static enum vox_code pack_tile(void *context, int64_t b, struct vox_lane *lane, struct vox_err *err)
{
    struct run *run = context;
    int64_t rows = run->data->test->blocks[b].rows;
    enum vox_code code =
        vox_attention_pack_keys(run->attention, lane, rows, run->data->k[b], run->keys[b], err);
    return code != VOX_OK ? code
                          : vox_attention_pack_values(run->attention, lane, rows, run->data->v[b],
                                                      run->values[b], err);
}

static enum vox_code run_tile(void *context, int64_t tile, struct vox_lane *lane,
                              struct vox_err *err)
{
    struct run *run = context;
    const struct vox_attention_desc *desc = &run->data->desc;
    return vox_attention_run(run->attention, lane, run->data->q + tile * desc->queries * desc->ld_q,
                             run->blocks, run->data->test->n_blocks,
                             run->out + tile * desc->queries * desc->ld_out, err);
}

static void pass(const char *name, enum vox_code code, const struct vox_err *err)
{
    if (code != VOX_OK) {
        fail_msg("%s: %s", name, err->msg);
    }
}

static float *packed_new(size_t bytes)
{
    assert_true(bytes > 0 && bytes % sizeof(float) == 0);
    float *memory = vox_guarded_new(1, (int64_t)(bytes / sizeof(float)));
    assert_int_equal((uintptr_t)memory % 64, 0);
    return memory;
}

static bool packed_intact(const char *name, const float *packed, size_t bytes)
{
    int64_t floats = (int64_t)(bytes / sizeof(float));
    return vox_guarded_intact(name, packed, 1, floats, floats);
}

/* The case's result: TILES tiles of queries over the same keys. */
static float *run_case(struct vox_backend *be, const struct data *data)
{
    const char *name = be->ops->name;
    struct vox_attention *attention = NULL;
    struct vox_err err = {VOX_OK, 0, ""};
    pass(name, vox_attention_new(be, &data->desc, &attention, &err), &err);
    size_t keys_bytes = vox_attention_keys_bytes(attention);
    size_t values_bytes = vox_attention_values_bytes(attention);
    struct run run = {.attention = attention, .data = data};
    run.out = vox_guarded_new(TILES * data->desc.queries, data->desc.ld_out);
    int64_t n_blocks = data->test->n_blocks;
    for (int64_t b = 0; b < n_blocks; b++) {
        run.keys[b] = packed_new(keys_bytes);
        run.values[b] = packed_new(values_bytes);
        run.blocks[b] = (struct vox_key_block){
            run.keys[b], run.values[b], data->test->blocks[b].valid, data->test->blocks[b].times};
    }
    pass(name, vox_pool_run(be->pool, n_blocks, pack_tile, &run, &err), &err);
    pass(name, vox_pool_run(be->pool, TILES, run_tile, &run, &err), &err);
    for (int64_t b = 0; b < n_blocks; b++) {
        assert_true(packed_intact(name, run.keys[b], keys_bytes));
        assert_true(packed_intact(name, run.values[b], values_bytes));
        vox_guarded_free(run.keys[b]);
        vox_guarded_free(run.values[b]);
    }
    vox_attention_free(attention);
    return run.out;
}

static void test_cases(void **state)
{
    (void)state;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        for (int c = 0; c < CASES; c++) {
            struct data data = data_of(&cases[c]);
            float *first = NULL;
            for (int threads = 1; threads <= 3; threads++) {
                struct vox_pool *pool = vox_test_pool(threads);
                struct vox_backend *be = vox_test_backend(vox_backend_name(i), pool);
                float *out = run_case(be, &data);
                if (first == NULL) {
                    first = out;
                } else {
                    size_t floats = (size_t)(TILES * data.desc.queries * data.desc.ld_out);
                    assert_memory_equal(out, first, floats * sizeof(float));
                    vox_guarded_free(out);
                }
                vox_backend_close(be);
                vox_pool_free(pool);
            }
            char what[64];
            (void)snprintf(what, sizeof(what), "%s attention, case %d", vox_backend_name(i), c);
            assert_true(vox_rows_close(what, first, data.wanted, TILES * data.desc.queries,
                                       data.desc.dim_v, data.desc.ld_out, data.tolerance));
            vox_guarded_free(first);
            data_free(&data);
        }
    }
}

struct refusal {
    const struct vox_attention *attention;
    float *memory; /* large enough to be anything */
    int wrong;
};

static enum vox_code check_refusals(void *context, int64_t tile, struct vox_lane *lane,
                                    struct vox_err *err)
{
    (void)tile;
    (void)err;
    struct refusal *refusal = context;
    const struct vox_attention *attention = refusal->attention;
    float *memory = refusal->memory;
    static const struct {
        int64_t valid;
        float times;
    } blocks[] = {{0, 1}, {6, 1}, {-1, 1}, {5, 0}, {5, -1}, {5, NAN}, {5, INFINITY}};
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct vox_key_block block = {memory, memory, blocks[i].valid, blocks[i].times};
        refusal->wrong +=
            vox_attention_run(attention, lane, memory, &block, 1, memory, NULL) != VOX_E_ARG;
    }
    struct vox_key_block good = {memory, memory, 5, 1};
    refusal->wrong +=
        vox_attention_run(attention, lane, memory, &good, 0, memory, NULL) != VOX_E_ARG;
    for (int64_t rows = 0; rows <= 6; rows += 6) {
        refusal->wrong +=
            vox_attention_pack_keys(attention, lane, rows, memory, memory, NULL) != VOX_E_ARG;
        refusal->wrong +=
            vox_attention_pack_values(attention, lane, rows, memory, memory, NULL) != VOX_E_ARG;
    }
    return VOX_OK;
}

static void check_desc_refused(struct vox_backend *be, struct vox_attention_desc desc,
                               enum vox_code wanted)
{
    struct vox_attention *attention = NULL;
    assert_int_equal(vox_attention_new(be, &desc, &attention, NULL), wanted);
    assert_null(attention);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    static const struct vox_attention_desc good = {2, 5, 3, 4, 3, 3, 4, 4, 1, VOX_F32};
    struct vox_pool *pool = vox_test_pool(1);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct vox_backend *be = vox_test_backend(vox_backend_name(i), pool);
        struct vox_attention_desc desc = good;
        desc.keys = 0;
        check_desc_refused(be, desc, VOX_E_ARG);
        desc = good;
        desc.ld_out = 3;
        check_desc_refused(be, desc, VOX_E_ARG);
        desc = good;
        desc.ld_q = 2;
        check_desc_refused(be, desc, VOX_E_ARG);
        desc = good;
        desc.scale = NAN;
        check_desc_refused(be, desc, VOX_E_ARG);
        desc = good;
        desc.compute = VOX_BF16;
        check_desc_refused(be, desc, VOX_E_UNSUPPORTED);
        struct vox_attention *attention = NULL;
        assert_int_equal(vox_attention_new(be, &good, &attention, NULL), VOX_OK);
        struct refusal refusal = {attention, vox_guarded_new(1, 64), 0};
        assert_int_equal(vox_pool_run(pool, 1, check_refusals, &refusal, NULL), VOX_OK);
        assert_int_equal(refusal.wrong, 0);
        assert_true(vox_guarded_intact("refused", refusal.memory, 1, 0, 64));
        vox_guarded_free(refusal.memory);
        vox_attention_free(attention);
        vox_attention_free(NULL);
        vox_backend_close(be);
    }
    vox_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
