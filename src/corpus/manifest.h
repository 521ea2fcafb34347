/* The manifest of a corpus: every document that was seen, and what became of it. docs/formats/corpus.md. */
#ifndef CORPUS_MANIFEST_H
#define CORPUS_MANIFEST_H

#include "corpus/document.h"
#include "corpus/source.h"

#define MANIFEST_FORMAT 1

struct rule_list; /* corpus/rules.h */

/* ---- writing: into a folder that is there and empty ---- */

typedef struct manifest_writer manifest_writer;

typedef struct manifest_totals {
    uint64_t documents, kept, held_out; /* held_out: of those kept */
    uint64_t bytes, kept_bytes;         /* of texts */
    char sha256[HASH_HEX_SIZE];         /* of the lines of manifest.jsonl: of the whole corpus */
} manifest_totals;

hearth_status manifest_create(const char *folder, const recipe *r, manifest_writer **ret, hearth_error *error);
/* In the order of rows; the text of a kept document goes to the shards. */
hearth_status manifest_add(manifest_writer *m, const document *d, hearth_error *error);
hearth_status manifest_add_source(manifest_writer *m, uint32_t source, const source_report *report,
                                  hearth_error *error);
/* Ends all files and writes corpus.json, which tells what the rules' result depends on, too. */
hearth_status manifest_finish(manifest_writer *m, const struct rule_list *rules, manifest_totals *ret,
                              hearth_error *error);
void manifest_drop(manifest_writer *m); /* NULL is allowed; also after manifest_finish */

/* ---- reading ---- */

typedef struct manifest_document {
    uint64_t row, bytes, kept_bytes, like;
    char id[HASH_HEX_SIZE], kept_sha256[HASH_HEX_SIZE];                                    /* "" where it is not kept */
    char *source, *kind, *place, *licence, *evidence, *language, *created, *fate, *reason; /* NULL: nothing */
    bool held_out;
} manifest_document;

/* `key`: a row (of 8 digits or more with "#" before it), or the beginning of an id (at least 8 digits).
 * HEARTH_E_NOT_FOUND; HEARTH_E_ARGUMENT where several ids begin so. Of documents with the same id the first; *ret_more:
 * how many others there are. */
hearth_status manifest_find(const char *folder, const char *key, manifest_document *ret, uint64_t *ret_more,
                            hearth_error *error);
void manifest_document_free(manifest_document *d);

/* A corpus's manifest.sqlite, to read; its tables are tables. */
struct sqlite3;
hearth_status manifest_open(const char *path, struct sqlite3 **ret, hearth_error *error);

#endif
