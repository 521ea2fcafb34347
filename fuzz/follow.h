/* What the fuzzers of grammars share. */
#ifndef FUZZ_FOLLOW_H
#define FUZZ_FOLLOW_H

#include "generate/constraint.h"

#include <stddef.h>
#include <stdint.h>

/* Follows text[1 …) byte by byte, over a vocabulary of bytes and some longer tokens; aborts where the mask of a byte
 * and accepting it differ, or where some token is in the mask and cannot be accepted. */
void fuzz_follow(grammar *g, const uint8_t *text, size_t size);

#endif
