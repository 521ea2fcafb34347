/* The first pieces of a unigram vocabulary: frequent substrings of words, by a sorted list of all their suffixes (of
 * their first 16 bytes, which is as long as a piece may be). Suffixes that begin alike stand side by side; a stack over
 * what neighbours have in common finds each substring that cannot be made longer without losing an occurrence. */
#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/learn_unigram.h"

#include <stdlib.h>

typedef struct suffix {
    uint64_t high, low; /* its bytes, the first one highest, zeros behind */
    uint64_t count;     /* of its word */
    uint32_t length;
} suffix;

typedef struct seed_list {
    unigram_piece *pieces;
    size_t count, capacity;
} seed_list;

static uint64_t load_bytes(const char *text, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | (i < length ? (unsigned char)text[i] : 0);
    }
    return value;
}

static int compare_suffixes(const void *a, const void *b)
{
    const suffix *x = a, *y = b;
    if (x->high != y->high) {
        return x->high < y->high ? -1 : 1;
    }
    if (x->low != y->low) {
        return x->low < y->low ? -1 : 1;
    }
    return (x->length > y->length) - (x->length < y->length);
}

/* How many bytes two suffixes have in common at their beginning. */
static uint32_t common(const suffix *x, const suffix *y)
{
    const uint64_t high = x->high ^ y->high, low = x->low ^ y->low;
    const int zeros = high != 0 ? __builtin_clzll(high) : low != 0 ? 64 + __builtin_clzll(low) : 128;
    uint32_t bytes = (uint32_t)zeros / 8;
    bytes = bytes < x->length ? bytes : x->length;
    return bytes < y->length ? bytes : y->length;
}

static hearth_status add_seed(seed_list *list, const suffix *s, uint32_t length, uint64_t count, hearth_error *error)
{
    unigram_piece piece = {.score = (double)count * length, .length = (uint8_t)length};
    for (uint32_t i = 0; i < length; i++) {
        piece.bytes[i] = (char)(i < 8 ? s->high >> (56 - 8 * i) : s->low >> (120 - 8 * i));
    }
    if (length < 2 || count < 2 || !utf8_valid(piece.bytes, length)) {
        return HEARTH_OK;
    }
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 4096 : list->capacity * 2;
        unigram_piece *grown = mem_realloc(list->pieces, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        list->pieces = grown;
        list->capacity = capacity;
    }
    list->pieces[list->count++] = piece;
    return HEARTH_OK;
}

/* Substrings that are open: all suffixes from the one that `count` counts up to have these bytes in common. */
typedef struct open_seed {
    uint32_t length;
    uint64_t count; /* of all suffixes before */
} open_seed;

static hearth_status find_seeds(const suffix *suffixes, size_t count, seed_list *list, hearth_error *error)
{
    open_seed stack[PIECE_BYTES + 2] = {{0, 0}};
    size_t depth = 1;
    uint64_t before = 0; /* counts of the suffixes up to this one */
    uint32_t left = 0;   /* in common with the one before */
    for (size_t i = 0; i < count; i++) {
        const suffix *s = &suffixes[i];
        const uint32_t right = i + 1 < count ? common(s, &suffixes[i + 1]) : 0;
        if (s->length > left && s->length > right) {
            TRY(add_seed(list, s, s->length, s->count, error)); /* this one's alone */
        }
        uint64_t start = before;
        before += s->count;
        while (stack[depth - 1].length > right) {
            start = stack[--depth].count;
            TRY(add_seed(list, s, stack[depth].length, before - start, error));
        }
        if (stack[depth - 1].length < right) {
            stack[depth++] = (open_seed){right, start};
        }
        left = right;
    }
    return HEARTH_OK;
}

static hearth_status make_suffixes(const flat_words *words, suffix **ret, hearth_error *error)
{
    const size_t total = words->starts[words->count];
    size_t bytes = 0;
    suffix *suffixes = size_mul(total, sizeof *suffixes, &bytes) ? mem_alloc(bytes) : NULL;
    if (suffixes == NULL) {
        return error_memory(error, bytes);
    }
    for (size_t w = 0; w < words->count; w++) {
        for (size_t at = words->starts[w]; at < words->starts[w + 1]; at++) {
            const size_t left = words->starts[w + 1] - at;
            const size_t length = left < PIECE_BYTES ? left : PIECE_BYTES;
            suffixes[at] = (suffix){.high = load_bytes(words->text + at, length),
                                    .low = length > 8 ? load_bytes(words->text + at + 8, length - 8) : 0,
                                    .count = words->counts[w],
                                    .length = (uint32_t)length};
        }
    }
    qsort(suffixes, total, sizeof *suffixes, compare_suffixes);
    *ret = suffixes;
    return HEARTH_OK;
}

hearth_status learn_seeds(const flat_words *words, size_t most, unigram_piece **ret, size_t *ret_count,
                          hearth_error *error)
{
    suffix *suffixes = NULL;
    seed_list list = {0};
    TRY(make_suffixes(words, &suffixes, error));
    hearth_status status = find_seeds(suffixes, words->starts[words->count], &list, error);
    mem_free(suffixes);
    if (list.count > 1) {
        qsort(list.pieces, list.count, sizeof *list.pieces, learn_compare_pieces);
    }
    const size_t kept = list.count < most ? list.count : most;
    unigram_piece *pieces = status == HEARTH_OK ? mem_calloc(kept + 256, sizeof *pieces) : NULL;
    if (status == HEARTH_OK && pieces == NULL) {
        status = error_memory(error, (kept + 256) * sizeof *pieces);
    }
    if (status == HEARTH_OK) {
        for (size_t i = 0; i < 256; i++) {
            pieces[i].length = 1;
            pieces[i].bytes[0] = (char)i;
        }
        for (size_t w = 0; w < words->count; w++) {
            for (size_t at = words->starts[w]; at < words->starts[w + 1]; at++) {
                pieces[(unsigned char)words->text[at]].score += (double)words->counts[w];
            }
        }
        for (size_t i = 0; i < kept; i++) {
            pieces[256 + i] = list.pieces[i];
        }
        *ret = pieces;
        *ret_count = kept + 256;
    }
    mem_free(list.pieces);
    return status;
}
