/* A permutation of 0 … count - 1 that needs no memory: any place is computed by itself. docs/formats/corpus.md. */
#ifndef CORPUS_FEISTEL_H
#define CORPUS_FEISTEL_H

#include "base/random.h"

/* Where `place` (below `count`) goes: a Feistel network of eight rounds over the smallest power of two that holds
 * `count`, its round function random_philox(seed, purpose, step, …); walked on until it lands below `count`, which
 * takes less than two rounds on average. */
uint64_t feistel_permute(uint64_t count, uint64_t seed, random_purpose purpose, uint64_t step, uint64_t place);

#endif
