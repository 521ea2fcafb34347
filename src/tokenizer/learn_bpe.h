/* Byte-level BPE out of counted words: the pair of neighbours that comes most often becomes a token, again and again
 * (Sennrich 2016). docs/tokenizer-learning.md has the rules. */
#ifndef TOKENIZER_LEARN_BPE_H
#define TOKENIZER_LEARN_BPE_H

#include "base/buffer.h"
#include "base/progress.h"
#include "tokenizer/learn.h"
#include "tokenizer/learn_words.h"

typedef struct learned_token {
    size_t start; /* in `bytes` */
    uint32_t length;
    bool as_written; /* a special token that is not spelled in GPT-2's alphabet; else plain bytes */
} learned_token;

typedef struct learned_merge {
    uint32_t left, right;
} learned_merge;

typedef struct learned_bpe {
    buffer bytes;
    learned_token *tokens; /* [token_count] specials, the 256 bytes, merged tokens */
    size_t token_count, special_count;
    learned_merge *merges; /* in the order of their ranks */
    size_t merge_count;
} learned_bpe;

/* `parts`: the words, each in one of the tables; the options' special tokens are there once each. What is in `ret` is
 * freed by learned_bpe_free, also after a failure. */
hearth_status learn_bpe(const learn_options *options, const word_table *parts, size_t part_count, learned_bpe *ret,
                        hearth_error *error);
void learned_bpe_free(learned_bpe *b);

#endif
