/* binary16 and bfloat16 against binary32, exact, in integer arithmetic: the definition that instructions must match. */
#ifndef KERNELS_HALF_H
#define KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t half_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float half_bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float half_f16_to_f32(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 31u;
    const uint32_t fraction = half & 0x3FFu;
    if (exponent == 31u) {
        return half_bits_float(sign | 0x7F800000u | (fraction << 13) | (fraction != 0 ? 0x400000u : 0u));
    }
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exact */
        return half_bits_float(half_float_bits((float)fraction * 0x1p-24f) | sign);
    }
    return half_bits_float(sign | ((exponent + 112u) << 23) | (fraction << 13));
}

static inline uint16_t half_f16_from_f32(float value)
{
    const uint32_t bits = half_float_bits(value);
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {
        return (uint16_t)(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu));
    }
    if (magnitude >= 0x477FF000u) { /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7C00u);
    }
    if (magnitude >= 0x38800000u) { /* a normal binary16: rebias, round the 13 low bits */
        const uint32_t rebiased = magnitude - (112u << 23);
        return (uint16_t)(sign | ((rebiased + 0xFFFu + ((rebiased >> 13) & 1u)) >> 13));
    }
    if (magnitude < 0x33000000u) { /* below half of the smallest subnormal */
        return (uint16_t)sign;
    }
    /* subnormal: the significand shifted to units of 2^-24, nearest even */
    const uint32_t shift = 126u - (magnitude >> 23);
    const uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
    const uint32_t kept = significand >> shift;
    const uint32_t rest = significand & ((1u << shift) - 1u);
    const uint32_t middle = 1u << (shift - 1u);
    return (uint16_t)(sign | (kept + (rest > middle || (rest == middle && (kept & 1u)) ? 1u : 0u)));
}

static inline uint16_t half_bf16_from_f32(float value)
{
    const uint32_t bits = half_float_bits(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) {
        return (uint16_t)((bits >> 16) | 0x40u);
    }
    return (uint16_t)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

static inline float half_bf16_to_f32(uint16_t bits)
{
    return half_bits_float((uint32_t)bits << 16);
}

#endif
