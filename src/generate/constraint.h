/* Structured output: a grammar, and where in it an answer stands. docs/structured-output.md.
 *
 * A grammar is compiled once from a JSON Schema or a GBNF text and shared; a vocabulary is prepared once a model. What
 * a constraint allows is exact: a token is allowed if and only if its bytes, after those so far, can be completed to a
 * text of the grammar; an end token, if the text is complete as it is. So an answer that ends by itself is valid, at
 * any temperature. */
#ifndef GENERATE_CONSTRAINT_H
#define GENERATE_CONSTRAINT_H

#include "base/json.h"
#include "generate/answer_format.h"

typedef struct grammar grammar;                       /* immutable, counted */
typedef struct grammar_vocabulary grammar_vocabulary; /* immutable */
typedef struct constraint constraint;                 /* one answer's; used by one thread at a time */

/* The bytes of tokens [0, vocabulary), ordered for masks. Special tokens write no text: only end tokens are ever
 * allowed of them. `t` must outlive it. */
hearth_status grammar_vocabulary_create(const tokenizer *t, size_t vocabulary, grammar_vocabulary **ret,
                                        hearth_error *error);
/* NULL is allowed. */
void grammar_vocabulary_free(grammar_vocabulary *v);

/* JSON texts that are valid under `schema` (2020-12). HEARTH_E_UNSUPPORTED for a keyword that would otherwise go
 * unheeded, HEARTH_E_ARGUMENT for a schema that is none or that nothing is valid under; the place is a JSON pointer
 * into it. HEARTH_E_LIMIT for one that is too large. */
hearth_status grammar_from_schema(const json_t *schema, grammar **ret, hearth_error *error);
/* Any JSON object. */
hearth_status grammar_from_json_object(grammar **ret, hearth_error *error);
/* GBNF, as llama.cpp publishes it; the rule "root" is the text. Errors name line and column. */
hearth_status grammar_from_gbnf(const char *text, size_t length, grammar **ret, hearth_error *error);

typedef enum grammar_kind { GRAMMAR_SCHEMA, GRAMMAR_OBJECT, GRAMMAR_GBNF } grammar_kind;
extern const char *const grammar_kind_names[]; /* ended by NULL */

/* What a reasoning model writes before the text. Of harmony that is also the header of the message. */
typedef struct grammar_before {
    const answer_format *format; /* its marks */
    bool thinks;                 /* the prompt has opened the thinking: it comes first, up to the mark that closes it */
    bool may_think;              /* the model may open it itself */
} grammar_before;
/* Whether that is anything, with these marks. NULL is allowed. */
bool grammar_before_any(const grammar_before *before);
/* One of the three above: `source` is the schema, a JSON string of the GBNF text, or NULL. `before`: NULL, nothing. */
hearth_status grammar_make(grammar_kind kind, const json_t *source, const grammar_before *before, grammar **ret,
                           hearth_error *error);
/* What it takes, with all that it keeps of masks so far. */
size_t grammar_bytes(const grammar *g);
grammar *grammar_retain(grammar *g);
/* NULL is allowed. */
void grammar_release(grammar *g);

/* At the beginning of the text. Retains `g`; `v` must outlive it. */
hearth_status constraint_create(grammar *g, const grammar_vocabulary *v, constraint **ret, hearth_error *error);
/* A copy that goes its own way; for tests and fuzzers, as constraint_complete is. */
hearth_status constraint_fork(const constraint *c, constraint **ret, hearth_error *error);
/* NULL is allowed. */
void constraint_free(constraint *c);
/* Which tokens may come next: bit id % 64 of word id / 64, [(vocabulary + 63) / 64], valid until the next call. At
 * least one is set. */
hearth_status constraint_allowed(constraint *c, const uint64_t **ret, hearth_error *error);
/* Goes on by a token. HEARTH_E_ARGUMENT for one that is not allowed; the place is what it was. */
hearth_status constraint_accept(constraint *c, int32_t token, hearth_error *error);
/* Keeps the place, for constraint_return: who tries what may come goes back to it. Where nothing is kept, that does
 * nothing. */
void constraint_mark(constraint *c);
void constraint_return(constraint *c);
/* The text so far is one of the grammar's. */
bool constraint_complete(const constraint *c);

#endif
