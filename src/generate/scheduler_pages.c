/* A sequence's pages: those of the tree that it begins with, and its own. */
#include "generate/scheduler_state.h"

#include "base/memory.h"

#include <string.h>

/* The last page that the tree knows of a sequence. */
static page_id parent_of(const generation *g)
{
    return g->known == 0 ? PAGE_ROOT : g->pages[g->known - 1];
}

static void put_page(const scheduler *s, generation *g, size_t at, page_id page)
{
    g->pages[at] = page;
    g->cache.pages[at] = page_cache_memory(s->pages, page);
}

/* Goes on with pages of the tree. The last token is left: its logits are wanted. */
static void adopt_whole(scheduler *s, generation *g)
{
    while ((g->known + 1) * ATTENTION_BLOCK < g->count) {
        const page_id page = page_cache_find(s->pages, parent_of(g), g->tokens + g->known * ATTENTION_BLOCK);
        if (page == PAGE_NONE) {
            return;
        }
        put_page(s, g, g->known++, page);
        g->page_count = g->known;
        g->computed = g->known * ATTENTION_BLOCK;
    }
}

/* And with a copy of a page that begins alike. */
static void adopt_part(scheduler *s, generation *g)
{
    const int32_t *tokens = g->tokens + g->computed;
    size_t count = g->count - 1 - g->computed;
    count = count < ATTENTION_BLOCK ? count : ATTENTION_BLOCK;
    const page_id from = page_cache_find_part(s->pages, parent_of(g), tokens, count, &count);
    if (from == PAGE_NONE) {
        return;
    }
    const page_id page = page_cache_take(s->pages);
    if (page == PAGE_NONE) {
        return;
    }
    if (page != from) { /* it may be the one that had to go */
        memcpy(page_cache_memory(s->pages, page), page_cache_memory(s->pages, from), g->cache.page_bytes);
    }
    put_page(s, g, g->page_count++, page);
    g->computed += count;
}

static bool at_boundary(const scheduler *s, const generation *g)
{
    return s->shares && g->computed == g->known * ATTENTION_BLOCK && g->page_count == g->known;
}

static void account_kept(scheduler *s, generation *g, size_t before)
{
    const size_t end = g->computed < g->prompt_count ? g->computed : g->prompt_count;
    if (g->outcome.preempted == 0 && end > before) {
        g->outcome.kept_tokens += end - before;
        s->own.kept_tokens += end - before;
    }
}

hearth_status scheduler_pages_start(scheduler *s, generation *g, hearth_error *error)
{
    if (g->pages == NULL) {
        TRY(kv_cache_create_paged(&s->m->config, s->cache, s->context_length, &g->cache, error));
        const size_t most = g->cache.capacity / ATTENTION_BLOCK;
        g->pages = mem_calloc(most, sizeof *g->pages);
        if (g->pages == NULL) {
            return error_memory(error, most * sizeof *g->pages);
        }
    }
    if (s->shares) {
        adopt_whole(s, g);
    }
    return HEARTH_OK;
}

void scheduler_pages_started(scheduler *s, generation *g)
{
    if (s->shares) {
        adopt_part(s, g);
    }
    account_kept(s, g, 0);
}

void scheduler_pages_adopt(scheduler *s, generation *g)
{
    const size_t before = g->computed;
    if (at_boundary(s, g)) {
        adopt_whole(s, g);
        account_kept(s, g, before);
    }
}

bool scheduler_pages_same(const scheduler *s, const generation *a, const generation *b)
{
    const size_t begin = b->known * ATTENTION_BLOCK;
    const size_t end = begin + ATTENTION_BLOCK;
    return at_boundary(s, b) && a->known == b->known && parent_of(a) == parent_of(b) && a->count >= end &&
           b->count > end && memcmp(a->tokens + begin, b->tokens + begin, ATTENTION_BLOCK * sizeof *a->tokens) == 0;
}

bool scheduler_pages_reserve(scheduler *s, generation *g, size_t positions)
{
    while (g->page_count * ATTENTION_BLOCK < positions) {
        const page_id page = page_cache_take(s->pages);
        if (page == PAGE_NONE) {
            return false;
        }
        put_page(s, g, g->page_count++, page);
    }
    return true;
}

size_t scheduler_pages_fitting(const scheduler *s, const generation *g)
{
    return (g->page_count + page_cache_available(s->pages)) * ATTENTION_BLOCK - g->computed;
}

size_t scheduler_pages_missing(const generation *g)
{
    const size_t wanted = (g->count + ATTENTION_BLOCK) / ATTENTION_BLOCK; /* with the next token */
    return wanted > g->page_count ? wanted - g->page_count : 0;
}

void scheduler_pages_filled(scheduler *s, generation *g)
{
    while (s->shares && (g->known + 1) * ATTENTION_BLOCK <= g->computed) {
        const int32_t *tokens = g->tokens + g->known * ATTENTION_BLOCK;
        put_page(s, g, g->known,
                 page_cache_insert(s->pages, parent_of(g), g->pages[g->known], tokens, ATTENTION_BLOCK));
        g->known++;
    }
}

void scheduler_pages_release(scheduler *s, generation *g)
{
    const size_t begun = g->computed % ATTENTION_BLOCK;
    if (s->shares && begun != 0 && g->page_count > g->known) { /* the page that is not full */
        const int32_t *tokens = g->tokens + g->known * ATTENTION_BLOCK;
        put_page(s, g, g->known, page_cache_insert(s->pages, parent_of(g), g->pages[g->known], tokens, begun));
        g->known++;
    }
    for (; g->page_count > g->known; g->page_count--) {
        page_cache_give(s->pages, g->pages[g->page_count - 1]);
    }
    for (; g->known > 0; g->known--) {
        page_cache_release(s->pages, g->pages[g->known - 1]);
    }
    g->page_count = 0;
    g->computed = 0;
}
