/* Locks by flock: the kernel gives them back when a process ends, however it ends. */
#include "platform/file_lock.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static hearth_status open_lock(const char *path, int *ret, hearth_error *error)
{
    TRY(file_make_place(path, error));
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0) {
        return error_errno(error, path, "open", errno);
    }
    *ret = descriptor;
    return HEARTH_OK;
}

hearth_status file_lock_take(const char *path, file_lock_kind kind, progress_fn progress, void *context, file_lock *ret,
                             hearth_error *error)
{
    int descriptor = -1;
    TRY(open_lock(path, &descriptor, error));
    const int how = (kind == FILE_LOCK_ALONE ? LOCK_EX : LOCK_SH) | LOCK_NB;
    while (flock(descriptor, how) != 0) {
        const int reason = errno;
        const bool waits = reason == EWOULDBLOCK || reason == EINTR;
        if (waits && (progress == NULL || progress(context, "waiting for another hearth", 0, 0, ""))) {
            time_sleep(0.05);
            continue;
        }
        close(descriptor);
        return waits ? error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped")
                     : error_errno(error, path, "lock", reason);
    }
    ret->descriptor = descriptor;
    return HEARTH_OK;
}

hearth_status file_lock_try(const char *path, file_lock *ret, hearth_error *error)
{
    int descriptor = -1;
    TRY(open_lock(path, &descriptor, error));
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const int reason = errno;
        close(descriptor);
        if (reason != EWOULDBLOCK) {
            return error_errno(error, path, "lock", reason);
        }
        const hearth_status status =
            error_set(error, HEARTH_E_ARGUMENT, NULL, "one that nobody has locked", "another process that works on it");
        error_in_file(error, path);
        return status;
    }
    ret->descriptor = descriptor;
    return HEARTH_OK;
}

void file_lock_free(file_lock *lock)
{
    if (lock->descriptor >= 0) {
        close(lock->descriptor);
    }
    lock->descriptor = -1;
}
