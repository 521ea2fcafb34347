/* Sets, or any rows of numbers, each kept once and known by its number: what automata are made deterministic by, and
 * what a machine is in the middle of. */
#ifndef GENERATE_GRAMMAR_SETS_H
#define GENERATE_GRAMMAR_SETS_H

#include <stddef.h>
#include <stdint.h>

typedef struct grammar_sets {
    uint64_t *members; /* of all sets, one after another: set i's are [begins[i], begins[i + 1]) */
    size_t member_count, member_capacity;
    size_t *begins; /* [count + 1] */
    size_t count, begin_capacity;
    uint32_t *table; /* set + 1 by hash; 0: free */
    size_t table_size;
} grammar_sets;

#define GRAMMAR_NO_SET UINT32_MAX

/* The number of these members in this order, which is new where it is s->count before; GRAMMAR_NO_SET: memory is out.
 */
uint32_t grammar_sets_keep(grammar_sets *s, const uint64_t *members, size_t count);
/* In ascending order. */
void grammar_sets_sort(uint64_t *members, size_t count);
/* A zeroed one is allowed. */
void grammar_sets_free(grammar_sets *s);

#endif
