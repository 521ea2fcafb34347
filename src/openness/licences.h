/* Licences by name and by text: which are open, and of those that are not the clause that fails. Names are SPDX's, and
 * the hub's for what SPDX does not list. Facts, no legal advice. docs/openness.md, "Licences". */
#ifndef OPENNESS_LICENCES_H
#define OPENNESS_LICENCES_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

enum {
    LICENCE_OSI = 1,      /* approved by the Open Source Initiative */
    LICENCE_FSF = 2,      /* free by the Free Software Foundation's list */
    LICENCE_DATA = 4,     /* open for data and content */
    LICENCE_MODEL = 8,    /* made for all parts of a model */
    LICENCE_COPYLEFT = 16 /* derived works stay under it */
};

typedef struct licence_row {
    const char *id;    /* "Apache-2.0", "llama3.1" */
    const char *hub;   /* what a hub's card calls it; NULL: the same, in any case */
    unsigned flags;    /* 0: not open */
    const char *codes; /* why not: letters of licence_reason; "" where it is open */
    const char *why;   /* the clause that fails, in a sentence; NULL: what the letters say */
} licence_row;

extern const licence_row licence_rows[];
extern const size_t licence_count;
/* The rest of SPDX's list, as far as it says something (scripts/licence_names.py). */
extern const licence_row licence_more_rows[];
extern const size_t licence_more_count;

/* By id or by the hub's name, in any case; NULL: not in the tables. */
const licence_row *licence_find(const char *name);
/* What a letter stands for: F, U, N, O, H, T, G, D, M, S, C. */
const char *licence_reason(char code);

typedef enum licence_class {
    LICENCE_OPEN,
    LICENCE_UNKNOWN, /* a name or a text that is not known */
    LICENCE_NONE,    /* none is named: nothing is allowed */
    LICENCE_CLOSED,  /* a clause fails */
} licence_class;

typedef struct licence_verdict {
    licence_class verdict;
    unsigned flags;         /* that hold for all of the expression */
    bool allowed_code;      /* OSI-approved, or made for models */
    const char *codes, *id; /* of the licence that is not open; "" and NULL where none is known */
    const char *why;        /* in a sentence; in the arena or for ever */
} licence_verdict;

/* An SPDX expression, a name of the hub's, or NULL. One side of an OR is enough, of an AND both count. */
hearth_status licence_judge(const char *expression, arena *a, licence_verdict *ret, hearth_error *error);
/* How narrow it is: of two that contradict each other the higher one counts. */
int licence_narrowness(const licence_verdict *v);
/* "Apache-2.0" of "apache-2.0", "GPL-3.0-only" of "gpl-3.0" (the narrower of what it may mean); else the text. */
const char *licence_canonical(const char *name);

/* ---- texts ---- */

typedef struct licence_text {
    const char *id;         /* the licence whose text it is; NULL: none that is known */
    const char *near;       /* with id NULL: it looks like this one, and was changed; NULL: like none */
    double share;           /* of the licence's text that stands in it */
    double more;            /* words beyond it, per word of the licence's */
    char codes[16];         /* clauses that stand in a text which is not known: letters of licence_reason */
    unsigned lines[16];     /* of them, from 1 */
    const char *phrase[16]; /* the words that were found */
    size_t code_count;
} licence_text;

/* Compares the words of a text, without case, signs and lines, with those of the licences that are known. Never fails
 * but for memory. */
hearth_status licence_recognise(const char *text, size_t length, licence_text *ret, hearth_error *error);

/* Made by scripts/licence_fingerprints.py: hashes of runs of five words. */
#define FINGERPRINT_WORDS 5
#define FINGERPRINT_SAMPLE 48
typedef struct licence_fingerprint {
    const char *id;
    unsigned words; /* of the whole text */
    unsigned sample_count;
    unsigned sample[FINGERPRINT_SAMPLE]; /* the smallest hashes, ascending */
} licence_fingerprint;
extern const licence_fingerprint licence_fingerprints[];
extern const size_t licence_fingerprint_count;

#endif
