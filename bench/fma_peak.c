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
/* Twelve variables rather than an array: each must be a register, whatever the compiler unrolls. */
#define EACH(step)                                                                                 \
    step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10)       \
        step(11)
#define BEGIN(c) sum##c = SET(0.1f * (c));
#define ADD(c) sum##c = FMADD(sum##c, factor, term);
#define KEEP(c) __asm__ volatile("" : : "v"(sum##c));
#define FMA_LOOP(type)                                                                             \
    type sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7, sum8, sum9, sum10, sum11;                 \
    const type factor = SET(0.999f);                                                               \
    const type term = SET(0.001f);                                                                 \
    EACH(BEGIN)                                                                                    \
    for (int i = 0; i < ROUNDS; i++) {                                                             \
        EACH(ADD)                                                                                  \
    }                                                                                              \
    EACH(KEEP)

#define SET _mm512_set1_ps
#define FMADD _mm512_fmadd_ps
__attribute__((target("avx512f"))) static void loop_avx512(void)
{
    FMA_LOOP(__m512)
}
#undef SET
#undef FMADD

#define SET _mm256_set1_ps
#define FMADD _mm256_fmadd_ps
__attribute__((target("avx2,fma"))) static void loop_avx2(void)
{
    FMA_LOOP(__m256)
}
#undef SET
#undef FMADD
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
