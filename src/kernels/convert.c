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
