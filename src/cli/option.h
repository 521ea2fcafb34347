/* Options as data: one row says how an option is written, what it takes, where its value goes and what it
 * means. The parser, `hearth help`, the manual pages, docs/commands and the completions all read these rows. */
#ifndef CLI_OPTION_H
#define CLI_OPTION_H

#include "base/buffer.h"
#include "base/error.h"

typedef enum option_type {
    OPTION_FLAG,   /* bool: true when given */
    OPTION_TEXT,   /* const char *: any text, or one of `choices` where there are some */
    OPTION_LIST,   /* option_list: any text, may be given many times */
    OPTION_CHOICE, /* int: the index of the text among `choices` */
    OPTION_NUMBER, /* double within [least, most] */
    OPTION_COUNT,  /* size_t within [least, most] */
    OPTION_SEED,   /* uint64_t, below 2^63: JSON's whole numbers end there */
} option_type;

/* What the argument is, for completion. */
typedef enum option_hint { HINT_NONE, HINT_FILE, HINT_FOLDER } option_hint;

typedef struct option {
    const char *name; /* without the dashes; NULL ends a table */
    char letter;      /* 'p' for -p, or 0 */
    option_type type;
    size_t offset;              /* of the value in the command's settings */
    const char *argument;       /* "TEXT", as help shows it; NULL for a flag */
    const char *help;           /* a sentence or two; ends with a full stop */
    const char *const *choices; /* ended by NULL; or NULL */
    double least, most;         /* for OPTION_NUMBER and OPTION_COUNT */
    option_hint hint;
    const char *bare; /* not NULL: the value of `--name` alone; another is joined to it with "=" */
} option;

typedef struct option_list {
    const char **items; /* owned; the texts are the caller's argv */
    size_t count;
} option_list;

/* A table and the settings that its offsets point into. */
typedef struct option_set {
    const option *table;
    void *settings;
} option_set;

/* Reads argv[0..count) by the tables of `sets` (the first that knows a name wins). Whatever is no option goes, in
 * order, to operands[0..*ret_count); the caller's array has room for `count`. "--" ends the options; a lone "-" is
 * an operand. With `stop_early`, the first operand ends the options and everything from it on is an operand.
 * HEARTH_E_ARGUMENT: error->found is a whole sentence that names the option. */
hearth_status option_parse(const option_set *sets, size_t set_count, int count, char *const *argv, bool stop_early,
                           const char **operands, size_t *ret_count, hearth_error *error);

/* Frees the lists of a table's settings. */
void option_free(option_set set);

/* A decimal whole number at the beginning of a text, without sign; false where there is none or it passes 64 bits. */
bool option_read_whole(const char *value, const char **ret_end, uint64_t *ret);
/* A text that is a finite decimal number and nothing else. */
bool option_read_number(const char *value, double *ret);

/* Number of rows. */
size_t option_table_count(const option *table);

#endif
