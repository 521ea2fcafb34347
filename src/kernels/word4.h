/* Four 32-bit words in one of the compiler's own vectors of 16 bytes, which every 64-bit machine has: for moving bits
 * about in files that no instruction set owns. */
#ifndef KERNELS_WORD4_H
#define KERNELS_WORD4_H

#include <stdint.h>
#include <string.h>

typedef uint32_t word4 __attribute__((vector_size(16)));

static inline word4 word4_load(const void *p)
{
    word4 words;
    memcpy(&words, p, sizeof words);
    return words;
}

static inline void word4_store(void *p, word4 words)
{
    memcpy(p, &words, sizeof words);
}

/* 4 x 4 words: ret[i] holds word i of the four rows. */
static inline void word4_transpose(const word4 in[4], word4 ret[4])
{
    const word4 a = __builtin_shufflevector(in[0], in[1], 0, 4, 1, 5);
    const word4 b = __builtin_shufflevector(in[0], in[1], 2, 6, 3, 7);
    const word4 c = __builtin_shufflevector(in[2], in[3], 0, 4, 1, 5);
    const word4 d = __builtin_shufflevector(in[2], in[3], 2, 6, 3, 7);
    ret[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    ret[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    ret[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    ret[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* Exchanges the bits of *a that `mask` shifted left names with those of *b that `mask` names. */
static inline void word4_exchange(word4 *a, word4 *b, uint32_t mask, int shift)
{
    const word4 differ = ((*a >> shift) ^ *b) & mask;
    *b ^= differ;
    *a ^= differ << shift;
}

#endif
