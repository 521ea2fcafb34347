/* The words of texts, counted by several threads. */
#ifndef TOKENIZER_LEARN_COUNT_H
#define TOKENIZER_LEARN_COUNT_H

#include "threads/pool.h"
#include "tokenizer/learn_words.h"
#include "tokenizer/normalize.h"
#include "tokenizer/pretokenize.h"

typedef struct count_part { /* a thread's */
    word_table words;
    uint64_t pieces;
    pretokenizer_run run;
    normalizer_scratch normal;
    buffer valid; /* a text whose bytes were no UTF-8 */
    buffer bytes; /* a word that came in GPT-2's alphabet */
    hearth_status status;
    hearth_error error;
} count_part;

typedef struct word_counter {
    const pretokenizer *pretokenizer;
    const normalizer *normalizer;
    bool from_alphabet; /* words come in GPT-2's alphabet */
    size_t block_bytes; /* a thread's piece of work */
    thread_pool *pool;
    count_part *parts; /* [part_count] */
    int part_count;
    buffer waiting; /* short documents, one behind the other */
    size_t *ends;   /* of each */
    size_t end_count, end_capacity;
    token_text *blocks;
    size_t block_count, block_capacity;
} word_counter;

/* `pretokenizer` and `normalizer` must outlive it. What was made is freed by word_counter_free, also after a failure.
 */
hearth_status word_counter_init(word_counter *c, int threads, const pretokenizer *p, const normalizer *n,
                                hearth_error *error);
hearth_status word_counter_add(word_counter *c, const char *text, size_t length, hearth_error *error);
/* Counts what waits; then each word is in one of the parts' tables, with all of its count. */
hearth_status word_counter_finish(word_counter *c, hearth_error *error);
void word_counter_free(word_counter *c);

#endif
