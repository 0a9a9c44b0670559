/* Memory attention against plain loops in double that follow the reference
 * (modeling/memory_attention.py, modeling/sam2_base.py) step by step: temporal codes are added
 * before the projection, values are projected before they are summed, and pointers are cut into
 * tokens of a memory's width. */
#include "model/memory_attention.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/position.h"
#include "support/naive.h"
#include "support/tiny_network.h"
#include "util/memory.h"

enum { WIDTH = 32, CHANNELS = 8, PIECES = WIDTH / CHANNELS, LAYERS = 2, SLOTS = 7, MOST = 12 };

/* Normalised outputs are about 1. Products of matrices that are multiplied beforehand and codes
 * that are added after the projection round elsewhere than the reference, by 1e-6 or so of sums
 * that are about 3; two layers and a norm behind them. */
static const double limit = 2e-5;

struct fixture {
    struct vox_tiny tiny;
    struct vox_backend *be;
    struct vox_memory_attention *attention;
    int64_t side, tokens;
};

/* What a run is given. */
struct bank {
    int n_memories, n_pointers;
    float *features;
    float *memories[MOST];
    int slots[MOST];
    float *pointers[MOST];
    float distances[MOST];
};

static void open_fixture(struct fixture *f, const struct vox_model_config *config,
                         const char *backend)
{
    struct vox_err err = {0};
    *f = (struct fixture){.side = config->image_size / 16};
    f->tokens = f->side * f->side;
    vox_tiny_open(&f->tiny, config, NULL, false);
    assert_int_equal(VOX_OK, vox_backend_open(backend, f->tiny.pool, &f->be, &err));
    f->tiny.builder.be = f->be;
    assert_int_equal(VOX_OK, vox_memory_attention_new(&f->tiny.builder, &f->attention, &err));
    vox_tiny_reserve(&f->tiny);
}

static void close_fixture(struct fixture *f)
{
    vox_memory_attention_free(f->attention);
    vox_backend_close(f->be);
    vox_tiny_close(&f->tiny);
}

static float *named_values(const char *what, int i, int64_t n)
{
    char name[32];
    snprintf(name, sizeof(name), "%s %d", what, i);
    return vox_tiny_values(name, n);
}

/* Slots begin with the conditioning one, the last, and then go up; distances are made alike. */
static void fill(const struct fixture *f, int n_memories, int n_pointers, struct bank *bank)
{
    *bank = (struct bank){.n_memories = n_memories, .n_pointers = n_pointers};
    bank->features = vox_tiny_values("features", f->tokens * WIDTH);
    for (int i = 0; i < n_memories; i++) {
        bank->memories[i] = named_values("memory", i, f->tokens * CHANNELS);
        bank->slots[i] = i == 0 ? SLOTS - 1 : i - 1;
    }
    for (int i = 0; i < n_pointers; i++) {
        bank->pointers[i] = named_values("pointer", i, WIDTH);
        bank->distances[i] = (float)(2 * i - 3) / 15.0F;
    }
}

static void empty(struct bank *bank)
{
    vox_free(bank->features);
    for (int i = 0; i < MOST; i++) {
        vox_free(bank->memories[i]);
        vox_free(bank->pointers[i]);
    }
}

/* ---- the reference ---- */

/* Axial rotary positions (modeling/position_encoding.py apply_rotary_enc): the first half of the
 * pairs turns with the column, the second with the row. */
static void rotate(int64_t side, double theta, double *x)
{
    for (int64_t i = 0; i < side * side * (WIDTH / 2); i++) {
        int64_t token = i / (WIDTH / 2);
        int64_t pair = i % (WIDTH / 2);
        int64_t along = pair < WIDTH / 4 ? token % side : token / side;
        double angle = (double)along / pow(theta, (double)(4 * (pair % (WIDTH / 4))) / WIDTH);
        double a = x[2 * i];
        double b = x[2 * i + 1];
        x[2 * i] = a * cos(angle) - b * sin(angle);
        x[2 * i + 1] = a * sin(angle) + b * cos(angle);
    }
}

static void attend(int64_t queries, const double *q, int64_t keys, const double *k, const double *v,
                   double *out)
{
    double *scores = naive_copy(NULL, keys);
    for (int64_t i = 0; i < queries; i++) {
        double total = 0;
        for (int64_t j = 0; j < keys; j++) {
            scores[j] = 0;
            for (int64_t c = 0; c < WIDTH; c++) {
                scores[j] += q[i * WIDTH + c] * k[j * WIDTH + c] / sqrt((double)WIDTH);
            }
            total += exp(scores[j]);
        }
        for (int64_t j = 0; j < keys; j++) {
            for (int64_t c = 0; c < WIDTH; c++) {
                out[i * WIDTH + c] += exp(scores[j]) / total * v[j * WIDTH + c];
            }
        }
    }
}

static double *layer_linear(const struct fixture *f, int layer, const char *name, int64_t rows,
                            int64_t in, int64_t out, const double *x)
{
    char full[VOX_NAME_MAX];
    snprintf(full, sizeof(full), "memory_attention.layers.%d.%s", layer, name);
    return naive_linear(f->tiny.weights, full, rows, in, out, x);
}

static double *layer_norm(const struct fixture *f, int layer, int index, const double *x)
{
    char full[VOX_NAME_MAX];
    double *n = naive_copy(NULL, f->tokens * WIDTH);
    memcpy(n, x, (size_t)(f->tokens * WIDTH) * sizeof(*n));
    snprintf(full, sizeof(full), "memory_attention.layers.%d.norm%d", layer, index);
    naive_norm(f->tiny.weights, full, f->tokens, WIDTH, 1e-5, n);
    return n;
}

/* All keys of the bank: memories one after the other, then the pieces of all pointers. */
struct sequence {
    int64_t memory_rows, rows;
    double *values; /* rows x CHANNELS */
    double *keys;   /* the same with positions added */
};

static struct sequence sequence_of(const struct fixture *f, const struct bank *bank)
{
    int64_t memory_rows = bank->n_memories * f->tokens;
    struct sequence s = {memory_rows, memory_rows + bank->n_pointers * PIECES, NULL, NULL};
    s.values = naive_copy(NULL, s.rows * CHANNELS);
    s.keys = naive_copy(NULL, s.rows * CHANNELS);
    const double *slot_codes = naive_tensor(f->tiny.weights, "maskmem_tpos_enc");
    float *code = vox_alloc((size_t)(f->tokens * CHANNELS) * sizeof(*code));
    assert_non_null(code);
    vox_sine_code(f->side, CHANNELS, code);
    for (int64_t i = 0; i < memory_rows * CHANNELS; i++) {
        int64_t memory = i / (f->tokens * CHANNELS);
        int64_t at = i % (f->tokens * CHANNELS);
        s.values[i] = (double)bank->memories[memory][at];
        s.keys[i] = s.values[i] + (double)code[at] +
                    slot_codes[bank->slots[memory] * CHANNELS + i % CHANNELS];
    }
    vox_free(code);
    for (int p = 0; p < bank->n_pointers; p++) {
        float sine[WIDTH];
        vox_distance_code(bank->distances[p], WIDTH, sine);
        const double *position = f->tiny.config.tpos_enc_to_ptrs
                                     ? naive_linear(f->tiny.weights, "obj_ptr_tpos_proj", 1, WIDTH,
                                                    CHANNELS, naive_copy(sine, WIDTH))
                                     : naive_copy(NULL, CHANNELS);
        for (int c = 0; c < WIDTH; c++) {
            int64_t at = memory_rows * CHANNELS + p * WIDTH + c;
            s.values[at] = (double)bank->pointers[p][c];
            s.keys[at] = s.values[at] + position[c % CHANNELS];
        }
    }
    return s;
}

static void self_attention(const struct fixture *f, int layer, double *x)
{
    double theta = f->tiny.config.memory_attention.rope_theta;
    const double *n = layer_norm(f, layer, 1, x);
    double *q = layer_linear(f, layer, "self_attn.q_proj", f->tokens, WIDTH, WIDTH, n);
    double *k = layer_linear(f, layer, "self_attn.k_proj", f->tokens, WIDTH, WIDTH, n);
    double *v = layer_linear(f, layer, "self_attn.v_proj", f->tokens, WIDTH, WIDTH, n);
    double *sums = naive_copy(NULL, f->tokens * WIDTH);
    rotate(f->side, theta, q);
    rotate(f->side, theta, k);
    attend(f->tokens, q, f->tokens, k, v, sums);
    naive_add(f->tokens * WIDTH,
              layer_linear(f, layer, "self_attn.out_proj", f->tokens, WIDTH, WIDTH, sums), x);
}

static void cross_attention(const struct fixture *f, int layer, const struct sequence *s, double *x)
{
    double theta = f->tiny.config.memory_attention.rope_theta;
    const double *n = layer_norm(f, layer, 2, x);
    double *q = layer_linear(f, layer, "cross_attn_image.q_proj", f->tokens, WIDTH, WIDTH, n);
    double *k =
        layer_linear(f, layer, "cross_attn_image.k_proj", s->rows, CHANNELS, WIDTH, s->keys);
    double *v =
        layer_linear(f, layer, "cross_attn_image.v_proj", s->rows, CHANNELS, WIDTH, s->values);
    double *sums = naive_copy(NULL, f->tokens * WIDTH);
    rotate(f->side, theta, q);
    for (int64_t row = 0; row < s->memory_rows; row += f->tokens) {
        rotate(f->side, theta, k + row * WIDTH);
    }
    attend(f->tokens, q, s->rows, k, v, sums);
    naive_add(f->tokens * WIDTH,
              layer_linear(f, layer, "cross_attn_image.out_proj", f->tokens, WIDTH, WIDTH, sums),
              x);
}

static double *expect(const struct fixture *f, const struct bank *bank)
{
    const struct sequence s = sequence_of(f, bank);
    int64_t n = f->tokens * WIDTH;
    int64_t feed = f->tiny.config.memory_attention.dim_feedforward;
    double *x = naive_copy(bank->features, n);
    float *code = vox_alloc((size_t)n * sizeof(*code));
    assert_non_null(code);
    vox_sine_code(f->side, WIDTH, code);
    for (int64_t i = 0; f->tiny.config.memory_attention.pos_enc_at_input && i < n; i++) {
        x[i] += 0.1 * (double)code[i];
    }
    vox_free(code);
    for (int layer = 0; layer < LAYERS; layer++) {
        self_attention(f, layer, x);
        cross_attention(f, layer, &s, x);
        double *hidden =
            layer_linear(f, layer, "linear1", f->tokens, WIDTH, feed, layer_norm(f, layer, 3, x));
        naive_relu(f->tokens * feed, hidden);
        naive_add(n, layer_linear(f, layer, "linear2", f->tokens, feed, WIDTH, hidden), x);
    }
    naive_norm(f->tiny.weights, "memory_attention.norm", f->tokens, WIDTH, 1e-5, x);
    return x;
}

/* ---- tests ---- */

static void run(struct fixture *f, const struct bank *bank, float *out)
{
    struct vox_err err = {0};
    struct vox_memory *memories[MOST];
    struct vox_bank_entry entries[MOST];
    struct vox_bank_pointer pointers[MOST];
    for (int i = 0; i < bank->n_memories; i++) {
        assert_int_equal(VOX_OK,
                         vox_memory_new(f->attention, bank->memories[i], &memories[i], &err));
        entries[i] = (struct vox_bank_entry){memories[i], bank->slots[i]};
    }
    for (int i = 0; i < bank->n_pointers; i++) {
        pointers[i] = (struct vox_bank_pointer){bank->pointers[i], bank->distances[i]};
    }
    assert_int_equal(VOX_OK, vox_memory_attention_run(f->attention, bank->features, entries,
                                                      bank->n_memories, pointers, bank->n_pointers,
                                                      out, NULL, &err));
    for (int i = 0; i < bank->n_memories; i++) {
        vox_memory_free(memories[i]);
    }
}

/* Banks of several sizes on one attention, so that its buffers grow, and shrink in use. */
static const int sizes[][2] = {{1, 0}, {1, 1}, {3, 5}, {7, 12}, {2, 4}, {1, 0}, {4, 9}};

static void check(const struct vox_model_config *config, const char *backend)
{
    struct fixture f;
    open_fixture(&f, config, backend);
    float *found = vox_calloc((size_t)(f.tokens * WIDTH), sizeof(*found));
    assert_non_null(found);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bank bank;
        char what[80];
        fill(&f, sizes[i][0], sizes[i][1], &bank);
        run(&f, &bank, found);
        snprintf(what, sizeof(what), "%d memories and %d pointers on %s", sizes[i][0], sizes[i][1],
                 backend);
        assert_true(naive_close(what, found, expect(&f, &bank), f.tokens * WIDTH, limit));
        naive_release();
        empty(&bank);
    }
    vox_free(found);
    close_fixture(&f);
}

static void check_everywhere(const struct vox_model_config *config)
{
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        check(config, vox_backend_name(i));
    }
}

/* 16 tokens, which are one block of keys: 5 pointers are 20 tokens and need two. */
static void slices_look_at_memories_and_pointers(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    check_everywhere(&config);
}

static void codes_can_be_switched_off(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    config.memory_attention.pos_enc_at_input = false;
    config.memory_attention.rope_theta = 100;
    config.tpos_enc_to_ptrs = false;
    check_everywhere(&config);
}

/* 324 tokens: a memory is two blocks of keys. */
static void a_memory_may_be_several_blocks(void **state)
{
    (void)state;
    struct vox_model_config config;
    vox_tiny_config(&config);
    config.image_size = 18 * 16;
    struct fixture f;
    for (int i = 0; vox_backend_name(i) != NULL; i++) {
        struct bank bank;
        open_fixture(&f, &config, vox_backend_name(i));
        float *found = vox_calloc((size_t)(f.tokens * WIDTH), sizeof(*found));
        assert_non_null(found);
        fill(&f, 2, 3, &bank);
        run(&f, &bank, found);
        assert_true(naive_close("two blocks", found, expect(&f, &bank), f.tokens * WIDTH, limit));
        naive_release();
        empty(&bank);
        vox_free(found);
        close_fixture(&f);
    }
}

/* The order of the bank is the order of a sum. */
static void the_order_of_memories_does_not_matter(void **state)
{
    (void)state;
    struct vox_model_config config;
    struct fixture f;
    struct bank bank;
    static float found[2][16 * WIDTH];
    vox_tiny_config(&config);
    open_fixture(&f, &config, "ref");
    fill(&f, 3, 2, &bank);
    run(&f, &bank, found[0]);
    float *memory = bank.memories[0];
    int slot = bank.slots[0];
    bank.memories[0] = bank.memories[2];
    bank.slots[0] = bank.slots[2];
    bank.memories[2] = memory;
    bank.slots[2] = slot;
    run(&f, &bank, found[1]);
    for (int i = 0; i < 16 * WIDTH; i++) {
        double difference = fabs((double)found[0][i] - (double)found[1][i]);
        assert_true(difference <= limit);
    }
    /* But a memory in another slot is another memory. */
    bank.slots[2] = 3;
    run(&f, &bank, found[1]);
    double moved = 0;
    for (int i = 0; i < 16 * WIDTH; i++) {
        moved = fmax(moved, fabs((double)found[0][i] - (double)found[1][i]));
    }
    assert_true(moved > 100 * limit);
    empty(&bank);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_look_at_memories_and_pointers),
        cmocka_unit_test(codes_can_be_switched_off),
        cmocka_unit_test(a_memory_may_be_several_blocks),
        cmocka_unit_test(the_order_of_memories_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
