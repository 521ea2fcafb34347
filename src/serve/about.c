/* GET /api/hearth/models/{model}: what a model is and, where its folder has the files, how it was made and from what.
 * It is read from the files; a model that is not open stays so. */
#include "base/memory.h"
#include "model/describe.h"
#include "platform/file.h"
#include "recipe/recipe.h"
#include "serve/routes.h"
#include "serve/server.h"
#include "serve/values.h"

#include <string.h>

#define MOST_CORPUS_BYTES ((size_t)16 << 20)

/* ---- what became of its sources: corpus.json beside the model ---- */

static json_t *read_corpus(const char *folder)
{
    json_t *made = NULL;
    char *path = file_join(folder, "corpus.json");
    buffer text;
    buffer_init(&text, 0);
    if (path != NULL && file_exists(path) && file_read(path, MOST_CORPUS_BYTES, &text, NULL) == HEARTH_OK) {
        (void)json_door_parse(buffer_text(&text), text.length, path, &made, NULL);
    }
    buffer_free(&text);
    mem_free(path);
    return made;
}

/* The source of this name in corpus.json; NULL: not there. */
static const json_t *find_source(const json_t *corpus, const char *name)
{
    const json_t *rows = json_object_get(corpus, "sources");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *its = json_string_value(json_object_get(row, "name"));
        if (its != NULL && strcmp(its, name) == 0) {
            return row;
        }
    }
    return NULL;
}

/* ---- the recipe beside the model ---- */

static json_t *source_json(const recipe_source *s, const json_t *corpus)
{
    static const char *const kept[] = {"kind", "documents"};
    const json_t *row = find_source(corpus, s->name);
    json_t *made = json_door_put(json_object(), "name", values_text_or_null(s->name));
    made = json_door_put(made, "licence", values_text_or_null(s->licence));
    made = json_door_put(made, "evidence", values_text_or_null(s->evidence));
    made = json_door_put(made, "language", values_text_or_null(s->language));
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        json_t *value = json_object_get(row, kept[i]);
        made = json_door_put(made, kept[i], value != NULL ? json_incref(value) : json_null());
    }
    return made;
}

static json_t *put_recipe(json_t *all, const recipe *made_by, const json_t *corpus)
{
    json_t *sources = json_array();
    for (size_t i = 0; i < made_by->source_count; i++) {
        sources = json_door_append(sources, source_json(&made_by->sources[i], corpus));
    }
    if (json_is_null(json_object_get(all, "licence"))) {
        all = json_door_put(all, "licence", values_text_or_null(made_by->licence));
    }
    all = json_door_put(all, "description", values_text_or_null(made_by->description));
    all = json_door_put(all, "recipe", json_door_text(made_by->text, made_by->text_length));
    return json_door_put(all, "sources", sources);
}

/* A recipe that cannot be read is said to be so. */
static json_t *put_origin(json_t *all, const char *folder)
{
    recipe *made_by = NULL;
    hearth_error error = {0};
    char *path = folder != NULL ? file_join(folder, "recipe.yaml") : NULL;
    if (path != NULL && file_exists(path)) {
        if (recipe_open(path, &made_by, &error) == HEARTH_OK) {
            json_t *corpus = read_corpus(folder);
            all = put_recipe(all, made_by, corpus);
            json_decref(corpus);
        } else {
            char line[512];
            error.file[0] = '\0'; /* a path of this machine's is nobody's business */
            all = json_door_put(all, "recipe_error", values_text_or_null(hearth_error_line(&error, line, sizeof line)));
        }
    }
    recipe_close(made_by);
    mem_free(path);
    return all;
}

/* ---- the model ---- */

static json_t *about(const char *name, const model *m, hearth_error *error)
{
    char licence[DESCRIBE_LICENCE_SIZE];
    if (describe_licence(m, licence, error) != HEARTH_OK) {
        return NULL;
    }
    json_t *all = describe_json(m, licence, false, false);
    if (all != NULL) {
        (void)json_object_del(all, "path"); /* of this machine */
        all = json_door_put(all, "title", m->gguf != NULL ? values_text_or_null(m->config.name) : json_null());
        all = json_door_put(all, "name", json_door_string(name));
        all = put_origin(all, m->hf != NULL ? m->hf->path : NULL);
    }
    return all;
}

static void show(request *r)
{
    hearth_error error = {0};
    model *m = NULL;
    if (!models_has(server_models(r->s), r->parameter)) {
        request_refuse_with(r, 404, "model_not_found", "model", "The model `%.200s` does not exist.", r->parameter);
        return;
    }
    json_t *all = NULL;
    if (models_peek(server_models(r->s), r->parameter, &m, &error) == HEARTH_OK) {
        all = about(r->parameter, m, &error);
    }
    if (error.status != HEARTH_OK) {
        request_refuse_error(r, &error, "model");
    } else {
        request_answer_json(r, all);
    }
    model_close(m);
}

const route routes_about[] = {
    {"GET", "/api/hearth/models/{model}", RIGHT_INFER, API_OPENAI, false, false, show},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
