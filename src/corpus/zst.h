/* A zstd file written piece by piece, and the SHA-256 of what went into it. */
#ifndef CORPUS_ZST_H
#define CORPUS_ZST_H

#include "base/hash.h"

typedef struct zst_writer zst_writer;

/* HEARTH_E_ARGUMENT where something is at `path`. */
hearth_status zst_create(const char *path, zst_writer **ret, hearth_error *error);
hearth_status zst_write(zst_writer *z, const void *bytes, size_t length, hearth_error *error);
/* Ends the file; `z` is freed in any case. */
hearth_status zst_finish(zst_writer *z, char ret_sha256[HASH_HEX_SIZE], uint64_t *ret_bytes, hearth_error *error);
void zst_drop(zst_writer *z); /* NULL is allowed */

#endif
