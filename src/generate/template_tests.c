/* Tests: what may stand behind "is". */
#include "generate/template_call.h"
#include "generate/template_eval.h"
#include "generate/template_text.h"

#include <string.h>

static hearth_status answer(bool yes, tval *ret)
{
    *ret = tval_bool(yes);
    return HEARTH_OK;
}

/* x % n == wanted; a string's % is not arithmetic, and then the answer is what Python's comparison gives. */
static hearth_status remainder_is(trun *r, tval self, tval divisor, int64_t wanted, tval *ret)
{
    tval rest;
    bool equal = false;
    TRY(toperator_binary(r, TT_MOD, self, divisor, &rest));
    TRY(tval_equal(r, rest, tval_int(wanted), &equal));
    return answer(equal, ret);
}

static hearth_status test_odd(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return remainder_is(r, self, tval_int(2), 1, ret);
}

static hearth_status test_even(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return remainder_is(r, self, tval_int(2), 0, ret);
}

static hearth_status test_divisibleby(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    return remainder_is(r, self, args[0], 0, ret);
}

static hearth_status test_defined(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind != T_UNDEFINED, ret);
}

static hearth_status test_undefined(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_UNDEFINED, ret);
}

static hearth_status test_none(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_NONE, ret);
}

static hearth_status test_boolean(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_BOOL, ret);
}

static hearth_status test_true(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_BOOL && self.as.boolean, ret);
}

static hearth_status test_false(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_BOOL && !self.as.boolean, ret);
}

static hearth_status test_integer(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_INT, ret);
}

static hearth_status test_float(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_FLOAT, ret);
}

static hearth_status test_number(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(tval_is_number(self), ret);
}

static hearth_status test_string(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_STRING, ret);
}

static hearth_status test_mapping(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_DICT, ret);
}

static hearth_status test_iterable(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(tval_iterable(self), ret);
}

/* Has len() and []: strings, lists, tuples, dicts, ranges, and the undefined value. */
static hearth_status test_sequence(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    size_t length = 0;
    (void)r;
    (void)args;
    (void)call;
    return answer(tval_length(self, &length) && self.kind != T_VIEW, ret);
}

static hearth_status test_callable(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_FUNCTION || self.kind == T_METHOD || self.kind == T_MACRO || self.kind == T_LOOP ||
                      self.kind == T_JOINER || self.kind == T_UNDEFINED,
                  ret);
}

static hearth_status test_sameas(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)call;
    return answer(tval_identical(self, args[0]), ret);
}

static hearth_status test_escaped(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_STRING && self.markup, ret);
}

static hearth_status test_case(trun *r, tval self, char what, tval *ret)
{
    tval text;
    TRY(tval_str(r, self, &text));
    return answer(ttext_test(text.as.string, what), ret);
}

static hearth_status test_lower(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return test_case(r, self, 'l', ret);
}

static hearth_status test_upper(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return test_case(r, self, 'u', ret);
}

static hearth_status test_in(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    bool found = false;
    (void)call;
    TRY(tval_contains(r, args[0], self, &found));
    return answer(found, ret);
}

static hearth_status test_filter(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_STRING && tfilter_find(self.as.string->bytes) != NULL, ret);
}

static hearth_status test_test(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    return answer(self.kind == T_STRING && ttest_find(self.as.string->bytes) != NULL, ret);
}

static hearth_status test_eq(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    bool equal = false;
    (void)call;
    TRY(tval_equal(r, self, args[0], &equal));
    return answer(equal, ret);
}

static hearth_status test_ne(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    bool equal = false;
    (void)call;
    TRY(tval_equal(r, self, args[0], &equal));
    return answer(!equal, ret);
}

static hearth_status test_lt(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int order = 0;
    (void)call;
    TRY(tval_compare(r, self, args[0], "<", &order));
    return answer(order == -1, ret);
}

static hearth_status test_le(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int order = 0;
    (void)call;
    TRY(tval_compare(r, self, args[0], "<=", &order));
    return answer(order == -1 || order == 0, ret);
}

static hearth_status test_gt(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int order = 0;
    (void)call;
    TRY(tval_compare(r, self, args[0], ">", &order));
    return answer(order == 1, ret);
}

static hearth_status test_ge(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int order = 0;
    (void)call;
    TRY(tval_compare(r, self, args[0], ">=", &order));
    return answer(order == 1 || order == 0, ret);
}

static const tbuiltin tests[] = {
    {"odd", "", 0, test_odd},
    {"even", "", 0, test_even},
    {"divisibleby", "num", 1, test_divisibleby},
    {"defined", "", 0, test_defined},
    {"undefined", "", 0, test_undefined},
    {"none", "", 0, test_none},
    {"boolean", "", 0, test_boolean},
    {"true", "", 0, test_true},
    {"false", "", 0, test_false},
    {"integer", "", 0, test_integer},
    {"float", "", 0, test_float},
    {"number", "", 0, test_number},
    {"string", "", 0, test_string},
    {"mapping", "", 0, test_mapping},
    {"iterable", "", 0, test_iterable},
    {"sequence", "", 0, test_sequence},
    {"callable", "", 0, test_callable},
    {"sameas", "other", 1, test_sameas},
    {"escaped", "", 0, test_escaped},
    {"lower", "", 0, test_lower},
    {"upper", "", 0, test_upper},
    {"in", "seq", 1, test_in},
    {"filter", "", 0, test_filter},
    {"test", "", 0, test_test},
    {"eq", "other", 1, test_eq},
    {"==", "other", 1, test_eq},
    {"equalto", "other", 1, test_eq},
    {"ne", "other", 1, test_ne},
    {"!=", "other", 1, test_ne},
    {"lt", "other", 1, test_lt},
    {"<", "other", 1, test_lt},
    {"lessthan", "other", 1, test_lt},
    {"le", "other", 1, test_le},
    {"<=", "other", 1, test_le},
    {"gt", "other", 1, test_gt},
    {">", "other", 1, test_gt},
    {"greaterthan", "other", 1, test_gt},
    {"ge", "other", 1, test_ge},
    {">=", "other", 1, test_ge},
};

const tbuiltin *ttest_find(const char *name)
{
    return tcall_find(tests, sizeof tests / sizeof tests[0], name);
}
