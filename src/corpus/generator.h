/* Generators: sources that the project makes itself, a document for each index. A row each. */
#ifndef CORPUS_GENERATOR_H
#define CORPUS_GENERATOR_H

#include "base/buffer.h"

/* Appends document `index` of the corpus that `seed` names to `text`: a pure function of the two. */
typedef hearth_status (*generator_fn)(uint64_t seed, uint64_t index, buffer *text, hearth_error *error);

typedef struct corpus_generator {
    const char *name;     /* NULL ends the table */
    const char *licence;  /* of what it makes, an SPDX expression; the recipe may say another */
    const char *language; /* BCP 47 */
    generator_fn make;
} corpus_generator;

extern const corpus_generator corpus_generators[];
/* NULL for none of that name. */
const corpus_generator *corpus_generator_find(const char *name);

#endif
