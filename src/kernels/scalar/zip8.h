/* The words of kernels/zip8.h: the definition. */
#ifndef KERNELS_SCALAR_ZIP8_H
#define KERNELS_SCALAR_ZIP8_H

#include "kernels/v16.h"

V16_INLINE v16i v16_scalar_zip8(v16i a, v16i b, size_t from)
{
    uint8_t both[2][64];
    uint8_t zipped[64];
    memcpy(both[0], &a, 64);
    memcpy(both[1], &b, 64);
    for (size_t i = 0; i < 64; i++) {
        zipped[i] = both[i % 2][i / 16 * 16 + from + i % 16 / 2];
    }
    memcpy(&a, zipped, 64);
    return a;
}
V16_INLINE v16i v16i_zip8_low(v16i a, v16i b)
{
    return v16_scalar_zip8(a, b, 0);
}
V16_INLINE v16i v16i_zip8_high(v16i a, v16i b)
{
    return v16_scalar_zip8(a, b, 8);
}

#endif
