/* A vocabulary for tests: the 256 bytes, given texts, a special token, an end token. */
#ifndef TESTS_BYTE_VOCABULARY_H
#define TESTS_BYTE_VOCABULARY_H

#include "generate/constraint.h"

/* Tokens: byte b is b; texts[i] is 256 + i; then the special token "<|call|>", then the end token. NULL: memory. */
tokenizer *byte_vocabulary(const char *const *texts, const size_t *lengths, size_t count);

#endif
