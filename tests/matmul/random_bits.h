/* Random bits that are the same in each run (xorshift64). */
#ifndef TESTS_MATMUL_RANDOM_BITS_H
#define TESTS_MATMUL_RANDOM_BITS_H

#include <stdint.h>

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static inline uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

#endif
