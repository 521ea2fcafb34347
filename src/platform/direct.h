/* Reading a file past the system's cache: large reads in order, which leave what others have in memory where it is. */
#ifndef PLATFORM_DIRECT_H
#define PLATFORM_DIRECT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offsets, sizes and addresses of reads are multiples of this. */
#define DIRECT_ALIGNMENT ((size_t)4096)
/* A read of so many bytes, by so many threads at a time, is what brings disks to their speed. */
#define DIRECT_PIECE ((size_t)4 << 20)
#define DIRECT_THREADS 4

typedef struct direct_file {
    int descriptor;
    bool cached; /* the file system has no direct reads: through the cache, which is told to forget them */
    uint64_t size;
    const char *path; /* borrowed */
} direct_file;

hearth_status direct_open(const char *path, direct_file *ret, hearth_error *error);
/* A zeroed one is not allowed. */
void direct_close(direct_file *file);
/* Reads [offset, offset + bytes) as far as the file goes; HEARTH_E_FORMAT where the file ends before `needed` of them.
 */
hearth_status direct_read(const direct_file *file, uint64_t offset, void *into, size_t bytes, size_t needed,
                          hearth_error *error);

/* Bytes per nanosecond (GB/s) of reading the file in order, at most `most_bytes` of it and about a second; 0 for a file
 * of less than 32 MiB, which tells nothing. */
hearth_status direct_measure(const char *path, uint64_t most_bytes, double *ret_gb_s, hearth_error *error);

#endif
