/* What the commands of `hearth` share: the row that describes a command, the settings that all of them take,
 * and how a command ends. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/option.h"

#include <jansson.h>

/* Exit statuses; every manual page lists them. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_HUNG_UP = 129,     /* SIGHUP: the terminal is gone */
    EXIT_INTERRUPTED = 130, /* Ctrl-C (SIGINT) */
    EXIT_TERMINATED = 143,  /* SIGTERM */
};

typedef struct cli_command cli_command;

/* The options that every command takes. */
typedef struct cli {
    size_t threads;  /* 0: the cores that this process may use */
    const char *isa; /* NULL: HEARTH_ISA, else the best one */
    int color;       /* index into auto, always, never */
    bool quiet;
    bool help;
    bool json;
    const cli_command *command;
    int word_count; /* what follows the command's name, as it was given */
    char *const *words;
} cli;

/* A headed part of a manual page. `text`: paragraphs apart by an empty line; lines that begin with four spaces are
 * shown as they are; `code` between grave accents. */
typedef struct cli_section {
    const char *heading; /* NULL ends the list */
    const char *text;
} cli_section;

typedef struct cli_example {
    const char *line; /* without the prompt; NULL ends the list */
    const char *what;
} cli_example;

struct cli_command {
    const char *name;
    const char *operands; /* "MODEL [FILE]"; "" for none */
    size_t least, most;   /* how many operands */
    const char *summary;  /* one line, a lower-case phrase */
    const char *text;     /* the description; as cli_section.text */
    const option *options;
    const void *defaults; /* the settings before any option; copied for each call */
    size_t settings_bytes;
    bool has_json; /* takes --json */
    const cli_section *sections;
    const cli_example *examples;
    int (*run)(cli *c, void *settings, const char **operands, size_t count);
};

/* One of the things that a command does, named by its first operand: hearth corpus build. */
typedef struct cli_verb {
    const char *name;   /* NULL ends the table */
    const char *takes;  /* what follows: "a recipe" */
    size_t least, most; /* how many operands, without the verb */
    int (*run)(cli *c, const void *settings, const char **operands, size_t count);
} cli_verb;
/* Runs the one that operands[0] names; it is given what follows. Another name or number is wrong usage. */
int cli_run_verb(cli *c, const cli_verb *verbs, const void *settings, const char **operands, size_t count);

/* The table, ended by a NULL name; and its rows by name (NULL for none). */
extern const cli_command *const cli_commands[];
const cli_command *cli_find_command(const char *name);
/* The command whose name is nearest, or NULL where none is near. */
const char *cli_nearest_command(const char *name);

/* --version, which the program takes before any command: a bool alone. */
extern const option cli_program_options[];
/* Rows for --threads, --isa, --color, --quiet, --help; and --json, for the commands that have it. */
extern const option cli_global_options[];
extern const option cli_json_options[];

/* Prints "hearth COMMAND: LINE" on stderr and gives the exit status that belongs to the error: EXIT_USAGE where an
 * option was wrong, signals_exit_status() for a cancelled work, else EXIT_FAILED. */
int cli_fail(const cli *c, const hearth_error *error);
/* The same where a SIGTERM does not explain it. */
int cli_tell(const cli *c, const hearth_error *error);
/* The same for a sentence of our own, with EXIT_USAGE. */
int cli_usage(const cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A remark on stderr; --quiet leaves it out. */
void cli_note(const cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a JSON value, indented, and frees it. NULL (memory ran out while it was built) fails. */
int cli_print_json(const cli *c, json_t *value);

#endif
