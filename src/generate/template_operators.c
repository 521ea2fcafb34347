/* Arithmetic and slices with Python's rules. Integers have 64 bits: what does not fit is a limit, not a wrong number.
 */
#include "generate/template_eval.h"
#include "generate/template_format.h"
#include "generate/template_text.h"

#include <math.h>
#include <string.h>

static const char *operator_name(unsigned op)
{
    return tlex_describe((ttoken_kind)op);
}

static hearth_status type_error(trun *r, unsigned op, tval a, tval b)
{
    if (op == TT_ADD && a.kind == T_STRING) {
        return TRUN_WRONG(r, "can only concatenate str (not \"%s\") to str", tval_type(b));
    }
    return TRUN_WRONG(r, "unsupported operand type(s) for %s: '%s' and '%s'", operator_name(op), tval_type(a),
                      tval_type(b));
}

static hearth_status too_big(trun *r)
{
    return TRUN_FAIL(r, HEARTH_E_LIMIT, "an integer of more than 64 bits");
}

static hearth_status integer_power(trun *r, int64_t base, int64_t exponent, tval *ret)
{
    if (exponent < 0) {
        if (base == 0) {
            return TRUN_WRONG(r, "zero to a negative power");
        }
        *ret = tval_float(pow((double)base, (double)exponent));
        return HEARTH_OK;
    }
    int64_t result = 1;
    if (base == 0 || base == 1 || base == -1) {
        result = exponent == 0 ? 1 : (base == -1 && exponent % 2 == 0 ? 1 : base);
        exponent = 0;
    }
    for (; exponent > 0; exponent--) {
        if (__builtin_mul_overflow(result, base, &result)) {
            return too_big(r);
        }
    }
    *ret = tval_int(result);
    return HEARTH_OK;
}

/* // and % round towards minus infinity. */
static hearth_status integer_division(trun *r, unsigned op, int64_t a, int64_t b, tval *ret)
{
    if (b == 0) {
        return TRUN_WRONG(r, "integer division or modulo by zero");
    }
    if (b == -1) {
        int64_t negated = 0;
        if (op == TT_FLOORDIV && __builtin_sub_overflow((int64_t)0, a, &negated)) {
            return too_big(r);
        }
        *ret = tval_int(negated);
        return HEARTH_OK;
    }
    const bool inexact = a % b != 0 && (a < 0) != (b < 0);
    *ret = tval_int(op == TT_FLOORDIV ? a / b - inexact : a % b + (inexact ? b : 0));
    return HEARTH_OK;
}

static hearth_status integer_operation(trun *r, unsigned op, int64_t a, int64_t b, tval *ret)
{
    int64_t result = 0;
    bool overflow = false;
    switch (op) {
    case TT_ADD:
        overflow = __builtin_add_overflow(a, b, &result);
        break;
    case TT_SUB:
        overflow = __builtin_sub_overflow(a, b, &result);
        break;
    case TT_MUL:
        overflow = __builtin_mul_overflow(a, b, &result);
        break;
    case TT_DIV:
        if (b == 0) {
            return TRUN_WRONG(r, "division by zero");
        }
        *ret = tval_float((double)a / (double)b);
        return HEARTH_OK;
    case TT_POW:
        return integer_power(r, a, b, ret);
    default:
        return integer_division(r, op, a, b, ret);
    }
    *ret = tval_int(result);
    return overflow ? too_big(r) : HEARTH_OK;
}

static double float_modulo(double a, double b)
{
    const double remainder = fmod(a, b);
    if (remainder != 0.0) {
        return (remainder < 0) != (b < 0) ? remainder + b : remainder;
    }
    return copysign(0.0, b);
}

static hearth_status float_operation(trun *r, unsigned op, double a, double b, tval *ret)
{
    if ((op == TT_DIV || op == TT_FLOORDIV || op == TT_MOD) && b == 0.0) {
        return TRUN_WRONG(r, "float division by zero");
    }
    double result = 0;
    switch (op) {
    case TT_ADD:
        result = a + b;
        break;
    case TT_SUB:
        result = a - b;
        break;
    case TT_MUL:
        result = a * b;
        break;
    case TT_DIV:
        result = a / b;
        break;
    case TT_FLOORDIV: {
        const double quotient = (a - float_modulo(a, b)) / b;
        const double floored = floor(quotient);
        result = quotient - floored > 0.5 ? floored + 1.0 : floored;
        break;
    }
    case TT_MOD:
        result = float_modulo(a, b);
        break;
    default:
        result = pow(a, b);
        if ((a == 0.0 && b < 0.0) || (a < 0.0 && floor(b) != b)) {
            return TRUN_WRONG(r, "a power that is no real number");
        }
        break;
    }
    *ret = tval_float(result);
    return HEARTH_OK;
}

/* A part of a string that was escaped stays escaped when more is put to it: the other side is escaped then. */
static hearth_status add_strings(trun *r, tval a, tval b, tval *ret)
{
    const size_t mark = r->out->length;
    const bool markup = a.markup || b.markup;
    if (markup) {
        TRY(tcall_escape(r, a, &a));
        TRY(tcall_escape(r, b, &b));
    }
    TRY(tval_print(r, a, r->out));
    TRY(tval_print(r, b, r->out));
    TRY(tval_take(r, r->out, mark, ret));
    ret->markup = markup;
    return HEARTH_OK;
}

static hearth_status add_sequences(trun *r, tval a, tval b, tval *ret)
{
    tseq *sum = NULL;
    TRY(tseq_create(r, a.as.seq->count + b.as.seq->count, &sum));
    for (size_t i = 0; i < a.as.seq->count; i++) {
        TRY(tseq_push(r, sum, a.as.seq->items[i]));
    }
    for (size_t i = 0; i < b.as.seq->count; i++) {
        TRY(tseq_push(r, sum, b.as.seq->items[i]));
    }
    *ret = tval_seq(a.kind, sum);
    return HEARTH_OK;
}

static hearth_status repeat_string(trun *r, tval s, size_t times, tval *ret)
{
    size_t total = 0;
    if (__builtin_mul_overflow(s.as.string->length, times, &total) || total > LIMIT_TEMPLATE_OUTPUT_BYTES) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "a string of more than %u bytes", LIMIT_TEMPLATE_OUTPUT_BYTES);
    }
    const size_t mark = r->out->length;
    TRY(trun_work(r, times * 4));
    for (size_t i = 0; total > 0 && i < times; i++) {
        TRY(buffer_append(r->out, s.as.string->bytes, s.as.string->length, r->error));
    }
    TRY(tval_take(r, r->out, mark, ret));
    ret->markup = s.markup;
    return HEARTH_OK;
}

static hearth_status repeat(trun *r, tval v, tval count, tval *ret)
{
    const int64_t number = tval_integer(count);
    const size_t times = number > 0 ? (size_t)number : 0;
    if (v.kind == T_STRING) {
        return repeat_string(r, v, times, ret);
    }
    size_t total = 0;
    if (__builtin_mul_overflow(v.as.seq->count, times, &total) || total > LIMIT_TEMPLATE_STEPS) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "a list of more than %u items", LIMIT_TEMPLATE_STEPS);
    }
    tseq *out = NULL;
    TRY(tseq_create(r, total, &out));
    for (size_t i = 0; i < total; i++) {
        TRY(tseq_push(r, out, v.as.seq->items[i % v.as.seq->count]));
    }
    *ret = tval_seq(v.kind, out);
    return HEARTH_OK;
}

static bool repeatable(tval v)
{
    return v.kind == T_STRING || v.kind == T_LIST || v.kind == T_TUPLE;
}

hearth_status toperator_binary(trun *r, unsigned op, tval a, tval b, tval *ret)
{
    if (op == TT_MOD && a.kind == T_STRING) {
        return tformat_percent(r, a, b, ret);
    }
    if (a.kind == T_UNDEFINED || b.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, a.kind == T_UNDEFINED ? a : b);
    }
    if (tval_is_integer(a) && tval_is_integer(b)) {
        return integer_operation(r, op, tval_integer(a), tval_integer(b), ret);
    }
    if (tval_is_number(a) && tval_is_number(b)) {
        return float_operation(r, op, tval_real(a), tval_real(b), ret);
    }
    if (op == TT_ADD && a.kind == b.kind && a.kind == T_STRING) {
        return add_strings(r, a, b, ret);
    }
    if (op == TT_ADD && a.kind == b.kind && (a.kind == T_LIST || a.kind == T_TUPLE)) {
        return add_sequences(r, a, b, ret);
    }
    if (op == TT_MUL && repeatable(a) && tval_is_integer(b)) {
        return repeat(r, a, b, ret);
    }
    if (op == TT_MUL && repeatable(b) && tval_is_integer(a)) {
        return repeat(r, b, a, ret);
    }
    return type_error(r, op, a, b);
}

hearth_status toperator_unary(trun *r, unsigned op, tval a, tval *ret)
{
    int64_t negated = 0;
    if (a.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, a);
    }
    if (a.kind == T_FLOAT) {
        *ret = tval_float(op == TT_SUB ? -a.as.real : a.as.real);
        return HEARTH_OK;
    }
    if (!tval_is_integer(a)) {
        return TRUN_WRONG(r, "bad operand type for unary %s: '%s'", operator_name(op), tval_type(a));
    }
    if (op == TT_ADD) {
        *ret = tval_int(tval_integer(a));
        return HEARTH_OK;
    }
    if (__builtin_sub_overflow((int64_t)0, tval_integer(a), &negated)) {
        return too_big(r);
    }
    *ret = tval_int(negated);
    return HEARTH_OK;
}

static hearth_status slice_bound(trun *r, tval v, int64_t length, int64_t step, int64_t otherwise, int64_t *ret)
{
    if (v.kind == T_NONE) {
        *ret = otherwise;
        return HEARTH_OK;
    }
    if (!tval_is_integer(v)) {
        return TRUN_WRONG(r, "slice indices must be integers or None");
    }
    int64_t at = tval_integer(v);
    if (at < 0) {
        at = at < -length ? -1 : at + length;
        at = at < 0 ? (step < 0 ? -1 : 0) : at;
    } else if (at >= length) {
        at = step < 0 ? length - 1 : length;
    }
    *ret = at;
    return HEARTH_OK;
}

/* `asked` is the step as it was written, which a range shows; `step` is the same or less where that is past any end. */
static hearth_status slice_items(trun *r, tval v, int64_t start, int64_t stop, int64_t step, int64_t asked,
                                 size_t count, tval *ret)
{
    tseq *out = NULL;
    TRY(tseq_create(r, count, &out));
    for (size_t i = 0; i < count; i++) {
        TRY(tseq_push(r, out, v.as.seq->items[start + (int64_t)i * step]));
    }
    if (v.kind == T_RANGE) {
        const tseq *range = v.as.seq;
        if (__builtin_mul_overflow(range->step, asked, &out->step)) {
            return too_big(r);
        }
        out->start = range->start + start * range->step;
        out->stop = range->start + stop * range->step;
    }
    *ret = tval_seq(v.kind, out);
    return HEARTH_OK;
}

hearth_status toperator_slice(trun *r, tval v, tval start, tval stop, tval step, tval *ret)
{
    size_t size = 0;
    if (v.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, v);
    }
    if (v.kind != T_STRING && v.kind != T_LIST && v.kind != T_TUPLE && v.kind != T_RANGE) {
        return TRUN_WRONG(r, "'%s' object cannot be sliced", tval_type(v));
    }
    (void)tval_length(v, &size);
    const int64_t length = (int64_t)size;
    int64_t by = 1;
    int64_t asked = 1;
    if (step.kind != T_NONE) {
        if (!tval_is_integer(step) || tval_integer(step) == 0) {
            return TRUN_WRONG(r, "slice step must be an integer other than zero");
        }
        asked = tval_integer(step);
        by = asked;
        by = by > length + 1 ? length + 1 : (by < -length - 1 ? -length - 1 : by);
    }
    int64_t from = 0;
    int64_t to = 0;
    TRY(slice_bound(r, start, length, by, by < 0 ? length - 1 : 0, &from));
    TRY(slice_bound(r, stop, length, by, by < 0 ? -1 : length, &to));
    int64_t count = 0;
    if (by > 0 && from < to) {
        count = (to - from - 1) / by + 1;
    } else if (by < 0 && to < from) {
        count = (from - to - 1) / -by + 1;
    }
    if (v.kind == T_STRING) {
        TRY(ttext_slice(r, v.as.string, from, by, (size_t)count, ret));
        ret->markup = v.markup;
        return HEARTH_OK;
    }
    return slice_items(r, v, from, to, by, asked, (size_t)count, ret);
}
