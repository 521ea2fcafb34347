/* Byte strings to ids: one open-addressing table. */
#ifndef TOKENIZER_VOCAB_H
#define TOKENIZER_VOCAB_H

#include "tokenizer/spec.h"

typedef struct vocab_slot {
    uint32_t hash;
    int32_t id; /* -1: empty */
} vocab_slot;

/* Texts belong to whoever filled the table and must outlive it. */
typedef struct vocab {
    vocab_slot *slots; /* [mask + 1] */
    size_t mask;
    const token_text *texts; /* [count], by id */
    size_t count;
    size_t longest; /* bytes */
} vocab;

uint64_t vocab_hash(const char *text, size_t length);

/* Enters texts[0..count) that are not empty and for which `skip` (NULL: none) is 0. Two equal texts: the first stays
 * and *ret_duplicate is the id of the second (-1: none). HEARTH_E_MEMORY. */
hearth_status vocab_build(vocab *v, const token_text *texts, size_t count, const uint8_t *skip, int32_t *ret_duplicate,
                          hearth_error *error);
void vocab_free(vocab *v);

int32_t vocab_find_hashed(const vocab *v, const char *text, size_t length, uint64_t hash);
/* -1 when there is none. */
int32_t vocab_find(const vocab *v, const char *text, size_t length);

#endif
