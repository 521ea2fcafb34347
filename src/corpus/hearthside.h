/* Hearthside: small worlds made by a grammar, and questions on them. docs/hearthside.md. CC0-1.0.
 *
 * A document is a few facts in plain English and lines "Where is Tom? Tom is in the barn." A fact has two or three
 * words (Tom, sleeps, barn); of each kind of fact one combination in eight, by the seed, is held out: no document tells
 * it or asks for it. Everything is a pure function of the seed and the index. */
#ifndef CORPUS_HEARTHSIDE_H
#define CORPUS_HEARTHSIDE_H

#include "base/buffer.h"

/* Kinds of facts, and what their words are. */
typedef enum hearthside_fact {
    FACT_HAS,        /* person, colour, object */
    FACT_DOES,       /* person, verb, place */
    FACT_KEEPS,      /* person, pet, age */
    FACT_STANDS,     /* word, site, direction */
    FACT_TOOK,       /* person, object, place */
    FACT_WENT,       /* person, place, place */
    FACT_SAYS,       /* person, object, word that it is not */
    FACT_GETS,       /* number, number, person */
    FACT_SUM,        /* number, number */
    FACT_DIFFERENCE, /* what is left, what is taken away */
    FACT_OPPOSITE,   /* word; never held out */
    FACT_KINDS
} hearthside_fact;

#define HEARTHSIDE_QUESTIONS 21u /* kinds of them */

/* Whether a combination is held out. Words count in their lists; a number is itself. Of the two orders of a sum (7 and
 * 5, 5 and 7) at most one is, and so of the two differences that one sum has. */
bool hearthside_held_out(uint64_t seed, hearthside_fact kind, const unsigned word[3]);

/* Appends training document `index` (corpus/generator.h's type). */
hearth_status hearthside_document(uint64_t seed, uint64_t index, buffer *text, hearth_error *error);

/* Held-out question `index`: of kind index % HEARTHSIDE_QUESTIONS. Appends facts and the question to `prompt`; the
 * answer, which a model gives after a space and ends with a newline, to `answer`. */
hearth_status hearthside_question(uint64_t seed, uint64_t index, buffer *prompt, buffer *answer, hearth_error *error);
const char *hearthside_question_name(unsigned kind);

#endif
