/* docs/commands/COMMAND.md, from the tables. */
#include "cli/help.h"

#include <string.h>

static const help_marks marks = {"`", "`", "*", "*", "-"};

/* "<" would begin a tag. */
static void prose(const char *text, FILE *out)
{
    bool code = false;
    for (; *text != '\0'; text++) {
        code ^= *text == '`';
        if (*text == '<' && !code) {
            fputs("&lt;", out);
        } else {
            fputc(*text, out);
        }
    }
    fputc('\n', out);
}

static void options(const cli_command *row, FILE *out)
{
    help_table tables[4];
    help_tables(row, tables);
    for (size_t t = 0; tables[t].heading != NULL; t++) {
        if (*tables[t].heading != '\0') {
            fprintf(out, "\n## %s\n\n", tables[t].heading);
        }
        for (const option *o = tables[t].rows; o != NULL && o->name != NULL; o++) {
            fputs("- ", out);
            help_option_head(o, &marks, out);
            fputs(": ", out);
            prose(o->help, out);
        }
    }
}

static void command_body(const cli_command *row, FILE *out)
{
    fprintf(out, "# hearth %s\n\n%c%s.\n\n    hearth %s [OPTIONS]%s%s\n\n", row->name, row->summary[0] & ~0x20,
            row->summary + 1, row->name, *row->operands != '\0' ? " " : "", row->operands);
    prose(row->text, out);
    for (const cli_section *s = row->sections; s != NULL && s->heading != NULL; s++) {
        fprintf(out, "\n## %s\n\n", s->heading);
        prose(s->text, out);
    }
    options(row, out);
    if (row->examples != NULL) {
        fputs("\n## Examples\n", out);
        for (const cli_example *e = row->examples; e->line != NULL; e++) {
            fprintf(out, "\n    %s\n\n", e->line);
            prose(e->what, out);
        }
    }
}

static void pairs(const char *heading, const help_status *rows, FILE *out)
{
    fprintf(out, "\n## %s\n\n", heading);
    for (; rows->number != NULL; rows++) {
        fprintf(out, "- `%s`: %s\n", rows->number, rows->what);
    }
}

static void program_body(FILE *out)
{
    fputs("# hearth\n\nRun an open model on this machine.\n\n    hearth COMMAND [OPTIONS] ...\n\n## Commands\n\n", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "- [%s](%s.md): %s\n", cli_commands[i]->name, cli_commands[i]->name, cli_commands[i]->summary);
    }
    options(NULL, out);
    pairs("MODEL is, in this order", help_models, out);
    pairs("Environment", help_environment, out);
}

void help_markdown(const cli_command *row, FILE *out)
{
    if (row != NULL) {
        command_body(row, out);
    } else {
        program_body(out);
    }
    pairs("Exit status", help_statuses, out);
    fprintf(out,
            "\n---\nThis page is `hearth help --markdown%s%s`, written from the table that the program itself reads.\n",
            row != NULL ? " " : "", row != NULL ? row->name : "");
}
