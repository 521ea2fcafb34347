/* hearth rm and hearth prune: give the space back. */
#include "cli/commands.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "base/text.h"
#include "hub/store.h"

#include <stdio.h>
#include <string.h>

static json_t *removed_json(const store_removed *r, bool dry_run)
{
    json_t *paths = json_array();
    for (size_t i = 0; i < r->count; i++) {
        paths = json_door_append(paths, json_door_string(r->paths[i]));
    }
    return json_pack("{s:b, s:I, s:o}", "removed", (int)!dry_run, "bytes", (json_int_t)r->bytes, "paths", paths);
}

static int run_rm(cli *c, void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)count;
    hearth_error error = {0};
    store_removed removed = {0};
    char bytes[32];
    int code = EXIT_DONE;
    if (store_remove(operands[0], &removed, &error) != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, removed_json(&removed, false));
    } else {
        printf("%s: removed, %s free\n", operands[0], text_bytes(removed.bytes, bytes));
    }
    store_removed_free(&removed);
    return code;
}

static const option no_options[] = {{.name = NULL}};

const cli_command command_rm = {
    .name = "rm",
    .operands = "NAME",
    .least = 1,
    .most = 1,
    .summary = "remove a model from this machine",
    .text =
        "Removes a model of `hearth list`, and of its files those that no other model there uses: blobs that another "
        "revision or another tag shares stay. It does not ask. Paths are not names: a model that lies elsewhere is "
        "never removed. Hugging Face's tools and Ollama do not find it any more, either.",
    .options = no_options,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth rm HuggingFaceTB/SmolLM2-135M-Instruct", "A repository."},
                                      {"hearth rm bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0",
                                       "One of the GGUF files of a repository."},
                                      {NULL, NULL}},
    .run = run_rm,
};

typedef struct prune_settings {
    bool dry_run;
    size_t hours;
} prune_settings;

static const option prune_options[] = {
    {.name = "dry-run",
     .type = OPTION_FLAG,
     .offset = offsetof(prune_settings, dry_run),
     .help = "Tell what would be removed, and remove nothing."},
    {.name = "hours",
     .type = OPTION_COUNT,
     .offset = offsetof(prune_settings, hours),
     .argument = "N",
     .least = 0,
     .most = 1000000,
     .help = "Leave what was touched within the last N hours. Default: 24."},
    {.name = NULL},
};

static const prune_settings prune_defaults = {.hours = 24};

static int run_prune(cli *c, void *settings, const char **operands, size_t count)
{
    (void)operands;
    (void)count;
    const prune_settings *s = settings;
    hearth_error error = {0};
    store_removed removed = {0};
    char bytes[32];
    int code = EXIT_DONE;
    if (store_prune((double)s->hours, s->dry_run, &removed, &error) != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, removed_json(&removed, s->dry_run));
    } else {
        for (size_t i = 0; i < removed.count; i++) {
            (void)terminal_write_text(removed.paths[i], strlen(removed.paths[i]), NULL);
            putchar('\n');
        }
        printf("%zu file%s, %s %s\n", removed.count, removed.count == 1 ? "" : "s", text_bytes(removed.bytes, bytes),
               s->dry_run ? "would be free" : "free");
    }
    store_removed_free(&removed);
    return code;
}

const cli_command command_prune = {
    .name = "prune",
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "remove what no model uses",
    .text =
        "Removes blobs that no snapshot of Hugging Face's cache and no manifest of Ollama's store names, and downloads "
        "that were begun and never ended, when nobody touched them for a day. What another process works on "
        "stays.",
    .options = prune_options,
    .defaults = &prune_defaults,
    .settings_bytes = sizeof prune_defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth prune --dry-run", "What would go."},
                                      {"hearth prune --hours 0", "Also what was interrupted just now."},
                                      {NULL, NULL}},
    .run = run_prune,
};
