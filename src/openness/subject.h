/* What is judged: a model's folder, a GGUF file, or a description in YAML, as the parts that were found, each with
 * where it was found and the licences that are told for it. Everything lies in the subject's arena. */
#ifndef OPENNESS_SUBJECT_H
#define OPENNESS_SUBJECT_H

#include "openness/components.h"
#include "openness/licences.h"

typedef enum answer { ANSWER_NO, ANSWER_UNKNOWN, ANSWER_YES } answer;

typedef struct licence_finding licence_finding;
struct licence_finding {
    const char *licence; /* NULL: a text that is not known */
    const char *place;   /* "README.md, license", "LICENSE, line 31" */
    const char *note;    /* of a text: what it is like; NULL */
    bool vague;          /* a name that may mean this or a later version: "gpl-3.0" */
    bool narrows;        /* a sentence or a file that takes from another licence, and grants nothing itself */
    licence_verdict verdict;
    licence_finding *next;
};

typedef struct component {
    answer there;       /* UNKNOWN: named, and not here to be looked at */
    const char *place;  /* file or key */
    const char *detail; /* what it is, or why it counts; NULL */
    licence_finding *findings;
    const char *licence; /* what counts of them; NULL: none */
    licence_verdict terms;
    const char *terms_place;
    const char *conflict; /* where they contradict each other; NULL */
} component;

typedef struct data_answer { /* of the training data's description */
    answer value;
    const char *place, *why;
} data_answer;

typedef struct base_model base_model;
struct base_model {
    const char *name, *place;
    const char *path;    /* where it was looked at; NULL: not here */
    const char *licence; /* of its parameters; NULL */
    licence_verdict terms;
    base_model *next;
};

typedef struct subject_check { /* a hash compared, a part of the recipe done again */
    const char *what, *detail;
    bool ok;
} subject_check;

typedef enum subject_kind { SUBJECT_FOLDER, SUBJECT_GGUF, SUBJECT_DESCRIPTION } subject_kind;

typedef struct subject {
    arena *a;
    subject_kind kind;
    const char *path, *name;
    component components[COMPONENT_KINDS];
    data_answer data[3];             /* all of it described; what is public listed; what can be bought listed */
    const char *claim, *claim_place; /* where it calls itself open source; NULL */
    base_model *bases;
    const subject_check *checks; /* borrowed */
    size_t check_count;
    bool made_by_recipe; /* its recipe and log are there, and no check failed */
    bool reproduced;     /* among the checks is that it was made again, here */
    double flop;         /* of training; NAN: not known */
    const char *flop_place;
    answer monetised; /* access sold, or bound to something else */
    answer usage;     /* modalities, capabilities, limits, how to use it: told */
    const char *usage_place;
} subject;

typedef struct subject_options {
    const subject_check *checks; /* of hearth verify, where there is a recipe; NULL */
    size_t check_count;
    bool reproduced; /* the checks are those of hearth reproduce, too */
    double flop;     /* from the recipe and its log; NAN */
    /* Whether this program has the code of an architecture, by config.json's class or GGUF's name. NULL: of none. */
    bool (*knows)(const char *architecture, bool hf_class);
} subject_options;

/* Base models that are here (in the hub's cache, or another description) are looked at, too. */
hearth_status subject_open(const char *path, const subject_options *o, subject **ret, hearth_error *error);
/* Empty, to be filled by a reader. */
hearth_status subject_create(const char *path, const subject_options *o, subject **ret, hearth_error *error);
void subject_close(subject *s); /* NULL is allowed */
/* Of the folder of a run the model in it: `model`, where that has config.json and the folder has none; else the path.
 * mem_free; NULL when memory is out. */
char *subject_root(const char *path);

/* ---- for the readers of each kind ---- */

#define SUBJECT_DEPTH 8u  /* base models of base models */
#define SUBJECT_BASES 64u /* of one model */

hearth_status subject_read_folder(subject *s, const subject_options *o, hearth_error *error);
hearth_status subject_read_gguf(subject *s, const subject_options *o, hearth_error *error);
hearth_status subject_read_description(subject *s, hearth_error *error);
/* The same of a text, for tests and fuzzers too. */
hearth_status subject_parse_description(subject *s, const char *text, size_t length, hearth_error *error);

/* Marks a component as there; `detail` may be NULL. */
void subject_found(subject *s, component_kind kind, const char *place, const char *detail);
hearth_status subject_add_licence(subject *s, component *c, const char *licence, const char *place,
                                  hearth_error *error);
hearth_status subject_add_text(subject *s, component *c, const char *text, size_t length, const char *file,
                               hearth_error *error);
/* A clause that closes a licence, by its letter (licence_reason); `note`: where it was read. */
hearth_status subject_add_clause(subject *s, component *c, char code, const char *note, const char *place,
                                 hearth_error *error);
/* A text that is no licence, but may narrow one (NOTICE, a policy of use): a finding only where a clause stands in it
 * that closes a licence, or where it is the text of a licence that is not open. */
hearth_status subject_add_terms(subject *s, component *c, const char *text, size_t length, const char *file,
                                hearth_error *error);
/* The findings of `from` for `to`, too. */
hearth_status subject_share_licences(subject *s, const component *from, component *to, hearth_error *error);
/* Which of the findings counts. */
hearth_status subject_conclude(subject *s, component *c, hearth_error *error);
hearth_status subject_add_base(subject *s, const char *name, const char *place, hearth_error *error);
char *subject_format(subject *s, hearth_error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define SUBJECT_PROGRAM_LICENCE "Apache-2.0"
#define SUBJECT_PROGRAM_PLACE "this program's source, LICENSE"

#endif
