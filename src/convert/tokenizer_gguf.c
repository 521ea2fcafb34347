/* From tokenizer.json and the files around it to tokenizer.ggml.*, as llama.cpp's converter writes them. */
#include "convert/tokenizer_gguf.h"

#include "base/memory.h"
#include "formats/ranks.h"
#include "model/load_tokenizer.h"

#include <stdio.h>
#include <string.h>

static const char marker[] = VOCABULARY_SPACE;

/* ---- the tokens ---- */

static bool begins(gguf_string s, const char *text)
{
    const size_t length = strlen(text);
    return s.length >= length && memcmp(s.text, text, length) == 0;
}

static bool ends(gguf_string s, const char *text)
{
    const size_t length = strlen(text);
    return s.length >= length && memcmp(s.text + s.length - length, text, length) == 0;
}

/* Added tokens that are control tokens though their file does not call them special; the list is llama.cpp's. */
bool vocabulary_looks_special(gguf_string s)
{
    static const char *const whole[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (s.length == strlen(whole[i]) && begins(s, whole[i])) {
            return true;
        }
    }
    return (begins(s, "<|") && ends(s, "|>")) || (begins(s, "<｜") && ends(s, "｜>")) ||
           (begins(s, "<unused") && ends(s, ">"));
}

/* A user-defined token is matched in plain text: its spaces are spaces. */
hearth_status vocabulary_plain_spaces(vocabulary *v, gguf_string *text, hearth_error *error)
{
    char *copy = arena_alloc(v->memory, text->length + 1);
    size_t used = 0;
    if (copy == NULL) {
        return error_memory(error, text->length + 1);
    }
    for (size_t i = 0; i < text->length;) {
        const bool space = text->length - i >= 3 && memcmp(text->text + i, marker, 3) == 0;
        copy[used++] = space ? ' ' : text->text[i];
        i += space ? 3 : 1;
    }
    *text = (gguf_string){copy, used};
    return HEARTH_OK;
}

static bool is_byte_token(gguf_string s)
{
    return s.length == 6 && begins(s, "<0x") && s.text[5] == '>';
}

hearth_status vocabulary_pad(vocabulary *v, size_t id, hearth_error *error)
{
    char *pad = arena_alloc(v->memory, 24);
    if (pad == NULL) {
        return error_memory(error, 24);
    }
    v->tokens[id] = (gguf_string){pad, (size_t)snprintf(pad, 24, "[PAD%zu]", id)};
    v->types[id] = TYPE_UNUSED;
    v->scores[id] = -10000.0f;
    return HEARTH_OK;
}

static hearth_status fill_tokens(vocabulary *v, hearth_error *error)
{
    const tokenizer_json *f = v->file;
    for (size_t i = 0; i < v->count; i++) {
        const bool there = i < f->token_count && f->tokens[i].text != NULL;
        v->types[i] = there ? TYPE_NORMAL : TYPE_UNUSED;
        if (there) {
            v->tokens[i] = (gguf_string){f->tokens[i].text, f->tokens[i].length};
            v->types[i] = f->byte_fallback && is_byte_token(v->tokens[i]) ? TYPE_BYTE : TYPE_NORMAL;
            continue;
        }
        TRY(vocabulary_pad(v, i, error));
    }
    for (size_t i = 0; i < f->added_count; i++) {
        const tokenizer_json_added *a = &f->added[i];
        gguf_string *text = &v->tokens[a->id];
        v->types[a->id] = a->special || vocabulary_looks_special(*text) ? TYPE_CONTROL : TYPE_USER_DEFINED;
        if (v->types[a->id] == TYPE_USER_DEFINED) {
            TRY(vocabulary_plain_spaces(v, text, error));
        }
    }
    if (f->byte_fallback && f->unknown >= 0) {
        v->types[f->unknown] = TYPE_UNKNOWN;
    }
    return HEARTH_OK;
}

hearth_status vocabulary_tables(vocabulary *v, size_t least, const model_config *c, hearth_error *error)
{
    v->count = least > c->vocabulary ? least : c->vocabulary;
    v->memory = arena_create(0);
    v->tokens = mem_calloc(v->count, sizeof *v->tokens);
    v->types = mem_calloc(v->count, sizeof *v->types);
    v->scores = mem_calloc(v->count, sizeof *v->scores);
    if (v->memory == NULL || v->tokens == NULL || v->types == NULL || v->scores == NULL) {
        return error_memory(error, v->count * sizeof *v->tokens);
    }
    return HEARTH_OK;
}

/* ---- byte-level BPE ---- */

static hearth_status write_merges(vocabulary *v, hearth_error *error)
{
    const tokenizer_json *f = v->file;
    gguf_string *merges = mem_calloc(f->merge_count + 1, sizeof *merges);
    hearth_status status = merges == NULL ? error_memory(error, f->merge_count * sizeof *merges) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < f->merge_count; i++) {
        const tokenizer_json_merge m = f->merges[i];
        char *text = arena_alloc(v->memory, m.left.length + m.right.length + 2);
        if (text == NULL) {
            status = error_memory(error, m.left.length + m.right.length);
        } else if (memchr(m.left.text, ' ', m.left.length) != NULL) {
            status = error_set(error, HEARTH_E_UNSUPPORTED, "merges", "tokens without spaces", "one with");
        } else {
            memcpy(text, m.left.text, m.left.length);
            text[m.left.length] = ' ';
            memcpy(text + m.left.length + 1, m.right.text, m.right.length);
            merges[i] = (gguf_string){text, m.left.length + m.right.length + 1};
        }
    }
    status =
        status != HEARTH_OK ? status : gguf_write_strings(v->w, "tokenizer.ggml.merges", merges, f->merge_count, error);
    mem_free(merges);
    return status;
}

hearth_status vocabulary_write(vocabulary *v, const char *model, const char *pre, bool scored, hearth_error *error)
{
    TRY(gguf_write_string(v->w, "tokenizer.ggml.model", model, strlen(model), error));
    TRY(gguf_write_string(v->w, "tokenizer.ggml.pre", pre, strlen(pre), error));
    TRY(gguf_write_strings(v->w, "tokenizer.ggml.tokens", v->tokens, v->count, error));
    if (scored) {
        TRY(gguf_write_numbers(v->w, "tokenizer.ggml.scores", GGUF_F32, v->scores, v->count, error));
    }
    return gguf_write_numbers(v->w, "tokenizer.ggml.token_type", GGUF_I32, v->types, v->count, error);
}

static hearth_status write_byte_level(vocabulary *v, hearth_error *error)
{
    const tokenizer_pipeline *p = &v->pipeline;
    const bool nfc = p->normalizer_count == 1 && p->normalizers[0].kind == NORMALIZER_NFC;
    const pretokenizer_row *row = pretokenizer_of(p->pretokenizers, p->pretokenizer_count, v->file->ignore_merges, nfc);
    if (row == NULL || p->normalizer_count > (nfc ? 1 : 0)) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "pre_tokenizer",
                         "a pre-tokeniser that GGUF has a name for (docs/tokenizers.md)", "another one");
    }
    TRY(vocabulary_write(v, "gpt2", row->name, false, error));
    return write_merges(v, error);
}

/* ---- SentencePiece ---- */

/* A token's score is its place among the merges: SentencePiece joins what scores highest, BPE what comes first. */
static hearth_status fill_scores(vocabulary *v, hearth_error *error)
{
    const tokenizer_json *f = v->file;
    buffer text;
    float next = 0;
    buffer_init(&text, 0);
    const json_t *vocab = json_object_get(json_object_get(f->root, "model"), "vocab");
    for (size_t i = 0; i < v->count; i++) {
        v->scores[i] = v->types[i] == TYPE_NORMAL ? -1e9f : v->types[i] == TYPE_UNUSED ? -10000.0f : 0.0f;
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < f->merge_count; i++) {
        const tokenizer_json_merge m = f->merges[i];
        buffer_clear(&text);
        status = buffer_append(&text, m.left.text, m.left.length, error);
        status = status != HEARTH_OK ? status : buffer_append(&text, m.right.text, m.right.length, error);
        const json_t *id = status == HEARTH_OK ? json_object_getn(vocab, text.data, text.length) : NULL;
        if (json_is_integer(id) && v->scores[json_integer_value(id)] == -1e9f) {
            v->scores[json_integer_value(id)] = next;
            next -= 1.0f;
        }
    }
    buffer_free(&text);
    return status;
}

/* What the steps before the model do to spaces: all become markers, and one may come first. */
static bool sentencepiece_steps(const tokenizer_pipeline *p, bool *ret_prefix)
{
    *ret_prefix = false;
    for (size_t i = 0; i < p->normalizer_count; i++) {
        const normalizer_step *n = &p->normalizers[i];
        if (n->kind == NORMALIZER_PREPEND && n->with.length == 3 && memcmp(n->with.text, marker, 3) == 0) {
            *ret_prefix = true;
        } else if (n->kind != NORMALIZER_REPLACE || n->with.length != 3 || memcmp(n->with.text, marker, 3) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < p->pretokenizer_count; i++) {
        const pretokenizer_step *s = &p->pretokenizers[i];
        if (s->kind == PRETOKENIZER_METASPACE) {
            *ret_prefix = *ret_prefix || s->prepend != METASPACE_NEVER;
        } else if (s->kind != PRETOKENIZER_STRING || s->pattern.length != 1 || s->pattern.text[0] != ' ') {
            return false; /* a cut at spaces that are there no more does nothing */
        }
    }
    return true;
}

static hearth_status write_sentencepiece(vocabulary *v, hearth_error *error)
{
    bool prefix = false;
    if (!v->file->byte_fallback || !sentencepiece_steps(&v->pipeline, &prefix)) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", "byte-level BPE or SentencePiece BPE",
                         "another pipeline");
    }
    TRY(fill_scores(v, error));
    TRY(vocabulary_write(v, "llama", "default", true, error));
    return gguf_write_bool(v->w, "tokenizer.ggml.add_space_prefix", prefix, error);
}

/* ---- special tokens ---- */

/* "pad_token": a text, or an object with "content". -1 where there is none. */
static int32_t named_id(const vocabulary *v, const char *name)
{
    const json_t *value = json_object_get(v->folder->tokenizer_config, name);
    if (value == NULL || json_is_null(value)) {
        value = json_object_get(v->folder->special_tokens_map, name);
    }
    value = json_is_object(value) ? json_object_get(value, "content") : value;
    return json_is_string(value) ? tokenizer_find(v->tokenizer, json_string_value(value), json_string_length(value))
                                 : -1;
}

/* Where the tokenizer's files name none, config.json may have its id. */
static int32_t or_config(const vocabulary *v, int32_t id, const char *key)
{
    const json_t *value = json_object_get(v->folder->config, key);
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    return id >= 0 || number < 0 || (uint64_t)number >= v->count ? id : (int32_t)number;
}

static hearth_status write_id(vocabulary *v, const char *key, int32_t id, hearth_error *error)
{
    return id < 0 ? HEARTH_OK : gguf_write_u32(v->w, key, (uint32_t)id, error);
}

/* Further ends of a turn, which generation_config.json lists. */
static hearth_status write_ends(vocabulary *v, hearth_error *error)
{
    static const char *const keys[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    const json_t *list = json_object_get(v->folder->generation_config, "eos_token_id");
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_int_t id = json_integer_value(json_array_get(list, i));
        if (id >= 0 && (size_t)id < v->count && id != tokenizer_eos(v->tokenizer) && used < 2) {
            TRY(gguf_write_u32(v->w, keys[used++], (uint32_t)id, error));
        }
    }
    return HEARTH_OK;
}

/* Whether a text begins with BOS and ends with EOS, by encoding one. */
static hearth_status write_around(vocabulary *v, hearth_error *error)
{
    token_list list = {0};
    hearth_status status = tokenizer_encode(v->tokenizer, "x", 1, ENCODE_ADD_BOS, &list, error);
    const bool bos = list.count > 1 && list.ids[0] == tokenizer_bos(v->tokenizer);
    const bool eos = list.count > 1 && list.ids[list.count - 1] == tokenizer_eos(v->tokenizer);
    token_list_free(&list);
    status = status != HEARTH_OK ? status : gguf_write_bool(v->w, "tokenizer.ggml.add_bos_token", bos, error);
    const bool said =
        eos || v->ends_by_default || json_object_get(v->folder->tokenizer_config, "add_eos_token") != NULL;
    return status != HEARTH_OK || !said ? status : gguf_write_bool(v->w, "tokenizer.ggml.add_eos_token", eos, error);
}

static bool is_special(const json_t *piece)
{
    return json_object_get(piece, "SpecialToken") != NULL;
}

/* Whether two texts are parted by more than the end of the first one, as llama.cpp's converter reads it off a
 * post-processor; -1: it says nothing of two texts. */
static int parts_texts(const json_t *post)
{
    const char *type = json_string_value(json_object_get(post, "type"));
    const json_t *list = json_object_get(post, "processors");
    const json_t *single = json_object_get(post, "single");
    const json_t *pair = json_object_get(post, "pair");
    size_t between = 0;
    int parts = -1;
    for (size_t i = 0; i < json_array_size(list) && parts < 0; i++) {
        const json_t *one = json_array_get(list, i);
        parts = json_object_get(one, "processors") == NULL ? parts_texts(one) : -1;
    }
    if (type == NULL || json_array_size(list) > 0) {
        return parts;
    }
    for (size_t i = 1; i + 2 < json_array_size(pair); i++) {
        between += is_special(json_array_get(pair, i)) ? 1 : 0;
    }
    const bool ends = json_array_size(single) > 1 && is_special(json_array_get(single, json_array_size(single) - 1));
    return strcmp(type, "RobertaProcessing") == 0 ? 1 : between == 0 ? -1 : between > 1 || !ends;
}

static hearth_status write_special(vocabulary *v, hearth_error *error)
{
    const int32_t unknown = v->unknown >= 0 ? v->unknown : named_id(v, "unk_token");
    TRY(write_id(v, "tokenizer.ggml.bos_token_id", or_config(v, tokenizer_bos(v->tokenizer), "bos_token_id"), error));
    TRY(write_id(v, "tokenizer.ggml.eos_token_id", tokenizer_eos(v->tokenizer), error));
    TRY(write_id(v, "tokenizer.ggml.unknown_token_id", unknown, error));
    TRY(write_id(v, "tokenizer.ggml.seperator_token_id", named_id(v, "sep_token"), error)); /* the format's spelling */
    TRY(write_id(v, "tokenizer.ggml.padding_token_id", or_config(v, named_id(v, "pad_token"), "pad_token_id"), error));
    TRY(write_id(v, "tokenizer.ggml.mask_token_id", named_id(v, "mask_token"), error));
    TRY(write_ends(v, error));
    TRY(write_around(v, error));
    const int parts = v->file == NULL ? -1 : parts_texts(v->file->post_processor);
    if (parts >= 0) {
        TRY(gguf_write_bool(v->w, "tokenizer.ggml.add_sep_token", parts == 1, error));
    }
    const char *template = v->folder->chat_template;
    return template == NULL ? HEARTH_OK
                            : gguf_write_string(v->w, "tokenizer.chat_template", template, strlen(template), error);
}

static hearth_status write_bpe(vocabulary *v, const model_config *c, hearth_error *error)
{
    TRY(vocabulary_tables(v, v->file->token_count, c, error));
    TRY(fill_tokens(v, error));
    bool alphabet = v->pipeline.byte_level;
    for (size_t i = 0; i < v->pipeline.pretokenizer_count; i++) {
        alphabet = alphabet || v->pipeline.pretokenizers[i].kind == PRETOKENIZER_BYTE_ALPHABET;
    }
    return alphabet ? write_byte_level(v, error) : write_sentencepiece(v, error);
}

static hearth_status write_json(vocabulary *v, const model_config *c, hearth_error *error)
{
    TRY(tokenizer_json_open(v->folder->tokenizer_path, &v->file, error));
    TRY(tokenizer_pipeline_read(v->file, &v->pipeline, error));
    v->unknown = v->file->unknown;
    switch (v->file->model) {
    case TOKENIZER_JSON_WORDPIECE:
        return vocabulary_wordpiece(v, c, error);
    case TOKENIZER_JSON_UNIGRAM:
        TRY(vocabulary_tables(v, v->file->token_count, c, error));
        TRY(fill_tokens(v, error));
        return vocabulary_unigram(v, error);
    case TOKENIZER_JSON_BPE:
        break;
    }
    return write_bpe(v, c, error);
}

/* By the file that the folder has: hf_open knows these names. */
static hearth_status write_all(vocabulary *v, const model_config *c, hearth_error *error)
{
    const char *path = v->folder->tokenizer_path;
    const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    TRY(load_tokenizer_hf(v->folder, &v->tokenizer, error));
    if (strcmp(name, "tokenizer.json") == 0) {
        TRY(write_json(v, c, error));
    } else if (strcmp(name, "vocab.txt") == 0) {
        TRY(vocabulary_wordpiece(v, c, error));
    } else if (strcmp(name, "tekken.json") == 0 || ranks_looks_like(path)) {
        TRY(vocabulary_ranks(v, c, error));
    } else {
        TRY(vocabulary_spm(v, c, error));
    }
    return write_special(v, error);
}

hearth_status convert_tokenizer_to_gguf(gguf_writer *w, const hf_folder *folder, const model_config *c,
                                        progress_fn progress, void *progress_context, hearth_error *error)
{
    if (folder->tokenizer_path == NULL) {
        return HEARTH_OK;
    }
    vocabulary *v = mem_calloc(1, sizeof *v);
    if (v == NULL) {
        return error_memory(error, sizeof *v);
    }
    v->w = w;
    v->folder = folder;
    v->unknown = -1;
    v->progress = progress;
    v->progress_context = progress_context;
    const hearth_status status = write_all(v, c, error);
    tokenizer_free(v->tokenizer);
    tokenizer_pipeline_free(&v->pipeline);
    tokenizer_json_close(v->file);
    arena_destroy(v->memory);
    mem_free(v->tokens);
    mem_free(v->types);
    mem_free(v->scores);
    mem_free(v);
    return status;
}

/* ---- the same ids? ---- */

static const char *const probes[] = {
    "Hello world, it's 12 o'clock; we'll see 3.14159 and 2026-11-26!",
    "  two  spaces\n\n\tand\ttabs \r\n ends   ",
    "naïve café — “quotes” … Straße ½ ﬁ e\xCC\x81",
    "日本語のテキスト、中文字符。 한국어 텍스트",
    "Привет, мир! Γειά σου Κόσμε مرحبا بالعالم שלום नमस्ते ไทย",
    "🙂👩‍👩‍👧 ∑∫≤ \xF0\x9D\x94\x98 \x01\x7F",
    "def f(x):\n    return x**2  # DON'T you'RE 1234567 'S",
    "<s> </s> <unk> <0x0A>",
    "for (int i = 0; i < n; ++i) { a[i] += \"%d\\n\"; }",
};

hearth_status convert_compare_tokenizers(const tokenizer *from, const tokenizer *to, hearth_error *error)
{
    if (from == NULL || to == NULL) {
        return from == to ? HEARTH_OK
                          : error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", "one in both containers", "one alone");
    }
    const bool unigram = strncmp(tokenizer_kind(from), "Unigram", 7) == 0;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        if (unigram && probes[i][0] == '<') { /* a folder's model may have control tokens among its pieces */
            continue;
        }
        token_list lists[2] = {{0}, {0}};
        const size_t length = strlen(probes[i]);
        hearth_status status = tokenizer_encode(from, probes[i], length, ENCODE_ADD_BOS, &lists[0], error);
        status =
            status != HEARTH_OK ? status : tokenizer_encode(to, probes[i], length, ENCODE_ADD_BOS, &lists[1], error);
        size_t at = 0;
        while (status == HEARTH_OK && at < lists[0].count && at < lists[1].count &&
               lists[0].ids[at] == lists[1].ids[at]) {
            at++;
        }
        if (status == HEARTH_OK && (at < lists[0].count || at < lists[1].count)) {
            char expected[96];
            snprintf(expected, sizeof expected, "a pipeline that the other container can say (text %zu, token %zu: %d)",
                     i, at, at < lists[0].count ? lists[0].ids[at] : -1);
            status = error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", expected, "%d",
                               at < lists[1].count ? lists[1].ids[at] : -1);
        }
        token_list_free(&lists[0]);
        token_list_free(&lists[1]);
        TRY(status);
    }
    /* a file without BOS gets one by default in GGUF; whether it is added, the texts above have told */
    const bool begins_alike = tokenizer_bos(from) < 0 || tokenizer_bos(from) == tokenizer_bos(to);
    if (!begins_alike || tokenizer_eos(from) != tokenizer_eos(to)) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", "the same BOS and EOS",
                         "%d and %d in place of %d and %d", tokenizer_bos(to), tokenizer_eos(to), tokenizer_bos(from),
                         tokenizer_eos(from));
    }
    return HEARTH_OK;
}
