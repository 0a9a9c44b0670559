/* Corrections one after the other, over the public interface, on random prompts: the result
 * equals that of a fresh run with the same list and no cache: label values, logits, plan,
 * scores, and what was tracked for which correction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "own_folder.h"
#include "pipeline/engine.h"
#include "support/tiny_network.h"
#include "util/memory.h"
#include "voxlabel/voxlabel.h"

enum { W = 36, H = 28, D = 8, PIXELS = W * H, MOST = 4, TEXT = 4096 };

/* What is looked for with ThreadSanitizer does not depend on the prompts, and takes long. */
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 2 };
#else
enum { ROUNDS = 8 };
#endif

static uint32_t seed;

static int random_below(int n)
{
    seed = seed * 1664525U + 1013904223U;
    return (int)((seed >> 8) % (uint32_t)n);
}

/* ---- two models: one that remembers slices, one that does not ---- */

struct bench {
    struct vox_tiny tiny;
    struct vox_model model;
    struct vox_image *image;
};

static int16_t voxels[PIXELS * D];

static void open_bench(struct bench *bench, uint64_t memory)
{
    struct vox_model_config config;
    vox_tiny_config(&config);
    vox_tiny_open(&bench->tiny, &config, NULL, true);
    bench->model =
        (struct vox_model){.pool = bench->tiny.pool, .backend = bench->tiny.be, .sha256 = "0"};
    assert_int_equal(VOX_OK, vox_network_open(&config, bench->tiny.weights, bench->tiny.be,
                                              &bench->model.network, NULL));
    const struct vox_feature_store_setup setup = {
        .config = vox_network_config(bench->model.network), .memory = memory, .identity = "test"};
    assert_int_equal(VOX_OK, vox_feature_store_new(&setup, &bench->model.features, NULL));
    const struct vox_voxels image = {
        .size = {W, H, D},
        .type = VOX_VOXEL_I16,
        .data = voxels,
        .affine = {{-0.7, 0, 0, 5}, {0, 0.9, 0, 3}, {0, 0, 2.5, -40}},
    };
    assert_int_equal(VOX_OK, vox_image_wrap(&bench->model, &image, &bench->image, NULL));
}

static void close_bench(struct bench *bench)
{
    vox_image_close(bench->image);
    vox_feature_store_free(bench->model.features);
    vox_network_close(bench->model.network);
    vox_tiny_close(&bench->tiny);
}

/* ---- requests ---- */

static const char *const labels[] = {"liver", "spleen"};

struct correction {
    int label;
    int64_t k;
    double ij[3][2];
    int labels[3];
    int n;
};

/* Options and a prompt for each label, as JSON without its closing brace. */
static void random_prompts(char *text, size_t size)
{
    static const char *const passes[] = {"intersection", "union", "forward", "backward",
                                         "from_key"};
    static const char *const zooms[] = {"\"off\"", "2.5"};
    int n = snprintf(text, size,
                     "{\"passes\": \"%s\", \"zoom\": %s, \"extent\": \"%s\", \"largest_cc\": %s, "
                     "\"points_as\": \"%s\"",
                     passes[random_below(5)], zooms[random_below(2)],
                     random_below(3) == 0 ? "free" : "strict", random_below(2) ? "true" : "false",
                     random_below(2) ? "box" : "clicks");
    if (random_below(3) == 0) {
        n += snprintf(text + n, size - (size_t)n, ", \"mask_slices\": [%d]", random_below(5));
    }
    for (int l = 0; l < 2; l++) {
        int points = 1 + random_below(3);
        n += snprintf(text + n, size - (size_t)n, ", \"%s\": [", labels[l]);
        for (int p = 0; p < points; p++) {
            n += snprintf(text + n, size - (size_t)n, "%s[%d.5, %d, %d]", p > 0 ? ", " : "",
                          random_below(W - 1), random_below(H), random_below(D));
        }
        n += snprintf(text + n, size - (size_t)n, "]");
    }
}

static struct correction random_correction(void)
{
    struct correction correction = {
        .label = random_below(2), .k = random_below(D), .n = 1 + random_below(3)};
    for (int i = 0; i < correction.n; i++) {
        correction.ij[i][0] = random_below(W);
        correction.ij[i][1] = random_below(2 * H - 1) / 2.0;
        correction.labels[i] = random_below(2);
    }
    return correction;
}

/* The prompts with a list of corrections. */
static struct vox_request *make_request(const char *prompts, const struct correction *corrections,
                                        int n)
{
    char text[TEXT];
    size_t at = (size_t)snprintf(text, sizeof(text), "%s, \"corrections\": [", prompts);
    for (int c = 0; c < n; c++) {
        const struct correction *one = &corrections[c];
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s{\"k\": %d, \"label\": \"%s\"",
                               c > 0 ? ", " : "", (int)one->k, labels[one->label]);
        at += (size_t)snprintf(text + at, sizeof(text) - at, ", \"points\": [");
        for (int i = 0; i < one->n; i++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s[%.17g, %.17g]",
                                   i > 0 ? ", " : "", one->ij[i][0], one->ij[i][1]);
        }
        at += (size_t)snprintf(text + at, sizeof(text) - at, "], \"labels\": [");
        for (int i = 0; i < one->n; i++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d", i > 0 ? ", " : "",
                                   one->labels[i]);
        }
        at += (size_t)snprintf(text + at, sizeof(text) - at, "]}");
    }
    at += (size_t)snprintf(text + at, sizeof(text) - at, "]}");
    assert_true(at < sizeof(text));
    struct vox_request *request;
    assert_int_equal(VOX_OK, vox_request_open(labels, 2, &request, NULL));
    assert_int_equal(VOX_OK, vox_request_params(request, text, at, NULL));
    if (strstr(prompts, "\"mask_slices\"") != NULL) {
        static uint8_t mask[PIXELS * D];
        for (int i = 0; i < PIXELS * D; i++) {
            mask[i] = i % W > 10 && i % W < 20 && (i / W) % H > 8 && i / PIXELS < 5;
        }
        const int64_t size[3] = {W, H, D};
        assert_int_equal(VOX_OK, vox_request_mask(request, labels[1], size, mask, NULL));
    }
    return request;
}

static struct vox_result *segment(struct bench *bench, const char *prompts,
                                  const struct correction *corrections, int n)
{
    struct vox_request *request = make_request(prompts, corrections, n);
    struct vox_result *result = NULL;
    struct vox_err err = {0};
    if (vox_segment(&bench->model, bench->image, request, NULL, &result, &err) != VOX_OK) {
        fail_msg("%s", err.msg);
    }
    vox_request_close(request);
    return result;
}

/* ---- comparing ---- */

static void *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(0, fseek(file, 0, SEEK_END));
    *size = (size_t)ftell(file);
    rewind(file);
    void *data = vox_alloc(*size);
    assert_non_null(data);
    assert_int_equal(*size, fread(data, 1, *size, file));
    fclose(file);
    return data;
}

/* The logits as a file. */
static void *save_logits(struct vox_result *result, size_t *size)
{
    const struct vox_files files = {.logits = "logits.nii"};
    assert_int_equal(VOX_OK, vox_result_save(result, &files, NULL, NULL, NULL));
    return read_file(files.logits, size);
}

/* What the report says of prompts and network: its members from "plan" up to "image". */
static char *told(struct vox_result *result)
{
    const char *text;
    size_t size;
    assert_int_equal(VOX_OK, vox_result_json(result, NULL, &text, &size, NULL));
    const char *begin = strstr(text, "\"plan\":"), *end = strstr(text, "\"image\":");
    assert_true(begin != NULL && end != NULL && begin < end);
    char *copy = vox_calloc((size_t)(end - begin) + 1, 1);
    assert_non_null(copy);
    memcpy(copy, begin, (size_t)(end - begin));
    return copy;
}

static void compare(struct vox_result *found, struct vox_result *wanted)
{
    uint16_t have[PIXELS], want[PIXELS];
    for (int64_t k = 0; k < D; k++) {
        vox_result_slice(found, k, have);
        vox_result_slice(wanted, k, want);
        assert_memory_equal(want, have, sizeof(want));
    }
    size_t have_size, want_size;
    void *have_logits = save_logits(found, &have_size);
    void *want_logits = save_logits(wanted, &want_size);
    assert_int_equal(want_size, have_size);
    assert_memory_equal(want_logits, have_logits, want_size);
    vox_free(have_logits);
    vox_free(want_logits);
    char *have_text = told(found), *want_text = told(wanted);
    assert_string_equal(want_text, have_text);
    vox_free(have_text);
    vox_free(want_text);
}

/* ---- tests ---- */

struct counts {
    int applied, refused, changed;
};

static void read_labels(const struct vox_result *result, uint16_t *out)
{
    for (int64_t k = 0; k < D; k++) {
        vox_result_slice(result, k, out + k * PIXELS);
    }
}

static int correct(struct vox_result *result, const struct correction *one)
{
    return (int)vox_result_correct(result, labels[one->label], one->k, one->ij, one->labels, one->n,
                                   NULL, NULL);
}

/* One list of corrections, compared while they come in. What is refused lies outside of
 * strict borders, and a fresh run drops it. */
static void play(struct bench *keeps, struct bench *fresh, struct counts *counts)
{
    char prompts[TEXT / 2];
    struct correction list[MOST];
    random_prompts(prompts, sizeof(prompts));
    struct vox_result *result = segment(keeps, prompts, NULL, 0);
    struct vox_result_facts facts;
    vox_result_describe(result, &facts);
    assert_true(facts.valid);
    uint16_t before[PIXELS * D], after[PIXELS * D];
    for (int c = 0; c < MOST; c++) {
        list[c] = random_correction();
        read_labels(result, before);
        int code = correct(result, &list[c]);
        read_labels(result, after);
        assert_true(code == VOX_OK || code == VOX_E_ARG);
        counts->applied += code == VOX_OK;
        counts->refused += code != VOX_OK;
        counts->changed += memcmp(before, after, sizeof(before)) != 0;
        if (c % 2 == 1) {
            struct vox_result *wanted = segment(fresh, prompts, list, c + 1);
            compare(result, wanted);
            vox_result_close(wanted);
        }
    }
    vox_result_close(result);
}

static void test_each_equals_a_fresh_run(void **state)
{
    (void)state;
    struct bench keeps, fresh;
    struct counts counts = {0};
    for (int i = 0; i < PIXELS * D; i++) {
        voxels[i] = (int16_t)((37 * (i % W) + 23 * (i / W) + ((i * 7) >> 3)) % 900 - 600);
    }
    open_bench(&keeps, 1 << 26);
    open_bench(&fresh, 0);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        seed = round;
        play(&keeps, &fresh, &counts);
    }
    assert_true(counts.applied >= ROUNDS);
    assert_true(counts.refused > 0 || ROUNDS < 8);
    assert_true(counts.changed > 0 && counts.changed >= counts.applied / 2);
    close_bench(&keeps);
    close_bench(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_equals_a_fresh_run),
    };
    return cmocka_run_group_tests(tests, vox_enter_folder, vox_leave_folder);
}
