/* What the files man_*.c share: the page that is being read. */
#ifndef CORPUS_MAN_PAGE_H
#define CORPUS_MAN_PAGE_H

#include "base/arena.h"
#include "base/buffer.h"

#include <stdbool.h>

enum {
    MAN_ARGUMENTS = 64,        /* of a line; what is behind them belongs to the last */
    MAN_NESTING = 16,          /* macros in macros, lists in lists */
    MAN_INDENT = 4,            /* blanks of a level */
    MAN_INDENT_MOST = 8,       /* levels that have blanks */
    MAN_MACRO_LINE_WORK = 256, /* bytes that a line out of a macro counts for besides: they have no end */
};

typedef struct man_name {
    const char *name;
    const char *text; /* a string, a macro's lines; NULL: a register */
    bool is_macro;
    long number;
    struct man_name *next;
} man_name;

typedef struct man_input {
    const char *text;
    size_t length, at;
    const char *const *arguments; /* of the macro whose lines these are */
    size_t argument_count;
} man_input;

typedef enum man_list {
    MAN_LIST_TAG,
    MAN_LIST_BULLET,
    MAN_LIST_ENUM,
    MAN_LIST_ITEM,
    MAN_LIST_COLUMN,
    MAN_LIST_INLINE
} man_list;

typedef enum man_spacing { MAN_SPACING_ON, MAN_SPACING_ENDS, MAN_SPACING_OFF } man_spacing; /* ENDS: after a word */

typedef struct man_page {
    hearth_error *error;
    buffer *out;
    size_t begin; /* of what is ours in `out` */
    arena *a;
    man_name *names;
    man_input inputs[MAN_NESTING];
    int depth;     /* of inputs, from 1 */
    uint64_t work; /* bytes looked at and lines done; past LIMIT_MAN_WORK_BYTES the page ends */
    size_t name_count;
    int nesting;                  /* of lines in lines */
    bool conditions[MAN_NESTING]; /* what the .ie of a depth said */
    /* output */
    bool at_line;    /* the line has begun */
    bool blank;      /* an empty line is due */
    bool joined;     /* the next text follows without a blank */
    bool literal;    /* lines stay lines, blanks blanks */
    unsigned indent; /* levels, of what comes */
    unsigned base;   /* of paragraphs */
    /* man(7) */
    int tag;          /* the next text is: 1 .TP's tag, 2 .SH's heading; 3: .It's tag goes on up to .Xc; 0: none */
    size_t tag_from;  /* where it began in `out` */
    const char *link; /* of .UR and .MT, for their end */
    unsigned outer[MAN_NESTING];
    int outers;
    /* mdoc(7) */
    bool mdoc, synopsis;
    man_spacing spacing;
    const char *name; /* .Nm's */
    struct {
        man_list kind;
        unsigned count, indent;
    } lists[MAN_NESTING];
    int list_depth;
    bool literals[MAN_NESTING]; /* of .Bd */
    int displays;
    int function;  /* arguments seen in .Fo; -1: outside */
    int reference; /* parts seen in .Rs; -1: outside */
} man_page;

/* ---- man_text.c: output ---- */

hearth_status man_put(man_page *p, const char *text); /* raw text with escapes, joined by a blank in filled text */
hearth_status man_put_joined(man_page *p, const char *text); /* the same without the blank */
hearth_status man_plain(man_page *p, const char *text);      /* no escapes in it; joined by a blank */
hearth_status man_break(man_page *p);                        /* ends the line */
hearth_status man_paragraph(man_page *p);                    /* and an empty one is due */
/* .TH's and .Dt's: NAME(SECTION). */
hearth_status man_title(man_page *p, const char *const *arguments, size_t count);

/* ---- man_text.c: names ---- */

man_name *man_find(const man_page *p, const char *name, size_t length, bool number);
/* A copy in the page's arena. */
hearth_status man_keep(man_page *p, const char *text, size_t length, const char **ret);

/* ---- man_escape.c ---- */

/* The line with its strings, registers and arguments put in, without its comment. */
hearth_status man_interpolate(man_page *p, const char *line, size_t length, buffer *out);
/* What the escapes of a line stand for. *ret_joins: it ended in \c. */
hearth_status man_unescape(man_page *p, const char *text, buffer *out, bool *ret_joins);

/* ---- the macro sets; *ret_known false: another name ---- */

hearth_status man_macro(man_page *p, const char *name, const char *const *arguments, size_t count, bool *ret_known);
hearth_status man_mdoc(man_page *p, const char *name, const char *const *arguments, size_t count, bool *ret_known);
/* After a line of text: .TP's tag has ended. */
hearth_status man_line_done(man_page *p);

#endif
