#include "tensor/plan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/simd/rows_variants.h"

#if defined(__x86_64__)

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* VOXLABEL_ISA=sse2 or avx2 keeps a newer CPU from its newer instructions, so that every path can
 * be tested. */
const struct vox_row_ops *vox_rows_best(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread of this program changes its environment */
    const char *wish = getenv("VOXLABEL_ISA");
    bool sse2 = wish != NULL && strcmp(wish, "sse2") == 0;
    bool avx2 = wish != NULL && strcmp(wish, "avx2") == 0;
    if (!sse2 && !avx2 && has_avx512()) {
        return vox_rows_avx512();
    }
    if (!sse2 && has_avx2()) {
        return vox_rows_avx2();
    }
    return vox_rows_sse2();
}

#else

const struct vox_row_ops *vox_rows_best(void)
{
    return vox_rows_ref();
}

#endif
