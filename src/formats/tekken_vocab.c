/* A scan for one shape: {..., "vocab": [{"rank": 0, "token_bytes": "AA==", "token_str": "..."}, ...], ...}. Every step
 * says false where the text is otherwise; nothing is guessed. */
#include "formats/tekken_vocab.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"

#include <string.h>

typedef struct scan {
    const char *at, *end;
} scan;

hearth_status tekken_vocab_append(tekken_vocab *v, tekken_entry entry, hearth_error *error)
{
    if (v->count == v->capacity) {
        const size_t capacity = v->capacity == 0 ? 4096 : 2 * v->capacity;
        tekken_entry *grown = mem_realloc(v->entries, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        v->entries = grown;
        v->capacity = capacity;
    }
    v->entries[v->count++] = entry;
    return HEARTH_OK;
}

void tekken_vocab_free(tekken_vocab *v)
{
    mem_free(v->entries);
    *v = (tekken_vocab){0};
}

/* ---- JSON ---- */

static void pass_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) {
        s->at++;
    }
}

static bool take(scan *s, char c)
{
    pass_space(s);
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    return false;
}

/* What follows a backslash. Halves of surrogate pairs are left to the parser. */
static bool take_escape(scan *s)
{
    static const char single[] = "\"\\/bfnrt";
    if (s->at == s->end || *s->at == '\0') {
        return false;
    }
    const char c = *s->at++;
    if (c != 'u') {
        return strchr(single, c) != NULL;
    }
    int code = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        const int digit = s->at < s->end ? text_hex_digit(*s->at) : -1;
        if (digit < 0) {
            return false;
        }
        code = code * 16 + digit;
    }
    return code < 0xD800 || code > 0xDFFF;
}

/* A string; *ret and *ret_length: what is between the quotes, as written. */
static bool take_string(scan *s, const char **ret, size_t *ret_length)
{
    if (!take(s, '"')) {
        return false;
    }
    *ret = s->at;
    while (s->at < s->end && *s->at != '"') {
        const char c = *s->at++;
        if ((unsigned char)c < 0x20 || (c == '\\' && !take_escape(s))) {
            return false;
        }
    }
    *ret_length = (size_t)(s->at - *ret);
    return take(s, '"');
}

static bool take_word(scan *s, const char *word)
{
    const size_t length = strlen(word);
    if (!take(s, word[0]) || (size_t)(s->end - s->at) < length - 1 || memcmp(s->at, word + 1, length - 1) != 0) {
        return false;
    }
    s->at += length - 1;
    return true;
}

/* A number as ranks are written: digits, at most nine, without a zero in front. */
static bool take_rank(scan *s, uint64_t *ret)
{
    pass_space(s);
    const char *start = s->at;
    *ret = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - start < 9; s->at++) {
        *ret = *ret * 10 + (uint64_t)(*s->at - '0');
    }
    const char after = s->at < s->end ? *s->at : '\0';
    return s->at > start && (*start != '0' || s->at - start == 1) &&
           (after == ',' || after == '}' || after == '\n' || after == ' ');
}

/* ---- entries ---- */

static bool is_key(const char *key, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(key, name, length) == 0;
}

static bool take_entry(scan *s, tekken_entry *ret)
{
    bool rank = false;
    bool bytes = false;
    bool shown = false;
    do {
        const char *key = NULL;
        size_t length = 0;
        const char *text = NULL;
        size_t size = 0;
        if (!take_string(s, &key, &length) || !take(s, ':')) {
            return false;
        }
        if (is_key(key, length, "rank") && !rank) {
            rank = take_rank(s, &ret->rank);
            if (!rank) {
                return false;
            }
        } else if (is_key(key, length, "token_bytes") && !bytes) {
            bytes = take_string(s, &ret->bytes, &ret->length) && memchr(ret->bytes, '\\', ret->length) == NULL;
            if (!bytes) {
                return false;
            }
        } else if (is_key(key, length, "token_str") && !shown) {
            shown = take_word(s, "null") || take_string(s, &text, &size);
            if (!shown) {
                return false;
            }
        } else {
            return false;
        }
    } while (take(s, ','));
    return rank && bytes && take(s, '}');
}

static hearth_status take_entries(scan *s, tekken_vocab *ret, bool *ret_plain, hearth_error *error)
{
    *ret_plain = take(s, '[');
    do {
        tekken_entry entry = {0};
        if (!*ret_plain || !take(s, '{') || !take_entry(s, &entry)) {
            *ret_plain = false;
            return HEARTH_OK;
        }
        TRY(tekken_vocab_append(ret, entry, error));
    } while (take(s, ','));
    *ret_plain = take(s, ']');
    return HEARTH_OK;
}

/* ---- what stands before ---- */

/* Any other value, up to the comma or bracket behind it. */
static bool pass_value(scan *s)
{
    const char *text = NULL;
    size_t length = 0;
    size_t depth = 0;
    while (s->at < s->end) {
        const char c = *s->at;
        if (c == '"') {
            if (!take_string(s, &text, &length)) {
                return false;
            }
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            return true;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        s->at++;
    }
    return false;
}

/* Up to the value of the outermost key "vocab". */
static bool find_vocab(scan *s)
{
    if (!take(s, '{')) {
        return false;
    }
    do {
        const char *key = NULL;
        size_t length = 0;
        if (!take_string(s, &key, &length) || !take(s, ':')) {
            return false;
        }
        if (is_key(key, length, "vocab")) {
            return true;
        }
    } while (pass_value(s) && take(s, ','));
    return false;
}

bool tekken_vocab_is_there(const char *text, size_t length)
{
    scan s = {text, text + length};
    return find_vocab(&s) && take(&s, '[');
}

hearth_status tekken_vocab_scan(const char *text, size_t length, tekken_vocab *ret, bool *ret_plain,
                                hearth_error *error)
{
    scan s = {text, text + length};
    *ret = (tekken_vocab){0};
    *ret_plain = false;
    if (!utf8_valid(text, length) || !find_vocab(&s)) {
        return HEARTH_OK;
    }
    ret->start = (size_t)(s.at - text);
    TRY(take_entries(&s, ret, ret_plain, error));
    ret->end = (size_t)(s.at - text);
    return HEARTH_OK;
}
