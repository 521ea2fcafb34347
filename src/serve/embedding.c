/* Texts to vectors. */
#include "serve/embedding.h"

#include "base/memory.h"
#include "serve/fields.h"
#include "serve/server.h"

bool embedding_open(request *r, const char *name, embedding *e, failure *f)
{
    hearth_error error = {0};
    if (models_take(server_models(r->s), name, &e->model, &error) != HEARTH_OK) {
        return models_refusal(name, &error, f);
    }
    return e->dimensions <= e->model->m->config.width ||
           failure_set(f, 400, "invalid_value", "dimensions",
                       "Invalid 'dimensions': this model's vectors have %u values.", e->model->m->config.width);
}

bool embedding_room(embedding *e, size_t count, failure *f)
{
    if (count == 0 || count > EMBEDDING_TEXTS) {
        return failure_set(f, 400, "invalid_value", "input", "Invalid 'input': expected 1 to %u texts.",
                           EMBEDDING_TEXTS);
    }
    e->count = count;
    e->texts = mem_calloc(count, sizeof *e->texts);
    e->decoded = mem_calloc(count, sizeof *e->decoded);
    return (e->texts != NULL && e->decoded != NULL) || failure_memory(f);
}

static hearth_status run(const request *r, embedding *e, embedder *made, hearth_error *error)
{
    e->width = embedder_dimensions(made);
    e->vectors = mem_calloc(e->count, e->width * sizeof *e->vectors);
    if (e->vectors == NULL) {
        return error_memory(error, e->count * e->width * sizeof *e->vectors);
    }
    return embedder_run(made, embedder_config(made)->prompt, e->texts, e->count, e->vectors, &e->counts,
                        request_goes_on, (void *)(uintptr_t)r, error);
}

bool embedding_run(const request *r, embedding *e, const char *param, failure *f)
{
    hearth_error error = {0};
    for (size_t i = 0; i < e->count; i++) {
        if (!field_fits(param, e->texts[i].length, f)) {
            return false;
        }
    }
    embed_options how = embed_options_default();
    embedder *made = NULL;
    how.dimensions = (size_t)e->dimensions;
    how.batch = SERVE_ASIDE_TOKENS;
    hearth_status status = embedder_create(e->model->m, &how, &made, &error);
    status = status == HEARTH_OK ? run(r, e, made, &error) : status;
    embedder_free(made);
    return status == HEARTH_OK || failure_from(f, &error, param);
}

void embedding_free(request *r, embedding *e)
{
    for (size_t i = 0; e->decoded != NULL && i < e->count; i++) {
        buffer_free(&e->decoded[i]);
    }
    mem_free(e->decoded);
    mem_free(e->texts);
    mem_free(e->vectors);
    models_give_back(server_models(r->s), e->model);
}
