/* The patterns of GPT-2, Llama 3 (GPT-4's) and Qwen 2 by hand. */
#include "tokenizer/patterns.h"

#include "base/utf8.h"
#include "tokenizer/unicode.h"

#include <string.h>

enum kind { OTHER, LETTER, NUMBER, SPACE };

/* By category; the rest are OTHER. */
static const uint8_t kind_of_category[32] = {
    [UC_LU] = LETTER, [UC_LL] = LETTER, [UC_LT] = LETTER, [UC_LM] = LETTER,
    [UC_LO] = LETTER, [UC_ND] = NUMBER, [UC_NL] = NUMBER, [UC_NO] = NUMBER,
    [UC_ZS] = SPACE,  [UC_ZL] = SPACE,  [UC_ZP] = SPACE,  [UC_SPACE_CONTROL] = SPACE,
};

/* The kind of the character at `at` (< end) and, in *ret_next, where it ends. */
static inline enum kind kind_at(const char *at, const char *end, const char **ret_next)
{
    const unsigned char first = (unsigned char)*at;
    if (first < 0x80) {
        *ret_next = at + 1;
        return kind_of_category[unicode_class_of[unicode_block_of[0]][first] & UNICODE_CATEGORY_BITS];
    }
    uint32_t code = 0;
    const size_t taken = utf8_decode_lossy(at, (size_t)(end - at), &code);
    *ret_next = at + taken;
    return kind_of_category[unicode_class(code) & UNICODE_CATEGORY_BITS];
}

static inline const char *run(const char *at, const char *end, enum kind wanted)
{
    const char *next = at;
    while (at < end && kind_at(at, end, &next) == wanted) {
        at = next;
    }
    return at;
}

/* \s+(?!\S)|\s+ : all the white space up to `run_end`, less its last character where more than one is there and text
 * follows. */
static size_t space_piece(const char *text, const char *run_end, const char *end)
{
    if (run_end == end) {
        return (size_t)(run_end - text);
    }
    const char *last = run_end - 1;
    while (((unsigned char)*last & 0xC0) == 0x80) {
        last--;
    }
    return (size_t)((last > text ? last : run_end) - text);
}

/* 's 't 'm 'd 're 've 'll after an apostrophe: the piece's length, or 0. */
static size_t contraction(const char *text, const char *end)
{
    const size_t left = (size_t)(end - text);
    if (left < 2) {
        return 0;
    }
    switch (text[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
        return 2;
    case 'r':
    case 'v':
        return left >= 3 && text[2] == 'e' ? 3 : 0;
    case 'l':
        return left >= 3 && text[2] == 'l' ? 3 : 0;
    default:
        return 0;
    }
}

/* The same in any case; U+017F folds to s. */
static size_t contraction_any_case(const char *text, const char *end)
{
    char lower[3] = {'\'', 0, 0};
    const size_t left = (size_t)(end - text);
    if (left >= 3 && (unsigned char)text[1] == 0xC5 && (unsigned char)text[2] == 0xBF) {
        return 3;
    }
    for (size_t i = 1; i < 3 && i < left; i++) {
        lower[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
    }
    return contraction(lower, lower + (left < 3 ? left : 3));
}

static size_t match_gpt2(const char *text, const char *end)
{
    if (*text == '\'') {
        const size_t taken = contraction(text, end);
        if (taken > 0) {
            return taken;
        }
    }
    const char *next = text;
    enum kind kind = kind_at(text, end, &next);
    if (*text == ' ' && next < end) {
        const char *after = next;
        const enum kind second = kind_at(next, end, &after);
        if (second != SPACE) {
            kind = second;
            next = after;
        }
    }
    const char *stop = run(next, end, kind);
    return kind == SPACE ? space_piece(text, stop, end) : (size_t)(stop - text);
}

static inline bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t space_or_newlines(const char *text, const char *next, const char *end)
{
    const char *stop = run(next, end, SPACE);
    for (const char *last = stop; last > text; last--) {
        if (is_newline(last[-1])) {
            return (size_t)(last - text);
        }
    }
    return space_piece(text, stop, end);
}

static inline size_t match_llama3_like(const char *text, const char *end, int digits)
{
    if (*text == '\'') {
        const size_t taken = contraction_any_case(text, end);
        if (taken > 0) {
            return taken;
        }
    }
    const char *next = text;
    const enum kind kind = kind_at(text, end, &next);
    if (kind == LETTER) {
        return (size_t)(run(next, end, LETTER) - text);
    }
    if (kind == NUMBER) {
        const char *stop = next;
        for (int i = 1; i < digits && next < end && kind_at(next, end, &stop) == NUMBER; i++) {
            next = stop;
        }
        return (size_t)(next - text);
    }
    const char *after = next;
    const enum kind second = next < end ? kind_at(next, end, &after) : SPACE;
    if (second == LETTER && !is_newline(*text)) {
        return (size_t)(run(after, end, LETTER) - text);
    }
    if (kind == OTHER || (*text == ' ' && second == OTHER)) {
        const char *stop = run(next, end, OTHER);
        while (stop < end && is_newline(*stop)) {
            stop++;
        }
        return (size_t)(stop - text);
    }
    return space_or_newlines(text, next, end);
}

/* tiktoken's cl100k: the same, but white space at the end of the text is one piece. */
static size_t match_cl100k(const char *text, const char *end)
{
    const char *next = text;
    if (kind_at(text, end, &next) == SPACE && run(next, end, SPACE) == end) {
        return (size_t)(end - text);
    }
    return match_llama3_like(text, end, 3);
}

static size_t match_llama3(const char *text, const char *end)
{
    return match_llama3_like(text, end, 3);
}

static size_t match_qwen2(const char *text, const char *end)
{
    return match_llama3_like(text, end, 1);
}

/* The spellings that tokenizer.json files in the wild use. */
static const struct spelling {
    const char *pattern;
    pattern_fn match;
} spellings[] = {
    {PATTERN_GPT2, match_gpt2},
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", match_gpt2},
    {PATTERN_LLAMA3, match_llama3},
    {PATTERN_QWEN2, match_qwen2},
    {PATTERN_CL100K, match_cl100k},
};

pattern_fn pattern_find(const char *pattern, size_t length)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (strlen(spellings[i].pattern) == length && memcmp(spellings[i].pattern, pattern, length) == 0) {
            return spellings[i].match;
        }
    }
    return NULL;
}
