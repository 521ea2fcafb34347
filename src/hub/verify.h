/* Does a file hold what its name at the hub says? */
#ifndef HUB_VERIFY_H
#define HUB_VERIFY_H

#include "base/error.h"
#include "base/progress.h"

typedef enum hub_digest_kind {
    HUB_DIGEST_NONE,
    HUB_DIGEST_SHA256,   /* 64 digits: of the content */
    HUB_DIGEST_GIT_SHA1, /* 40 digits: of "blob LENGTH", NUL, and the content */
} hub_digest_kind;

/* Lower-case hexadecimal digits, and how many there are, tell which. */
hub_digest_kind hub_digest_kind_of(const char *digest);

/* HEARTH_E_FORMAT where the content has another digest, the file's name in the error. */
hearth_status hub_verify(const char *path, const char *digest, progress_fn progress, void *context,
                         hearth_error *error);
/* The git SHA-1 of a file ("blob LENGTH", NUL, content), 40 digits and NUL. */
hearth_status hub_git_sha1(const char *path, char ret[65], hearth_error *error);
/* The SHA-256 of a file, 64 digits and NUL. */
hearth_status hub_sha256(const char *path, progress_fn progress, void *context, char ret[65], hearth_error *error);

#endif
