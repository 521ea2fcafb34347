/* A model's configuration, and its tensors where they can be read. */
#include "cli/confine.h"
#include "cli/plan.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static bool is_json(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".json") == 0 && file_exists(name) && !file_is_folder(name);
}

/* The file's name without ".json" names the model, unless every such file has it. */
static void name_after_file(const char *path, model_config *c)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (strcmp(name, "config.json") != 0) {
        snprintf(c->name, sizeof c->name, "%.*s", (int)(strlen(name) - 5 < 127 ? strlen(name) - 5 : 127), name);
    }
}

static hearth_status open_config(const char *name, plan_source *s, hearth_error *error)
{
    TRY(confine_to_model(name, NULL, NULL, &s->path, error));
    TRY(hf_open_config(name, &s->hf, error));
    const hearth_status status = model_config_from_hf(s->hf, &s->config, error);
    if (status != HEARTH_OK && error != NULL) {
        snprintf(error->file, sizeof error->file, "%.240s", name);
    }
    name_after_file(name, &s->config);
    return status;
}

/* With the weights where they are there and hearth reads their formats, else without. */
static hearth_status open_folder(const cli *c, plan_source *s, hearth_error *error)
{
    hearth_error problem = {0};
    const hearth_status status = hf_open(s->path, true, &s->hf, &problem);
    if (status != HEARTH_OK) {
        TRY(hf_open(s->path, false, &s->hf, error));
        if (status != HEARTH_E_NOT_FOUND) {
            cli_note(c, "plans by config.json alone: the weights cannot be read (%s: %s)", problem.place,
                     problem.found);
        }
    } else if (s->hf->tensors.count > 0) {
        s->tensors = &s->hf->tensors;
    }
    return model_config_from_hf(s->hf, &s->config, error);
}

hearth_status plan_open(const cli *c, const char *name, plan_source *ret, hearth_error *error)
{
    if (is_json(name)) {
        return open_config(name, ret, error);
    }
    TRY(confine_to_model(name, NULL, NULL, &ret->path, error));
    if (file_is_folder(ret->path)) {
        return open_folder(c, ret, error);
    }
    TRY(gguf_open(ret->path, &ret->gguf, error));
    ret->tensors = gguf_tensors(ret->gguf);
    if (ret->tensors->count == 0) {
        ret->tensors = NULL;
    }
    return model_config_from_gguf(ret->gguf, &ret->config, error);
}

void plan_close(plan_source *source)
{
    gguf_close(source->gguf);
    hf_close(source->hf);
    mem_free(source->path);
    *source = (plan_source){0};
}

const char *plan_largest_file(const plan_source *source)
{
    const char *path = NULL;
    size_t largest = 0;
    for (size_t i = 0; source->tensors != NULL && i < source->tensors->map_count; i++) {
        if (source->tensors->maps[i].size > largest) {
            largest = source->tensors->maps[i].size;
            path = source->tensors->maps[i].path;
        }
    }
    return path;
}
