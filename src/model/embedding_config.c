/* Reading modules.json, 1_Pooling/config.json, sentence_bert_config.json, config_sentence_transformers.json. */
#include "model/embedding_config.h"

#include "base/memory.h"
#include "model/config_json.h"

#include <stdio.h>
#include <string.h>

/* An optional file of the folder, or of a folder in it; NULL in *ret where it is not there. */
static hearth_status read_file(const hf_folder *folder, const char *inside, const char *name, json_t **ret,
                               hearth_error *error)
{
    char part[512];
    *ret = NULL;
    snprintf(part, sizeof part, "%s%s%s", inside, inside[0] == '\0' ? "" : "/", name);
    char *path = file_join(folder->path, part);
    if (path == NULL) {
        return error_memory(error, sizeof part);
    }
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = HEARTH_OK;
    if (file_exists(path)) {
        status = file_read(path, LIMIT_CONFIG_FILE_BYTES, &text, error);
        status = status != HEARTH_OK ? status : json_door_parse(buffer_text(&text), text.length, path, ret, error);
    }
    buffer_free(&text);
    mem_free(path);
    return status;
}

static hearth_status in_file(hearth_status status, const hf_folder *folder, const char *name, hearth_error *error)
{
    if (status != HEARTH_OK && error != NULL && error->file[0] == '\0') {
        snprintf(error->file, sizeof error->file, "%.180s/%.60s", folder->path, name);
    }
    return status;
}

/* ---- pooling ---- */

/* Two spellings: a flag for each kind, or (since sentence-transformers 5) one name. */
static hearth_status read_pooling(const json_t *object, embedding_config *c, hearth_error *error)
{
    static const struct {
        const char *flag, *name;
        int kind; /* -1: not here */
    } rows[] = {{"pooling_mode_mean_tokens", "mean", POOLING_MEAN},
                {"pooling_mode_cls_token", "cls", POOLING_CLS},
                {"pooling_mode_lasttoken", "lasttoken", POOLING_LAST},
                {"pooling_mode_max_tokens", "max", -1},
                {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", -1},
                {"pooling_mode_weightedmean_tokens", "weightedmean", -1}};
    const char *named = json_string_value(config_value(object, "pooling_mode"));
    size_t chosen = 0;
    bool included = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool on = named != NULL && strcmp(named, rows[i].name) == 0;
        TRY(config_flag_or(object, rows[i].flag, &on, error));
        if (on && rows[i].kind < 0) {
            return error_set(error, HEARTH_E_UNSUPPORTED, rows[i].flag, "mean, cls or the last token", "another kind");
        }
        c->pooling = on ? (pooling_kind)rows[i].kind : c->pooling;
        chosen += on ? 1 : 0;
    }
    if (chosen != 1) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "pooling_mode", "one of mean, cls and lasttoken", "%zu of them",
                         chosen);
    }
    TRY(config_flag_or(object, "include_prompt", &included, error));
    c->prompt_left_out = !included;
    return HEARTH_OK;
}

static hearth_status read_pooling_module(const hf_folder *folder, const char *inside, embedding_config *c,
                                         hearth_error *error)
{
    json_t *object = NULL;
    if (inside[0] == '/' || strstr(inside, "..") != NULL || strlen(inside) > 200) {
        return error_set(error, HEARTH_E_FORMAT, "path", "a folder inside the model's", "%.60s", inside);
    }
    TRY(read_file(folder, inside, "config.json", &object, error));
    if (object == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, inside, "config.json of the pooling", "none");
    }
    char name[256];
    snprintf(name, sizeof name, "%s/config.json", inside);
    const hearth_status status = in_file(read_pooling(object, c, error), folder, name, error);
    json_decref(object);
    return status;
}

/* ---- modules.json: a list of what comes one after the other ---- */

static hearth_status read_module(const hf_folder *folder, const json_t *module, embedding_config *c,
                                 hearth_error *error)
{
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *path = json_string_value(json_object_get(module, "path"));
    if (type == NULL || path == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "module", "an object with type and path", "something else");
    }
    const char *last = strrchr(type, '.');
    last = last == NULL ? type : last + 1;
    if (strcmp(last, "Transformer") == 0) {
        return path[0] == '\0'
                   ? HEARTH_OK
                   : error_set(error, HEARTH_E_UNSUPPORTED, "path", "the model in the folder itself", "%.60s", path);
    }
    if (strcmp(last, "Pooling") == 0) {
        return read_pooling_module(folder, path, c, error);
    }
    if (strcmp(last, "Normalize") == 0) {
        c->normalize = true;
        return HEARTH_OK;
    }
    return error_set(error, HEARTH_E_UNSUPPORTED, "type", "Transformer, Pooling or Normalize", "%.60s", last);
}

hearth_status embedding_config_modules(const hf_folder *folder, embedding_config *c, hearth_error *error)
{
    json_t *modules = NULL;
    hearth_status status = read_file(folder, "", "modules.json", &modules, error);
    if (modules != NULL && !json_is_array(modules)) {
        status = error_set(error, HEARTH_E_FORMAT, "modules", "an array", "%s", config_kind(modules));
    }
    for (size_t i = 0; status == HEARTH_OK && i < json_array_size(modules); i++) {
        status = read_module(folder, json_array_get(modules, i), c, error);
    }
    json_decref(modules);
    return in_file(status, folder, "modules.json", error);
}

/* ---- the rest ---- */

static hearth_status shorten(const json_t *object, const char *key, embedding_config *c, hearth_error *error)
{
    uint32_t most = UINT32_MAX;
    const json_t *value = config_value(object, key);
    if (json_is_real(value) || (json_is_integer(value) && json_integer_value(value) > UINT32_MAX)) {
        return HEARTH_OK; /* 1e30: what transformers writes for none */
    }
    TRY(config_number_or(object, key, &most, error));
    c->most_tokens = most != 0 && most < c->most_tokens ? most : c->most_tokens;
    return HEARTH_OK;
}

static hearth_status read_transformer(const hf_folder *folder, embedding_config *c, hearth_error *error)
{
    json_t *object = NULL;
    bool lower = false;
    TRY(read_file(folder, "", "sentence_bert_config.json", &object, error));
    hearth_status status = config_flag_or(object, "do_lower_case", &lower, error);
    if (status == HEARTH_OK && lower) {
        status = error_set(error, HEARTH_E_UNSUPPORTED, "do_lower_case", "false", "true");
    }
    status = status != HEARTH_OK ? status : shorten(object, "max_seq_length", c, error);
    const bool said = config_value(object, "max_seq_length") != NULL;
    json_decref(object);
    TRY(in_file(status, folder, "sentence_bert_config.json", error));
    if (said || folder->tokenizer_config == NULL) {
        return HEARTH_OK;
    }
    return in_file(shorten(folder->tokenizer_config, "model_max_length", c, error), folder, "tokenizer_config.json",
                   error);
}

static hearth_status read_prompts(const hf_folder *folder, embedding_config *c, hearth_error *error)
{
    json_t *object = NULL;
    TRY(read_file(folder, "", "config_sentence_transformers.json", &object, error));
    const json_t *prompts = config_value(object, "prompts");
    const char *named = json_string_value(config_value(object, "default_prompt_name"));
    hearth_status status = HEARTH_OK;
    if (prompts != NULL && !json_is_object(prompts)) {
        status = error_set(error, HEARTH_E_FORMAT, "prompts", "an object", "%s", config_kind(prompts));
    } else if (prompts != NULL) {
        c->prompts = json_incref((json_t *)prompts);
        c->prompt = named == NULL ? NULL : json_string_value(json_object_get(prompts, named));
    }
    json_decref(object);
    return in_file(status, folder, "config_sentence_transformers.json", error);
}

/* GGUF says the pooling alone; that results are normed is what llama.cpp does. */
static hearth_status read_gguf(const gguf_file *file, embedding_config *c, hearth_error *error)
{
    char key[128];
    gguf_string architecture = {0};
    uint64_t kind = 0;
    c->normalize = true;
    TRY(gguf_get_string(file, "general.architecture", &architecture, error));
    snprintf(key, sizeof key, "%.*s.pooling_type", (int)(architecture.length < 64 ? architecture.length : 64),
             architecture.text);
    if (gguf_find(file, key) >= 0) {
        TRY(gguf_get_u64(file, key, &kind, error));
    }
    if (kind > 3) {
        return error_set(error, HEARTH_E_UNSUPPORTED, key, "0 (none), 1 (mean), 2 (cls) or 3 (last)", "%llu",
                         (unsigned long long)kind);
    }
    c->pooling = kind == 0 ? c->pooling : (pooling_kind)(kind - 1);
    return HEARTH_OK;
}

hearth_status embedding_config_read(const model *m, embedding_config *ret, hearth_error *error)
{
    embedding_config c = {.pooling = m->config.form.bidirectional ? POOLING_MEAN : POOLING_LAST,
                          .most_tokens = m->config.context};
    hearth_status status = HEARTH_OK;
    if (m->gguf != NULL) {
        status = read_gguf(m->gguf, &c, error);
        if (status != HEARTH_OK) {
            error_in_file(error, gguf_path(m->gguf));
        }
    } else {
        status = embedding_config_modules(m->hf, &c, error);
        status = status != HEARTH_OK ? status : read_transformer(m->hf, &c, error);
        status = status != HEARTH_OK ? status : read_prompts(m->hf, &c, error);
    }
    if (status != HEARTH_OK) {
        embedding_config_free(&c);
        return status;
    }
    *ret = c;
    return HEARTH_OK;
}

void embedding_config_free(embedding_config *c)
{
    json_decref(c->prompts);
    *c = (embedding_config){0};
}
