/* Pages of keys and values, of many sequences: those of a sequence that computes, and those whose tokens are known and
 * that any sequence may begin with.
 *
 * The known ones are a tree: a page's parent is the page before it, so that its place says which tokens it was computed
 * from. A page of the tree that nobody holds is kept until its memory is wanted; the one that was held least recently
 * goes first. Who holds a page holds those before it, too. Nothing here waits or locks: one thread uses it. */
#ifndef GENERATE_PAGE_CACHE_H
#define GENERATE_PAGE_CACHE_H

#include "base/error.h"
#include "kernels/attention.h"

typedef struct page_cache page_cache;

typedef uint32_t page_id; /* a page, or one of these */
#define PAGE_NONE UINT32_MAX
#define PAGE_ROOT (UINT32_MAX - 1) /* parent of pages of position 0 */

/* Memory is touched as pages are used. */
hearth_status page_cache_create(size_t page_bytes, size_t pages, page_cache **ret, hearth_error *error);
/* NULL is allowed. */
void page_cache_free(page_cache *c);

uint8_t *page_cache_memory(const page_cache *c, page_id page);

/* A page of one's own: one that is free, or one out of the tree. PAGE_NONE: all are held. */
page_id page_cache_take(page_cache *c);
/* Gives back a page of one's own. */
void page_cache_give(page_cache *c, page_id page);

/* The page behind `parent` (PAGE_ROOT: the first one) with these ATTENTION_BLOCK tokens, held once more; PAGE_NONE:
 * there is none. */
page_id page_cache_find(page_cache *c, page_id parent, const int32_t *tokens);
/* The page behind `parent`, which the caller holds, that begins with most of these tokens, *ret_count of them. It is
 * not held, and the next page that is taken may be this one. PAGE_NONE: none begins as they do. */
page_id page_cache_find_part(page_cache *c, page_id parent, const int32_t *tokens, size_t count, size_t *ret_count);
/* Puts a page of one's own into the tree, where it is held as it was: its first `count` positions are known. If the
 * tree has a page of the same tokens there already, that one is held instead, and the own one is given back. The page
 * that is now held comes back. */
page_id page_cache_insert(page_cache *c, page_id parent, page_id page, const int32_t *tokens, size_t count);
/* Lets a page of the tree go; of a sequence, the last one first. */
void page_cache_release(page_cache *c, page_id page);

size_t page_cache_pages(const page_cache *c);
/* That could be taken: those that are free, and those in the tree that nobody holds. */
size_t page_cache_available(const page_cache *c);
size_t page_cache_kept(const page_cache *c);

#endif
