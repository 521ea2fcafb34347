/* Where an answer stands in a grammar. */
#include "generate/constraint.h"

#include "base/limits.h"
#include "base/memory.h"
#include "generate/grammar_mask.h"

#include <string.h>

enum { MASKS = 16 }; /* kept of the last configurations; a power of two */

struct constraint {
    grammar *g;
    const grammar_vocabulary *v;
    mask_cache *cache;
    machine *m;
    uint32_t at;
    bool marked;
    uint32_t mark;        /* where `marked` */
    uint64_t *masks;      /* [MASKS][words] */
    uint32_t held[MASKS]; /* the configuration that each is of; CONFIGURATION_DEAD: none */
};

grammar *grammar_retain(grammar *g)
{
    atomic_fetch_add(&g->count, 1);
    return g;
}

size_t grammar_bytes(const grammar *g)
{
    return g->network_bytes + atomic_load(&g->cache_bytes);
}

void grammar_release(grammar *g)
{
    if (g == NULL || atomic_fetch_sub(&g->count, 1) != 1) {
        return;
    }
    while (g->caches != NULL) {
        mask_cache *c = g->caches;
        g->caches = mask_cache_next(c);
        mask_cache_release(c);
    }
    pthread_mutex_destroy(&g->busy);
    mem_free(g->states);
    mem_free(g->edges);
    mem_free(g->calls);
    mem_free(g->tokens);
    mem_free(g->begins);
    mem_free(g->ranks);
    mem_free(g->plain);
    mem_free(g);
}

static hearth_status make(grammar *g, const grammar_vocabulary *v, constraint **ret, hearth_error *error)
{
    constraint *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return error_memory(error, sizeof *c);
    }
    c->g = grammar_retain(g);
    c->v = v;
    c->cache = mask_cache_get(g, v);
    c->masks = mem_calloc(MASKS * v->words, sizeof *c->masks);
    hearth_status status = c->cache != NULL && c->masks != NULL
                               ? machine_create(g, &c->m, error)
                               : error_memory(error, MASKS * v->words * sizeof *c->masks);
    if (status != HEARTH_OK) {
        constraint_free(c);
        return status;
    }
    *ret = c;
    return HEARTH_OK;
}

hearth_status constraint_create(grammar *g, const grammar_vocabulary *v, constraint **ret, hearth_error *error)
{
    constraint *c = NULL;
    TRY(make(g, v, &c, error));
    c->at = machine_begin(c->m);
    const hearth_status status = machine_check(c->m, error);
    if (status != HEARTH_OK) {
        constraint_free(c);
        return status;
    }
    *ret = c;
    return HEARTH_OK;
}

hearth_status constraint_fork(const constraint *c, constraint **ret, hearth_error *error)
{
    constraint *copy = NULL;
    TRY(make(c->g, c->v, &copy, error));
    copy->at = machine_copy(copy->m, c->m, c->at);
    const hearth_status status = machine_check(copy->m, error);
    if (status != HEARTH_OK) {
        constraint_free(copy);
        return status;
    }
    *ret = copy;
    return HEARTH_OK;
}

void constraint_free(constraint *c)
{
    if (c == NULL) {
        return;
    }
    mask_cache_release(c->cache);
    machine_free(c->m);
    mem_free(c->masks);
    grammar_release(c->g);
    mem_free(c);
}

/* Before a step: its work is counted from here. Only what the place at hand needs stays, where a long answer's machine
 * has grown large. */
static hearth_status begin_step(constraint *c, hearth_error *error)
{
    c->m->steps = 0;
    if (machine_bytes(c->m) <= LIMIT_GRAMMAR_WORK_BYTES) {
        return HEARTH_OK;
    }
    machine *m = NULL;
    TRY(machine_create(c->g, &m, error));
    const uint32_t at = machine_copy(m, c->m, c->at);
    const uint32_t mark = c->marked ? machine_copy(m, c->m, c->mark) : 0;
    hearth_status status = machine_check(m, error);
    if (status == HEARTH_OK && machine_bytes(m) > LIMIT_GRAMMAR_WORK_BYTES) {
        status = error_set(error, HEARTH_E_LIMIT, "grammar", "less that waits to be closed", "more than 64 MiB of it");
    }
    if (status != HEARTH_OK) {
        machine_free(m);
        return status;
    }
    machine_free(c->m);
    c->m = m;
    c->at = at;
    c->mark = mark;
    memset(c->held, 0, sizeof c->held);
    return HEARTH_OK;
}

hearth_status constraint_allowed(constraint *c, const uint64_t **ret, hearth_error *error)
{
    TRY(begin_step(c, error));
    const size_t slot = c->at % MASKS;
    uint64_t *mask = c->masks + slot * c->v->words;
    if (c->held[slot] != c->at) {
        c->held[slot] = CONFIGURATION_DEAD;
        memset(mask, 0, c->v->words * sizeof *mask);
        TRY(mask_fill(c->cache, c->m, c->at, mask, error));
        uint64_t any = 0;
        for (size_t i = 0; i < c->v->words; i++) {
            any |= mask[i];
        }
        if (any == 0) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "grammar", "texts that the vocabulary can write",
                             "no token that goes on");
        }
        c->held[slot] = c->at;
    }
    *ret = mask;
    return HEARTH_OK;
}

static bool is_end(const constraint *c, int32_t token)
{
    return tokenizer_is_end(c->v->t, token);
}

/* A token that is a terminal here is nothing else, whatever its bytes: a mark that ends a text of any characters does
 * not go on in it. */
static uint32_t after_token(constraint *c, int32_t token)
{
    const uint32_t as_terminal = machine_token(c->m, c->at, token);
    if (as_terminal != CONFIGURATION_DEAD) {
        return as_terminal;
    }
    size_t length = 0;
    const char *bytes = vocabulary_text(c->v, token, &length);
    uint32_t at = length == 0 ? CONFIGURATION_DEAD : c->at;
    for (size_t i = 0; i < length && at != CONFIGURATION_DEAD; i++) {
        at = machine_step(c->m, at, (uint8_t)bytes[i]);
    }
    return at;
}

hearth_status constraint_accept(constraint *c, int32_t token, hearth_error *error)
{
    const bool inside = token >= 0 && (size_t)token < c->v->size;
    if (inside && is_end(c, token) && machine_is_complete(c->m, c->at)) {
        return HEARTH_OK;
    }
    TRY(begin_step(c, error));
    const uint32_t to = inside ? after_token(c, token) : CONFIGURATION_DEAD;
    TRY(machine_check(c->m, error));
    if (to == CONFIGURATION_DEAD) {
        return error_set(error, HEARTH_E_ARGUMENT, "token", "one that the grammar allows", "%d", token);
    }
    c->at = to;
    return HEARTH_OK;
}

void constraint_mark(constraint *c)
{
    c->marked = true;
    c->mark = c->at;
}

void constraint_return(constraint *c)
{
    c->at = c->marked ? c->mark : c->at;
    c->marked = false;
}

bool constraint_complete(const constraint *c)
{
    return machine_is_complete(c->m, c->at);
}
