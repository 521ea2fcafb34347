/* What tokenizer_config.json, special_tokens_map.json, generation_config.json and config.json say of a tokenizer. */
#include "model/load_tokenizer_folder.h"

#include "base/limits.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static int32_t id_of_text(const tokenizer_spec *spec, const json_t *string)
{
    const size_t length = json_string_length(string);
    for (size_t i = 0; json_is_string(string) && i < spec->token_count; i++) {
        const token_text text = spec->tokens[i].text;
        if (text.text != NULL && text.length == length && memcmp(text.text, json_string_value(string), length) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* "bos_token": a string, or an object with "content". */
static bool named_token(const tokenizer_spec *spec, const json_t *config, const char *key, int32_t *ret)
{
    const json_t *value = json_object_get(config, key);
    if (json_is_object(value)) {
        value = json_object_get(value, "content");
    }
    const int32_t id = id_of_text(spec, value);
    *ret = id >= 0 ? id : *ret;
    return id >= 0;
}

static void add_end(tokenizer_spec *spec, folder_ids *ids, const json_t *id)
{
    if (json_is_integer(id) && json_integer_value(id) >= 0 && (size_t)json_integer_value(id) < spec->token_count &&
        spec->end_count < FOLDER_ENDS_MOST) {
        ids->ends[spec->end_count++] = (int32_t)json_integer_value(id);
    }
}

/* "eos_token_id": a number or several. */
static void add_ends(tokenizer_spec *spec, folder_ids *ids, const json_t *config)
{
    const json_t *value = json_object_get(config, "eos_token_id");
    size_t i = 0;
    const json_t *one = NULL;
    add_end(spec, ids, value);
    json_array_foreach(value, i, one)
    {
        add_end(spec, ids, one);
    }
}

/* transformers builds the post-processor of these classes anew from add_bos_token and add_eos_token. */
static bool class_follows_flags(const json_t *config)
{
    static const char *const names[] = {"LlamaTokenizer",         "LlamaTokenizerFast", "CodeLlamaTokenizer",
                                        "CodeLlamaTokenizerFast", "GemmaTokenizer",     "GemmaTokenizerFast"};
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    for (size_t i = 0; class != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], class) == 0) {
            return true;
        }
    }
    return false;
}

static void apply_flags(tokenizer_spec *spec, folder_ids *ids, const json_t *config, bool has_template)
{
    const json_t *bos = json_object_get(config, "add_bos_token");
    const json_t *eos = json_object_get(config, "add_eos_token");
    const bool follows = class_follows_flags(config);
    if (json_is_boolean(bos) && (follows || !has_template)) {
        ids->before = spec->bos;
        spec->before = &ids->before;
        spec->before_count = json_is_true(bos) && spec->bos >= 0 ? 1 : 0;
    }
    if (json_is_boolean(eos) && (follows || !has_template)) {
        ids->after = spec->eos;
        spec->after = &ids->after;
        spec->after_count = json_is_true(eos) && spec->eos >= 0 ? 1 : 0;
    }
}

void folder_apply(tokenizer_spec *spec, folder_ids *ids, const hf_folder *folder, bool has_template)
{
    spec->ends = ids->ends;
    if (!named_token(spec, folder->tokenizer_config, "bos_token", &spec->bos)) {
        (void)named_token(spec, folder->special_tokens_map, "bos_token", &spec->bos);
    }
    if (!named_token(spec, folder->tokenizer_config, "eos_token", &spec->eos)) {
        (void)named_token(spec, folder->special_tokens_map, "eos_token", &spec->eos);
    }
    add_ends(spec, ids, folder->generation_config);
    add_ends(spec, ids, folder->config);
    apply_flags(spec, ids, folder->tokenizer_config, has_template);
}

/* ---- added_tokens_decoder: {"32000": {"content": "<pad>", "special": true, …}} ---- */

static unsigned added_flags(const json_t *value)
{
    const bool special = json_is_true(json_object_get(value, "special"));
    return TOKEN_OUTSIDE | (special ? TOKEN_SPECIAL : TOKEN_ADDED) |
           (json_is_true(json_object_get(value, "lstrip")) ? TOKEN_LSTRIP : 0u) |
           (json_is_true(json_object_get(value, "rstrip")) ? TOKEN_RSTRIP : 0u) |
           (json_is_true(json_object_get(value, "single_word")) ? TOKEN_SINGLE_WORD : 0u);
}

static hearth_status grow_tokens(token_spec **tokens, size_t *count, size_t wanted, hearth_error *error)
{
    token_spec *grown = mem_realloc(*tokens, wanted * sizeof *grown);
    if (grown == NULL) {
        return error_memory(error, wanted * sizeof *grown);
    }
    for (size_t i = *count; i < wanted; i++) {
        grown[i] = (token_spec){.flags = TOKEN_UNUSED | TOKEN_OUTSIDE};
    }
    *tokens = grown;
    *count = wanted;
    return HEARTH_OK;
}

hearth_status folder_added_tokens(const hf_folder *folder, token_spec **tokens, size_t *count, hearth_error *error)
{
    json_t *added = json_object_get(folder->tokenizer_config, "added_tokens_decoder");
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(added, key, value)
    {
        char *end = NULL;
        const unsigned long id = strtoul(key, &end, 10);
        const json_t *content = json_object_get(value, "content");
        if (end == key || *end != '\0' || id >= LIMIT_VOCABULARY || !json_is_string(content)) {
            return error_set(error, HEARTH_E_FORMAT, "tokenizer_config.json: added_tokens_decoder",
                             "ids below 4194304 with a string \"content\"", "\"%.40s\"", key);
        }
        if (id >= *count) {
            TRY(grow_tokens(tokens, count, id + 1, error));
        }
        token_spec *token = &(*tokens)[id];
        if (token->text.length == 0) {
            *token = (token_spec){.text = {json_string_value(content), json_string_length(content)},
                                  .flags = added_flags(value)};
        }
    }
    return HEARTH_OK;
}
