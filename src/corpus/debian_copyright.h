/* debian/copyright in its machine-readable form (DEP-5, copyright-format 1.0): which licence a file has. */
#ifndef CORPUS_DEBIAN_COPYRIGHT_H
#define CORPUS_DEBIAN_COPYRIGHT_H

#include "base/buffer.h"

typedef struct debian_copyright debian_copyright;

/* *ret NULL: it is not machine-readable, or has no Files paragraph. At most LIMIT_COPYRIGHT_PARAGRAPHS are read. */
hearth_status debian_copyright_read(const char *text, size_t length, debian_copyright **ret, hearth_error *error);
void debian_copyright_free(debian_copyright *c); /* NULL is allowed */

/* The licence, as SPDX writes it, of a file that a package installs at `path` ("usr/share/man/man1/ls.1", without
 * compression's ending), and which paragraph says so ("Files: ls.*, line 12"). Paragraphs name files of the source,
 * so a pattern is held against the path, each of its ends ("man/man1/ls.1", "ls.1"), and, by its last part where that
 * is more than signs, against the file's name. The last paragraph that matches counts. false: none does. */
hearth_status debian_copyright_find(debian_copyright *c, const char *path, buffer *licence, buffer *evidence,
                                    bool *ret_found, hearth_error *error);

/* "GPL-2+ or Artistic, and Expat" as SPDX has it: names by a table, unknown ones as LicenseRef-…; "NOASSERTION" where
 * nothing stands there. */
hearth_status debian_licence(const char *text, buffer *out, hearth_error *error);

/* A field of a control file's first paragraph, its lines as they are, without the name; NULL: it has none. */
const char *debian_field(const char *text, size_t length, const char *name, size_t *ret_length);
/* '*' any characters, '?' one, '\' before either and itself. */
bool debian_glob(const char *pattern, size_t pattern_length, const char *text);

#endif
