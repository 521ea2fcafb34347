/* Reading tokenizer.json: types, ids and merges checked, nothing interpreted. */
#include "formats/tokenizer_json.h"

#include "base/limits.h"
#include "base/memory.h"
#include "formats/json_file.h"

#include <string.h>

typedef struct reader {
    tokenizer_json *file;
    const char *name;
    hearth_error *error;
} reader;

static hearth_status bad(const reader *r, const char *place, const char *expected, const json_t *found)
{
    return json_file_error(r->error, r->name, place, expected, found);
}

static hearth_status unsupported(const reader *r, const char *place, const char *expected, const char *found)
{
    (void)error_set(r->error, HEARTH_E_UNSUPPORTED, place, expected, "%s", found);
    error_in_file(r->error, r->name);
    return HEARTH_E_UNSUPPORTED;
}

static tokenizer_json_text text_of(const json_t *string)
{
    return (tokenizer_json_text){json_string_value(string), json_string_length(string)};
}

/* A boolean that may be missing or null. */
static hearth_status read_flag(const reader *r, const json_t *object, const char *key, const char *place, bool *ret)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        *ret = false;
        return HEARTH_OK;
    }
    if (!json_is_boolean(value)) {
        return bad(r, place, "true or false", value);
    }
    *ret = json_is_true(value);
    return HEARTH_OK;
}

/* A setting that must be absent, null, or "" (a string) or 0 (a number): hearth's BPE knows no other value. */
static hearth_status must_be_empty(const reader *r, const json_t *model, const char *key, const char *place)
{
    const json_t *value = json_object_get(model, key);
    if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) ||
        (json_is_number(value) && json_number_value(value) == 0.0)) {
        return HEARTH_OK;
    }
    return unsupported(r, place, "null", "a value");
}

static hearth_status id_of(const reader *r, const char *place, const json_t *value, int32_t *ret)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) >= (json_int_t)LIMIT_TOKEN_IDS) {
        return bad(r, place, "an id below 4194304", value);
    }
    *ret = (int32_t)json_integer_value(value);
    return HEARTH_OK;
}

/* How many ids there are: the highest of vocabulary and added tokens, and one. */
static hearth_status count_tokens(reader *r, json_t *vocabulary, const json_t *added)
{
    const char *key = NULL;
    json_t *value = NULL;
    int32_t highest = -1;
    int32_t id = -1;
    json_object_foreach(vocabulary, key, value)
    {
        TRY(id_of(r, "model.vocab", value, &id));
        highest = id > highest ? id : highest;
    }
    size_t i = 0;
    json_array_foreach(added, i, value)
    {
        TRY(id_of(r, "added_tokens.id", json_object_get(value, "id"), &id));
        highest = id > highest ? id : highest;
    }
    if (highest < 0) {
        return bad(r, "model.vocab", "at least one token", vocabulary);
    }
    r->file->token_count = (size_t)highest + 1;
    r->file->tokens = mem_calloc(r->file->token_count, sizeof *r->file->tokens);
    return r->file->tokens == NULL ? error_memory(r->error, r->file->token_count * sizeof *r->file->tokens) : HEARTH_OK;
}

static hearth_status read_vocabulary(reader *r, json_t *vocabulary)
{
    /* jansson's iterator gives the key's length, so tokens may hold NUL. */
    for (void *at = json_object_iter(vocabulary); at != NULL; at = json_object_iter_next(vocabulary, at)) {
        const int32_t id = (int32_t)json_integer_value(json_object_iter_value(at));
        if (r->file->tokens[id].text != NULL) {
            return bad(r, "model.vocab", "every id once", json_object_iter_value(at));
        }
        r->file->tokens[id] = (tokenizer_json_text){json_object_iter_key(at), json_object_iter_key_len(at)};
    }
    return HEARTH_OK;
}

/* "left right", or ["left", "right"] (since tokenizers 0.20). */
static hearth_status read_merge(const reader *r, size_t index, const json_t *value, tokenizer_json_merge *ret)
{
    char place[48];
    if (json_is_array(value) && json_array_size(value) == 2 && json_is_string(json_array_get(value, 0)) &&
        json_is_string(json_array_get(value, 1))) {
        *ret = (tokenizer_json_merge){text_of(json_array_get(value, 0)), text_of(json_array_get(value, 1))};
        return HEARTH_OK;
    }
    const tokenizer_json_text text = json_is_string(value) ? text_of(value) : (tokenizer_json_text){"", 0};
    const char *space = memchr(text.text, ' ', text.length);
    const size_t left = space == NULL ? 0 : (size_t)(space - text.text);
    if (space == NULL || memchr(space + 1, ' ', text.length - left - 1) != NULL) {
        (void)snprintf(place, sizeof place, "model.merges[%zu]", index);
        return bad(r, place, "two tokens", value);
    }
    *ret = (tokenizer_json_merge){{text.text, left}, {space + 1, text.length - left - 1}};
    return HEARTH_OK;
}

static hearth_status read_merges(reader *r, const json_t *merges)
{
    if (!json_is_array(merges)) {
        return bad(r, "model.merges", "an array", merges);
    }
    const size_t count = json_array_size(merges);
    r->file->merges = count == 0 ? NULL : mem_calloc(count, sizeof *r->file->merges);
    if (count > 0 && r->file->merges == NULL) {
        return error_memory(r->error, count * sizeof *r->file->merges);
    }
    r->file->merge_count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(read_merge(r, i, json_array_get(merges, i), &r->file->merges[i]));
    }
    return HEARTH_OK;
}

static hearth_status read_one_added(reader *r, size_t index, const json_t *value, json_t *vocabulary)
{
    char place[64];
    (void)snprintf(place, sizeof place, "added_tokens[%zu]", index);
    const json_t *content = json_object_get(value, "content");
    if (!json_is_string(content)) {
        return bad(r, place, "an object with a string \"content\"", content);
    }
    tokenizer_json_added *a = &r->file->added[index];
    TRY(id_of(r, place, json_object_get(value, "id"), &a->id));
    TRY(read_flag(r, value, "special", place, &a->special));
    TRY(read_flag(r, value, "single_word", place, &a->single_word));
    TRY(read_flag(r, value, "lstrip", place, &a->lstrip));
    TRY(read_flag(r, value, "rstrip", place, &a->rstrip));
    TRY(read_flag(r, value, "normalized", place, &a->normalized));
    const tokenizer_json_text text = text_of(content);
    const json_t *in_model = json_object_getn(vocabulary, text.text, text.length);
    if (in_model != NULL) { /* the model's id counts */
        a->id = (int32_t)json_integer_value(in_model);
        return HEARTH_OK;
    }
    tokenizer_json_text *slot = &r->file->tokens[a->id];
    if (slot->text != NULL && (slot->length != text.length || memcmp(slot->text, text.text, text.length) != 0)) {
        return bad(r, place, "an id that no other token has", json_object_get(value, "id"));
    }
    *slot = text;
    return HEARTH_OK;
}

static hearth_status read_added(reader *r, const json_t *added, json_t *vocabulary)
{
    const size_t count = json_array_size(added);
    r->file->added = count == 0 ? NULL : mem_calloc(count, sizeof *r->file->added);
    if (count > 0 && r->file->added == NULL) {
        return error_memory(r->error, count * sizeof *r->file->added);
    }
    r->file->added_count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(read_one_added(r, i, json_array_get(added, i), vocabulary));
    }
    return HEARTH_OK;
}

static hearth_status read_unknown(reader *r, const json_t *model, json_t *vocabulary)
{
    const json_t *name = json_object_get(model, "unk_token");
    r->file->unknown = -1;
    if (name == NULL || json_is_null(name)) {
        return HEARTH_OK;
    }
    if (!json_is_string(name)) {
        return bad(r, "model.unk_token", "a string or null", name);
    }
    const json_t *id = json_object_getn(vocabulary, json_string_value(name), json_string_length(name));
    if (id == NULL) {
        return bad(r, "model.unk_token", "a token of the vocabulary", name);
    }
    r->file->unknown = (int32_t)json_integer_value(id);
    return HEARTH_OK;
}

/* The vocabulary of the models that have an object: token to id. */
static hearth_status take_vocabulary(reader *r, const json_t *model)
{
    json_t *vocabulary = json_object_get(model, "vocab");
    if (!json_is_object(vocabulary)) {
        return bad(r, "model.vocab", "an object", vocabulary);
    }
    r->file->vocabulary = json_incref(vocabulary);
    return HEARTH_OK;
}

/* ---- Unigram: a list of [token, score] ---- */

static hearth_status read_scored(reader *r, size_t index, const json_t *pair)
{
    const json_t *token = json_array_get(pair, 0);
    const json_t *score = json_array_get(pair, 1);
    char place[48];
    (void)snprintf(place, sizeof place, "model.vocab[%zu]", index);
    if (json_array_size(pair) != 2 || !json_is_string(token) || !json_is_number(score)) {
        return bad(r, place, "a token and its score", pair);
    }
    if (json_object_getn(r->file->vocabulary, json_string_value(token), json_string_length(token)) != NULL) {
        return bad(r, place, "every token once", token);
    }
    r->file->scores[index] = json_number_value(score);
    return json_object_setn_new_nocheck(r->file->vocabulary, json_string_value(token), json_string_length(token),
                                        json_integer((json_int_t)index)) == 0
               ? HEARTH_OK
               : error_memory(r->error, json_string_length(token));
}

static hearth_status read_unigram(reader *r, const json_t *model)
{
    const json_t *list = json_object_get(model, "vocab");
    const json_t *unknown = json_object_get(model, "unk_id");
    const size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > LIMIT_VOCABULARY) {
        return bad(r, "model.vocab", "an array of 1 to 4194304 pairs", list);
    }
    TRY(read_flag(r, model, "byte_fallback", "model.byte_fallback", &r->file->byte_fallback));
    r->file->scores = mem_calloc(count, sizeof *r->file->scores);
    r->file->vocabulary = json_object();
    if (r->file->scores == NULL || r->file->vocabulary == NULL) {
        return error_memory(r->error, count * sizeof *r->file->scores);
    }
    r->file->score_count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(read_scored(r, i, json_array_get(list, i)));
    }
    r->file->unknown = -1;
    if (unknown != NULL && !json_is_null(unknown)) {
        if (!json_is_integer(unknown) || json_integer_value(unknown) < 0 ||
            json_integer_value(unknown) >= (json_int_t)count) {
            return bad(r, "model.unk_id", "an id of the vocabulary or null", unknown);
        }
        r->file->unknown = (int32_t)json_integer_value(unknown);
    }
    return HEARTH_OK;
}

static hearth_status finish_unigram(reader *r, const json_t *model)
{
    (void)r;
    (void)model;
    return HEARTH_OK;
}

/* ---- BPE ---- */

static hearth_status read_bpe(reader *r, const json_t *model)
{
    TRY(must_be_empty(r, model, "dropout", "model.dropout"));
    TRY(must_be_empty(r, model, "continuing_subword_prefix", "model.continuing_subword_prefix"));
    TRY(must_be_empty(r, model, "end_of_word_suffix", "model.end_of_word_suffix"));
    TRY(read_flag(r, model, "byte_fallback", "model.byte_fallback", &r->file->byte_fallback));
    TRY(read_flag(r, model, "fuse_unk", "model.fuse_unk", &r->file->fuse_unknown));
    TRY(read_flag(r, model, "ignore_merges", "model.ignore_merges", &r->file->ignore_merges));
    return take_vocabulary(r, model);
}

static hearth_status finish_bpe(reader *r, const json_t *model)
{
    TRY(read_merges(r, json_object_get(model, "merges")));
    return read_unknown(r, model, r->file->vocabulary);
}

/* ---- WordPiece ---- */

static hearth_status read_wordpiece(reader *r, const json_t *model)
{
    const json_t *prefix = json_object_get(model, "continuing_subword_prefix");
    const json_t *most = json_object_get(model, "max_input_chars_per_word");
    r->file->continuing_prefix = (tokenizer_json_text){"##", 2};
    r->file->word_characters = 100;
    if (json_is_string(prefix)) {
        r->file->continuing_prefix = text_of(prefix);
    } else if (prefix != NULL) {
        return bad(r, "model.continuing_subword_prefix", "a string", prefix);
    }
    if (json_is_integer(most) && json_integer_value(most) >= 0) {
        r->file->word_characters = (size_t)json_integer_value(most);
    } else if (most != NULL) {
        return bad(r, "model.max_input_chars_per_word", "a number, not negative", most);
    }
    return take_vocabulary(r, model);
}

static hearth_status finish_wordpiece(reader *r, const json_t *model)
{
    return read_unknown(r, model, r->file->vocabulary);
}

/* One row a model type: the key that tells it in old files, which leave the type out (NULL: that its vocabulary is a
 * list); what gives the vocabulary; what is read once its ids are known. */
static const struct model_row {
    const char *type, *key;
    tokenizer_json_model model;
    hearth_status (*read)(reader *r, const json_t *model);
    hearth_status (*finish)(reader *r, const json_t *model);
} model_rows[] = {
    {"BPE", "merges", TOKENIZER_JSON_BPE, read_bpe, finish_bpe},
    {"Unigram", NULL, TOKENIZER_JSON_UNIGRAM, read_unigram, finish_unigram},
    {"WordPiece", "max_input_chars_per_word", TOKENIZER_JSON_WORDPIECE, read_wordpiece, finish_wordpiece},
};

static bool is_of_row(const json_t *model, const struct model_row *row)
{
    const json_t *type = json_object_get(model, "type");
    if (type != NULL) {
        return json_is_string(type) && strcmp(json_string_value(type), row->type) == 0;
    }
    return row->key != NULL ? json_object_get(model, row->key) != NULL : json_is_array(json_object_get(model, "vocab"));
}

static hearth_status find_model(const reader *r, const json_t *model, const struct model_row **ret)
{
    for (size_t i = 0; i < sizeof model_rows / sizeof model_rows[0]; i++) {
        if (is_of_row(model, &model_rows[i])) {
            *ret = &model_rows[i];
            return HEARTH_OK;
        }
    }
    const json_t *type = json_object_get(model, "type");
    return json_is_string(type) ? unsupported(r, "model.type", "BPE, Unigram or WordPiece", json_string_value(type))
                                : bad(r, "model.type", "a string", type);
}

static hearth_status read_stage(const reader *r, const char *key, const json_t **ret)
{
    *ret = json_object_get(r->file->root, key);
    if (json_is_null(*ret)) {
        *ret = NULL;
    }
    return *ret != NULL && !json_is_object(*ret) ? bad(r, key, "an object or null", *ret) : HEARTH_OK;
}

static hearth_status read_all(reader *r)
{
    const json_t *root = r->file->root;
    const json_t *model = json_object_get(root, "model");
    const json_t *added = json_object_get(root, "added_tokens");
    if (!json_is_object(root) || !json_is_object(model)) {
        return bad(r, "model", "an object", model);
    }
    const struct model_row *row = NULL;
    if (added != NULL && !json_is_null(added) && !json_is_array(added)) {
        return bad(r, "added_tokens", "an array", added);
    }
    TRY(find_model(r, model, &row));
    r->file->model = row->model;
    TRY(row->read(r, model));
    json_t *vocabulary = r->file->vocabulary;
    TRY(count_tokens(r, vocabulary, added));
    TRY(read_vocabulary(r, vocabulary));
    TRY(row->finish(r, model));
    TRY(read_added(r, added, vocabulary));
    TRY(read_stage(r, "normalizer", &r->file->normalizer));
    TRY(read_stage(r, "pre_tokenizer", &r->file->pre_tokenizer));
    TRY(read_stage(r, "decoder", &r->file->decoder));
    return read_stage(r, "post_processor", &r->file->post_processor);
}

/* Takes over `root`. */
static hearth_status from_root(json_t *root, const char *name, tokenizer_json **ret, hearth_error *error)
{
    tokenizer_json *file = mem_calloc(1, sizeof *file);
    if (file == NULL) {
        json_decref(root);
        return error_memory(error, sizeof *file);
    }
    file->root = root;
    reader r = {.file = file, .name = name, .error = error};
    const hearth_status status = read_all(&r);
    if (status != HEARTH_OK) {
        tokenizer_json_close(file);
        return status;
    }
    *ret = file;
    return HEARTH_OK;
}

hearth_status tokenizer_json_open(const char *path, tokenizer_json **ret, hearth_error *error)
{
    json_t *root = NULL;
    TRY(json_file_read(path, LIMIT_JSON_FILE_BYTES, &root, error));
    return from_root(root, path, ret, error);
}

hearth_status tokenizer_json_parse(const char *text, size_t length, const char *name, tokenizer_json **ret,
                                   hearth_error *error)
{
    json_t *root = NULL;
    TRY(json_door_parse(text, length, name, &root, error));
    return from_root(root, name, ret, error);
}

void tokenizer_json_close(tokenizer_json *file)
{
    if (file != NULL) {
        mem_free(file->tokens);
        mem_free(file->merges);
        mem_free(file->added);
        mem_free(file->scores);
        json_decref(file->vocabulary);
        json_decref(file->root);
        mem_free(file);
    }
}
