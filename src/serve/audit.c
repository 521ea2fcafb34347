/* Lines at the end of a file, each by one write. */
#include "serve/audit.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "serve/values.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRY_AGAIN_S 1.0

struct audit {
    audit_options o;
    char *path;
    pthread_mutex_t lock; /* of all below */
    int file;
    bool cut;            /* the last line is not whole */
    atomic_bool failing; /* the last line was not written; read without the lock, too */
    uint64_t lost;
    double tried;
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
}

hearth_status audit_open(const audit_options *options, audit **ret, hearth_error *error)
{
    audit *a = mem_calloc(1, sizeof *a);
    char *path = mem_strdup(options->path);
    const int file = a != NULL && path != NULL ? open_file(path) : -1;
    if (file < 0) {
        const hearth_status status = a == NULL || path == NULL ? error_memory(error, sizeof *a)
                                                               : error_errno(error, options->path, "open", errno);
        mem_free(a);
        mem_free(path);
        return status;
    }
    a->o = *options;
    a->path = path;
    a->file = file;
    pthread_mutex_init(&a->lock, NULL);
    *ret = a;
    return HEARTH_OK;
}

hearth_status audit_reopen(audit *a, hearth_error *error)
{
    const int file = open_file(a->path);
    if (file < 0) {
        return error_errno(error, a->path, "open", errno);
    }
    pthread_mutex_lock(&a->lock);
    (void)close(a->file);
    a->file = file;
    a->cut = false;
    pthread_mutex_unlock(&a->lock);
    return HEARTH_OK;
}

void audit_close(audit *a)
{
    if (a != NULL) {
        (void)close(a->file);
        pthread_mutex_destroy(&a->lock);
        mem_free(a->path);
        mem_free(a);
    }
}

bool audit_has_contents(const audit *a)
{
    return a->o.contents;
}

/* With the lock. */
static bool write_bytes(audit *a, const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        const ssize_t wrote = write(a->file, bytes + done, length - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            a->cut = a->cut || done > 0;
            return false;
        }
        done += (size_t)wrote;
    }
    return true;
}

static void tell(const audit *a, const char *what)
{
    char line[512];
    if (a->o.told != NULL) {
        (void)snprintf(line, sizeof line, "audit log %.300s: %s", a->path, what);
        a->o.told(a->o.told_context, line);
    }
}

/* With the lock: a line with its end, after what a full disk left of another. */
static bool write_line(audit *a, const char *text, size_t length)
{
    bool good = !a->cut || write_bytes(a, "\n", 1);
    if (good) {
        a->cut = false;
        good = write_bytes(a, text, length);
    }
    if (good == a->failing) {
        a->failing = !good;
        tell(a, good ? "written again" : strerror(errno));
    }
    return good;
}

/* False: memory is out. */
static bool make_text(const json_t *value, buffer *ret)
{
    return value != NULL && json_door_write(value, 0, ret, NULL) == HEARTH_OK &&
           buffer_append_char(ret, '\n', NULL) == HEARTH_OK;
}

/* What is long is done before the lock, for which the server's thread may wait. */
void audit_write(audit *a, json_t *line)
{
    buffer text;
    buffer_init(&text, 0);
    const bool made = make_text(line, &text);
    pthread_mutex_lock(&a->lock);
    a->lost += made && write_line(a, text.data, text.length) ? 0 : 1;
    pthread_mutex_unlock(&a->lock);
    buffer_free(&text);
    json_decref(line);
}

/* With the lock. */
static void try_again(audit *a)
{
    char now[32], text[128];
    a->tried = time_seconds();
    audit_time(now);
    const int length = snprintf(text, sizeof text, "{\"time\":\"%s\",\"event\":\"written again\",\"lost\":%llu}\n", now,
                                (unsigned long long)a->lost);
    (void)write_line(a, text, (size_t)length);
}

bool audit_refuses(audit *a)
{
    if (!a->o.required || !atomic_load(&a->failing)) {
        return false;
    }
    if (pthread_mutex_trylock(&a->lock) == 0) { /* else somebody writes just now */
        if (a->failing && time_seconds() - a->tried >= TRY_AGAIN_S) {
            try_again(a);
        }
        pthread_mutex_unlock(&a->lock);
    }
    return atomic_load(&a->failing);
}

uint64_t audit_lost(audit *a)
{
    pthread_mutex_lock(&a->lock);
    const uint64_t lost = a->lost;
    pthread_mutex_unlock(&a->lock);
    return lost;
}

void audit_time(char ret[32])
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    values_time(&now, 3, ret);
}
