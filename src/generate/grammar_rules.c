/* Rules in the making: adding them, which may be empty, which have nothing in them. */
#include "generate/grammar.h"

#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

void grammar_rules_free(grammar_rules *r)
{
    for (size_t i = 0; i < r->count; i++) {
        automaton_free(&r->rules[i]);
    }
    mem_free(r->rules);
    *r = (grammar_rules){0};
}

hearth_status grammar_rules_check(const grammar_rules *r, hearth_error *error)
{
    if (r->failed == HEARTH_E_LIMIT) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "a smaller one", "more than %u rules", LIMIT_GRAMMAR_RULES);
    }
    if (r->failed == HEARTH_OK && r->total.failed == HEARTH_E_LIMIT) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "a smaller one", "more than %u states or %u edges",
                         LIMIT_GRAMMAR_STATES, LIMIT_GRAMMAR_ALL_EDGES);
    }
    return r->failed == HEARTH_OK && r->total.failed == HEARTH_OK ? HEARTH_OK
                                                                  : error_memory(error, r->capacity * sizeof *r->rules);
}

uint32_t grammar_add_rule(grammar_rules *r)
{
    if (r->failed == HEARTH_OK && r->count >= LIMIT_GRAMMAR_RULES) {
        r->failed = HEARTH_E_LIMIT;
    }
    if (r->failed == HEARTH_OK && !grammar_grow(&r->rules, &r->capacity, r->count + 1, sizeof *r->rules)) {
        r->failed = HEARTH_E_MEMORY;
    }
    if (r->failed != HEARTH_OK) {
        return 0;
    }
    automaton *a = &r->rules[r->count];
    *a = (automaton){.total = &r->total};
    automaton_add_state(a);
    const uint32_t end = automaton_add_state(a);
    if (a->failed == HEARTH_OK) {
        a->states[end].final = true;
    }
    return (uint32_t)r->count++;
}

void grammar_add_call(grammar_rules *r, uint32_t rule, uint32_t from, uint32_t callee, uint32_t to)
{
    if (r->failed == HEARTH_OK) {
        automaton_add_edge(&r->rules[rule], from, SYMBOL_RULE + callee, SYMBOL_RULE + callee, to);
    }
}

void grammar_add_token(grammar_rules *r, uint32_t rule, uint32_t from, int32_t id, uint32_t to)
{
    if (r->failed == HEARTH_OK) {
        const uint32_t symbol = SYMBOL_TOKEN + (uint32_t)id;
        automaton_add_edge(&r->rules[rule], from, symbol, symbol, to);
    }
}

/* ---- which rules have a text ---- */

typedef struct rule_state {
    uint32_t rule, state;
} rule_state;

/* States that are reached from the beginning of their rules, all rules at once: a call is passed once its rule's end is
 * reached, and until then waits for it. Each state and edge is looked at once. */
typedef struct closing {
    const grammar_rules *r;
    bool others;      /* edges of bytes and tokens are passed, too */
    bool *ends;       /* [rules]: an end is reached */
    size_t *begins;   /* [rules]: of each rule's states among all */
    bool *seen;       /* [states] */
    rule_state *work; /* [states] */
    size_t left;
    struct {
        rule_state to;
        uint32_t next; /* of those that wait for the same rule, or NO_STATE */
    } * waiting;       /* [calls] */
    uint32_t waiting_count;
    uint32_t *first; /* [rules]: of `waiting` */
} closing;

static void reach_state(closing *c, uint32_t rule, uint32_t state)
{
    bool *seen = &c->seen[c->begins[rule] + state];
    if (!*seen) {
        *seen = true;
        c->work[c->left++] = (rule_state){rule, state};
    }
}

static void leave_state(closing *c, rule_state at)
{
    const automaton *a = &c->r->rules[at.rule];
    if (a->states[at.state].final && !c->ends[at.rule]) {
        c->ends[at.rule] = true;
        for (uint32_t w = c->first[at.rule]; w != NO_STATE; w = c->waiting[w].next) {
            reach_state(c, c->waiting[w].to.rule, c->waiting[w].to.state);
        }
    }
    for (uint32_t e = a->states[at.state].first_edge; e != NO_STATE; e = a->edges[e].next) {
        const automaton_edge *edge = &a->edges[e];
        const uint32_t callee = automaton_is_call(edge) ? edge->first - SYMBOL_RULE : 0;
        if (automaton_is_call(edge) ? c->ends[callee] : edge->first == SYMBOL_NOTHING || c->others) {
            reach_state(c, at.rule, edge->to);
        } else if (automaton_is_call(edge)) {
            c->waiting[c->waiting_count].to = (rule_state){at.rule, edge->to};
            c->waiting[c->waiting_count].next = c->first[callee];
            c->first[callee] = c->waiting_count++;
        }
    }
}

static bool make_room(closing *c)
{
    size_t states = 0;
    size_t calls = 0;
    c->begins = mem_calloc(c->r->count + 1, sizeof *c->begins);
    c->first = mem_calloc(c->r->count + 1, sizeof *c->first);
    if (c->begins == NULL || c->first == NULL) {
        return false;
    }
    for (size_t i = 0; i < c->r->count; i++) {
        c->begins[i] = states;
        c->first[i] = NO_STATE;
        states += c->r->rules[i].state_count;
        for (uint32_t e = 0; e < c->r->rules[i].edge_count; e++) {
            calls += automaton_is_call(&c->r->rules[i].edges[e]);
        }
    }
    c->seen = mem_calloc(states + 1, sizeof *c->seen);
    c->work = mem_calloc(states + 1, sizeof *c->work);
    c->waiting = mem_calloc(calls + 1, sizeof *c->waiting);
    return c->seen != NULL && c->work != NULL && c->waiting != NULL;
}

static hearth_status close_rules(const grammar_rules *r, bool others, bool *ret, hearth_error *error)
{
    closing c = {.r = r, .others = others, .ends = ret};
    const bool good = make_room(&c);
    memset(ret, 0, r->count * sizeof *ret);
    for (uint32_t i = 0; good && i < r->count; i++) {
        reach_state(&c, i, 0);
        while (c.left > 0) {
            leave_state(&c, c.work[--c.left]);
        }
    }
    mem_free(c.begins);
    mem_free(c.first);
    mem_free(c.seen);
    mem_free(c.work);
    mem_free(c.waiting);
    return good ? HEARTH_OK : error_memory(error, r->total.edges * sizeof *c.waiting);
}

hearth_status grammar_productive(const grammar_rules *r, bool *ret, hearth_error *error)
{
    TRY(grammar_rules_check(r, error));
    return close_rules(r, true, ret, error);
}

hearth_status grammar_nullable(const grammar_rules *r, bool *ret, hearth_error *error)
{
    return close_rules(r, false, ret, error);
}
