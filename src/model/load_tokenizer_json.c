/* A tokenizer from tokenizer.json, and from the folder around it what BOS and EOS are and when they are added. */
#include "model/load_tokenizer.h"

#include "base/memory.h"
#include "model/load_tokenizer_folder.h"
#include "model/tokenizer_pipeline.h"

typedef struct json_loader {
    tokenizer_json *file;
    tokenizer_pipeline pipeline;
    tokenizer_spec spec;
    token_spec *tokens;
    merge_spec *merges;
    folder_ids ids;
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
    const json_t *vocabulary = f->vocabulary;
    for (size_t i = 0; i < f->score_count; i++) {
        l->tokens[i].score = f->scores[i];
    }
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
    static const tokenizer_model models[] = {[TOKENIZER_JSON_BPE] = TOKENIZER_BPE,
                                             [TOKENIZER_JSON_UNIGRAM] = TOKENIZER_UNIGRAM,
                                             [TOKENIZER_JSON_WORDPIECE] = TOKENIZER_WORDPIECE};
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
        .before = p->before,
        .before_count = p->before_count,
        .after = p->after,
        .after_count = p->after_count,
    };
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
                folder_apply(&l->spec, &l->ids, folder, l->pipeline.has_template);
            }
            status = tokenizer_create(&l->spec, ret, error);
        }
        tokenizer_pipeline_free(&l->pipeline);
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
        error_in_file(error, path);
    }
    return status;
}

hearth_status load_tokenizer_json(const char *path, tokenizer **ret, hearth_error *error)
{
    return load_path(path, NULL, ret, error);
}

hearth_status load_tokenizer_json_in(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    return load_path(path, folder, ret, error);
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
        error_in_file(error, folder->path);
        return HEARTH_E_NOT_FOUND;
    }
    return load_tokenizer_file(folder->tokenizer_path, folder, NULL, ret, error);
}
