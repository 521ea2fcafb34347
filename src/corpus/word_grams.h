/* Groups of words as hashes; and sets of them. */
#ifndef CORPUS_WORD_GRAMS_H
#define CORPUS_WORD_GRAMS_H

#include "corpus/words.h"

/* A growing list of hashes; sorted, it is a set. */
typedef struct hash_list {
    uint64_t *items;
    size_t count, capacity;
} hash_list;

void hash_list_free(hash_list *list);
hearth_status hash_list_add(hash_list *list, uint64_t hash, hearth_error *error);
/* Sorts and leaves each once. */
void hash_list_sort(hash_list *list);
bool hash_list_has(const hash_list *list, uint64_t hash);

typedef struct gram_reader {
    buffer plain;
    span_list words;
} gram_reader;

void gram_reader_init(gram_reader *g);
void gram_reader_free(gram_reader *g);
/* Appends the hash of each group of `n` words of the text's plain form, in order. Of a text of fewer words, where
 * `short_too`, the hash of all of them. Afterwards g->words are the words. */
hearth_status gram_reader_add(gram_reader *g, const char *text, size_t length, size_t n, bool short_too,
                              hash_list *list, hearth_error *error);

#endif
