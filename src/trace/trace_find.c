/* Searching all shards, side by side where there are threads for it. */
#include "trace/trace_state.h"

#include "base/memory.h"

#include <stdatomic.h>

/* ---- a query as the units' bytes ---- */

typedef struct needle {
    uint8_t *owned; /* NULL: bytes are the caller's */
    const uint8_t *bytes;
    size_t length; /* bytes */
    unsigned width;
    bool possible; /* no text has such a unit */
} needle;

static hearth_status open_needle(const trace_index *x, const trace_query *q, needle *ret, hearth_error *error)
{
    TRY(trace_needs(x, q->unit, error));
    *ret = (needle){.width = 1, .length = q->length, .possible = true};
    if (q->unit == TRACE_BYTES) {
        ret->bytes = (const uint8_t *)q->bytes;
        ret->possible = q->length == 0 || memchr(q->bytes, 0xFF, q->length) == NULL;
        return HEARTH_OK;
    }
    const size_t vocabulary = x->tokenizer != NULL ? tokenizer_vocabulary_size(x->tokenizer) : 0;
    size_t bytes = 0;
    ret->width = trace_token_width(vocabulary);
    if (q->length == 0) {
        return HEARTH_OK;
    }
    ret->owned = size_mul(q->length, ret->width, &bytes) ? mem_alloc(bytes) : NULL;
    if (ret->owned == NULL) {
        return error_memory(error, bytes);
    }
    for (size_t i = 0; i < q->length; i++) {
        const bool known = q->ids[i] >= 0 && (size_t)q->ids[i] < vocabulary;
        ret->possible = ret->possible && known;
        trace_put_unit(ret->owned + i * ret->width, ret->width,
                       known ? (uint32_t)q->ids[i] : trace_separator(ret->width));
    }
    ret->bytes = ret->owned;
    ret->length = bytes;
    return HEARTH_OK;
}

/* ---- shards ---- */

typedef struct search {
    const trace_index *x;
    trace_unit unit;
    const uint8_t *bytes;
    size_t length;
    trace_interval *in; /* [shards] */
    size_t *common;     /* [shards]; NULL: nobody asks */
    atomic_bool failed; /* whoever sets it says how: */
    hearth_status status;
    hearth_error error;
} search;

static hearth_status search_shard(const search *s, size_t i, hearth_error *error)
{
    const trace_array *a = &s->x->shards[i].arrays[s->unit];
    TRY(trace_array_find(a, s->bytes, s->length, &s->in[i], error));
    if (s->common != NULL) {
        TRY(trace_array_common(a, s->bytes, s->length, s->in[i].low, &s->common[i], error));
    }
    return HEARTH_OK;
}

static void search_part(void *context, int part, int parts)
{
    search *s = context;
    const thread_range range = thread_split(s->x->facts.shards, 1, part, parts);
    for (size_t i = range.begin; i < range.end; i++) {
        hearth_error error = {0};
        const hearth_status status = search_shard(s, i, &error);
        if (status != HEARTH_OK) {
            if (!atomic_exchange(&s->failed, true)) {
                s->status = status;
                s->error = error;
            }
            return;
        }
    }
}

static hearth_status search_all(search *s, hearth_error *error)
{
    trace_index *x = (trace_index *)(uintptr_t)s->x; /* its lock alone is written to */
    if (x->pool == NULL || pthread_mutex_trylock(&x->pool_lock) != 0) {
        for (size_t i = 0; i < x->facts.shards; i++) {
            TRY(search_shard(s, i, error));
        }
        return HEARTH_OK;
    }
    thread_pool_run(x->pool, search_part, s);
    (void)pthread_mutex_unlock(&x->pool_lock);
    if (s->status != HEARTH_OK && error != NULL) {
        *error = s->error;
    }
    return s->status;
}

/* Intervals of the first `length` bytes of a needle; `common` (NULL or [shards]) as in struct search. */
static hearth_status search_needle(const trace_index *x, trace_unit unit, const needle *n, size_t length,
                                   trace_interval *in, size_t *common, hearth_error *error)
{
    search s = {.x = x, .unit = unit, .bytes = n->bytes, .length = length, .in = in, .common = common};
    return search_all(&s, error);
}

/* ---- matches ---- */

void trace_matches_free(trace_matches *m)
{
    mem_free(m->in);
    *m = (trace_matches){0};
}

static hearth_status open_matches(const trace_index *x, trace_unit unit, trace_matches *ret, hearth_error *error)
{
    *ret = (trace_matches){.unit = unit, .shards = x->facts.shards};
    if (x->facts.shards == 0) {
        return HEARTH_OK;
    }
    ret->in = mem_calloc(x->facts.shards, sizeof *ret->in);
    return ret->in != NULL ? HEARTH_OK : error_memory(error, x->facts.shards * sizeof *ret->in);
}

/* Searches the first `units` units of the needle. */
static hearth_status match(const trace_index *x, trace_matches *m, const needle *n, size_t units, hearth_error *error)
{
    m->length = units;
    m->count = 0;
    TRY(search_needle(x, m->unit, n, units * n->width, m->in, NULL, error));
    for (size_t i = 0; i < m->shards; i++) {
        m->count += m->in[i].high - m->in[i].low;
    }
    return HEARTH_OK;
}

/* Runs `fn` over the query's needle and its matches, which are freed where it fails. */
typedef hearth_status (*match_fn)(const trace_index *x, const needle *n, size_t units, trace_matches *m,
                                  hearth_error *error);
static hearth_status with_needle(const trace_index *x, const trace_query *q, match_fn fn, trace_matches *ret,
                                 hearth_error *error)
{
    needle n = {0};
    trace_matches m = {0};
    hearth_status status = open_needle(x, q, &n, error);
    if (status == HEARTH_OK) {
        status = open_matches(x, q->unit, &m, error);
    }
    if (status == HEARTH_OK) {
        status = fn(x, &n, q->length, &m, error);
    }
    mem_free(n.owned);
    if (status != HEARTH_OK) {
        trace_matches_free(&m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

static hearth_status find_all(const trace_index *x, const needle *n, size_t units, trace_matches *m,
                              hearth_error *error)
{
    if (!n->possible) {
        m->length = units;
        return HEARTH_OK;
    }
    return match(x, m, n, units, error);
}

hearth_status trace_find(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error)
{
    return with_needle(x, q, find_all, ret, error);
}

hearth_status trace_count(const trace_index *x, const trace_query *q, uint64_t *ret, hearth_error *error)
{
    trace_matches m = {0};
    TRY(trace_find(x, q, &m, error));
    *ret = m.count;
    trace_matches_free(&m);
    return HEARTH_OK;
}

/* ---- the longest beginning ---- */

/* Units before the first that is in no text. */
static size_t possible_units(const needle *n, size_t units)
{
    const uint32_t separator = trace_separator(n->width);
    for (size_t i = 0; i < units && !n->possible; i++) {
        if (trace_get_unit(n->bytes + i * n->width, n->width) == separator) {
            return i;
        }
    }
    return units;
}

static hearth_status find_longest(const trace_index *x, const needle *n, size_t units, trace_matches *m,
                                  hearth_error *error)
{
    size_t best = 0;
    units = possible_units(n, units);
    size_t *common = m->shards > 0 ? mem_calloc(m->shards, sizeof *common) : NULL;
    if (m->shards > 0 && common == NULL) {
        return error_memory(error, m->shards * sizeof *common);
    }
    hearth_status status = search_needle(x, m->unit, n, units * n->width, m->in, common, error);
    for (size_t i = 0; i < m->shards; i++) {
        best = common[i] > best ? common[i] : best;
    }
    mem_free(common);
    return status == HEARTH_OK ? match(x, m, n, best, error) : status;
}

hearth_status trace_find_longest(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error)
{
    return with_needle(x, q, find_longest, ret, error);
}

/* ---- the longest end ---- */

/* The last `units` of a needle. */
static needle end_of(const needle *n, size_t all, size_t units)
{
    needle end = *n;
    end.bytes = n->bytes != NULL ? n->bytes + (all - units) * n->width : NULL;
    return end;
}

/* Of units behind the last that is in no text. */
static size_t possible_end(const needle *n, size_t units)
{
    const uint32_t separator = trace_separator(n->width);
    size_t end = 0;
    while (end < units && trace_get_unit(n->bytes + (units - 1 - end) * n->width, n->width) != separator) {
        end++;
    }
    return end;
}

/* An end that is there has all shorter ones there, too: doubling, then halving. */
static hearth_status find_suffix(const trace_index *x, const needle *n, size_t units, trace_matches *m,
                                 hearth_error *error)
{
    const size_t most = possible_end(n, units);
    size_t there = 0, missing = most + 1; /* an end of `there` stands somewhere, of `missing` not */
    for (size_t next = 1; next < missing;) {
        const needle end = end_of(n, units, next);
        TRY(match(x, m, &end, next, error));
        if (m->count == 0) {
            missing = next;
            break;
        }
        there = next;
        next = next > most / 2 && next < most ? most : next * 2;
    }
    while (missing - there > 1) {
        const size_t middle = there + (missing - there) / 2;
        const needle end = end_of(n, units, middle);
        TRY(match(x, m, &end, middle, error));
        *(m->count > 0 ? &there : &missing) = middle;
    }
    const needle end = end_of(n, units, there);
    return match(x, m, &end, there, error);
}

hearth_status trace_find_suffix(const trace_index *x, const trace_query *q, trace_matches *ret, hearth_error *error)
{
    return with_needle(x, q, find_suffix, ret, error);
}

/* ---- places ---- */

hearth_status trace_match_place(const trace_index *x, const trace_matches *m, uint64_t k, trace_place *ret,
                                hearth_error *error)
{
    for (size_t i = 0; i < m->shards; i++) {
        const uint64_t here = m->in[i].high - m->in[i].low;
        if (k >= here) {
            k -= here;
            continue;
        }
        const trace_shard *s = &x->shards[i];
        uint64_t position = 0, document = 0;
        trace_span span = {0};
        TRY(trace_array_position(&s->arrays[m->unit], m->in[i].low + k, &position, error));
        TRY(trace_shard_document(s, m->unit, position, &document, error));
        TRY(trace_shard_span(s, m->unit, document, &span, error));
        *ret = (trace_place){.document = s->first + document, .begin = position - span.begin};
        return HEARTH_OK;
    }
    return error_set(error, HEARTH_E_ARGUMENT, "place", "one of the matches", "%llu", (unsigned long long)k);
}
