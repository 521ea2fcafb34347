/* The patterns of GPT-2, Llama 3 (GPT-4's), Qwen 2 and Qwen 3.5 by hand, and the table of all. */
#include "tokenizer/patterns.h"

#include "tokenizer/pattern_kinds.h"

#include <string.h>

const uint8_t pattern_kind_of_category[32] = {
    [UC_CN] = KIND_REST,   [UC_CC] = KIND_REST,   [UC_CF] = KIND_REST,   [UC_CO] = KIND_REST,
    [UC_ZS] = KIND_SPACE,  [UC_ZL] = KIND_SPACE,  [UC_ZP] = KIND_SPACE,  [UC_SPACE_CONTROL] = KIND_SPACE,
    [UC_LU] = KIND_UPPER,  [UC_LL] = KIND_LOWER,  [UC_LT] = KIND_UPPER,  [UC_LM] = KIND_LETTER,
    [UC_LO] = KIND_LETTER, [UC_MN] = KIND_MARK,   [UC_MC] = KIND_MARK,   [UC_ME] = KIND_MARK,
    [UC_ND] = KIND_NUMBER, [UC_NL] = KIND_NUMBER, [UC_NO] = KIND_NUMBER, [UC_PC] = KIND_SIGN,
    [UC_PD] = KIND_SIGN,   [UC_PS] = KIND_SIGN,   [UC_PE] = KIND_SIGN,   [UC_PI] = KIND_SIGN,
    [UC_PF] = KIND_SIGN,   [UC_PO] = KIND_SIGN,   [UC_SM] = KIND_SIGN,   [UC_SC] = KIND_SIGN,
    [UC_SK] = KIND_SIGN,   [UC_SO] = KIND_SIGN,
};

size_t pattern_space(const char *text, const char *run_end, const char *end)
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
size_t pattern_contraction_any_case(const char *text, const char *end)
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

/* The kinds of a pattern that knows letters, numbers, white space and everything else: one number for each. */
static inline unsigned group_of(unsigned kind)
{
    return (kind & KINDS_LETTER) != 0 ? KINDS_LETTER : (kind & KINDS_OTHER) != 0 ? KINDS_OTHER : kind;
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
    unsigned kinds = group_of(kind_at(text, end, &next));
    if (*text == ' ' && next < end) {
        const char *after = next;
        const unsigned second = group_of(kind_at(next, end, &after));
        if (second != KIND_SPACE) {
            kinds = second;
            next = after;
        }
    }
    const char *stop = run_of(next, end, kinds);
    return kinds == KIND_SPACE ? pattern_space(text, stop, end) : (size_t)(stop - text);
}

size_t pattern_space_or_newlines(const char *text, const char *next, const char *end)
{
    const char *stop = run_of(next, end, KIND_SPACE);
    for (const char *last = stop; last > text; last--) {
        if (is_newline(last[-1])) {
            return (size_t)(last - text);
        }
    }
    return pattern_space(text, stop, end);
}

size_t pattern_numbers(const char *text, const char *next, const char *end, int most)
{
    const char *stop = next;
    for (int i = 1; i < most && next < end && kind_at(next, end, &stop) == KIND_NUMBER; i++) {
        next = stop;
    }
    return (size_t)(next - text);
}

/* `word`: the kinds that words are made of, KINDS_LETTER or KINDS_WORD. */
static inline size_t match_llama3_like(const char *text, const char *end, int digits, unsigned word)
{
    const unsigned other = (KINDS_OTHER) & ~word;
    if (*text == '\'') {
        const size_t taken = pattern_contraction_any_case(text, end);
        if (taken > 0) {
            return taken;
        }
    }
    const char *next = text;
    const unsigned kind = kind_at(text, end, &next);
    if ((kind & word) != 0) {
        return (size_t)(run_of(next, end, word) - text);
    }
    if (kind == KIND_NUMBER) {
        return pattern_numbers(text, next, end, digits);
    }
    const char *after = next;
    const unsigned second = next < end ? kind_at(next, end, &after) : KIND_SPACE;
    if ((second & word) != 0 && !is_newline(*text)) {
        return (size_t)(run_of(after, end, word) - text);
    }
    if ((kind & other) != 0 || (*text == ' ' && (second & other) != 0)) {
        const char *stop = run_of(next, end, other);
        while (stop < end && is_newline(*stop)) {
            stop++;
        }
        return (size_t)(stop - text);
    }
    return pattern_space_or_newlines(text, next, end);
}

/* tiktoken's cl100k: the same, but white space at the end of the text is one piece. */
static size_t match_cl100k(const char *text, const char *end)
{
    const char *next = text;
    if (kind_at(text, end, &next) == KIND_SPACE && run_of(next, end, KIND_SPACE) == end) {
        return (size_t)(end - text);
    }
    return match_llama3_like(text, end, 3, KINDS_LETTER);
}

static size_t match_llama3(const char *text, const char *end)
{
    return match_llama3_like(text, end, 3, KINDS_LETTER);
}

static size_t match_qwen2(const char *text, const char *end)
{
    return match_llama3_like(text, end, 1, KINDS_LETTER);
}

static size_t match_qwen35(const char *text, const char *end)
{
    return match_llama3_like(text, end, 1, KINDS_WORD);
}

/* The spellings that tokenizer.json files in the wild use. */
static const struct spelling {
    const char *pattern;
    pattern_fn match;
    bool gaps; /* does not match all of a text */
} spellings[] = {
    {PATTERN_GPT2, match_gpt2, false},
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", match_gpt2, false},
    {PATTERN_LLAMA3, match_llama3, false},
    {PATTERN_QWEN2, match_qwen2, false},
    {PATTERN_CL100K, match_cl100k, false},
    {PATTERN_QWEN35, match_qwen35, false},
    {PATTERN_O200K, pattern_o200k, false},
    {PATTERN_TEKKEN, pattern_tekken, false},
    {PATTERN_DEEPSEEK_V3, pattern_deepseek_v3, true},
    {PATTERN_DEEPSEEK_V3_NUMBERS, pattern_numbers_in_threes, true},
    {PATTERN_DEEPSEEK_V3_EAST_ASIAN, pattern_east_asian_v3, true},
    {PATTERN_DEEPSEEK_NEWLINE, pattern_newline, true},
    {PATTERN_DEEPSEEK_EAST_ASIAN, pattern_east_asian, true},
    {PATTERN_DEEPSEEK_LETTERS, pattern_letters, true},
    {PATTERN_DEEPSEEK_PUNCTUATION, pattern_punctuation, true},
};

pattern_fn pattern_find(const char *pattern, size_t length, bool *ret_gaps)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (strlen(spellings[i].pattern) == length && memcmp(spellings[i].pattern, pattern, length) == 0) {
            *ret_gaps = spellings[i].gaps;
            return spellings[i].match;
        }
    }
    return NULL;
}
