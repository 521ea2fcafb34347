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
    size_t states = 0;
    if (r->failed == HEARTH_E_LIMIT) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "a smaller one", "more than %u rules", LIMIT_GRAMMAR_RULES);
    }
    if (r->failed != HEARTH_OK) {
        return error_memory(error, r->capacity * sizeof *r->rules);
    }
    for (size_t i = 0; i < r->count; i++) {
        TRY(automaton_check(&r->rules[i], error));
        states += r->rules[i].state_count;
    }
    if (states > LIMIT_GRAMMAR_STATES) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "a smaller one", "more than %u states",
                         LIMIT_GRAMMAR_STATES);
    }
    return HEARTH_OK;
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
    *a = (automaton){0};
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

/* Whether the end of a rule is reached from its beginning over edges of nothing, of rules that `holds` and, where
 * `others`, of all else. */
static bool reaches_end(const automaton *a, const bool *holds, bool others, bool *seen, uint32_t *work)
{
    size_t left = 0;
    memset(seen, 0, a->state_count * sizeof *seen);
    seen[0] = true;
    work[left++] = 0;
    while (left > 0) {
        const uint32_t s = work[--left];
        if (a->states[s].final) {
            return true;
        }
        for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
            const automaton_edge *edge = &a->edges[e];
            const bool call = edge->first >= SYMBOL_RULE && edge->first < SYMBOL_TOKEN;
            const bool passes = edge->first == SYMBOL_NOTHING || (call ? holds[edge->first - SYMBOL_RULE] : others);
            if (passes && !seen[edge->to]) {
                seen[edge->to] = true;
                work[left++] = edge->to;
            }
        }
    }
    return false;
}

/* The smallest set of rules that is closed under reaches_end. */
static hearth_status close_rules(const grammar_rules *r, bool others, bool *ret, hearth_error *error)
{
    size_t most = 1;
    for (size_t i = 0; i < r->count; i++) {
        most = r->rules[i].state_count > most ? r->rules[i].state_count : most;
    }
    bool *seen = mem_calloc(most, sizeof *seen);
    uint32_t *work = mem_calloc(most, sizeof *work);
    if (seen == NULL || work == NULL) {
        mem_free(seen);
        mem_free(work);
        return error_memory(error, most * sizeof *work);
    }
    memset(ret, 0, r->count * sizeof *ret);
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = r->count; i-- > 0;) { /* rules mostly come before those that they call */
            if (!ret[i] && reaches_end(&r->rules[i], ret, others, seen, work)) {
                ret[i] = changed = true;
            }
        }
    }
    mem_free(seen);
    mem_free(work);
    return HEARTH_OK;
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
