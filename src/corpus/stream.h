/* Bytes of a source as they come, decompressed where the file is gzip, zstd, xz, bzip2 or lz4 (libarchive tells by the
 * first bytes); and lines of them. */
#ifndef CORPUS_STREAM_H
#define CORPUS_STREAM_H

#include "corpus/document.h"

typedef struct byte_stream byte_stream;

/* Asked now and then in long work; an error, as HEARTH_E_CANCELLED, ends it. */
typedef hearth_status (*go_on_fn)(void *context, hearth_error *error);

hearth_status byte_stream_open(const char *path, byte_stream **ret, hearth_error *error);
/* Standard output of `command`, run by /bin/sh in `folder`; hashed, not decompressed. */
hearth_status byte_stream_run(const char *command, const char *folder, byte_stream **ret, hearth_error *error);
/* `fn` is asked before each piece, and while a command is silent; NULL: nobody is. */
void byte_stream_watch(byte_stream *s, go_on_fn fn, void *context);
/* The next bytes; *ret_length 0 at the end. They stay until the next call. */
hearth_status byte_stream_read(byte_stream *s, const char **ret, size_t *ret_length, hearth_error *error);
/* Of a command, at its end: waits for it; an error where it failed. Sets the SHA-256 of what it wrote. */
hearth_status byte_stream_finish(byte_stream *s, char ret_sha256[HASH_HEX_SIZE], hearth_error *error);
void byte_stream_close(byte_stream *s); /* NULL is allowed; a command that runs yet is ended */

typedef struct line_reader {
    byte_stream *stream;
    const char *at;
    size_t left;
    uint64_t number; /* of the line that was read last, from 1 */
    bool ended;
} line_reader;

/* Adds the next line, without its end ("\n" or "\r\n"), to the document's text; *ret_there false: there is none. */
hearth_status line_next(line_reader *l, document *d, bool *ret_there, hearth_error *error);

/* Adds the next `length` bytes to the document's text (NULL: passes over them); *ret_whole false: fewer are there. */
hearth_status line_take(line_reader *l, uint64_t length, document *d, bool *ret_whole, hearth_error *error);

#endif
