/* The grammar of SPDX licence expressions (ISO/IEC 5962, annex D). Which identifiers exist is not looked up here. */
#include "recipe/keys.h"

#include <string.h>

#define LICENCE_BYTES_MOST 1024
#define LICENCE_DEPTH_MOST 16
#define ID_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."

static void skip_spaces(const char **at)
{
    *at += strspn(*at, " ");
}

/* The next word's length; 0 where there is none. ':' is for DocumentRef-…:LicenseRef-…, '+' for "or later". */
static size_t word_length(const char *at)
{
    const size_t length = strspn(at, ID_SET ":");
    return length + (length > 0 && at[length] == '+');
}

static bool is_operator(const char *at, size_t length)
{
    return (length == 3 && strncmp(at, "AND", 3) == 0) || (length == 2 && strncmp(at, "OR", 2) == 0) ||
           (length == 4 && strncmp(at, "WITH", 4) == 0);
}

static bool take_identifier(const char **at)
{
    const size_t length = word_length(*at);
    if (length == 0 || is_operator(*at, length)) {
        return false;
    }
    *at += length;
    skip_spaces(at);
    return true;
}

/* One licence, with its exception; "(" counts in *depth. */
static bool take_operand(const char **at, size_t *depth)
{
    while (**at == '(') {
        if (++*depth > LICENCE_DEPTH_MOST) {
            return false;
        }
        ++*at;
        skip_spaces(at);
    }
    if (!take_identifier(at)) {
        return false;
    }
    if (word_length(*at) == 4 && strncmp(*at, "WITH", 4) == 0) {
        *at += 4;
        skip_spaces(at);
        if (!take_identifier(at)) {
            return false;
        }
    }
    for (; **at == ')' && *depth > 0; --*depth) {
        ++*at;
        skip_spaces(at);
    }
    return true;
}

bool recipe_licence_fits(const char *text)
{
    size_t depth = 0;
    const size_t all = strlen(text);
    if (all == 0 || all > LICENCE_BYTES_MOST || text[0] == ' ' || text[all - 1] == ' ') {
        return false;
    }
    while (take_operand(&text, &depth)) {
        if (*text == '\0') {
            return depth == 0;
        }
        const size_t length = word_length(text);
        if (length == 4 || !is_operator(text, length)) {
            return false;
        }
        text += length;
        skip_spaces(&text);
    }
    return false;
}
