/* Sums over models. */
#include "serve/load.h"

#include "serve/server.h"

static void add(void *context, const models_row *row)
{
    server_load *l = context;
    l->models++;
    if (!row->open) {
        return;
    }
    const scheduler_stats *t = &row->stats;
    scheduler_stats *sums = &l->sums;
    l->open++;
    l->running += t->running;
    l->waiting += t->waiting;
    l->slots += row->slots;
    l->model_bytes += row->bytes;
    sums->pages += t->pages;
    sums->pages_used += t->pages_used;
    sums->pages_kept += t->pages_kept;
    sums->page_bytes += t->page_bytes * t->pages;
    sums->steps += t->steps;
    sums->prompt_tokens += t->prompt_tokens;
    sums->kept_tokens += t->kept_tokens;
    sums->tokens += t->tokens;
    sums->preemptions += t->preemptions;
    for (size_t i = 0; i < DRAFT_KINDS; i++) {
        sums->drafted[i] += t->drafted[i];
        sums->accepted[i] += t->accepted[i];
    }
    sums->decoded += t->decoded;
    sums->busy_s += t->busy_s;
}

void server_load_read(server *s, server_load *ret)
{
    *ret = (server_load){0};
    models_each(server_models(s), add, ret);
    const unsigned taken = ret->running + ret->waiting;
    ret->free_slots = ret->slots > taken ? ret->slots - taken : 0;
}
