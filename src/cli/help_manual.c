/* Manual pages in man(7), from the tables. */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

enum { SOURCE_WIDTH = 58 };
#define MANUAL_DATE "2026-11-23" /* of the last change of the pages' form */

/* One character; troff's own are escaped, and `code` becomes bold. */
static void character(char c, bool line_start, bool *code, FILE *out)
{
    if (line_start && (c == '.' || c == '\'')) {
        fputs("\\&", out);
    }
    if (c == '`') {
        *code = !*code;
        fputs(*code ? "\\fB" : "\\fR", out);
    } else if (c == '\\') {
        fputs("\\e", out);
    } else if (c == '-') {
        fputs("\\-", out);
    } else {
        fputc(c, out);
    }
}

/* A line that stays whole. */
static void troff_line(const char *text, size_t length, FILE *out)
{
    bool code = false;
    for (size_t i = 0; i < length; i++) {
        character(text[i], i == 0, &code, out);
    }
    fputc('\n', out);
}

/* Running text, in lines of at most SOURCE_WIDTH where its words allow. */
static void troff(const char *text, size_t length, FILE *out)
{
    bool code = false;
    size_t column = 0;
    for (size_t i = 0; i < length; i++) {
        const size_t word = strcspn(text + i + 1, " \n");
        if ((text[i] == ' ' && column + word >= SOURCE_WIDTH) || text[i] == '\n') {
            fputc('\n', out);
            column = 0;
        } else {
            character(text[i], column == 0, &code, out);
            column++;
        }
    }
    fputc('\n', out);
}

static void upper(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        fputc(toupper((unsigned char)*text), out);
    }
}

/* A paragraph that is shown as it is: the four spaces go. */
static void verbatim(const char *text, size_t length, FILE *out)
{
    fputs(".RS 4\n.nf\n", out);
    for (size_t at = 0; at < length;) {
        const size_t line = strcspn(text + at, "\n");
        const size_t cut = line >= 4 ? 4 : line;
        troff_line(text + at + cut, line - cut, out);
        at += line + 1;
    }
    fputs(".fi\n.RE\n", out);
}

static void paragraphs(const char *text, FILE *out)
{
    for (bool first = true; *text != '\0'; first = false) {
        const char *end = strstr(text, "\n\n");
        const size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        if (strncmp(text, "    ", 4) == 0) {
            verbatim(text, length, out);
        } else {
            fputs(first ? "" : ".PP\n", out);
            troff(text, length, out);
        }
        text += length;
        text += strspn(text, "\n");
    }
}

static void tagged(const char *tag, const char *text, FILE *out)
{
    fputs(".TP\n.B ", out);
    troff_line(tag, strlen(tag), out);
    troff(text, strlen(text), out);
}

static void options(const cli_command *row, FILE *out)
{
    static const help_marks marks = {"\\fB", "\\fR", "\\fI", "\\fR", "\\-"};
    help_table tables[4];
    help_tables(row, tables);
    for (size_t t = 0; tables[t].heading != NULL; t++) {
        if (*tables[t].heading != '\0') {
            fputs(".SH ", out);
            upper(tables[t].heading, out);
            fputc('\n', out);
        }
        for (const option *o = tables[t].rows; o != NULL && o->name != NULL; o++) {
            fputs(".TP\n", out);
            help_option_head(o, &marks, out);
            fputc('\n', out);
            troff(o->help, strlen(o->help), out);
        }
    }
}

static void pairs(const char *title, const help_status *rows, FILE *out)
{
    fprintf(out, ".SH %s\n", title);
    for (; rows->number != NULL; rows++) {
        tagged(rows->number, rows->what, out);
    }
}

static void see_also(const cli_command *row, FILE *out)
{
    fputs(".SH SEE ALSO\n", out);
    if (row != NULL) {
        fputs(".BR hearth (1)\n", out);
        return;
    }
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, ".BR hearth\\-%s (1)%s\n", cli_commands[i]->name, cli_commands[i + 1] != NULL ? "," : "");
    }
}

static void program_page(FILE *out)
{
    fputs(".SH NAME\nhearth \\- run an open model on this machine\n.SH SYNOPSIS\n.B hearth\n.I COMMAND\n"
          "[\\fIOPTIONS\\fR] ...\n.SH DESCRIPTION\n",
          out);
    paragraphs("hearth runs open language models: it loads a GGUF file, a Hugging Face folder or a model that it knows "
               "by name, and computes on the CPU. The same model, input, seed and computation give the same result on "
               "every machine, with every instruction set and every number of threads.",
               out);
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        tagged(cli_commands[i]->name, cli_commands[i]->summary, out);
    }
}

/* Lines of the manual's source are short: one ends between two alternatives. */
static void operands(const char *text, FILE *out)
{
    size_t column = 0;
    while (*text != '\0') {
        const char *bar = strstr(text, " | ");
        const size_t length = bar != NULL ? (size_t)(bar - text) + 2 : strlen(text);
        const bool breaks = column == 0 || column + length > 76;
        fprintf(out, "%s%.*s", breaks ? "\n" : " ", (int)length, text);
        column = (breaks ? 0 : column + 1) + length;
        text += bar != NULL ? length + 1 : length;
    }
}

static void command_page(const cli_command *row, FILE *out)
{
    fprintf(out, ".SH NAME\nhearth\\-%s \\- ", row->name);
    troff(row->summary, strlen(row->summary), out);
    fprintf(out, ".SH SYNOPSIS\n.B hearth %s\n[\\fIOPTIONS\\fR]", row->name);
    if (*row->operands != '\0') {
        operands(row->operands, out);
    }
    fputs("\n.SH DESCRIPTION\n", out);
    paragraphs(row->text, out);
    for (const cli_section *s = row->sections; s != NULL && s->heading != NULL; s++) {
        fputs(".SH ", out);
        upper(s->heading, out);
        fputc('\n', out);
        paragraphs(s->text, out);
    }
}

void help_manual(const cli_command *row, FILE *out)
{
    fputs(".\\\" Written by hearth help --man from the table of commands; do not edit.\n.TH HEARTH", out);
    if (row != NULL) {
        fputc('-', out);
        upper(row->name, out);
    }
    fputs(" 1 " MANUAL_DATE " \"hearth " HEARTH_VERSION "\"\n", out);
    if (row != NULL) {
        command_page(row, out);
    } else {
        program_page(out);
    }
    options(row, out);
    if (row != NULL && row->examples != NULL) {
        fputs(".SH EXAMPLES\n", out);
        for (const cli_example *e = row->examples; e->line != NULL; e++) {
            tagged(e->line, e->what, out);
        }
    }
    pairs("MODEL", help_models, out);
    pairs("ENVIRONMENT", help_environment, out);
    pairs("EXIT STATUS", help_statuses, out);
    see_also(row, out);
}
