/* A new file written piece by piece: it lies under PATH.tmp-PID until it is whole, then takes its name. Nothing half
 * written is ever seen at PATH. */
#ifndef PLATFORM_FILE_STREAM_H
#define PLATFORM_FILE_STREAM_H

#include "base/error.h"

#include <stddef.h>

typedef struct file_stream {
    char *path;      /* where it will be */
    char *temporary; /* where it is */
    int descriptor;
    uint64_t written;
    uint64_t leaving; /* what the kernel was told to bring to the disk: less is left for the end */
} file_stream;

/* HEARTH_E_ARGUMENT where something is at `path` already. */
hearth_status file_stream_open(const char *path, file_stream *ret, hearth_error *error);
/* Gives the file its final length ahead; what is not written yet reads as zeros. */
hearth_status file_stream_reserve(file_stream *s, uint64_t length, hearth_error *error);
hearth_status file_stream_write(file_stream *s, const void *bytes, size_t length, hearth_error *error);
/* Syncs and renames; HEARTH_E_ARGUMENT where something came to `path` meanwhile. The stream is closed in any case. */
hearth_status file_stream_finish(file_stream *s, hearth_error *error);
/* Closes and removes what was not finished. Zeroed and finished streams are allowed. */
void file_stream_drop(file_stream *s);
/* Gives a folder its name, where nothing has it. */
hearth_status file_move_folder(const char *from, const char *to, hearth_error *error);
/* Removes a folder with the files in it (no folders below). */
void file_remove_folder(const char *path);

#endif
