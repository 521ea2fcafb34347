/* A trie of added tokens. */
#include "tokenizer/added.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/unicode.h"

#include <string.h>

void added_init(added_trie *trie)
{
    *trie = (added_trie){0};
    memset(trie->roots, 0xFF, sizeof trie->roots);
}

void added_free(added_trie *trie)
{
    mem_free(trie->nodes);
    added_init(trie);
}

/* A node whose next sibling is *link, which then names the node. `link` must not point into trie->nodes. */
static hearth_status new_node(added_trie *trie, uint8_t byte, int32_t *link, hearth_error *error)
{
    if (trie->count == trie->capacity) {
        const size_t capacity = trie->capacity == 0 ? 256 : trie->capacity * 2;
        added_node *grown = capacity > INT32_MAX / 2 ? NULL : mem_realloc(trie->nodes, capacity * sizeof *trie->nodes);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *trie->nodes);
        }
        trie->nodes = grown;
        trie->capacity = capacity;
    }
    trie->nodes[trie->count] = (added_node){.first_child = -1, .next_sibling = *link, .id = -1, .byte = byte};
    *link = (int32_t)trie->count++;
    return HEARTH_OK;
}

static int32_t child_of(const added_trie *trie, int32_t node, uint8_t byte)
{
    int32_t child = trie->nodes[node].first_child;
    while (child >= 0 && trie->nodes[child].byte != byte) {
        child = trie->nodes[child].next_sibling;
    }
    return child;
}

hearth_status added_insert(added_trie *trie, token_text text, int32_t id, hearth_error *error)
{
    if (text.length == 0) {
        return HEARTH_OK;
    }
    if (text.length > ADDED_TOKEN_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, "added token", "at most 1024 bytes", "%zu bytes", text.length);
    }
    const uint8_t first = (uint8_t)text.text[0];
    if (trie->roots[first] < 0) {
        TRY(new_node(trie, first, &trie->roots[first], error));
    }
    int32_t node = trie->roots[first];
    for (size_t i = 1; i < text.length; i++) {
        const uint8_t byte = (uint8_t)text.text[i];
        int32_t child = child_of(trie, node, byte);
        if (child < 0) {
            child = trie->nodes[node].first_child;
            TRY(new_node(trie, byte, &child, error));
            trie->nodes[node].first_child = child;
        }
        node = child;
    }
    trie->nodes[node].id = id;
    return HEARTH_OK;
}

bool added_match(const added_trie *trie, const char *text, size_t length, size_t start, size_t *ret_end,
                 int32_t *ret_id)
{
    int32_t node = trie->roots[(uint8_t)text[start]];
    size_t end = 0;
    for (size_t at = start + 1; node >= 0; at++) {
        if (trie->nodes[node].id >= 0) {
            end = at;
            *ret_id = trie->nodes[node].id;
        }
        node = at < length ? child_of(trie, node, (uint8_t)text[at]) : -1;
    }
    *ret_end = end;
    return end > 0;
}

bool added_find(const added_trie *trie, const char *text, size_t length, size_t from, size_t *ret_start,
                size_t *ret_end, int32_t *ret_id)
{
    for (size_t start = from; start < length && trie->count > 0; start++) {
        if (added_match(trie, text, length, start, ret_end, ret_id)) {
            *ret_start = start;
            return true;
        }
    }
    return false;
}

/* The class of the character before / at a byte offset; 0 at the ends. */
static uint8_t class_before(const char *text, size_t at, size_t *ret_start)
{
    *ret_start = at;
    if (at == 0) {
        return 0;
    }
    size_t start = at - 1;
    while (start > 0 && ((unsigned char)text[start] & 0xC0) == 0x80) {
        start--;
    }
    uint32_t code = 0;
    (void)utf8_decode_lossy(text + start, at - start, &code);
    *ret_start = start;
    return unicode_class(code);
}

static uint8_t class_at(const char *text, size_t length, size_t at, size_t *ret_end)
{
    *ret_end = at;
    if (at >= length) {
        return 0;
    }
    uint32_t code = 0;
    *ret_end = at + utf8_decode_lossy(text + at, length - at, &code);
    return unicode_class(code);
}

static bool class_is_space(uint8_t class)
{
    return (UNICODE_SPACE >> (class & UNICODE_CATEGORY_BITS) & 1) != 0;
}

bool added_adjust(unsigned flags, const char *text, size_t length, size_t floor, size_t *start, size_t *end)
{
    size_t other = 0;
    if ((flags & TOKEN_SINGLE_WORD) != 0 && ((class_before(text, *start, &other) & UNICODE_WORD) != 0 ||
                                             (class_at(text, length, *end, &other) & UNICODE_WORD) != 0)) {
        return false;
    }
    while ((flags & TOKEN_LSTRIP) != 0 && *start > floor && class_is_space(class_before(text, *start, &other))) {
        *start = other > floor ? other : floor;
    }
    while ((flags & TOKEN_RSTRIP) != 0 && *end < length && class_is_space(class_at(text, length, *end, &other))) {
        *end = other;
    }
    return true;
}
