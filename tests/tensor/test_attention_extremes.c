/* Attention where the weights of the softmax are as even, or as uneven, as they get: what is added
 * up is then far larger, or the factor between blocks far smaller, than in ordinary inputs. */
#include "tensor/backend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tensor_fixture.h"
#include "util/memory.h"

enum { QUERIES = 16, KEYS = 256, DIM = 32, BLOCKS = 28 };

struct work {
    struct vox_attention *attention;
    float *k[BLOCKS], *v[BLOCKS];
    void *keys[BLOCKS], *values[BLOCKS];
    float *q;
    float *out;
};

static enum vox_code attend(void *context, int64_t tile, struct vox_lane *lane, struct vox_err *err)
{
    (void)tile;
    struct work *work = context;
    struct vox_key_block blocks[BLOCKS];
    for (int b = 0; b < BLOCKS; b++) {
        enum vox_code code =
            vox_attention_pack_keys(work->attention, lane, KEYS, work->k[b], work->keys[b], err);
        if (code == VOX_OK) {
            code = vox_attention_pack_values(work->attention, lane, KEYS, work->v[b],
                                             work->values[b], err);
        }
        if (code != VOX_OK) {
            return code;
        }
        blocks[b] = (struct vox_key_block){work->keys[b], work->values[b], KEYS, 1};
    }
    return vox_attention_run(work->attention, lane, work->q, blocks, BLOCKS, work->out, err);
}

static float *floats(size_t n, float value)
{
    float *made = vox_alloc(n * sizeof(*made));
    assert_non_null(made);
    for (size_t i = 0; i < n; i++) {
        made[i] = value;
    }
    return made;
}

/* Queries are ones. A key's values are all `score(b, j) / DIM`, so that its score is that. */
static void run(const char *backend, float (*score)(int b, int j), float (*value)(int b, int j),
                float *out)
{
    struct vox_err err = {0};
    struct vox_pool *pool = vox_test_pool(1);
    struct vox_backend *be = vox_test_backend(backend, pool);
    const struct vox_attention_desc desc = {QUERIES, KEYS, DIM, DIM, DIM,
                                            DIM,     DIM,  DIM, 1,   VOX_F32};
    struct work work = {.q = floats(QUERIES * DIM, 1), .out = out};
    assert_int_equal(VOX_OK, vox_attention_new(be, &desc, &work.attention, &err));
    for (int b = 0; b < BLOCKS; b++) {
        work.k[b] = floats(KEYS * DIM, 0);
        work.v[b] = floats(KEYS * DIM, 0);
        for (int i = 0; i < KEYS * DIM; i++) {
            work.k[b][i] = score(b, i / DIM) / DIM;
            work.v[b][i] = value(b, i / DIM) * (float)(1 + i % DIM);
        }
        work.keys[b] = vox_alloc(vox_attention_keys_bytes(work.attention));
        work.values[b] = vox_alloc(vox_attention_values_bytes(work.attention));
        assert_true(work.keys[b] != NULL && work.values[b] != NULL);
    }
    assert_int_equal(VOX_OK, vox_pool_run(pool, 1, attend, &work, &err));
    for (int b = 0; b < BLOCKS; b++) {
        vox_free(work.k[b]);
        vox_free(work.v[b]);
        vox_free(work.keys[b]);
        vox_free(work.values[b]);
    }
    vox_free(work.q);
    vox_attention_free(work.attention);
    vox_backend_close(be);
    vox_pool_free(pool);
}

static float even(int b, int j)
{
    (void)b;
    (void)j;
    return 0;
}

static float one(int b, int j)
{
    (void)b;
    (void)j;
    return 1;
}

/* All weights are one, their sum 7168 and the products' sums exact: the mean of equal values is
 * that value, but for the rounding of a reciprocal and of a product. */
static void even_weights_make_a_mean(void **state)
{
    (void)state;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        float out[QUERIES * DIM];
        run(vox_backend_name(i), even, one, out);
        for (int j = 0; j < QUERIES * DIM; j++) {
            double wanted = 1 + j % DIM;
            double difference = fabs((double)out[j] - wanted) / wanted;
            if (!(difference <= 3e-7)) {
                fail_msg("%s: %.9g, wanted %g", vox_backend_name(i), (double)out[j], wanted);
            }
        }
    }
}

/* Every block's keys outweigh those before them, by e^12. */
static float rising(int b, int j)
{
    (void)j;
    return 12 * (float)b;
}

/* Large values come first and count for next to nothing in the end. */
static float falling(int b, int j)
{
    (void)j;
    return b == BLOCKS - 1 ? 0.0F : 1000.0F;
}

static void late_keys_outweigh_early_ones(void **state)
{
    (void)state;
    /* The block before the last has the weight e^-12 of it; the rest is e^-12 of that. */
    double left = 1000 * exp(-12) / (1 + exp(-12));
    left += 1000 * exp(-24);
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        float out[QUERIES * DIM];
        run(vox_backend_name(i), rising, falling, out);
        for (int j = 0; j < QUERIES * DIM; j++) {
            double wanted = left * (1 + j % DIM);
            double difference = fabs((double)out[j] - wanted) / wanted;
            /* Scores of 324 are rounded to 2e-5, which is the error of their exponentials. */
            if (!(difference <= 1e-4)) {
                fail_msg("%s: %.9g, wanted %.9g", vox_backend_name(i), (double)out[j], wanted);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_weights_make_a_mean),
        cmocka_unit_test(late_keys_outweigh_early_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
