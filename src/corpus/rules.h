/* Cleaning: a table of named rules with parameters. docs/formats/corpus.md, "Rules". */
#ifndef CORPUS_RULES_H
#define CORPUS_RULES_H

#include "base/json.h"
#include "corpus/document.h"
#include "recipe/recipe.h"

typedef enum rule_type {
    RULE_NUMBER, /* within [least, most] */
    RULE_COUNT,  /* a whole number within [least, most] */
    RULE_TEXT,   /* one of `choices`, where there are some */
    RULE_LIST,   /* texts */
    RULE_FILE,   /* a file or folder that the rule reads; a parameter sha256 pins it. At most one of a row */
} rule_type;

typedef struct rule_parameter {
    const char *name; /* NULL ends the list */
    rule_type type;
    double least, most;
    const char *fallback; /* as a recipe would write it; NULL: the recipe must */
    const char *help;     /* a phrase */
    const char *choices;  /* of a text, apart by spaces; NULL: any */
} rule_parameter;

#define RULE_PARAMETERS_MOST 16u

typedef struct rule_value {
    double number;
    const char *text; /* of a list: apart by '\n' */
} rule_value;

typedef struct rule rule;

typedef struct rule_row {
    const char *name; /* NULL ends the table */
    const char *help;
    const rule_parameter *parameters;                                            /* NULL: none */
    bool any_bytes;                                                              /* takes texts that are no UTF-8 */
    bool unicode, textcat;                                                       /* calls utf8proc, libexttextcat */
    hearth_status (*open)(rule *r, hearth_error *error);                         /* NULL: nothing to prepare */
    hearth_status (*apply)(rule *r, document *d, int part, hearth_error *error); /* beside other documents */
    hearth_status (*decide)(rule *r, document *d, hearth_error *error);          /* in order; NULL: none */
    void (*close)(rule *r);
} rule_row;

struct rule {
    const rule_row *row;
    int index; /* in the recipe */
    const recipe *recipe;
    const char *folder; /* for files of its own, until rules_close */
    int threads;
    rule_value values[RULE_PARAMETERS_MOST]; /* in the order of the row's parameters */
    char file_sha256[HASH_HEX_SIZE];         /* of the file that it read; "": none */
    void *state;
};

typedef struct rule_list {
    rule *items;
    size_t count;
} rule_list;

extern const rule_row rule_table[];

/* HEARTH_E_ARGUMENT for a rule or a parameter that the table lacks, or a value that it does not allow: with the
 * recipe's file, line and column. rules_check does this alone. */
hearth_status rules_check(const recipe *r, hearth_error *error);
/* The file or folder that a rule of the recipe reads, relative to the recipe's folder, and its SHA-256 ("": it is not
 * pinned); NULL: none. For recipes that rules_check takes. */
const char *rule_file(const recipe_rule *asked, const char **ret_sha256);
hearth_status rules_open(const recipe *r, const char *folder, int threads, rule_list *ret, hearth_error *error);
void rules_close(rule_list *list);
/* What the rules' result depends on besides the recipe, into corpus.json's object: `libraries`, the versions of those
 * that they call, and `rules`, the hashes of the files that they read; where there are any. */
hearth_status rules_record(const rule_list *list, json_t *root, hearth_error *error);

/* For documents that have no fate yet; others are passed over. */
hearth_status rule_apply(rule *r, document *d, int part, hearth_error *error);
hearth_status rule_decide(rule *r, document *d, hearth_error *error);
/* HEARTH_E_ARGUMENT that names the line and column of the recipe where that parameter (or the rule) stands. */
hearth_status rule_wrong(const rule *r, const char *parameter, const char *expected, const char *found,
                         hearth_error *error);
/* Drops by this rule. */
#define RULE_DROP(r, d, error, ...) document_drop(d, (r)->row->name, (r)->index, error, __VA_ARGS__)

#endif
