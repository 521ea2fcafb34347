/* Building the index of src/trace/: documents in, shards out. docs/formats/trace-index.md. */
#ifndef INDEXING_INDEXING_H
#define INDEXING_INDEXING_H

#include "base/progress.h"
#include "indexing/texts.h"
#include "tokenizer/tokenizer.h"
#include "trace/trace_index.h"

#define INDEXING_SHARD_BYTES ((uint64_t)1 << 30) /* of text, unless somebody says otherwise */

typedef struct indexing_options {
    const tokenizer *tokenizer; /* NULL: by bytes alone */
    const char *tokenizer_file; /* the tokenizer.json that it came from: copied into the index */
    bool by[TRACE_UNITS];       /* which suffix arrays are made */
    const char *licence;        /* of plain files; NULL: nobody says */
    bool held_out;              /* documents that a corpus holds out are taken, too */
    bool add;                   /* the index is there: new shards come behind its own, which stay as they are */
    uint64_t shard_bytes;       /* a shard ends with the document that passes it; 0: INDEXING_SHARD_BYTES */
    uint64_t memory_bytes;      /* for sorting */
    int threads;                /* the result does not depend on it, nor on memory */
    progress_fn progress;       /* NULL: none */
    void *progress_context;
} indexing_options;

typedef struct indexing_result {
    indexing_texts texts;
    uint64_t documents, held_out; /* added; left out because the corpus holds them out */
    size_t parts;                 /* most that a shard was sorted in */
    double sorting_seconds;       /* of the whole: what is left reads, tokenizes and writes texts */
} indexing_result;

/* `folder` must not be there yet (with `add`: must be an index with the same tokenizer and suffix arrays) and is there
 * only when all is well. */
hearth_status indexing_build(const char *path, const char *folder, const indexing_options *o, indexing_result *ret,
                             hearth_error *error);

#endif
