/* From JSON Schema to rules. For the files of schemas; others see generate/constraint.h.
 *
 * What a value must satisfy is a set of elements: whole schemas, at first, all of which hold together (allOf and $ref
 * add to the set). Spreading a set out gives alternatives (anyOf, oneOf, if), in which every element is a leaf: a
 * schema's own assertions. The elements of an alternative are then merged, type by type, into rules. Equal sets share a
 * rule, so recursion ends. */
#ifndef GENERATE_SCHEMA_H
#define GENERATE_SCHEMA_H

#include "generate/grammar_json.h"
#include "generate/schema_number.h"

typedef enum element_kind {
    ELEMENT_WHOLE,   /* `schema` holds */
    ELEMENT_NOT,     /* `schema` does not */
    ELEMENT_LEAF,    /* the assertions of `schema` but for those that combine schemas */
    ELEMENT_NOT_KEY, /* the assertion `key` of `schema` does not hold */
    ELEMENT_PRESENT, /* an object has the property `key` */
    ELEMENT_ABSENT,  /* an object lacks the property `key` */
    ELEMENT_WRONG,   /* the property `key` is there and is not as `schema` says */
} element_kind;

typedef struct element {
    element_kind kind;
    const json_t *schema;
    const char *key; /* lives as long as the schema */
} element;

typedef struct element_set {
    element *list;
    size_t count, capacity;
} element_set;

typedef struct alternatives {
    element_set *list;
    size_t count, capacity;
} alternatives;

typedef struct pending_set {
    uint32_t rule;
    element_set set;
} pending_set;

typedef struct disjoint_pair {
    uint32_t rule; /* of what both branches allow: nothing must be in it */
    const json_t *schema;
} disjoint_pair;

typedef struct compiler {
    const json_t *root;
    json_rules json;
    grammar_rules *rules;
    json_t *known; /* the rules of sets, by the text of their elements */
    pending_set *pending;
    size_t pending_count, pending_capacity, pending_done;
    disjoint_pair *pairs;
    size_t pair_count, pair_capacity;
    json_t *paired;      /* schemas whose oneOf was looked at, by their addresses */
    json_t *overlapping; /* those whose branches have values in common, by their addresses */
    json_t *patterns;    /* regular expressions to their numbers in `made` */
    automaton **made;    /* deterministic */
    size_t made_count, made_capacity;
    json_t *anchors;      /* anchors to their schemas; NULL: not looked for yet */
    const json_t *listed; /* an enumeration that is being written, and the value of it at hand: it is in it */
    const json_t *listed_value;
    size_t nesting; /* of spreading out */
    hearth_error *error;
} compiler;

/* ---- places (schema_places.c) ---- */

/* Errors whose place is the JSON pointer of `schema`, with /`key` unless that is NULL. */
hearth_status schema_error(compiler *c, hearth_status status, const json_t *schema, const char *key,
                           const char *expected, const char *found);
/* An error that was made without knowing where gets its place, as schema_error has it; returns `status`. */
hearth_status schema_error_at(compiler *c, hearth_status status, const json_t *schema, const char *key);
hearth_status schema_memory(compiler *c);
/* HEARTH_E_LIMIT for one of more than LIMIT_GRAMMAR_TEXT_BYTES. */
hearth_status schema_check_size(const json_t *schema, hearth_error *error);
/* Counts work: HEARTH_E_LIMIT past LIMIT_GRAMMAR_STEPS, whatever it was spent on. */
hearth_status schema_spend(compiler *c, size_t steps);
/* A name for a schema that is its alone, while it lives. */
void schema_address(const json_t *schema, char ret[32]);
/* What $ref in `schema` names. */
hearth_status schema_resolve(compiler *c, const json_t *schema, const json_t **ret);

/* ---- all of it (schema_compile.c) ---- */

/* The rule of a schema among `rules`, made with all that it needs. */
hearth_status schema_add_to(grammar_rules *rules, const json_t *schema, uint32_t *ret, hearth_error *error);

/* ---- sets (schema_sets.c) ---- */

hearth_status set_add(compiler *c, element_set *s, element e);
void set_free(element_set *s);
/* The rule of a set, which is taken over; made later if it is new. */
hearth_status schema_rule(compiler *c, element_set *s, uint32_t *ret);
/* The alternatives of a set. */
hearth_status schema_spread(compiler *c, const element_set *s, alternatives *ret);
void alternatives_free(alternatives *a);

/* ---- values (schema_valid.c) ---- */

/* Whether a value is valid under every element. */
hearth_status schema_valid(compiler *c, const json_t *value, const element_set *s, bool *ret);
hearth_status schema_valid_whole(compiler *c, const json_t *value, const json_t *schema, bool *ret);
/* Whether a property's name has a match of one of `schema`'s "patternProperties". */
hearth_status schema_name_matches(compiler *c, const json_t *schema, const char *pattern, const char *name, bool *ret);

/* ---- types (schema_types.c) ---- */

enum {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_INTEGER = 4,
    TYPE_FRACTION = 8, /* numbers that are not whole */
    TYPE_STRING = 16,
    TYPE_ARRAY = 32,
    TYPE_OBJECT = 64,
    TYPE_ALL = 127,
};

/* The types that elements leave. */
hearth_status schema_types(compiler *c, const element_set *s, unsigned *ret);

/* The value, or the list, that an element's "const" or "enum" gives, and the schema that has it; NULL: none does. */
const json_t *schema_enumeration(const element_set *s, const json_t **ret_schema);
/* Adds those of its values that all elements allow. */
hearth_status schema_add_enumeration(compiler *c, uint32_t rule, const json_t *values, const json_t *schema,
                                     const element_set *s);
/* A keyword that is a number. HEARTH_E_ARGUMENT, HEARTH_E_UNSUPPORTED. */
hearth_status schema_read_decimal(compiler *c, const json_t *schema, const char *key, decimal *ret);
/* One that is above 0. */
hearth_status schema_read_step(compiler *c, const json_t *schema, decimal *ret);
/* What "not" forbids of types whose values we do not tell apart. */
hearth_status schema_forbid(compiler *c, const element_set *s, unsigned *types, bool ret_booleans[2]);

/* Each adds to `rule` (`outer`), from begin to end, the values of its type that all elements, leaves, allow. */
hearth_status schema_add_numbers(compiler *c, uint32_t rule, const element_set *s, unsigned types);
hearth_status schema_add_strings(compiler *c, uint32_t rule, const element_set *s);
hearth_status schema_add_array(compiler *c, uint32_t outer, const element_set *s);
hearth_status schema_add_object(compiler *c, uint32_t rule, const element_set *s);

/* Deterministic: what stands between the quotation marks of the strings that a set allows, in our own spelling; may be
 * empty. */
hearth_status schema_string_content_of_set(compiler *c, const element_set *s, automaton *ret);

/* A regular expression's automaton, deterministic, which stays the compiler's: made once for each text. Errors are at
 * `schema`'s `key`. */
hearth_status schema_pattern_of(compiler *c, const json_t *schema, const char *key, const char *pattern, size_t length,
                                const automaton **ret);
/* *a becomes its strings that are (`inside`), or are not, in `with`; both are deterministic. */
hearth_status schema_restrict(compiler *c, automaton *a, const automaton *with, bool inside);
/* Deterministic: these strings and no others. */
hearth_status schema_strings_of(compiler *c, const json_t *list, automaton *ret);

typedef struct counts {
    uint32_t least, most; /* UINT32_MAX: any number */
} counts;

/* What elements leave of a pair of keywords that are numbers of things. */
hearth_status schema_counts(compiler *c, const element_set *s, const char *least_key, const char *most_key,
                            counts *ret);
/* A keyword that is a number of things: NULL schema value: `otherwise`. HEARTH_E_ARGUMENT, HEARTH_E_LIMIT. */
hearth_status schema_count(compiler *c, const json_t *schema, const char *key, uint32_t otherwise, uint32_t *ret);

#endif
