/* Dictionaries of a template: pairs in insertion order, and a hash table once there are more than a few. */
#include "generate/template_value.h"

#include <math.h>
#include <string.h>

#define DICT_SMALL 8u

hearth_status tdict_create(trun *r, tdict **ret)
{
    tdict *d = trun_alloc(r, 1, sizeof *d);
    if (d == NULL) {
        return trun_memory(r);
    }
    *ret = d;
    return HEARTH_OK;
}

static uint64_t hash_word(uint64_t h, uint64_t word)
{
    h ^= word;
    h *= 0xFF51AFD7ED558CCDu;
    return h ^ (h >> 32);
}

hearth_status tval_hashable(trun *r, tval v, bool *ret)
{
    *ret = v.kind != T_LIST && v.kind != T_DICT && !(v.kind == T_VIEW && v.as.seq->view != TVIEW_VALUES);
    if (v.kind != T_TUPLE) {
        return HEARTH_OK;
    }
    TRY(trun_enter(r));
    for (size_t i = 0; *ret && i < v.as.seq->count; i++) {
        TRY(tval_hashable(r, v.as.seq->items[i], ret));
    }
    trun_leave(r);
    return HEARTH_OK;
}

/* Fails for what may not be a key. */
static hearth_status must_hash(trun *r, tval key)
{
    bool good = false;
    TRY(tval_hashable(r, key, &good));
    return good ? HEARTH_OK : TRUN_WRONG(r, "unhashable type: '%s'", tval_type(key));
}

/* Equal keys hash alike: 1, 1.0 and True are one key. */
static hearth_status key_hash(trun *r, tval key, uint64_t *ret)
{
    switch (key.kind) {
    case T_NONE:
    case T_UNDEFINED:
        *ret = hash_word(17, key.kind);
        return HEARTH_OK;
    case T_BOOL:
    case T_INT:
        *ret = hash_word(1, (uint64_t)tval_integer(key));
        return HEARTH_OK;
    case T_FLOAT: {
        const double d = key.as.real;
        if (d >= -9.0e18 && d <= 9.0e18 && d == (double)(int64_t)d) {
            *ret = hash_word(1, (uint64_t)(int64_t)d);
        } else {
            uint64_t bits = 0;
            memcpy(&bits, &d, sizeof bits);
            *ret = hash_word(2, bits);
        }
        return HEARTH_OK;
    }
    case T_STRING: {
        uint64_t h = 0xCBF29CE484222325u;
        for (size_t i = 0; i < key.as.string->length; i++) {
            h = (h ^ (unsigned char)key.as.string->bytes[i]) * 0x100000001B3u;
        }
        *ret = hash_word(h, key.as.string->length);
        return trun_work(r, key.as.string->length);
    }
    case T_TUPLE: {
        uint64_t h = 3;
        TRY(trun_enter(r));
        for (size_t i = 0; i < key.as.seq->count; i++) {
            uint64_t item = 0;
            TRY(key_hash(r, key.as.seq->items[i], &item));
            h = hash_word(h, item);
        }
        trun_leave(r);
        *ret = h;
        return trun_work(r, key.as.seq->count);
    }
    default:
        *ret = hash_word(5, key.kind);
        return must_hash(r, key);
    }
}

/* *ret_pair is the pair's number, or d->count; *ret_slot where it is or belongs in the table. */
static hearth_status dict_find(trun *r, const tdict *d, tval key, size_t *ret_pair, size_t *ret_slot)
{
    uint64_t hash = 0;
    bool equal = false;
    TRY(key_hash(r, key, &hash));
    if (d->slots == NULL) {
        for (size_t i = 0; i < d->count; i++) {
            TRY(tval_equal(r, d->pairs[i].key, key, &equal));
            if (equal) {
                *ret_pair = i;
                return HEARTH_OK;
            }
        }
        *ret_pair = d->count;
        return HEARTH_OK;
    }
    for (size_t slot = (size_t)hash & (d->slot_count - 1);; slot = (slot + 1) & (d->slot_count - 1)) {
        *ret_slot = slot;
        if (d->slots[slot] == 0) {
            *ret_pair = d->count;
            return HEARTH_OK;
        }
        TRY(tval_equal(r, d->pairs[d->slots[slot] - 1].key, key, &equal));
        if (equal) {
            *ret_pair = d->slots[slot] - 1;
            return HEARTH_OK;
        }
    }
}

static hearth_status dict_grow(trun *r, tdict *d)
{
    const size_t capacity = d->capacity == 0 ? DICT_SMALL : d->capacity * 2;
    tpair *pairs = trun_alloc(r, capacity, sizeof *pairs);
    uint32_t *slots = capacity > DICT_SMALL ? trun_alloc(r, capacity * 2, sizeof *slots) : NULL;
    if (pairs == NULL || (capacity > DICT_SMALL && slots == NULL) || capacity > UINT32_MAX / 2) {
        return trun_memory(r);
    }
    if (d->count > 0) {
        memcpy(pairs, d->pairs, d->count * sizeof *pairs);
    }
    d->pairs = pairs;
    d->capacity = capacity;
    d->slots = slots;
    d->slot_count = slots != NULL ? capacity * 2 : 0;
    for (size_t i = 0; slots != NULL && i < d->count; i++) {
        uint64_t hash = 0;
        TRY(key_hash(r, pairs[i].key, &hash));
        size_t slot = (size_t)hash & (d->slot_count - 1);
        while (slots[slot] != 0) {
            slot = (slot + 1) & (d->slot_count - 1);
        }
        slots[slot] = (uint32_t)i + 1;
    }
    return HEARTH_OK;
}

hearth_status tdict_set(trun *r, tdict *d, tval key, tval value)
{
    size_t pair = 0;
    size_t slot = 0;
    TRY(dict_find(r, d, key, &pair, &slot));
    if (pair < d->count) {
        d->pairs[pair].value = value;
        return HEARTH_OK;
    }
    if (d->count == d->capacity) {
        TRY(dict_grow(r, d));
        TRY(dict_find(r, d, key, &pair, &slot));
    }
    d->pairs[d->count] = (tpair){.key = key, .value = value};
    d->count++;
    if (d->slots != NULL) {
        d->slots[slot] = (uint32_t)d->count;
    }
    return HEARTH_OK;
}

hearth_status tdict_get(trun *r, const tdict *d, tval key, tval *ret)
{
    size_t pair = 0;
    size_t slot = 0;
    TRY(dict_find(r, d, key, &pair, &slot));
    *ret = pair < d->count ? d->pairs[pair].value : (tval){.kind = T_MISSING};
    return HEARTH_OK;
}

hearth_status tdict_view(trun *r, const tdict *d, tview what, tval *ret)
{
    tseq *s = NULL;
    TRY(tseq_create(r, d->count, &s));
    s->view = what;
    for (size_t i = 0; i < d->count; i++) {
        tval item = what == TVIEW_KEYS ? d->pairs[i].key : d->pairs[i].value;
        if (what == TVIEW_ITEMS) {
            TRY(tval_pair(r, d->pairs[i].key, d->pairs[i].value, &item));
        }
        TRY(tseq_push(r, s, item));
    }
    *ret = tval_seq(T_VIEW, s);
    return HEARTH_OK;
}
