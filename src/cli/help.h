/* Everything that is printed from the tables: help, manual pages, documentation pages, completions. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/cli.h"

#include <stdio.h>

/* `row` NULL: the program as a whole. */
void help_text(const cli_command *row, int width, FILE *out);
void help_manual(const cli_command *row, FILE *out);   /* man(7) */
void help_markdown(const cli_command *row, FILE *out); /* docs/commands */
/* `shell`: "bash", "zsh" or "fish". */
void help_completion(const char *shell, FILE *out);

/* Prints help_text to stdout; an exit status. */
int help_print(const cli *c, const cli_command *row);

/* "-p, --prompt TEXT" with the marks around names and arguments that a format wants. */
typedef struct help_marks {
    const char *name_on, *name_off, *argument_on, *argument_off, *dash;
} help_marks;
void help_option_head(const option *o, const help_marks *marks, FILE *out);

/* The three tables of a command, in the order of its pages; ret[i].heading NULL ends. */
typedef struct help_table {
    const char *heading;
    const option *rows;
} help_table;
void help_tables(const cli_command *row, help_table ret[4]);

/* The exit statuses, ended by NULL. */
typedef struct help_status {
    const char *number, *what;
    const char *brief; /* for one line; NULL in the other tables */
} help_status;
extern const help_status help_statuses[];
/* What MODEL can be, and the environment variables, ended by NULL; `number` is the name. */
extern const help_status help_models[];
extern const help_status help_environment[];

#endif
