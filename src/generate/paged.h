/* Where a sequence's keys and values lie: pages of the tree that it begins with, shared with others (page_cache.h), and
 * its own. For the scheduler's sequences, and for those of a draft model. */
#ifndef GENERATE_PAGED_H
#define GENERATE_PAGED_H

#include "generate/page_cache.h"
#include "model/kv_cache.h"

/* What sequences of one model have in common. */
typedef struct paged_pool {
    page_cache *pages;
    bool shares; /* sequences have pages in common */
} paged_pool;

typedef struct paged_sequence {
    kv_cache cache;
    page_id *pages;           /* [cache.capacity / ATTENTION_BLOCK]; NULL: it has not begun */
    size_t page_count, known; /* that it has; of them, the first ones, that are in the tree */
    size_t computed;          /* tokens */
} paged_sequence;

/* The tables, where they are not there; then begins with the pages that the tree has of these tokens. */
hearth_status paged_start(const paged_pool *pool, paged_sequence *q, const model_config *c, cache_type type,
                          size_t positions, const int32_t *tokens, size_t count, hearth_error *error);
/* Goes on with whole pages that the tree has by now, where all of it so far is the tree's. */
void paged_adopt(const paged_pool *pool, paged_sequence *q, const int32_t *tokens, size_t count);
/* And with a copy of a page that begins alike. */
void paged_adopt_part(const paged_pool *pool, paged_sequence *q, const int32_t *tokens, size_t count);
/* All of it so far is the tree's, up to the end of a page. */
bool paged_at_boundary(const paged_pool *pool, const paged_sequence *q);
/* The last page that the tree knows of it. */
page_id paged_parent(const paged_sequence *q);
/* Pages for positions [0, positions); false: there are not enough, and it has some of them. */
bool paged_reserve(const paged_pool *pool, paged_sequence *q, size_t positions);
/* How many positions behind those that are computed its pages have, and those that could be taken. */
size_t paged_fitting(const paged_pool *pool, const paged_sequence *q);
/* Tells the tree of pages that are full. */
void paged_filled(const paged_pool *pool, paged_sequence *q, const int32_t *tokens);
/* Gives back all of them; what they hold may stay in the tree. */
void paged_release(const paged_pool *pool, paged_sequence *q, const int32_t *tokens);
/* The tables. It was released. */
void paged_free(paged_sequence *q);

#endif
