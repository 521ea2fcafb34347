/* Automata made deterministic, and their products: states that are sets, or pairs, of states. */
#include "generate/grammar_automaton.h"

#include "base/limits.h"
#include "base/memory.h"
#include "generate/grammar_sets.h"

#include <stdlib.h>
#include <string.h>

/* ---- the construction ---- */

typedef struct construction {
    const automaton *a;
    automaton *ret;
    grammar_sets sets;
    automaton_edge *edges; /* that leave the set at hand */
    size_t edge_count, edge_capacity;
    uint64_t *points; /* where symbols begin to go elsewhere */
    size_t point_count, point_capacity;
    uint64_t *reached; /* a set in the making */
    uint32_t *seen;    /* [states]: the round that reached it */
    uint32_t round;
    size_t most_states;
} construction;

static int by_first(const void *a, const void *b)
{
    const automaton_edge *x = a;
    const automaton_edge *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Adds a state and what it reaches by nothing. */
static size_t reach(construction *c, size_t count, uint32_t state)
{
    if (c->seen[state] == c->round) {
        return count;
    }
    size_t next = count;
    c->seen[state] = c->round;
    c->reached[count++] = state;
    for (; next < count; next++) {
        for (uint32_t e = c->a->states[c->reached[next]].first_edge; e != NO_STATE; e = c->a->edges[e].next) {
            const automaton_edge *edge = &c->a->edges[e];
            if (edge->first == SYMBOL_NOTHING && c->seen[edge->to] != c->round) {
                c->seen[edge->to] = c->round;
                c->reached[count++] = edge->to;
            }
        }
    }
    return count;
}

static uint32_t found(construction *c, size_t count, hearth_status *ret)
{
    grammar_sets_sort(c->reached, count);
    const size_t before = c->sets.count;
    const uint32_t set = grammar_sets_keep(&c->sets, c->reached, count);
    *ret = set == GRAMMAR_NO_SET ? HEARTH_E_MEMORY : HEARTH_OK;
    if (set != GRAMMAR_NO_SET && set == before) {
        automaton_add_state(c->ret);
        for (size_t i = 0; i < count && c->ret->failed == HEARTH_OK; i++) {
            c->ret->states[set].final = c->ret->states[set].final || c->a->states[c->reached[i]].final;
        }
        const bool many = c->sets.count > c->most_states || c->sets.member_count > LIMIT_GRAMMAR_SUBSETS;
        *ret = many ? HEARTH_E_LIMIT : c->ret->failed;
    }
    return set;
}

static hearth_status gather_edges(construction *c, size_t set)
{
    c->edge_count = 0;
    c->point_count = 0;
    for (size_t i = c->sets.begins[set]; i < c->sets.begins[set + 1]; i++) {
        const uint32_t state = (uint32_t)c->sets.members[i];
        for (uint32_t e = c->a->states[state].first_edge; e != NO_STATE; e = c->a->edges[e].next) {
            if (c->a->edges[e].first == SYMBOL_NOTHING) {
                continue;
            }
            if (!grammar_grow(&c->edges, &c->edge_capacity, c->edge_count + 1, sizeof *c->edges) ||
                !grammar_grow(&c->points, &c->point_capacity, c->point_count + 2, sizeof *c->points)) {
                return HEARTH_E_MEMORY;
            }
            c->edges[c->edge_count++] = c->a->edges[e];
            c->points[c->point_count++] = c->a->edges[e].first;
            c->points[c->point_count++] = c->a->edges[e].last + 1;
        }
    }
    if (c->edge_count != 0) {
        grammar_sets_sort(c->points, c->point_count);
        qsort(c->edges, c->edge_count, sizeof *c->edges, by_first);
    }
    return HEARTH_OK;
}

/* All edges of one set: for each stretch of symbols between two points, where they lead together. */
static hearth_status leave(construction *c, uint32_t set)
{
    TRY(gather_edges(c, set));
    size_t passed = 0; /* edges before are over */
    automaton_edge open = {.to = NO_STATE};
    for (size_t p = 0; p + 1 < c->point_count; p++) {
        const uint32_t first = (uint32_t)c->points[p];
        const uint32_t end = (uint32_t)c->points[p + 1];
        if (first == end) {
            continue;
        }
        size_t count = 0;
        c->round++;
        while (passed < c->edge_count && c->edges[passed].last < first) {
            passed++;
        }
        for (size_t i = passed; i < c->edge_count && c->edges[i].first <= first; i++) {
            count = c->edges[i].last >= first ? reach(c, count, c->edges[i].to) : count;
        }
        hearth_status status = HEARTH_OK;
        const uint32_t to = count == 0 ? NO_STATE : found(c, count, &status);
        TRY(status);
        const bool joins = open.to == to && first < SYMBOL_RULE && open.last + 1 == first;
        if (open.to != NO_STATE && !joins) {
            automaton_add_edge(c->ret, set, open.first, open.last, open.to);
        }
        open = (automaton_edge){joins ? open.first : first, end - 1, to, NO_STATE};
    }
    if (open.to != NO_STATE) {
        automaton_add_edge(c->ret, set, open.first, open.last, open.to);
    }
    return c->ret->failed;
}

static hearth_status construct(construction *c)
{
    hearth_status status = HEARTH_OK;
    c->round = 1;
    found(c, reach(c, 0, 0), &status);
    for (uint32_t set = 0; set < c->sets.count && status == HEARTH_OK; set++) {
        status = leave(c, set);
    }
    return status;
}

hearth_status automaton_determinize(const automaton *a, size_t most_states, automaton *ret, hearth_error *error)
{
    TRY(automaton_check(a, error));
    *ret = (automaton){0};
    construction c = {.a = a, .ret = ret, .most_states = most_states};
    c.reached = mem_calloc((size_t)a->state_count + 1, sizeof *c.reached);
    c.seen = mem_calloc((size_t)a->state_count + 1, sizeof *c.seen);
    const hearth_status status = c.reached != NULL && c.seen != NULL ? construct(&c) : HEARTH_E_MEMORY;
    const size_t work = a->work + ret->work + c.sets.member_count;
    grammar_sets_free(&c.sets);
    mem_free(c.edges);
    mem_free(c.points);
    mem_free(c.reached);
    mem_free(c.seen);
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    ret->work = work;
    if (status == HEARTH_OK) {
        return HEARTH_OK;
    }
    return status == HEARTH_E_LIMIT ? error_set(error, HEARTH_E_LIMIT, "grammar", "a smaller one",
                                                "more than %zu states of an automaton", most_states)
                                    : error_memory(error, c.sets.member_capacity * sizeof(uint64_t));
}

/* ---- products ---- */

typedef struct product {
    const automaton *a, *b;
    bool inside;
    automaton *ret;
    grammar_sets pairs;
} product;

static uint32_t pair(product *p, uint32_t of_a, uint32_t of_b)
{
    const uint64_t members[2] = {of_a, of_b};
    const size_t before = p->pairs.count;
    const uint32_t s = grammar_sets_keep(&p->pairs, members, 2);
    if (s == GRAMMAR_NO_SET) {
        p->ret->failed = HEARTH_E_MEMORY;
    } else if (s == before) {
        const bool in_b = of_b != NO_STATE && p->b->states[of_b].final;
        automaton_add_state(p->ret);
        if (p->ret->failed == HEARTH_OK) {
            p->ret->states[s].final = p->a->states[of_a].final && in_b == p->inside;
        }
    }
    return s;
}

/* One edge of a, cut where b's edges begin and end. */
static void pair_edge(product *p, uint32_t from, const automaton_edge *edge, uint32_t of_b)
{
    uint32_t at = edge->first;
    uint32_t e = of_b == NO_STATE ? NO_STATE : p->b->states[of_b].first_edge;
    while (at <= edge->last && p->ret->failed == HEARTH_OK) {
        while (e != NO_STATE && p->b->edges[e].last < at) {
            e = p->b->edges[e].next;
        }
        uint32_t to_b = NO_STATE;
        uint32_t last = edge->last;
        if (e != NO_STATE && p->b->edges[e].first <= at) {
            to_b = p->b->edges[e].to;
            last = p->b->edges[e].last < last ? p->b->edges[e].last : last;
        } else if (e != NO_STATE && p->b->edges[e].first <= last) {
            last = p->b->edges[e].first - 1;
        }
        if (to_b != NO_STATE || !p->inside) {
            const uint32_t to = pair(p, edge->to, to_b);
            automaton_add_edge(p->ret, from, at, last, to);
        }
        at = last + 1;
    }
}

hearth_status automaton_product(const automaton *a, const automaton *b, bool inside, automaton *ret,
                                hearth_error *error)
{
    TRY(automaton_check(a, error));
    TRY(automaton_check(b, error));
    *ret = (automaton){0};
    product p = {.a = a, .b = b, .inside = inside, .ret = ret};
    pair(&p, 0, 0);
    for (uint32_t s = 0; s < ret->state_count && ret->failed == HEARTH_OK; s++) {
        const uint32_t of_a = (uint32_t)p.pairs.members[p.pairs.begins[s]];
        const uint32_t of_b = (uint32_t)p.pairs.members[p.pairs.begins[s] + 1];
        for (uint32_t e = a->states[of_a].first_edge; e != NO_STATE && ret->failed == HEARTH_OK; e = a->edges[e].next) {
            pair_edge(&p, s, &a->edges[e], of_b);
        }
    }
    grammar_sets_free(&p.pairs);
    automaton_trim(ret);
    const hearth_status status = automaton_check(ret, error);
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    return status;
}

/* ---- states that go on alike ---- */

/* final, then the edges' first, last and where they lead now */
static size_t signature(const automaton *a, uint32_t s, const uint32_t *same, uint64_t *ret)
{
    size_t n = 0;
    ret[n++] = a->states[s].final;
    for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
        ret[n++] = a->edges[e].first;
        ret[n++] = a->edges[e].last;
        ret[n++] = same[a->edges[e].to];
    }
    return n;
}

void automaton_merge(automaton *a)
{
    if (a->failed != HEARTH_OK || a->state_count < 2) {
        return;
    }
    uint32_t *same = mem_calloc(a->state_count, sizeof *same); /* the state it is merged into */
    uint32_t *kept = mem_calloc(a->state_count, sizeof *kept); /* by signature */
    uint64_t *text = mem_calloc((size_t)a->edge_count * 3 + 1, sizeof *text);
    bool good = same != NULL && kept != NULL && text != NULL;
    bool changed = good;
    for (uint32_t s = 0; good && s < a->state_count; s++) {
        same[s] = s;
    }
    for (int pass = 0; good && changed && pass < 8; pass++) {
        grammar_sets signatures = {0};
        changed = false;
        for (uint32_t s = a->state_count; good && s-- > 0;) {
            const size_t before = signatures.count;
            const uint32_t found = grammar_sets_keep(&signatures, text, signature(a, s, same, text));
            good = found != GRAMMAR_NO_SET;
            if (good && found == before) {
                kept[found] = s;
            }
            changed = changed || (good && same[s] != kept[found]);
            same[s] = good ? kept[found] : s;
        }
        grammar_sets_free(&signatures);
    }
    const uint32_t beginning = good ? same[0] : 0;
    for (uint32_t e = 0; good && e < a->edge_count; e++) {
        a->edges[e].to = same[a->edges[e].to] == beginning ? 0 : same[a->edges[e].to]; /* the first stays the first */
    }
    a->failed = good ? HEARTH_OK : HEARTH_E_MEMORY;
    mem_free(same);
    mem_free(kept);
    mem_free(text);
    automaton_trim(a);
}

hearth_status automaton_finish(automaton *a, size_t most_states, automaton *ret, hearth_error *error)
{
    *ret = (automaton){0};
    automaton_trim(a);
    hearth_status status = automaton_determinize(a, most_states, ret, error);
    automaton_free(a);
    if (status == HEARTH_OK) {
        automaton_merge(ret);
        status = automaton_check(ret, error);
    }
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    return status;
}
