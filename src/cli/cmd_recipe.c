/* hearth recipe: what a recipe lacks, how two differ, and the schema. */
#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/json.h"
#include "corpus/explain.h"
#include "recipe/flat.h"
#include "recipe/schema.h"

#include <stdio.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

/* Text from a file: control characters never reach a terminal. */
static void print_outside(const char *text)
{
    (void)terminal_write_text(text, strlen(text), NULL);
}

/* ---- check ---- */

static json_t *lacks_json(const recipe *r, const recipe_lacks *lacks)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < lacks->count; i++) {
        const recipe_lack *l = &lacks->items[i];
        rows = json_door_append(rows, json_pack("{s:s, s:o, s:o}", "key", l->key, "what", text_or_null(l->what),
                                                "remedy", text_or_null(l->remedy)));
    }
    return json_pack("{s:s, s:s, s:b, s:o}", "name", r->name, "sha256", r->sha256, "complete", lacks->count == 0,
                     "missing", rows);
}

static void print_lacks(const recipe *r, const recipe_lacks *lacks)
{
    for (size_t i = 0; i < lacks->count; i++) {
        const recipe_lack *l = &lacks->items[i];
        printf("%s", terminal_style(stdout, "bold"));
        print_outside(l->key);
        printf("%s: ", terminal_style(stdout, "reset"));
        print_outside(l->what);
        putchar('\n');
        if (l->remedy != NULL) {
            printf("    %s\n", l->remedy);
        }
    }
    if (lacks->count == 0) {
        printf("%s lacks nothing: %zu source%s, SHA-256 %s\n", r->name, r->source_count,
               r->source_count == 1 ? "" : "s", r->sha256);
    }
}

static hearth_status check(cli *c, const char **paths, arena *a, int *ret_code, hearth_error *error)
{
    recipe *r = NULL;
    recipe_lacks lacks = {0};
    TRY(recipe_open(paths[0], &r, error));
    const hearth_status status = recipe_explain(r, a, &lacks, error);
    if (status == HEARTH_OK) {
        *ret_code = lacks.count == 0 ? EXIT_DONE : EXIT_FAILED;
        if (c->json) {
            const int printed = cli_print_json(c, lacks_json(r, &lacks));
            *ret_code = printed != EXIT_DONE ? printed : *ret_code;
        } else {
            print_lacks(r, &lacks);
        }
    }
    recipe_close(r);
    return status;
}

/* ---- diff ---- */

static json_t *changes_json(const flat_change *changes, size_t count)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        rows = json_door_append(rows, json_pack("{s:s, s:o, s:o}", "key", changes[i].key, "a",
                                                text_or_null(changes[i].before), "b", text_or_null(changes[i].after)));
    }
    return rows;
}

static void print_side(char sign, const char *style, const flat_change *change, const char *value)
{
    if (value != NULL) {
        printf("%s%c ", terminal_style(stdout, style), sign);
        print_outside(change->key);
        printf(": ");
        print_outside(value);
        printf("%s\n", terminal_style(stdout, "reset"));
    }
}

static void print_changes(const flat_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_side('-', "red", &changes[i], changes[i].before);
        print_side('+', "green", &changes[i], changes[i].after);
    }
}

static hearth_status compare(cli *c, recipe *const r[2], arena *a, int *ret_code, hearth_error *error)
{
    flat_recipe flat[2];
    flat_change *changes = NULL;
    size_t count = 0;
    TRY(recipe_flatten(r[0], a, &flat[0], error));
    TRY(recipe_flatten(r[1], a, &flat[1], error));
    TRY(recipe_compare(&flat[0], &flat[1], a, &changes, &count, error));
    *ret_code = count == 0 ? EXIT_DONE : EXIT_FAILED;
    if (c->json) {
        const int printed = cli_print_json(c, changes_json(changes, count));
        *ret_code = printed != EXIT_DONE ? printed : *ret_code;
    } else {
        print_changes(changes, count);
    }
    return HEARTH_OK;
}

static hearth_status diff(cli *c, const char **paths, arena *a, int *ret_code, hearth_error *error)
{
    recipe *r[2] = {NULL, NULL};
    hearth_status status = recipe_open(paths[0], &r[0], error);
    if (status == HEARTH_OK) {
        status = recipe_open(paths[1], &r[1], error);
    }
    if (status == HEARTH_OK) {
        status = compare(c, r, a, ret_code, error);
    }
    recipe_close(r[0]);
    recipe_close(r[1]);
    return status;
}

/* ---- the verbs ---- */

typedef hearth_status (*reads_recipes)(cli *c, const char **paths, arena *a, int *ret_code, hearth_error *error);

static int with_arena(cli *c, reads_recipes work, const char **paths)
{
    hearth_error error = {0};
    int code = EXIT_FAILED;
    arena *a = arena_create(0);
    const hearth_status status = a == NULL ? error_memory(&error, 0) : work(c, paths, a, &code, &error);
    arena_destroy(a);
    return status == HEARTH_OK ? code : cli_fail(c, &error);
}

static int run_check(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)count;
    return with_arena(c, check, operands);
}

static int run_diff(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)count;
    return with_arena(c, diff, operands);
}

static int run_schema(cli *c, const void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)operands;
    (void)count;
    return cli_print_json(c, recipe_schema());
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static const cli_verb verbs[] = {{"check", "1 file", 1, 1, run_check},
                                     {"diff", "2 files", 2, 2, run_diff},
                                     {"schema", "0 files", 0, 0, run_schema},
                                     {NULL, NULL, 0, 0, NULL}};
    (void)signals_leave_at_once(true); /* nothing here is ever half done */
    return cli_run_verb(c, verbs, settings, operands, count);
}

static const option options[] = {{.name = NULL}};

const cli_command command_recipe = {
    .name = "recipe",
    .operands = "check RECIPE | diff RECIPE RECIPE | schema",
    .least = 1,
    .most = 3,
    .summary = "tell what a recipe lacks, or how two differ",
    .text =
        "A recipe is a file, recipe.yaml, that says everything a trained model's bits depend on: sources, cleaning, "
        "tokenizer, architecture, number formats, optimiser, schedule, batches, seeds, evaluation, stop. Its keys are "
        "in docs/formats/recipe.md. A key that is unknown, missing, twice there or out of range is an error that names "
        "line and column.\n\n"
        "`check` reads it and tells what a stranger would lack who runs it: files that are not there, sources that "
        "are not pinned by a SHA-256 (with the line to add), files with another SHA-256 than the recipe says, sources "
        "without a licence, licences without evidence. Files and folders are read whole for their hashes; commands "
        "are not run.\n\n"
        "`diff` prints the values that differ, defaults included, whatever the order of the keys and however they are "
        "written; sources and pins are told apart by their names.\n\n"
        "`schema` prints the JSON schema, for editors; docs/formats/recipe.schema.json is the same.",
    .options = options,
    .has_json = true,
    .sections =
        (const cli_section[]){{"Exit status of check and diff",
                               "0 where nothing is missing or different, 1 where something is, or an error stopped it"},
                              {NULL, NULL}},
    .examples = (const cli_example[]){{"hearth recipe check recipes/hearthside/recipe.yaml", "What is missing."},
                                      {"hearth recipe diff old.yaml recipe.yaml", "What changed."},
                                      {NULL, NULL}},
    .run = run,
};
