/* Follows bytes through a grammar's network: an automaton whose states are made when they are first reached.
 *
 * A place is a state of the network and a context: where it goes on once the rule is over. A context is a set of such
 * places, so what several callers wait for is followed once. A configuration is the set of all places that a text may
 * stand at; equal contexts and configurations are kept once, and where a configuration goes by each class of bytes is
 * remembered. */
#ifndef GENERATE_GRAMMAR_MACHINE_H
#define GENERATE_GRAMMAR_MACHINE_H

#include "generate/grammar.h"
#include "generate/grammar_sets.h"

/* A state in the upper half, a context in the lower. */
typedef uint64_t place;
#define PLACE(state, context) ((place)(state) << 32 | (context))
#define PLACE_STATE(p) ((uint32_t)((p) >> 32))
#define PLACE_CONTEXT(p) ((uint32_t)(p))
#define PLACE_COMPLETE PLACE(UINT32_MAX, 0) /* the last of any set: the outermost rule is over */

#define CONTEXT_OUTERMOST 0u
#define CONFIGURATION_DEAD 0u
#define CONFIGURATION_UNKNOWN UINT32_MAX

typedef struct place_list {
    place *places;
    size_t count, capacity;
} place_list;

typedef struct machine_waiting {
    uint32_t rule, rank;
    place to;
} machine_waiting;

typedef struct machine {
    const grammar *g;
    grammar_sets contexts;
    grammar_sets configurations; /* 0: dead */
    uint32_t *next;              /* [configurations][class_count]: CONFIGURATION_UNKNOWN until asked for */
    size_t next_capacity;
    struct machine_active {
        size_t begin, end; /* in `active`; end == 0: not made yet */
        uint32_t plain;    /* where all plain characters lead; CONFIGURATION_UNKNOWN: not asked for yet */
    } * about;             /* [configurations] */
    size_t about_capacity;
    place_list active; /* of configurations: places with edges, after calls */
    place_list work;   /* a set in the making */
    machine_waiting *waiting;
    size_t waiting_capacity;
    size_t steps;         /* places that were looked at; set back by whoever counts */
    const char *past;     /* which limit, where that was the failure */
    hearth_status failed; /* stays: what is asked for after it is CONFIGURATION_DEAD */
} machine;

hearth_status machine_create(const grammar *g, machine **ret, hearth_error *error);
void machine_free(machine *m);
hearth_status machine_check(const machine *m, hearth_error *error);
size_t machine_bytes(const machine *m);
/* Counts steps; past LIMIT_GRAMMAR_MASK_STEPS the machine fails. */
void machine_spend(machine *m, size_t steps);

/* At the beginning of the text. */
uint32_t machine_begin(machine *m);
/* The configuration of one place, from which its rule goes on. */
uint32_t machine_at(machine *m, place p);
/* What `context` waits for. */
uint32_t machine_after(machine *m, uint32_t context);
uint32_t machine_token(machine *m, uint32_t configuration, int32_t id);
uint32_t machine_compute(machine *m, uint32_t configuration, unsigned class);
/* Where every plain character leads to, CONFIGURATION_DEAD where they lead apart or nowhere. */
uint32_t machine_plain(machine *m, uint32_t configuration);
/* The places of a configuration that have edges, calls followed; valid until the next call. */
const place *machine_active_places(machine *m, uint32_t configuration, size_t *ret_count);
/* `configuration` of `from` in `m`, which is of the same grammar. */
uint32_t machine_copy(machine *m, const machine *from, uint32_t configuration);

static inline const place *machine_places(const machine *m, uint32_t configuration, size_t *ret_count)
{
    const size_t begin = m->configurations.begins[configuration];
    *ret_count = m->configurations.begins[configuration + 1] - begin;
    return m->configurations.members + begin;
}

static inline bool machine_is_complete(const machine *m, uint32_t configuration)
{
    size_t count = 0;
    const place *places = machine_places(m, configuration, &count);
    return count != 0 && places[count - 1] == PLACE_COMPLETE;
}

static inline uint32_t machine_step(machine *m, uint32_t configuration, uint8_t byte)
{
    const unsigned class = m->g->classes[byte];
    const uint32_t known = m->next[(size_t)configuration * m->g->class_count + class];
    return known != CONFIGURATION_UNKNOWN ? known : machine_compute(m, configuration, class);
}

#endif
