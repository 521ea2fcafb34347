/* What the hand-written matchers share: the kinds of characters that patterns tell apart, and runs of them. For the
 * files patterns*.c only. */
#ifndef TOKENIZER_PATTERN_KINDS_H
#define TOKENIZER_PATTERN_KINDS_H

#include "base/utf8.h"
#include "tokenizer/patterns.h"
#include "tokenizer/unicode.h"

/* One bit each, so that a pattern can ask for several at once. No newline is in KIND_SPACE alone: [\r\n] is asked for
 * by character. */
enum {
    KIND_UPPER = 1,   /* Lu, Lt */
    KIND_LOWER = 2,   /* Ll */
    KIND_LETTER = 4,  /* Lm, Lo: both cases in the patterns that tell them apart */
    KIND_MARK = 8,    /* Mn, Mc, Me */
    KIND_NUMBER = 16, /* Nd, Nl, No */
    KIND_SPACE = 32,  /* \s */
    KIND_SIGN = 64,   /* P, S */
    KIND_REST = 128,  /* Cc, Cf, Cn, Co */
};
#define KINDS_LETTER (KIND_UPPER | KIND_LOWER | KIND_LETTER) /* \p{L} */
#define KINDS_WORD (KINDS_LETTER | KIND_MARK)                /* [\p{L}\p{M}] */
#define KINDS_OTHER (KIND_MARK | KIND_SIGN | KIND_REST)      /* [^\s\p{L}\p{N}] */

/* By category. */
extern const uint8_t pattern_kind_of_category[32];

/* The kind of the character at `at` (< end) and, in *ret_next, where it ends. */
static inline unsigned kind_at(const char *at, const char *end, const char **ret_next)
{
    const unsigned char first = (unsigned char)*at;
    if (first < 0x80) {
        *ret_next = at + 1;
        return pattern_kind_of_category[unicode_class_of[unicode_block_of[0]][first] & UNICODE_CATEGORY_BITS];
    }
    uint32_t code = 0;
    const size_t taken = utf8_decode_lossy(at, (size_t)(end - at), &code);
    *ret_next = at + taken;
    return pattern_kind_of_category[unicode_class(code) & UNICODE_CATEGORY_BITS];
}

/* Where the characters of these kinds end. */
static inline const char *run_of(const char *at, const char *end, unsigned kinds)
{
    const char *next = at;
    while (at < end && (kind_at(at, end, &next) & kinds) != 0) {
        at = next;
    }
    return at;
}

static inline bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

/* 's 't 'm 'd 're 've 'll in any case at `text` (an apostrophe): the piece's length, or 0. */
size_t pattern_contraction_any_case(const char *text, const char *end);

/* \s+(?!\S)|\s+ : all the white space up to `run_end`, less its last character where more than one is there and text
 * follows. */
size_t pattern_space(const char *text, const char *run_end, const char *end);

/* \s*[\r\n]+|\s+(?!\S)|\s+ , the first character, white space, ends at `next`. */
size_t pattern_space_or_newlines(const char *text, const char *next, const char *end);

/* \p{N}{1,most}, the first of them ends at `next`. */
size_t pattern_numbers(const char *text, const char *next, const char *end, int most);

/* patterns_cased.c */
size_t pattern_o200k(const char *text, const char *end);
size_t pattern_tekken(const char *text, const char *end);

/* patterns_deepseek.c */
size_t pattern_numbers_in_threes(const char *text, const char *end);
size_t pattern_east_asian_v3(const char *text, const char *end);
size_t pattern_deepseek_v3(const char *text, const char *end);
size_t pattern_newline(const char *text, const char *end);
size_t pattern_east_asian(const char *text, const char *end);
size_t pattern_letters(const char *text, const char *end);
size_t pattern_punctuation(const char *text, const char *end);

#endif
