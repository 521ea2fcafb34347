/* Logs, and folders' names on the disk. */
#define _GNU_SOURCE
#include "platform/file_append.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

hearth_status file_append_cut(file_append *f, uint64_t keep, hearth_error *error)
{
    if (f->length < keep) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "at least the bytes that a checkpoint tells of", "%llu bytes",
                        (unsigned long long)f->length);
        error_in_file(error, f->path);
        return HEARTH_E_FORMAT;
    }
    if (ftruncate(f->descriptor, (off_t)keep) != 0 || lseek(f->descriptor, 0, SEEK_END) < 0) {
        return error_errno(error, f->path, "write", errno);
    }
    f->length = keep;
    return HEARTH_OK;
}

static hearth_status keep_beginning(file_append *f, uint64_t keep, hearth_error *error)
{
    struct stat info;
    if (fstat(f->descriptor, &info) != 0) {
        return error_errno(error, f->path, "read", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a file", "a device or a pipe");
        error_in_file(error, f->path);
        return HEARTH_E_ARGUMENT;
    }
    if (flock(f->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a file that nobody writes", "one that another process writes");
        error_in_file(error, f->path);
        return HEARTH_E_ARGUMENT;
    }
    f->length = (uint64_t)info.st_size;
    return file_append_cut(f, keep == FILE_APPEND_ALL ? f->length : keep, error);
}

hearth_status file_append_open(const char *path, uint64_t keep, file_append *ret, hearth_error *error)
{
    file_append f = {.path = mem_strdup(path), .descriptor = -1};
    if (f.path == NULL) {
        return error_memory(error, strlen(path));
    }
    f.descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    const hearth_status status =
        f.descriptor < 0 ? error_errno(error, path, "write", errno) : keep_beginning(&f, keep, error);
    if (status != HEARTH_OK) {
        file_append_close(&f);
        return status;
    }
    *ret = f;
    return HEARTH_OK;
}

hearth_status file_append_open_added(const char *path, file_append *ret, hearth_error *error)
{
    file_append f = {.path = mem_strdup(path), .descriptor = -1, .added_to = true};
    if (f.path == NULL) {
        return error_memory(error, strlen(path));
    }
    f.descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    if (f.descriptor < 0) {
        const hearth_status status = error_errno(error, path, "open", errno);
        file_append_close(&f);
        return status;
    }
    *ret = f;
    return HEARTH_OK;
}

/* How many bytes came to the file; errno where not all did. */
static size_t write_bytes(int descriptor, const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t written = write(descriptor, bytes + done, length - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            break;
        }
        done += (size_t)written;
    }
    return done;
}

/* What is half written goes, or is left for the next line to begin after. */
static void take_off(file_append *f, size_t done)
{
    if (f->added_to) {
        f->torn = f->torn || done > 0;
        return;
    }
    (void)!ftruncate(f->descriptor, (off_t)f->length);
    (void)lseek(f->descriptor, 0, SEEK_END);
}

hearth_status file_append_write(file_append *f, const void *bytes, size_t length, hearth_error *error)
{
    if (f->torn) {
        if (write_bytes(f->descriptor, "\n", 1) != 1) {
            return error_errno(error, f->path, "write", errno);
        }
        f->torn = false;
    }
    const size_t done = write_bytes(f->descriptor, bytes, length);
    if (done < length) {
        const int reason = errno;
        take_off(f, done);
        return error_errno(error, f->path, "write", reason);
    }
    f->length += length;
    return HEARTH_OK;
}

hearth_status file_append_sync(file_append *f, hearth_error *error)
{
    return fsync(f->descriptor) == 0 ? HEARTH_OK : error_errno(error, f->path, "write", errno);
}

void file_append_close(file_append *f)
{
    if (f->path != NULL) {
        if (f->descriptor >= 0) {
            (void)close(f->descriptor);
        }
        mem_free(f->path);
    }
    *f = (file_append){.descriptor = -1};
}

hearth_status file_sync_folder(const char *path, hearth_error *error)
{
    const int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return error_errno(error, path, "open", errno);
    }
    const int reason = fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno; /* EINVAL: this file system has none */
    (void)close(descriptor);
    return reason == 0 ? HEARTH_OK : error_errno(error, path, "write", reason);
}
