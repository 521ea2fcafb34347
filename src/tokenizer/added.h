/* Finding added tokens in text: leftmost, longest, as Hugging Face's AddedVocabulary does. */
#ifndef TOKENIZER_ADDED_H
#define TOKENIZER_ADDED_H

#include "tokenizer/spec.h"

#define ADDED_TOKEN_BYTES 1024u /* the longest that is matched; longer is HEARTH_E_LIMIT */

typedef struct added_node {
    int32_t first_child, next_sibling; /* -1: none */
    int32_t id;                        /* of the token that ends here, or -1 */
    uint8_t byte;
} added_node;

typedef struct added_trie {
    added_node *nodes;
    size_t count, capacity;
    int32_t roots[256]; /* node of each first byte, -1: none */
} added_trie;

void added_init(added_trie *trie);
void added_free(added_trie *trie);
/* Empty texts are left out. Of two equal texts the later id wins. */
hearth_status added_insert(added_trie *trie, token_text text, int32_t id, hearth_error *error);

/* The longest added token that stands at `start` (< length). */
bool added_match(const added_trie *trie, const char *text, size_t length, size_t start, size_t *ret_end,
                 int32_t *ret_id);

/* The next place at or after `from` where an added token stands: false when there is none. */
bool added_find(const added_trie *trie, const char *text, size_t length, size_t from, size_t *ret_start,
                size_t *ret_end, int32_t *ret_id);

/* Widens or refuses a match by the token's LSTRIP, RSTRIP and SINGLE_WORD flags. `floor`: where the last match ended.
 * false: it does not count. */
bool added_adjust(unsigned flags, const char *text, size_t length, size_t floor, size_t *start, size_t *end);

#endif
