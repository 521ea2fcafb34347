/* Finding a plain string in a text, for the short patterns that tokenizers have. */
#ifndef TOKENIZER_FIND_H
#define TOKENIZER_FIND_H

#include "tokenizer/spec.h"

/* The first place of `pattern` (not empty) in text[0..length), or NULL. Linear time. */
const char *find_text(const char *text, size_t length, token_text pattern);

#endif
