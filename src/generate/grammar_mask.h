/* Which tokens go on from where: what each state of the network allows whatever its context, kept with the grammar, and
 * the rest, looked up when a context is known. */
#ifndef GENERATE_GRAMMAR_MASK_H
#define GENERATE_GRAMMAR_MASK_H

#include "generate/grammar_machine.h"
#include "generate/grammar_vocabulary.h"

/* What one state allows. */
typedef struct state_mask {
    uint64_t *bits; /* [words]; NULL: `ids` has the tokens */
    int32_t *ids;
    size_t id_count;
    uint32_t *ends_plain; /* nodes of v->plain where the rule may be over and tokens go on */
    size_t ends_plain_count;
    uint32_t *ends_rest;
    size_t ends_rest_count;
    size_t bytes; /* that this takes */
} state_mask;

/* The cache of a grammar for a vocabulary; counted. NULL: memory is out. */
mask_cache *mask_cache_get(grammar *g, const grammar_vocabulary *v);
/* NULL is allowed. */
void mask_cache_release(mask_cache *c);
mask_cache *mask_cache_next(const mask_cache *c);

/* ORs into `bits` [words] the tokens that go on from `configuration` of `m`, end tokens if it is complete. */
hearth_status mask_fill(mask_cache *c, machine *m, uint32_t configuration, uint64_t *bits, hearth_error *error);

#endif
