/* Ranges of characters, and what two notations write alike. */
#include "generate/grammar_characters.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "generate/grammar_automaton.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RANGES = 4096 };

/* ---- ranges ---- */

void ranges_add(ranges *r, uint32_t first, uint32_t last)
{
    if (r->failed == HEARTH_OK && r->count >= MOST_RANGES) {
        r->failed = HEARTH_E_LIMIT;
    }
    if (r->failed == HEARTH_OK && !grammar_grow(&r->list, &r->capacity, r->count + 1, sizeof *r->list)) {
        r->failed = HEARTH_E_MEMORY;
    }
    if (r->failed == HEARTH_OK) {
        r->list[r->count][0] = first;
        r->list[r->count++][1] = last;
    }
}

static int by_first(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void ranges_add_others(ranges *r, const ranges *of)
{
    uint32_t next = 0; /* the lowest character that is not looked at */
    r->failed = r->failed == HEARTH_OK ? of->failed : r->failed;
    uint32_t(*sorted)[2] = mem_calloc(of->count + 1, sizeof *sorted);
    if (sorted == NULL) {
        r->failed = HEARTH_E_MEMORY;
        return;
    }
    if (of->count != 0) {
        memcpy(sorted, of->list, of->count * sizeof *sorted);
        qsort(sorted, of->count, sizeof *sorted, by_first);
    }
    for (size_t i = 0; i < of->count; i++) {
        if (sorted[i][0] > next) {
            ranges_add(r, next, sorted[i][0] - 1);
        }
        next = sorted[i][1] >= next ? sorted[i][1] + 1 : next;
    }
    if (next <= 0x10ffff) {
        ranges_add(r, next, 0x10ffff);
    }
    mem_free(sorted);
}

hearth_status ranges_check(const ranges *r, hearth_error *error)
{
    if (r->failed == HEARTH_E_LIMIT) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "at most 4096 ranges in a class", "more");
    }
    return r->failed == HEARTH_OK ? HEARTH_OK : error_memory(error, r->capacity * sizeof *r->list);
}

void ranges_free(ranges *r)
{
    mem_free(r->list);
    *r = (ranges){0};
}

/* ---- text ---- */

static char peek(const char *text, size_t length, size_t at)
{
    return at < length ? text[at] : '\0';
}

void scan_space(const char *text, size_t length, size_t *at, bool lines)
{
    for (; *at < length; ++*at) {
        const char c = text[*at];
        if (c == '#') {
            while (*at + 1 < length && text[*at + 1] != '\n') {
                ++*at;
            }
        } else if (c != ' ' && c != '\t' && !(lines && (c == '\n' || c == '\r'))) {
            return;
        }
    }
}

bool scan_hex(const char *text, size_t length, size_t *at, unsigned digits, uint32_t *ret)
{
    *ret = 0;
    for (unsigned i = 0; i < digits; i++, ++*at) {
        const int digit = text_hex_digit(peek(text, length, *at));
        if (digit < 0) {
            return false;
        }
        *ret = *ret << 4 | (uint32_t)digit;
    }
    return true;
}

static scan_result scan_number(const char *text, size_t length, size_t *at, uint32_t *ret)
{
    const size_t begin = *at;
    uint32_t n = 0;
    for (char c = peek(text, length, *at); c >= '0' && c <= '9'; c = peek(text, length, ++*at)) {
        n = n * 10 + (uint32_t)(c - '0');
        if (n > LIMIT_GRAMMAR_REPEATS) {
            *at = begin;
            return SCAN_TOO_MANY;
        }
    }
    *ret = n;
    return *at == begin ? SCAN_NO_NUMBER : SCAN_DONE;
}

/* After the brace. */
static scan_result scan_braces(const char *text, size_t length, size_t *at, bool spaces, uint32_t *ret_least,
                               uint32_t *ret_most)
{
    const size_t begin = *at - 1;
    for (int part = 0; part < 2; part++) {
        if (spaces) {
            scan_space(text, length, at, true);
        }
        if (part == 0 || peek(text, length, *at) != '}') {
            const scan_result result = scan_number(text, length, at, part == 0 ? ret_least : ret_most);
            if (result != SCAN_DONE) {
                return result;
            }
        }
        if (spaces) {
            scan_space(text, length, at, true);
        }
        if (part == 1 || peek(text, length, *at) != ',') {
            *ret_most = part == 0 ? *ret_least : *ret_most;
            break;
        }
        ++*at;
        *ret_most = UINT32_MAX;
    }
    if (peek(text, length, *at) != '}') {
        return SCAN_NOT_CLOSED;
    }
    if (*ret_most < *ret_least) {
        *at = begin;
        return SCAN_BELOW;
    }
    ++*at;
    return SCAN_DONE;
}

scan_result scan_times(const char *text, size_t length, size_t *at, bool spaces, uint32_t *ret_least,
                       uint32_t *ret_most)
{
    const char c = peek(text, length, *at);
    *ret_least = c == '*' || c == '?' ? 0 : 1;
    *ret_most = c == '*' || c == '+' ? UINT32_MAX : 1;
    *at += c == '*' || c == '+' || c == '?' || c == '{';
    return c == '{' ? scan_braces(text, length, at, spaces, ret_least, ret_most) : SCAN_DONE;
}
