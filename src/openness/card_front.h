/* A model's card, README.md: the metadata between its first two lines "---", in YAML; and its headings. */
#ifndef OPENNESS_CARD_FRONT_H
#define OPENNESS_CARD_FRONT_H

#include "recipe/yaml.h"

typedef struct card_front {
    const yaml_node *metadata; /* a map; NULL: none */
    const char *body;          /* behind the metadata, inside the text */
    unsigned body_line;        /* its first line's number */
} card_front;

/* `name` is the file, for errors. Everything lies in `a`; the body points into `text`, which is terminated. */
hearth_status card_front_read(const char *text, size_t length, const char *name, arena *a, card_front *ret,
                              hearth_error *error);

/* The line of the first heading ("# …") that has one of the words, apart by '|', in any case; 0: none. */
unsigned card_heading(const card_front *c, const char *words);
/* The line of the first of the phrases, apart by '|', in any case; 0: none stands there. */
unsigned card_phrase(const card_front *c, const char *phrases);
/* The same, without lines that have one of the words `off` and none of `but`. */
unsigned card_phrase_besides(const card_front *c, const char *phrases, const char *off, const char *but);

/* The texts of a key that is a text or a list of texts: the first, or the one at `index`; NULL: none (more). */
const yaml_node *card_value(const yaml_node *map, const char *key, size_t index);

#endif
