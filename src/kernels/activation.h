/* The layouts of activations: what a product multiplies with (docs/formats/number-formats.md).
 *
 * ACTIVATION_F32 and ACTIVATION_BF16: token t is a row of binary32 values that starts at float
 * t * activation_row_floats(k), k ascending; for ACTIVATION_BF16 each value is rounded to bf16 first (nearest
 * even; subnormal bf16 become zero) and the rest of the row is zeros. (The row is longer than k so that rows do not
 * fall onto the same cache sets.)
 *
 * ACTIVATION_Q8: a token is k / 32 records, one after the other (k is a multiple of 32); token t starts at record t *
 * (k / 32).
 *
 *     d = amax / 127                  the largest |x| of the 32 over 127, in binary32
 *     q = rint(x * (127 / amax))      half to even, always within [-127, 127]; 0 where amax or 127 / amax is not finite
 *     s = d * (float)sum(q)           what a format's minimum is multiplied with
 *
 * amax is NaN when an x is NaN, so an infinity or NaN in the input makes d and s, and the product, infinite or NaN.
 *
 * The kernels walk a block in groups of four values (one 32-bit word). A weight kept with an offset (Q4_0: +8) needs
 * the block's sum of q to take the offset out again; the sums are kept in the two 16-bit halves that
 * "multiply unsigned by signed bytes, add pairs" produces, so that the correction is one 16-bit operation. */
#ifndef KERNELS_ACTIVATION_H
#define KERNELS_ACTIVATION_H

#include <stddef.h>
#include <stdint.h>

/* Floats from one token's row to the next in ACTIVATION_F32 and ACTIVATION_BF16. */
static inline size_t activation_row_floats(size_t k)
{
    return (k + 31) / 16 * 16;
}

#define ACTIVATION_Q8_VALUES 32u

typedef struct activation_q8 {
    int8_t q[32];
    float d;
    float s;
    int16_t block_sum[2]; /* [j]: sum of q[i] over all i with (i % 4) / 2 == j; both together: sum(q) */
    int16_t half_sum[2];  /* the same over i < 16 only (Q6_K has a scale per 16 values) */
} activation_q8;

_Static_assert(sizeof(activation_q8) == 48, "the kernels step through records of 48 bytes");

#endif
