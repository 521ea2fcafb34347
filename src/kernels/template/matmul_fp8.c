/* FP8 with scales, for every instruction set: the definition of what its bytes mean. */
#include "kernels/fp8.h"
#include "kernels/template/matmul_fp8.h"
#include "kernels/v16.h"

/* e4m3 / 256: (8 + fraction) 2^(exponent - 10 - 8), without the 8 and as if exponent 1 where exponent is 0. */
V16_INLINE v16f fp8_sixteen(const uint8_t *bytes)
{
    const v16i byte = v16i_load_u8(bytes);
    const v16i magnitude = v16i_and(byte, v16i_set1(0x7F));
    const v16i exponent = v16i_shr(magnitude, 3);
    const v16i normal = v16i_min(exponent, v16i_set1(1));
    const v16i whole = v16i_or(v16i_and(magnitude, v16i_set1(7)), v16i_shl(normal, 3));
    const v16i power = v16i_shl(v16i_add(v16i_max(exponent, v16i_set1(1)), v16i_set1(127 - 10 - 8)), 23);
    const v16f value = v16f_mul(v16i_to_float(whole), v16i_as_float(power));
    const v16i sign = v16i_shl(v16i_and(byte, v16i_set1(0x80)), 24);
    const v16i bits = v16i_or(v16f_bits(value), sign);
    return v16i_as_float(v16i_select(v16i_eq(magnitude, v16i_set1(0x7F)), v16i_set1(0x7FC00000), bits));
}

V16_INLINE void fp8_two(const uint8_t *bytes, v16f scale, v16f ret[2])
{
    ret[0] = v16f_mul(scale, fp8_sixteen(bytes));
    ret[1] = v16f_mul(scale, fp8_sixteen(bytes + 16));
}

#include "kernels/template/fp8.h"

void V16_NAME(kernels_fill_matmul_fp8)(kernel_table *table)
{
    fp8_fill(table);
}
