/* What the tests of converting share: a folder for what they make, and comparisons. */
#ifndef TESTS_CONVERT_SUPPORT_H
#define TESTS_CONVERT_SUPPORT_H

#include "../model/support.h"

#include "base/hash.h"
#include "convert/convert.h"
#include "formats/gguf.h"

/* The folder, and a file in it; four paths are kept. */
extern char scratch[];
const char *scratch_path(const char *name);
int scratch_begin(void **state);
int scratch_end(void **state);
/* Removes what is there. */
void forget(const char *name);

/* Into the folder. */
hearth_status convert_with(const char *from, const char *to, convert_options o, convert_result *result,
                           hearth_error *error);
hearth_status convert(const char *from, const char *to, dtype type, hearth_error *error);

/* Keys that say something else, or that ours leaves out, and why: docs/convert.md. */
bool may_differ(const char *key);
/* Fail naming what differs. */
void same_tensors(const tensor_table *expected, const tensor_table *found, const char *what);
void same_keys(const gguf_file *expected, const gguf_file *found, const char *what);

/* Of the logits of a text, or an encoder's hidden states. */
void logits_hash(const char *path, char ret[HASH_HEX_SIZE]);
void same_logits(const char expected[HASH_HEX_SIZE], const char *path, const char *what);

#endif
