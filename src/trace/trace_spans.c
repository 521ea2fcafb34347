/* Suffixes that begin alike are neighbours: two of every k-th that agree have k - 1 others between them that do. */
#include "trace/trace_spans.h"

#include "base/memory.h"
#include "trace/trace_state.h"
#include "trace/trace_words.h"

#include <stdlib.h>

#define CANDIDATES 4096u /* of all shards together, by how many of the looks agree */

typedef struct candidate {
    uint64_t looks;    /* that agree */
    uint64_t position; /* of one of them, in its shard */
    size_t shard;
} candidate;

typedef struct looking {
    const trace_index *x;
    const trace_array *a;
    trace_unit unit;
    size_t shard, length;
    uint64_t step;
    candidate *list; /* [CANDIDATES * 2]; the first `kept` are the best of before */
    size_t count;
} looking;

static int by_looks(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->looks != y->looks) {
        return x->looks < y->looks ? 1 : -1;
    }
    return x->shard != y->shard ? (x->shard > y->shard) - (x->shard < y->shard)
                                : (x->position > y->position) - (x->position < y->position);
}

static void add(looking *l, uint64_t looks, uint64_t position)
{
    if (l->count == CANDIDATES * 2) {
        qsort(l->list, l->count, sizeof *l->list, by_looks);
        l->count = CANDIDATES;
    }
    l->list[l->count++] = (candidate){looks, position, l->shard};
}

/* By bytes. What ends the document before may look like a letter. */
static bool begins_word(const trace_array *a, uint64_t position)
{
    const uint8_t *at = a->units->data + position;
    const unsigned end = trace_end_units(TRACE_BYTES);
    const bool first = position == 0 || (position >= end && *(at - end) == trace_separator(1));
    return trace_in_word(*at) && (first || !trace_in_word(*(at - 1)));
}

/* Whether `length` units from there on are one document's; by bytes also whether a word begins there. */
static bool is_piece(const looking *l, uint64_t position)
{
    const trace_array *a = l->a;
    if (a->length - position < l->length) {
        return false;
    }
    const uint8_t *at = a->units->data + position * a->width;
    for (size_t i = 0; i < l->length; i++) {
        if (trace_get_unit(at + i * a->width, a->width) == trace_separator(a->width)) {
            return false;
        }
    }
    return l->unit == TRACE_TOKENS || begins_word(a, position);
}

static hearth_status look_in_shard(looking *l, hearth_error *error)
{
    const trace_array *a = l->a;
    const size_t bytes = l->length * a->width;
    uint64_t run = 0, before = 0;
    for (uint64_t i = 0; i < a->count; i += l->step) {
        uint64_t position = 0;
        TRY(trace_array_position(a, i, &position, error));
        const bool whole = (a->length - position) * a->width >= bytes;
        const bool same = run > 0 && whole &&
                          memcmp(a->units->data + position * a->width, a->units->data + before * a->width, bytes) == 0;
        if (!same && run > 1 && is_piece(l, before)) {
            add(l, run, before);
        }
        run = !whole ? 0 : same ? run + 1 : 1;
        before = same ? before : position;
    }
    if (run > 1 && is_piece(l, before)) {
        add(l, run, before);
    }
    return HEARTH_OK;
}

/* ---- exact counts, best first, without those that overlap ---- */

static hearth_status count_exactly(const looking *l, const candidate *c, trace_span_count *ret, hearth_error *error)
{
    const trace_array *a = &l->x->shards[c->shard].arrays[l->unit];
    const trace_shard *s = &l->x->shards[c->shard];
    const uint8_t *at = a->units->data + c->position * a->width;
    trace_span span = {0};
    uint64_t document = 0;
    ret->count = 0;
    for (size_t i = 0; i < l->x->facts.shards; i++) {
        trace_interval in = {0};
        TRY(trace_array_find(&l->x->shards[i].arrays[l->unit], at, l->length * a->width, &in, error));
        ret->count += in.high - in.low;
    }
    TRY(trace_shard_document(s, l->unit, c->position, &document, error));
    TRY(trace_shard_span(s, l->unit, document, &span, error));
    ret->place = (trace_place){.document = s->first + document, .begin = c->position - span.begin};
    return HEARTH_OK;
}

/* Whether the piece stands, moved by less than its length, over one that is kept. */
static bool overlaps(const looking *l, const candidate *c, const candidate *kept, size_t count)
{
    const trace_array *a = &l->x->shards[c->shard].arrays[l->unit];
    const uint8_t *piece = a->units->data + c->position * a->width;
    for (size_t i = 0; i < count; i++) {
        const trace_array *b = &l->x->shards[kept[i].shard].arrays[l->unit];
        const uint64_t from = kept[i].position > l->length ? kept[i].position - l->length : 0;
        const uint64_t left = b->length - from, room = left < 3 * l->length ? left : 3 * l->length;
        for (uint64_t at = 0; at + l->length <= room; at++) {
            if (memcmp(b->units->data + (from + at) * b->width, piece, l->length * b->width) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int by_count(const void *a, const void *b)
{
    const trace_span_count *x = a, *y = b;
    return (x->count < y->count) - (x->count > y->count);
}

static hearth_status choose(looking *l, size_t most, trace_span_count *ret, size_t *ret_count, hearth_error *error)
{
    candidate kept[TRACE_SPANS_MOST];
    size_t count = 0;
    qsort(l->list, l->count, sizeof *l->list, by_looks);
    for (size_t i = 0; i < l->count && count < most; i++) {
        if (!overlaps(l, &l->list[i], kept, count)) {
            TRY(count_exactly(l, &l->list[i], &ret[count], error));
            kept[count++] = l->list[i];
        }
    }
    qsort(ret, count, sizeof *ret, by_count);
    *ret_count = count;
    return HEARTH_OK;
}

hearth_status trace_spans(const trace_index *x, size_t length, size_t most, trace_span_count ret[TRACE_SPANS_MOST],
                          size_t *ret_count, uint64_t *ret_least, hearth_error *error)
{
    const trace_facts *f = &x->facts;
    looking l = {.x = x, .unit = f->has[TRACE_BYTES] ? TRACE_BYTES : TRACE_TOKENS, .length = length};
    const uint64_t units = l.unit == TRACE_BYTES ? f->bytes : f->tokens;
    TRY(trace_needs(x, l.unit, error));
    l.step = units / TRACE_SPANS_LOOKS + 1;
    l.list = mem_calloc(CANDIDATES * 2, sizeof *l.list);
    hearth_status status = l.list != NULL ? HEARTH_OK : error_memory(error, CANDIDATES * 2 * sizeof *l.list);
    for (l.shard = 0; l.shard < f->shards && status == HEARTH_OK; l.shard++) {
        l.a = &x->shards[l.shard].arrays[l.unit];
        status = look_in_shard(&l, error);
    }
    if (status == HEARTH_OK) {
        status = choose(&l, most < TRACE_SPANS_MOST ? most : TRACE_SPANS_MOST, ret, ret_count, error);
        *ret_least = 2 * l.step;
    }
    mem_free(l.list);
    return status;
}
