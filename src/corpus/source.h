/* Sources: whatever a recipe names, as a stream of documents. docs/formats/corpus.md. */
#ifndef CORPUS_SOURCE_H
#define CORPUS_SOURCE_H

#include "corpus/document.h"
#include "corpus/stream.h"
#include "recipe/recipe.h"

/* Takes a document; it may keep it by document_swap. Its text is as it came, its id is not set yet. */
typedef struct document_sink {
    hearth_status (*put)(void *context, document *d, hearth_error *error);
    void *context;
    go_on_fn go_on; /* asked within documents and while files are hashed; NULL: nobody is */
    /* A package of a list that is not there is told, by its file, in the order of the list; the sink says how many
     * documents it had, which count. NULL: it is an error. */
    hearth_status (*gone)(void *context, const char *name, const char *version, const char *file,
                          uint64_t *ret_documents, hearth_error *error);
} document_sink;

typedef struct source_report {
    char sha256[HASH_HEX_SIZE]; /* of the file, of a folder's list, of a command's output; "" of a generator */
    uint64_t documents;
} source_report;

/* Puts the documents of source `index` in their order, which is the same everywhere. Pinned hashes are checked before
 * anything is read (of a command: at its end). Memory holds one document. */
hearth_status source_read(const recipe *r, uint32_t index, const document_sink *sink, source_report *ret,
                          hearth_error *error);
/* How many packages of the recipe's lists are not where they should be. */
hearth_status source_count_gone(const recipe *r, uint64_t *ret, hearth_error *error);
/* "folder", "jsonl", … */
const char *source_kind_name(recipe_source_kind kind);

#endif
