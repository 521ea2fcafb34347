/* From rules to the network: what has nothing in it goes, rules become deterministic where that does not make them much
 * larger, all states get one numbering. */
#include "generate/grammar.h"

#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

enum { MOST_WORK = 4 * LIMIT_GRAMMAR_SUBSETS };

/* Calls of rules with nothing in them go; beside a call of one that may be empty, the way around it. */
static void simplify_rule(automaton *a, const bool *productive, const bool *nullable)
{
    automaton new = {0};
    for (uint32_t s = 0; s < a->state_count; s++) {
        automaton_add_state(&new);
        if (new.failed == HEARTH_OK) {
            new.states[s].final = a->states[s].final;
        }
    }
    for (uint32_t s = 0; s < a->state_count && new.failed == HEARTH_OK; s++) {
        for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
            const automaton_edge *edge = &a->edges[e];
            if (automaton_is_call(edge) && !productive[edge->first - SYMBOL_RULE]) {
                continue;
            }
            automaton_add_edge(&new, s, edge->first, edge->last, edge->to);
            if (automaton_is_call(edge) && nullable[edge->first - SYMBOL_RULE]) {
                automaton_add_nothing(&new, s, edge->to);
            }
        }
    }
    automaton_free(a);
    *a = new;
    automaton_trim(a);
}

/* A larger one stays ambiguous: texts are then at several places of it at a time. So do all that come after rules whose
 * sets of states took *spent beyond MOST_WORK. */
static hearth_status make_deterministic(automaton *a, size_t *spent, hearth_error *error)
{
    automaton made = {0};
    const hearth_status status =
        *spent > MOST_WORK ? HEARTH_E_LIMIT : automaton_determinize(a, 4 * (size_t)a->state_count + 64, &made, NULL);
    *spent += made.work;
    if (status == HEARTH_E_MEMORY) {
        return error_memory(error, a->edge_capacity * sizeof *a->edges);
    }
    if (status == HEARTH_OK) {
        automaton_merge(&made);
        automaton_free(a);
        *a = made;
        return automaton_check(a, error);
    }
    /* Without edges of nothing: each state has the edges of all that it reaches by them. */
    bool *seen = mem_calloc(a->state_count, sizeof *seen);
    uint32_t *work = mem_calloc(a->state_count, sizeof *work);
    for (uint32_t s = 0; seen != NULL && work != NULL && s < a->state_count; s++) {
        automaton_add_state(&made);
    }
    for (uint32_t s = 0; seen != NULL && work != NULL && s < a->state_count && made.failed == HEARTH_OK; s++) {
        size_t left = 0;
        size_t count = 0;
        work[left++] = s;
        seen[s] = true;
        for (; count < left; count++) {
            const automaton_state *reached = &a->states[work[count]];
            made.states[s].final = made.states[s].final || reached->final;
            for (uint32_t e = reached->first_edge; e != NO_STATE; e = a->edges[e].next) {
                if (a->edges[e].first != SYMBOL_NOTHING) {
                    automaton_add_edge(&made, s, a->edges[e].first, a->edges[e].last, a->edges[e].to);
                } else if (!seen[a->edges[e].to]) {
                    seen[a->edges[e].to] = true;
                    work[left++] = a->edges[e].to;
                }
            }
        }
        for (size_t i = 0; i < left; i++) {
            seen[work[i]] = false;
        }
    }
    made.failed = seen == NULL || work == NULL ? HEARTH_E_MEMORY : made.failed;
    mem_free(seen);
    mem_free(work);
    automaton_trim(&made);
    automaton_free(a);
    *a = made;
    return automaton_check(a, error);
}

/* ---- which rules are called at all, and in what order rules begin with each other ---- */

static void mark_called(const grammar_rules *r, bool *called, uint32_t *work)
{
    size_t left = 0;
    called[0] = true;
    work[left++] = 0;
    while (left > 0) {
        const automaton *a = &r->rules[work[--left]];
        for (uint32_t e = 0; e < a->edge_count; e++) {
            if (automaton_is_call(&a->edges[e]) && !called[a->edges[e].first - SYMBOL_RULE]) {
                called[a->edges[e].first - SYMBOL_RULE] = true;
                work[left++] = a->edges[e].first - SYMBOL_RULE;
            }
        }
    }
}

/* Rules by the edges that leave their first state; Kahn's order. */
static bool rank_rules(const grammar_rules *r, const bool *called, uint32_t *ranks, uint32_t *ret_recursive)
{
    uint32_t *waiting = mem_calloc(r->count, sizeof *waiting); /* callers that have no rank yet */
    uint32_t *work = mem_calloc(r->count, sizeof *work);
    if (waiting == NULL || work == NULL) {
        mem_free(waiting);
        mem_free(work);
        return false;
    }
    size_t end = 0;
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < r->count; i++) {
            const automaton *a = &r->rules[i];
            for (uint32_t e = pass == 0 && called[i] ? a->states[0].first_edge : NO_STATE; e != NO_STATE;
                 e = a->edges[e].next) {
                waiting[automaton_is_call(&a->edges[e]) ? a->edges[e].first - SYMBOL_RULE : 0] +=
                    automaton_is_call(&a->edges[e]);
            }
            count += pass == 1 && called[i];
            if (pass == 1 && called[i] && waiting[i] == 0) {
                work[end++] = (uint32_t)i;
            }
        }
    }
    for (size_t next = 0; next < end; next++) {
        const automaton *a = &r->rules[work[next]];
        ranks[work[next]] = (uint32_t)next;
        for (uint32_t e = a->states[0].first_edge; e != NO_STATE; e = a->edges[e].next) {
            if (automaton_is_call(&a->edges[e]) && --waiting[a->edges[e].first - SYMBOL_RULE] == 0) {
                work[end++] = a->edges[e].first - SYMBOL_RULE;
            }
        }
    }
    *ret_recursive = NO_STATE;
    for (size_t i = 0; end < count && i < r->count; i++) {
        if (called[i] && waiting[i] != 0) { /* it, or what it begins with */
            *ret_recursive = (uint32_t)i;
            break;
        }
    }
    mem_free(waiting);
    mem_free(work);
    return true;
}

/* ---- one numbering ---- */

static void count_parts(const grammar_rules *r, const bool *called, size_t ret[4])
{
    memset(ret, 0, 4 * sizeof *ret);
    for (size_t i = 0; i < r->count; i++) {
        const automaton *a = &r->rules[i];
        ret[0] += called[i] ? a->state_count : 0;
        for (uint32_t e = 0; called[i] && e < a->edge_count; e++) {
            ret[automaton_is_call(&a->edges[e]) ? 2 : a->edges[e].first >= SYMBOL_TOKEN ? 3 : 1]++;
        }
    }
}

static void lay_state(grammar *g, const automaton *a, uint32_t s, uint32_t base, const uint32_t *numbers,
                      uint32_t next[3])
{
    network_state *state = &g->states[base + s];
    *state = (network_state){next[0], next[1], next[2], a->states[s].final, a->states[s].first_edge == NO_STATE};
    for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
        const automaton_edge *edge = &a->edges[e];
        const uint32_t to = base + edge->to;
        if (automaton_is_call(edge)) {
            g->calls[next[1]++] = (network_call){numbers[edge->first - SYMBOL_RULE], to};
        } else if (edge->first >= SYMBOL_TOKEN) {
            g->tokens[next[2]++] = (network_token){(int32_t)(edge->first - SYMBOL_TOKEN), to};
        } else {
            g->edges[next[0]++] = (network_edge){(uint8_t)edge->first, (uint8_t)edge->last, to};
        }
    }
}

static void lay_rules(grammar *g, const grammar_rules *r, const bool *called, const uint32_t *numbers,
                      const uint32_t *ranks)
{
    uint32_t next[3] = {0, 0, 0};
    uint32_t base = 0;
    for (size_t i = 0; i < r->count; i++) {
        const automaton *a = &r->rules[i];
        if (called[i]) {
            g->begins[numbers[i]] = base;
            g->ranks[numbers[i]] = ranks[i];
            for (uint32_t s = 0; s < a->state_count; s++) {
                lay_state(g, a, s, base, numbers, next);
            }
            base += a->state_count;
        }
    }
    g->states[base] = (network_state){next[0], next[1], next[2], false, true};
}

/* Bytes that every edge has together, or none. */
static void find_classes(grammar *g)
{
    bool begins[257] = {true};
    for (uint32_t e = 0; e < g->states[g->state_count].edge; e++) {
        begins[g->edges[e].first] = true;
        begins[g->edges[e].last + 1] = true;
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        if (begins[byte]) {
            g->bytes[g->class_count++] = (uint8_t)byte;
        }
        g->classes[byte] = (uint8_t)(g->class_count - 1);
    }
}

/* ---- the ways to write a plain character ---- */

enum { MOST_PLAIN_PATHS = 1024 };

static bool same_path(const plain_path *a, const plain_path *b)
{
    return a->length == b->length && memcmp(a->classes, b->classes, a->length) == 0;
}

/* Continues `path` by every class of the bytes first to last. */
static bool spread_paths(const grammar *g, plain_path *paths, size_t *count, plain_path path, unsigned length,
                         const uint8_t (*ranges)[2])
{
    if (path.length == length) {
        if (*count != 0 && same_path(&paths[*count - 1], &path)) {
            return true;
        }
        if (*count == MOST_PLAIN_PATHS) {
            return false;
        }
        paths[(*count)++] = path;
        return true;
    }
    int last = -1;
    for (unsigned byte = ranges[path.length][0]; byte <= ranges[path.length][1]; byte++) {
        plain_path more = path;
        if (g->classes[byte] == last || (length == 1 && !is_plain_byte((uint8_t)byte))) {
            continue;
        }
        last = g->classes[byte];
        more.classes[more.length++] = (uint8_t)last;
        if (!spread_paths(g, paths, count, more, length, ranges)) {
            return false;
        }
    }
    return true;
}

static bool find_plain(grammar *g)
{
    static const struct {
        unsigned length;
        uint8_t ranges[4][2];
    } forms[] = {{1, {{0x20, 0x7e}}},
                 {2, {{0xc2, 0xdf}, {0x80, 0xbf}}},
                 {3, {{0xe0, 0xe0}, {0xa0, 0xbf}, {0x80, 0xbf}}},
                 {3, {{0xe1, 0xec}, {0x80, 0xbf}, {0x80, 0xbf}}},
                 {3, {{0xed, 0xed}, {0x80, 0x9f}, {0x80, 0xbf}}},
                 {3, {{0xee, 0xef}, {0x80, 0xbf}, {0x80, 0xbf}}},
                 {4, {{0xf0, 0xf0}, {0x90, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}}},
                 {4, {{0xf1, 0xf3}, {0x80, 0xbf}, {0x80, 0xbf}, {0x80, 0xbf}}},
                 {4, {{0xf4, 0xf4}, {0x80, 0x8f}, {0x80, 0xbf}, {0x80, 0xbf}}}};
    g->plain = mem_calloc(MOST_PLAIN_PATHS, sizeof *g->plain);
    for (size_t i = 0; g->plain != NULL && i < sizeof forms / sizeof *forms; i++) {
        if (!spread_paths(g, g->plain, &g->plain_count, (plain_path){{0}, 0}, forms[i].length, forms[i].ranges)) {
            g->plain_count = 0;
            return true;
        }
    }
    return g->plain != NULL;
}

/* ---- all of it ---- */

static hearth_status lay_network(const grammar_rules *r, const bool *called, uint32_t *numbers, const uint32_t *ranks,
                                 grammar **ret, hearth_error *error)
{
    size_t parts[4];
    uint32_t rules = 0;
    count_parts(r, called, parts);
    for (size_t i = 0; i < r->count; i++) {
        numbers[i] = rules;
        rules += called[i];
    }
    grammar *g = mem_calloc(1, sizeof *g);
    if (g == NULL) {
        return error_memory(error, sizeof *g);
    }
    atomic_init(&g->count, 1);
    atomic_init(&g->cache_bytes, 0);
    pthread_mutex_init(&g->busy, NULL);
    g->state_count = parts[0];
    g->rule_count = rules;
    g->states = mem_calloc(parts[0] + 1, sizeof *g->states);
    g->edges = mem_calloc(parts[1] + 1, sizeof *g->edges);
    g->calls = mem_calloc(parts[2] + 1, sizeof *g->calls);
    g->tokens = mem_calloc(parts[3] + 1, sizeof *g->tokens);
    g->begins = mem_calloc(rules, sizeof *g->begins);
    g->ranks = mem_calloc(rules, sizeof *g->ranks);
    if (!g->states || !g->edges || !g->calls || !g->tokens || !g->begins || !g->ranks) {
        grammar_release(g);
        return error_memory(error, parts[1] * sizeof *g->edges);
    }
    g->network_bytes = sizeof *g + parts[0] * sizeof *g->states + parts[1] * sizeof *g->edges +
                       parts[2] * sizeof *g->calls + parts[3] * sizeof *g->tokens + rules * 2 * sizeof *g->begins +
                       MOST_PLAIN_PATHS * sizeof *g->plain;
    lay_rules(g, r, called, numbers, ranks);
    find_classes(g);
    if (!find_plain(g)) {
        grammar_release(g);
        return error_memory(error, MOST_PLAIN_PATHS * sizeof *g->plain);
    }
    *ret = g;
    return HEARTH_OK;
}

static hearth_status compile(grammar_rules *r, bool *marks, uint32_t *numbers, grammar **ret, uint32_t *ret_recursive,
                             hearth_error *error)
{
    bool *productive = marks;
    bool *nullable = marks + r->count;
    bool *called = marks + 2 * r->count;
    size_t spent = 0;
    TRY(grammar_productive(r, productive, error));
    TRY(grammar_nullable(r, nullable, error));
    if (!productive[0]) {
        return error_set(error, HEARTH_E_ARGUMENT, "grammar", "a text that it allows", "none");
    }
    mark_called(r, called, numbers);
    for (size_t i = 0; i < r->count; i++) {
        if (called[i] && productive[i]) {
            simplify_rule(&r->rules[i], productive, nullable);
            TRY(automaton_check(&r->rules[i], error));
            TRY(make_deterministic(&r->rules[i], &spent, error));
        }
    }
    memset(called, 0, r->count * sizeof *called);
    mark_called(r, called, numbers);
    if (!rank_rules(r, called, numbers, ret_recursive)) {
        return error_memory(error, r->count * sizeof *numbers);
    }
    if (*ret_recursive != NO_STATE) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "grammar", "rules that begin with something else",
                         "a rule that begins with itself");
    }
    return lay_network(r, called, numbers + r->count, numbers, ret, error);
}

hearth_status grammar_compile(grammar_rules *r, grammar **ret, uint32_t *ret_recursive, hearth_error *error)
{
    hearth_status status = grammar_rules_check(r, error);
    if (status == HEARTH_OK) {
        bool *marks = mem_calloc(3 * r->count, sizeof *marks);
        uint32_t *numbers = mem_calloc(2 * r->count, sizeof *numbers);
        *ret_recursive = NO_STATE;
        status = marks != NULL && numbers != NULL ? compile(r, marks, numbers, ret, ret_recursive, error)
                                                  : error_memory(error, 2 * r->count * sizeof *numbers);
        mem_free(marks);
        mem_free(numbers);
    }
    grammar_rules_free(r);
    return status;
}
