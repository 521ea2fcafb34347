/* A sequence's pages (paged.h), and what of its prompt was found in the tree. */
#include "generate/scheduler_state.h"

#include <string.h>

static void account_kept(scheduler *s, generation *g, size_t before)
{
    const size_t end = g->held.computed < g->prompt_count ? g->held.computed : g->prompt_count;
    if (g->outcome.preempted == 0 && end > before) {
        g->outcome.kept_tokens += end - before;
        s->own.kept_tokens += end - before;
    }
}

hearth_status scheduler_pages_start(scheduler *s, generation *g, hearth_error *error)
{
    return paged_start(&s->pool, &g->held, &s->m->config, s->cache, s->context_length, g->tokens, g->count, error);
}

void scheduler_pages_started(scheduler *s, generation *g)
{
    paged_adopt_part(&s->pool, &g->held, g->tokens, g->count);
    account_kept(s, g, 0);
}

void scheduler_pages_adopt(scheduler *s, generation *g)
{
    const size_t before = g->held.computed;
    paged_adopt(&s->pool, &g->held, g->tokens, g->count);
    account_kept(s, g, before);
}

bool scheduler_pages_same(const scheduler *s, const generation *a, const generation *b)
{
    const size_t begin = b->held.known * ATTENTION_BLOCK;
    const size_t end = begin + ATTENTION_BLOCK;
    return paged_at_boundary(&s->pool, &b->held) && a->held.known == b->held.known &&
           paged_parent(&a->held) == paged_parent(&b->held) && a->count >= end && b->count > end &&
           memcmp(a->tokens + begin, b->tokens + begin, ATTENTION_BLOCK * sizeof *a->tokens) == 0;
}

size_t scheduler_pages_missing(const generation *g)
{
    const size_t wanted = (g->count + ATTENTION_BLOCK) / ATTENTION_BLOCK; /* with the next token */
    return wanted > g->held.page_count ? wanted - g->held.page_count : 0;
}
