/* bench_network CHECKPOINT [--config YAML] [--threads N] [--backend NAME]
 *
 * Times the parts of the network and the flow of 13 slices in both directions, and gives arithmetic
 * rates as shares of the machine's own peak, measured in the same run. Times of a shared machine
 * vary: each is the best of several. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fma_peak.h"
#include "model/network_parts.h"
#include "model/tracker.h"
#include "network_flops.h"
#include "util/memory.h"

struct options {
    const char *checkpoint;
    const char *yaml;    /* NULL: the built-in configuration */
    const char *backend; /* NULL: the best */
    long threads;
};

enum { SLICES = 13, STEADY_SLICES = 20, RUNS = 7 };

struct bench {
    struct vox_model_config config;
    struct vox_pool *pool;
    struct vox_backend *be;
    struct vox_network *network;
    double peak;
    uint8_t *image;
    struct vox_features *features[STEADY_SLICES]; /* cached by fetch */
    int encoded;
    struct vox_err err;
};

/* Grey values that no two slices share: what they are does not change the time. */
static void fill_image(uint8_t *image, int64_t side, int64_t slice)
{
    for (int64_t i = 0; i < side * side; i++) {
        image[i] = (uint8_t)((i * 7 + i / side * 3 + slice * 11) & 255);
    }
}

static enum vox_code fetch(void *context, int64_t frame, const struct vox_features **out,
                           struct vox_err *err)
{
    struct bench *b = context;
    if (b->features[frame] == NULL) {
        b->features[frame] = vox_features_new(&b->config);
        if (b->features[frame] == NULL) {
            return vox_fail(err, VOX_E_NOMEM, "out of memory");
        }
        fill_image(b->image, b->config.image_size, frame);
        b->encoded++;
        enum vox_code code =
            vox_network_encode(b->network, b->image, b->features[frame], NULL, err);
        if (code != VOX_OK) {
            return code;
        }
    }
    *out = b->features[frame];
    return VOX_OK;
}

static void forget_features(struct bench *b)
{
    for (int i = 0; i < STEADY_SLICES; i++) {
        vox_features_free(b->features[i]);
        b->features[i] = NULL;
    }
    b->encoded = 0;
}

static enum vox_code add_box(struct bench *b, struct vox_tracker *tracker, int64_t frame)
{
    float s = (float)b->config.image_size;
    const float box[4] = {0.4f * s, 0.4f * s, 0.6f * s, 0.6f * s};
    return vox_tracker_add_points(tracker, frame, 1, NULL, NULL, 0, box, true, &b->err);
}

static enum vox_code propagate(struct bench *b, struct vox_tracker *tracker, bool reverse)
{
    enum vox_code code = vox_tracker_start(tracker, -1, -1, reverse, &b->err);
    int64_t frame = 0;
    while (code == VOX_OK && frame >= 0) {
        code = vox_tracker_next(tracker, &frame, &b->err);
    }
    return code;
}

static enum vox_code new_tracker(struct bench *b, int64_t slices, struct vox_tracker **out)
{
    struct vox_feature_source source = {fetch, b};
    return vox_tracker_new(b->network, slices, b->config.image_size, b->config.image_size, &source,
                           out, &b->err);
}

static enum vox_code bench_encoder(struct bench *b)
{
    double best = 1e9;
    enum vox_code code = VOX_OK;
    for (int i = 0; i < RUNS && code == VOX_OK; i++) {
        forget_features(b);
        const struct vox_features *features;
        double start = vox_seconds();
        code = fetch(b, 0, &features, &b->err);
        double time = vox_seconds() - start;
        best = time < best ? time : best;
    }
    double rate = vox_encoder_flops(&b->config) / best / 1e9;
    printf("image encoder            %8.1f ms  %6.1f GFLOP/s  %3.0f %% of peak\n", best * 1e3, rate,
           100 * rate / b->peak);
    return code;
}

static enum vox_code bench_memory_attention(struct bench *b)
{
    enum { MEMORIES = 7, POINTERS = 16 };
    struct vox_memory_attention *attention = vox_network_parts(b->network)->memory_attention;
    int64_t side = b->config.image_size / 16;
    int64_t width = b->config.neck.d_model;
    float *tokens = vox_calloc((size_t)(side * side * width), sizeof(float));
    float *out = vox_calloc((size_t)(side * side * width), sizeof(float));
    struct vox_memory *memory = NULL;
    const struct vox_features *features;
    enum vox_code code = tokens == NULL || out == NULL
                             ? vox_fail(&b->err, VOX_E_NOMEM, "out of memory")
                             : fetch(b, 0, &features, &b->err);
    if (code == VOX_OK) {
        code = vox_memory_new(attention, tokens, &memory, &b->err);
    }
    struct vox_bank_entry bank[MEMORIES];
    struct vox_bank_pointer pointers[POINTERS];
    for (int i = 0; i < POINTERS; i++) {
        pointers[i] = (struct vox_bank_pointer){out, (float)i / (POINTERS - 1)};
    }
    double best = 1e9;
    for (int i = 0; i < RUNS && code == VOX_OK; i++) {
        struct vox_memory *newest = NULL;
        double start = vox_seconds();
        code = vox_memory_new(attention, tokens, &newest, &b->err);
        for (int m = 0; m < MEMORIES; m++) {
            bank[m] = (struct vox_bank_entry){m == 0 ? newest : memory,
                                              (int)b->config.num_maskmem - 1 - m};
        }
        if (code == VOX_OK) {
            code = vox_memory_attention_run(attention, features->f2, bank, MEMORIES, pointers,
                                            POINTERS, out, NULL, &b->err);
        }
        double time = vox_seconds() - start;
        best = time < best ? time : best;
        vox_memory_free(newest);
    }
    double rate = vox_memory_attention_flops(&b->config, MEMORIES, POINTERS) / best / 1e9;
    printf("memory attention (7, 16) %8.1f ms  %6.1f GFLOP/s  %3.0f %% of peak\n", best * 1e3, rate,
           100 * rate / b->peak);
    vox_memory_free(memory);
    vox_free(tokens);
    vox_free(out);
    return code;
}

/* A slice in steady state: 7 memories and 16 pointers, its features computed as well. */
static enum vox_code bench_steady_slice(struct bench *b)
{
    struct vox_tracker *tracker = NULL;
    enum vox_code code = new_tracker(b, STEADY_SLICES, &tracker);
    double with = 1e9;
    double without = 1e9;
    for (int run = 0; run < 2 && code == VOX_OK; run++) {
        if (run == 0) {
            forget_features(b);
        }
        vox_tracker_reset(tracker);
        code = add_box(b, tracker, 0);
        if (code == VOX_OK) {
            code = vox_tracker_start(tracker, -1, -1, false, &b->err);
        }
        int64_t frame = 0;
        while (code == VOX_OK && frame >= 0) {
            double start = vox_seconds();
            code = vox_tracker_next(tracker, &frame, &b->err);
            double time = vox_seconds() - start;
            double *best = run == 0 ? &with : &without;
            if (frame >= 16 && time < *best) {
                *best = time;
            }
        }
    }
    printf("steady tracked slice     %8.1f ms  with its encoder run, %.1f ms without\n", with * 1e3,
           without * 1e3);
    vox_tracker_free(tracker);
    return code;
}

static enum vox_code bench_click(struct bench *b)
{
    struct vox_tracker *tracker = NULL;
    enum vox_code code = new_tracker(b, SLICES, &tracker);
    double best = 1e9;
    for (int i = 0; i < RUNS && code == VOX_OK; i++) {
        vox_tracker_reset(tracker);
        double start = vox_seconds();
        code = add_box(b, tracker, 0);
        double time = vox_seconds() - start;
        best = time < best ? time : best;
    }
    printf("box on cached features   %8.1f ms\n", best * 1e3);
    vox_tracker_free(tracker);
    return code;
}

static enum vox_code bench_flow(struct bench *b)
{
    struct vox_tracker *tracker = NULL;
    enum vox_code code = new_tracker(b, SLICES, &tracker);
    double best = 1e9;
    for (int i = 0; i < 2 && code == VOX_OK; i++) {
        forget_features(b);
        double start = vox_seconds();
        for (int direction = 0; direction < 2 && code == VOX_OK; direction++) {
            vox_tracker_reset(tracker);
            code = add_box(b, tracker, SLICES / 2);
            if (code == VOX_OK) {
                code = propagate(b, tracker, direction == 1);
            }
        }
        double time = vox_seconds() - start;
        best = time < best ? time : best;
    }
    printf("13 slices, two ways      %8.1f ms  %d encoder runs\n", best * 1e3, b->encoded);
    vox_tracker_free(tracker);
    return code;
}

static enum vox_code open_network(struct bench *b, const char *checkpoint, const char *yaml)
{
    struct vox_weights *weights = NULL;
    double start = vox_seconds();
    enum vox_code code = yaml == NULL ? vox_config_builtin("sam2.1_hiera_t512", &b->config, &b->err)
                                      : vox_config_load(yaml, &b->config, &b->err);
    if (code == VOX_OK) {
        code = vox_weights_open(checkpoint, &weights, &b->err);
    }
    if (code == VOX_OK) {
        code = vox_network_open(&b->config, weights, b->be, &b->network, &b->err);
    }
    vox_weights_close(weights);
    printf("model ready              %8.1f ms\n", (vox_seconds() - start) * 1e3);
    return code;
}

static enum vox_code run_all(struct bench *b, const char *checkpoint, const char *yaml)
{
    const char *isa;
    b->peak = vox_fma_peak(b->pool, &isa);
    printf("peak                     %8.1f GFLOP/s  (%s multiply-adds, %d threads)\n", b->peak, isa,
           vox_pool_threads(b->pool));
    enum vox_code code = open_network(b, checkpoint, yaml);
    if (code == VOX_OK) {
        b->image = vox_alloc((size_t)(b->config.image_size * b->config.image_size));
        code = b->image == NULL ? vox_fail(&b->err, VOX_E_NOMEM, "out of memory") : VOX_OK;
    }
    enum vox_code (*const parts[])(struct bench *) = {bench_encoder, bench_memory_attention,
                                                      bench_click, bench_steady_slice, bench_flow};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == VOX_OK; i++) {
        code = parts[i](b);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak resident memory     %8.1f MiB\n", (double)usage.ru_maxrss / 1024);
    return code;
}

/* Returns false where an argument is wrong. */
static bool read_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.checkpoint = argc > 1 ? argv[1] : NULL, .threads = 2};
    if (argc < 2 || argc % 2 != 0) {
        return false;
    }
    for (int i = 2; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--config") == 0) {
            out->yaml = value;
        } else if (strcmp(argv[i], "--backend") == 0) {
            out->backend = value;
        } else if (strcmp(argv[i], "--threads") == 0) {
            char *end;
            out->threads = strtol(value, &end, 10);
            if (end == value || *end != '\0' || out->threads < 1 ||
                out->threads > VOX_POOL_MAX_THREADS) {
                fprintf(stderr, "bench_network: --threads %s is not a number from 1 to %d\n", value,
                        VOX_POOL_MAX_THREADS);
                return false;
            }
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: bench_network CHECKPOINT [--config YAML] [--threads N] [--backend NAME]\n");
        return 2;
    }
    struct bench b;
    memset(&b, 0, sizeof(b));
    enum vox_code code = vox_pool_new((int)options.threads, &b.pool, &b.err);
    if (code == VOX_OK) {
        code = vox_backend_open(options.backend, b.pool, &b.be, &b.err);
    }
    if (code == VOX_OK) {
        code = run_all(&b, options.checkpoint, options.yaml);
    }
    if (code != VOX_OK) {
        fprintf(stderr, "bench_network: %s\n", b.err.msg);
    }
    forget_features(&b);
    vox_free(b.image);
    vox_network_close(b.network);
    vox_backend_close(b.be);
    vox_pool_free(b.pool);
    return code == VOX_OK ? 0 : 1;
}
