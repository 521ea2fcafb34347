/* Fields of a JSON body: those that are there must be of their kind, those that are not (or null) leave things as they
 * were, unknown ones are nobody's business. Each returns false with *f filled in, and names the field. */
#ifndef SERVE_FIELDS_H
#define SERVE_FIELDS_H

#include "serve/request.h"
#include "tokenizer/tokenizer.h"

/* NULL where it is not there or null. */
const json_t *field_of(const json_t *object, const char *name);
bool field_real(const json_t *object, const char *name, double least, double most, float *ret, failure *f);
bool field_count(const json_t *object, const char *name, uint64_t least, uint64_t most, uint64_t *ret, failure *f);
bool field_flag(const json_t *object, const char *name, bool *ret, failure *f);
/* Borrowed from the body. */
bool field_text(const json_t *object, const char *name, const char **ret, failure *f);
bool field_object(const json_t *object, const char *name, const json_t **ret, failure *f);
bool field_array(const json_t *object, const char *name, const json_t **ret, failure *f);
/* Appends an array's ids of tokens, each below `vocabulary`; `name` is the field's. */
bool field_tokens(const json_t *ids, size_t vocabulary, const char *name, token_list *list, failure *f);
/* Whether a text may be tokenized however many tokens it has: LIMIT_TOKENIZED_BYTES. */
bool field_fits(const char *name, size_t bytes, failure *f);
/* For what is of the wrong kind: "Invalid type for 'x': expected E, but got an object instead." */
bool field_wrong(const char *name, const char *expected, const json_t *found, failure *f);

#endif
