/* Finding a plain string in a text. */
#define _GNU_SOURCE /* memmem */
#include "tokenizer/find.h"

#include <string.h>

#define SHORT_PATTERN 16u

const char *find_text(const char *text, size_t length, token_text pattern)
{
    if (pattern.length > SHORT_PATTERN) {
        return memmem(text, length, pattern.text, pattern.length);
    }
    const char *end = text + length;
    while ((size_t)(end - text) >= pattern.length) {
        const char *hit = memchr(text, pattern.text[0], (size_t)(end - text));
        if (hit == NULL || (size_t)(end - hit) < pattern.length) {
            return NULL;
        }
        if (memcmp(hit, pattern.text, pattern.length) == 0) {
            return hit;
        }
        text = hit + 1;
    }
    return NULL;
}
