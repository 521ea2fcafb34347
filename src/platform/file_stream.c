/* Writing a new file piece by piece. */
#define _GNU_SOURCE /* sync_file_range */
#include "platform/file_stream.h"

#include "base/memory.h"
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAVING_BYTES ((uint64_t)4 << 20) /* as often the disk is set to work */

static hearth_status in_the_way(const char *path, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a new name", "one that is there");
    error_in_file(error, path);
    return HEARTH_E_ARGUMENT;
}

/* "PATH.tmp-PID" */
static char *temporary_name(const char *path)
{
    const size_t size = strlen(path) + 32;
    char *name = mem_alloc(size);
    if (name != NULL) {
        (void)snprintf(name, size, "%s.tmp-%ld", path, (long)getpid());
    }
    return name;
}

hearth_status file_stream_open(const char *path, file_stream *ret, hearth_error *error)
{
    struct stat old;
    if (lstat(path, &old) == 0) {
        return in_the_way(path, error);
    }
    file_stream s = {.path = mem_strdup(path), .temporary = temporary_name(path), .descriptor = -1};
    if (s.path == NULL || s.temporary == NULL) {
        mem_free(s.path);
        mem_free(s.temporary);
        return error_memory(error, strlen(path));
    }
    s.descriptor = open(s.temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (s.descriptor < 0) {
        const hearth_status status = error_errno(error, path, "write", errno);
        mem_free(s.path);
        mem_free(s.temporary);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

hearth_status file_stream_reserve(file_stream *s, uint64_t length, hearth_error *error)
{
    /* where the file system can, so that a full disk is known now and not after an hour */
    const int reason = length == 0 ? 0 : posix_fallocate(s->descriptor, 0, (off_t)length);
    if (reason == 0) {
        return HEARTH_OK;
    }
    if (reason != EINVAL && reason != EOPNOTSUPP) {
        return error_errno(error, s->path, "write", reason);
    }
    return ftruncate(s->descriptor, (off_t)length) == 0 ? HEARTH_OK : error_errno(error, s->path, "write", errno);
}

hearth_status file_stream_write(file_stream *s, const void *bytes, size_t length, hearth_error *error)
{
    const char *at = bytes;
    while (length > 0) {
        const ssize_t written = write(s->descriptor, at, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return error_errno(error, s->path, "write", errno);
        }
        at += written;
        length -= (size_t)written;
        s->written += (uint64_t)written;
    }
    if (s->written - s->leaving >= LEAVING_BYTES) { /* a hint: where it fails, the end takes longer */
        (void)sync_file_range(s->descriptor, (off_t)s->leaving, (off_t)(s->written - s->leaving),
                              SYNC_FILE_RANGE_WRITE);
        s->leaving = s->written;
    }
    return HEARTH_OK;
}

hearth_status file_stream_finish(file_stream *s, hearth_error *error)
{
    int reason = fsync(s->descriptor) == 0 ? 0 : errno;
    if (close(s->descriptor) != 0 && reason == 0) {
        reason = errno;
    }
    s->descriptor = -1;
    if (reason == 0) {
        reason = file_rename_new(s->temporary, s->path);
    }
    hearth_status status = HEARTH_OK;
    if (reason != 0) {
        (void)unlink(s->temporary);
        status = reason == EEXIST ? in_the_way(s->path, error) : error_errno(error, s->path, "write", reason);
    }
    mem_free(s->path);
    mem_free(s->temporary);
    *s = (file_stream){.descriptor = -1};
    return status;
}

void file_stream_drop(file_stream *s)
{
    if (s->temporary == NULL) {
        return;
    }
    if (s->descriptor >= 0) {
        (void)close(s->descriptor);
    }
    (void)unlink(s->temporary);
    mem_free(s->path);
    mem_free(s->temporary);
    *s = (file_stream){.descriptor = -1};
}

hearth_status file_move_folder(const char *from, const char *to, hearth_error *error)
{
    const int reason = file_rename_new(from, to);
    if (reason == EEXIST || reason == ENOTEMPTY) {
        return in_the_way(to, error);
    }
    return reason == 0 ? HEARTH_OK : error_errno(error, to, "write", reason);
}

void file_remove_folder(const char *path)
{
    file_list list = {0};
    if (file_list_folder(path, &list, NULL) != HEARTH_OK) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        char *name = file_join(path, list.names[i]);
        if (name != NULL) {
            (void)unlink(name);
        }
        mem_free(name);
    }
    file_list_free(&list);
    (void)rmdir(path);
}
