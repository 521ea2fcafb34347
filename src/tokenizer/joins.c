/* Which characters stand side by side in tokens. */
#include "tokenizer/joins.h"

#include <string.h>

/* A cut must not part neighbours without a token, which may become one unknown token: one side has to be a token; both,
 * where characters without one are dropped. */
static void mark_unknown(uint8_t *together, const vocab *words, bool drops)
{
    bool known[JOINS_CLASSES] = {false};
    for (unsigned i = 0; i < 0x80; i++) {
        const char c = (char)i;
        known[i] = vocab_find(words, &c, 1) >= 0;
    }
    known[JOINS_MARKER] = vocab_find(words, "\xE2\x96\x81", 3) >= 0;
    for (unsigned left = 0; left < JOINS_CLASSES; left++) {
        for (unsigned right = 0; right < JOINS_CLASSES; right++) {
            together[left * JOINS_CLASSES + right] =
                drops ? !known[left] || !known[right] : !known[left] && !known[right];
        }
    }
}

hearth_status joins_make(joins *j, arena *a, const vocab *words, const token_text *texts, const uint8_t *skip,
                         size_t count, bool drops, hearth_error *error)
{
    j->together = arena_array(a, (size_t)JOINS_CLASSES * JOINS_CLASSES, 1);
    if (j->together == NULL) {
        return error_memory(error, (size_t)JOINS_CLASSES * JOINS_CLASSES);
    }
    mark_unknown(j->together, words, drops);
    for (size_t i = 0; i < count; i++) {
        const char *end = texts[i].text + texts[i].length;
        size_t taken = 0;
        if (skip[i] != 0 || texts[i].length == 0) {
            continue;
        }
        unsigned left = joins_class(texts[i].text, end, &taken);
        for (const char *at = texts[i].text + taken; at < end; at += taken) {
            const unsigned right = joins_class(at, end, &taken);
            j->together[left * JOINS_CLASSES + right] = 1;
            left = right;
        }
    }
    return HEARTH_OK;
}
