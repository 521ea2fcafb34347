/* Lines wait in a list that a thread writes: a slow disk stalls neither the server's thread nor an answer. */
#include "serve/audit.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/file_append.h"
#include "serve/values.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* While nothing can be written and requests are refused for that, a line is tried so often. */
#define TRY_AGAIN_S 1
/* Of lines that wait. Those with contents may have a MiB each. */
#define WAITING_BYTES ((size_t)64 << 20)

typedef struct waiting_line {
    struct waiting_line *next;
    buffer text;
} waiting_line;

struct audit {
    audit_options o;
    char *path;
    pthread_t writer;
    pthread_mutex_t file_lock; /* of `file`; held while a line is written */
    file_append file;
    pthread_mutex_t lock; /* of all below; never held while something is written */
    pthread_cond_t changed;
    waiting_line *first, **end;
    size_t waiting_bytes;
    bool ending;
    bool slow;           /* told that lines are lost as the disk is too slow */
    atomic_bool failing; /* the last line was not written; read without the lock, too */
    uint64_t lost;
};

static void tell(const audit *a, const char *what)
{
    char line[900];
    if (a->o.told != NULL) {
        (void)snprintf(line, sizeof line, "audit log %.300s: %s", a->o.path, what);
        a->o.told(a->o.told_context, line);
    }
}

/* ---- writing, on its own thread ---- */

/* Tells when that changes. */
static bool write_line(audit *a, const char *text, size_t length)
{
    hearth_error error = {0};
    pthread_mutex_lock(&a->file_lock);
    const bool good = file_append_write(&a->file, text, length, &error) == HEARTH_OK;
    pthread_mutex_unlock(&a->file_lock);
    if (good == atomic_load(&a->failing)) {
        atomic_store(&a->failing, !good);
        tell(a, good ? "written again" : error.found);
    }
    return good;
}

static void try_again(audit *a, uint64_t lost)
{
    char now[32], text[128];
    audit_time(now);
    const int length = snprintf(text, sizeof text, "{\"time\":\"%s\",\"event\":\"written again\",\"lost\":%llu}\n", now,
                                (unsigned long long)lost);
    (void)write_line(a, text, (size_t)length);
}

/* With the lock: waits for a line, for the end, or until it is time to try again. */
static void wait_for_line(audit *a)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TRY_AGAIN_S;
    while (a->first == NULL && !a->ending) {
        if (!a->o.required || !atomic_load(&a->failing)) {
            pthread_cond_wait(&a->changed, &a->lock);
        } else if (pthread_cond_timedwait(&a->changed, &a->lock, &until) != 0) {
            return;
        }
    }
}

/* With the lock. */
static waiting_line *take_line(audit *a)
{
    waiting_line *line = a->first;
    if (line != NULL) {
        a->first = line->next;
        a->end = a->first == NULL ? &a->first : a->end;
        a->waiting_bytes -= line->text.length;
    }
    return line;
}

static void free_line(waiting_line *line)
{
    buffer_free(&line->text);
    mem_free(line);
}

static void *write_lines(void *context)
{
    audit *a = context;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        wait_for_line(a);
        waiting_line *line = take_line(a);
        const uint64_t lost = a->lost;
        if (line == NULL && a->ending) {
            break;
        }
        pthread_mutex_unlock(&a->lock);
        bool good = true;
        if (line == NULL) {
            try_again(a, lost);
        } else {
            good = write_line(a, line->text.data, line->text.length);
            free_line(line);
        }
        pthread_mutex_lock(&a->lock);
        a->lost += good ? 0 : 1;
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- from any thread ---- */

hearth_status audit_open(const audit_options *options, audit **ret, hearth_error *error)
{
    audit *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return error_memory(error, sizeof *a);
    }
    a->path = mem_strdup(options->path);
    const hearth_status status = a->path != NULL ? file_append_open_added(options->path, &a->file, error)
                                                 : error_memory(error, strlen(options->path));
    if (status != HEARTH_OK) {
        mem_free(a->path);
        mem_free(a);
        return status;
    }
    a->o = *options;
    a->o.path = a->path;
    a->end = &a->first;
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->file_lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->writer, NULL, write_lines, a) != 0) {
        file_append_close(&a->file);
        mem_free(a->path);
        mem_free(a);
        return error_set(error, HEARTH_E_IO, "audit log", "a thread", "none");
    }
    *ret = a;
    return HEARTH_OK;
}

hearth_status audit_reopen(audit *a, hearth_error *error)
{
    file_append file = {.descriptor = -1};
    TRY(file_append_open_added(a->o.path, &file, error));
    pthread_mutex_lock(&a->file_lock);
    file_append old = a->file;
    a->file = file;
    pthread_mutex_unlock(&a->file_lock);
    file_append_close(&old);
    return HEARTH_OK;
}

void audit_close(audit *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->ending = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->writer, NULL); /* what waits is written */
    file_append_close(&a->file);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->file_lock);
    pthread_cond_destroy(&a->changed);
    mem_free(a->path);
    mem_free(a);
}

bool audit_has_contents(const audit *a)
{
    return a->o.contents;
}

/* NULL: memory is out. */
static waiting_line *make_line(const json_t *value)
{
    waiting_line *line = mem_calloc(1, sizeof *line);
    if (line == NULL) {
        return NULL;
    }
    buffer_init(&line->text, 0);
    if (value == NULL || json_door_write(value, 0, &line->text, NULL) != HEARTH_OK ||
        buffer_append_char(&line->text, '\n', NULL) != HEARTH_OK) {
        free_line(line);
        return NULL;
    }
    return line;
}

void audit_write(audit *a, json_t *value)
{
    waiting_line *line = make_line(value);
    json_decref(value);
    pthread_mutex_lock(&a->lock);
    const bool fits = line != NULL && line->text.length <= WAITING_BYTES - a->waiting_bytes;
    const bool told = fits || line == NULL || a->slow;
    a->slow = line != NULL && !fits;
    a->lost += fits ? 0 : 1;
    if (fits) {
        a->waiting_bytes += line->text.length;
        *a->end = line;
        a->end = &line->next;
        pthread_cond_signal(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    if (line != NULL && !fits) {
        free_line(line);
    }
    if (!told) {
        tell(a, "lines are lost: the disk is slower than the requests");
    }
}

bool audit_refuses(audit *a)
{
    if (!a->o.required) {
        return false;
    }
    pthread_mutex_lock(&a->lock);
    const bool full = a->slow;
    pthread_mutex_unlock(&a->lock);
    return full || atomic_load(&a->failing);
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
