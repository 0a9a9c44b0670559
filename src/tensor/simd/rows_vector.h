/* One vector of floats of the instruction set this file is compiled for: 16 lanes with AVX-512, 8
 * with AVX2, 4 with SSE2. Only what the row kernels need and what the operators of C do not say. */
#ifndef VOX_TENSOR_ROWS_VECTOR_H
#define VOX_TENSOR_ROWS_VECTOR_H

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define VOX_LANE_FN static inline __attribute__((always_inline, unused))

/* clang-format off */
#if defined(__AVX512F__)
enum { LANES = 16 };
typedef __m512 vec;
#define VOX_V(name) _mm512_##name
#elif defined(__AVX2__)
enum { LANES = 8 };
typedef __m256 vec;
#define VOX_V(name) _mm256_##name
#else
enum { LANES = 4 };
typedef __m128 vec;
#define VOX_V(name) _mm_##name
#endif
/* clang-format on */

VOX_LANE_FN vec v_load(const float *from)
{
    return VOX_V(loadu_ps)(from);
}

VOX_LANE_FN void v_store(float *to, vec v)
{
    VOX_V(storeu_ps)(to, v);
}

VOX_LANE_FN vec v_all(float value)
{
    return VOX_V(set1_ps)(value);
}

/* The first n < LANES values; `fill` in the other lanes. */
VOX_LANE_FN vec v_load_some(const float *from, int64_t n, float fill)
{
    float lanes[LANES];
    v_store(lanes, v_all(fill));
    memcpy(lanes, from, (size_t)n * sizeof(float));
    return v_load(lanes);
}

VOX_LANE_FN void v_store_some(float *to, int64_t n, vec v)
{
    float lanes[LANES];
    v_store(lanes, v);
    memcpy(to, lanes, (size_t)n * sizeof(float));
}

/* The second argument where either is NaN, as the instruction has it. */
VOX_LANE_FN vec v_max(vec a, vec b)
{
    return VOX_V(max_ps)(a, b);
}

VOX_LANE_FN vec v_min(vec a, vec b)
{
    return VOX_V(min_ps)(a, b);
}

/* a * b + c; rounded once where the machine can. */
VOX_LANE_FN vec v_fma(vec a, vec b, vec c)
{
#if defined(__FMA__)
    return VOX_V(fmadd_ps)(a, b, c);
#else
    return _mm_add_ps(_mm_mul_ps(a, b), c);
#endif
}

VOX_LANE_FN vec v_abs(vec a)
{
#if defined(__AVX512F__)
    return _mm512_abs_ps(a);
#else
    return VOX_V(andnot_ps)(v_all(-0.0F), a);
#endif
}

/* The larger one; NaN if either is. */
VOX_LANE_FN vec v_max_or_nan(vec a, vec b)
{
    vec larger = v_max(a, b);
#if defined(__AVX512F__)
    return _mm512_mask_mov_ps(larger, _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
#elif defined(__AVX2__)
    return _mm256_blendv_ps(larger, a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
#else
    vec nan = _mm_cmpunord_ps(a, a);
    return _mm_or_ps(_mm_and_ps(nan, a), _mm_andnot_ps(nan, larger));
#endif
}

/* `value` where x >= low or x is NaN, else 0. */
VOX_LANE_FN vec v_zero_below(vec value, vec x, vec low)
{
#if defined(__AVX512F__)
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, low, _CMP_NLT_UQ), value);
#elif defined(__AVX2__)
    return _mm256_and_ps(value, _mm256_cmp_ps(x, low, _CMP_NLT_UQ));
#else
    return _mm_and_ps(value, _mm_cmpnlt_ps(x, low));
#endif
}

/* 2^n, where `shifted` is n + 1.5 * 2^23 (so that n is in the low bits), n in -126 ... 127. */
VOX_LANE_FN vec v_power_of_two(vec shifted)
{
#if defined(__AVX512F__)
    __m512i n = _mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(n, 23));
#elif defined(__AVX2__)
    __m256i n = _mm256_add_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
#else
    __m128i n = _mm_add_epi32(_mm_castps_si128(shifted), _mm_set1_epi32(127));
    return _mm_castsi128_ps(_mm_slli_epi32(n, 23));
#endif
}

/* Rotates the LANES / 2 pairs of x: (a, b) -> (a c - b s, a s + b c). */
VOX_LANE_FN vec v_rotate(vec x, const float *cosines, const float *sines)
{
#if defined(__AVX512F__)
    const __m512i twice = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
    vec c = _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(_mm256_loadu_ps(cosines)));
    vec s = _mm512_permutexvar_ps(twice, _mm512_castps256_ps512(_mm256_loadu_ps(sines)));
    return _mm512_fmaddsub_ps(x, c, _mm512_mul_ps(_mm512_permute_ps(x, 0xB1), s));
#elif defined(__AVX2__)
    const __m256i twice = _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0);
    vec c = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(cosines)), twice);
    vec s = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(sines)), twice);
    return _mm256_fmaddsub_ps(x, c, _mm256_mul_ps(_mm256_permute_ps(x, 0xB1), s));
#else
    vec c = _mm_set_ps(cosines[1], cosines[1], cosines[0], cosines[0]);
    vec s = _mm_set_ps(sines[1], -sines[1], sines[0], -sines[0]);
    return _mm_add_ps(_mm_mul_ps(x, c), _mm_mul_ps(_mm_shuffle_ps(x, x, 0xB1), s));
#endif
}

#if defined(__AVX2__)
VOX_LANE_FN __m128 v_low(__m256 v)
{
    return _mm256_castps256_ps128(v);
}

VOX_LANE_FN __m128 v_high(__m256 v)
{
    return _mm256_extractf128_ps(v, 1);
}
#endif

/* All lanes together, always in the same order: halves, then quarters and so on. */
VOX_LANE_FN float v_sum(vec v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps(v);
#else
#if defined(__AVX2__)
    __m128 four = _mm_add_ps(v_low(v), v_high(v));
#else
    __m128 four = v;
#endif
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
#endif
}

VOX_LANE_FN float v_largest(vec v)
{
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps(v);
#else
#if defined(__AVX2__)
    __m128 four = _mm_max_ps(v_low(v), v_high(v));
#else
    __m128 four = v;
#endif
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
#endif
}

#endif
#endif
