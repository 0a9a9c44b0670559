#include "fma_peak.h"

#include <stdbool.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Enough chains to hide a latency of 4 to 5 cycles on two units; they fit the registers of every
 * set. */
enum { CHAINS = 12, ROUNDS = 4000000, RUNS = 5 };

double vox_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#define FMA_LOOP(type, set, fmadd, constraint)                                                     \
    type sum[CHAINS];                                                                              \
    const type factor = set(0.999f);                                                               \
    const type term = set(0.001f);                                                                 \
    for (int c = 0; c < CHAINS; c++) {                                                             \
        sum[c] = set(0.1f * (float)c);                                                             \
    }                                                                                              \
    for (int i = 0; i < ROUNDS; i++) {                                                             \
        for (int c = 0; c < CHAINS; c++) {                                                         \
            sum[c] = fmadd(sum[c], factor, term);                                                  \
        }                                                                                          \
    }                                                                                              \
    for (int c = 0; c < CHAINS; c++) {                                                             \
        __asm__ volatile("" : : constraint(sum[c]));                                               \
    }

__attribute__((target("avx512f"))) static void loop_avx512(void)
{
    FMA_LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps, "v")
}

__attribute__((target("avx2,fma"))) static void loop_avx2(void)
{
    FMA_LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps, "x")
}
#endif

/* Without FMA instructions: a multiplication and an addition per step. */
static void loop_plain(void)
{
    float sum[CHAINS];
    for (int c = 0; c < CHAINS; c++) {
        sum[c] = 0.1f * (float)c;
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int c = 0; c < CHAINS; c++) {
            sum[c] = sum[c] * 0.999f + 0.001f;
        }
    }
    volatile float sink = 0;
    for (int c = 0; c < CHAINS; c++) {
        sink = sink + sum[c];
    }
}

struct peak {
    void (*loop)(void);
};

static enum vox_code peak_tile(void *context, int64_t tile, struct vox_lane *lane,
                               struct vox_err *err)
{
    (void)tile;
    (void)lane;
    (void)err;
    ((const struct peak *)context)->loop();
    return VOX_OK;
}

double vox_fma_peak(struct vox_pool *pool, const char **isa)
{
    struct peak peak = {loop_plain};
    int width = 1;
    *isa = "plain C";
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        peak.loop = loop_avx512;
        width = 16;
        *isa = "AVX-512";
    } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        peak.loop = loop_avx2;
        width = 8;
        *isa = "AVX2";
    }
#endif
    double best = 0;
    int threads = vox_pool_threads(pool);
    for (int run = 0; run < RUNS; run++) {
        double start = vox_seconds();
        if (vox_pool_run(pool, threads, peak_tile, &peak, NULL) != VOX_OK) {
            return 0;
        }
        double rate = 2.0 * CHAINS * ROUNDS * width * threads / (vox_seconds() - start) / 1e9;
        best = rate > best ? rate : best;
    }
    return best;
}
