/* Finite automata over bytes, calls of rules and tokens: what grammars are built from.
 *
 * Building never fails on the spot: the first failure stays in `failed`, what follows does nothing, and
 * automaton_check tells at the end. */
#ifndef GENERATE_GRAMMAR_AUTOMATON_H
#define GENERATE_GRAMMAR_AUTOMATON_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Symbols: bytes, then rules, then tokens. */
#define SYMBOL_RULE 0x10000u
#define SYMBOL_TOKEN 0x40000000u
#define SYMBOL_NOTHING UINT32_MAX /* goes on without any */

#define NO_STATE UINT32_MAX

typedef struct automaton_edge {
    uint32_t first, last; /* symbols; other than bytes, first == last */
    uint32_t to;
    uint32_t next; /* of the same state, or NO_STATE */
} automaton_edge;

static inline bool automaton_is_call(const automaton_edge *e)
{
    return e->first >= SYMBOL_RULE && e->first < SYMBOL_TOKEN;
}

typedef struct automaton_state {
    uint32_t first_edge, last_edge;
    bool final;
} automaton_state;

/* What several automata have together. */
typedef struct automaton_total {
    size_t states, edges;
    hearth_status failed; /* the first failure of any */
} automaton_total;

typedef struct automaton {
    automaton_state *states; /* the first one is the beginning */
    automaton_edge *edges;
    uint32_t state_count, edge_count;
    size_t state_capacity, edge_capacity;
    size_t work;            /* states, edges and members of sets that were made on the way to it */
    automaton_total *total; /* of those that it belongs to; NULL: it stands alone */
    hearth_status failed;
} automaton;

void automaton_free(automaton *a);
hearth_status automaton_clone(const automaton *a, automaton *ret, hearth_error *error);
hearth_status automaton_check(const automaton *a, hearth_error *error);

uint32_t automaton_add_state(automaton *a);
void automaton_add_edge(automaton *a, uint32_t from, uint32_t first, uint32_t last, uint32_t to);
void automaton_add_nothing(automaton *a, uint32_t from, uint32_t to);
/* A byte string from one state to the other. */
void automaton_add_bytes(automaton *a, uint32_t from, const char *bytes, size_t length, uint32_t to);
/* The UTF-8 of the characters first to last, but for surrogates. */
void automaton_add_characters(automaton *a, uint32_t from, uint32_t first, uint32_t last, uint32_t to);
/* `other`'s states and edges, from `from` to `to`. */
void automaton_add_copy(automaton *a, uint32_t from, const automaton *other, uint32_t to);

/* A part of an automaton in the making, from one state to another, which may then be there several times. */
typedef struct automaton_part {
    uint32_t from, to;
    uint32_t first_state, end_state, end_edge; /* what it is made of, from and to among them */
} automaton_part;
automaton_part automaton_part_begin(automaton *a);
void automaton_part_end(const automaton *a, automaton_part *part);
/* From `from`, the part `least` to `most` (UINT32_MAX: any number) times; where it ends. Once for a part. */
uint32_t automaton_add_times(automaton *a, uint32_t from, const automaton_part *part, uint32_t least, uint32_t most);

/* Only states on a way from the beginning to an end stay; the beginning does in any case. */
void automaton_trim(automaton *a);
/* *ret: one edge at most for each symbol, edges in ascending order. HEARTH_E_LIMIT past `most_states`; then ret->work
 * is still told. */
hearth_status automaton_determinize(const automaton *a, size_t most_states, automaton *ret, hearth_error *error);
/* Texts of deterministic `a` that are (`inside`) or are not those of deterministic `b`. Deterministic, trimmed. */
hearth_status automaton_product(const automaton *a, const automaton *b, bool inside, automaton *ret,
                                hearth_error *error);
/* Merges states that go on alike as far as that is seen from the ends. `a` is deterministic. */
void automaton_merge(automaton *a);
/* All of that: *ret is small and deterministic. `a` is freed. */
hearth_status automaton_finish(automaton *a, size_t most_states, automaton *ret, hearth_error *error);
bool automaton_is_empty(const automaton *a); /* trimmed */
/* Whether deterministic `a` has the only text of `text`, a chain of states. */
bool automaton_has(const automaton *a, const automaton *text);

/* Makes room for `need` elements. */
bool grammar_grow(void *block, size_t *capacity, size_t need, size_t size_bytes);

#endif
