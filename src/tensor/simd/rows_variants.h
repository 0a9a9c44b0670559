/* The vectorised row kernels: rows_simd.c, compiled once per instruction set. Only what this CPU
 * has may be called. */
#ifndef VOX_TENSOR_ROWS_VARIANTS_H
#define VOX_TENSOR_ROWS_VARIANTS_H

#include "tensor/backend.h"

const struct vox_row_ops *vox_rows_sse2(void);
const struct vox_row_ops *vox_rows_avx2(void);
const struct vox_row_ops *vox_rows_avx512(void);

#endif
