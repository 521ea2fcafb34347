/* O_DIRECT where the file system has it, else ordinary reads and posix_fadvise. */
#define _GNU_SOURCE
#include "platform/direct.h"

#include "base/fault.h"
#include "base/memory.h"
#include "platform/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEASURE_LEAST_BYTES ((uint64_t)32 << 20)
#define MEASURE_SECONDS 1.0

hearth_status direct_open(const char *path, direct_file *ret, hearth_error *error)
{
    direct_file file = {.path = path};
    file.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECT);
    if (file.descriptor < 0 && errno == EINVAL) {
        file.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        file.cached = true;
    }
    struct stat info;
    if (file.descriptor < 0) {
        return error_errno(error, path, "open", errno);
    }
    if (fstat(file.descriptor, &info) != 0) {
        const int reason = errno;
        close(file.descriptor);
        return error_errno(error, path, "read", reason);
    }
    file.size = (uint64_t)info.st_size;
    *ret = file;
    return HEARTH_OK;
}

void direct_close(direct_file *file)
{
    close(file->descriptor);
}

hearth_status direct_read(const direct_file *file, uint64_t offset, void *into, size_t bytes, size_t needed,
                          hearth_error *error)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = -1;
        if (fault_here(FAULT_READ)) {
            errno = EIO;
        } else {
            got = pread(file->descriptor, (uint8_t *)into + done, bytes - done, (off_t)(offset + done));
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_errno(error, file->path, "read", errno);
        }
        done += (size_t)got;
        if (got == 0 || (size_t)got % DIRECT_ALIGNMENT != 0) { /* the end of the file */
            break;
        }
    }
    if (file->cached) {
        (void)posix_fadvise(file->descriptor, (off_t)offset, (off_t)bytes, POSIX_FADV_DONTNEED);
    }
    if (done < needed) {
        const unsigned long long end = offset + done;
        error_set(error, HEARTH_E_FORMAT, NULL, "a file that stays as long as it was", "its end after %llu bytes", end);
        error_in_file(error, file->path);
        return HEARTH_E_FORMAT;
    }
    return HEARTH_OK;
}

/* ---- the speed of a disk ---- */

typedef struct measuring {
    const direct_file *file;
    pthread_mutex_t lock; /* guards what follows */
    uint64_t next, end, done;
    double deadline;
    hearth_status status;
    hearth_error *error;
} measuring;

static void *measure_thread(void *context)
{
    measuring *m = context;
    void *piece = mem_alloc_aligned(DIRECT_PIECE, DIRECT_ALIGNMENT);
    pthread_mutex_lock(&m->lock);
    if (piece == NULL) {
        m->status = m->status == HEARTH_OK ? error_memory(m->error, DIRECT_PIECE) : m->status;
    }
    while (m->status == HEARTH_OK && m->next < m->end && time_seconds() < m->deadline) {
        const uint64_t offset = m->next;
        m->next += DIRECT_PIECE;
        pthread_mutex_unlock(&m->lock);
        hearth_error error = {0};
        const hearth_status status = direct_read(m->file, offset, piece, DIRECT_PIECE, DIRECT_PIECE, &error);
        pthread_mutex_lock(&m->lock);
        m->done += DIRECT_PIECE;
        if (status != HEARTH_OK && m->status == HEARTH_OK) {
            m->status = status;
            *m->error = error;
        }
    }
    pthread_mutex_unlock(&m->lock);
    mem_free(piece);
    return NULL;
}

hearth_status direct_measure(const char *path, uint64_t most_bytes, double *ret_gb_s, hearth_error *error)
{
    direct_file file = {0};
    hearth_error problem = {0};
    TRY(direct_open(path, &file, error));
    *ret_gb_s = 0;
    const uint64_t bytes = file.size < most_bytes ? file.size : most_bytes;
    if (bytes < MEASURE_LEAST_BYTES) {
        direct_close(&file);
        return HEARTH_OK;
    }
    if (file.cached) {
        (void)posix_fadvise(file.descriptor, 0, (off_t)bytes, POSIX_FADV_DONTNEED);
    }
    const double begin = time_seconds();
    measuring m = {.file = &file,
                   .lock = PTHREAD_MUTEX_INITIALIZER,
                   .end = bytes / DIRECT_PIECE * DIRECT_PIECE,
                   .deadline = begin + MEASURE_SECONDS,
                   .error = &problem};
    pthread_t threads[DIRECT_THREADS];
    int started = 0;
    while (started < DIRECT_THREADS && pthread_create(&threads[started], NULL, measure_thread, &m) == 0) {
        started++;
    }
    if (started == 0) {
        (void)measure_thread(&m);
    }
    for (int i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    *ret_gb_s = (double)m.done / (time_seconds() - begin) * 1e-9;
    direct_close(&file);
    if (m.status != HEARTH_OK && error != NULL) {
        *error = problem;
    }
    return m.status;
}
