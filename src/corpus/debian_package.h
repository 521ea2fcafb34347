/* One Debian package: its control file, its licences, and the files it installs. */
#ifndef CORPUS_DEBIAN_PACKAGE_H
#define CORPUS_DEBIAN_PACKAGE_H

#include "corpus/debian_copyright.h"
#include "corpus/stream.h"

struct archive;
struct archive_entry;

typedef struct debian_facts {
    buffer control;              /* the control file */
    debian_copyright *copyright; /* NULL: see `why` */
    char why[160];               /* why no file of it has a licence that is known */
} debian_facts;

/* One file that a package installs; `path` without "./". */
typedef hearth_status (*debian_file_fn)(void *context, struct archive *data, struct archive_entry *entry,
                                        const char *path, hearth_error *error);

/* Reads control file and usr/share/doc/NAME/copyright. */
hearth_status debian_package_facts(const char *file, const char *name, debian_facts *ret, hearth_error *error);
void debian_facts_free(debian_facts *facts); /* a zeroed one is allowed */
/* Each regular file, in the package's order; more than LIMIT_PACKAGE_BYTES of them are an error. */
hearth_status debian_package_each(const char *file, debian_file_fn fn, void *context, hearth_error *error);

/* The bytes that an entry holds, at most `most` and one. */
hearth_status debian_read_entry(struct archive *a, const char *name, size_t most, buffer *out, hearth_error *error);

#endif
