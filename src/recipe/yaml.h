/* A YAML text as a tree in which everything has its line and column. libyaml reads it; this adds what a recipe must
 * not have: anchors, aliases and tags (a text means what it says, once), duplicate keys, a second document, depth. */
#ifndef RECIPE_YAML_H
#define RECIPE_YAML_H

#include "base/arena.h"
#include "base/error.h"

typedef enum yaml_kind { YAML_NODE_TEXT, YAML_NODE_LIST, YAML_NODE_MAP } yaml_kind;

typedef struct yaml_node yaml_node;
struct yaml_node {
    yaml_kind kind;
    unsigned line, column; /* from 1; of a map and a list: of their first character */
    const char *text;      /* of a text, without NUL inside; else NULL */
    bool quoted;           /* "1" is a text, 1 is a number; a block (| or >) is quoted, too */
    const char *key;       /* in a map, with its place; else NULL */
    unsigned key_line, key_column;
    size_t count; /* of a map or list */
    yaml_node *first, *next;
};

/* The document's root in `a`. HEARTH_E_FORMAT and HEARTH_E_LIMIT name line and column (`place`); the caller adds the
 * file. */
hearth_status yaml_read(const char *text, size_t length, arena *a, yaml_node **ret, hearth_error *error);

/* NULL where the map has no such key. */
const yaml_node *yaml_find(const yaml_node *map, const char *key);
/* "line 3 column 7: name" (or without the name, where it is NULL) for an error's place. */
void yaml_place(unsigned line, unsigned column, const char *name, char *ret, size_t size);

#endif
