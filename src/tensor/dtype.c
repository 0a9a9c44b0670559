#include "tensor/dtype.h"

#include <string.h>

size_t vox_dtype_size(enum vox_dtype dtype)
{
    return dtype == VOX_F32 ? 4 : 2;
}

const char *vox_dtype_name(enum vox_dtype dtype)
{
    switch (dtype) {
    case VOX_F32:
        return "f32";
    case VOX_F16:
        return "f16";
    case VOX_BF16:
        return "bf16";
    }
    return "unknown";
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float vox_bf16_to_f32(uint16_t bits)
{
    return from_bits((uint32_t)bits << 16);
}

float vox_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 0x1fu;
    uint32_t fraction = bits & 0x3ffu;
    if (exponent == 0x1f) {
        return from_bits(sign | 0x7f800000u | fraction << 13);
    }
    if (exponent != 0) {
        return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    }
    /* Subnormal: fraction * 2^-24, exact in float. */
    float value = (float)fraction * 0x1p-24f;
    return sign != 0 ? -value : value;
}

uint16_t vox_f32_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    bits += 0x7fffu + ((bits >> 16) & 1u);
    return (uint16_t)(bits >> 16);
}

void vox_widen(enum vox_dtype dtype, const void *src, size_t n, float *dst)
{
    if (dtype == VOX_F32) {
        memcpy(dst, src, n * sizeof(*dst));
        return;
    }
    const uint8_t *at = src;
    for (size_t i = 0; i < n; i++, at += 2) {
        uint16_t bits = (uint16_t)(at[0] | at[1] << 8);
        dst[i] = dtype == VOX_F16 ? vox_f16_to_f32(bits) : vox_bf16_to_f32(bits);
    }
}
