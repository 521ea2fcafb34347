/* Walks over a vocabulary's trees. */
#include "generate/grammar_mask.h"

#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

struct mask_cache {
    atomic_uint count;
    grammar *g; /* whose cache it is; not counted: those who use it hold the grammar */
    const grammar_vocabulary *v;
    uint64_t serial;
    state_mask **states; /* [g->state_count]; made once, under g->busy */
    machine *m;          /* for making them; contexts end at the state's own rule */
    size_t bytes;        /* of what is kept */
    size_t counted;      /* of it and the machine, in g->cache_bytes */
    mask_cache *next;
};

enum { MOST_CACHES = 4 };

/* ---- a walk ---- */

typedef struct walk {
    machine *m;
    const grammar_vocabulary *v;
    const token_tree *tree;
    uint64_t *bits;
    uint32_t *path;  /* [most_depth + 1]: configurations */
    uint32_t **ends; /* nodes where the outermost rule may be over and tokens go on; NULL: not wanted */
    size_t *end_count;
    size_t end_capacity;
    bool failed; /* memory */
} walk;

static void allow(walk *w, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        const uint32_t id = (uint32_t)w->tree->ids[i];
        w->bits[id / 64] |= (uint64_t)1 << id % 64;
    }
}

static void add_end(walk *w, uint32_t node)
{
    if (!grammar_grow(w->ends, &w->end_capacity, *w->end_count + 1, sizeof **w->ends)) {
        w->failed = true;
        return;
    }
    (*w->ends)[(*w->end_count)++] = node;
}

/* How many plain characters are allowed after a configuration, whichever they are, PLAIN_MOST at most. *ret_closed: no
 * more than these are allowed. 0 and not closed: that is not how it goes on. */
static unsigned plain_room(walk *w, uint32_t configuration, bool *ret_closed)
{
    unsigned room = 0;
    *ret_closed = false;
    while (room < PLAIN_MOST) {
        const uint32_t to = machine_plain(w->m, configuration);
        if (to == CONFIGURATION_DEAD || (w->ends != NULL && machine_is_complete(w->m, to))) {
            break;
        }
        room++;
        if (to == configuration) {
            room = PLAIN_MOST;
        }
        configuration = to;
    }
    if (room == PLAIN_MOST) {
        *ret_closed = true;
    } else if (room != 0 && machine_plain(w->m, configuration) == CONFIGURATION_DEAD) {
        *ret_closed = true; /* unless some plain character is allowed after all */
        for (size_t i = 0; i < w->m->g->plain_count && *ret_closed; i++) {
            const uint8_t byte = w->m->g->bytes[w->m->g->plain[i].classes[0]];
            *ret_closed = machine_step(w->m, configuration, byte) == CONFIGURATION_DEAD;
        }
    }
    return room;
}

/* Tokens at and below a node of plain text: all of those short enough at once. False: it must be walked. */
static bool allow_plain(walk *w, uint32_t node, uint32_t configuration)
{
    const token_tree *t = w->tree;
    bool closed = false;
    const unsigned room = plain_room(w, configuration, &closed);
    if (room == 0 || !closed) {
        return false;
    }
    const unsigned most = t->plain[node] + room;
    if (node == 0) {
        const uint64_t *mask = w->v->plain_masks + (most < PLAIN_MOST ? most : PLAIN_MOST) * w->v->words;
        for (size_t i = 0; i < w->v->words; i++) {
            w->bits[i] |= mask[i];
        }
        return true;
    }
    for (uint32_t i = t->first[node]; i < t->first[t->end[node]]; i++) {
        const uint32_t id = (uint32_t)t->ids[i];
        if (w->v->plain_length[id] <= most) {
            w->bits[id / 64] |= (uint64_t)1 << id % 64;
        }
    }
    return true;
}

/* Tokens below `top`, which was reached with `configuration`. */
static void walk_below(walk *w, uint32_t top, uint32_t configuration)
{
    const token_tree *t = w->tree;
    const uint32_t end = t->end[top];
    const size_t base = t->depth[top];
    uint32_t n = top + 1;
    size_t nodes = 1;
    w->path[base] = configuration;
    if (t->plain[top] != UINT8_MAX && t == &w->v->plain && end - n > 32 && allow_plain(w, top, configuration)) {
        return;
    }
    for (; n < end && w->m->failed == HEARTH_OK; nodes++) {
        const uint32_t to = machine_step(w->m, w->path[t->depth[n] - 1], t->bytes[n]);
        if (to == CONFIGURATION_DEAD) {
            n = t->end[n];
            continue;
        }
        w->path[t->depth[n]] = to;
        allow(w, t->first[n], t->first[n + 1]);
        const uint32_t below = t->end[n] - n - 1;
        if (below != 0 && w->ends != NULL && machine_is_complete(w->m, to)) {
            add_end(w, n);
        } else if (below > 32 && t == &w->v->plain && t->plain[n] != UINT8_MAX && allow_plain(w, n, to)) {
            n = t->end[n];
            continue;
        }
        n++;
    }
    machine_spend(w->m, nodes);
}

static bool walk_begin(walk *w, const token_tree *tree, uint32_t **ends, size_t *end_count)
{
    w->tree = tree;
    w->ends = ends;
    w->end_count = end_count;
    w->end_capacity = 0;
    mem_free(w->path);
    w->path = mem_calloc((size_t)tree->most_depth + 1, sizeof *w->path);
    return w->path != NULL;
}

/* ---- one state ---- */

static void state_mask_free(state_mask *s)
{
    if (s != NULL) {
        mem_free(s->bits);
        mem_free(s->ids);
        mem_free(s->ends_plain);
        mem_free(s->ends_rest);
        mem_free(s);
    }
}

/* Few tokens are a list. */
static bool make_small(state_mask *s, size_t words)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (size_t)__builtin_popcountll(s->bits[i]);
    }
    s->bytes = sizeof *s + (s->ends_plain_count + s->ends_rest_count) * sizeof(uint32_t) + words * sizeof *s->bits;
    if (count > words / 2) {
        return true;
    }
    s->ids = mem_calloc(count + 1, sizeof *s->ids);
    if (s->ids == NULL) {
        return false;
    }
    for (size_t i = 0; i < words; i++) {
        for (uint64_t word = s->bits[i]; word != 0; word &= word - 1) {
            s->ids[s->id_count++] = (int32_t)(i * 64 + (size_t)__builtin_ctzll(word));
        }
    }
    s->bytes += count * sizeof *s->ids - words * sizeof *s->bits;
    mem_free(s->bits);
    s->bits = NULL;
    return true;
}

static void allow_tokens(walk *w, uint32_t configuration)
{
    size_t count = 0;
    const place *active = machine_active_places(w->m, configuration, &count);
    for (size_t i = 0; i < count; i++) {
        const network_state *s = &w->m->g->states[PLACE_STATE(active[i])];
        for (uint32_t t = s[0].token; t < s[1].token; t++) {
            const int32_t id = w->m->g->tokens[t].id;
            if ((size_t)id < w->v->size) {
                w->bits[(size_t)id / 64] |= (uint64_t)1 << id % 64;
            }
        }
    }
}

static state_mask *make_state(const mask_cache *c, uint32_t state)
{
    state_mask *s = mem_calloc(1, sizeof *s);
    walk w = {.m = c->m, .v = c->v};
    if (s == NULL) {
        return NULL;
    }
    s->bits = mem_calloc(c->v->words, sizeof *s->bits);
    w.bits = s->bits;
    bool good = s->bits != NULL;
    if (good) {
        const uint32_t at = machine_at(c->m, PLACE(state, CONTEXT_OUTERMOST));
        allow_tokens(&w, at);
        good = walk_begin(&w, &c->v->plain, &s->ends_plain, &s->ends_plain_count);
        if (good) {
            walk_below(&w, 0, at);
        }
        good = good && walk_begin(&w, &c->v->rest, &s->ends_rest, &s->ends_rest_count);
        if (good) {
            walk_below(&w, 0, at);
        }
    }
    mem_free(w.path);
    if (!good || w.failed || c->m->failed != HEARTH_OK || !make_small(s, c->v->words)) {
        state_mask_free(s);
        return NULL;
    }
    return s;
}

/* A fresh machine where the old one has grown large. */
static hearth_status refresh(mask_cache *c, hearth_error *error)
{
    if (c->m == NULL || machine_bytes(c->m) > LIMIT_GRAMMAR_WORK_BYTES || c->m->failed != HEARTH_OK) {
        machine_free(c->m);
        c->m = NULL;
        TRY(machine_create(c->g, &c->m, error));
    }
    return HEARTH_OK;
}

/* Tells the grammar what its cache takes now. Under g->busy, or by who frees it. */
static void count_bytes(mask_cache *c, size_t bytes)
{
    atomic_fetch_add(&c->g->cache_bytes, bytes - c->counted); /* modulo 2^64: may shrink */
    c->counted = bytes;
}

/* *ret_owned: the caller frees it; there was no room to keep it. `steps`: of the mask so far. */
static hearth_status get_state(mask_cache *c, uint32_t state, size_t *steps, state_mask **ret, bool *ret_owned,
                               hearth_error *error)
{
    pthread_mutex_t *busy = &c->g->busy;
    hearth_status status = HEARTH_OK;
    *ret_owned = false;
    pthread_mutex_lock(busy);
    state_mask *s = c->states[state];
    if (s == NULL) {
        status = refresh(c, error);
        if (status == HEARTH_OK) {
            c->m->steps = *steps;
            s = make_state(c, state);
            *steps = c->m->steps;
        }
        if (status == HEARTH_OK && s == NULL) {
            status = machine_check(c->m, error);
            status = status == HEARTH_OK ? error_memory(error, c->v->words * sizeof(uint64_t)) : status;
        }
        *ret_owned = s != NULL && c->bytes + s->bytes > LIMIT_GRAMMAR_WORK_BYTES;
        if (s != NULL && !*ret_owned) {
            c->states[state] = s;
            c->bytes += s->bytes;
        }
        count_bytes(c, c->bytes + (c->m == NULL ? 0 : machine_bytes(c->m)));
    }
    pthread_mutex_unlock(busy);
    *ret = s;
    return status;
}

/* ---- one configuration ---- */

static void add_state(const state_mask *s, const grammar_vocabulary *v, uint64_t *bits)
{
    for (size_t i = 0; s->bits != NULL && i < v->words; i++) {
        bits[i] |= s->bits[i];
    }
    for (size_t i = 0; i < s->id_count; i++) {
        bits[(size_t)s->ids[i] / 64] |= (uint64_t)1 << s->ids[i] % 64;
    }
}

/* The tokens that go on where the rule is over, from what its context waits for. */
static bool add_ends(walk *w, const token_tree *tree, const uint32_t *ends, size_t count, uint32_t context)
{
    if (count == 0) {
        return true;
    }
    const uint32_t after = machine_after(w->m, context);
    if (!walk_begin(w, tree, NULL, NULL)) {
        return false;
    }
    for (size_t i = 0; i < count && after != CONFIGURATION_DEAD; i++) {
        walk_below(w, ends[i], after);
    }
    return true;
}

static hearth_status add_place(mask_cache *c, walk *w, place p, hearth_error *error)
{
    state_mask *s = NULL;
    bool owned = false;
    TRY(get_state(c, PLACE_STATE(p), &w->m->steps, &s, &owned, error));
    add_state(s, c->v, w->bits);
    machine_spend(w->m, c->v->words / 16);
    const uint32_t context = PLACE_CONTEXT(p);
    const bool good = add_ends(w, &c->v->plain, s->ends_plain, s->ends_plain_count, context) &&
                      add_ends(w, &c->v->rest, s->ends_rest, s->ends_rest_count, context);
    if (owned) {
        state_mask_free(s);
    }
    return good ? machine_check(w->m, error) : error_memory(error, c->v->rest.most_depth * sizeof *w->path);
}

hearth_status mask_fill(mask_cache *c, machine *m, uint32_t configuration, uint64_t *bits, hearth_error *error)
{
    walk w = {.m = m, .v = c->v, .bits = bits};
    hearth_status status = HEARTH_OK;
    size_t count = 0;
    machine_places(m, configuration, &count);
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        const place p = machine_places(m, configuration, &count)[i]; /* the array moves */
        if (p != PLACE_COMPLETE) {
            status = add_place(c, &w, p, error);
        }
    }
    mem_free(w.path);
    for (size_t i = 0; i < c->v->end_count && machine_is_complete(m, configuration); i++) {
        bits[(size_t)c->v->ends[i] / 64] |= (uint64_t)1 << c->v->ends[i] % 64;
    }
    return status;
}

/* ---- caches ---- */

static mask_cache *make_cache(grammar *g, const grammar_vocabulary *v)
{
    mask_cache *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    atomic_init(&c->count, 1);
    c->g = g;
    c->v = v;
    c->serial = v->serial;
    c->states = mem_calloc(g->state_count, sizeof(state_mask *));
    if (c->states == NULL) {
        mem_free(c);
        return NULL;
    }
    c->bytes = sizeof *c + g->state_count * sizeof(state_mask *);
    count_bytes(c, c->bytes);
    return c;
}

mask_cache *mask_cache_get(grammar *g, const grammar_vocabulary *v)
{
    size_t count = 0;
    mask_cache *dropped = NULL;
    pthread_mutex_lock(&g->busy);
    mask_cache *c = g->caches;
    for (; c != NULL && c->serial != v->serial; c = c->next) {
        count++;
    }
    if (c == NULL) {
        c = make_cache(g, v);
        if (c != NULL) {
            c->next = g->caches;
            g->caches = c;
        }
        if (c != NULL && count >= MOST_CACHES) { /* of vocabularies that have been freed, most likely */
            mask_cache *before = c;
            while (before->next->next != NULL) {
                before = before->next;
            }
            dropped = before->next;
            before->next = NULL;
        }
    }
    if (c != NULL) {
        atomic_fetch_add(&c->count, 1);
    }
    pthread_mutex_unlock(&g->busy);
    mask_cache_release(dropped);
    return c;
}

void mask_cache_release(mask_cache *c)
{
    if (c == NULL || atomic_fetch_sub(&c->count, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < c->g->state_count; i++) {
        state_mask_free(c->states[i]);
    }
    count_bytes(c, 0);
    mem_free(c->states);
    machine_free(c->m);
    mem_free(c);
}

mask_cache *mask_cache_next(const mask_cache *c)
{
    return c->next;
}
