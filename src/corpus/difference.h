/* Where two corpora are not one. */
#ifndef CORPUS_DIFFERENCE_H
#define CORPUS_DIFFERENCE_H

#include "base/error.h"

#include <stddef.h>

/* The first thing that two files corpus.json say otherwise: the version of a library, a rule's file, a source, what
 * came out. `text` is "" where they agree. */
hearth_status corpus_difference(const char *theirs, const char *ours, char *text, size_t size, hearth_error *error);
/* The same of the manifests in two corpora's folders: the first document. */
hearth_status corpus_difference_of_documents(const char *theirs, const char *ours, char *text, size_t size,
                                             hearth_error *error);

#endif
