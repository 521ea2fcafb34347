/* Grammars that requests ask for, compiled once: the last ones are kept, as far as they take no more than so many bytes
 * together, masks included. */
#ifndef SERVE_GRAMMARS_H
#define SERVE_GRAMMARS_H

#include "generate/constraint.h"

typedef enum grammar_kind { GRAMMAR_SCHEMA, GRAMMAR_OBJECT, GRAMMAR_GBNF } grammar_kind;
extern const char *const grammar_kind_names[]; /* ended by NULL */

typedef struct grammars grammars;

hearth_status grammars_create(size_t most_bytes, grammars **ret, hearth_error *error);
void grammars_free(grammars *g); /* NULL is allowed */
/* `source`: the schema, or a JSON string of the GBNF text, or NULL for any object. The caller releases *ret. */
hearth_status grammars_take(grammars *g, grammar_kind kind, const json_t *source, grammar **ret, hearth_error *error);

#endif
