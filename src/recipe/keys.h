/* The keys of a recipe as data: the reader, the JSON schema, `hearth recipe diff` and a test of the docs read these
 * rows. */
#ifndef RECIPE_KEYS_H
#define RECIPE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum key_type {
    KEY_TEXT,   /* const char * */
    KEY_U32,    /* uint32_t in [least, most] */
    KEY_U64,    /* uint64_t in [least, most] */
    KEY_REAL,   /* double in [least, most], or above `least` where `above` */
    KEY_BOOL,   /* bool */
    KEY_CHOICE, /* an enum: the index among `choices` */
    KEY_TEXTS,  /* const char *const * and, at count_offset, size_t: `least` to `most` of them */
    KEY_MAP,    /* a struct inside, by `keys` */
    KEY_LIST,   /* a pointer to structs of item_bytes, by `keys`, and their count */
    KEY_RULES,  /* recipe_rule * and their count: a name, or a mapping with `rule` and parameters */
} key_type;

/* What a text must look like. */
typedef struct text_form {
    const char *expected; /* "a name of a-z, 0-9 and -" */
    const char *pattern;  /* for the JSON schema (ECMA 262); NULL: any */
    bool (*fits)(const char *text);
} text_form;

typedef struct recipe_key recipe_key;
struct recipe_key {
    const char *name; /* NULL ends a table */
    key_type type;
    bool required;
    size_t offset;
    double least, most;
    bool above;
    double fallback;     /* of numbers and choices that are absent */
    const char *text;    /* the same of texts; NULL: the value is NULL */
    const char *derived; /* what an absent value becomes, where it is computed; in words */
    const text_form *form;
    const char *const *choices; /* of KEY_CHOICE, and of a KEY_TEXT that has to be one of them */
    /* A key for some values of another key of the same table alone: bit i stands for choice i of `selector`. */
    const char *selector;
    uint32_t allowed, needed;
    const recipe_key *keys;
    size_t item_bytes, count_offset;
    const char *help; /* ends with a full stop */
};

extern const recipe_key recipe_keys[];
extern const text_form form_rule;
/* A relative path that stays below its folder. */
bool recipe_path_below(const char *text);

#define RECIPE_SEED_MOST 9223372036854775807.0 /* JSON's whole numbers end there */

#endif
