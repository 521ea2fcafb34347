/* The next suffixes of all parts in a heap. Most are told apart by their first eight bytes, which the heap holds; those
 * that come later are fetched ahead, since they lie all over the text. Long matches are remembered (order_diagonal.h).
 */
#include "indexing/order_merge.h"

#include "base/memory.h"
#include "indexing/order_diagonal.h"

#include <string.h>

#define AHEAD 24u
#define ASK_EVERY 4194304u

typedef struct head {
    uint64_t key; /* the suffix's first bytes as a number */
    uint64_t position;
    size_t part;
} head;

typedef struct merging {
    const order_merge *m;
    file_map *files; /* [parts] */
    uint64_t *taken; /* [parts] */
    head *heap;      /* the smallest first; children of i are 2i + 1 and 2i + 2 */
    size_t count;
    uint64_t bytes; /* of the units' file */
    order_diagonals *diagonals;
} merging;

static uint64_t position_at(const merging *g, size_t part, uint64_t i)
{
    uint64_t position = 0;
    memcpy(&position, g->files[part].data + i * ORDER_MERGE_BYTES, ORDER_MERGE_BYTES);
    return position;
}

static uint64_t key_of(const merging *g, uint64_t position)
{
    uint8_t bytes[8] = {0};
    const uint64_t at = position * g->m->width, left = g->bytes - at;
    memcpy(bytes, g->m->units->data + at, left < 8 ? (size_t)left : 8);
    uint64_t key = 0;
    memcpy(&key, bytes, sizeof key);
    return __builtin_bswap64(key);
}

static bool smaller(const merging *g, const head *a, const head *b)
{
    if (a->key != b->key) {
        return a->key < b->key;
    }
    return order_diagonals_less(g->diagonals, a->position * g->m->width, b->position * g->m->width);
}

static void sink(merging *g, size_t i)
{
    const head moved = g->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= g->count) {
            break;
        }
        if (child + 1 < g->count && smaller(g, &g->heap[child + 1], &g->heap[child])) {
            child++;
        }
        if (!smaller(g, &g->heap[child], &moved)) {
            break;
        }
        g->heap[i] = g->heap[child];
        i = child;
    }
    g->heap[i] = moved;
}

/* The part's next suffix; false: there is none. */
static bool take(merging *g, size_t part, head *ret)
{
    const uint64_t count = g->files[part].size / ORDER_MERGE_BYTES, i = g->taken[part];
    if (i == count) {
        return false;
    }
    g->taken[part]++;
    if (i + AHEAD < count) {
        __builtin_prefetch(g->m->units->data + position_at(g, part, i + AHEAD) * g->m->width);
    }
    *ret = (head){.position = position_at(g, part, i), .part = part};
    ret->key = key_of(g, ret->position);
    return true;
}

static hearth_status merge(merging *g, hearth_error *error)
{
    const order_merge *m = g->m;
    for (size_t i = 0; i < m->parts; i++) {
        g->count += take(g, i, &g->heap[g->count]) ? 1 : 0;
    }
    for (size_t i = g->count / 2; i-- > 0;) {
        sink(g, i);
    }
    for (uint64_t done = 1; g->count > 0; done++) {
        TRY(m->put(m->context, g->heap[0].position, error));
        if (!take(g, g->heap[0].part, &g->heap[0])) {
            g->heap[0] = g->heap[--g->count];
        }
        if (g->count > 0) {
            sink(g, 0);
        }
        if (done % ASK_EVERY == 0 && m->go_on != NULL && !m->go_on(m->go_on_context)) {
            return error_set(error, HEARTH_E_CANCELLED, "merging", NULL, "a wish to stop");
        }
    }
    return HEARTH_OK;
}

hearth_status order_merge_run(const order_merge *m, hearth_error *error)
{
    merging g = {.m = m,
                 .files = mem_calloc(m->parts, sizeof *g.files),
                 .taken = mem_calloc(m->parts, sizeof *g.taken),
                 .heap = mem_calloc(m->parts, sizeof *g.heap),
                 .bytes = m->length * m->width};
    hearth_status status = g.files != NULL && g.taken != NULL && g.heap != NULL
                               ? HEARTH_OK
                               : error_memory(error, m->parts * sizeof *g.heap);
    if (status == HEARTH_OK) {
        status = order_diagonals_new(m->units->data, g.bytes, &g.diagonals, error);
    }
    for (size_t i = 0; i < m->parts && status == HEARTH_OK; i++) {
        status = file_map_open(m->paths[i], &g.files[i], error);
    }
    if (status == HEARTH_OK) {
        status = merge(&g, error);
    }
    for (size_t i = 0; g.files != NULL && i < m->parts; i++) {
        file_map_close(&g.files[i]);
    }
    mem_free(g.files);
    mem_free(g.taken);
    mem_free(g.heap);
    order_diagonals_free(g.diagonals);
    return status;
}
