/* A ring of whole units, filled in order by several readers a piece at a time, freed in order by those who compute. */
#include "tensor/stream.h"

#include "base/fault.h"
#include "base/memory.h"
#include "platform/direct.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#define RING_LEAST ((size_t)32 << 20)

typedef enum unit_state { UNIT_EMPTY, UNIT_READING, UNIT_READY } unit_state;

typedef struct unit {
    const direct_file *file;
    uint64_t offset; /* of the span: whole blocks around the bytes */
    size_t span, delta, needed;
    unit_state state;
    size_t at;        /* in the ring */
    size_t claimed;   /* bytes of the span that readers took on */
    size_t left;      /* bytes of the span that have not come yet */
    int parts_inside; /* threads that have not left yet */
} unit;

struct weight_stream {
    unit *units;
    size_t count;
    direct_file *files;
    size_t file_count;
    uint8_t *ring;
    size_t ring_bytes;
    int parts;
    pthread_t readers[DIRECT_THREADS];
    int reader_count;
    pthread_mutex_t lock; /* guards what follows, and the units */
    pthread_cond_t room, ready;
    size_t oldest, placed; /* units [oldest, oldest + placed), round the end, have room in the ring */
    size_t head;           /* where the next one may go */
    bool stopping;
    hearth_status status;
    hearth_error error;
};

size_t weight_stream_ring(uint64_t largest_bytes)
{
    const size_t two = 2 * (size_round_up((size_t)largest_bytes, DIRECT_ALIGNMENT) + DIRECT_ALIGNMENT);
    return two > RING_LEAST ? two : RING_LEAST;
}

/* ---- under the lock ---- */

/* Finds room for a span behind those that are placed; SIZE_MAX: none yet. */
static size_t find_room(const weight_stream *s, size_t span)
{
    if (s->placed == 0) {
        return 0;
    }
    const size_t tail = s->units[s->oldest].at;
    if (s->head > tail) {
        return s->ring_bytes - s->head >= span ? s->head : tail >= span ? 0 : SIZE_MAX;
    }
    return tail - s->head >= span ? s->head : SIZE_MAX;
}

/* The unit that readers are on: the last placed one while pieces of it are to be had, else the next, if it has room. */
static unit *current_unit(weight_stream *s)
{
    if (s->placed > 0) {
        unit *last = &s->units[(s->oldest + s->placed - 1) % s->count];
        if (last->state == UNIT_READING && last->claimed < last->span) {
            return last;
        }
    }
    if (s->placed == s->count) {
        return NULL;
    }
    unit *next = &s->units[(s->oldest + s->placed) % s->count];
    const size_t at = find_room(s, next->span);
    if (at == SIZE_MAX) {
        return NULL;
    }
    next->at = at;
    next->state = UNIT_READING;
    next->claimed = 0;
    next->left = next->span;
    next->parts_inside = s->parts;
    s->head = at + next->span;
    s->placed++;
    return next;
}

/* Gives back the room of the oldest units that are done with. */
static void free_oldest(weight_stream *s)
{
    while (s->placed > 0 && s->units[s->oldest].state == UNIT_EMPTY) {
        s->oldest = (s->oldest + 1) % s->count;
        s->placed--;
    }
    pthread_cond_broadcast(&s->room);
}

/* ---- readers ---- */

static void read_piece(weight_stream *s, unit *u)
{
    hearth_error error = {0};
    const size_t first = u->claimed;
    const size_t bytes = u->span - first < DIRECT_PIECE ? u->span - first : DIRECT_PIECE;
    const size_t end = u->delta + u->needed;
    u->claimed += bytes;
    pthread_mutex_unlock(&s->lock);
    const size_t needed = end <= first ? 0 : end - first < bytes ? end - first : bytes;
    const hearth_status status =
        direct_read(u->file, u->offset + first, s->ring + u->at + first, bytes, needed, &error);
    pthread_mutex_lock(&s->lock);
    u->left -= bytes;
    if (status != HEARTH_OK && s->status == HEARTH_OK) {
        s->status = status;
        s->error = error;
    }
    if (u->left == 0) {
        u->state = UNIT_READY;
    }
    if (u->left == 0 || status != HEARTH_OK) {
        pthread_cond_broadcast(&s->ready);
    }
}

static void *reader(void *context)
{
    weight_stream *s = context;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        unit *u = s->status == HEARTH_OK ? current_unit(s) : NULL;
        if (u != NULL) {
            read_piece(s, u);
        } else {
            pthread_cond_wait(&s->room, &s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- those who compute ---- */

void weight_stream_begin(weight_stream *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->placed > 0 && s->oldest != 0 && s->status == HEARTH_OK) {
        unit *u = &s->units[s->oldest];
        if (u->state == UNIT_READING) {
            pthread_cond_wait(&s->ready, &s->lock);
            continue;
        }
        u->state = UNIT_EMPTY;
        free_oldest(s);
    }
    if (s->placed == 0) {
        s->oldest = 0;
        pthread_cond_broadcast(&s->room);
    }
    pthread_mutex_unlock(&s->lock);
}

const uint8_t *weight_stream_enter(weight_stream *s, size_t index)
{
    const unit *u = &s->units[index];
    const uint8_t *bytes = NULL;
    pthread_mutex_lock(&s->lock);
    while (s->status == HEARTH_OK && u->state != UNIT_READY) {
        pthread_cond_wait(&s->ready, &s->lock);
    }
    if (s->status == HEARTH_OK) {
        bytes = s->ring + u->at + u->delta;
    }
    pthread_mutex_unlock(&s->lock);
    return bytes;
}

void weight_stream_leave(weight_stream *s, size_t index)
{
    unit *u = &s->units[index];
    pthread_mutex_lock(&s->lock);
    if (u->state == UNIT_READY && --u->parts_inside == 0) {
        u->state = UNIT_EMPTY;
        free_oldest(s);
    }
    pthread_mutex_unlock(&s->lock);
}

hearth_status weight_stream_status(weight_stream *s, hearth_error *error)
{
    pthread_mutex_lock(&s->lock);
    const hearth_status status = s->status;
    if (status != HEARTH_OK && error != NULL) {
        *error = s->error;
    }
    pthread_mutex_unlock(&s->lock);
    return status;
}

/* ---- made and freed ---- */

static hearth_status file_of(weight_stream *s, const stream_unit *from, const direct_file **ret, hearth_error *error)
{
    for (size_t i = s->file_count; i > 0; i--) { /* the last one first: units come file by file */
        if (strcmp(s->files[i - 1].path, from->path) == 0) {
            *ret = &s->files[i - 1];
            return HEARTH_OK;
        }
    }
    direct_file *file = &s->files[s->file_count];
    TRY(direct_open(from->path, file, error));
    s->file_count++;
    if (file->size != from->file_size) {
        error_set(error, HEARTH_E_FORMAT, NULL, "a file that stays as long as it was", "another length");
        error_in_file(error, from->path);
        return HEARTH_E_FORMAT;
    }
    *ret = file;
    return HEARTH_OK;
}

static hearth_status make_unit(weight_stream *s, const stream_unit *from, unit *ret, hearth_error *error)
{
    TRY(file_of(s, from, &ret->file, error));
    ret->delta = (size_t)(from->offset % DIRECT_ALIGNMENT);
    ret->offset = from->offset - ret->delta;
    ret->needed = (size_t)from->bytes;
    ret->span = size_round_up(ret->delta + ret->needed, DIRECT_ALIGNMENT);
    if (ret->span > s->ring_bytes) {
        return error_set(error, HEARTH_E_MEMORY, "ring of a stream", "room for the largest matrix", "%zu of %zu bytes",
                         s->ring_bytes, ret->span);
    }
    return HEARTH_OK;
}

/* Signals are the caller's. */
static hearth_status start_readers(weight_stream *s, hearth_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = 0;
    while (failed == 0 && s->reader_count < DIRECT_THREADS) {
        failed = fault_here(FAULT_THREAD) ? 11 : pthread_create(&s->readers[s->reader_count], NULL, reader, s);
        s->reader_count += failed == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 ? HEARTH_OK : error_errno(error, NULL, "start a thread", failed);
}

static hearth_status fill_stream(weight_stream *s, const stream_unit *units, hearth_error *error)
{
    s->units = mem_calloc(s->count, sizeof *s->units);
    s->files = mem_calloc(s->count, sizeof *s->files);
    s->ring = mem_alloc_aligned(s->ring_bytes, DIRECT_ALIGNMENT);
    if (s->units == NULL || s->files == NULL || s->ring == NULL) {
        return error_memory(error, s->ring_bytes);
    }
    for (size_t i = 0; i < s->count; i++) {
        TRY(make_unit(s, &units[i], &s->units[i], error));
    }
    return start_readers(s, error);
}

hearth_status weight_stream_create(const stream_unit *units, size_t count, size_t ring_bytes, int parts,
                                   weight_stream **ret, hearth_error *error)
{
    weight_stream *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->count = count;
    s->parts = parts;
    s->ring_bytes = size_round_up(ring_bytes, DIRECT_ALIGNMENT);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->room, NULL);
    pthread_cond_init(&s->ready, NULL);
    const hearth_status status = fill_stream(s, units, error);
    if (status != HEARTH_OK) {
        weight_stream_free(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

void weight_stream_free(weight_stream *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->room);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->reader_count; i++) {
        (void)pthread_join(s->readers[i], NULL);
    }
    for (size_t i = 0; i < s->file_count; i++) {
        direct_close(&s->files[i]);
    }
    pthread_cond_destroy(&s->ready);
    pthread_cond_destroy(&s->room);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->ring);
    mem_free(s->files);
    mem_free(s->units);
    mem_free(s);
}
