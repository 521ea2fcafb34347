/* DeepSeek's lists of patterns by hand. Most of them match parts of a text only: what lies between two matches is a
 * piece, too. */
#include "tokenizer/pattern_kinds.h"

/* ---- one set of characters ---- */

size_t pattern_numbers_in_threes(const char *text, const char *end)
{
    const char *next = text;
    if (kind_at(text, end, &next) == KIND_NUMBER) {
        return pattern_numbers(text, next, end, 3);
    }
    return (size_t)(run_of(next, end, 0xFFu & ~(unsigned)KIND_NUMBER) - text);
}

size_t pattern_newline(const char *text, const char *end)
{
    const char *at = text;
    while (at < end && !is_newline(*at)) {
        at++;
    }
    return at == text ? 1 : (size_t)(at - text);
}

/* [一-龥぀-ゟ゠-ヿ], and [一-龥ࠀ-一가-퟿] of the older ones. */
static inline bool is_east_asian_v3(uint32_t code)
{
    return (code >= 0x4E00 && code <= 0x9FA5) || (code >= 0x3040 && code <= 0x30FF);
}

static inline bool is_east_asian(uint32_t code)
{
    return (code >= 0x800 && code <= 0x9FA5) || (code >= 0xAC00 && code <= 0xD7FF);
}

/* A run of the characters that `belongs` knows, or of all others. They have three bytes in UTF-8. */
static inline size_t run_or_gap(const char *text, const char *end, bool (*belongs)(uint32_t))
{
    bool first = false;
    for (const char *at = text; at < end;) {
        uint32_t code = (unsigned char)*at;
        const size_t taken = code < 0x80 ? 1 : utf8_decode_lossy(at, (size_t)(end - at), &code);
        const bool inside = code >= 0x800 && belongs(code);
        if (at == text) {
            first = inside;
        } else if (inside != first) {
            return (size_t)(at - text);
        }
        at += taken;
    }
    return (size_t)(end - text);
}

size_t pattern_east_asian_v3(const char *text, const char *end)
{
    return run_or_gap(text, end, is_east_asian_v3);
}

size_t pattern_east_asian(const char *text, const char *end)
{
    return run_or_gap(text, end, is_east_asian);
}

/* ---- \s?X+ ---- */

static const uint8_t category_is_punctuation[32] = {
    [UC_PC] = 1, [UC_PD] = 1, [UC_PS] = 1, [UC_PE] = 1, [UC_PI] = 1, [UC_PF] = 1, [UC_PO] = 1,
};

enum class { CLASS_NONE, CLASS_SPACE, CLASS_WANTED };

static inline enum class class_at(const char *at, const char *end, bool punctuation, const char **ret_next) {
    uint32_t code = (unsigned char)*at;
    *ret_next = at + (code < 0x80 ? 1 : utf8_decode_lossy(at, (size_t)(end - at), &code));
    const unsigned category = unicode_class(code) & UNICODE_CATEGORY_BITS;
    const unsigned kind = pattern_kind_of_category[category];
    const bool wanted = punctuation ? category_is_punctuation[category] != 0 : (kind & KINDS_LETTER) != 0;
    return wanted               ? CLASS_WANTED
           : kind == KIND_SPACE ? CLASS_SPACE
                                : CLASS_NONE;
}

/* \s?\p{L}+ or \s?\p{P}+ and what lies between. */
static inline size_t spaced_run_or_gap(const char *text, const char *end, bool punctuation)
{
    const char *at = text;
    const char *space = NULL; /* where the white space begins that stands right before `at` */
    while (at < end) {
        const char *next = at;
        const enum class class = class_at(at, end, punctuation, &next);
        if (class == CLASS_WANTED) {
            break;
        }
        space = class == CLASS_SPACE ? at : NULL;
        at = next;
    }
    if (at == end) {
        return (size_t)(end - text);
    }
    const char *start = space != NULL ? space : at;
    if (start > text) {
        return (size_t)(start - text);
    }
    const char *next = at;
    while (at < end && class_at(at, end, punctuation, &next) == CLASS_WANTED) {
        at = next;
    }
    return (size_t)(at - text);
}

size_t pattern_letters(const char *text, const char *end)
{
    return spaced_run_or_gap(text, end, false);
}

size_t pattern_punctuation(const char *text, const char *end)
{
    return spaced_run_or_gap(text, end, true);
}

/* ---- DeepSeek V3's last one ---- */

static inline bool is_ascii_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* !-/ :-@ [-` {-~ */
static inline bool is_ascii_sign(char c)
{
    return c > ' ' && c < 0x7F && !is_ascii_letter(c) && !(c >= '0' && c <= '9');
}

/* The match that begins at `text`, or 0. */
static size_t deepseek_v3_match(const char *text, const char *end)
{
    const char *next = text;
    const char *after = text;
    const unsigned kind = kind_at(text, end, &next);
    if (is_ascii_sign(*text) && next < end && is_ascii_letter(*next)) {
        while (next < end && is_ascii_letter(*next)) {
            next++;
        }
        return (size_t)(next - text);
    }
    if ((kind & KINDS_WORD) != 0) {
        return (size_t)(run_of(next, end, KINDS_WORD) - text);
    }
    const unsigned second = next < end ? kind_at(next, end, &after) : 0;
    if (kind != KIND_SIGN && !is_newline(*text) && (second & KINDS_WORD) != 0) {
        return (size_t)(run_of(after, end, KINDS_WORD) - text);
    }
    if (kind == KIND_SIGN || (*text == ' ' && second == KIND_SIGN)) {
        const char *stop = run_of(next, end, KIND_SIGN);
        while (stop < end && is_newline(*stop)) {
            stop++;
        }
        return (size_t)(stop - text);
    }
    return kind == KIND_SPACE ? pattern_space_or_newlines(text, next, end) : 0;
}

size_t pattern_deepseek_v3(const char *text, const char *end)
{
    const size_t taken = deepseek_v3_match(text, end);
    if (taken > 0) {
        return taken;
    }
    const char *at = text; /* a gap, up to where a match begins; each place without one is told by two characters */
    do {
        (void)kind_at(at, end, &at);
    } while (at < end && deepseek_v3_match(at, end) == 0);
    return (size_t)(at - text);
}
