/* A tokenizer from SentencePiece's model file. */
#include "model/load_tokenizer.h"

#include "base/memory.h"
#include "formats/spm_model.h"
#include "model/load_tokenizer_folder.h"

#include <string.h>

#define STRIP_ALL 1000u

static unsigned flags_of(spm_type type)
{
    switch (type) {
    case SPM_UNKNOWN:
        return TOKEN_UNKNOWN | TOKEN_SPECIAL | TOKEN_OUTSIDE;
    case SPM_CONTROL:
        return TOKEN_SPECIAL | TOKEN_OUTSIDE;
    case SPM_USER_DEFINED:
        return TOKEN_USER_DEFINED;
    case SPM_UNUSED:
        return TOKEN_UNUSED;
    case SPM_BYTE:
        return TOKEN_BYTE | TOKEN_OUTSIDE;
    case SPM_NORMAL:
        break;
    }
    return TOKEN_NORMAL;
}

static hearth_status copy_pieces(const spm_model *m, token_spec **tokens, hearth_error *error)
{
    *tokens = mem_calloc(m->count, sizeof **tokens);
    if (*tokens == NULL) {
        return error_memory(error, m->count * sizeof **tokens);
    }
    for (size_t i = 0; i < m->count; i++) {
        const spm_piece *p = &m->pieces[i];
        (*tokens)[i] =
            (token_spec){.text = {p->text.text, p->text.length}, .score = (double)p->score, .flags = flags_of(p->type)};
    }
    return HEARTH_OK;
}

/* Without a folder nothing is added around a text, as SentencePiece does; in one the tokenizer's class and its flags
 * say it: BOS where they are silent, for T5 EOS. */
static void apply_folder(tokenizer_spec *spec, folder_ids *ids, const hf_folder *folder)
{
    const char *class = json_string_value(json_object_get(folder->tokenizer_config, "tokenizer_class"));
    const bool is_t5 = class != NULL && strncmp(class, "T5", 2) == 0;
    folder_apply(spec, ids, folder, false);
    if (json_object_get(folder->tokenizer_config, "add_bos_token") == NULL) {
        ids->before = spec->bos;
        spec->before = &ids->before;
        spec->before_count = !is_t5 && spec->bos >= 0 ? 1 : 0;
    }
    if (json_object_get(folder->tokenizer_config, "add_eos_token") == NULL) {
        ids->after = spec->eos;
        spec->after = &ids->after;
        spec->after_count = is_t5 && spec->eos >= 0 ? 1 : 0;
    }
}

static hearth_status create(const spm_model *m, const hf_folder *folder, token_spec *tokens, size_t count,
                            tokenizer **ret, hearth_error *error)
{
    const token_text space = {" ", 1};
    const token_text marker = {"\xE2\x96\x81", 3};
    const normalizer_step step = {.kind = NORMALIZER_SENTENCEPIECE,
                                  .pattern = {m->charsmap.text, m->charsmap.length},
                                  .dummy_prefix = m->dummy_prefix && !m->whitespace_suffix,
                                  .dummy_suffix = m->dummy_prefix && m->whitespace_suffix,
                                  .remove_extra = m->remove_extra,
                                  .escape = m->escape};
    const decoder_step decoders[] = {
        {.kind = DECODER_REPLACE, .pattern = marker, .with = space},
        {.kind = DECODER_BYTE_FALLBACK},
        {.kind = DECODER_STRIP, .pattern = space, .count = m->remove_extra ? STRIP_ALL : 1u},
    };
    folder_ids ids = {.before = -1};
    tokenizer_spec spec = {.name = "tokenizer.model",
                           .model = m->is_bpe ? TOKENIZER_SENTENCEPIECE : TOKENIZER_UNIGRAM,
                           .byte_fallback = m->byte_fallback,
                           .fuse_unknown = true,
                           .binary32 = true,
                           .tokens = tokens,
                           .token_count = count,
                           .normalizers = &step,
                           .normalizer_count = 1,
                           .decoders = decoders,
                           .decoder_count = m->dummy_prefix || m->remove_extra ? 3 : 2,
                           .unknown = m->unknown,
                           .bos = m->bos,
                           .eos = m->eos};
    if (folder != NULL) {
        apply_folder(&spec, &ids, folder);
    }
    return tokenizer_create(&spec, ret, error);
}

/* Takes over `m`. */
static hearth_status build(spm_model *m, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    token_spec *tokens = NULL;
    size_t count = m->count;
    hearth_status status = copy_pieces(m, &tokens, error);
    if (status == HEARTH_OK && folder != NULL) {
        status = folder_added_tokens(folder, &tokens, &count, error);
    }
    if (status == HEARTH_OK) {
        status = create(m, folder, tokens, count, ret, error);
    }
    mem_free(tokens);
    spm_model_close(m);
    return status;
}

hearth_status load_tokenizer_spm(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    spm_model *m = NULL;
    TRY(spm_model_open(path, &m, error));
    const hearth_status status = build(m, folder, ret, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    return status;
}

hearth_status load_tokenizer_spm_bytes(const void *bytes, size_t length, tokenizer **ret, hearth_error *error)
{
    spm_model *m = NULL;
    TRY(spm_model_parse(bytes, length, "tokenizer.model", &m, error));
    const hearth_status status = build(m, NULL, ret, error);
    if (status != HEARTH_OK) {
        error_in_file(error, "tokenizer.model");
    }
    return status;
}
