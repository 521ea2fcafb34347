/* The words of kernels/zip8.h in NEON. */
#ifndef KERNELS_NEON_ZIP8_H
#define KERNELS_NEON_ZIP8_H

#include "kernels/v16.h"

V16_INLINE int32x4_t v16_neon_zip8_low(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_u8(vzip1q_u8(vreinterpretq_u8_s32(a), vreinterpretq_u8_s32(b)));
}
V16_INLINE int32x4_t v16_neon_zip8_high(int32x4_t a, int32x4_t b)
{
    return vreinterpretq_s32_u8(vzip2q_u8(vreinterpretq_u8_s32(a), vreinterpretq_u8_s32(b)));
}
V16_INLINE v16i v16i_zip8_low(v16i x, v16i y)
{
    return (v16i){v16_neon_zip8_low(x.a, y.a), v16_neon_zip8_low(x.b, y.b), v16_neon_zip8_low(x.c, y.c),
                  v16_neon_zip8_low(x.d, y.d)};
}
V16_INLINE v16i v16i_zip8_high(v16i x, v16i y)
{
    return (v16i){v16_neon_zip8_high(x.a, y.a), v16_neon_zip8_high(x.b, y.b), v16_neon_zip8_high(x.c, y.c),
                  v16_neon_zip8_high(x.d, y.d)};
}

#endif
