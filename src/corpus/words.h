/* Words of a text: as white space parts them, and in the plain form by which texts are compared. */
#ifndef CORPUS_WORDS_H
#define CORPUS_WORDS_H

#include "base/buffer.h"

typedef struct text_span {
    size_t begin, end; /* bytes */
} text_span;

typedef struct span_list {
    text_span *items;
    size_t count, capacity;
} span_list;

void span_list_free(span_list *list);

/* What lies between white space (Unicode's). The list is emptied first. */
hearth_status words_split(const char *text, size_t length, span_list *ret, hearth_error *error);
/* Pieces between ends of lines; `blank`: between empty lines. Empty pieces are left out; each is trimmed of the white
 * space around it. */
hearth_status lines_split(const char *text, size_t length, bool blank, span_list *ret, hearth_error *error);
/* The plain form: letters, marks and numbers in lower case, a word each run of them, one blank between; characters of
 * scripts that put no spaces are words by themselves. `ret` are spans of `plain`; both are emptied first. */
hearth_status words_plain(const char *text, size_t length, buffer *plain, span_list *ret, hearth_error *error);
/* FNV-1a, 64 bits. */
uint64_t words_hash(const char *bytes, size_t length);
/* Characters of a piece of UTF-8. */
size_t characters_of(const char *text, size_t length);

#endif
