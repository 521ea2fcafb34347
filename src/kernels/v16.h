/* Sixteen lanes: the vocabulary that every kernel is written in, once (docs/kernels.md).
 *
 * A file under kernels/template/ is compiled once per instruction set, with KERNELS_ISA (a word: scalar, avx2, avx512,
 * neon) and KERNELS_V16 (the header that says what the words below are). kernels/scalar/v16.h is the definition; the
 * others give the same bits (any NaN equals any NaN).
 *
 * Types: v16f 16 binary32, v16i 16 int32, v16b 64 bytes (16 lanes of 4), v16m 16 truth values.
 *
 *   V16_TILE           how many v16f a tile may keep in registers; it changes speed and never a result
 *   load, store        any alignment; load_n / store_n touch only the first n (0..16), lanes from n on load as zero
 *   v16f_fma(a, b, c)  a * b + c, one rounding; v16f_fnma(a, b, c) is -(a * b) + c
 *   v16f_min, _max     a < b ? a : b, and a > b ? a : b: the second operand when unordered
 *   v16f_lt, _le, _eq, _unordered (a or b is NaN) give v16m; v16f_select(m, a, b) is m ? a : b
 *   v16f_to_int        nearest, half to even; INT32_MIN when out of range or NaN
 *   v16i_shl/shr/sar   by one count (0..31) for all lanes; shr is logical, sar arithmetic
 *   v16f_bits, v16i_as_float  reinterpret
 *   load_f16, store_f16, load_bf16, store_bf16   exact widening; narrowing to nearest even, a NaN stays a NaN
 *   fold_add, fold_max lanes i and i + 8 first, then i + 4, i + 2, i + 1; fold_max by v16f_max(lane i, lane i + w)
 *   v16i_dot4_s8s8(acc, a, b)  acc[i] += sum over 4 of a[i][j] * b[i][j], exact where b is in -127..127
 *   v16i_dot4_u8s8(acc, a, b)  the same with unsigned a, exact where a is in 0..127 and b in -127..127
 *   v16i_lookup(table, index)  each byte of index (0..15) becomes that byte of the table
 *   v16f_dot2_bf16(acc, a, b)  where V16_DOT2_BF16 is defined: rule 2's two steps on the pairs of bf16 in the lanes
 *   V16_REGISTERS      how many v16f the registers hold
 *   v16_flush_begin, v16_flush_end   between them subnormal operands and results are zeros of their sign, a result
 * being subnormal when it is below 2^-126 after rounding to 24 bits (what VDPBF16PS does); false from the end: this may
 * not have been so, compute it again another way
 */
#ifndef KERNELS_V16_H
#define KERNELS_V16_H

#include "kernels/half.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Everything here is static, and inlined but for a few long ones of the scalar set, so that no copy compiled with an
 * instruction set's flags can be picked by the linker for code that must run everywhere. */
#define V16_INLINE static inline __attribute__((always_inline))

#define V16_JOIN_(a, b) a##_##b
#define V16_JOIN(a, b) V16_JOIN_(a, b)
/* The exported name of a template's function for the instruction set that is being compiled. */
#define V16_NAME(name) V16_JOIN(name, KERNELS_ISA)

#include KERNELS_V16

/* To the nearest bf16, half to even, as a binary32; a NaN becomes quiet. */
V16_INLINE v16f v16f_round_bf16(v16f a)
{
    const v16i bits = v16f_bits(a);
    const v16i odd = v16i_and(v16i_shr(bits, 16), v16i_set1(1));
    const v16i rounded = v16i_add(v16i_add(bits, v16i_set1(0x7FFF)), odd);
    const v16i quiet = v16i_or(bits, v16i_set1(0x400000));
    const v16i chosen = v16i_select(v16f_unordered(a, a), quiet, rounded);
    return v16i_as_float(v16i_and(chosen, v16i_set1((int32_t)0xFFFF0000)));
}

#endif
