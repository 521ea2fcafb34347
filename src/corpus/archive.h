/* The door to libarchive: archives entry by entry, and compressed files as they are inside. */
#ifndef CORPUS_ARCHIVE_H
#define CORPUS_ARCHIVE_H

#include "base/error.h"

struct archive;
struct archive_entry;

typedef enum archive_door_kind {
    ARCHIVE_DOOR_RAW,     /* one stream of bytes, decompressed */
    ARCHIVE_DOOR_ENTRIES, /* tar, zip, 7-Zip, cpio, compressed or not */
    ARCHIVE_DOOR_AR       /* ar: Debian's packages */
} archive_door_kind;

/* Starts no helper programs, whatever the file is. RAW: stands at the only entry; *ret NULL: there is
 * no byte in it. */
hearth_status archive_door_open(const char *path, archive_door_kind kind, struct archive **ret, hearth_error *error);
/* The same of what the entry that `outer` stands at holds; `outer` must not move meanwhile. */
hearth_status archive_door_open_within(struct archive *outer, const char *name, archive_door_kind kind,
                                       struct archive **ret, hearth_error *error);
/* The same of bytes in memory, which must stay. */
hearth_status archive_door_open_bytes(const void *bytes, size_t length, const char *name, archive_door_kind kind,
                                      struct archive **ret, hearth_error *error);
/* The next entry, whatever it is; *ret NULL at the end. */
hearth_status archive_door_next_any(struct archive *a, const char *name, struct archive_entry **ret,
                                    hearth_error *error);
/* The next entry that is a file; *ret NULL at the end. */
hearth_status archive_door_next(struct archive *a, const char *name, struct archive_entry **ret, hearth_error *error);
/* The next bytes of the entry; *ret_length 0 at its end, and where `a` is NULL. */
hearth_status archive_door_read(struct archive *a, const char *name, const char **ret, size_t *ret_length,
                                hearth_error *error);
void archive_door_close(struct archive *a); /* NULL is allowed */

#endif
