/* Laps of all threads. */
#include "nn/laps.h"

#include "base/memory.h"
#include "platform/cpu.h"

#include <string.h>

typedef struct cell {
    uint64_t ns, calls;
    double bytes;
    double multiplies[MEASURE_KINDS];
} cell;

typedef struct thread_laps {
    uint64_t last; /* ns: the end of its last lap */
    uint64_t idle; /* ns between runs */
    size_t row;
    cell *cells; /* [rows][lines] */
} thread_laps;

struct laps {
    int parts;
    size_t rows;
    unsigned lines;
    thread_laps *threads; /* [parts] */
    uint64_t began, ended;
};

static size_t cell_count(const laps *l)
{
    return l->rows * l->lines;
}

hearth_status laps_create(int parts, size_t rows, unsigned lines, laps **ret, hearth_error *error)
{
    laps *l = mem_calloc(1, sizeof *l);
    bool made = l != NULL;
    if (made) {
        *l = (laps){.parts = parts, .rows = rows, .lines = lines};
        l->threads = mem_calloc((size_t)parts, sizeof *l->threads);
        made = l->threads != NULL;
    }
    for (int part = 0; made && part < parts; part++) {
        l->threads[part].cells = mem_calloc(cell_count(l), sizeof(cell));
        made = l->threads[part].cells != NULL;
    }
    if (!made) {
        laps_free(l);
        return error_memory(error, sizeof(cell) * rows * lines);
    }
    *ret = l;
    return HEARTH_OK;
}

void laps_free(laps *l)
{
    if (l == NULL) {
        return;
    }
    for (int part = 0; l->threads != NULL && part < l->parts; part++) {
        mem_free(l->threads[part].cells);
    }
    mem_free(l->threads);
    mem_free(l);
}

void laps_start(laps *l)
{
    l->began = time_now_ns();
    l->ended = l->began;
    for (int part = 0; part < l->parts; part++) {
        thread_laps *t = &l->threads[part];
        memset(t->cells, 0, cell_count(l) * sizeof *t->cells);
        t->last = l->began;
        t->idle = 0;
        t->row = l->rows - 1;
    }
}

void laps_stop(laps *l, unsigned line)
{
    laps_take(l, 0, line, MEASURE_FP32, (nn_work){0});
    l->ended = l->threads[0].last;
    for (int part = 1; part < l->parts; part++) { /* they have no run: what is left is idle */
        thread_laps *t = &l->threads[part];
        t->idle += l->ended > t->last ? l->ended - t->last : 0;
        t->last = l->ended;
    }
}

void laps_enter(laps *l, int part, size_t row)
{
    l->threads[part].row = row;
}

size_t laps_row(const laps *l, int part)
{
    return l->threads[part].row;
}

void laps_take(laps *l, int part, unsigned line, measure_kind kind, nn_work work)
{
    thread_laps *t = &l->threads[part];
    const uint64_t now = time_now_ns();
    cell *c = &t->cells[t->row * l->lines + line];
    c->ns += now - t->last;
    c->calls++;
    c->bytes += work.bytes;
    c->multiplies[kind] += work.multiplies;
    t->last = now;
}

void laps_take_idle(laps *l, int part)
{
    thread_laps *t = &l->threads[part];
    const uint64_t now = time_now_ns();
    t->idle += now - t->last;
    t->last = now;
}

double laps_seconds(const laps *l)
{
    return (double)(l->ended - l->began) * 1e-9;
}

void laps_add(const laps *l, size_t row, bool alone, profile_line *ret)
{
    uint64_t ns = 0;
    for (int part = 0; part < l->parts; part++) {
        const cell *c = &l->threads[part].cells[row * l->lines + ret->line];
        ns += c->ns;
        ret->calls += c->calls;
        ret->bytes += c->bytes;
        for (int kind = 0; kind < MEASURE_KINDS; kind++) {
            ret->multiplies[kind] += c->multiplies[kind];
        }
    }
    ret->seconds += (double)ns * 1e-9 / (alone ? 1 : l->parts);
}

double laps_waking_seconds(const laps *l, double alone)
{
    double seconds = 0;
    for (int part = 0; part < l->parts; part++) {
        seconds += (double)l->threads[part].idle * 1e-9;
    }
    return (seconds - alone * (l->parts - 1)) / l->parts;
}
