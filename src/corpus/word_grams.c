/* Groups of words. */
#include "corpus/word_grams.h"

#include "base/memory.h"

#include <stdlib.h>

void hash_list_free(hash_list *list)
{
    mem_free(list->items);
    *list = (hash_list){0};
}

hearth_status hash_list_add(hash_list *list, uint64_t hash, hearth_error *error)
{
    if (list->count == list->capacity) {
        size_t bytes = 0;
        const size_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
        uint64_t *grown = size_mul(capacity, sizeof *grown, &bytes) ? mem_realloc(list->items, bytes) : NULL;
        if (grown == NULL) {
            return error_memory(error, bytes);
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = hash;
    return HEARTH_OK;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void hash_list_sort(hash_list *list)
{
    size_t kept = 0;
    if (list->count == 0) {
        return;
    }
    qsort(list->items, list->count, sizeof *list->items, by_value);
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || list->items[i] != list->items[kept - 1]) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

bool hash_list_has(const hash_list *list, uint64_t hash)
{
    return list->count > 0 && bsearch(&hash, list->items, list->count, sizeof hash, by_value) != NULL;
}

void gram_reader_init(gram_reader *g)
{
    buffer_init(&g->plain, 0);
    g->words = (span_list){0};
}

void gram_reader_free(gram_reader *g)
{
    buffer_free(&g->plain);
    span_list_free(&g->words);
}

hearth_status gram_reader_add(gram_reader *g, const char *text, size_t length, size_t n, bool short_too,
                              hash_list *list, hearth_error *error)
{
    TRY(words_plain(text, length, &g->plain, &g->words, error));
    const text_span *words = g->words.items;
    const size_t count = g->words.count;
    if (count < n && count > 0 && short_too) {
        return hash_list_add(list, words_hash(g->plain.data, g->plain.length), error);
    }
    for (size_t i = 0; i + n <= count; i++) { /* words lie one behind the other, a blank between */
        TRY(hash_list_add(list, words_hash(g->plain.data + words[i].begin, words[i + n - 1].end - words[i].begin),
                          error));
    }
    return HEARTH_OK;
}
