/* The methods of strings. Those of other values are in template_objects.c. */
#include "generate/template_call.h"
#include "generate/template_format.h"
#include "generate/template_text.h"

#include <string.h>

static hearth_status strip(trun *r, tval self, const tval *args, int sides, tval *ret)
{
    const tstring *chars = NULL;
    TRY(tcall_string(r, args[0], &chars));
    return ttext_strip(r, self, chars, sides, ret);
}

static hearth_status str_strip(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return strip(r, self, args, 3, ret);
}

static hearth_status str_lstrip(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return strip(r, self, args, 1, ret);
}

static hearth_status str_rstrip(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return strip(r, self, args, 2, ret);
}

static hearth_status split(trun *r, tval self, const tval *args, bool from_right, tval *ret)
{
    const tstring *separator = NULL;
    int64_t most = -1;
    TRY(tcall_string(r, args[0], &separator));
    TRY(tcall_integer(r, args[1], -1, &most));
    return ttext_split(r, self.as.string, separator, most, from_right, ret);
}

static hearth_status str_split(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return split(r, self, args, false, ret);
}

static hearth_status str_rsplit(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return split(r, self, args, true, ret);
}

static hearth_status str_splitlines(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return ttext_splitlines(r, self.as.string, tcall_flag(args[0], false), ret);
}

static hearth_status partition(trun *r, tval self, tval arg, bool last, tval *ret)
{
    const tstring *s = self.as.string;
    const tstring *separator = NULL;
    tval part[3];
    tseq *parts = NULL;
    TRY(tcall_string(r, arg, &separator));
    if (separator == NULL || separator->length == 0) {
        return TRUN_WRONG(r, "empty separator");
    }
    const size_t at = ttext_find(s, separator, 0, s->length, last);
    const bool found = at != SIZE_MAX;
    const size_t left = found ? at : (last ? 0 : s->length);
    const size_t right = found ? at + separator->length : (last ? 0 : s->length);
    TRY(tval_string(r, s->bytes, left, &part[0]));
    TRY(tval_string(r, separator->bytes, found ? separator->length : 0, &part[1]));
    TRY(tval_string(r, s->bytes + right, s->length - right, &part[2]));
    TRY(tseq_create(r, 3, &parts));
    for (int i = 0; i < 3; i++) {
        TRY(tseq_push(r, parts, part[i]));
    }
    *ret = tval_seq(T_TUPLE, parts);
    return HEARTH_OK;
}

static hearth_status str_partition(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return partition(r, self, args[0], false, ret);
}

static hearth_status str_rpartition(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return partition(r, self, args[0], true, ret);
}

/* The bytes that s[start:end] covers; false when start is behind the end of the string. */
static hearth_status bounds(trun *r, const tstring *s, const tval *args, size_t *ret_start, size_t *ret_end,
                            bool *ret_inside)
{
    const int64_t points = (int64_t)s->points;
    int64_t start = 0;
    int64_t end = points;
    TRY(tcall_integer(r, args[0], 0, &start));
    TRY(tcall_integer(r, args[1], points, &end));
    start = start < 0 ? (start + points < 0 ? 0 : start + points) : start;
    end = end < 0 ? (end + points < 0 ? 0 : end + points) : (end > points ? points : end);
    *ret_inside = start <= end;
    *ret_start = ttext_offset(s, (size_t)(start > points ? points : start));
    *ret_end = ttext_offset(s, (size_t)end);
    return trun_work(r, s->length);
}

static hearth_status find(trun *r, tval self, const tval *args, bool last, int64_t *ret)
{
    const tstring *s = self.as.string;
    const tstring *what = NULL;
    size_t start = 0;
    size_t end = 0;
    bool inside = false;
    TRY(tcall_string(r, args[0], &what));
    TRY(bounds(r, s, args + 1, &start, &end, &inside));
    TRY(trun_work(r, last ? s->length * 8 : s->length));
    const size_t at = inside && what != NULL ? ttext_find(s, what, start, end, last) : SIZE_MAX;
    *ret = at == SIZE_MAX ? -1 : (int64_t)ttext_points(s->bytes, at);
    return what != NULL ? HEARTH_OK : TRUN_WRONG(r, "must be str, not NoneType");
}

static hearth_status str_find(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int64_t at = 0;
    (void)call;
    TRY(find(r, self, args, false, &at));
    *ret = tval_int(at);
    return HEARTH_OK;
}

static hearth_status str_rfind(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int64_t at = 0;
    (void)call;
    TRY(find(r, self, args, true, &at));
    *ret = tval_int(at);
    return HEARTH_OK;
}

static hearth_status str_index(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    TRY(str_find(r, self, args, call, ret));
    return ret->as.integer >= 0 ? HEARTH_OK : TRUN_WRONG(r, "substring not found");
}

static hearth_status str_rindex(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    TRY(str_rfind(r, self, args, call, ret));
    return ret->as.integer >= 0 ? HEARTH_OK : TRUN_WRONG(r, "substring not found");
}

static hearth_status str_count(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = self.as.string;
    const tstring *what = NULL;
    size_t start = 0;
    size_t end = 0;
    int64_t count = 0;
    bool inside = false;
    (void)call;
    TRY(tcall_string(r, args[0], &what));
    TRY(bounds(r, s, args + 1, &start, &end, &inside));
    if (what == NULL) {
        return TRUN_WRONG(r, "must be str, not NoneType");
    }
    if (what->length == 0) {
        *ret = tval_int(inside ? (int64_t)ttext_points(s->bytes + start, end - start) + 1 : 0);
        return HEARTH_OK;
    }
    for (size_t at = start; inside && (at = ttext_find(s, what, at, end, false)) != SIZE_MAX; at += what->length) {
        count++;
    }
    *ret = tval_int(count);
    return HEARTH_OK;
}

static bool affix_matches(const tstring *s, size_t start, size_t end, const tstring *affix, bool at_end)
{
    return affix->length <= end - start &&
           memcmp(at_end ? s->bytes + end - affix->length : s->bytes + start, affix->bytes, affix->length) == 0;
}

static hearth_status affix(trun *r, tval self, const tval *args, bool at_end, tval *ret)
{
    const tval *items = &args[0];
    size_t count = 1;
    size_t start = 0;
    size_t end = 0;
    bool inside = false;
    bool matches = false;
    TRY(bounds(r, self.as.string, args + 1, &start, &end, &inside));
    if (args[0].kind == T_TUPLE) {
        TRY(tval_items(r, args[0], &items, &count));
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind != T_STRING) {
            return TRUN_WRONG(r, "%s first arg must be str or a tuple of str, not %s",
                              at_end ? "endswith" : "startswith", tval_type(items[i]));
        }
        matches = matches || (inside && affix_matches(self.as.string, start, end, items[i].as.string, at_end));
    }
    *ret = tval_bool(matches);
    return HEARTH_OK;
}

static hearth_status str_startswith(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return affix(r, self, args, false, ret);
}

static hearth_status str_endswith(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return affix(r, self, args, true, ret);
}

static hearth_status remove_affix(trun *r, tval self, tval arg, bool at_end, tval *ret)
{
    const tstring *s = self.as.string;
    const tstring *what = NULL;
    TRY(tcall_string(r, arg, &what));
    *ret = self;
    if (what == NULL || what->length == 0 || !affix_matches(s, 0, s->length, what, at_end)) {
        return HEARTH_OK;
    }
    return tval_string(r, at_end ? s->bytes : s->bytes + what->length, s->length - what->length, ret);
}

static hearth_status str_removeprefix(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return remove_affix(r, self, args[0], false, ret);
}

static hearth_status str_removesuffix(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return remove_affix(r, self, args[0], true, ret);
}

static hearth_status str_replace(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *from = NULL;
    const tstring *to = NULL;
    int64_t most = -1;
    (void)call;
    TRY(tcall_string(r, args[0], &from));
    TRY(tcall_string(r, args[1], &to));
    TRY(tcall_integer(r, args[2], -1, &most));
    if (from == NULL || to == NULL) {
        return TRUN_WRONG(r, "replace() argument must be str, not NoneType");
    }
    return ttext_replace(r, self.as.string, from, to, most, ret);
}

static hearth_status str_upper(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return ttext_case(r, self.as.string, TCASE_UPPER, ret);
}

static hearth_status str_lower(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return ttext_case(r, self.as.string, TCASE_LOWER, ret);
}

static hearth_status str_title(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return ttext_case(r, self.as.string, TCASE_TITLE, ret);
}

static hearth_status str_capitalize(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return ttext_case(r, self.as.string, TCASE_CAPITALIZE, ret);
}

static hearth_status str_swapcase(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return ttext_case(r, self.as.string, TCASE_SWAP, ret);
}

static hearth_status str_format(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    return tformat_braces(r, self, call, ret);
}

static hearth_status str_join(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const size_t mark = r->out->length;
    const tval *items = NULL;
    size_t count = 0;
    (void)call;
    TRY(tval_items(r, args[0], &items, &count));
    for (size_t i = 0; i < count; i++) {
        tval item = items[i];
        if (self.markup) {
            TRY(tcall_escape(r, item, &item));
        }
        if (item.kind != T_STRING) {
            return TRUN_WRONG(r, "sequence item %zu: expected str instance, %s found", i, tval_type(item));
        }
        if (i > 0) {
            TRY(tval_print(r, self, r->out));
        }
        TRY(tval_print(r, item, r->out));
    }
    return tval_take(r, r->out, mark, ret);
}

/* side -1 ljust, 0 center, 1 rjust. */
static hearth_status justify(trun *r, tval self, const tval *args, int side, tval *ret)
{
    const tstring *s = self.as.string;
    const tstring *fill = NULL;
    int64_t width = 0;
    TRY(tcall_integer(r, args[0], 0, &width));
    TRY(tcall_string(r, args[1], &fill));
    if (fill != NULL && fill->points != 1) {
        return TRUN_WRONG(r, "the fill character must be exactly one character long");
    }
    if (width > (int64_t)LIMIT_TEMPLATE_OUTPUT_BYTES / 4) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "a width of %lld characters", (long long)width);
    }
    const size_t room = width > (int64_t)s->points ? (size_t)width - s->points : 0;
    const size_t left = side < 0 ? 0 : (side > 0 ? room : room / 2 + (room & (size_t)width & 1));
    const size_t mark = r->out->length;
    TRY(trun_work(r, room * 8));
    for (size_t i = 0; i < room + 1; i++) {
        if (i == left) {
            TRY(tval_print(r, self, r->out));
        }
        if (i < room) {
            TRY(fill != NULL ? buffer_append(r->out, fill->bytes, fill->length, r->error)
                             : buffer_append_char(r->out, ' ', r->error));
        }
    }
    return tval_take(r, r->out, mark, ret);
}

static hearth_status str_ljust(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return justify(r, self, args, -1, ret);
}

static hearth_status str_center(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return justify(r, self, args, 0, ret);
}

static hearth_status str_rjust(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return justify(r, self, args, 1, ret);
}

static hearth_status str_zfill(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = self.as.string;
    const bool sign = s->length > 0 && (s->bytes[0] == '-' || s->bytes[0] == '+');
    int64_t width = 0;
    (void)call;
    TRY(tcall_integer(r, args[0], 0, &width));
    if (width > (int64_t)LIMIT_TEMPLATE_OUTPUT_BYTES / 4) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "a width of %lld characters", (long long)width);
    }
    const size_t mark = r->out->length;
    TRY(buffer_append(r->out, s->bytes, sign, r->error));
    for (int64_t i = (int64_t)s->points; i < width; i++) {
        TRY(trun_work(r, 0));
        TRY(buffer_append_char(r->out, '0', r->error));
    }
    TRY(buffer_append(r->out, s->bytes + sign, s->length - sign, r->error));
    return tval_take(r, r->out, mark, ret);
}

static hearth_status str_class(trun *r, tval self, char what, tval *ret)
{
    TRY(trun_work(r, self.as.string->length * 8));
    *ret = tval_bool(ttext_test(self.as.string, what));
    return HEARTH_OK;
}

static hearth_status str_isalpha(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'a', ret);
}

static hearth_status str_isdigit(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'd', ret);
}

static hearth_status str_isdecimal(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'c', ret);
}

static hearth_status str_isnumeric(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'm', ret);
}

static hearth_status str_isalnum(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'n', ret);
}

static hearth_status str_isspace(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 's', ret);
}

static hearth_status str_isupper(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'u', ret);
}

static hearth_status str_islower(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'l', ret);
}

static hearth_status str_istitle(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 't', ret);
}

static hearth_status str_isascii(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'A', ret);
}

static hearth_status str_isidentifier(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'i', ret);
}

static hearth_status str_isprintable(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return str_class(r, self, 'p', ret);
}

static const tbuiltin string_methods[] = {
    {"strip", "/chars", 0, str_strip},
    {"lstrip", "/chars", 0, str_lstrip},
    {"rstrip", "/chars", 0, str_rstrip},
    {"split", "sep maxsplit", 0, str_split},
    {"rsplit", "sep maxsplit", 0, str_rsplit},
    {"splitlines", "keepends", 0, str_splitlines},
    {"partition", "/sep", 1, str_partition},
    {"rpartition", "/sep", 1, str_rpartition},
    {"find", "/sub start end", 1, str_find},
    {"rfind", "/sub start end", 1, str_rfind},
    {"index", "/sub start end", 1, str_index},
    {"rindex", "/sub start end", 1, str_rindex},
    {"count", "/sub start end", 1, str_count},
    {"startswith", "/prefix start end", 1, str_startswith},
    {"endswith", "/suffix start end", 1, str_endswith},
    {"removeprefix", "/prefix", 1, str_removeprefix},
    {"removesuffix", "/suffix", 1, str_removesuffix},
    {"replace", "/old new count", 2, str_replace},
    {"upper", "", 0, str_upper},
    {"lower", "", 0, str_lower},
    {"casefold", "", 0, str_lower},
    {"title", "", 0, str_title},
    {"capitalize", "", 0, str_capitalize},
    {"swapcase", "", 0, str_swapcase},
    {"format", NULL, 0, str_format},
    {"join", "/iterable", 1, str_join},
    {"ljust", "/width fillchar", 1, str_ljust},
    {"center", "/width fillchar", 1, str_center},
    {"rjust", "/width fillchar", 1, str_rjust},
    {"zfill", "/width", 1, str_zfill},
    {"isalpha", "", 0, str_isalpha},
    {"isdigit", "", 0, str_isdigit},
    {"isdecimal", "", 0, str_isdecimal},
    {"isnumeric", "", 0, str_isnumeric},
    {"isalnum", "", 0, str_isalnum},
    {"isspace", "", 0, str_isspace},
    {"isupper", "", 0, str_isupper},
    {"islower", "", 0, str_islower},
    {"istitle", "", 0, str_istitle},
    {"isascii", "", 0, str_isascii},
    {"isidentifier", "", 0, str_isidentifier},
    {"isprintable", "", 0, str_isprintable},
};

const tbuiltin *tmethod_string(const char *name)
{
    return tcall_find(string_methods, sizeof string_methods / sizeof string_methods[0], name);
}

/* Methods whose result counts as escaped, and the argument that is escaped first (-1: none; join and format see to it
 * themselves). */
static const struct {
    tbuiltin_fn fn;
    int escaped;
} markup_rows[] = {
    {str_strip, -1},        {str_lstrip, -1},       {str_rstrip, -1},     {str_split, -1},    {str_rsplit, -1},
    {str_partition, -1},    {str_rpartition, -1},   {str_splitlines, -1}, {str_replace, 1},   {str_upper, -1},
    {str_lower, -1},        {str_title, -1},        {str_capitalize, -1}, {str_swapcase, -1}, {str_format, -1},
    {str_join, -1},         {str_ljust, 1},         {str_center, 1},      {str_rjust, 1},     {str_zfill, -1},
    {str_removeprefix, -1}, {str_removesuffix, -1},
};

static int markup_row(const tbuiltin *method)
{
    for (size_t i = 0; i < sizeof markup_rows / sizeof markup_rows[0]; i++) {
        if (markup_rows[i].fn == method->fn) {
            return (int)i;
        }
    }
    return -1;
}

hearth_status tmethod_markup_before(trun *r, const tbuiltin *method, tval *args)
{
    const int row = markup_row(method);
    const int escaped = row < 0 ? -1 : markup_rows[row].escaped;
    return escaped < 0 || args[escaped].kind == T_MISSING ? HEARTH_OK : tcall_escape(r, args[escaped], &args[escaped]);
}

void tmethod_markup_after(const tbuiltin *method, tval *ret)
{
    if (markup_row(method) < 0) {
        return;
    }
    if (ret->kind == T_STRING) {
        ret->markup = true;
        return;
    }
    for (size_t i = 0; i < ret->as.seq->count; i++) { /* the list or tuple that the method has just made */
        ret->as.seq->items[i].markup = true;
    }
}
