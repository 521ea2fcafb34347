/* A WordPiece tokenizer from vocab.txt, a token a line, and what tokenizer_config.json says of its normaliser: what
 * folders of BERT hold that have no tokenizer.json. */
#include "base/limits.h"
#include "base/memory.h"
#include "model/bert_pipeline.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"

#include <string.h>

typedef struct vocab_loader {
    const hf_folder *folder;
    buffer text;
    token_spec *tokens;
    size_t count;
    tokenizer_spec spec;
    normalizer_step normalizers[BERT_NORMALIZERS];
    int32_t before, after;
} vocab_loader;

/* A file without an end of line after its last token has that token all the same. */
static hearth_status split_lines(vocab_loader *l, hearth_error *error)
{
    const char *at = buffer_text(&l->text);
    const char *end = at + l->text.length;
    size_t lines = 0;
    for (const char *p = at; p < end; lines++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        p = stop == NULL ? end : stop + 1;
    }
    l->tokens = mem_calloc(lines + 1, sizeof *l->tokens);
    if (l->tokens == NULL) {
        return error_memory(error, (lines + 1) * sizeof *l->tokens);
    }
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop == NULL ? end : stop + 1;
        size_t length = (size_t)((stop == NULL ? end : stop) - at);
        length -= length > 0 && at[length - 1] == '\r' ? 1 : 0;
        l->tokens[l->count++].text = (token_text){at, length};
        at = next;
    }
    return HEARTH_OK;
}

/* The special token `key` of tokenizer_config.json, or the one that BERT has; -1 where the vocabulary lacks it. */
static int32_t special_token(const vocab_loader *l, const char *key, const char *missing)
{
    const json_t *value = json_object_get(l->folder->tokenizer_config, key);
    value = json_is_object(value) ? json_object_get(value, "content") : value;
    const char *name = json_is_string(value) ? json_string_value(value) : missing;
    const size_t length = strlen(name);
    for (size_t i = 0; i < l->count; i++) {
        if (l->tokens[i].text.length == length && memcmp(l->tokens[i].text.text, name, length) == 0) {
            l->tokens[i].flags |= TOKEN_SPECIAL;
            return (int32_t)i;
        }
    }
    return -1;
}

static bool setting(const vocab_loader *l, const char *key, bool missing)
{
    const json_t *value = json_object_get(l->folder->tokenizer_config, key);
    return json_is_boolean(value) ? json_is_true(value) : missing;
}

static hearth_status fill(vocab_loader *l, hearth_error *error)
{
    TRY(split_lines(l, error));
    const bool lowercase = setting(l, "do_lower_case", true);
    const bert_normalizer n = {.clean = true,
                               .chinese = setting(l, "tokenize_chinese_chars", true),
                               .accents = setting(l, "strip_accents", lowercase),
                               .lowercase = lowercase};
    bert_pipeline_fill(&l->spec, n, l->normalizers);
    l->spec.name = "vocab.txt";
    l->spec.tokens = l->tokens;
    l->spec.token_count = l->count;
    l->spec.unknown = special_token(l, "unk_token", "[UNK]");
    l->before = special_token(l, "cls_token", "[CLS]");
    l->after = special_token(l, "sep_token", "[SEP]");
    (void)special_token(l, "pad_token", "[PAD]");
    (void)special_token(l, "mask_token", "[MASK]");
    if (l->spec.unknown < 0 || l->before < 0 || l->after < 0) {
        return error_set(error, HEARTH_E_FORMAT, "vocabulary", "an unknown token and those around a text",
                         "none of that name");
    }
    l->spec.bos = l->before;
    l->spec.eos = l->after;
    l->spec.before = &l->before;
    l->spec.before_count = 1;
    l->spec.after = &l->after;
    l->spec.after_count = 1;
    return HEARTH_OK;
}

hearth_status load_tokenizer_vocab(const char *path, const hf_folder *folder, tokenizer **ret, hearth_error *error)
{
    vocab_loader l = {.folder = folder};
    buffer_init(&l.text, 0);
    hearth_status status = folder != NULL ? HEARTH_OK
                                          : error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer",
                                                      "the folder with its tokenizer_config.json", "a vocab.txt alone");
    status = status != HEARTH_OK ? status : file_read(path, LIMIT_JSON_FILE_BYTES, &l.text, error);
    status = status != HEARTH_OK ? status : fill(&l, error);
    status = status != HEARTH_OK ? status : tokenizer_create(&l.spec, ret, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    mem_free(l.tokens);
    buffer_free(&l.text);
    return status;
}
