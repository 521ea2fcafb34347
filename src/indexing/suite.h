/* The items of an evaluation, as they lie in files: what is looked for in an index. */
#ifndef INDEXING_SUITE_H
#define INDEXING_SUITE_H

#include "base/error.h"

#include <stddef.h>

typedef struct suite_text {
    const char *key; /* of a record: "question", "choices.2"; "" of a line of text */
    const char *text;
    size_t length;
} suite_text;

typedef struct suite_item {
    const char *file; /* below the suite's folder; its name where the suite is a file */
    uint64_t line;    /* from 1 */
    const suite_text *texts;
    size_t count;
} suite_item;
typedef hearth_status (*suite_item_fn)(void *context, const suite_item *item, hearth_error *error);

/* Of a file or of all below a folder, in byte order of their paths: each record of *.jsonl is an item with all its
 * strings, each line of *.txt, *.csv and *.tsv an item with one; compressed (.gz, .zst, .xz, .bz2) or not. Other files
 * are passed over; a file that is named itself is read as lines. */
hearth_status suite_each(const char *path, suite_item_fn fn, void *context, hearth_error *error);

#endif
