/* A corpus: built from a recipe's sources, read again, packed for training. docs/formats/corpus.md. */
#ifndef CORPUS_CORPUS_H
#define CORPUS_CORPUS_H

#include "base/progress.h"
#include "corpus/manifest.h"
#include "group/group.h"
#include "recipe/recipe.h"
#include "tokenizer/tokenizer.h"

typedef struct corpus_options {
    int threads;          /* the result does not depend on it; 0: one */
    progress_fn progress; /* NULL: none */
    void *progress_context;
    group *group; /* of corpus_build: ranks that all call, and share its work; NULL: this process alone */
} corpus_options;

/* Runs the recipe's sources and rules into `folder`, which must not be there yet and is there only when all is well. */
hearth_status corpus_build(const recipe *r, const char *folder, const corpus_options *options, manifest_totals *ret,
                           hearth_error *error);

/* What is written must not be read as a source: HEARTH_E_ARGUMENT where `output`, which need not be there yet, is below
 * the folder of one. */
hearth_status corpus_check_place(const recipe *r, const char *output, hearth_error *error);

/* What corpus.json says. */
typedef struct corpus_summary {
    manifest_totals totals;
    char recipe_sha256[HASH_HEX_SIZE];
} corpus_summary;
hearth_status corpus_read_summary(const char *folder, corpus_summary *ret, hearth_error *error);

/* The shards that corpus.json lists: `path` is where one lies, `name` its name in documents/, `sha256` that of its
 * lines
 * ("": none is told). */
typedef hearth_status (*corpus_shard_fn)(void *context, const char *path, const char *name, const char *sha256,
                                         hearth_error *error);
hearth_status corpus_each_shard(const char *folder, corpus_shard_fn fn, void *context, hearth_error *error);

/* The kept documents in the order of their rows; memory holds one. */
typedef struct corpus_document {
    uint64_t row;
    char id[HASH_HEX_SIZE];
    bool held_out;
    const char *source, *language;          /* language: "" where it is unknown */
    const char *place, *licence, *evidence; /* "" where the manifest has none */
    const char *text;
    size_t length;
} corpus_document;
typedef hearth_status (*corpus_document_fn)(void *context, const corpus_document *d, hearth_error *error);
hearth_status corpus_each(const char *folder, corpus_document_fn fn, void *context, hearth_error *error);

/* Tokenizes a corpus's documents and writes the packed form (corpus/packed.h) of those for training into `out`, of the
 * held-out ones into `held_out_folder` (NULL: leaves them). Both must not be there yet. */
typedef struct corpus_pack_options {
    const tokenizer *tokenizer;
    const char *tokenizer_sha256; /* of tokenizer.json */
    int32_t end;                  /* the token that ends a document */
    uint32_t length;              /* inputs of a sequence */
    uint64_t seed;
    const char *out, *held_out_folder;
    corpus_options run;
} corpus_pack_options;
hearth_status corpus_pack(const char *folder, const corpus_pack_options *options, hearth_error *error);

#endif
