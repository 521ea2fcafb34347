/* Pages of one sequence. */
#include "generate/paged.h"

#include "base/memory.h"

#include <string.h>

page_id paged_parent(const paged_sequence *q)
{
    return q->known == 0 ? PAGE_ROOT : q->pages[q->known - 1];
}

static void put_page(const paged_pool *pool, paged_sequence *q, size_t at, page_id page)
{
    q->pages[at] = page;
    q->cache.pages[at] = page_cache_memory(pool->pages, page);
}

/* The last token is left: its logits are wanted. */
static void adopt_whole(const paged_pool *pool, paged_sequence *q, const int32_t *tokens, size_t count)
{
    while ((q->known + 1) * ATTENTION_BLOCK < count) {
        const page_id page = page_cache_find(pool->pages, paged_parent(q), tokens + q->known * ATTENTION_BLOCK);
        if (page == PAGE_NONE) {
            return;
        }
        put_page(pool, q, q->known++, page);
        q->page_count = q->known;
        q->computed = q->known * ATTENTION_BLOCK;
    }
}

hearth_status paged_start(const paged_pool *pool, paged_sequence *q, const model_config *c, cache_type type,
                          size_t positions, const int32_t *tokens, size_t count, hearth_error *error)
{
    if (q->pages == NULL) {
        TRY(kv_cache_create_paged(c, type, positions, &q->cache, error));
        const size_t most = q->cache.capacity / ATTENTION_BLOCK;
        q->pages = mem_calloc(most, sizeof *q->pages);
        if (q->pages == NULL) {
            return error_memory(error, most * sizeof *q->pages);
        }
    }
    if (pool->shares) {
        adopt_whole(pool, q, tokens, count);
    }
    return HEARTH_OK;
}

bool paged_at_boundary(const paged_pool *pool, const paged_sequence *q)
{
    return pool->shares && q->computed == q->known * ATTENTION_BLOCK && q->page_count == q->known;
}

void paged_adopt(const paged_pool *pool, paged_sequence *q, const int32_t *tokens, size_t count)
{
    if (paged_at_boundary(pool, q)) {
        adopt_whole(pool, q, tokens, count);
    }
}

void paged_adopt_part(const paged_pool *pool, paged_sequence *q, const int32_t *tokens, size_t count)
{
    if (!pool->shares) {
        return;
    }
    size_t same = count - 1 - q->computed;
    same = same < ATTENTION_BLOCK ? same : ATTENTION_BLOCK;
    const page_id from = page_cache_find_part(pool->pages, paged_parent(q), tokens + q->computed, same, &same);
    if (from == PAGE_NONE) {
        return;
    }
    const page_id page = page_cache_take(pool->pages);
    if (page == PAGE_NONE) {
        return;
    }
    if (page != from) { /* it may be the one that had to go */
        memcpy(page_cache_memory(pool->pages, page), page_cache_memory(pool->pages, from), q->cache.page_bytes);
    }
    put_page(pool, q, q->page_count++, page);
    q->computed += same;
}

bool paged_reserve(const paged_pool *pool, paged_sequence *q, size_t positions)
{
    while (q->page_count * ATTENTION_BLOCK < positions) {
        const page_id page = page_cache_take(pool->pages);
        if (page == PAGE_NONE) {
            return false;
        }
        put_page(pool, q, q->page_count++, page);
    }
    return true;
}

size_t paged_fitting(const paged_pool *pool, const paged_sequence *q)
{
    return (q->page_count + page_cache_available(pool->pages)) * ATTENTION_BLOCK - q->computed;
}

void paged_filled(const paged_pool *pool, paged_sequence *q, const int32_t *tokens)
{
    while (pool->shares && (q->known + 1) * ATTENTION_BLOCK <= q->computed) {
        const int32_t *begin = tokens + q->known * ATTENTION_BLOCK;
        put_page(pool, q, q->known,
                 page_cache_insert(pool->pages, paged_parent(q), q->pages[q->known], begin, ATTENTION_BLOCK));
        q->known++;
    }
}

void paged_release(const paged_pool *pool, paged_sequence *q, const int32_t *tokens)
{
    const size_t begun = q->computed % ATTENTION_BLOCK;
    if (pool->shares && begun != 0 && q->page_count > q->known) { /* the page that is not full */
        const int32_t *begin = tokens + q->known * ATTENTION_BLOCK;
        put_page(pool, q, q->known, page_cache_insert(pool->pages, paged_parent(q), q->pages[q->known], begin, begun));
        q->known++;
    }
    for (; q->page_count > q->known; q->page_count--) {
        page_cache_give(pool->pages, q->pages[q->page_count - 1]);
    }
    for (; q->known > 0; q->known--) {
        page_cache_release(pool->pages, q->pages[q->known - 1]);
    }
    q->page_count = 0;
    q->computed = 0;
}

void paged_free(paged_sequence *q)
{
    mem_free(q->pages);
    kv_cache_free(&q->cache);
    *q = (paged_sequence){.pages = NULL};
}
