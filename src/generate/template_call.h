/* Calls: how arguments reach the functions, methods, filters and tests that are built in, and the callable values that
 * the evaluator makes (macros, loops). Functions are named tcall_*. */
#ifndef GENERATE_TEMPLATE_CALL_H
#define GENERATE_TEMPLATE_CALL_H

#include "generate/template_value.h"

typedef struct tkeyword {
    const tstring *name;
    tval value;
    bool taken;
} tkeyword;

typedef struct tcall {
    const tval *args;
    size_t count;
    tkeyword *keywords;
    size_t keyword_count;
} tcall;

/* `args` holds what `parameters` names, in that order; T_MISSING where nothing was given. `call` has everything, for
 * those that take any number. */
typedef hearth_status (*tbuiltin_fn)(trun *r, tval self, const tval *args, const tcall *call, tval *ret);

#define TCALL_MOST 6u /* parameters of a builtin */

typedef struct tbuiltin {
    const char *name;
    const char *parameters; /* "width first blank"; "/sub start": not by name; NULL: any number */
    unsigned required;
    tbuiltin_fn fn;
} tbuiltin;

struct tfunction {
    const tbuiltin *builtin;
};

/* A bound method: `self` and what to call. */
struct tmethod {
    tval self;
    const tbuiltin *builtin;
};

hearth_status tcall_builtin(trun *r, const tbuiltin *b, tval self, const tcall *call, tval *ret);
/* Anything callable. */
hearth_status tcall_value(trun *r, tval callee, const tcall *call, tval *ret);
const tbuiltin *tcall_find(const tbuiltin *table, size_t count, const char *name);

/* Optional arguments: the default where nothing (or None) was given. */
hearth_status tcall_integer(trun *r, tval arg, int64_t otherwise, int64_t *ret);
hearth_status tcall_string(trun *r, tval arg, const tstring **ret);
static inline bool tcall_flag(tval arg, bool otherwise)
{
    return arg.kind == T_MISSING ? otherwise : tval_truth(arg);
}

/* Filters and tests by name; NULL when there is none. */
const tbuiltin *tfilter_find(const char *name);
const tbuiltin *ttest_find(const char *name);
/* The functions every template sees (range, dict, namespace, …); T_MISSING when there is none. */
tval tcall_global(const char *name);
/* A string's method by name; NULL when there is none. */
const tbuiltin *tmethod_string(const char *name);
/* A string that was escaped (tval.markup) has the methods of markupsafe's Markup: what they give counts as escaped,
 * what they put in is escaped before. `args` in front of the call, `ret` behind it; other methods pass unchanged. */
hearth_status tmethod_markup_before(trun *r, const tbuiltin *method, tval *args);
void tmethod_markup_after(const tbuiltin *method, tval *ret);
/* The filter `escape`: what is escaped already stays as it is. */
hearth_status tcall_escape(trun *r, tval v, tval *ret);
/* value.name as getattr() finds it: methods and attributes; T_MISSING when there is none. */
hearth_status tmethod_attribute(trun *r, tval object, const tstring *name, tval *ret);
/* jinja2's environment.getattr (attribute first) and environment.getitem (item first). */
hearth_status tvalue_getattr(trun *r, tval object, const tstring *name, tval *ret);
hearth_status tvalue_getitem(trun *r, tval object, tval key, tval *ret);

/* Of template_eval.c, which knows macros and loops. */
hearth_status tcall_macro(trun *r, const tmacro *m, const tcall *call, tval *ret);
const char *tcall_macro_name(tval v);
hearth_status tcall_macro_attribute(trun *r, tval v, const tstring *name, tval *ret);
hearth_status tcall_loop(trun *r, tloop *l, const tcall *call, tval *ret);
hearth_status tcall_loop_attribute(trun *r, tval v, const tstring *name, tval *ret);
hearth_status tcall_loop_repr(trun *r, tval v, buffer *out);

#endif
