/* The values a template computes with, the run they live in, and what Python says about them: truth, equality, order,
 * iteration, printing. Everything is allocated from the run's arena and dies with it, so nothing here frees.
 * Functions of this file are named tval_*, those of the run trun_*. */
#ifndef GENERATE_TEMPLATE_VALUE_H
#define GENERATE_TEMPLATE_VALUE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"

typedef enum tkind {
    T_MISSING, /* never seen by a template: an argument that was not given, a name that is not bound */
    T_UNDEFINED,
    T_NONE,
    T_BOOL,
    T_INT,
    T_FLOAT,
    T_STRING,
    T_LIST,
    T_TUPLE,
    T_DICT,
    T_VIEW,     /* dict.keys(), .values(), .items(): `seq` was made when the view was */
    T_RANGE,    /* `seq` holds the numbers: the sandbox allows 100,000 at most */
    T_ITERATOR, /* what generators and reversed() give: can be walked once */
    T_NAMESPACE,
    T_MACRO,
    T_FUNCTION, /* range, dict, namespace, raise_exception, … */
    T_METHOD,   /* "text".upper before it is called */
    T_LOOP,
    T_CYCLER,
    T_JOINER,
} tkind;

/* Valid UTF-8, terminated. `points`: characters as Python counts them. */
typedef struct tstring {
    const char *bytes;
    size_t length;
    size_t points;
} tstring;

typedef struct tseq tseq;
typedef struct tdict tdict;
typedef struct tundefined tundefined;
typedef struct tmacro tmacro;
typedef struct tfunction tfunction;
typedef struct tmethod tmethod;
typedef struct tloop tloop;
typedef struct tjoiner tjoiner;

typedef struct tval {
    tkind kind;
    bool markup; /* a string that `escape` or `safe` made: escaping it again changes nothing */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const tstring *string;
        tseq *seq;   /* list, tuple, view, range, iterator, cycler */
        tdict *dict; /* dict, namespace */
        const tundefined *undefined;
        const tmacro *macro;
        const tfunction *function;
        const tmethod *method;
        tloop *loop;
        tjoiner *joiner;
    } as;
} tval;

typedef enum tview { TVIEW_KEYS, TVIEW_VALUES, TVIEW_ITEMS } tview;

/* A list that its maker is done with is never changed: the sandbox forbids append() and its friends. */
struct tseq {
    tval *items;
    size_t count;
    size_t capacity;
    size_t position;           /* iterator: the next item; cycler: the current one */
    int64_t start, stop, step; /* range: for printing */
    tview view;
};

typedef struct tpair {
    tval key;
    tval value;
} tpair;

struct tdict {
    tpair *pairs; /* in insertion order */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* open addressing: pair number + 1, or 0; NULL while the dict is small */
    size_t slot_count;
};

/* Why something is undefined, for the error of who uses it: `hint`, else `name` not in `object`, else `name`. */
struct tundefined {
    const char *hint;
    tval object; /* T_MISSING: a variable */
    tval name;
};

struct tjoiner {
    tval separator;
    bool used;
};

/* One rendering. `error` may be NULL. */
typedef struct trun {
    arena *memory;
    hearth_error *error;
    uint64_t steps;
    unsigned depth; /* of the evaluator and of walks over nested values */
    unsigned calls; /* macros and loops entered recursively */
    uint32_t line;  /* of the node being evaluated */
    int64_t now_unix;
    buffer *out; /* a capture (macro, set block) writes behind what is there and takes its part off again */
} trun;

/* Evaluator levels that may be open at once: LIMIT_TEMPLATE_DEPTH bounds the parser and the macros, this the C stack.
 */
#define TRUN_DEPTH 1000u

/* Fills in the error: the line, and what is wrong. */
void trun_report(trun *r, hearth_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define TRUN_FAIL(r, status, ...) (trun_report((r), (status), __VA_ARGS__), (status))
/* HEARTH_E_FORMAT: what jinja2 raises as TypeError, UndefinedError, … */
#define TRUN_WRONG(r, ...) TRUN_FAIL((r), HEARTH_E_FORMAT, __VA_ARGS__)
/* NULL past the memory limit; the caller returns trun_memory(). Never for 0 bytes: it then gives 1. */
void *trun_alloc(trun *r, size_t count, size_t size_bytes);
static inline hearth_status trun_memory(trun *r)
{
    if (arena_used_bytes(r->memory) > LIMIT_TEMPLATE_MEMORY_BYTES / 2) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "more than %u MiB of memory", LIMIT_TEMPLATE_MEMORY_BYTES >> 20);
    }
    return TRUN_FAIL(r, HEARTH_E_MEMORY, "out of memory");
}
/* Counts work: 1 and one more for every 32 of `amount`. */
hearth_status trun_work(trun *r, size_t amount);
/* One level of recursion down; every success is paired with trun_leave(). */
hearth_status trun_enter(trun *r);
void trun_leave(trun *r);

static inline tval tval_none(void)
{
    return (tval){.kind = T_NONE};
}
static inline tval tval_bool(bool b)
{
    return (tval){.kind = T_BOOL, .as.boolean = b};
}
static inline tval tval_int(int64_t i)
{
    return (tval){.kind = T_INT, .as.integer = i};
}
static inline tval tval_float(double d)
{
    return (tval){.kind = T_FLOAT, .as.real = d};
}
static inline tval tval_seq(tkind kind, tseq *seq)
{
    return (tval){.kind = kind, .as.seq = seq};
}
static inline tval tval_dict(tdict *dict)
{
    return (tval){.kind = T_DICT, .as.dict = dict};
}
/* bool counts as an integer, as in Python. */
static inline bool tval_is_integer(tval v)
{
    return v.kind == T_INT || v.kind == T_BOOL;
}
static inline bool tval_is_number(tval v)
{
    return tval_is_integer(v) || v.kind == T_FLOAT;
}
static inline int64_t tval_integer(tval v)
{
    return v.kind == T_BOOL ? (int64_t)v.as.boolean : v.as.integer;
}
static inline double tval_real(tval v)
{
    return v.kind == T_FLOAT ? v.as.real : (double)tval_integer(v);
}
static inline bool tval_is(tval v, const char *text)
{
    return v.kind == T_STRING && __builtin_strcmp(v.as.string->bytes, text) == 0;
}

/* A copy of the bytes, which are valid UTF-8. */
hearth_status tval_string(trun *r, const char *bytes, size_t length, tval *ret);
hearth_status tval_text(trun *r, const char *text, tval *ret);
/* Takes what `b` holds behind `start` off it and makes it a string. */
hearth_status tval_take(trun *r, buffer *b, size_t start, tval *ret);
/* `hint` must outlive the run (a literal or arena memory). */
hearth_status tval_undefined_hint(trun *r, const char *hint, tval *ret);
hearth_status tval_undefined(trun *r, tval object, tval name, tval *ret);
/* Fails with the reason why `v` is undefined. */
hearth_status tval_undefined_report(trun *r, tval v);
static inline hearth_status tval_undefined_fail(trun *r, tval v)
{
    const hearth_status status = tval_undefined_report(r, v);
    return status != HEARTH_OK ? status : HEARTH_E_FORMAT;
}

hearth_status tseq_create(trun *r, size_t capacity, tseq **ret);
hearth_status tseq_push(trun *r, tseq *s, tval item);
hearth_status tval_pair(trun *r, tval a, tval b, tval *ret);

hearth_status tdict_create(trun *r, tdict **ret);
/* May it be a key? Lists, dicts and the views of keys and items may not, nor a tuple with one of them. */
hearth_status tval_hashable(trun *r, tval v, bool *ret);
/* Replaces the value of an equal key. An unhashable key is an error. */
hearth_status tdict_set(trun *r, tdict *d, tval key, tval value);
/* T_MISSING when there is none. */
hearth_status tdict_get(trun *r, const tdict *d, tval key, tval *ret);
hearth_status tdict_view(trun *r, const tdict *d, tview what, tval *ret);

/* Python's bool(). */
bool tval_truth(tval v);
hearth_status tval_equal(trun *r, tval a, tval b, bool *ret);
/* -1, 0, 1; unordered (NaN) gives 2; an error for values without an order. `op` is for the error: "<". */
hearth_status tval_compare(trun *r, tval a, tval b, const char *op, int *ret);
hearth_status tval_contains(trun *r, tval container, tval item, bool *ret);
bool tval_identical(tval a, tval b);
/* Python's type name: "str", "int", "NoneType", "dict_items". */
const char *tval_type(tval v);
bool tval_iterable(tval v);
/* len(); false where Python raises TypeError. */
bool tval_length(tval v, size_t *ret);
/* All items: an iterator is used up. What comes back may be shared and must not be changed. */
hearth_status tval_items(trun *r, tval v, const tval **ret_items, size_t *ret_count);

/* str() and repr(), appended to `out`. */
hearth_status tval_print(trun *r, tval v, buffer *out);
hearth_status tval_repr(trun *r, tval v, buffer *out);
/* str() as a value; a string comes back as it is. */
hearth_status tval_str(trun *r, tval v, tval *ret);

#endif
