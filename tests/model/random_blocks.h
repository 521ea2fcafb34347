/* Blocks of every GGUF format for the model tests: random bits, and scales such that the weights have a given size. */
#ifndef TESTS_MODEL_RANDOM_BLOCKS_H
#define TESTS_MODEL_RANDOM_BLOCKS_H

#include "kernels/kernels.h"

/* The formats that there are blocks of. */
size_t random_block_types(void);
dtype random_block_type(size_t which);
void random_blocks_seed(uint64_t seed);
/* `count` blocks whose values are about as large as `usual`. */
void random_blocks(dtype type, size_t count, float usual, uint8_t *out);

#endif
