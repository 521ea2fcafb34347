/* Binary search in one suffix array: first in its keys, the beginnings of every 256th suffix, which lie close together,
 * then in the 256 suffixes between two of them. */
#include "trace/trace_shard.h"

hearth_status trace_array_position(const trace_array *a, uint64_t i, uint64_t *ret, hearth_error *error)
{
    const uint64_t position = trace_order_get(a->order->data, a->bits, i);
    if (position >= a->length) {
        return trace_damaged(a->order, "a position", "one of the units'", position, error);
    }
    *ret = position;
    return HEARTH_OK;
}

/* ---- keys ---- */

/* How many of the keys are below the beginning (or, `equal_too`, not above it). */
static uint64_t keys_before(const trace_array *a, const uint8_t *bytes, size_t length, bool equal_too)
{
    uint64_t low = 0, high = a->keys->size / TRACE_KEY_BYTES;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const int order = memcmp(a->keys->data + middle * TRACE_KEY_BYTES, bytes, length);
        if (order < 0 || (order == 0 && equal_too)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Where the first suffix lies that is not below (`after`: that is above and does not begin with) the bytes, as far as
 * the keys tell: in [low, high], both of which may be the answer. */
static trace_interval from_keys(const trace_array *a, const uint8_t *bytes, size_t length, bool after)
{
    const bool whole = length <= TRACE_KEY_BYTES; /* a key tells all about it */
    const size_t part = whole ? length : TRACE_KEY_BYTES;
    const uint64_t below = keys_before(a, bytes, part, whole && after);
    const uint64_t not_above = whole ? below : keys_before(a, bytes, part, true);
    const uint64_t high = not_above * TRACE_KEY_STEP;
    return (trace_interval){.low = below > 0 ? (below - 1) * TRACE_KEY_STEP : 0,
                            .high = high < a->count ? high : a->count};
}

/* ---- suffixes ---- */

static hearth_status compare(const trace_array *a, uint64_t i, const uint8_t *bytes, size_t length, int *ret,
                             hearth_error *error)
{
    uint64_t position = 0;
    TRY(trace_array_position(a, i, &position, error));
    const uint64_t left = (a->length - position) * a->width;
    const int order = memcmp(a->units->data + position * a->width, bytes, left < length ? (size_t)left : length);
    *ret = order == 0 && left < length ? -1 : order;
    return HEARTH_OK;
}

static hearth_status bound(const trace_array *a, const uint8_t *bytes, size_t length, bool after, trace_interval within,
                           uint64_t *ret, hearth_error *error)
{
    uint64_t low = within.low, high = within.high;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        int order = 0;
        TRY(compare(a, middle, bytes, length, &order, error));
        if (order < 0 || (order == 0 && after)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret = low;
    return HEARTH_OK;
}

hearth_status trace_array_find(const trace_array *a, const uint8_t *bytes, size_t length, trace_interval *ret,
                               hearth_error *error)
{
    if (length == 0 || a->count == 0) {
        *ret = (trace_interval){.low = 0, .high = length == 0 ? a->count : 0};
        return HEARTH_OK;
    }
    trace_interval found = {0};
    TRY(bound(a, bytes, length, false, from_keys(a, bytes, length, false), &found.low, error));
    trace_interval within = from_keys(a, bytes, length, true);
    within.low = within.low > found.low ? within.low : found.low;
    within.high = within.high > within.low ? within.high : within.low;
    TRY(bound(a, bytes, length, true, within, &found.high, error));
    *ret = found;
    return HEARTH_OK;
}

/* ---- neighbours ---- */

static hearth_status common(const trace_array *a, uint64_t i, const uint8_t *bytes, size_t length, size_t *best,
                            hearth_error *error)
{
    uint64_t position = 0;
    TRY(trace_array_position(a, i, &position, error));
    const uint8_t *suffix = a->units->data + position * a->width;
    const uint64_t left = (a->length - position) * a->width;
    const size_t most = left < length ? (size_t)left : length;
    size_t same = 0;
    while (same < most && suffix[same] == bytes[same]) {
        same++;
    }
    same /= a->width;
    *best = same > *best ? same : *best;
    return HEARTH_OK;
}

hearth_status trace_array_common(const trace_array *a, const uint8_t *bytes, size_t length, uint64_t low,
                                 size_t *ret_units, hearth_error *error)
{
    size_t best = 0;
    if (low > 0) {
        TRY(common(a, low - 1, bytes, length, &best, error));
    }
    if (low < a->count) {
        TRY(common(a, low, bytes, length, &best, error));
    }
    *ret_units = best;
    return HEARTH_OK;
}
