/* Words and how often they came: an open-addressing table that keeps short words in its slots. */
#ifndef TOKENIZER_LEARN_WORDS_H
#define TOKENIZER_LEARN_WORDS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define WORD_INLINE_BYTES 12

typedef struct word_slot { /* 32 bytes */
    uint64_t hash;
    uint64_t count; /* 0: empty */
    uint32_t length;
    char text[WORD_INLINE_BYTES]; /* the word, or, where it is longer, the offset of it in the table's text */
} word_slot;

typedef struct word_table {
    word_slot *slots; /* [mask + 1] */
    size_t mask;      /* 0: nothing is there yet */
    size_t count;
    size_t bytes; /* of all words */
    char *text;   /* of the long ones */
    size_t text_length, text_capacity;
} word_table;

/* A word's slot, entered with a count of 0 where it is new; the caller must make it more than 0 at once. NULL: memory
 * is out. */
word_slot *word_table_enter(word_table *t, const char *word, size_t length, uint64_t hash);
/* NULL where it is not there. */
const word_slot *word_table_find(const word_table *t, const char *word, size_t length);
/* length < 2^32. */
hearth_status word_table_add(word_table *t, const char *word, size_t length, uint64_t hash, uint64_t count,
                             hearth_error *error);
const char *word_slot_text(const word_table *t, const word_slot *slot);
void word_table_free(word_table *t);

#endif
