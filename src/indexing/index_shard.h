/* The documents of one shard as they come: text, tokens, facts. */
#ifndef INDEXING_INDEX_SHARD_H
#define INDEXING_INDEX_SHARD_H

#include "indexing/hashed_file.h"
#include "indexing/texts.h"
#include "tokenizer/tokenizer.h"
#include "trace/trace_format.h"

#include <jansson.h>

typedef struct index_shard {
    const char *folder;
    size_t number;
    unsigned token_width; /* 0: no tokens */
    uint64_t documents, bytes, tokens;
    hashed_file files[TRACE_FILES]; /* documents, facts, text and tokens alone */
    buffer line;
    json_t *rows; /* of finished files: {".text": {"bytes": …, "sha256": …}} */
} index_shard;

hearth_status index_shard_open(const char *folder, size_t number, unsigned token_width, index_shard *ret,
                               hearth_error *error);
/* `ids` NULL: no tokens. */
hearth_status index_shard_add(index_shard *w, const indexing_text *t, const token_list *ids, hearth_error *error);
/* Files take their names. */
hearth_status index_shard_finish(index_shard *w, hearth_error *error);
/* One more file of the shard, for index.json. */
hearth_status index_shard_note(index_shard *w, trace_file file, uint64_t bytes, const char *sha256,
                               hearth_error *error);
/* The shard's object of index.json; rows are handed over. NULL when memory is out. */
json_t *index_shard_row(index_shard *w);
void index_shard_drop(index_shard *w); /* zeroed and finished ones are allowed */

#endif
