/* What makes words, for all that cuts texts there: whatever the locale says. */
#ifndef TRACE_TRACE_WORDS_H
#define TRACE_TRACE_WORDS_H

#include <stdbool.h>

/* Letters, digits and every byte of a character that is not ASCII. */
static inline bool trace_in_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

#endif
