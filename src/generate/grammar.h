/* A grammar as rules that call each other, and as the network of states that texts are followed through.
 * For the files of structured output; others see generate/constraint.h. */
#ifndef GENERATE_GRAMMAR_H
#define GENERATE_GRAMMAR_H

#include "generate/constraint.h"
#include "generate/grammar_automaton.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- rules in the making ---- */

/* Each rule is an automaton from state RULE_BEGIN to state RULE_END. Rule 0 is the text. As with automata, the first
 * failure stays. */
#define RULE_BEGIN 0u
#define RULE_END 1u

typedef struct grammar_rules {
    automaton *rules;
    size_t count, capacity;
    size_t steps;          /* that schemas took, all of them together */
    automaton_total total; /* of all rules: they point to it, so what has rules stays where it is */
    hearth_status failed;
} grammar_rules;

void grammar_rules_free(grammar_rules *r);
hearth_status grammar_rules_check(const grammar_rules *r, hearth_error *error);
/* Its number; its automaton moves when the next rule is added. */
uint32_t grammar_add_rule(grammar_rules *r);
/* In rule `rule`, from one state to another, what `callee` has. */
void grammar_add_call(grammar_rules *r, uint32_t rule, uint32_t from, uint32_t callee, uint32_t to);
/* Token `id` and nothing else. */
void grammar_add_token(grammar_rules *r, uint32_t rule, uint32_t from, int32_t id, uint32_t to);

/* Nothing, from one state of a rule to another. */
void grammar_add_nothing(grammar_rules *r, uint32_t rule, uint32_t from, uint32_t to);

/* Whether anything is in each rule. ret: [count]. */
hearth_status grammar_productive(const grammar_rules *r, bool *ret, hearth_error *error);
/* Whether each rule has the empty text. ret: [count]. */
hearth_status grammar_nullable(const grammar_rules *r, bool *ret, hearth_error *error);
/* Takes the rules over. HEARTH_E_ARGUMENT where nothing is in rule 0; *ret_recursive: a rule that calls itself before
 * any byte (HEARTH_E_UNSUPPORTED), which the caller can name. */
hearth_status grammar_compile(grammar_rules *r, grammar **ret, uint32_t *ret_recursive, hearth_error *error);

/* ---- the network ---- */

typedef struct network_edge {
    uint8_t first, last;
    uint32_t to;
} network_edge;

typedef struct network_call {
    uint32_t rule, to;
} network_call;

typedef struct network_token {
    int32_t id;
    uint32_t to;
} network_token;

typedef struct network_state {
    uint32_t edge, call, token; /* the first; a state's are those before the next state's */
    bool final;                 /* the rule may end here */
    bool over;                  /* it must: nothing else goes on */
} network_state;

/* One way to write a character of plain text, in classes of bytes. */
typedef struct plain_path {
    uint8_t classes[4];
    uint8_t length;
} plain_path;

typedef struct mask_cache mask_cache;

struct grammar {
    atomic_uint count;
    network_state *states; /* [state_count + 1] */
    size_t state_count;
    network_edge *edges;
    network_call *calls;
    network_token *tokens;
    uint32_t *begins; /* [rule_count] */
    uint32_t *ranks;  /* [rule_count]: a rule that another one begins with has the higher rank */
    size_t rule_count;
    uint8_t classes[256]; /* bytes that no edge tells apart */
    uint8_t bytes[256];   /* one of each class */
    unsigned class_count;
    plain_path *plain; /* every plain character, up to classes; NULL: too many ways */
    size_t plain_count;
    size_t network_bytes;      /* of all above */
    atomic_size_t cache_bytes; /* of all caches */
    pthread_mutex_t busy;      /* caches */
    mask_cache *caches;
};

/* Characters of plain text: not below U+0020, neither " nor \ nor DEL. */
static inline bool is_plain_byte(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

#endif
