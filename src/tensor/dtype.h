/* Element types of tensors in files and in operator tables. */
#ifndef VOX_TENSOR_DTYPE_H
#define VOX_TENSOR_DTYPE_H

#include <stddef.h>
#include <stdint.h>

enum vox_dtype { VOX_F32, VOX_F16, VOX_BF16 };

/* Bytes of one element. */
size_t vox_dtype_size(enum vox_dtype dtype);

/* "f32", "f16", "bf16"; static. */
const char *vox_dtype_name(enum vox_dtype dtype);

/* Exact widening of one IEEE half or bfloat16 value. */
float vox_f16_to_f32(uint16_t bits);
float vox_bf16_to_f32(uint16_t bits);

/* Rounding to the nearest bfloat16, ties to even; NaN stays NaN. */
uint16_t vox_f32_to_bf16(float value);

/* Widens n elements of dtype at src (little endian, any alignment) to float. */
void vox_widen(enum vox_dtype dtype, const void *src, size_t n, float *dst);

#endif
