/* Filters of sequences: map, select, sort, join, unique, groupby, … Those that Python makes generators of are computed
 * at once here, but can be walked only once, have no length and are always true, as there. */
#include "generate/template_eval.h"
#include "generate/template_filters.h"
#include "generate/template_text.h"

#include <string.h>

static hearth_status attribute_part(trun *r, tval item, const char *bytes, size_t length, tval *ret)
{
    tval key;
    TRY(tval_string(r, bytes, length, &key));
    if (ttext_test(key.as.string, 'c') && length < 18) {
        int64_t number = 0;
        for (size_t i = 0; i < length && bytes[i] >= '0' && bytes[i] <= '9'; i++) {
            number = number * 10 + (bytes[i] - '0');
        }
        key = tval_int(number);
    }
    return tvalue_getitem(r, item, key, ret);
}

hearth_status tfilter_attribute(trun *r, tval item, tval attribute, tval otherwise, tval *ret)
{
    *ret = item;
    if (attribute.kind == T_MISSING || attribute.kind == T_NONE) {
        return HEARTH_OK;
    }
    if (attribute.kind != T_STRING) {
        TRY(tvalue_getitem(r, item, attribute, ret));
        if (ret->kind == T_UNDEFINED && otherwise.kind != T_MISSING) {
            *ret = otherwise;
        }
        return HEARTH_OK;
    }
    const char *part = attribute.as.string->bytes;
    for (;;) {
        const size_t length = strcspn(part, ".");
        TRY(attribute_part(r, *ret, part, length, ret));
        if (ret->kind == T_UNDEFINED && otherwise.kind != T_MISSING && otherwise.kind != T_NONE) {
            *ret = otherwise;
        }
        if (part[length] == '\0') {
            return HEARTH_OK;
        }
        part += length + 1;
    }
}

static hearth_status lowered(trun *r, tval v, bool case_sensitive, tval *ret)
{
    *ret = v;
    return v.kind == T_STRING && !case_sensitive ? ttext_case(r, v.as.string, TCASE_LOWER, ret) : HEARTH_OK;
}

/* Keys of a sort: `attribute` may name several with commas, compared in turn. */
static hearth_status sort_key(trun *r, tval item, tval attribute, bool case_sensitive, tval *ret)
{
    tseq *keys = NULL;
    const tval none = {.kind = T_MISSING};
    TRY(tseq_create(r, 1, &keys));
    const char *part = attribute.kind == T_STRING ? attribute.as.string->bytes : NULL;
    do {
        tval name = attribute;
        tval key;
        size_t length = 0;
        if (part != NULL) {
            length = strcspn(part, ",");
            TRY(tval_string(r, part, length, &name));
            part = part[length] == ',' ? part + length + 1 : NULL;
        }
        TRY(tfilter_attribute(r, item, name, none, &key));
        TRY(lowered(r, key, case_sensitive, &key));
        TRY(tseq_push(r, keys, key));
    } while (part != NULL);
    *ret = keys->count == 1 ? keys->items[0] : tval_seq(T_LIST, keys);
    return HEARTH_OK;
}

typedef struct sorted_item {
    tval key;
    tval item;
} sorted_item;

static hearth_status merge(trun *r, sorted_item *from, sorted_item *to, size_t left, size_t middle, size_t right,
                           bool reverse)
{
    size_t a = left;
    size_t b = middle;
    for (size_t i = left; i < right; i++) {
        int order = 0;
        if (a < middle && b < right) {
            TRY(tval_compare(r, from[b].key, from[a].key, "<", &order));
        }
        const bool take_b = a >= middle || (b < right && (reverse ? order == 1 : order == -1));
        to[i] = take_b ? from[b++] : from[a++];
    }
    return HEARTH_OK;
}

/* Stable, also in reverse, as sorted() is. */
static hearth_status merge_sort(trun *r, sorted_item *items, size_t count, bool reverse)
{
    sorted_item *from = items;
    sorted_item *to = trun_alloc(r, count, sizeof *to);
    if (to == NULL) {
        return trun_memory(r);
    }
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t left = 0; left < count; left += 2 * width) {
            const size_t middle = left + width < count ? left + width : count;
            const size_t right = left + 2 * width < count ? left + 2 * width : count;
            TRY(merge(r, from, to, left, middle, right, reverse));
        }
        sorted_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items && count > 0) {
        memcpy(items, from, count * sizeof *items);
    }
    return HEARTH_OK;
}

static hearth_status sorted(trun *r, tval v, tval attribute, bool case_sensitive, bool reverse, sorted_item **ret,
                            size_t *ret_count)
{
    const tval *items = NULL;
    TRY(tval_items(r, v, &items, ret_count));
    *ret = trun_alloc(r, *ret_count, sizeof **ret);
    if (*ret == NULL) {
        return trun_memory(r);
    }
    for (size_t i = 0; i < *ret_count; i++) {
        (*ret)[i].item = items[i];
        TRY(sort_key(r, items[i], attribute, case_sensitive, &(*ret)[i].key));
    }
    return merge_sort(r, *ret, *ret_count, reverse);
}

static hearth_status push_sorted(trun *r, const sorted_item *items, size_t count, tval *ret)
{
    tseq *out = NULL;
    TRY(tseq_create(r, count, &out));
    for (size_t i = 0; i < count; i++) {
        TRY(tseq_push(r, out, items[i].item));
    }
    *ret = tval_seq(T_LIST, out);
    return HEARTH_OK;
}

static hearth_status filter_sort(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    sorted_item *items = NULL;
    size_t count = 0;
    (void)call;
    TRY(sorted(r, self, args[2], tcall_flag(args[1], false), tcall_flag(args[0], false), &items, &count));
    return push_sorted(r, items, count, ret);
}

static hearth_status filter_dictsort(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    sorted_item *items = NULL;
    size_t count = 0;
    tval pairs;
    (void)call;
    if (self.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, self);
    }
    if (self.kind != T_DICT) {
        return TRUN_WRONG(r, "'%s' object has no attribute 'items'", tval_type(self));
    }
    const bool by_value = args[1].kind == T_STRING && tval_is(args[1], "value");
    if (args[1].kind != T_MISSING && !by_value && !tval_is(args[1], "key")) {
        return TRUN_WRONG(r, "You can only sort by either \"key\" or \"value\"");
    }
    TRY(tdict_view(r, self.as.dict, TVIEW_ITEMS, &pairs));
    TRY(sorted(r, pairs, tval_int(by_value ? 1 : 0), tcall_flag(args[0], false), tcall_flag(args[2], false), &items,
               &count));
    return push_sorted(r, items, count, ret);
}

static hearth_status filter_groupby(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    tseq *groups = NULL;
    const bool case_sensitive = tcall_flag(args[2], false);
    (void)call;
    TRY(tval_items(r, self, &items, &count));
    sorted_item *keyed = trun_alloc(r, count, sizeof *keyed);
    if (keyed == NULL) {
        return trun_memory(r);
    }
    for (size_t i = 0; i < count; i++) {
        keyed[i].item = items[i];
        TRY(tfilter_attribute(r, items[i], args[0], args[1], &keyed[i].key));
        TRY(lowered(r, keyed[i].key, case_sensitive, &keyed[i].key));
    }
    TRY(merge_sort(r, keyed, count, false));
    TRY(tseq_create(r, 0, &groups));
    for (size_t i = 0; i < count;) {
        const size_t first = i;
        tseq *members = NULL;
        tval group;
        tval name;
        bool equal = true;
        TRY(tseq_create(r, 0, &members));
        while (equal) {
            TRY(tseq_push(r, members, keyed[i].item));
            i++;
            equal = i < count;
            if (equal) {
                TRY(tval_equal(r, keyed[first].key, keyed[i].key, &equal));
            }
        }
        TRY(tfilter_attribute(r, keyed[first].item, args[0], args[1], &name));
        TRY(tval_pair(r, name, tval_seq(T_LIST, members), &group));
        group.as.seq->view = TVIEW_ITEMS; /* has .grouper and .list */
        TRY(tseq_push(r, groups, group));
    }
    *ret = tval_seq(T_LIST, groups);
    return HEARTH_OK;
}

static hearth_status filter_unique(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    tdict *seen = NULL;
    tseq *out = NULL;
    (void)call;
    TRY(tval_items(r, self, &items, &count));
    TRY(tdict_create(r, &seen));
    TRY(tseq_create(r, 0, &out));
    for (size_t i = 0; i < count; i++) {
        tval key;
        tval found;
        TRY(tfilter_attribute(r, items[i], args[1], (tval){.kind = T_MISSING}, &key));
        TRY(lowered(r, key, tcall_flag(args[0], false), &key));
        TRY(tdict_get(r, seen, key, &found));
        if (found.kind == T_MISSING) {
            TRY(tdict_set(r, seen, key, tval_none()));
            TRY(tseq_push(r, out, items[i]));
        }
    }
    *ret = tval_seq(T_ITERATOR, out);
    return HEARTH_OK;
}

static hearth_status extreme(trun *r, tval self, const tval *args, int wanted, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    tval best = {.kind = T_MISSING};
    TRY(tval_items(r, self, &items, &count));
    if (count == 0) {
        return tval_undefined_hint(r, "No aggregated item, sequence was empty.", ret);
    }
    for (size_t i = 0; i < count; i++) {
        tval key;
        int order = wanted;
        TRY(tfilter_attribute(r, items[i], args[1], (tval){.kind = T_MISSING}, &key));
        TRY(lowered(r, key, tcall_flag(args[0], false), &key));
        if (i > 0) {
            TRY(tval_compare(r, key, best, wanted < 0 ? "<" : ">", &order));
        }
        if (order == wanted) {
            best = key;
            *ret = items[i];
        }
    }
    return HEARTH_OK;
}

static hearth_status filter_min(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return extreme(r, self, args, -1, ret);
}

static hearth_status filter_max(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return extreme(r, self, args, 1, ret);
}

static hearth_status filter_join(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    const size_t mark = r->out->length;
    (void)call;
    TRY(tval_items(r, self, &items, &count));
    for (size_t i = 0; i < count; i++) {
        tval item;
        TRY(tfilter_attribute(r, items[i], args[1], (tval){.kind = T_MISSING}, &item));
        if (i > 0 && args[0].kind != T_MISSING) {
            TRY(tval_print(r, args[0], r->out));
        }
        TRY(tval_print(r, item, r->out));
    }
    return tval_take(r, r->out, mark, ret);
}

static hearth_status filter_first(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    (void)args;
    (void)call;
    if (self.kind == T_ITERATOR && self.as.seq->position < self.as.seq->count) {
        *ret = self.as.seq->items[self.as.seq->position++];
        return HEARTH_OK;
    }
    TRY(tval_items(r, self, &items, &count));
    if (count == 0) {
        return tval_undefined_hint(r, "No first item, sequence was empty.", ret);
    }
    *ret = items[0];
    return HEARTH_OK;
}

static hearth_status filter_last(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    (void)args;
    (void)call;
    if (self.kind == T_ITERATOR) {
        return TRUN_WRONG(r, "'generator' object is not reversible");
    }
    TRY(tval_items(r, self, &items, &count));
    if (count == 0) {
        return tval_undefined_hint(r, "No last item, sequence was empty.", ret);
    }
    *ret = items[count - 1];
    ret->markup = ret->markup || (self.kind == T_STRING && self.markup);
    return HEARTH_OK;
}

/* A copy of the items; also what reversed() and its like start from. */
static hearth_status copy_items(trun *r, tval self, bool backwards, tseq **ret)
{
    const tval *items = NULL;
    size_t count = 0;
    TRY(tval_items(r, self, &items, &count));
    TRY(tseq_create(r, count, ret));
    for (size_t i = 0; i < count; i++) {
        TRY(tseq_push(r, *ret, items[backwards ? count - 1 - i : i]));
    }
    return HEARTH_OK;
}

static hearth_status filter_list(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tseq *out = NULL;
    (void)args;
    (void)call;
    TRY(copy_items(r, self, false, &out));
    *ret = tval_seq(T_LIST, out);
    return HEARTH_OK;
}

static hearth_status filter_reverse(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tseq *out = NULL;
    (void)args;
    (void)call;
    if (self.kind == T_STRING) {
        const int64_t last = (int64_t)self.as.string->points - 1;
        TRY(ttext_slice(r, self.as.string, last, -1, self.as.string->points, ret));
        ret->markup = self.markup;
        return HEARTH_OK;
    }
    TRY(copy_items(r, self, true, &out));
    *ret = tval_seq(self.kind == T_ITERATOR ? T_LIST : T_ITERATOR, out);
    return HEARTH_OK;
}

static hearth_status filter_items(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    if (self.kind == T_UNDEFINED) {
        tseq *none = NULL;
        TRY(tseq_create(r, 0, &none));
        *ret = tval_seq(T_ITERATOR, none);
        return HEARTH_OK;
    }
    if (self.kind != T_DICT) {
        return TRUN_WRONG(r, "Can only get item pairs from a mapping.");
    }
    TRY(tdict_view(r, self.as.dict, TVIEW_ITEMS, ret));
    ret->kind = T_ITERATOR;
    return HEARTH_OK;
}

/* What map and select call for each item, with the arguments behind the name. */
static hearth_status rest_of_call(trun *r, const tcall *call, size_t skip, const tbuiltin *(*find)(const char *),
                                  const tbuiltin **ret_builtin, tcall *ret_rest)
{
    *ret_rest = *call;
    if (call->count <= skip) {
        *ret_builtin = NULL;
        return HEARTH_OK;
    }
    if (call->args[skip].kind != T_STRING) {
        return TRUN_WRONG(r, "the name of a filter or test must be a string");
    }
    const char *name = call->args[skip].as.string->bytes;
    *ret_builtin = find(name);
    ret_rest->args = call->args + skip + 1;
    ret_rest->count = call->count - skip - 1;
    return *ret_builtin != NULL ? HEARTH_OK : TRUN_WRONG(r, "No filter or test named '%s'.", name);
}

static hearth_status map_attribute(trun *r, const tcall *call, tval item, tval *ret)
{
    tval attribute = {.kind = T_MISSING};
    tval otherwise = {.kind = T_MISSING};
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (strcmp(call->keywords[i].name->bytes, "attribute") == 0) {
            attribute = call->keywords[i].value;
        } else if (strcmp(call->keywords[i].name->bytes, "default") == 0) {
            otherwise = call->keywords[i].value;
        } else {
            return TRUN_WRONG(r, "Unexpected keyword argument '%s'", call->keywords[i].name->bytes);
        }
    }
    if (attribute.kind == T_MISSING) {
        return TRUN_WRONG(r, "map requires a filter argument");
    }
    return tfilter_attribute(r, item, attribute, otherwise, ret);
}

static hearth_status filter_map(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    tseq *out = NULL;
    tcall rest;
    const tbuiltin *filter = NULL;
    (void)args;
    TRY(rest_of_call(r, call, 0, tfilter_find, &filter, &rest));
    TRY(tseq_create(r, 0, &out));
    if (tval_truth(self)) {
        TRY(tval_items(r, self, &items, &count));
    }
    TRY(trun_enter(r));
    for (size_t i = 0; i < count; i++) {
        tval value;
        TRY(filter != NULL ? tcall_builtin(r, filter, items[i], &rest, &value)
                           : map_attribute(r, call, items[i], &value));
        TRY(tseq_push(r, out, value));
    }
    trun_leave(r);
    *ret = tval_seq(T_ITERATOR, out);
    return HEARTH_OK;
}

static hearth_status select_items(trun *r, tval self, const tcall *call, bool by_attribute, bool wanted, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    tseq *out = NULL;
    tcall rest;
    const tbuiltin *test = NULL;
    TRY(tseq_create(r, 0, &out));
    *ret = tval_seq(T_ITERATOR, out);
    if (!tval_truth(self)) {
        return HEARTH_OK;
    }
    if (by_attribute && call->count == 0) {
        return TRUN_WRONG(r, "Missing parameter for attribute name");
    }
    TRY(rest_of_call(r, call, by_attribute ? 1 : 0, ttest_find, &test, &rest));
    TRY(tval_items(r, self, &items, &count));
    for (size_t i = 0; i < count; i++) {
        tval value = items[i];
        if (by_attribute) {
            TRY(tfilter_attribute(r, items[i], call->args[0], (tval){.kind = T_MISSING}, &value));
        }
        if (test != NULL) {
            TRY(tcall_builtin(r, test, value, &rest, &value));
        }
        if (tval_truth(value) == wanted) {
            TRY(tseq_push(r, out, items[i]));
        }
    }
    return HEARTH_OK;
}

static hearth_status filter_select(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    return select_items(r, self, call, false, true, ret);
}

static hearth_status filter_reject(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    return select_items(r, self, call, false, false, ret);
}

static hearth_status filter_selectattr(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    return select_items(r, self, call, true, true, ret);
}

static hearth_status filter_rejectattr(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    return select_items(r, self, call, true, false, ret);
}

static hearth_status filter_sum(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    (void)call;
    *ret = args[1].kind == T_MISSING ? tval_int(0) : args[1];
    if (ret->kind == T_STRING) {
        return TRUN_WRONG(r, "sum() can't sum strings [use ''.join(seq) instead]");
    }
    TRY(tval_items(r, self, &items, &count));
    for (size_t i = 0; i < count; i++) {
        tval value;
        TRY(tfilter_attribute(r, items[i], args[0], (tval){.kind = T_MISSING}, &value));
        TRY(toperator_binary(r, TT_ADD, *ret, value, ret));
    }
    return HEARTH_OK;
}

static hearth_status filter_batch(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    int64_t size = 0;
    tseq *out = NULL;
    tseq *row = NULL;
    (void)call;
    TRY(tcall_integer(r, args[0], 0, &size));
    TRY(tval_items(r, self, &items, &count));
    TRY(tseq_create(r, 0, &out));
    for (size_t i = 0; i < count; i++) {
        if (row == NULL || (int64_t)row->count == size) {
            TRY(tseq_create(r, 0, &row));
            TRY(tseq_push(r, out, tval_seq(T_LIST, row)));
        }
        TRY(tseq_push(r, row, items[i]));
    }
    const bool fill = args[1].kind != T_MISSING && args[1].kind != T_NONE;
    while (fill && row != NULL && (int64_t)row->count < size) {
        TRY(tseq_push(r, row, args[1]));
    }
    *ret = tval_seq(T_ITERATOR, out);
    return HEARTH_OK;
}

static hearth_status filter_slice(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval *items = NULL;
    size_t count = 0;
    size_t at = 0;
    int64_t slices = 0;
    tseq *out = NULL;
    (void)call;
    TRY(tcall_integer(r, args[0], 0, &slices));
    TRY(tval_items(r, self, &items, &count));
    if (slices == 0) {
        return TRUN_WRONG(r, "integer division or modulo by zero");
    }
    TRY(tseq_create(r, 0, &out));
    for (int64_t i = 0; i < slices; i++) {
        const bool longer = i < (int64_t)count % slices;
        const size_t size = count / (size_t)slices + longer;
        tseq *part = NULL;
        TRY(tseq_create(r, 0, &part));
        for (size_t k = 0; k < size; k++) {
            TRY(tseq_push(r, part, items[at++]));
        }
        if (args[1].kind != T_MISSING && args[1].kind != T_NONE && !longer) {
            TRY(tseq_push(r, part, args[1]));
        }
        TRY(tseq_push(r, out, tval_seq(T_LIST, part)));
    }
    *ret = tval_seq(T_ITERATOR, out);
    return HEARTH_OK;
}

hearth_status tfilter_length(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    size_t length = 0;
    (void)args;
    (void)call;
    if (!tval_length(self, &length)) {
        return TRUN_WRONG(r, "object of type '%s' has no len()", tval_type(self));
    }
    *ret = tval_int((int64_t)length);
    return HEARTH_OK;
}

static const tbuiltin filters[] = {
    {"length", "", 0, tfilter_length},
    {"count", "", 0, tfilter_length},
    {"sort", "reverse case_sensitive attribute", 0, filter_sort},
    {"dictsort", "case_sensitive by reverse", 0, filter_dictsort},
    {"groupby", "attribute default case_sensitive", 1, filter_groupby},
    {"unique", "case_sensitive attribute", 0, filter_unique},
    {"min", "case_sensitive attribute", 0, filter_min},
    {"max", "case_sensitive attribute", 0, filter_max},
    {"join", "d attribute", 0, filter_join},
    {"first", "", 0, filter_first},
    {"last", "", 0, filter_last},
    {"list", "", 0, filter_list},
    {"reverse", "", 0, filter_reverse},
    {"items", "", 0, filter_items},
    {"map", NULL, 0, filter_map},
    {"select", NULL, 0, filter_select},
    {"reject", NULL, 0, filter_reject},
    {"selectattr", NULL, 0, filter_selectattr},
    {"rejectattr", NULL, 0, filter_rejectattr},
    {"sum", "attribute start", 0, filter_sum},
    {"batch", "linecount fill_with", 1, filter_batch},
    {"slice", "slices fill_with", 1, filter_slice},
};

const tbuiltin *tfilter_list_find(const char *name)
{
    return tcall_find(filters, sizeof filters / sizeof filters[0], name);
}
