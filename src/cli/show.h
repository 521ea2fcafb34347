/* What `hearth show` works out about a model. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/open.h"

#include <stdio.h>

enum { SHOW_FORMATS_MOST = DTYPE_FILES, SHOW_LENGTHS_MOST = 8, SHOW_LICENCE_SIZE = 256 };

typedef struct show_format {
    const char *name;
    size_t tensors;
    uint64_t values, bytes;
} show_format;
/* Number formats, the one with most bytes first. */
size_t show_formats(const tensor_table *table, show_format ret[SHOW_FORMATS_MOST]);

/* Context lengths worth a line: powers of two from 2048 on, and the model's own, ascending. */
size_t show_lengths(const model_config *k, size_t ret[SHOW_LENGTHS_MOST]);
/* Bytes of the weights in memory once packed. */
uint64_t show_weight_bytes(const model *m);
/* What the files say: general.license, or the README's front matter; "" where nothing is said. */
hearth_status show_licence(const model *m, char ret[SHOW_LICENCE_SIZE], hearth_error *error);
/* "[32000, 4096]" */
const char *show_shape(const tensor_entry *e, char ret[64]);
hearth_status show_metadata(const model *m, FILE *out, hearth_error *error);
/* Everything; NULL when memory is out. */
json_t *show_json(const model *m, const char *licence, bool tensors, bool metadata);

#endif
