/* What the printed forms of the tables have in common. */
#include "cli/help.h"

#include <stdlib.h>

const help_status help_statuses[] = {
    {"0", "Done."},
    {"1", "It failed; one line on standard error says what and where."},
    {"2", "The command line was wrong: an unknown command or option, a value out of range, a missing operand."},
    {"129", "Ended by SIGHUP: the terminal is gone."},
    {"130", "Interrupted with Ctrl-C (SIGINT)."},
    {"143", "Ended by SIGTERM."},
    {NULL, NULL},
};

const help_status help_environment[] = {
    {"HEARTH_ISA", "The instruction set to compute with, where --isa is not given."},
    {"NO_COLOR", "When set and not empty: no colours."},
    {"XDG_STATE_HOME", "Where the history of the prompt is kept, in openhearth/history. Default: ~/.local/state."},
    {"XDG_CACHE_HOME", "Where models that were fetched are kept, in openhearth/. Default: ~/.cache."},
    {NULL, NULL},
};

void help_option_head(const option *o, const help_marks *m, FILE *out)
{
    if (o->letter != 0) {
        fprintf(out, "%s%s%c%s, ", m->name_on, m->dash, o->letter, m->name_off);
    }
    fprintf(out, "%s%s%s", m->name_on, m->dash, m->dash);
    for (const char *at = o->name; *at != '\0'; at++) {
        if (*at == '-') {
            fputs(m->dash, out);
        } else {
            fputc(*at, out);
        }
    }
    fputs(m->name_off, out);
    if (o->argument != NULL) {
        fprintf(out, " %s%s%s", m->argument_on, o->argument, m->argument_off);
    }
}

void help_tables(const cli_command *row, help_table ret[4])
{
    size_t n = 0;
    if (row != NULL && (option_table_count(row->options) > 0 || row->has_json)) {
        ret[n++] = (help_table){"Options", row->options};
        if (row->has_json) {
            ret[n++] = (help_table){"", cli_json_options}; /* goes on under the same heading */
        }
    }
    ret[n++] = (help_table){row != NULL ? "Options of every command" : "Options", cli_global_options};
    ret[n] = (help_table){NULL, NULL};
}
