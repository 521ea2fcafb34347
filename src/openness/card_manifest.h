/* A corpus's manifest added up: what its documents are, by licence, language, source, fate and place. */
#ifndef OPENNESS_CARD_MANIFEST_H
#define OPENNESS_CARD_MANIFEST_H

#include "base/hash.h"
#include "base/json.h"

typedef struct manifest_sum {
    uint64_t documents, kept, held_out, bytes, kept_bytes;
    uint64_t first_kept, last_kept; /* of `created`, as days since year 0 are not needed: YYYYMMDD; 0: none is told */
    char sha256[HASH_HEX_SIZE];     /* of the lines */
    /* Objects {name: {"documents": n, "bytes": n}} of what was kept; `fates` of everything. */
    json_t *licences, *languages, *sources, *places, *fates;
} manifest_sum;

/* Where a model's manifest lies: MODEL.manifest.jsonl.zst beside its folder, or in a run corpus/manifest.jsonl.zst.
 * mem_free; NULL: nowhere. */
char *manifest_sum_place(const char *folder);

/* `path`: manifest.jsonl, also packed. HEARTH_E_FORMAT names the line. */
hearth_status manifest_sum_read(const char *path, manifest_sum *ret, hearth_error *error);
void manifest_sum_free(manifest_sum *m); /* zeroed ones are allowed */

/* The rows of such an object, largest bytes first; a list of [name, documents, bytes]. NULL when memory is out. */
json_t *manifest_sum_rows(const json_t *counts);

#endif
