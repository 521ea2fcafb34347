/* hearth corpus build: which paths a recipe reads, and the corpus made of them. */
#include "cli/confine.h"
#include "cli/corpus_command.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/rules.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

/* ---- what a command may read and write ---- */

/* A path of the recipe's, from its folder, goes to the list, which `paths` keeps. */
static hearth_status add_path(const recipe *r, const char *path, file_list *paths, hearth_error *error)
{
    char *whole = recipe_place(r, path);
    char **grown = whole != NULL ? mem_realloc(paths->names, (paths->count + 2) * sizeof *grown) : NULL;
    if (grown == NULL) {
        mem_free(whole);
        return error_memory(error, strlen(path));
    }
    paths->names = grown;
    paths->names[paths->count++] = whole;
    paths->names[paths->count] = NULL;
    return HEARTH_OK;
}

static hearth_status list_paths(const recipe *r, file_list *ret, bool *ret_commands, hearth_error *error)
{
    for (size_t i = 0; i < r->source_count; i++) {
        *ret_commands = *ret_commands || r->sources[i].kind == SOURCE_COMMAND;
        if (r->sources[i].path != NULL) {
            TRY(add_path(r, r->sources[i].path, ret, error));
        }
        if (r->sources[i].packages != NULL) {
            TRY(add_path(r, r->sources[i].packages, ret, error));
        }
    }
    for (size_t i = 0; i < r->rule_count; i++) {
        const char *sha256 = NULL;
        const char *file = rule_file(&r->rules[i], &sha256);
        if (file != NULL) {
            TRY(add_path(r, file, ret, error));
        }
    }
    return HEARTH_OK;
}

/* Strangers wrote what is read now. A recipe with commands is not held: they may be any programs; nor
 * are ranks, whose messages go by sockets and shared memory. */
static hearth_status confine_build(const recipe *r, const char *folder, const char *also, bool ranks,
                                   hearth_error *error)
{
    bool commands = false;
    file_list paths = {0};
    const char *const out[] = {folder, also, NULL};
    hearth_status status = file_make_place(folder, error);
    if (status == HEARTH_OK) {
        status = list_paths(r, &paths, &commands, error);
    }
    if (status == HEARTH_OK && !commands && !ranks) {
        const char *const none[] = {NULL};
        status = confine_to_paths(paths.names != NULL ? (const char *const *)paths.names : none, out, error);
    }
    file_list_free(&paths);
    return status;
}

/* ---- build ---- */

char *corpus_default_folder(const recipe *r)
{
    return text_format("%s-corpus", r->name);
}

hearth_status corpus_make(const recipe *r, const char *folder, const char *also, const corpus_options *o,
                          manifest_totals *ret, hearth_error *error)
{
    TRY(confine_build(r, folder, also, o->group != NULL, error));
    return corpus_build(r, folder, o, ret, error);
}

static json_t *totals_json(const char *folder, const manifest_totals *t)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "folder", folder, "sha256", t->sha256, "documents",
                     (json_int_t)t->documents, "kept", (json_int_t)t->kept, "held_out", (json_int_t)t->held_out,
                     "bytes", (json_int_t)t->bytes, "kept_bytes", (json_int_t)t->kept_bytes);
}

hearth_status corpus_verb_build(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                hearth_error *error)
{
    const char *path = operands[0];
    recipe *r = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    manifest_totals totals = {0};
    corpus_options o = corpus_run_options(c, &bar);
    o.group = s->group;
    TRY(recipe_open(path, &r, error));
    char *folder = s->output != NULL ? mem_strdup(s->output) : corpus_default_folder(r);
    const hearth_status status =
        folder == NULL ? error_memory(error, strlen(path)) : corpus_make(r, folder, NULL, &o, &totals, error);
    terminal_progress_end(&bar);
    if (status == HEARTH_OK && group_rank(s->group) != 0) {
        *ret_code = EXIT_DONE; /* rank 0 tells */
    } else if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, totals_json(folder, &totals));
    } else if (status == HEARTH_OK) {
        corpus_print_totals(folder, &totals);
    }
    mem_free(folder);
    recipe_close(r);
    return status;
}
