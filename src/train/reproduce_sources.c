/* Finding sources: a model carries its recipe, but not what the recipe names. */
#include "train/reproduce_sources.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/rules.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

typedef struct lacking {
    const char *key;  /* "source", "rule", "tokenizer"; NULL: nothing is missing */
    const char *name; /* of it */
    const char *path; /* as the recipe has it */
} lacking;

static hearth_status look(const recipe *r, const char *key, const char *name, const char *path, lacking *ret,
                          hearth_error *error)
{
    if (path == NULL || ret->key != NULL) {
        return HEARTH_OK;
    }
    char *place = recipe_place(r, path);
    if (place == NULL) {
        return error_memory(error, strlen(path));
    }
    if (!file_exists(place)) {
        *ret = (lacking){key, name, path};
    }
    mem_free(place);
    return HEARTH_OK;
}

/* The first thing that the recipe names by a path and that is not there. Of Debian's packages
 * the list: whoever reads them tells of one that is missing. */
static hearth_status find_lacking(const recipe *r, lacking *ret, hearth_error *error)
{
    *ret = (lacking){0};
    for (size_t i = 0; i < r->source_count; i++) {
        const recipe_source *s = &r->sources[i];
        TRY(look(r, "source", s->name, s->kind == SOURCE_DEBIAN ? s->packages : s->path, ret, error));
    }
    for (size_t i = 0; i < r->rule_count; i++) {
        const char *sha256 = NULL;
        TRY(look(r, "rule", r->rules[i].name, rule_file(&r->rules[i], &sha256), ret, error));
    }
    return look(r, "tokenizer", "file", r->tokenizer.kind == TOKENIZER_FILE ? r->tokenizer.path : NULL, ret, error);
}

/* *ret stays NULL where something is missing there, which the error names. */
static hearth_status try_folder(const char *path, const char *folder, recipe **ret, hearth_error *error)
{
    recipe *r = NULL;
    lacking what = {0};
    TRY(recipe_open_beside(path, folder, &r, error));
    hearth_status status = rules_check(r, error);
    status = status == HEARTH_OK ? find_lacking(r, &what, error) : status;
    if (status == HEARTH_OK && what.key == NULL) {
        *ret = r;
        return HEARTH_OK;
    }
    if (status == HEARTH_OK) {
        char place[128];
        (void)snprintf(place, sizeof place, "%s %.100s", what.key, what.name);
        (void)error_set(error, HEARTH_E_NOT_FOUND, place, "what the recipe names, in the folder that --sources gives",
                        "no %.200s there", what.path);
        error_in_file(error, folder);
    }
    recipe_close(r);
    return status;
}

hearth_status reproduce_open_recipe(const char *path, const char *model, const char *given, recipe **ret,
                                    hearth_error *error)
{
    *ret = NULL;
    if (given != NULL) {
        TRY(try_folder(path, given, ret, error));
        return *ret != NULL ? HEARTH_OK : HEARTH_E_NOT_FOUND;
    }
    recipe *named = NULL;
    TRY(recipe_open_beside(path, model, &named, error));
    char *in_recipes = text_format("../../recipes/%s", named->name); /* a checkout of this repository */
    const char *const places[] = {".", "..", in_recipes, "../.."};
    hearth_status status = in_recipes != NULL ? HEARTH_OK : error_memory(error, 0);
    for (size_t i = 0; i < sizeof places / sizeof places[0] && *ret == NULL && status == HEARTH_OK; i++) {
        char *folder = i == 0 ? mem_strdup(model) : file_join(model, places[i]);
        status = folder == NULL ? error_memory(error, strlen(model)) : try_folder(path, folder, ret, error);
        mem_free(folder);
    }
    mem_free(in_recipes);
    recipe_close(named);
    TRY(status);
    return *ret != NULL ? HEARTH_OK : HEARTH_E_NOT_FOUND;
}
