/* Building a double array from sorted strings. */
#include "tokenizer/double_array.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_TRIED 64u /* then a fresh block is taken, so that building stays linear */
#define UNITS_MOST (1u << 30)

typedef struct entry {
    const char *text;
    size_t length;
    int32_t id;
} entry;

typedef struct range {
    uint32_t node;
    size_t first, last; /* entries [first, last) share their first `depth` bytes */
    size_t depth;
} range;

typedef struct builder {
    double_array *array;
    uint32_t *jumps; /* [array->count] towards the next empty unit */
    entry *entries;
    range *waiting;
    size_t waiting_count, waiting_capacity;
    uint32_t hint; /* where the search for room for several children begins */
} builder;

static int compare(const void *a, const void *b)
{
    const entry *x = a;
    const entry *y = b;
    const int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : x->length != y->length ? (x->length < y->length ? -1 : 1) : (x->id < y->id ? -1 : 1);
}

static hearth_status grow(builder *b, hearth_error *error)
{
    double_array *a = b->array;
    const size_t count = a->count == 0 ? 1024 : a->count * 2;
    if (count > UNITS_MOST) {
        return error_set(error, HEARTH_E_LIMIT, "vocabulary", "a trie of at most 2^30 units", "more");
    }
    double_array_unit *units = mem_realloc(a->units, count * sizeof *units);
    if (units == NULL) {
        return error_memory(error, count * sizeof *units);
    }
    a->units = units;
    uint32_t *jumps = mem_realloc(b->jumps, count * sizeof *jumps);
    if (jumps == NULL) {
        return error_memory(error, count * sizeof *jumps);
    }
    b->jumps = jumps;
    for (size_t i = a->count; i < count; i++) {
        units[i] = (double_array_unit){.check = UINT32_MAX, .id = -1};
        jumps[i] = (uint32_t)i;
    }
    a->count = count;
    return HEARTH_OK;
}

/* The first empty unit at or after `at`; the array's size where there is none. */
static uint32_t next_empty(builder *b, uint32_t at)
{
    const uint32_t end = (uint32_t)b->array->count;
    while (at < end && b->jumps[at] != at) {
        const uint32_t next = b->jumps[at];
        b->jumps[at] = next < end ? b->jumps[next] : next;
        at = next;
    }
    return at;
}

static void take(builder *b, uint32_t at, uint32_t parent)
{
    b->array->units[at].check = parent;
    b->jumps[at] = at + 1;
}

static bool fits(const builder *b, uint32_t base, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (b->array->units[base ^ bytes[i]].check != UINT32_MAX) {
            return false;
        }
    }
    return true;
}

/* A base for these children; all of them lie in one block of 256. */
static hearth_status find_base(builder *b, const unsigned char *bytes, size_t count, uint32_t *ret, hearth_error *error)
{
    uint32_t at = next_empty(b, count == 1 ? 0 : b->hint);
    for (unsigned tries = 0; tries < PLACES_TRIED && at < b->array->count; tries++) {
        if (fits(b, at ^ bytes[0], bytes, count)) {
            *ret = at ^ bytes[0];
            return HEARTH_OK;
        }
        at = next_empty(b, at + 1);
    }
    b->hint = at < b->array->count ? at : b->hint;
    const double_array_unit *units = b->array->units;
    for (size_t block = at & ~(size_t)255; block < b->array->count; block += 256) {
        bool empty = true;
        for (size_t i = 0; empty && i < 256; i++) {
            empty = units[block + i].check == UINT32_MAX;
        }
        if (empty) {
            *ret = (uint32_t)block;
            b->hint = (uint32_t)block;
            return HEARTH_OK;
        }
    }
    *ret = (uint32_t)b->array->count;
    b->hint = *ret;
    return grow(b, error);
}

static hearth_status wait_for(builder *b, range r, hearth_error *error)
{
    if (b->waiting_count == b->waiting_capacity) {
        const size_t capacity = b->waiting_capacity == 0 ? 256 : b->waiting_capacity * 2;
        range *grown = mem_realloc(b->waiting, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        b->waiting = grown;
        b->waiting_capacity = capacity;
    }
    b->waiting[b->waiting_count++] = r;
    return HEARTH_OK;
}

/* Gives a node its children. */
static hearth_status expand(builder *b, range r, hearth_error *error)
{
    unsigned char bytes[256];
    size_t starts[257];
    size_t children = 0;
    size_t i = r.first;
    for (; i < r.last && b->entries[i].length == r.depth; i++) {
        b->array->units[r.node].id = b->entries[i].id;
    }
    for (; i < r.last; i++) {
        const unsigned char byte = (unsigned char)b->entries[i].text[r.depth];
        if (children == 0 || bytes[children - 1] != byte) {
            bytes[children] = byte;
            starts[children++] = i;
        }
    }
    if (children == 0) {
        return HEARTH_OK;
    }
    starts[children] = r.last;
    uint32_t base = 0;
    TRY(find_base(b, bytes, children, &base, error));
    b->array->units[r.node].base = base;
    for (size_t c = 0; c < children; c++) {
        take(b, base ^ bytes[c], r.node);
    }
    for (size_t c = children; c-- > 0;) {
        TRY(wait_for(b, (range){base ^ bytes[c], starts[c], starts[c + 1], r.depth + 1}, error));
    }
    return HEARTH_OK;
}

static hearth_status build(builder *b, size_t count, hearth_error *error)
{
    qsort(b->entries, count, sizeof *b->entries, compare);
    TRY(grow(b, error));
    take(b, 0, UINT32_MAX - 1);
    TRY(wait_for(b, (range){0, 0, count, 0}, error));
    while (b->waiting_count > 0) {
        TRY(expand(b, b->waiting[--b->waiting_count], error));
    }
    return HEARTH_OK;
}

hearth_status double_array_build(double_array *a, const token_text *texts, size_t count, const uint8_t *skip,
                                 hearth_error *error)
{
    *a = (double_array){0};
    builder b = {.array = a, .entries = mem_calloc(count, sizeof *b.entries)};
    if (b.entries == NULL) {
        return error_memory(error, count * sizeof *b.entries);
    }
    size_t entered = 0;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].length > 0 && skip[i] == 0) {
            b.entries[entered++] = (entry){texts[i].text, texts[i].length, (int32_t)i};
        }
    }
    const hearth_status status = build(&b, entered, error);
    mem_free(b.entries);
    mem_free(b.jumps);
    mem_free(b.waiting);
    if (status != HEARTH_OK) {
        double_array_free(a);
    }
    return status;
}

void double_array_free(double_array *a)
{
    mem_free(a->units);
    *a = (double_array){0};
}
