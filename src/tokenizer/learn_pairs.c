/* The table of pairs and the queue. */
#include "tokenizer/learn_pairs.h"

#include "base/memory.h"

#include <string.h>

static inline size_t key_hash(uint64_t key)
{
    const uint64_t mixed = (key ^ (key >> 29)) * 0x9E3779B97F4A7C15u;
    return (size_t)(mixed ^ (mixed >> 32));
}

void pair_table_free(pair_table *t)
{
    mem_free(t->slots);
    *t = (pair_table){0};
}

static pair_slot *find(pair_slot *slots, size_t mask, uint64_t key)
{
    size_t at = key_hash(key) & mask;
    while (slots[at].key != key && slots[at].key != UINT64_MAX) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

hearth_status pair_table_reserve(pair_table *t, size_t more, hearth_error *error)
{
    size_t slots = t->mask == 0 ? 4096 : t->mask + 1;
    while (slots < (t->count + more) * 2) {
        slots *= 2;
    }
    if (slots == t->mask + 1) {
        return HEARTH_OK;
    }
    size_t bytes = 0;
    pair_slot *fresh = size_mul(slots, sizeof *fresh, &bytes) ? mem_alloc(bytes) : NULL;
    if (fresh == NULL) {
        return error_memory(error, bytes);
    }
    for (size_t i = 0; i < slots; i++) {
        fresh[i] = (pair_slot){.key = UINT64_MAX};
    }
    for (size_t i = 0; t->slots != NULL && i <= t->mask; i++) {
        if (t->slots[i].key != UINT64_MAX) {
            *find(fresh, slots - 1, t->slots[i].key) = t->slots[i];
        }
    }
    mem_free(t->slots);
    t->slots = fresh;
    t->mask = slots - 1;
    return HEARTH_OK;
}

pair_slot *pair_table_at(pair_table *t, uint64_t key)
{
    pair_slot *slot = find(t->slots, t->mask, key);
    if (slot->key == UINT64_MAX) {
        slot->key = key;
        t->count++;
    }
    return slot;
}

/* ---- the queue ---- */

void pair_queue_free(pair_queue *q)
{
    mem_free(q->heap);
    *q = (pair_queue){0};
}

static bool before(const pair_queue *q, const queued_pair *a, const queued_pair *b)
{
    if (a->count != b->count) {
        return a->count > b->count;
    }
    return q->before != NULL ? q->before(q->context, a, b) != 0 : a->key < b->key;
}

static void sift_down(pair_queue *q, queued_pair value)
{
    size_t at = 0;
    for (;;) {
        const size_t first = 4 * at + 1;
        const size_t last = first + 4 < q->count ? first + 4 : q->count;
        size_t best = first;
        for (size_t child = first + 1; child < last; child++) {
            best = before(q, &q->heap[child], &q->heap[best]) ? child : best;
        }
        if (first >= q->count || !before(q, &q->heap[best], &value)) {
            break;
        }
        q->heap[at] = q->heap[best];
        at = best;
    }
    q->heap[at] = value;
}

hearth_status pair_queue_put(pair_queue *q, queued_pair pair, hearth_error *error)
{
    if (q->count == q->capacity) {
        const size_t capacity = q->capacity == 0 ? 4096 : q->capacity * 2;
        queued_pair *grown = mem_realloc(q->heap, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        q->heap = grown;
        q->capacity = capacity;
    }
    size_t at = q->count++;
    while (at > 0 && before(q, &pair, &q->heap[(at - 1) / 4])) {
        q->heap[at] = q->heap[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    q->heap[at] = pair;
    return HEARTH_OK;
}

queued_pair pair_queue_take(pair_queue *q)
{
    const queued_pair top = q->heap[0];
    q->count--;
    if (q->count > 0) {
        sift_down(q, q->heap[q->count]);
    }
    return top;
}

void pair_queue_recount(pair_queue *q, int64_t count)
{
    queued_pair top = q->heap[0];
    top.count = count;
    sift_down(q, top);
}
