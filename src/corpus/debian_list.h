/* A list of Debian packages: which, and the bytes that they are. docs/formats/corpus.md, "Debian packages". */
#ifndef CORPUS_DEBIAN_LIST_H
#define CORPUS_DEBIAN_LIST_H

#include "base/hash.h"

typedef struct debian_package {
    const char *name, *version, *architecture;
    const char *sha256;
    const char *path; /* below a mirror: "pool/main/b/bash/bash_5.2.15-2_amd64.deb" */
    const char *file; /* as apt names it: "bash_5.2.15-2_amd64.deb", a colon as %3a */
    uint64_t size;
} debian_package;

typedef struct debian_list {
    debian_package *items;
    size_t count;
    char sha256[HASH_HEX_SIZE]; /* of the list */
    struct arena *a;
} debian_list;

/* A line each, in the order of names, then architectures: "NAME VERSION ARCHITECTURE SIZE SHA256 PATH"; lines that
 * begin with # are for people. */
hearth_status debian_list_read(const char *path, debian_list *ret, hearth_error *error);
void debian_list_free(debian_list *list); /* a zeroed one is allowed */

#endif
