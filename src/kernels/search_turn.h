/* Rows of a tile beside each other, and apart again: transposes out of shuffles that the compiler knows for every
 * instruction set. For template/search.c. */
#ifndef KERNELS_SEARCH_TURN_H
#define KERNELS_SEARCH_TURN_H

#include "kernels/v16.h"

typedef float search_f8 __attribute__((vector_size(32)));
typedef uint8_t search_b16 __attribute__((vector_size(16)));

/* to[i * 16 + r] = from[r * stride + i] for i and r below 8. */
V16_INLINE void search_turn_8(const float *from, size_t stride, float *to)
{
    search_f8 a[8], b[8];
    for (int r = 0; r < 8; r++) {
        memcpy(&a[r], from + r * stride, sizeof a[r]);
    }
    for (int r = 0; r < 8; r += 2) { /* pairs of rows */
        b[r] = __builtin_shufflevector(a[r], a[r + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[r + 1] = __builtin_shufflevector(a[r], a[r + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int r = 0; r < 8; r += 4) { /* fours */
        for (int h = 0; h < 2; h++) {
            a[r + 2 * h] = __builtin_shufflevector(b[r + h], b[r + 2 + h], 0, 1, 8, 9, 4, 5, 12, 13);
            a[r + 2 * h + 1] = __builtin_shufflevector(b[r + h], b[r + 2 + h], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int i = 0; i < 4; i++) { /* a[i]: columns i and i + 4 of four rows */
        b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; i++) {
        memcpy(to + 16 * i, &b[i], sizeof b[i]);
    }
}

/* rows[r][i] = tile[i * 16 + r], sixteen of each. */
V16_INLINE void search_turn_bytes(const int8_t *tile, int8_t *rows, size_t stride)
{
    search_b16 a[16], b[16];
    for (int i = 0; i < 16; i++) {
        memcpy(&a[i], tile + 16 * i, sizeof a[i]);
    }
    /* Four times: vectors i and i + 8 take turns byte by byte, which moves the number's highest bit to the lowest. */
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            b[2 * i + 1] =
                __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(a, b, sizeof a);
    }
    for (int r = 0; r < 16; r++) {
        memcpy(rows + (size_t)r * stride, &a[r], sizeof a[r]);
    }
}

#endif
