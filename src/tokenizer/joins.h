/* Where words of a vocabulary of characters may be cut: between two characters that stand side by side in no token, no
 * merge can reach over. Each part is then merged for itself, with the same result, and most parts are known by heart.
 */
#ifndef TOKENIZER_JOINS_H
#define TOKENIZER_JOINS_H

#include "base/arena.h"
#include "base/utf8.h"
#include "tokenizer/vocab.h"

#define JOINS_MARKER 128u /* U+2581, SentencePiece's space */
#define JOINS_OTHER 129u  /* any other character that is not ASCII */
#define JOINS_CLASSES 130u

typedef struct joins {
    uint8_t *together; /* [JOINS_CLASSES * JOINS_CLASSES], by the left and the right class; NULL: cut nowhere */
} joins;

/* `words`: the tokens that text may become, of texts[0..count) those with skip[i] == 0. `drops`: characters without a
 * token are left out, which makes neighbours of what stood around them. HEARTH_E_MEMORY. */
hearth_status joins_make(joins *j, arena *a, const vocab *words, const token_text *texts, const uint8_t *skip,
                         size_t count, bool drops, hearth_error *error);

/* The class of the character at `at` (< end) and its length. */
static inline unsigned joins_class(const char *at, const char *end, size_t *ret_length)
{
    const unsigned char first = (unsigned char)*at;
    if (first < 0x80) {
        *ret_length = 1;
        return first;
    }
    uint32_t code = 0;
    *ret_length = utf8_decode_lossy(at, (size_t)(end - at), &code);
    return code == 0x2581 ? JOINS_MARKER : JOINS_OTHER;
}

/* The length of the part that begins at `text` (< end). */
static inline size_t joins_part(const joins *j, const char *text, const char *end)
{
    size_t taken = 0;
    unsigned left = joins_class(text, end, &taken);
    for (const char *at = text + taken; at < end; at += taken) {
        const unsigned right = joins_class(at, end, &taken);
        if (j->together[left * JOINS_CLASSES + right] == 0) {
            return (size_t)(at - text);
        }
        left = right;
    }
    return (size_t)(end - text);
}

#endif
