/* hearth list: the models on this machine. */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/text.h"
#include "hub/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static json_t *text_json(const char *text)
{
    return text[0] != '\0' ? json_door_string(text) : json_null();
}

static json_t *list_json(const store_list *list)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const store_model *m = &list->models[i];
        rows = json_door_append(rows, json_pack("{s:o, s:s, s:o, s:o, s:I, s:s, s:I, s:o}", "name", text_json(m->name),
                                                "store", store_kind_name(m->kind), "revision", text_json(m->revision),
                                                "commit", text_json(m->commit), "bytes", (json_int_t)m->bytes, "format",
                                                m->format, "when", (json_int_t)m->when_s, "path", text_json(m->path)));
    }
    return rows;
}

/* The beginning of a commit or a digest, as people write it. */
static void short_commit(const store_model *m, char *ret, size_t size)
{
    const char *digits = strchr(m->commit, ':');
    (void)snprintf(ret, size, "%.10s", digits != NULL ? digits + 1 : m->commit);
}

static void print_text(const char *text, int width)
{
    const size_t columns = terminal_columns(text, strlen(text));
    (void)terminal_write_text(text, strlen(text), NULL);
    printf("%*s", columns < (size_t)width ? width - (int)columns + 2 : 2, "");
}

static void print(const store_list *list)
{
    int name_width = 4;
    for (size_t i = 0; i < list->count; i++) {
        const int columns = (int)terminal_columns(list->models[i].name, strlen(list->models[i].name));
        name_width = columns > name_width ? columns : name_width;
    }
    printf("%s%-*s  %-11s  %-10s  %8s  %-16s  %s%s\n", terminal_style(stdout, "bold"), name_width, "name", "store",
           "revision", "size", "format", "when", terminal_style(stdout, "reset"));
    for (size_t i = 0; i < list->count; i++) {
        const store_model *m = &list->models[i];
        char bytes[32], when[32] = "", revision[16];
        struct tm parts;
        const time_t then = (time_t)m->when_s;
        short_commit(m, revision, sizeof revision);
        if (localtime_r(&then, &parts) != NULL) {
            (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M", &parts);
        }
        print_text(m->name, name_width);
        printf("%-11s  %-10s  %8s  %-16s  %s\n", store_kind_name(m->kind), revision, text_bytes(m->bytes, bytes),
               m->format, when);
    }
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)operands;
    (void)count;
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    hearth_error error = {0};
    store_list list = {0};
    int code = EXIT_DONE;
    hearth_status status = confine_to_stores(&error);
    status = status == HEARTH_OK ? store_list_models(&list, &error) : status;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, list_json(&list));
    } else if (list.count > 0) {
        print(&list);
    } else {
        cli_note(c, "no models here; hearth pull NAME fetches one");
    }
    store_list_free(&list);
    return code;
}

static const option options[] = {{.name = NULL}};

const cli_command command_list = {
    .name = "list",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "tell which models are on this machine",
    .text =
        "Prints the models that hearth finds by name: those in the cache of Hugging Face's tools, in Ollama's store, "
        "in the local store and in the program's cache; with the name to call each by, its revision (the beginning "
        "of the commit, or of the file's SHA-256), size, container and main number format, and when it came.\n\n"
        "A repository with several GGUF files has a row for each. What is only partly here is \"incomplete\"; "
        "`hearth pull` fetches the rest.",
    .options = options,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth list", "A table."},
                                      {"hearth list --json | jq -r '.[].name'", "The names alone."},
                                      {NULL, NULL}},
    .run = run,
};
