/* A recursive descent over SPDX expressions; the depth is bounded. */
#include "recipe/spdx.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BYTES_MOST 1024
#define DEPTH_MOST 16

typedef struct parser {
    const char *at;
    const char *list;
    int depth;
    bool broken;
} parser;

/* ':' is for DocumentRef-…:LicenseRef-…, one '+' at the end for "or later". */
static size_t word_length(const char *text)
{
    const size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:");
    return length + (length > 0 && text[length] == '+');
}

static void skip(parser *p)
{
    p->at += strspn(p->at, " ");
}

/* Takes an operator. They are upper case, or lower case throughout. */
static bool take(parser *p, const char *upper, const char *lower)
{
    skip(p);
    const size_t length = word_length(p->at);
    if (length != strlen(upper) || (memcmp(p->at, upper, length) != 0 && memcmp(p->at, lower, length) != 0)) {
        return false;
    }
    p->at += length;
    return true;
}

static bool is_operator(const char *text, size_t length)
{
    return (length == 3 && strncasecmp(text, "AND", 3) == 0) || (length == 2 && strncasecmp(text, "OR", 2) == 0) ||
           (length == 4 && strncasecmp(text, "WITH", 4) == 0);
}

/* "A" or "A WITH E" in the list. */
static bool listed(const char *list, const char *licence, size_t length, const char *exception, size_t exception_length)
{
    for (const char *at = list; *at != '\0';) {
        const size_t size = strcspn(at, "\n");
        const size_t whole = exception != NULL ? length + 6 + exception_length : length;
        if (size == whole && strncasecmp(at, licence, length) == 0 &&
            (exception == NULL || (strncasecmp(at + length, " WITH ", 6) == 0 &&
                                   strncasecmp(at + length + 6, exception, exception_length) == 0))) {
            return true;
        }
        at += size + (at[size] != '\0');
    }
    return false;
}

static bool any_of(parser *p);

static bool simple(parser *p)
{
    skip(p);
    if (*p->at == '(') {
        p->at++;
        if (++p->depth > DEPTH_MOST) {
            p->broken = true;
            return false;
        }
        const bool allowed = any_of(p);
        p->depth--;
        skip(p);
        p->broken = p->broken || *p->at != ')';
        p->at += *p->at == ')';
        return allowed;
    }
    const char *licence = p->at, *exception = NULL;
    const size_t length = word_length(licence);
    size_t exception_length = 0;
    p->at += length;
    if (length == 0 || is_operator(licence, length)) {
        p->broken = true;
        return false;
    }
    if (take(p, "WITH", "with")) {
        skip(p);
        exception = p->at;
        exception_length = word_length(exception);
        p->at += exception_length;
        p->broken = p->broken || exception_length == 0 || is_operator(exception, exception_length);
    }
    return listed(p->list, licence, length, exception, exception_length);
}

static bool all_of(parser *p)
{
    bool allowed = simple(p);
    while (!p->broken && take(p, "AND", "and")) {
        const bool other = simple(p);
        allowed = allowed && other;
    }
    return allowed;
}

static bool any_of(parser *p)
{
    bool allowed = all_of(p);
    while (!p->broken && take(p, "OR", "or")) {
        const bool other = all_of(p);
        allowed = allowed || other;
    }
    return allowed;
}

spdx_verdict spdx_allows(const char *expression, const char *list)
{
    parser p = {.at = expression, .list = list};
    const bool allowed = any_of(&p);
    skip(&p);
    return p.broken || *p.at != '\0' ? SPDX_MALFORMED : allowed ? SPDX_ALLOWED : SPDX_NOT_ALLOWED;
}

bool spdx_fits(const char *text)
{
    const size_t all = strlen(text);
    return all > 0 && all <= BYTES_MOST && text[0] != ' ' && text[all - 1] != ' ' &&
           spdx_allows(text, "") != SPDX_MALFORMED;
}
