/* Truth, equality, order and membership, as Python has them. */
#include "generate/template_text.h"
#include "generate/template_value.h"

#include <string.h>

bool tval_truth(tval v)
{
    size_t length = 0;
    switch (v.kind) {
    case T_MISSING:
    case T_UNDEFINED:
    case T_NONE:
        return false;
    case T_BOOL:
        return v.as.boolean;
    case T_INT:
        return v.as.integer != 0;
    case T_FLOAT:
        return v.as.real != 0.0;
    default:
        return !tval_length(v, &length) || length > 0;
    }
}

bool tval_identical(tval a, tval b)
{
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case T_NONE:
    case T_MISSING:
        return true;
    case T_BOOL:
        return a.as.boolean == b.as.boolean;
    case T_INT:
        return a.as.integer == b.as.integer;
    case T_FLOAT:
        return a.as.real == b.as.real;
    case T_STRING:
        return a.as.string == b.as.string || strcmp(a.as.string->bytes, b.as.string->bytes) == 0;
    default:
        return a.as.seq == b.as.seq;
    }
}

static hearth_status items_equal(trun *r, const tseq *a, const tseq *b, bool *ret)
{
    *ret = a->count == b->count;
    TRY(trun_enter(r));
    for (size_t i = 0; *ret && i < a->count; i++) {
        TRY(tval_equal(r, a->items[i], b->items[i], ret));
    }
    trun_leave(r);
    return HEARTH_OK;
}

static hearth_status dicts_equal(trun *r, const tdict *a, const tdict *b, bool *ret)
{
    *ret = a->count == b->count;
    TRY(trun_enter(r));
    for (size_t i = 0; *ret && i < a->count; i++) {
        tval other;
        TRY(tdict_get(r, b, a->pairs[i].key, &other));
        *ret = other.kind != T_MISSING;
        if (*ret) {
            TRY(tval_equal(r, a->pairs[i].value, other, ret));
        }
    }
    trun_leave(r);
    return HEARTH_OK;
}

static bool numbers_equal(tval a, tval b)
{
    if (tval_is_integer(a) && tval_is_integer(b)) {
        return tval_integer(a) == tval_integer(b);
    }
    return tval_real(a) == tval_real(b);
}

hearth_status tval_equal(trun *r, tval a, tval b, bool *ret)
{
    TRY(trun_work(r, 0));
    if (tval_is_number(a) && tval_is_number(b)) {
        *ret = numbers_equal(a, b);
        return HEARTH_OK;
    }
    if (a.kind != b.kind) {
        *ret = false;
        return HEARTH_OK;
    }
    switch (a.kind) {
    case T_UNDEFINED:
    case T_NONE:
        *ret = true;
        return HEARTH_OK;
    case T_STRING:
        *ret = a.as.string->length == b.as.string->length &&
               memcmp(a.as.string->bytes, b.as.string->bytes, a.as.string->length) == 0;
        return *ret ? trun_work(r, a.as.string->length) : HEARTH_OK;
    case T_LIST:
    case T_TUPLE:
    case T_RANGE:
        return items_equal(r, a.as.seq, b.as.seq, ret);
    case T_DICT:
        return dicts_equal(r, a.as.dict, b.as.dict, ret);
    default:
        *ret = a.as.seq == b.as.seq;
        return HEARTH_OK;
    }
}

static int order_of(double a, double b)
{
    return a < b ? -1 : (a > b ? 1 : (a == b ? 0 : 2));
}

/* UTF-8 sorts as its code points do. */
static int strings_order(const tstring *a, const tstring *b)
{
    const size_t shorter = a->length < b->length ? a->length : b->length;
    const int order = shorter > 0 ? memcmp(a->bytes, b->bytes, shorter) : 0;
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return a->length < b->length ? -1 : (a->length > b->length ? 1 : 0);
}

hearth_status tval_compare(trun *r, tval a, tval b, const char *op, int *ret)
{
    TRY(trun_work(r, 0));
    if (a.kind == T_UNDEFINED || b.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, a.kind == T_UNDEFINED ? a : b);
    }
    if (tval_is_integer(a) && tval_is_integer(b)) {
        const int64_t x = tval_integer(a);
        const int64_t y = tval_integer(b);
        *ret = x < y ? -1 : (x > y ? 1 : 0);
        return HEARTH_OK;
    }
    if (tval_is_number(a) && tval_is_number(b)) {
        *ret = order_of(tval_real(a), tval_real(b));
        return HEARTH_OK;
    }
    if (a.kind == T_STRING && b.kind == T_STRING) {
        *ret = strings_order(a.as.string, b.as.string);
        return trun_work(r, a.as.string->length);
    }
    if ((a.kind != T_LIST && a.kind != T_TUPLE) || a.kind != b.kind) {
        return TRUN_WRONG(r, "'%s' not supported between instances of '%s' and '%s'", op, tval_type(a), tval_type(b));
    }
    TRY(trun_enter(r));
    const tseq *x = a.as.seq;
    const tseq *y = b.as.seq;
    bool equal = true;
    size_t i = 0;
    while (equal && i < x->count && i < y->count) {
        TRY(tval_equal(r, x->items[i], y->items[i], &equal));
        i += equal ? 1 : 0;
    }
    if (!equal) {
        TRY(tval_compare(r, x->items[i], y->items[i], op, ret));
    } else {
        *ret = x->count < y->count ? -1 : (x->count > y->count ? 1 : 0);
    }
    trun_leave(r);
    return HEARTH_OK;
}

static hearth_status string_contains(trun *r, tval container, tval item, bool *ret)
{
    if (item.kind != T_STRING) {
        return TRUN_WRONG(r, "'in <string>' requires string as left operand, not %s", tval_type(item));
    }
    *ret = ttext_find(container.as.string, item.as.string, 0, container.as.string->length, false) != SIZE_MAX;
    return trun_work(r, container.as.string->length);
}

hearth_status tval_contains(trun *r, tval container, tval item, bool *ret)
{
    *ret = false;
    if (container.kind == T_STRING) {
        return string_contains(r, container, item, ret);
    }
    if (container.kind == T_DICT) {
        tval found;
        TRY(tdict_get(r, container.as.dict, item, &found));
        *ret = found.kind != T_MISSING;
        return HEARTH_OK;
    }
    if (!tval_iterable(container)) {
        return TRUN_WRONG(r, "argument of type '%s' is not iterable", tval_type(container));
    }
    bool possible = true;
    if (container.kind == T_VIEW && container.as.seq->view == TVIEW_KEYS) {
        TRY(tval_hashable(r, item, &possible));
    }
    if (!possible) {
        return TRUN_WRONG(r, "unhashable type: '%s'", tval_type(item));
    }
    const tval *items = NULL;
    size_t count = 0;
    TRY(tval_items(r, container, &items, &count));
    for (size_t i = 0; !*ret && i < count; i++) {
        TRY(tval_equal(r, items[i], item, ret));
    }
    return HEARTH_OK;
}
