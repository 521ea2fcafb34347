/* Reading a precompiled character map. A unit of the double array: bits 0 to 7 and 31 its label, bit 8 that a value
 * hangs below it, bit 9 that the offset counts in 256s, bits 10 up the offset; or, with bit 31, a value. */
#include "tokenizer/charsmap.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

#define RESULTS_MOST 32u /* prefixes that SentencePiece looks at */

static uint32_t label_of(uint32_t unit)
{
    return unit & (0x80000000u | 0xFFu);
}

static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & 0x200u) >> 6);
}

static bool has_value(uint32_t unit)
{
    return (unit >> 8 & 1u) != 0;
}

/* Every value is a place where a character of the replacements begins. */
static hearth_status check_values(const charsmap *map, hearth_error *error)
{
    for (size_t i = 0; i < map->count; i++) {
        const uint32_t unit = map->units[i];
        if (unit >> 31 != 0 || !has_value(unit)) {
            continue;
        }
        const size_t at = i ^ offset_of(unit);
        const uint32_t value = at < map->count ? map->units[at] & 0x7FFFFFFFu : UINT32_MAX;
        if (value >= map->texts_length || ((unsigned char)map->texts[value] & 0xC0) == 0x80) {
            return error_set(error, HEARTH_E_FORMAT, "character map", "values inside its texts", "unit %zu points out",
                             i);
        }
    }
    return HEARTH_OK;
}

/* What follows must not matter: no rule goes on with an ASCII character. */
static void fill_ascii(charsmap *map)
{
    for (unsigned c = 0; c < 128; c++) {
        const size_t at = offset_of(map->units[0]) ^ c;
        map->ascii[c] = -2;
        if (at >= map->count || label_of(map->units[at]) != c) {
            continue;
        }
        const size_t below = at ^ offset_of(map->units[at]);
        bool goes_on = false;
        for (unsigned next = 1; next < 128; next++) {
            const size_t child = below ^ next;
            goes_on = goes_on || (child < map->count && label_of(map->units[child]) == next);
        }
        if (goes_on || c == 0) {
            map->ascii[c] = -1;
        } else if (has_value(map->units[at])) {
            map->ascii[c] = (int32_t)(map->units[below] & 0x7FFFFFFFu);
        }
    }
}

hearth_status charsmap_create(charsmap *map, token_text blob, hearth_error *error)
{
    *map = (charsmap){0};
    if (blob.length == 0) {
        return HEARTH_OK;
    }
    const unsigned char *bytes = (const unsigned char *)blob.text;
    const uint32_t size = blob.length < 4 ? UINT32_MAX
                                          : (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                                                (uint32_t)bytes[3] << 24;
    if (size % 4 != 0 || size == 0 || size > blob.length - 4) {
        return error_set(error, HEARTH_E_FORMAT, "character map", "the size of its trie, a multiple of 4 inside it",
                         "%u of %zu bytes", size, blob.length);
    }
    map->texts = blob.text + 4 + size;
    map->texts_length = blob.length - 4 - size;
    if (map->texts_length == 0 || map->texts[map->texts_length - 1] != '\0' ||
        !utf8_valid(map->texts, map->texts_length)) {
        return error_set(error, HEARTH_E_FORMAT, "character map", "texts in UTF-8 with a NUL behind each",
                         "something else");
    }
    map->count = size / 4;
    map->units = mem_alloc(size);
    if (map->units == NULL) {
        return error_memory(error, size);
    }
    for (size_t i = 0; i < map->count; i++) {
        const unsigned char *unit = bytes + 4 + 4 * i;
        map->units[i] = (uint32_t)unit[0] | (uint32_t)unit[1] << 8 | (uint32_t)unit[2] << 16 | (uint32_t)unit[3] << 24;
    }
    TRY(check_values(map, error));
    fill_ascii(map);
    return HEARTH_OK;
}

void charsmap_free(charsmap *map)
{
    mem_free(map->units);
    *map = (charsmap){0};
}

/* Walks down along the text; stops at the first value, or sees RESULTS_MOST of them. */
static size_t walk(const charsmap *map, const char *text, size_t length, unsigned most, const char **ret)
{
    size_t found = 0;
    size_t at = map->count > 0 ? offset_of(map->units[0]) : 0;
    for (size_t i = 0; i < length && most > 0; i++) {
        const uint32_t byte = (unsigned char)text[i];
        at ^= byte;
        if (at >= map->count || label_of(map->units[at]) != byte) {
            break;
        }
        const uint32_t unit = map->units[at];
        at ^= offset_of(unit);
        if (has_value(unit)) {
            found = i + 1;
            *ret = map->texts + (map->units[at] & 0x7FFFFFFFu);
            most--;
        }
    }
    return found;
}

size_t charsmap_longest(const charsmap *map, const char *text, size_t length, const char **ret)
{
    return walk(map, text, length, RESULTS_MOST, ret);
}

bool charsmap_shortest(const charsmap *map, const char *text, size_t length, const char **ret)
{
    return walk(map, text, length, 1, ret) > 0;
}
