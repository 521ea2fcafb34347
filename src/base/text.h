/* Terminated texts that are made by formatting: paths and URLs. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* As printf writes it, freed with mem_free; NULL when memory is out. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool text_starts(const char *text, const char *beginning);
bool text_ends(const char *text, const char *end);
/* Exactly `count` lower-case hexadecimal digits, and nothing else. */
bool text_is_hex(const char *text, size_t count);

#endif
