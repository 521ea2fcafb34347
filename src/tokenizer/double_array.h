/* A trie of byte strings as a double array (Aoe 1989): one look-up a byte. */
#ifndef TOKENIZER_DOUBLE_ARRAY_H
#define TOKENIZER_DOUBLE_ARRAY_H

#include "tokenizer/spec.h"

typedef struct double_array_unit {
    uint32_t base;  /* the child for a byte is base ^ byte, if its `check` is this unit */
    uint32_t check; /* the parent; UINT32_MAX: empty */
    int32_t id;     /* of the string that ends here, or -1 */
} double_array_unit;

typedef struct double_array {
    double_array_unit *units; /* [count], a multiple of 256; the first is the root */
    size_t count;
} double_array;

/* Enters texts[0..count) that are not empty and for which `skip` is 0; of equal ones the last counts. */
hearth_status double_array_build(double_array *a, const token_text *texts, size_t count, const uint8_t *skip,
                                 hearth_error *error);
void double_array_free(double_array *a);

/* false: no string goes on like that. */
static inline bool double_array_step(const double_array *a, uint32_t *node, unsigned char byte)
{
    const uint32_t next = a->units[*node].base ^ byte;
    if (a->units[next].check != *node) {
        return false;
    }
    *node = next;
    return true;
}

#endif
