/* Words, lines, and the plain form. */
#include "corpus/words.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <utf8proc.h>

void span_list_free(span_list *list)
{
    mem_free(list->items);
    *list = (span_list){0};
}

static hearth_status add(span_list *list, size_t begin, size_t end, hearth_error *error)
{
    if (list->count == list->capacity) {
        size_t bytes = 0;
        const size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        text_span *grown = size_mul(capacity, sizeof *grown, &bytes) ? mem_realloc(list->items, bytes) : NULL;
        if (grown == NULL) {
            return error_memory(error, bytes);
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = (text_span){begin, end};
    return HEARTH_OK;
}

static bool white(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* One character, or what stands for one that is broken. */
static inline size_t take_character(const char *text, size_t length, size_t at, uint32_t *ret)
{
    *ret = (unsigned char)text[at];
    return *ret < 0x80 ? 1 : utf8_decode_lossy(text + at, length - at, ret);
}

hearth_status words_split(const char *text, size_t length, span_list *ret, hearth_error *error)
{
    size_t begin = 0;
    ret->count = 0;
    for (size_t at = 0; at <= length;) {
        uint32_t code = ' ';
        const size_t taken = at < length ? take_character(text, length, at, &code) : 1;
        if (white(code)) {
            if (at > begin) {
                TRY(add(ret, begin, at, error));
            }
            begin = at + taken;
        }
        at += taken;
    }
    return HEARTH_OK;
}

static hearth_status add_trimmed(const char *text, size_t begin, size_t end, span_list *ret, hearth_error *error)
{
    while (begin < end && white((unsigned char)text[begin]) && (unsigned char)text[begin] < 0x80) {
        begin++;
    }
    while (end > begin && white((unsigned char)text[end - 1]) && (unsigned char)text[end - 1] < 0x80) {
        end--;
    }
    return end > begin ? add(ret, begin, end, error) : HEARTH_OK;
}

hearth_status lines_split(const char *text, size_t length, bool blank, span_list *ret, hearth_error *error)
{
    size_t begin = 0;
    ret->count = 0;
    for (size_t at = 0; at < length; at++) {
        if (text[at] != '\n') {
            continue;
        }
        size_t next = at + 1;
        while (blank && next < length && text[next] != '\n' && white((unsigned char)text[next]) &&
               (unsigned char)text[next] < 0x80) {
            next++;
        }
        if (!blank || (next < length && text[next] == '\n')) {
            TRY(add_trimmed(text, begin, at, ret, error));
            begin = at + 1;
        }
    }
    return add_trimmed(text, begin, length, ret, error);
}

/* Chinese characters, kana, Thai, Lao, Khmer, Burmese: no spaces between words. */
static bool unspaced(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF) || (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1780 && c <= 0x17FF) ||
           (c >= 0x1000 && c <= 0x109F);
}

static bool counts(uint32_t c)
{
    if (c < 0x80) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

static uint32_t lower(uint32_t c)
{
    return c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

hearth_status words_plain(const char *text, size_t length, buffer *plain, span_list *ret, hearth_error *error)
{
    bool inside = false;
    size_t begin = 0;
    ret->count = 0;
    buffer_clear(plain);
    TRY(buffer_reserve(plain, length, error));
    for (size_t at = 0; at <= length;) {
        uint32_t code = ' ';
        const size_t taken = at < length ? take_character(text, length, at, &code) : 1;
        const bool is = counts(code), alone = is && unspaced(code);
        if (inside && (!is || alone)) {
            TRY(add(ret, begin, plain->length, error));
            inside = false;
        }
        if (is) {
            char bytes[4];
            if (!inside) {
                if (plain->length > 0) {
                    TRY(buffer_append_char(plain, ' ', error));
                }
                begin = plain->length;
            }
            TRY(buffer_append(plain, bytes, utf8_encode(lower(code), bytes), error));
            inside = !alone;
        }
        if (alone) {
            TRY(add(ret, begin, plain->length, error));
        }
        at += taken;
    }
    return HEARTH_OK;
}

uint64_t words_hash(const char *bytes, size_t length)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < length; i++) {
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001B3u;
    }
    return h;
}

size_t characters_of(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return count;
}
