/* A tokenizer from GGUF metadata: tokenizer.ggml.*. Defaults where the file is silent are those of llama.cpp. */
#include "model/load_tokenizer.h"

#include "base/limits.h"
#include "base/memory.h"
#include "model/bert_pipeline.h"
#include "tokenizer/spec.h"

#include <stdio.h>
#include <string.h>

/* token_type values of the format */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER_DEFINED = 4, TYPE_UNUSED = 5, TYPE_BYTE = 6 };

typedef struct loader {
    const gguf_file *file;
    tokenizer_spec spec;
    token_spec *tokens;
    merge_spec *merges;
    char *texts; /* of tokens that are not spelled as the file does */
    normalizer_step normalizers[BERT_NORMALIZERS];
    decoder_step decoders[3];
    int32_t before, after;
    int32_t ends[2];
    buffer charsmap;
} loader;

static hearth_status bad(const loader *l, const char *key, const char *expected, uint64_t found, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, key, expected, "%llu", (unsigned long long)found);
    error_in_file(error, gguf_path(l->file));
    return HEARTH_E_FORMAT;
}

static bool is_integer(gguf_type type)
{
    return type != GGUF_F32 && type != GGUF_F64 && type != GGUF_STRING && type != GGUF_ARRAY && type != GGUF_BOOL;
}

/* An array that may be missing (*ret_index -1), with at least `least` elements. */
static hearth_status optional_array(const loader *l, const char *key, uint64_t least, gguf_type *ret_type,
                                    uint64_t *ret_count, int64_t *ret_index, hearth_error *error)
{
    *ret_index = -1;
    if (gguf_find(l->file, key) < 0) {
        return HEARTH_OK;
    }
    TRY(gguf_get_array(l->file, key, ret_type, ret_count, ret_index, error));
    return *ret_count < least ? bad(l, key, "one element for each token", *ret_count, error) : HEARTH_OK;
}

static unsigned flags_of_type(int64_t type)
{
    switch (type) {
    case TYPE_UNKNOWN:
        return TOKEN_UNKNOWN | TOKEN_SPECIAL | TOKEN_OUTSIDE;
    case TYPE_CONTROL:
        return TOKEN_SPECIAL | TOKEN_OUTSIDE;
    case TYPE_USER_DEFINED:
        return TOKEN_ADDED | TOKEN_OUTSIDE;
    case TYPE_UNUSED:
        return TOKEN_UNUSED;
    case TYPE_BYTE:
        return TOKEN_BYTE | TOKEN_OUTSIDE;
    default:
        return TOKEN_NORMAL;
    }
}

static hearth_status read_tokens(loader *l, hearth_error *error)
{
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    int64_t tokens = -1;
    TRY(gguf_get_array(l->file, "tokenizer.ggml.tokens", &type, &count, &tokens, error));
    if (type != GGUF_STRING || count == 0 || count > LIMIT_VOCABULARY) {
        return bad(l, "tokenizer.ggml.tokens", "1 to 4194304 strings", count, error);
    }
    uint64_t other = 0;
    int64_t types = -1;
    int64_t scores = -1;
    TRY(optional_array(l, "tokenizer.ggml.token_type", count, &type, &other, &types, error));
    if (types >= 0 && !is_integer(type)) {
        return bad(l, "tokenizer.ggml.token_type", "integers", (uint64_t)type, error);
    }
    TRY(optional_array(l, "tokenizer.ggml.scores", count, &type, &other, &scores, error));
    if (scores >= 0 && (type == GGUF_STRING || type == GGUF_ARRAY || type == GGUF_BOOL)) {
        return bad(l, "tokenizer.ggml.scores", "numbers", (uint64_t)type, error);
    }
    l->tokens = mem_calloc(count, sizeof *l->tokens);
    if (l->tokens == NULL) {
        return error_memory(error, count * sizeof *l->tokens);
    }
    for (uint64_t i = 0; i < count; i++) {
        const gguf_string text = gguf_array_string(l->file, tokens, i);
        l->tokens[i].text = (token_text){text.text, text.length};
        l->tokens[i].flags = types < 0 ? TOKEN_NORMAL : flags_of_type(gguf_array_i64(l->file, types, i));
        l->tokens[i].score = scores < 0 ? 0.0f : (float)gguf_array_f64(l->file, scores, i);
    }
    l->spec.tokens = l->tokens;
    l->spec.token_count = count;
    return HEARTH_OK;
}

/* "left right": the first space that is not the first byte parts them. */
static hearth_status read_merges(loader *l, hearth_error *error)
{
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    int64_t index = -1;
    TRY(gguf_get_array(l->file, "tokenizer.ggml.merges", &type, &count, &index, error));
    if (type != GGUF_STRING || count > LIMIT_VOCABULARY * 4u) {
        return bad(l, "tokenizer.ggml.merges", "at most 16777216 strings", count, error);
    }
    l->merges = count == 0 ? NULL : mem_calloc(count, sizeof *l->merges);
    if (count > 0 && l->merges == NULL) {
        return error_memory(error, count * sizeof *l->merges);
    }
    for (uint64_t i = 0; i < count; i++) {
        const gguf_string text = gguf_array_string(l->file, index, i);
        const char *space = text.length < 3 ? NULL : memchr(text.text + 1, ' ', text.length - 1);
        const size_t left = space == NULL ? 0 : (size_t)(space - text.text);
        if (space == NULL || left + 1 == text.length) {
            char place[64];
            (void)snprintf(place, sizeof place, "tokenizer.ggml.merges[%llu]", (unsigned long long)i);
            return bad(l, place, "two tokens with a space between", text.length, error);
        }
        l->merges[i] = (merge_spec){{text.text, left}, {space + 1, text.length - left - 1}};
    }
    l->spec.merges = l->merges;
    l->spec.merge_count = count;
    return HEARTH_OK;
}

/* An id that may be missing or lie outside the vocabulary (both: the default). */
static hearth_status read_id(const loader *l, const char *key, int32_t missing, int32_t *ret, hearth_error *error)
{
    *ret = missing >= 0 && (size_t)missing < l->spec.token_count ? missing : -1;
    if (gguf_find(l->file, key) < 0) {
        return HEARTH_OK;
    }
    uint64_t id = 0;
    TRY(gguf_get_u64(l->file, key, &id, error));
    if (id < l->spec.token_count) {
        *ret = (int32_t)id;
    } else if (id != UINT32_MAX) { /* written by converters for "none" */
        return bad(l, key, "an id of the vocabulary", id, error);
    }
    return HEARTH_OK;
}

static hearth_status read_flag(const loader *l, const char *key, bool missing, bool *ret, hearth_error *error)
{
    *ret = missing;
    return gguf_find(l->file, key) < 0 ? HEARTH_OK : gguf_get_bool(l->file, key, ret, error);
}

static hearth_status read_special(loader *l, int32_t bos, int32_t eos, int32_t unknown, bool add_bos,
                                  hearth_error *error)
{
    bool with_bos = false;
    bool with_eos = false;
    TRY(read_id(l, "tokenizer.ggml.bos_token_id", bos, &l->spec.bos, error));
    TRY(read_id(l, "tokenizer.ggml.eos_token_id", eos, &l->spec.eos, error));
    TRY(read_id(l, "tokenizer.ggml.unknown_token_id", unknown, &l->spec.unknown, error));
    TRY(read_id(l, "tokenizer.ggml.eot_token_id", -1, &l->ends[0], error));
    TRY(read_id(l, "tokenizer.ggml.eom_token_id", -1, &l->ends[1], error));
    TRY(read_flag(l, "tokenizer.ggml.add_bos_token", add_bos, &with_bos, error));
    TRY(read_flag(l, "tokenizer.ggml.add_eos_token", false, &with_eos, error));
    l->spec.ends = l->ends;
    l->spec.end_count = 2;
    l->before = l->spec.bos;
    l->after = l->spec.eos;
    l->spec.before = &l->before;
    l->spec.before_count = with_bos && l->spec.bos >= 0 ? 1 : 0;
    l->spec.after = &l->after;
    l->spec.after_count = with_eos && l->spec.eos >= 0 ? 1 : 0;
    return HEARTH_OK;
}

static hearth_status load_byte_level(loader *l, hearth_error *error)
{
    gguf_string pre = {"default", 7};
    if (gguf_find(l->file, "tokenizer.ggml.pre") >= 0) {
        TRY(gguf_get_string(l->file, "tokenizer.ggml.pre", &pre, error));
    }
    const pretokenizer_row *row = pretokenizer_find(pre.text, pre.length);
    if (row == NULL) {
        (void)error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer.ggml.pre", "a pre-tokeniser of docs/tokenizers.md",
                        "'%.*s'", (int)(pre.length < 60 ? pre.length : 60), pre.text);
        error_in_file(error, gguf_path(l->file));
        return HEARTH_E_UNSUPPORTED;
    }
    TRY(read_merges(l, error));
    l->spec.name = row->name;
    l->spec.model = TOKENIZER_BPE;
    l->spec.byte_level = true;
    l->spec.ignore_merges = row->ignore_merges;
    l->spec.pretokenizers = row->steps;
    l->spec.pretokenizer_count = row->step_count;
    l->normalizers[0] = (normalizer_step){.kind = NORMALIZER_NFC};
    l->spec.normalizers = l->normalizers;
    l->spec.normalizer_count = row->nfc ? 1 : 0;
    for (size_t i = 0; i < row->step_count; i++) {
        l->spec.byte_level = l->spec.byte_level && row->steps[i].kind != PRETOKENIZER_BYTE_ALPHABET;
    }
    l->decoders[0] = (decoder_step){.kind = DECODER_BYTE_LEVEL};
    l->spec.decoders = l->decoders;
    l->spec.decoder_count = 1;
    TRY(read_special(l, 11, 11, -1, row->add_bos, error));
    l->spec.unknown = -1; /* a byte without a token is left out, whatever the file calls unknown */
    return HEARTH_OK;
}

static hearth_status load_sentencepiece(loader *l, hearth_error *error)
{
    const token_text space = {" ", 1};
    const token_text marker = {"\xE2\x96\x81", 3};
    bool prefix = true;
    TRY(read_flag(l, "tokenizer.ggml.add_space_prefix", true, &prefix, error));
    if (gguf_find(l->file, "tokenizer.ggml.scores") < 0) {
        return bad(l, "tokenizer.ggml.scores", "a score for each token", 0, error);
    }
    size_t steps = 0;
    if (prefix) {
        l->normalizers[steps++] = (normalizer_step){.kind = NORMALIZER_PREPEND, .with = marker};
    }
    l->normalizers[steps++] = (normalizer_step){.kind = NORMALIZER_REPLACE, .pattern = space, .with = marker};
    l->decoders[0] = (decoder_step){.kind = DECODER_REPLACE, .pattern = marker, .with = space};
    l->decoders[1] = (decoder_step){.kind = DECODER_BYTE_FALLBACK};
    l->decoders[2] = (decoder_step){.kind = DECODER_STRIP, .pattern = space, .count = 1};
    l->spec.model = TOKENIZER_SENTENCEPIECE;
    l->spec.byte_fallback = true;
    l->spec.normalizers = l->normalizers;
    l->spec.normalizer_count = steps;
    l->spec.decoders = l->decoders;
    l->spec.decoder_count = prefix ? 3 : 2;
    return read_special(l, 1, 2, 0, true, error);
}

/* tokenizer.ggml.precompiled_charsmap: an array of bytes. */
static hearth_status read_charsmap(loader *l, token_text *ret, hearth_error *error)
{
    const char *key = "tokenizer.ggml.precompiled_charsmap";
    gguf_type type = GGUF_U8;
    uint64_t count = 0;
    int64_t index = -1;
    TRY(optional_array(l, key, 0, &type, &count, &index, error));
    if (index < 0) {
        return HEARTH_OK;
    }
    if (type != GGUF_U8 && type != GGUF_I8) {
        return bad(l, key, "bytes", (uint64_t)type, error);
    }
    for (uint64_t i = 0; i < count; i++) {
        TRY(buffer_append_char(&l->charsmap, (char)gguf_array_i64(l->file, index, i), error));
    }
    *ret = (token_text){buffer_text(&l->charsmap), l->charsmap.length};
    return HEARTH_OK;
}

/* SentencePiece's Unigram, as converters write T5's and its kin. */
static hearth_status load_unigram(loader *l, hearth_error *error)
{
    const token_text space = {" ", 1};
    const token_text marker = {"\xE2\x96\x81", 3};
    normalizer_step step = {.kind = NORMALIZER_SENTENCEPIECE, .escape = true};
    bool prefix = false;
    TRY(read_flag(l, "tokenizer.ggml.add_space_prefix", false, &prefix, error));
    TRY(read_flag(l, "tokenizer.ggml.remove_extra_whitespaces", false, &step.remove_extra, error));
    TRY(read_charsmap(l, &step.pattern, error));
    if (gguf_find(l->file, "tokenizer.ggml.scores") < 0) {
        return bad(l, "tokenizer.ggml.scores", "a score for each token", 0, error);
    }
    step.dummy_prefix = prefix;
    l->normalizers[0] = step;
    l->decoders[0] = (decoder_step){.kind = DECODER_REPLACE, .pattern = marker, .with = space};
    l->decoders[1] = (decoder_step){.kind = DECODER_BYTE_FALLBACK};
    l->decoders[2] = (decoder_step){.kind = DECODER_STRIP, .pattern = space, .count = 1};
    l->spec.model = TOKENIZER_UNIGRAM;
    l->spec.binary32 = true;
    l->spec.normalizers = l->normalizers;
    l->spec.normalizer_count = 1;
    l->spec.decoders = l->decoders;
    l->spec.decoder_count = prefix || step.remove_extra ? 3 : 2;
    for (size_t i = 0; i < l->spec.token_count; i++) {
        token_spec *token = &l->tokens[i];
        if ((token->flags & TOKEN_ADDED) != 0) {
            token->flags = TOKEN_USER_DEFINED;
        }
        l->spec.byte_fallback = l->spec.byte_fallback || (token->flags & TOKEN_BYTE) != 0;
    }
    TRY(read_special(l, -1, 1, 2, false, error));
    if (gguf_find(l->file, "tokenizer.ggml.add_eos_token") < 0) {
        l->spec.after_count = l->spec.eos >= 0 ? 1 : 0;
    }
    return HEARTH_OK;
}

/* ---- BERT: the file writes U+2581 before what begins a word, and nothing before what follows in one ---- */

/* As BERT's own vocabulary: the beginnings bare, the others behind "##". */
static hearth_status spell_as_bert(loader *l, hearth_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < l->spec.token_count; i++) {
        bytes += l->tokens[i].text.length + 2; /* lengths of a mapped file: their sum fits */
    }
    l->texts = mem_alloc(bytes);
    if (l->texts == NULL) {
        return error_memory(error, bytes);
    }
    char *at = l->texts;
    for (size_t i = 0; i < l->spec.token_count; i++) {
        token_text *text = &l->tokens[i].text;
        if ((l->tokens[i].flags & TOKEN_SPECIAL) != 0 || text->length == 0) {
            continue;
        }
        if (text->length > 3 && memcmp(text->text, "\xE2\x96\x81", 3) == 0) {
            *text = (token_text){text->text + 3, text->length - 3};
            continue;
        }
        at[0] = '#';
        at[1] = '#';
        memcpy(at + 2, text->text, text->length);
        *text = (token_text){at, text->length + 2};
        at += text->length;
    }
    return HEARTH_OK;
}

/* A capital among the plain tokens: a vocabulary of lower case could never reach it. */
static bool has_capitals(const loader *l)
{
    for (size_t i = 0; i < l->spec.token_count; i++) {
        const token_text text = l->tokens[i].text;
        for (size_t k = 0; l->tokens[i].flags == TOKEN_NORMAL && k < text.length; k++) {
            if (text.text[k] >= 'A' && text.text[k] <= 'Z') {
                return true;
            }
        }
    }
    return false;
}

static int32_t token_named(const loader *l, const char *name)
{
    for (size_t i = 0; i < l->spec.token_count; i++) {
        const token_text text = l->tokens[i].text;
        if (text.length == strlen(name) && memcmp(text.text, name, text.length) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static hearth_status load_wordpiece(loader *l, hearth_error *error)
{
    bert_normalizer n = {.clean = true, .chinese = true};
    TRY(spell_as_bert(l, error));
    TRY(read_flag(l, "tokenizer.ggml.normalizer.lowercase", !has_capitals(l), &n.lowercase, error));
    TRY(read_flag(l, "tokenizer.ggml.normalizer.strip_accents", n.lowercase, &n.accents, error));
    bert_pipeline_fill(&l->spec, n, l->normalizers);
    TRY(read_special(l, token_named(l, "[CLS]"), token_named(l, "[SEP]"), token_named(l, "[UNK]"), true, error));
    TRY(read_id(l, "tokenizer.ggml.cls_token_id", l->before, &l->before, error));
    TRY(read_id(l, "tokenizer.ggml.seperator_token_id", l->after, &l->after, error)); /* the format's own spelling */
    l->spec.before_count = l->before >= 0 ? 1 : 0;
    l->spec.after_count = l->after >= 0 ? 1 : 0;
    return HEARTH_OK;
}

static hearth_status load(loader *l, hearth_error *error)
{
    gguf_string model = {"", 0};
    TRY(gguf_get_string(l->file, "tokenizer.ggml.model", &model, error));
    TRY(read_tokens(l, error));
    static const struct {
        const char *name;
        hearth_status (*load)(loader *l, hearth_error *error);
    } rows[] = {
        {"gpt2", load_byte_level}, {"llama", load_sentencepiece}, {"t5", load_unigram}, {"bert", load_wordpiece}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].name) == model.length && memcmp(model.text, rows[i].name, model.length) == 0) {
            return rows[i].load(l, error);
        }
    }
    (void)error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer.ggml.model", "gpt2, llama, t5 or bert", "'%.*s'",
                    (int)(model.length < 60 ? model.length : 60), model.text);
    error_in_file(error, gguf_path(l->file));
    return HEARTH_E_UNSUPPORTED;
}

hearth_status load_tokenizer_gguf(const gguf_file *file, tokenizer **ret, hearth_error *error)
{
    loader l = {.file = file, .spec = {.unknown = -1, .bos = -1, .eos = -1}};
    hearth_status status = load(&l, error);
    if (status == HEARTH_OK) {
        status = tokenizer_create(&l.spec, ret, error);
        if (status != HEARTH_OK) {
            error_in_file(error, gguf_path(file));
        }
    }
    mem_free(l.texts);
    buffer_free(&l.charsmap);
    mem_free(l.tokens);
    mem_free(l.merges);
    return status;
}
