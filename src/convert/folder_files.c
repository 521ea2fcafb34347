/* What lies beside config.json in a folder. */
#include "base/memory.h"
#include "convert/config_folder.h"
#include "platform/file_stream.h"

#include <stdio.h>
#include <string.h>

hearth_status convert_write_json(const char *path, const char *name, json_t *value, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    char *file = file_join(path, name);
    hearth_status status = file == NULL || value == NULL ? error_memory(error, strlen(path)) : HEARTH_OK;
    status = status != HEARTH_OK ? status : json_door_write(value, 2, &text, error);
    status = status != HEARTH_OK ? status : buffer_append_char(&text, '\n', error);
    status = status != HEARTH_OK ? status : file_create(file, text.data, text.length, error);
    buffer_free(&text);
    mem_free(file);
    json_decref(value);
    return status;
}
static hearth_status write_generation(const char *path, const gguf_file *file, const model_config *c,
                                      hearth_error *error)
{
    static const char *const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        json_t *id = config_id(file, ends[i], c->vocabulary);
        if (json_is_integer(id)) {
            list = json_door_append(list, id);
        }
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        return HEARTH_OK;
    }
    json_t *value =
        json_door_put(json_object(), "bos_token_id", config_id(file, "tokenizer.ggml.bos_token_id", c->vocabulary));
    value = json_door_put(value, "eos_token_id", list);
    return convert_write_json(path, "generation_config.json", value, error);
}

/* README.md with the licence, where the file states one: what a folder keeps it in. */
static hearth_status write_card(const char *path, const gguf_file *file, hearth_error *error)
{
    gguf_string license = {0};
    gguf_string name = {"model", 5};
    buffer text;
    if (gguf_get_string(file, "general.license", &license, NULL) != HEARTH_OK ||
        memchr(license.text, '\n', license.length) != NULL) {
        return HEARTH_OK;
    }
    (void)gguf_get_string(file, "general.name", &name, NULL);
    char *card = file_join(path, "README.md");
    buffer_init(&text, 0);
    hearth_status status = card == NULL ? error_memory(error, strlen(path)) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = buffer_printf(&text, error, "---\nlicense: %.*s\n---\n\n# %.*s\n", (int)license.length, license.text,
                               (int)name.length, name.text);
    }
    status = status != HEARTH_OK ? status : file_create(card, text.data, text.length, error);
    buffer_free(&text);
    mem_free(card);
    return status;
}

/* sentence-transformers' files, where the file says how a text's vector is made; GGUF means that it is normed. */
static json_t *module_json(size_t index, const char *path, const char *type)
{
    char number[8];
    char class[64];
    snprintf(number, sizeof number, "%zu", index);
    snprintf(class, sizeof class, "sentence_transformers.models.%s", type);
    json_t *value = json_door_put(json_object(), "idx", json_integer((json_int_t)index));
    value = json_door_put(value, "name", json_string(number));
    value = json_door_put(value, "path", json_string(path));
    return json_door_put(value, "type", json_string(class));
}

static hearth_status write_pooling(const char *path, const model_config *c, uint64_t kind, hearth_error *error)
{
    static const char *const flags[] = {"pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_lasttoken"};
    json_t *pooling = json_door_put(json_object(), "word_embedding_dimension", json_integer(c->width));
    for (uint64_t i = 0; i < 3; i++) {
        pooling = json_door_put(pooling, flags[i], json_boolean(i + 1 == kind));
    }
    char *folder = file_join(path, "1_Pooling");
    hearth_status status = folder == NULL ? error_memory(error, strlen(path)) : file_make_folders(folder, error);
    if (status != HEARTH_OK) {
        json_decref(pooling);
    } else {
        status = convert_write_json(folder, "config.json", pooling, error);
    }
    mem_free(folder);
    return status;
}

static hearth_status write_modules(const char *path, const gguf_file *file, const model_config *c, hearth_error *error)
{
    char key[96];
    uint64_t kind = 0;
    snprintf(key, sizeof key, "%s.pooling_type", c->family->gguf_architecture);
    if (gguf_get_u64(file, key, &kind, NULL) != HEARTH_OK || kind == 0 || kind > 3) {
        return HEARTH_OK;
    }
    json_t *modules = json_door_append(json_array(), module_json(0, "", "Transformer"));
    modules = json_door_append(modules, module_json(1, "1_Pooling", "Pooling"));
    modules = json_door_append(modules, module_json(2, "2_Normalize", "Normalize"));
    TRY(convert_write_json(path, "modules.json", modules, error));
    json_t *sentence = json_door_put(json_object(), "max_seq_length", json_integer(c->context));
    sentence = json_door_put(sentence, "do_lower_case", json_false());
    TRY(convert_write_json(path, "sentence_bert_config.json", sentence, error));
    return write_pooling(path, c, kind, error);
}

hearth_status config_write_beside(const char *path, const gguf_file *file, const model_config *c, hearth_error *error)
{
    TRY(write_card(path, file, error));
    TRY(write_modules(path, file, c, error));
    return write_generation(path, file, c, error);
}
