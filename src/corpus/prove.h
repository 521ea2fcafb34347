/* What is left of a recipe's sources against a corpus's manifest: where some packages of a list are gone, the corpus
 * cannot be built again, but each document of the others can be read again. docs/verification.md. */
#ifndef CORPUS_PROVE_H
#define CORPUS_PROVE_H

#include "base/progress.h"
#include "recipe/recipe.h"

typedef struct corpus_proof {
    uint64_t documents;     /* of the manifest */
    uint64_t proven;        /* read again: the same text, place, licence and evidence */
    uint64_t packages_gone; /* and what they are called: the first of them */
    char gone[256];
} corpus_proof;

/* `manifest`: manifest.jsonl, packed or not; whether it is the one that corpus.json tells of is the caller's business.
 * HEARTH_E_FORMAT where a document is another than its line says, or one of them is missing. */
hearth_status corpus_prove(const recipe *r, const char *manifest, progress_fn progress, void *context,
                           corpus_proof *ret, hearth_error *error);

#endif
