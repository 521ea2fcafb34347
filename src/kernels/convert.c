/* The exported scalar conversions. */
#include "kernels/half.h"
#include "kernels/kernels.h"

float f16_to_f32(uint16_t half)
{
    return half_f16_to_f32(half);
}

uint16_t f16_from_f32(float value)
{
    return half_f16_from_f32(value);
}

uint16_t bf16_from_f32(float value)
{
    return half_bf16_from_f32(value);
}

float e4m3_to_f32(uint8_t byte)
{
    const unsigned exponent = byte >> 3 & 15u;
    const unsigned fraction = byte & 7u;
    if ((byte & 0x7Fu) == 0x7Fu) {
        return half_bits_float(0x7FC00000u);
    }
    const float whole = (float)(exponent == 0 ? fraction : 8 + fraction);
    const float magnitude = whole * (float)(1u << (exponent == 0 ? 1 : exponent)) * 0x1p-10f; /* exact */
    return (byte & 0x80u) != 0 ? -magnitude : magnitude;
}
