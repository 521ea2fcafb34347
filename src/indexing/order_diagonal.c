/* A table of matches by their distance and where they lie; a later one takes another's place. */
#include "indexing/order_diagonal.h"

#include "base/memory.h"

#include <string.h>

#define SLOT_BITS 17u
#define FIRST_BYTES 256u /* compared before anything is remembered */
#define STEP_BYTES 4096u
#define WINDOW_BITS 14u /* of one distance, matches that lie so far apart have different slots */

/* The text matches itself, `distance` bytes on, from `begin` to before `end`, and not at `end`. */
typedef struct match {
    uint64_t distance; /* 0: none yet */
    uint64_t begin, end;
} match;

struct order_diagonals {
    const uint8_t *text;
    uint64_t bytes;
    match slots[1u << SLOT_BITS]; /* by a hash; a later one takes another's place */
};

hearth_status order_diagonals_new(const uint8_t *text, uint64_t bytes, order_diagonals **ret, hearth_error *error)
{
    order_diagonals *d = mem_calloc(1, sizeof *d);
    if (d == NULL) {
        return error_memory(error, sizeof *d);
    }
    d->text = text;
    d->bytes = bytes;
    *ret = d;
    return HEARTH_OK;
}

void order_diagonals_free(order_diagonals *d)
{
    mem_free(d);
}

/* How many of the first `most` bytes are equal. */
static uint64_t equal_bytes(const uint8_t *a, const uint8_t *b, uint64_t most)
{
    uint64_t done = 0;
    while (done < most) {
        const uint64_t step = most - done < STEP_BYTES ? most - done : STEP_BYTES;
        if (memcmp(a + done, b + done, (size_t)step) != 0) {
            break;
        }
        done += step;
    }
    while (done < most && a[done] == b[done]) {
        done++;
    }
    return done;
}

static match *slot_of(order_diagonals *d, uint64_t low, uint64_t distance)
{
    /* odd constants with well spread bits */
    const uint64_t mixed = (distance + (low >> WINDOW_BITS) * 0xD1B54A32D192ED03u) * 0x9E3779B97F4A7C15u;
    return &d->slots[mixed >> (64 - SLOT_BITS)];
}

static uint64_t next_window(uint64_t low)
{
    return ((low >> WINDOW_BITS) + 1) << WINDOW_BITS;
}

/* Where the match of `low` and `low + distance` ends; at most where the text does. It is noted in all windows on the
 * way. */
static uint64_t match_end(order_diagonals *d, uint64_t low, uint64_t distance)
{
    const uint64_t last = d->bytes - distance;
    uint64_t at = low, end = 0;
    while (end == 0) {
        const match *slot = slot_of(d, at, distance);
        const bool known = slot->distance == distance && at < slot->end;
        if (known && slot->begin <= at) {
            end = slot->end;
            break;
        }
        const uint64_t border = known && slot->begin < next_window(at) ? slot->begin
                                : last < next_window(at)               ? last
                                                                       : next_window(at);
        at += equal_bytes(d->text + at, d->text + at + distance, border - at);
        end = at < border || at == last ? at : 0;
    }
    for (uint64_t from = low; from < at; from = next_window(from)) {
        *slot_of(d, from, distance) = (match){.distance = distance, .begin = from, .end = end};
    }
    return end;
}

bool order_diagonals_less(order_diagonals *d, uint64_t x, uint64_t y)
{
    const uint64_t low = x < y ? x : y, distance = (x < y ? y : x) - low, left = d->bytes - low - distance;
    const int order = memcmp(d->text + x, d->text + y, (size_t)(left < FIRST_BYTES ? left : FIRST_BYTES));
    if (order != 0 || left <= FIRST_BYTES || distance == 0) {
        return order < 0;
    }
    const uint64_t at = match_end(d, low, distance) - low;
    return at < left && d->text[x + at] < d->text[y + at];
}
