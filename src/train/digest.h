/* SHA-256 of what a run holds: files, weights, batches. */
#ifndef TRAIN_DIGEST_H
#define TRAIN_DIGEST_H

#include "base/hash.h"

/* Of a file's bytes. */
hearth_status digest_file(const char *path, char ret[HASH_HEX_SIZE], hearth_error *error);
/* Of two arrays one after the other, as binary32 in little endian; `b` may be NULL. */
hearth_status digest_values(const float *a, const float *b, uint64_t count, char ret[HASH_HEX_SIZE],
                            hearth_error *error);

#endif
