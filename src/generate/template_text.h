/* Python's string operations on UTF-8: characters are code points, white space and case are Unicode's.
 * Functions are named ttext_*. */
#ifndef GENERATE_TEMPLATE_TEXT_H
#define GENERATE_TEMPLATE_TEXT_H

#include "generate/template_value.h"

typedef enum tcase { TCASE_UPPER, TCASE_LOWER, TCASE_TITLE, TCASE_CAPITALIZE, TCASE_SWAP } tcase;

/* Code points of valid UTF-8. */
size_t ttext_points(const char *bytes, size_t length);
/* Byte offset of character `point`; length when there are fewer. */
size_t ttext_offset(const tstring *s, size_t point);
bool ttext_space(uint32_t code);
/* Byte lengths of the white space at the start and at the end. */
size_t ttext_leading_space(const char *bytes, size_t length);
size_t ttext_trailing_space(const char *bytes, size_t length);

/* strip(): sides 1 left, 2 right, 3 both; `chars` NULL means white space. */
hearth_status ttext_strip(trun *r, tval s, const tstring *chars, int sides, tval *ret);
/* split() / rsplit(): `separator` NULL means runs of white space; `most` < 0 means no bound. */
hearth_status ttext_split(trun *r, const tstring *s, const tstring *separator, int64_t most, bool from_right,
                          tval *ret);
hearth_status ttext_splitlines(trun *r, const tstring *s, bool keep_ends, tval *ret);
/* `most` < 0: all. */
hearth_status ttext_replace(trun *r, const tstring *s, const tstring *from, const tstring *to, int64_t most, tval *ret);
/* Byte offset of `what` at or after `start`, before `end`; SIZE_MAX when absent. `last`: the last one. */
size_t ttext_find(const tstring *s, const tstring *what, size_t start, size_t end, bool last);
hearth_status ttext_case(trun *r, const tstring *s, tcase how, tval *ret);
/* The characters from `start` on, `count` of them, `step` apart (negative: backwards). */
hearth_status ttext_slice(trun *r, const tstring *s, int64_t start, int64_t step, size_t count, tval *ret);
/* isalpha, isdigit, …: 'a' letter, 'd' digit, 'n' alphanumeric, 's' space, 'u' upper, 'l' lower, 'c' decimal,
 * 't' title, 'i' identifier, 'A' ascii, 'p' printable. */
bool ttext_test(const tstring *s, char what);
bool ttext_printable(uint32_t code);
/* \w of Python's re: letters, digits, underscore. */
bool ttext_word(uint32_t code);

#endif
