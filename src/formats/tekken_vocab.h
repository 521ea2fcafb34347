/* The "vocab" of a tekken.json, which is nearly all of it, without a tree of JSON values. */
#ifndef FORMATS_TEKKEN_VOCAB_H
#define FORMATS_TEKKEN_VOCAB_H

#include "base/buffer.h"

typedef struct tekken_entry {
    const char *bytes; /* base64 */
    size_t length;
    uint64_t rank;
} tekken_entry;

typedef struct tekken_vocab {
    tekken_entry *entries; /* [count], in the file's order; bytes lie in the text */
    size_t count, capacity;
    size_t start, end; /* in the text: of the array, with its brackets */
} tekken_vocab;

/* Whether the outermost object has a key "vocab" with an array, which tells a tekken.json from a tokenizer.json. */
bool tekken_vocab_is_there(const char *text, size_t length);

/* Reads the array of the outermost key "vocab". *ret_plain false where it is not the plain JSON that published files
 * hold, so that the whole text must be parsed, which also names what is wrong. What stands around the array is not
 * checked here. HEARTH_E_MEMORY is the only failure; tekken_vocab_free frees *ret in any case. */
hearth_status tekken_vocab_scan(const char *text, size_t length, tekken_vocab *ret, bool *ret_plain,
                                hearth_error *error);
hearth_status tekken_vocab_append(tekken_vocab *v, tekken_entry entry, hearth_error *error);
void tekken_vocab_free(tekken_vocab *v);

#endif
