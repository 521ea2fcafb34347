/* `hearth help COMMAND`, for a terminal of any width. */
#include "cli/help.h"
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>

enum { WIDEST = 96, NARROWEST = 32, COLUMN = 28 };

static void heading(const char *text, FILE *out)
{
    fprintf(out, "\n%s%s:%s\n", terminal_style(out, "bold"), text, terminal_style(out, "reset"));
}

static void option_line(const option *o, int width, FILE *out)
{
    static const help_marks plain = {"", "", "", "", "-"};
    char *head = NULL;
    size_t size = 0;
    FILE *line = open_memstream(&head, &size);
    if (line == NULL) {
        return;
    }
    fputs(o->letter != 0 ? "  " : "      ", line);
    help_option_head(o, &plain, line);
    if (fclose(line) == 0) {
        fputs(head, out);
        terminal_aligned(size, o->help, width >= 60 ? COLUMN : 8, width, out);
    }
    free(head);
}

static void option_tables(const cli_command *row, int width, FILE *out)
{
    help_table tables[4];
    help_tables(row, tables);
    for (size_t t = 0; tables[t].heading != NULL; t++) {
        if (*tables[t].heading != '\0') {
            heading(tables[t].heading, out);
        }
        for (const option *o = tables[t].rows; o != NULL && o->name != NULL; o++) {
            option_line(o, width, out);
        }
    }
}

static void pairs(const char *title, const help_status *rows, int width, FILE *out)
{
    heading(title, out);
    for (; rows->number != NULL; rows++) {
        const int used = fprintf(out, "  %s", rows->number);
        terminal_aligned(used > 0 ? (size_t)used : 0, rows->what, width >= 60 ? COLUMN : 8, width, out);
    }
}

static void overview(int width, FILE *out)
{
    char line[128];
    snprintf(line, sizeof line, "%shearth%s - run an open model on this machine", terminal_style(out, "bold"),
             terminal_style(out, "reset"));
    terminal_wrap(out, line, 0, width);
    fputc('\n', out);
    terminal_wrap(out, "Usage: hearth COMMAND [OPTIONS] ...", 0, width);
    heading("Commands", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        const int used = fprintf(out, "  %s", cli_commands[i]->name);
        terminal_aligned(used > 0 ? (size_t)used : 0, cli_commands[i]->summary, width >= 60 ? COLUMN : 8, width, out);
    }
    option_tables(NULL, width, out);
    pairs("MODEL is, in this order", help_models, width, out);
    pairs("Exit status", help_statuses, width, out);
    pairs("Environment", help_environment, width, out);
    fputc('\n', out);
    terminal_wrap(out, "hearth help COMMAND tells what a command does and takes.", 0, width);
}

static void examples(const cli_example *e, int width, FILE *out)
{
    heading("Examples", out);
    for (; e->line != NULL; e++) {
        fprintf(out, "  %s$ %s%s\n", terminal_style(out, "cyan"), e->line, terminal_style(out, "reset"));
        terminal_wrap(out, e->what, 6, width);
    }
}

void help_text(const cli_command *row, int width, FILE *out)
{
    width = width > WIDEST ? WIDEST : (width < NARROWEST ? NARROWEST : width);
    if (row == NULL) {
        overview(width, out);
        return;
    }
    char line[256];
    snprintf(line, sizeof line, "%shearth %s%s - %s", terminal_style(out, "bold"), row->name,
             terminal_style(out, "reset"), row->summary);
    terminal_wrap(out, line, 0, width);
    snprintf(line, sizeof line, "Usage: hearth %s [OPTIONS]%s%s", row->name, *row->operands != '\0' ? " " : "",
             row->operands);
    fputc('\n', out);
    terminal_wrap(out, line, 0, width);
    fputc('\n', out);
    terminal_wrap(out, row->text, 0, width);
    for (const cli_section *s = row->sections; s != NULL && s->heading != NULL; s++) {
        heading(s->heading, out);
        terminal_wrap(out, s->text, 2, width);
    }
    option_tables(row, width, out);
    if (row->examples != NULL) {
        examples(row->examples, width, out);
    }
    size_t used = (size_t)snprintf(line, sizeof line, "Exit status:");
    for (const help_status *s = help_statuses; s->number != NULL && used < sizeof line; s++) {
        used += (size_t)snprintf(line + used, sizeof line - used, " %s %s%s", s->number, s->brief,
                                 s[1].number != NULL ? "," : ".");
    }
    fputc('\n', out);
    terminal_wrap(out, line, 0, width);
}

int help_print(const cli *c, const cli_command *row)
{
    (void)c;
    help_text(row, terminal_width(), stdout);
    return EXIT_DONE;
}
