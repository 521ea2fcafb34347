/* From tokenizer.ggml.* to tokenizer.json and tokenizer_config.json. */
#include "base/base64.h"
#include "base/memory.h"
#include "convert/metadata.h"
#include "model/load_tokenizer.h"
#include "tokenizer/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER_DEFINED = 4, TYPE_UNUSED = 5, TYPE_BYTE = 6 };

static const char marker[] = "\xE2\x96\x81";

typedef struct vocabulary {
    const gguf_file *file;
    tokenizer *tokenizer;
    int64_t tokens, types, scores; /* indices of the arrays; -1: none */
    size_t count;
    bool sentencepiece, unigram, wordpiece; /* none: byte-level BPE */
    bool prefix, bos, eos;
    const pretokenizer_row *row;
    json_t *vocab; /* text to id, of the model's own tokens */
} vocabulary;

static int64_t array_index(const gguf_file *file, const char *key, uint64_t least)
{
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    int64_t index = -1;
    return gguf_get_array(file, key, &type, &count, &index, NULL) == HEARTH_OK && count >= least ? index : -1;
}

static int64_t type_of(const vocabulary *v, size_t id)
{
    return v->types < 0 ? TYPE_NORMAL : gguf_array_i64(v->file, v->types, id);
}

static json_t *string_of(gguf_string s)
{
    return json_stringn(s.text, s.length);
}

static bool is_padding_text(const vocabulary *v, size_t id, gguf_string text)
{
    char pad[24];
    const int length = snprintf(pad, sizeof pad, "[PAD%zu]", id);
    return type_of(v, id) == TYPE_UNUSED && text.length == (size_t)length && memcmp(text.text, pad, text.length) == 0;
}

/* What converters fill the vocabulary up with. */
static bool is_padding(const vocabulary *v, size_t id)
{
    return is_padding_text(v, id, gguf_array_string(v->file, v->tokens, id));
}

/* BERT's are words like others there. */
static bool is_bert_padding(const vocabulary *v, size_t id)
{
    const char *text = tokenizer_entry(v->tokenizer, (int32_t)id);
    return text != NULL && is_padding_text(v, id, (gguf_string){text, strlen(text)});
}

static bool get_flag(const gguf_file *file, const char *key, bool missing)
{
    bool value = missing;
    (void)gguf_get_bool(file, key, &value, NULL);
    return value;
}

static hearth_status read_arrays(vocabulary *v, hearth_error *error)
{
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    gguf_string model = {0};
    TRY(load_tokenizer_gguf(v->file, &v->tokenizer, error)); /* checks the arrays, too */
    TRY(gguf_get_array(v->file, "tokenizer.ggml.tokens", &type, &count, &v->tokens, error));
    TRY(gguf_get_string(v->file, "tokenizer.ggml.model", &model, error));
    v->sentencepiece = model.length == 5 && memcmp(model.text, "llama", 5) == 0;
    v->unigram = model.length == 2; /* "t5", "bert", or "gpt2": what is loaded is one of the four */
    v->wordpiece = model.length == 4 && memcmp(model.text, "bert", 4) == 0;
    v->count = (size_t)count;
    v->types = array_index(v->file, "tokenizer.ggml.token_type", count);
    v->scores = array_index(v->file, "tokenizer.ggml.scores", count);
    v->prefix =
        (v->sentencepiece || v->unigram) && get_flag(v->file, "tokenizer.ggml.add_space_prefix", v->sentencepiece);
    if (!v->sentencepiece && !v->unigram && !v->wordpiece) {
        gguf_string pre = {"default", 7};
        (void)gguf_get_string(v->file, "tokenizer.ggml.pre", &pre, NULL);
        v->row = pretokenizer_find(pre.text, pre.length);
    }
    token_list list = {0};
    const hearth_status status = tokenizer_encode(v->tokenizer, "x", 1, ENCODE_ADD_BOS, &list, error);
    v->bos = list.count > 1 && list.ids[0] == tokenizer_bos(v->tokenizer);
    v->eos = list.count > 1 && list.ids[list.count - 1] == tokenizer_eos(v->tokenizer);
    token_list_free(&list);
    return status;
}

/* ---- model ---- */

static json_t *make_vocab(const vocabulary *v)
{
    json_t *vocab = json_object();
    for (size_t i = 0; i < v->count && vocab != NULL; i++) {
        const gguf_string text = gguf_array_string(v->file, v->tokens, i);
        const bool outside = !v->sentencepiece && (type_of(v, i) == TYPE_CONTROL || type_of(v, i) == TYPE_USER_DEFINED);
        if (outside || is_padding(v, i) || text.length == 0) {
            continue;
        }
        if (json_object_setn_new(vocab, text.text, text.length, json_integer((json_int_t)i)) != 0) {
            json_decref(vocab);
            vocab = NULL;
        }
    }
    return vocab;
}

static json_t *pair(const char *left, size_t left_length, const char *right, size_t right_length)
{
    json_t *both = json_door_append(json_array(), json_stringn(left, left_length));
    return json_door_append(both, json_stringn(right, right_length));
}

static json_t *byte_level_merges(const vocabulary *v)
{
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    int64_t index = -1;
    json_t *merges = json_array();
    if (gguf_get_array(v->file, "tokenizer.ggml.merges", &type, &count, &index, NULL) != HEARTH_OK) {
        return merges;
    }
    for (uint64_t i = 0; i < count; i++) { /* checked when the tokenizer was loaded */
        const gguf_string text = gguf_array_string(v->file, index, i);
        const char *space = memchr(text.text + 1, ' ', text.length - 1);
        const size_t left = (size_t)(space - text.text);
        merges = json_door_append(merges, pair(text.text, left, space + 1, text.length - left - 1));
    }
    return merges;
}

/* A way to make a token of two others. */
typedef struct join {
    float score;
    uint32_t token, left, right;
    uint32_t cut; /* bytes of the left one */
} join;

static int compare_joins(const void *a, const void *b)
{
    const join *x = a;
    const join *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    if (x->token != y->token) {
        return x->token < y->token ? -1 : 1;
    }
    return x->left != y->left ? (x->left < y->left ? -1 : 1) : (x->right > y->right) - (x->right < y->right);
}

/* The id of a token that takes part in joining, or -1. */
static int64_t joined_id(const vocabulary *v, const char *text, size_t length)
{
    const json_t *id = json_object_getn(v->vocab, text, length);
    return json_is_integer(id) && type_of(v, (size_t)json_integer_value(id)) == TYPE_NORMAL ? json_integer_value(id)
                                                                                            : -1;
}

/* Which lengths tokens have: [longest + 1], 1 or 0. Without it a token of a megabyte would be hashed for each of its
 * cuts. NULL: out of memory. */
static uint8_t *lengths_there(const vocabulary *v)
{
    size_t longest = 0;
    for (size_t i = 0; i < v->count; i++) {
        const size_t length = gguf_array_string(v->file, v->tokens, i).length;
        longest = length > longest ? length : longest;
    }
    uint8_t *there = mem_calloc(longest + 1, 1);
    for (size_t i = 0; i < v->count && there != NULL; i++) {
        there[gguf_array_string(v->file, v->tokens, i).length] = 1;
    }
    return there;
}

static hearth_status add_joins(const vocabulary *v, const uint8_t *lengths, size_t id, buffer *out, hearth_error *error)
{
    const gguf_string text = gguf_array_string(v->file, v->tokens, id);
    if (type_of(v, id) != TYPE_NORMAL || joined_id(v, text.text, text.length) != (int64_t)id) {
        return HEARTH_OK;
    }
    for (size_t cut = 1; cut < text.length; cut++) {
        if (((unsigned char)text.text[cut] & 0xC0) == 0x80 || lengths[cut] == 0 || lengths[text.length - cut] == 0) {
            continue;
        }
        const int64_t left = joined_id(v, text.text, cut);
        const int64_t right = left < 0 ? -1 : joined_id(v, text.text + cut, text.length - cut);
        if (right >= 0) {
            const join one = {(float)gguf_array_f64(v->file, v->scores, id), (uint32_t)id, (uint32_t)left,
                              (uint32_t)right, (uint32_t)cut};
            TRY(buffer_append(out, &one, sizeof one, error));
        }
    }
    return HEARTH_OK;
}

/* SentencePiece joins any two neighbours that make a token, the highest score first: as merges, every way to make each
 * token, in that order. */
static hearth_status sentencepiece_merges(const vocabulary *v, json_t **ret, hearth_error *error)
{
    buffer joins;
    buffer_init(&joins, 0);
    uint8_t *lengths = lengths_there(v);
    hearth_status status = lengths == NULL ? error_memory(error, v->count) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < v->count; i++) {
        status = add_joins(v, lengths, i, &joins, error);
    }
    mem_free(lengths);
    *ret = status == HEARTH_OK ? json_array() : NULL;
    const size_t count = joins.length / sizeof(join);
    if (*ret != NULL && count > 0) {
        join *all = (join *)(void *)joins.data;
        qsort(all, count, sizeof *all, compare_joins);
        for (size_t i = 0; i < count; i++) {
            const gguf_string text = gguf_array_string(v->file, v->tokens, all[i].token);
            *ret =
                json_door_append(*ret, pair(text.text, all[i].cut, text.text + all[i].cut, text.length - all[i].cut));
        }
    }
    buffer_free(&joins);
    return status;
}

/* ---- Unigram and WordPiece ---- */

/* Tokens in the order of their ids, with scores; what fills the vocabulary up is left out. */
static json_t *make_unigram(const vocabulary *v)
{
    uint64_t unknown = 0;
    bool bytes = false;
    size_t count = v->count;
    json_t *vocab = json_array();
    while (count > 0 && is_padding(v, count - 1)) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_door_append(json_array(), string_of(gguf_array_string(v->file, v->tokens, i)));
        one = json_door_append(one, json_door_float((float)gguf_array_f64(v->file, v->scores, i)));
        vocab = json_door_append(vocab, one);
        bytes = bytes || type_of(v, i) == TYPE_BYTE;
    }
    if (gguf_get_u64(v->file, "tokenizer.ggml.unknown_token_id", &unknown, NULL) != HEARTH_OK) {
        unknown = 2;
    }
    json_t *model = json_door_put(json_object(), "type", json_string("Unigram"));
    model = json_door_put(model, "unk_id", unknown < count ? json_integer((json_int_t)unknown) : json_null());
    model = json_door_put(model, "vocab", vocab);
    return json_door_put(model, "byte_fallback", json_boolean(bytes));
}

/* The loader has spelled the tokens as BERT does: "##" before what goes on in a word. */
static json_t *make_wordpiece(const vocabulary *v)
{
    json_t *vocab = json_object();
    const char *unknown = "[UNK]";
    for (size_t i = 0; i < v->count; i++) {
        const char *text = tokenizer_entry(v->tokenizer, (int32_t)i);
        if (text != NULL && text[0] != '\0' && !is_bert_padding(v, i)) {
            vocab = json_door_put(vocab, text, json_integer((json_int_t)i));
        }
    }
    uint64_t id = 0;
    if (gguf_get_u64(v->file, "tokenizer.ggml.unknown_token_id", &id, NULL) == HEARTH_OK && id < v->count) {
        unknown = tokenizer_entry(v->tokenizer, (int32_t)id);
    }
    json_t *model = json_door_put(json_object(), "type", json_string("WordPiece"));
    model = json_door_put(model, "unk_token", json_string(unknown));
    model = json_door_put(model, "continuing_subword_prefix", json_string("##"));
    model = json_door_put(model, "max_input_chars_per_word", json_integer(100));
    return json_door_put(model, "vocab", vocab);
}

static hearth_status make_model(vocabulary *v, json_t **ret, hearth_error *error)
{
    json_t *merges = NULL;
    json_t *unknown = json_null();
    uint64_t id = 0;
    if (v->unigram || v->wordpiece) {
        *ret = v->unigram ? make_unigram(v) : make_wordpiece(v);
        return HEARTH_OK;
    }
    v->vocab = make_vocab(v);
    if (v->vocab == NULL) {
        return error_memory(error, v->count);
    }
    if (v->sentencepiece) {
        TRY(sentencepiece_merges(v, &merges, error));
        if (gguf_get_u64(v->file, "tokenizer.ggml.unknown_token_id", &id, NULL) != HEARTH_OK) {
            id = 0;
        }
        if (id < v->count) {
            unknown = string_of(gguf_array_string(v->file, v->tokens, id));
        }
    } else {
        merges = byte_level_merges(v);
    }
    json_t *model = json_door_put(json_object(), "type", json_string("BPE"));
    model = json_door_put(model, "dropout", json_null());
    model = json_door_put(model, "unk_token", unknown);
    model = json_door_put(model, "continuing_subword_prefix", json_null());
    model = json_door_put(model, "end_of_word_suffix", json_null());
    model = json_door_put(model, "fuse_unk", json_boolean(v->sentencepiece));
    model = json_door_put(model, "byte_fallback", json_boolean(v->sentencepiece));
    model = json_door_put(model, "ignore_merges", json_boolean(v->row != NULL && v->row->ignore_merges));
    model = json_door_put(model, "vocab", json_incref(v->vocab));
    *ret = json_door_put(model, "merges", merges);
    return HEARTH_OK;
}

/* ---- the steps ---- */

static json_t *of_type(const char *type)
{
    return json_door_put(json_object(), "type", json_string(type));
}

static json_t *sequence(const char *key, json_t *list)
{
    return json_door_put(of_type("Sequence"), key, list);
}

static json_t *pattern(const char *kind, const char *text, size_t length)
{
    return json_door_put(json_object(), kind, json_stringn(text, length));
}

static json_t *replace(const char *from, const char *to)
{
    json_t *value = json_door_put(of_type("Replace"), "pattern", pattern("String", from, strlen(from)));
    return json_door_put(value, "content", json_string(to));
}

static bool removes_extra(const vocabulary *v)
{
    return get_flag(v->file, "tokenizer.ggml.remove_extra_whitespaces", false);
}

/* T5's and XLM-RoBERTa's map of characters, and that spaces in a row are one. */
static hearth_status unigram_normalizer(const vocabulary *v, json_t **ret, hearth_error *error)
{
    gguf_type type = GGUF_U8;
    uint64_t count = 0;
    int64_t index = -1;
    json_t *list = json_array();
    if (gguf_get_array(v->file, "tokenizer.ggml.precompiled_charsmap", &type, &count, &index, NULL) == HEARTH_OK &&
        count > 0) {
        buffer bytes;
        buffer text;
        buffer_init(&bytes, 0);
        buffer_init(&text, 0);
        hearth_status status = HEARTH_OK;
        for (uint64_t i = 0; status == HEARTH_OK && i < count; i++) { /* the loader has seen that these are bytes */
            status = buffer_append_char(&bytes, (char)gguf_array_i64(v->file, index, i), error);
        }
        status = status != HEARTH_OK ? status : base64_encode(bytes.data, bytes.length, &text, error);
        json_t *map = json_door_put(of_type("Precompiled"), "precompiled_charsmap",
                                    json_stringn(buffer_text(&text), text.length));
        list = json_door_append(list, map);
        buffer_free(&bytes);
        buffer_free(&text);
        if (status != HEARTH_OK) {
            json_decref(list);
            return status;
        }
    }
    if (v->prefix && !removes_extra(v)) { /* Metaspace puts none before a space */
        list = json_door_append(list, json_door_put(of_type("Prepend"), "prepend", json_string(marker)));
    }
    if (removes_extra(v)) {
        static const char *const spaces[][2] = {{" +\\z", ""}, {" {2,}", " "}}; /* one in front stays for the marker */
        for (size_t i = 0; i < 2; i++) {
            json_t *one =
                json_door_put(of_type("Replace"), "pattern", pattern("Regex", spaces[i][0], strlen(spaces[i][0])));
            list = json_door_append(list, json_door_put(one, "content", json_string(spaces[i][1])));
        }
    }
    *ret = sequence("normalizers", list);
    return HEARTH_OK;
}

/* Without the key: where no plain token has a capital, as the loader has it. */
static bool lowers_case(const vocabulary *v)
{
    bool capitals = false;
    for (size_t i = 0; i < v->count && !capitals; i++) {
        const gguf_string text = gguf_array_string(v->file, v->tokens, i);
        for (size_t k = 0; type_of(v, i) == TYPE_NORMAL && k < text.length; k++) {
            capitals = capitals || (text.text[k] >= 'A' && text.text[k] <= 'Z');
        }
    }
    return get_flag(v->file, "tokenizer.ggml.normalizer.lowercase", !capitals);
}

static json_t *bert_normalizer_json(const vocabulary *v)
{
    static const char accents[] = "tokenizer.ggml.normalizer.strip_accents";
    json_t *value = json_door_put(of_type("BertNormalizer"), "clean_text", json_true());
    value = json_door_put(value, "handle_chinese_chars", json_true());
    value =
        json_door_put(value, "strip_accents",
                      gguf_find(v->file, accents) < 0 ? json_null() : json_boolean(get_flag(v->file, accents, true)));
    return json_door_put(value, "lowercase", json_boolean(lowers_case(v)));
}

static hearth_status make_normalizer(const vocabulary *v, json_t **ret, hearth_error *error)
{
    if (v->unigram) {
        return unigram_normalizer(v, ret, error);
    }
    if (v->wordpiece) {
        *ret = bert_normalizer_json(v);
        return HEARTH_OK;
    }
    if (!v->sentencepiece) {
        *ret = v->row->nfc ? of_type("NFC") : json_null();
        return HEARTH_OK;
    }
    json_t *list = json_array();
    if (v->prefix) {
        list = json_door_append(list, json_door_put(of_type("Prepend"), "prepend", json_string(marker)));
    }
    *ret = sequence("normalizers", json_door_append(list, replace(" ", marker)));
    return HEARTH_OK;
}

static json_t *metaspace(const vocabulary *v)
{
    json_t *value = json_door_put(of_type("Metaspace"), "replacement", json_string(marker));
    value = json_door_put(value, "prepend_scheme", json_string(v->prefix && removes_extra(v) ? "always" : "never"));
    return json_door_put(value, "split", json_true());
}

static json_t *byte_level(void)
{
    json_t *value = json_door_put(of_type("ByteLevel"), "add_prefix_space", json_false());
    value = json_door_put(value, "trim_offsets", json_true());
    return json_door_put(value, "use_regex", json_false());
}

static json_t *make_step(const pretokenizer_step *step)
{
    static const char *const behaviors[] = {[SPLIT_ISOLATED] = "Isolated",
                                            [SPLIT_REMOVED] = "Removed",
                                            [SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
                                            [SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
                                            [SPLIT_CONTIGUOUS] = "Contiguous"};
    json_t *value = NULL;
    switch (step->kind) {
    case PRETOKENIZER_REGEX:
        value = json_door_put(of_type("Split"), "pattern", pattern("Regex", step->pattern.text, step->pattern.length));
        value = json_door_put(value, "behavior", json_string(behaviors[step->behavior]));
        return json_door_put(value, "invert", json_boolean(step->invert));
    case PRETOKENIZER_DIGITS:
        return json_door_put(of_type("Digits"), "individual_digits", json_boolean(step->individual));
    case PRETOKENIZER_PUNCTUATION:
        return json_door_put(of_type("Punctuation"), "behavior", json_string(behaviors[step->behavior]));
    default: /* the rows have no others */
        return byte_level();
    }
}

static json_t *make_pretokenizer(const vocabulary *v)
{
    if (v->sentencepiece) {
        return json_null();
    }
    if (v->unigram || v->wordpiece) {
        return v->unigram ? metaspace(v) : of_type("BertPreTokenizer");
    }
    json_t *list = json_array();
    bool alphabet = false;
    for (size_t i = 0; i < v->row->step_count; i++) {
        list = json_door_append(list, make_step(&v->row->steps[i]));
        alphabet = alphabet || v->row->steps[i].kind == PRETOKENIZER_BYTE_ALPHABET;
    }
    return sequence("pretokenizers", alphabet ? list : json_door_append(list, byte_level()));
}

static json_t *make_decoder(const vocabulary *v)
{
    if (v->unigram || v->wordpiece) {
        json_t *words = json_door_put(of_type("WordPiece"), "prefix", json_string("##"));
        words = json_door_put(words, "cleanup", json_true());
        json_t *value = v->unigram ? metaspace(v) : json_incref(words);
        json_decref(words);
        return value;
    }
    if (!v->sentencepiece) {
        return json_door_put(byte_level(), "use_regex", json_true());
    }
    json_t *list = json_door_append(json_array(), replace(marker, " "));
    list = json_door_append(list, of_type("ByteFallback"));
    list = json_door_append(list, of_type("Fuse"));
    if (v->prefix) {
        json_t *strip = json_door_put(of_type("Strip"), "content", json_string(" "));
        strip = json_door_put(strip, "start", json_integer(1));
        list = json_door_append(list, json_door_put(strip, "stop", json_integer(0)));
    }
    return sequence("decoders", list);
}

static json_t *template_piece(const char *kind, const char *id, int type)
{
    json_t *inner = json_door_put(json_object(), "id", json_string(id));
    return json_door_put(json_object(), kind, json_door_put(inner, "type_id", json_integer(type)));
}

static json_t *template_of(const vocabulary *v, int texts)
{
    json_t *list = json_array();
    for (int i = 0; i < texts; i++) {
        if (v->bos) {
            list = json_door_append(
                list, template_piece("SpecialToken", tokenizer_entry(v->tokenizer, tokenizer_bos(v->tokenizer)), i));
        }
        list = json_door_append(list, template_piece("Sequence", i == 0 ? "A" : "B", i));
        if (v->eos) {
            list = json_door_append(
                list, template_piece("SpecialToken", tokenizer_entry(v->tokenizer, tokenizer_eos(v->tokenizer)), i));
        }
    }
    return list;
}

static json_t *special_entry(json_t *specials, const vocabulary *v, int32_t id)
{
    const char *text = tokenizer_entry(v->tokenizer, id);
    json_t *value = json_door_put(json_object(), "id", json_string(text));
    value = json_door_put(value, "ids", json_door_append(json_array(), json_integer(id)));
    value = json_door_put(value, "tokens", json_door_append(json_array(), json_string(text)));
    return json_door_put(specials, text, value);
}

static json_t *make_post_processor(const vocabulary *v)
{
    if (!v->bos && !v->eos) {
        return v->sentencepiece || v->unigram || v->wordpiece ? json_null() : byte_level();
    }
    json_t *specials = json_object();
    if (v->bos) {
        specials = special_entry(specials, v, tokenizer_bos(v->tokenizer));
    }
    if (v->eos && !(v->bos && tokenizer_bos(v->tokenizer) == tokenizer_eos(v->tokenizer))) {
        specials = special_entry(specials, v, tokenizer_eos(v->tokenizer));
    }
    json_t *value = json_door_put(of_type("TemplateProcessing"), "single", template_of(v, 1));
    value = json_door_put(value, "pair", template_of(v, 2));
    return json_door_put(value, "special_tokens", specials);
}

static json_t *make_added(const vocabulary *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->count; i++) {
        const int64_t type = type_of(v, i);
        if (type != TYPE_CONTROL && type != TYPE_USER_DEFINED && type != TYPE_UNKNOWN) {
            continue;
        }
        json_t *one = json_door_put(json_object(), "id", json_integer((json_int_t)i));
        one = json_door_put(one, "content", string_of(gguf_array_string(v->file, v->tokens, i)));
        one = json_door_put(one, "single_word", json_false());
        one = json_door_put(one, "lstrip", json_false());
        one = json_door_put(one, "rstrip", json_false());
        one = json_door_put(one, "normalized", json_false());
        list = json_door_append(list, json_door_put(one, "special", json_boolean(type != TYPE_USER_DEFINED)));
    }
    return list;
}

static hearth_status write_tokenizer(vocabulary *v, const char *path, hearth_error *error)
{
    json_t *model = NULL;
    json_t *normalizer = NULL;
    TRY(make_normalizer(v, &normalizer, error));
    json_t *root = json_door_put(json_object(), "version", json_string("1.0"));
    root = json_door_put(root, "truncation", json_null());
    root = json_door_put(root, "padding", json_null());
    root = json_door_put(root, "added_tokens", make_added(v));
    root = json_door_put(root, "normalizer", normalizer);
    root = json_door_put(root, "pre_tokenizer", make_pretokenizer(v));
    root = json_door_put(root, "post_processor", make_post_processor(v));
    root = json_door_put(root, "decoder", make_decoder(v));
    const hearth_status status = make_model(v, &model, error);
    if (status != HEARTH_OK) {
        json_decref(root);
        return status;
    }
    return convert_write_json(path, "tokenizer.json", json_door_put(root, "model", model), error);
}

/* ---- tokenizer_config.json ---- */

static json_t *put_token(json_t *root, const vocabulary *v, const char *name, const char *key)
{
    uint64_t id = 0;
    if (gguf_get_u64(v->file, key, &id, NULL) != HEARTH_OK || id >= v->count) {
        return root;
    }
    return json_door_put(root, name, string_of(gguf_array_string(v->file, v->tokens, id)));
}

static hearth_status write_settings(const vocabulary *v, const char *path, hearth_error *error)
{
    const int32_t bos = tokenizer_bos(v->tokenizer);
    const int32_t eos = tokenizer_eos(v->tokenizer);
    json_t *root = json_door_put(json_object(), "tokenizer_class",
                                 json_string(v->wordpiece ? "BertTokenizer" : "PreTrainedTokenizerFast"));
    root = json_door_put(root, "clean_up_tokenization_spaces", json_false());
    root = json_door_put(root, "add_bos_token", json_boolean(v->bos));
    root = json_door_put(root, "add_eos_token", json_boolean(v->eos));
    if (bos >= 0) {
        root = json_door_put(root, "bos_token", json_string(tokenizer_entry(v->tokenizer, bos)));
    }
    if (eos >= 0) {
        root = json_door_put(root, "eos_token", json_string(tokenizer_entry(v->tokenizer, eos)));
    }
    root = put_token(root, v, "unk_token", "tokenizer.ggml.unknown_token_id");
    root = put_token(root, v, "pad_token", "tokenizer.ggml.padding_token_id");
    root = put_token(root, v, "sep_token", "tokenizer.ggml.seperator_token_id"); /* the format's spelling */
    root = put_token(root, v, "mask_token", "tokenizer.ggml.mask_token_id");
    if (v->wordpiece && bos >= 0) { /* a text of BERT begins with its class */
        root = json_door_put(root, "cls_token", json_string(tokenizer_entry(v->tokenizer, bos)));
    }
    if (v->wordpiece) {
        root = json_door_put(root, "do_lower_case", json_boolean(lowers_case(v)));
    }
    gguf_string template = {0};
    if (gguf_get_string(v->file, "tokenizer.chat_template", &template, NULL) == HEARTH_OK) {
        root = json_door_put(root, "chat_template", string_of(template));
    }
    return convert_write_json(path, "tokenizer_config.json", root, error);
}

hearth_status convert_tokenizer_to_folder(const char *path, const gguf_file *file, hearth_error *error)
{
    if (gguf_find(file, "tokenizer.ggml.tokens") < 0) {
        return HEARTH_OK;
    }
    vocabulary v = {.file = file};
    hearth_status status = read_arrays(&v, error);
    status = status != HEARTH_OK ? status : write_tokenizer(&v, path, error);
    status = status != HEARTH_OK ? status : write_settings(&v, path, error);
    json_decref(v.vocab);
    tokenizer_free(v.tokenizer);
    return status;
}
