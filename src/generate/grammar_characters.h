/* What regular expressions and GBNF write alike: ranges of characters, hexadecimal digits, {least,most}. */
#ifndef GENERATE_GRAMMAR_CHARACTERS_H
#define GENERATE_GRAMMAR_CHARACTERS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In any order, overlapping or not. The first failure stays. */
typedef struct ranges {
    uint32_t (*list)[2]; /* first and last */
    size_t count, capacity;
    hearth_status failed;
} ranges;

void ranges_add(ranges *r, uint32_t first, uint32_t last);
/* What none of `of` has. */
void ranges_add_others(ranges *r, const ranges *of);
/* HEARTH_E_LIMIT for more than 4,096. */
hearth_status ranges_check(const ranges *r, hearth_error *error);
/* A zeroed one is allowed. */
void ranges_free(ranges *r);

/* Spaces, tabs, comments from # on; line breaks, too, where `lines`. */
void scan_space(const char *text, size_t length, size_t *at, bool lines);
/* So many hexadecimal digits; false: *at is where another character, or the end, stands. */
bool scan_hex(const char *text, size_t length, size_t *at, unsigned digits, uint32_t *ret);

typedef enum scan_result { SCAN_DONE, SCAN_NO_NUMBER, SCAN_TOO_MANY, SCAN_NOT_CLOSED, SCAN_BELOW } scan_result;

/* *, +, ?, {m}, {m,}, {m,n}, or nothing: once. *ret_most UINT32_MAX: any number. Where it fails, *at is the place. */
scan_result scan_times(const char *text, size_t length, size_t *at, bool spaces, uint32_t *ret_least,
                       uint32_t *ret_most);

#endif
