/* What a model is, worked out from its files: for hearth show, hearth plan and the server's page of models. */
#ifndef MODEL_DESCRIBE_H
#define MODEL_DESCRIBE_H

#include "base/json.h"
#include "model/model.h"

enum { DESCRIBE_FORMATS_MOST = DTYPE_FILES, DESCRIBE_LENGTHS_MOST = 8, DESCRIBE_LICENCE_SIZE = 256 };

typedef struct describe_format {
    const char *name;
    size_t tensors;
    uint64_t values, bytes;
} describe_format;
/* Number formats, the one with most bytes first. */
size_t describe_formats(const tensor_table *table, describe_format ret[DESCRIBE_FORMATS_MOST]);

/* Context lengths worth a line: powers of two from 2048 on, and the model's own, ascending. */
size_t describe_lengths(const model_config *k, size_t ret[DESCRIBE_LENGTHS_MOST]);
/* Bytes of the weights in memory once packed. */
uint64_t describe_weight_bytes(const model *m);
/* What the files say: general.license, or the README's front matter; "" where nothing is said. */
hearth_status describe_licence(const model *m, char ret[DESCRIBE_LICENCE_SIZE], hearth_error *error);
/* Everything; NULL when memory is out. */
json_t *describe_json(const model *m, const char *licence, bool tensors, bool metadata);

#endif
