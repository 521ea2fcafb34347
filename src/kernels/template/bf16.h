/* Operands of rule 2 of docs/numerics.md. */
#ifndef KERNELS_TEMPLATE_BF16_H
#define KERNELS_TEMPLATE_BF16_H

#include "kernels/v16.h"

/* Rounded to bf16; what is subnormal then is a zero of the same sign. */
V16_INLINE v16f v16f_bf16_operand(v16f x)
{
    const v16f rounded = v16f_round_bf16(x);
    const v16f zero = v16i_as_float(v16i_and(v16f_bits(rounded), v16i_set1(INT32_MIN)));
    return v16f_select(v16f_lt(v16f_abs(rounded), v16f_set1(0x1p-126f)), zero, rounded);
}

#endif
