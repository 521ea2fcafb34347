/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one character at text[0..length). Returns the bytes it takes (1..4) and sets *ret_code;
 * for invalid bytes returns 0 (length 0 also returns 0). */
size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code);
/* Like utf8_decode, but an invalid sequence gives U+FFFD and the length of its maximal invalid part
 * (Unicode's "substitution of maximal subparts", what Python and browsers do); at least 1. */
size_t utf8_decode_lossy(const char *text, size_t length, uint32_t *ret_code);
/* Writes 1..4 bytes to `ret`; 0 for a surrogate or a value above U+10FFFF. */
size_t utf8_encode(uint32_t code, char ret[4]);
bool utf8_valid(const char *text, size_t length);
/* Appends the text with U+FFFD in place of every invalid sequence, as in every decoder of Python's that replaces. */
hearth_status utf8_repair(const char *text, size_t length, buffer *out, hearth_error *error);
/* The longest prefix that does not end inside a character: what may be shown now of a stream. Bytes
 * that can never become valid count as complete. */
size_t utf8_complete_prefix(const char *text, size_t length);

#endif
