/* Hashing files whole. */
#include "hub/verify.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)

hub_digest_kind hub_digest_kind_of(const char *digest)
{
    return text_is_hex(digest, 64) ? HUB_DIGEST_SHA256
                                   : (text_is_hex(digest, 40) ? HUB_DIGEST_GIT_SHA1 : HUB_DIGEST_NONE);
}

static hearth_status hash_rest(int descriptor, const char *path, uint64_t size, hash_state *state, progress_fn progress,
                               void *context, hearth_error *error)
{
    const size_t room = size < PIECE_BYTES ? (size_t)size + 1 : PIECE_BYTES; /* of a small file no more */
    uint8_t *piece = mem_alloc(room);
    hearth_status status = piece != NULL ? HEARTH_OK : error_memory(error, room);
    uint64_t done = 0;
    while (status == HEARTH_OK) {
        const ssize_t got = read(descriptor, piece, room);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = error_errno(error, path, "read", errno);
        }
        if (got <= 0) {
            break;
        }
        hash_update(state, piece, (size_t)got);
        done += (uint64_t)got;
        if (progress != NULL && !progress(context, "checking", done, size, "B")) {
            status = error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
    }
    mem_free(piece);
    return status;
}

static hearth_status hash_file(const char *path, hub_digest_kind kind, progress_fn progress, void *context,
                               char ret[HASH_HEX_SIZE], hearth_error *error)
{
    struct stat info;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        const int reason = errno;
        if (descriptor >= 0) {
            close(descriptor);
        }
        return error_errno(error, path, "read", reason);
    }
    hash_state *state = kind == HUB_DIGEST_GIT_SHA1 ? hash_create_sha1() : hash_create();
    if (state == NULL) {
        close(descriptor);
        return error_memory(error, sizeof(void *));
    }
    if (kind == HUB_DIGEST_GIT_SHA1) {
        char head[48];
        const int length = snprintf(head, sizeof head, "blob %lld", (long long)info.st_size);
        hash_update(state, head, (size_t)length + 1);
    }
    const hearth_status status = hash_rest(descriptor, path, (uint64_t)info.st_size, state, progress, context, error);
    uint8_t digest[32];
    hash_finish(state, digest);
    hash_hex_bytes(digest, kind == HUB_DIGEST_GIT_SHA1 ? HASH_SHA1_BYTES : 32, ret);
    close(descriptor);
    return status;
}

hearth_status hub_sha256(const char *path, progress_fn progress, void *context, char ret[65], hearth_error *error)
{
    return hash_file(path, HUB_DIGEST_SHA256, progress, context, ret, error);
}

hearth_status hub_git_sha1(const char *path, char ret[65], hearth_error *error)
{
    return hash_file(path, HUB_DIGEST_GIT_SHA1, NULL, NULL, ret, error);
}

hearth_status hub_verify(const char *path, const char *digest, progress_fn progress, void *context, hearth_error *error)
{
    char found[HASH_HEX_SIZE];
    char expected[96];
    const hub_digest_kind kind = hub_digest_kind_of(digest);
    TRY(hash_file(path, kind, progress, context, found, error));
    if (strcmp(found, digest) == 0) {
        return HEARTH_OK;
    }
    (void)snprintf(expected, sizeof expected, "%s %s", kind == HUB_DIGEST_SHA256 ? "SHA-256" : "git SHA-1", digest);
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, NULL, expected, "%s", found);
    error_in_file(error, path);
    return status;
}
