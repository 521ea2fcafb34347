/* What follows a sequence: its suffixes lie in the order of what follows, so each that is different is a run. */
#include "trace/trace_state.h"

#include "base/memory.h"

#include <stdlib.h>

void trace_followings_free(trace_followings *f)
{
    mem_free(f->items);
    *f = (trace_followings){0};
}

typedef struct walk {
    const trace_array *a;
    size_t length; /* of the sequence */
    trace_followings list;
    size_t capacity;
} walk;

static hearth_status unit_after(const walk *w, uint64_t i, uint32_t *ret, hearth_error *error)
{
    uint64_t position = 0;
    TRY(trace_array_position(w->a, i, &position, error));
    if (w->length >= w->a->length - position) {
        return trace_damaged(w->a->order, "a position", "one with a document's end behind it", position, error);
    }
    *ret = trace_get_unit(w->a->units->data + (position + w->length) * w->a->width, w->a->width);
    return HEARTH_OK;
}

/* The first in (i, high] that is followed by something else than i: steps that double, then halves. */
static hearth_status end_of_run(const walk *w, uint64_t i, uint64_t high, uint32_t unit, uint64_t *ret,
                                hearth_error *error)
{
    uint64_t same = i, other = high, step = 1;
    while (other - same > step) {
        uint32_t found = 0;
        TRY(unit_after(w, same + step, &found, error));
        if (found != unit) {
            other = same + step;
            break;
        }
        same += step;
        step *= 2;
    }
    while (other - same > 1) {
        const uint64_t middle = same + (other - same) / 2;
        uint32_t found = 0;
        TRY(unit_after(w, middle, &found, error));
        *(found == unit ? &same : &other) = middle;
    }
    *ret = other;
    return HEARTH_OK;
}

static hearth_status add(walk *w, uint32_t unit, uint64_t count, hearth_error *error)
{
    trace_followings *f = &w->list;
    if (f->count == w->capacity) {
        size_t bytes = 0;
        const size_t more = w->capacity == 0 ? 64 : w->capacity * 2;
        trace_following *grown = size_mul(more, sizeof *f->items, &bytes) ? mem_realloc(f->items, bytes) : NULL;
        if (grown == NULL) {
            return error_memory(error, bytes);
        }
        f->items = grown;
        w->capacity = more;
    }
    f->items[f->count++] =
        (trace_following){.unit = unit == trace_separator(w->a->width) ? TRACE_END : (int32_t)unit, .count = count};
    f->total += count;
    return HEARTH_OK;
}

/* More runs than there are units: the order is none. */
static hearth_status walk_shard(walk *w, const trace_interval *in, size_t most, hearth_error *error)
{
    size_t runs = 0;
    for (uint64_t i = in->low; i < in->high;) {
        uint32_t unit = 0;
        uint64_t end = 0;
        TRY(unit_after(w, i, &unit, error));
        TRY(end_of_run(w, i, in->high, unit, &end, error));
        if (++runs > most) {
            return trace_damaged(w->a->order, "suffixes", "in the order of what follows", i, error);
        }
        TRY(add(w, unit, end - i, error));
        i = end;
    }
    return HEARTH_OK;
}

static int by_unit(const void *a, const void *b)
{
    const int32_t x = ((const trace_following *)a)->unit, y = ((const trace_following *)b)->unit;
    return (x > y) - (x < y);
}

static int by_count(const void *a, const void *b)
{
    const uint64_t x = ((const trace_following *)a)->count, y = ((const trace_following *)b)->count;
    return x != y ? (x < y) - (x > y) : by_unit(a, b);
}

/* Adds up what several shards said of the same unit. */
static void settle(trace_followings *f)
{
    size_t kept = 0;
    if (f->count == 0) {
        return;
    }
    qsort(f->items, f->count, sizeof *f->items, by_unit);
    for (size_t i = 1; i < f->count; i++) {
        if (f->items[i].unit == f->items[kept].unit) {
            f->items[kept].count += f->items[i].count;
        } else {
            f->items[++kept] = f->items[i];
        }
    }
    f->count = kept + 1;
    qsort(f->items, f->count, sizeof *f->items, by_count);
}

hearth_status trace_next(const trace_index *x, const trace_matches *m, trace_followings *ret, hearth_error *error)
{
    walk w = {.length = m->length};
    const size_t most = 1 + (m->unit == TRACE_BYTES ? 256
                             : x->tokenizer != NULL ? tokenizer_vocabulary_size(x->tokenizer)
                                                    : 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < m->shards && status == HEARTH_OK; i++) {
        w.a = &x->shards[i].arrays[m->unit];
        status = walk_shard(&w, &m->in[i], most, error);
    }
    if (status != HEARTH_OK) {
        trace_followings_free(&w.list);
        return status;
    }
    settle(&w.list);
    *ret = w.list;
    return HEARTH_OK;
}
