/* MinHash: which texts are alike. docs/formats/corpus.md, "Near duplicates". */
#ifndef CORPUS_NEAR_H
#define CORPUS_NEAR_H

#include "base/error.h"

#define NEAR_SEED 0x6865617274680001u /* of the permutations: part of the format */

/* Permutations x -> (a x + b mod 2^64) mod (2^61 - 1), of which the low 32 bits count. */
typedef struct near_family {
    uint64_t *a, *b;
    size_t count;
} near_family;

hearth_status near_family_make(size_t count, near_family *ret, hearth_error *error);
void near_family_free(near_family *f);
/* The least value of each permutation over the hashes, each folded to 32 bits by XOR of its halves. */
void near_signature(const near_family *f, const uint64_t *hashes, size_t count, uint32_t *ret);

#endif
