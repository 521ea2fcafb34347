/* A file that grows at its end: a log. Either one process's alone, where what was written before a point is kept and
 * what came after it is cut off, or one that is only ever added to. */
#ifndef PLATFORM_FILE_APPEND_H
#define PLATFORM_FILE_APPEND_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct file_append {
    char *path;
    int descriptor; /* -1: closed */
    uint64_t length;
    bool added_to; /* file_append_open_added */
    bool torn;     /* its last line is not whole */
} file_append;

#define FILE_APPEND_ALL UINT64_MAX

/* Opens or makes `path` and keeps its first `keep` bytes, which must be there (HEARTH_E_FORMAT); FILE_APPEND_ALL: all.
 * One process at a time: HEARTH_E_ARGUMENT where another has it open so. */
hearth_status file_append_open(const char *path, uint64_t keep, file_append *ret, hearth_error *error);
/* Opens or makes `path`, its owner's alone, to add lines to: others may add to it or move it away, and it may be a
 * device or a pipe. Nothing is ever cut off. */
hearth_status file_append_open_added(const char *path, file_append *ret, hearth_error *error);
/* Cuts off what is behind the first `keep` bytes. */
hearth_status file_append_cut(file_append *f, uint64_t keep, hearth_error *error);
/* All or nothing: where the disk is full, what came to the file of it is taken off again; of a file that is added to it
 * stays, and the next piece begins on a line of its own. */
hearth_status file_append_write(file_append *f, const void *bytes, size_t length, hearth_error *error);
hearth_status file_append_sync(file_append *f, hearth_error *error);
/* Zeroed and closed ones are allowed. */
void file_append_close(file_append *f);

/* Brings a folder's names to the disk. */
hearth_status file_sync_folder(const char *path, hearth_error *error);

#endif
