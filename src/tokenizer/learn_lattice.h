/* All ways to cut a word into pieces: how often each piece is expected, and the best way. */
#ifndef TOKENIZER_LEARN_LATTICE_H
#define TOKENIZER_LEARN_LATTICE_H

#include "base/error.h"
#include "tokenizer/double_array.h"
#include "tokenizer/learn_unigram.h"

#define LATTICE_BYTES ((size_t)4096) /* longer words are taken in parts */

typedef struct lattice_edge {
    int32_t piece;
    uint32_t length;
} lattice_edge;

typedef struct lattice {
    const double_array *trie;
    const double *scores;        /* by piece */
    const double *probabilities; /* by piece */
    lattice_edge *edges;         /* of each place in turn */
    uint32_t *first;             /* [LATTICE_BYTES + 2] each place's first edge */
    double *forward, *inner;     /* [LATTICE_BYTES + 1] */
    int32_t *scale, *back;       /* [LATTICE_BYTES + 1] */
} lattice;

hearth_status lattice_init(lattice *l, hearth_error *error);
void lattice_free(lattice *l);

/* Adds `count` times the probability of each piece, given the word, to expected[piece], in units of 1 / unit. Every
 * byte is a piece; length <= LATTICE_BYTES. */
void lattice_expect(lattice *l, const char *word, size_t length, double count, double unit, int64_t *expected);

/* The way of the highest score: pieces to ret[0..*ret_count) (room for `length`), last one first; without pieces of
 * `longest` bytes and more. */
double lattice_best(lattice *l, const char *word, size_t length, size_t longest, int32_t *ret, size_t *ret_count);

#endif
