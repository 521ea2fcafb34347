/* Base64 as RFC 4648 has it, with or without the padding at the end. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buffer.h"

/* Appends the bytes that text[0..length) stands for. HEARTH_E_FORMAT names the place of a character that is none of
 * the alphabet's. */
hearth_status base64_decode(const char *text, size_t length, buffer *out, hearth_error *error);
/* The other way round, with the padding at the end. */
hearth_status base64_encode(const void *bytes, size_t length, buffer *out, hearth_error *error);

#endif
