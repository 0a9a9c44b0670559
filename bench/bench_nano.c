/* bench_nano [CHECKPOINT] [--config YAML] [--threads N] [--runs N]
 *
 * One box on a lesion of 13 slices in a CT of 512 x 512 x 24 voxels, all slices in both directions,
 * as 'voxlabel segment' does it: with the model inside the program and, for the ratio, with
 * CHECKPOINT. Each model has a process of its own, whose memory at its most is told. Every run sees
 * another image, so that nothing is remembered of an earlier one; the best of them counts. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/memory.h"
#include "voxlabel/voxlabel.h"

enum { SIDE = 512, DEPTH = 24, SLICE = SIDE * SIDE, KEY = 11, FIRST = 5, LAST = 17, RADIUS = 30 };

struct options {
    const char *checkpoint; /* NULL: the model inside alone */
    const char *config;
    int threads, runs;
};

struct figures {
    double open, run, cpu; /* seconds */
    long long voxels;      /* that were found */
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A body in air with organs of several densities, grain, and a lesion that is round on each of its
 * slices and smaller towards the ends. */
static void draw(int16_t *voxels, int seed)
{
    for (int v = 0; v < SLICE * DEPTH; v++) {
        double x = v % SIDE - 256.0, y = v / SIDE % SIDE - 256.0;
        int k = v / SLICE;
        double organs = 40.0 * sin(x * 0.031 + k * 0.1) * cos(y * 0.027 - k * 0.07);
        double value = x * x / 48400.0 + y * y / 25600.0 < 1.0 ? 40.0 + organs : -1000.0;
        double dx = x - 40.0, dy = y + 30.0, dz = (k - KEY) / 6.6;
        if (dx * dx + dy * dy < RADIUS * RADIUS * (1.0 - dz * dz)) {
            value = 110.0;
        }
        uint32_t noise = ((uint32_t)v + (uint32_t)seed * 77777U) * UINT32_C(2654435761);
        voxels[v] = (int16_t)(value + (double)(noise >> 26) - 32.0);
    }
}

static enum vox_code segment(struct vox_model *model, const int16_t *voxels, long long *found,
                             struct vox_err *err)
{
    static const double corners[4] = {266.0, 196.0, 326.0, 256.0}, ends[2] = {FIRST, LAST};
    const struct vox_voxels stored = {
        .size = {SIDE, SIDE, DEPTH},
        .type = VOX_VOXEL_I16,
        .data = voxels,
        .affine = {{0.7, 0.0, 0.0, 0.0}, {0.0, 0.7, 0.0, 0.0}, {0.0, 0.0, 5.0, 0.0}},
    };
    static const char both_ways[] = "{\"passes\": \"intersection\"}";
    struct vox_image *image = NULL;
    struct vox_request *request = NULL;
    struct vox_result *result = NULL;
    enum vox_code code = vox_image_wrap(model, &stored, &image, err);
    if (code == VOX_OK) {
        code = vox_request_open(NULL, 0, &request, err);
    }
    if (code == VOX_OK) {
        code = vox_request_params(request, both_ways, sizeof(both_ways) - 1, err);
    }
    if (code == VOX_OK) {
        code = vox_request_box(request, NULL, KEY, corners, ends, err);
    }
    if (code == VOX_OK) {
        code = vox_segment(model, image, request, NULL, &result, err);
    }
    if (code == VOX_OK) {
        struct vox_result_facts facts;
        vox_result_describe(result, &facts);
        *found = (long long)facts.voxels;
    }
    vox_result_close(result);
    vox_request_close(request);
    vox_image_close(image);
    return code;
}

static enum vox_code time_runs(struct vox_model *model, int runs, struct figures *out,
                               struct vox_err *err)
{
    int16_t *voxels = vox_alloc(sizeof(*voxels) * SLICE * DEPTH);
    enum vox_code code = voxels == NULL ? vox_fail(err, VOX_E_NOMEM, "out of memory") : VOX_OK;
    out->run = out->cpu = 1e9;
    for (int i = 0; i < runs && code == VOX_OK; i++) {
        draw(voxels, i);
        double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        code = segment(model, voxels, &out->voxels, err);
        wall = seconds_of(CLOCK_MONOTONIC) - wall;
        cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        out->run = wall < out->run ? wall : out->run;
        out->cpu = cpu < out->cpu ? cpu : out->cpu;
    }
    vox_free(voxels);
    return code;
}

/* In a process of its own. */
static int work(const struct options *options, const char *checkpoint, int out)
{
    const struct vox_model_options how = {.config = checkpoint != NULL ? options->config : NULL,
                                          .threads = options->threads};
    struct figures figures = {0};
    struct vox_model *model;
    struct vox_err err = {0};
    double start = seconds_of(CLOCK_MONOTONIC);
    enum vox_code code = vox_model_open(checkpoint, &how, &model, &err);
    figures.open = seconds_of(CLOCK_MONOTONIC) - start;
    if (code == VOX_OK) {
        code = time_runs(model, options->runs, &figures, &err);
        vox_model_close(model);
    }
    if (code != VOX_OK) {
        fprintf(stderr, "bench_nano: %s\n", err.msg);
        return 1;
    }
    return write(out, &figures, sizeof(figures)) == (ssize_t)sizeof(figures) ? 0 : 1;
}

/* False where it failed, after it was said. */
static bool measure(const struct options *options, const char *checkpoint, struct figures *out)
{
    int ends[2], status;
    struct rusage usage;
    if (pipe(ends) != 0) {
        perror("bench_nano");
        return false;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        _exit(work(options, checkpoint, ends[1]));
    }
    close(ends[1]);
    bool done = child > 0 && read(ends[0], out, sizeof(*out)) == (ssize_t)sizeof(*out);
    close(ends[0]);
    done = child > 0 && wait4(child, &status, 0, &usage) == child && status == 0 && done;
    if (done) {
        printf("%-14s %8.2f s %8.2f s %8.2f s %8.1f MiB %9lld\n",
               checkpoint != NULL ? "CHECKPOINT" : "voxlabel-nano", out->open, out->run, out->cpu,
               (double)usage.ru_maxrss / 1024.0, out->voxels);
    }
    return done;
}

static bool read_count(const char *text, int *out)
{
    char *end;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return end != text && *end == '\0' && value >= 1 && value <= 1024;
}

/* False where an argument is wrong. */
static bool read_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.threads = 2, .runs = 5};
    int i = 1;
    if (argc > 1 && strncmp(argv[1], "--", 2) != 0) {
        out->checkpoint = argv[i++];
    }
    for (; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--config") == 0) {
            out->config = value;
        } else if (strcmp(argv[i], "--threads") == 0) {
            if (!read_count(value, &out->threads)) {
                return false;
            }
        } else if (strcmp(argv[i], "--runs") != 0 || !read_count(value, &out->runs)) {
            return false;
        }
    }
    return i == argc;
}

int main(int argc, char **argv)
{
    struct options options;
    struct figures nano, other;
    if (!read_options(argc, argv, &options)) {
        fprintf(stderr,
                "usage: bench_nano [CHECKPOINT] [--config YAML] [--threads N] [--runs N]\n");
        return 2;
    }
    printf("13 slices, two ways, %d threads, best of %d\n", options.threads, options.runs);
    printf("%-14s %10s %10s %10s %12s %9s\n", "model", "open", "run", "its CPU", "memory",
           "voxels");
    if (!measure(&options, NULL, &nano)) {
        return 1;
    }
    if (options.checkpoint != NULL) {
        if (!measure(&options, options.checkpoint, &other)) {
            return 1;
        }
        printf("ratio %.1f of the runs, %.1f of their CPU\n", other.run / nano.run,
               other.cpu / nano.cpu);
    }
    return 0;
}
