/* Places where a long text may be cut so that both parts, each by itself, fall into the words that the whole falls
 * into. */
#ifndef TOKENIZER_LEARN_CUT_H
#define TOKENIZER_LEARN_CUT_H

#include <stdbool.h>
#include <stddef.h>

/* The first such place after at least `least` bytes; `length` where there is none. */
size_t learn_cut(const char *text, size_t length, size_t least);

#endif
