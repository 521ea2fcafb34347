/* A unigram vocabulary out of counted words (Kudo 2018): many pieces at first, their probabilities by expectation and
 * maximisation, then those whose loss costs least are dropped, round by round. docs/tokenizer-learning.md. */
#ifndef TOKENIZER_LEARN_UNIGRAM_H
#define TOKENIZER_LEARN_UNIGRAM_H

#include "threads/pool.h"
#include "tokenizer/learn.h"
#include "tokenizer/learn_words.h"

#define PIECE_BYTES 16

typedef struct unigram_piece {
    double score; /* the logarithm of its probability */
    uint8_t length;
    char bytes[PIECE_BYTES];
} unigram_piece;

typedef struct learned_unigram {
    unigram_piece *pieces; /* [piece_count], the most probable first; the 256 bytes are among them */
    size_t piece_count;
} learned_unigram;

/* `parts`: the words, each in one of the tables. What is in `ret` is freed by learned_unigram_free, also after a
 * failure. */
hearth_status learn_unigram(const learn_options *options, const word_table *parts, size_t part_count, thread_pool *pool,
                            learned_unigram *ret, hearth_error *error);
void learned_unigram_free(learned_unigram *u);

/* ---- for its own files: the words one behind the other, and the first pieces ---- */
typedef struct flat_words {
    char *text;
    size_t *starts;   /* [count + 1] */
    uint64_t *counts; /* [count] */
    size_t count;
    uint64_t bytes; /* of all words, each as often as it comes: below 2^62 */
} flat_words;

/* For qsort: the highest score first, then by bytes. */
int learn_compare_pieces(const void *a, const void *b);

/* The 256 bytes, then at most `most` of the substrings of two bytes and more that are whole characters and come twice
 * or more: those with the most bytes in all. `score` is that. */
hearth_status learn_seeds(const flat_words *words, size_t most, unigram_piece **ret, size_t *ret_count,
                          hearth_error *error);

#endif
