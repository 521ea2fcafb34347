/* A tokenizer from tokenizer.json, and from the folder around it what BOS and EOS are and when they are added. */
#include "model/load_tokenizer.h"

#include "base/memory.h"
#include "model/tokenizer_pipeline.h"

#include <string.h>

#define ENDS_MOST 32u

typedef struct json_loader {
    tokenizer_json *file;
    tokenizer_pipeline pipeline;
    tokenizer_spec spec;
    token_spec *tokens;
    merge_spec *merges;
    int32_t ends[ENDS_MOST];
    int32_t before, after;
} json_loader;

static hearth_status copy_tables(json_loader *l, hearth_error *error)
{
    const tokenizer_json *f = l->file;
    l->tokens = mem_calloc(f->token_count, sizeof *l->tokens);
    l->merges = f->merge_count == 0 ? NULL : mem_calloc(f->merge_count, sizeof *l->merges);
    if (l->tokens == NULL || (f->merge_count > 0 && l->merges == NULL)) {
        return error_memory(error, f->token_count * sizeof *l->tokens);
    }
    for (size_t i = 0; i < f->token_count; i++) {
        l->tokens[i].text = (token_text){f->tokens[i].text, f->tokens[i].length};
        l->tokens[i].flags = f->tokens[i].text == NULL ? TOKEN_UNUSED | TOKEN_OUTSIDE : TOKEN_NORMAL;
    }
    for (size_t i = 0; i < f->merge_count; i++) {
        const tokenizer_json_merge m = f->merges[i];
        l->merges[i] = (merge_spec){{m.left.text, m.left.length}, {m.right.text, m.right.length}};
    }
    const json_t *vocabulary = json_object_get(json_object_get(f->root, "model"), "vocab");
    for (size_t i = 0; i < f->added_count; i++) {
        const tokenizer_json_added *a = &f->added[i];
        token_spec *token = &l->tokens[a->id];
        token->flags |= (a->special ? TOKEN_SPECIAL : TOKEN_ADDED) | (a->single_word ? TOKEN_SINGLE_WORD : 0u) |
                        (a->lstrip ? TOKEN_LSTRIP : 0u) | (a->rstrip ? TOKEN_RSTRIP : 0u) |
                        (a->normalized ? TOKEN_NORMALIZED : 0u);
        if (json_object_getn(vocabulary, token->text.text, token->text.length) == NULL) {
            token->flags |= TOKEN_OUTSIDE;
        }
    }
    if (f->unknown >= 0) {
        l->tokens[f->unknown].flags |= TOKEN_UNKNOWN;
    }
    return HEARTH_OK;
}

static void fill_spec(json_loader *l)
{
    static const tokenizer_model models[] = {
        [TOKENIZER_JSON_BPE] = TOKENIZER_BPE, [TOKENIZER_JSON_WORDPIECE] = TOKENIZER_WORDPIECE};
    const tokenizer_pipeline *p = &l->pipeline;
    l->spec = (tokenizer_spec){
        .name = "tokenizer.json",
        .model = models[l->file->model],
        .byte_level = p->byte_level,
        .byte_fallback = l->file->byte_fallback,
        .fuse_unknown = l->file->fuse_unknown,
        .ignore_merges = l->file->ignore_merges,
        .tokens = l->tokens,
        .token_count = l->file->token_count,
        .merges = l->merges,
        .merge_count = l->file->merge_count,
        .normalizers = p->normalizers,
        .normalizer_count = p->normalizer_count,
        .pretokenizers = p->pretokenizers,
        .pretokenizer_count = p->pretokenizer_count,
        .decoders = p->decoders,
        .decoder_count = p->decoder_count,
        .continuing_prefix = {l->file->continuing_prefix.text, l->file->continuing_prefix.length},
        .word_characters = l->file->word_characters,
        .unknown = l->file->unknown,
        .bos = p->before_count > 0 ? p->before[0] : -1,
        .eos = p->after_count > 0 ? p->after[p->after_count - 1] : -1,
        .ends = l->ends,
        .before = p->before,
        .before_count = p->before_count,
        .after = p->after,
        .after_count = p->after_count,
    };
}

/* ---- what the folder's other files say ---- */

static int32_t id_of_text(const json_loader *l, const json_t *string)
{
    const size_t length = json_string_length(string);
    for (size_t i = 0; json_is_string(string) && i < l->file->token_count; i++) {
        const token_text text = l->tokens[i].text;
        if (text.text != NULL && text.length == length && memcmp(text.text, json_string_value(string), length) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* "bos_token": a string, or an object with "content". */
static bool named_token(const json_loader *l, const json_t *config, const char *key, int32_t *ret)
{
    const json_t *value = json_object_get(config, key);
    if (json_is_object(value)) {
        value = json_object_get(value, "content");
    }
    const int32_t id = id_of_text(l, value);
    *ret = id >= 0 ? id : *ret;
    return id >= 0;
}

static void add_end(json_loader *l, const json_t *id)
{
    if (json_is_integer(id) && json_integer_value(id) >= 0 && (size_t)json_integer_value(id) < l->file->token_count &&
        l->spec.end_count < ENDS_MOST) {
        l->ends[l->spec.end_count++] = (int32_t)json_integer_value(id);
    }
}

/* "eos_token_id": a number or several. */
static void add_ends(json_loader *l, const json_t *config)
{
    const json_t *value = json_object_get(config, "eos_token_id");
    size_t i = 0;
    const json_t *one = NULL;
    add_end(l, value);
    json_array_foreach(value, i, one)
    {
        add_end(l, one);
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

static void apply_flags(json_loader *l, const json_t *config)
{
    const json_t *bos = json_object_get(config, "add_bos_token");
    const json_t *eos = json_object_get(config, "add_eos_token");
    const bool follows = class_follows_flags(config);
    if (json_is_boolean(bos) && (follows || !l->pipeline.has_template)) {
        l->before = l->spec.bos;
        l->spec.before = &l->before;
        l->spec.before_count = json_is_true(bos) && l->spec.bos >= 0 ? 1 : 0;
    }
    if (json_is_boolean(eos) && (follows || !l->pipeline.has_template)) {
        l->after = l->spec.eos;
        l->spec.after = &l->after;
        l->spec.after_count = json_is_true(eos) && l->spec.eos >= 0 ? 1 : 0;
    }
}

static void apply_folder(json_loader *l, const hf_folder *folder)
{
    if (!named_token(l, folder->tokenizer_config, "bos_token", &l->spec.bos)) {
        (void)named_token(l, folder->special_tokens_map, "bos_token", &l->spec.bos);
    }
    if (!named_token(l, folder->tokenizer_config, "eos_token", &l->spec.eos)) {
        (void)named_token(l, folder->special_tokens_map, "eos_token", &l->spec.eos);
    }
    add_ends(l, folder->generation_config);
    add_ends(l, folder->config);
    apply_flags(l, folder->tokenizer_config);
}

/* Takes over `file`. `folder` may be NULL. */
static hearth_status build(tokenizer_json *file, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    json_loader *l = mem_calloc(1, sizeof *l);
    hearth_status status = HEARTH_OK;
    if (l == NULL) {
        status = error_memory(error, sizeof *l);
    } else {
        l->file = file;
        status = tokenizer_pipeline_read(file, &l->pipeline, error);
        status = status != HEARTH_OK ? status : copy_tables(l, error);
        if (status == HEARTH_OK) {
            fill_spec(l);
            if (folder != NULL) {
                apply_folder(l, folder);
            }
            status = tokenizer_create(&l->spec, ret, error);
        }
        mem_free(l->tokens);
        mem_free(l->merges);
        mem_free(l);
    }
    tokenizer_json_close(file);
    return status;
}

static hearth_status load_path(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    tokenizer_json *file = NULL;
    TRY(tokenizer_json_open(path, &file, error));
    const hearth_status status = build(file, folder, ret, error);
    if (status != HEARTH_OK) {
        (void)error_in_file(error, path);
    }
    return status;
}

hearth_status load_tokenizer_json(const char *path, tokenizer **ret, hearth_error *error)
{
    return load_path(path, NULL, ret, error);
}

hearth_status load_tokenizer_json_text(const char *text, size_t length, tokenizer **ret, hearth_error *error)
{
    tokenizer_json *file = NULL;
    TRY(tokenizer_json_parse(text, length, "tokenizer.json", &file, error));
    return build(file, NULL, ret, error);
}

hearth_status load_tokenizer_hf(const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    if (folder->tokenizer_path == NULL) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, "tokenizer", "tokenizer.json", "no such file");
        (void)error_in_file(error, folder->path);
        return HEARTH_E_NOT_FOUND;
    }
    const size_t length = strlen(folder->tokenizer_path);
    if (length >= 9 && strcmp(folder->tokenizer_path + length - 9, "vocab.txt") == 0) {
        return load_tokenizer_vocab(folder, ret, error);
    }
    if (length >= 6 && strcmp(folder->tokenizer_path + length - 6, ".model") == 0) {
        (void)error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", "tokenizer.json", "only a SentencePiece model");
        (void)error_in_file(error, folder->tokenizer_path);
        return HEARTH_E_UNSUPPORTED;
    }
    return load_path(folder->tokenizer_path, folder, ret, error);
}
