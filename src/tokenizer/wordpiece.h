/* WordPiece (Schuster and Nakajima, 2012; as BERT uses it): a word is cut into the longest tokens, from left to right;
 * what does not begin a word is written with a prefix in the vocabulary. */
#ifndef TOKENIZER_WORDPIECE_H
#define TOKENIZER_WORDPIECE_H

#include "base/arena.h"
#include "tokenizer/vocab.h"

typedef struct wordpiece {
    const vocab *words;        /* what may begin a word */
    vocab tails;               /* what may follow inside one, without the prefix */
    size_t longest_characters; /* a longer word is the unknown token */
    int32_t unknown;
} wordpiece;

/* `entries` as the file writes them; `skip`: those that are no symbol of the model's. `words` must outlive `w`.
 * wordpiece_free frees the table. */
hearth_status wordpiece_make(wordpiece *w, arena *a, const vocab *words, const token_text *entries, const uint8_t *skip,
                             const tokenizer_spec *spec, hearth_error *error);
void wordpiece_free(wordpiece *w);

/* Appends a word's ids. Linear in its length: a token is at most as long as the vocabulary's longest. */
hearth_status wordpiece_encode(const wordpiece *w, const char *word, size_t length, token_list *out,
                               hearth_error *error);

#endif
