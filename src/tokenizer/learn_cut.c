/* Where a text may be cut. The pre-tokenisers' matchers look ahead only, so that what follows a boundary of words does
 * not depend on what was before it. Two kinds of places are boundaries for each of them, on both sides:
 *
 * - between an ASCII letter and a space that another ASCII letter follows. No word holds a letter before a space, and
 *   a word that ends in a letter does not look at the space behind it.
 * - after a newline between two characters that are no white space, the second one no slash. The newline's run is this
 *   one character, however it is matched, and no word goes on behind it but signs that may end in newlines and slashes
 *   (gpt-4o, tekken).
 *
 * Neither is changed by normal form C. tests/tokenizer/test_learn.c cuts everywhere, with every row of the table. */
#include "tokenizer/learn_cut.h"

#include "base/utf8.h"
#include "tokenizer/unicode.h"

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A character that a newline's run cannot go on with. */
static bool begins_anew(const char *text, size_t length)
{
    uint32_t code = 0;
    return length > 0 && utf8_decode(text, length, &code) > 0 && code != '/' && !unicode_is_space(code);
}

/* The character that ends at `end`. */
static bool ends_solid(const char *text, size_t end)
{
    size_t start = end;
    while (start > 0 && end - start < 4) {
        start--;
        if (((unsigned char)text[start] & 0xC0) != 0x80) {
            uint32_t code = 0;
            return utf8_decode(text + start, end - start, &code) == end - start && !unicode_is_space(code);
        }
    }
    return false;
}

size_t learn_cut(const char *text, size_t length, size_t least)
{
    for (size_t at = least < 2 ? 2 : least; at + 2 <= length; at++) {
        if (text[at] == ' ' && is_letter(text[at - 1]) && is_letter(text[at + 1])) {
            return at;
        }
        if (text[at - 1] == '\n' && ends_solid(text, at - 1) && begins_anew(text + at, length - at)) {
            return at;
        }
    }
    return length;
}
