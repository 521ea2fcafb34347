/* hearth: reads the command line by the tables, runs one command, and notices when its output was lost. */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Whether a failure was told: EXIT_FAILED alone may be an answer, as recipe diff's. */
static bool told;

static void print_prefix(const cli *c)
{
    fflush(stdout);
    fprintf(stderr, "%shearth", terminal_style(stderr, "bold"));
    if (c->command != NULL) {
        fprintf(stderr, " %s", c->command->name);
    }
    fprintf(stderr, ":%s ", terminal_style(stderr, "reset"));
}

int cli_fail(const cli *c, const hearth_error *error)
{
    told = true;
    return error->status == HEARTH_E_CANCELLED || signals_terminated() ? signals_exit_status() : cli_tell(c, error);
}

int cli_tell(const cli *c, const hearth_error *error)
{
    told = true;
    char line[sizeof *error + 64];
    hearth_error_line(error, line, sizeof line);
    print_prefix(c);
    fprintf(stderr, "%s\n", line[0] != '\0' ? line : hearth_status_name(error->status));
    const bool option_wrong = error->status == HEARTH_E_ARGUMENT && strncmp(error->place, "--", 2) == 0;
    return option_wrong ? EXIT_USAGE : EXIT_FAILED;
}

static void print_line(const cli *c, const char *format, va_list arguments)
{
    char line[1024];
    vsnprintf(line, sizeof line, format, arguments);
    print_prefix(c);
    for (const char *at = line; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        const bool c1 = byte == 0xC2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xA0;
        fputc(byte < 0x20 || byte == 0x7F || c1 ? '?' : byte, stderr);
        at += c1; /* U+0080 to U+009F are control characters, too */
    }
    fputc('\n', stderr);
}

int cli_usage(const cli *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(c, format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

void cli_note(const cli *c, const char *format, ...)
{
    if (c->quiet) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    print_line(c, format, arguments);
    va_end(arguments);
}

int cli_print_json(const cli *c, json_t *value)
{
    hearth_error error = {0};
    buffer text;
    buffer_init(&text, 0);
    const hearth_status status = value != NULL ? json_door_write(value, 2, &text, &error) : error_memory(&error, 0);
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else {
        puts(buffer_text(&text));
    }
    buffer_free(&text);
    json_decref(value);
    return code;
}

static int check_operands(const cli *c, const char **operands, size_t count)
{
    const cli_command *row = c->command;
    if (count < row->least) {
        return cli_usage(c, "missing %s; usage: hearth %s %s", count == 0 ? "operand" : "another operand", row->name,
                         row->operands);
    }
    if (count > row->most) {
        return cli_usage(c, "one operand too many: \"%.80s\"; usage: hearth %s%s%s", operands[row->most], row->name,
                         *row->operands != '\0' ? " " : "", row->operands);
    }
    return EXIT_DONE;
}

/* Runs the command with what follows its name. `operands` has room for all of argv. */
static int run_with(cli *c, void *settings, int count, char *const *argv, const char **operands)
{
    const option_set sets[] = {
        {c->command->options, settings}, {c->command->has_json ? cli_json_options : NULL, c}, {cli_global_options, c}};
    hearth_error error = {0};
    size_t found = 0;
    if (option_parse(sets, 3, count, argv, false, operands, &found, &error) != HEARTH_OK) {
        return error.status == HEARTH_E_ARGUMENT ? cli_usage(c, "%s", error.found) : cli_fail(c, &error);
    }
    terminal_set_color((terminal_color)c->color);
    if (c->help) {
        return help_print(c, c->command);
    }
    const int wrong = check_operands(c, operands, found);
    return wrong != EXIT_DONE ? wrong : c->command->run(c, settings, operands, found);
}

static int run_command(cli *c, int count, char *const *argv, const char **operands)
{
    const cli_command *row = c->command;
    c->word_count = count;
    c->words = argv;
    void *settings = NULL;
    if (row->settings_bytes > 0) {
        settings = mem_alloc(row->settings_bytes);
        if (settings == NULL) {
            hearth_error error = {0};
            error_memory(&error, row->settings_bytes);
            return cli_fail(c, &error);
        }
        memcpy(settings, row->defaults, row->settings_bytes);
    }
    const int code = run_with(c, settings, count, argv, operands);
    if (settings != NULL) {
        option_free((option_set){row->options, settings});
    }
    mem_free(settings);
    return code;
}

static int run_line(cli *c, int count, char *const *argv, const char **operands)
{
    bool version = false;
    const option_set sets[] = {{cli_program_options, &version}, {cli_global_options, c}};
    hearth_error error = {0};
    size_t found = 0;
    if (option_parse(sets, 2, count, argv, true, operands, &found, &error) != HEARTH_OK) {
        return cli_usage(c, "%s", error.found);
    }
    terminal_set_color((terminal_color)c->color);
    if (version || c->help || found == 0) {
        c->command = cli_find_command(version ? "version" : "help");
        c->help = false;
        return run_command(c, 0, argv, operands);
    }
    const char *name = operands[0];
    c->command = cli_find_command(name);
    if (c->command == NULL) {
        const char *nearest = cli_nearest_command(name);
        return nearest != NULL ? cli_usage(c, "unknown command \"%.80s\"; did you mean \"%s\"?", name, nearest)
                               : cli_usage(c, "unknown command \"%.80s\"; see hearth help", name);
    }
    return run_command(c, (int)found - 1, argv + count - (found - 1), operands);
}

/* What was printed must have arrived: a full disk or a closed descriptor is a failure too. */
static int finish(const cli *c, int code)
{
    if (terminal_finish()) {
        return code;
    }
    if (code == EXIT_DONE || (code == EXIT_FAILED && !told)) {
        hearth_error error = {0};
        error_errno(&error, "standard output", "write", errno != 0 ? errno : EIO);
        return cli_fail(c, &error);
    }
    return code;
}

int main(int argc, char **argv)
{
    terminal_start();
    signals_start();
    cli c = {0};
    const char **operands = mem_calloc((size_t)argc + 1, sizeof *operands);
    if (operands == NULL) {
        hearth_error error = {0};
        error_memory(&error, (size_t)argc * sizeof *operands);
        return cli_fail(&c, &error);
    }
    const int code = run_line(&c, argc > 0 ? argc - 1 : 0, argv + 1, operands);
    mem_free(operands);
    return finish(&c, code);
}
