/* For the tests of corpus/: a recipe made by hand over a temporary folder, and what a corpus's files hold. */
#ifndef TESTS_CORPUS_SUPPORT_H
#define TESTS_CORPUS_SUPPORT_H

#include "corpus/corpus.h"

#include <jansson.h>

/* A path in this process's temporary folder; valid until the next but seven calls. */
const char *place(const char *name);
int place_make(void **state);
int place_remove(void **state);
void place_write(const char *name, const char *text); /* makes the folders above it */
void place_write_bytes(const char *name, const void *bytes, size_t length);
/* The same, compressed: "gzip", "zstd", "xz". */
void place_compress(const char *name, const char *filter, const char *text);

/* A recipe over these sources and rules; its folder is the temporary one. */
recipe make_recipe(const recipe_source *sources, size_t source_count, const recipe_rule *rules, size_t rule_count);
/* Builds into place(name), which is removed before; fails the test where that fails. */
manifest_totals must_build(const recipe *r, const char *name, int threads);
/* Builds and gives the error's line. */
const char *must_fail(const recipe *r);

/* The lines of place(name)/manifest.jsonl.zst as an array, in order. */
json_t *read_manifest(const char *name);
/* Line `row` (from 1) of it. */
const json_t *row_of(const json_t *manifest, size_t row);
const char *text_of(const json_t *record, const char *name); /* also of its metadata; "" for none */
/* The texts of the kept documents, each followed by '\n' and "--\n". */
const char *kept_texts(const char *name);

/* Byte-level BPE without merges: a token a byte, and <|end|> as the last of `size`; the ids between are filled. */
tokenizer *byte_tokenizer(unsigned size);

#endif
