/* A new file written in small pieces, and the SHA-256 of it where that is wanted. */
#ifndef INDEXING_HASHED_FILE_H
#define INDEXING_HASHED_FILE_H

#include "base/buffer.h"
#include "base/hash.h"
#include "platform/file_stream.h"

typedef struct hashed_file {
    file_stream stream;
    hash_state *hash; /* NULL: nobody asks for it */
    buffer waiting;   /* not written yet */
    uint64_t bytes;   /* with what waits */
} hashed_file;

/* HEARTH_E_ARGUMENT where something is at `path`. */
hearth_status hashed_file_open(const char *path, bool hashed, hashed_file *ret, hearth_error *error);
hearth_status hashed_file_write(hashed_file *f, const void *bytes, size_t length, hearth_error *error);
/* The file takes its name. Closed in any case. ret_sha256 is left alone where the file is not hashed: NULL then. */
hearth_status hashed_file_finish(hashed_file *f, char ret_sha256[HASH_HEX_SIZE], hearth_error *error);
void hashed_file_drop(hashed_file *f); /* zeroed and finished ones are allowed */

#endif
