/* Where the documents of an index come from: a corpus that `hearth corpus build` made, or plain files. */
#ifndef INDEXING_TEXTS_H
#define INDEXING_TEXTS_H

#include "base/hash.h"

typedef struct indexing_text {
    uint64_t row; /* in the manifest, from 1; 0: these are plain files */
    const char *id;
    const char *source, *place, *licence, *evidence, *language; /* "" where nobody says */
    bool held_out;
    const char *text; /* UTF-8 */
    size_t length;
} indexing_text;
typedef hearth_status (*indexing_text_fn)(void *context, const indexing_text *t, hearth_error *error);

typedef struct indexing_texts {
    char name[256];                    /* of the corpus, or the path's last part */
    char corpus_sha256[HASH_HEX_SIZE]; /* "": plain files */
    uint64_t total;                    /* documents, where it is known beforehand; else 0 */
    uint64_t passed_over;              /* plain files that are no UTF-8, empty, or longer than LIMIT_DOCUMENT_BYTES */
} indexing_texts;

/* What `path` is: a corpus's folder (corpus.json says it), or a folder, an archive, JSON lines (field "text") or any
 * other file, which is one document. Sets all but passed_over. */
hearth_status indexing_texts_look(const char *path, indexing_texts *ret, hearth_error *error);
/* All documents, in order; `licence` is plain files' (NULL: nobody says). */
hearth_status indexing_texts_each(const char *path, const char *licence, indexing_texts *texts, indexing_text_fn fn,
                                  void *context, hearth_error *error);

#endif
