/* The kept documents of a corpus: JSON lines in zstd, in Dolma's form. docs/formats/corpus.md. */
#ifndef CORPUS_SHARDS_H
#define CORPUS_SHARDS_H

#include "base/buffer.h"
#include "corpus/zst.h"

#include <jansson.h>

#define SHARD_BYTES ((uint64_t)128 << 20) /* uncompressed; a shard ends with the document that passes it */

typedef struct shard_writer {
    char *folder; /* "documents" below the corpus */
    zst_writer *out;
    uint64_t bytes, documents; /* of the shard that is open */
    json_t *list;              /* of those that are finished */
} shard_writer;

hearth_status shards_create(const char *folder, shard_writer *ret, hearth_error *error);
hearth_status shards_add(shard_writer *w, const buffer *line, hearth_error *error);
hearth_status shards_finish(shard_writer *w, hearth_error *error);
void shards_drop(shard_writer *w); /* zeroed ones are allowed */

#endif
