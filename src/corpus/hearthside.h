/* Hearthside: small worlds made by a grammar, and questions on them. docs/hearthside.md. CC0-1.0.
 *
 * A document is a few facts in plain English and lines "Q: Where is Tom? A: in the garden". What it tells and asks is
 * made of pairs (Tom, garden); of each kind of pairs one in eight, by the seed, is held out: no document has it,
 * neither in a fact nor in a question. Everything is a pure function of the seed and the index. */
#ifndef CORPUS_HEARTHSIDE_H
#define CORPUS_HEARTHSIDE_H

#include "base/buffer.h"

typedef enum hearthside_pair {
    PAIR_PERSON_OBJECT,
    PAIR_OBJECT_COLOUR,
    PAIR_PERSON_PLACE,
    PAIR_PERSON_AGE,
    PAIR_PERSON_PET,
    PAIR_OBJECT_PLACE,
    PAIR_PERSON_WORD,
    PAIR_NUMBERS, /* what is added, or taken away and left: (3, 5) is (5, 3) */
    PAIR_KINDS
} hearthside_pair;

#define HEARTHSIDE_QUESTIONS 14u /* kinds of them */

/* Whether a pair is held out. `a` and `b` count the words of their lists; a number is itself. */
bool hearthside_held_out(uint64_t seed, hearthside_pair kind, unsigned a, unsigned b);

/* Appends training document `index` (corpus/generator.h's type). */
hearth_status hearthside_document(uint64_t seed, uint64_t index, buffer *text, hearth_error *error);

/* Held-out question `index`: of kind index % HEARTHSIDE_QUESTIONS. Appends facts and the question up to "A:" to
 * `prompt`; the answer, which a model gives after a space and ends with a newline, to `answer`. */
hearth_status hearthside_question(uint64_t seed, uint64_t index, buffer *prompt, buffer *answer, hearth_error *error);
const char *hearthside_question_name(unsigned kind);

#endif
