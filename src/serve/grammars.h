/* Grammars that requests ask for, compiled once: the last ones are kept, as far as they take no more than so many bytes
 * together, masks included. */
#ifndef SERVE_GRAMMARS_H
#define SERVE_GRAMMARS_H

#include "generate/constraint.h"

typedef struct grammars grammars;

hearth_status grammars_create(size_t most_bytes, grammars **ret, hearth_error *error);
void grammars_free(grammars *g); /* NULL is allowed */
/* As grammar_make. The caller releases *ret. */
hearth_status grammars_take(grammars *g, grammar_kind kind, const json_t *source, const grammar_before *before,
                            grammar **ret, hearth_error *error);

#endif
