/* Reading tiktoken's rank files and tekken.json. */
#include "formats/ranks.h"

#include "base/base64.h"
#include "base/limits.h"
#include "base/memory.h"
#include "formats/json_file.h"
#include "formats/tekken_vocab.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE_MOST 1024u

/* ---- one token ---- */

static hearth_status grow(ranks_file *f, size_t count, hearth_error *error)
{
    if (count <= f->count) {
        return HEARTH_OK;
    }
    if (count > f->capacity) { /* ranks ascend by one: room for as many again, or every line would copy all */
        const size_t capacity = count < LIMIT_VOCABULARY / 2 ? 2 * count : LIMIT_VOCABULARY;
        ranks_token *grown = mem_realloc(f->tokens, capacity * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *grown);
        }
        f->tokens = grown;
        f->capacity = capacity;
    }
    memset(f->tokens + f->count, 0, (count - f->count) * sizeof *f->tokens);
    f->count = count;
    return HEARTH_OK;
}

static hearth_status enter(ranks_file *f, const char *text, size_t length, size_t rank, hearth_error *error)
{
    const size_t start = f->bytes.length;
    TRY(base64_decode(text, length, &f->bytes, error));
    if (f->tokens[rank].length > 0 || f->bytes.length == start) {
        return error_set(error, HEARTH_E_FORMAT, "token", "some bytes, and every rank once", "rank %zu", rank);
    }
    f->tokens[rank] = (ranks_token){start, f->bytes.length - start};
    f->present++;
    return HEARTH_OK;
}

/* ---- tiktoken ---- */

/* "IQ== 0": *ret_token, *ret_rank; false for another line. */
static bool split_line(const char *line, size_t length, size_t *ret_token, uint64_t *ret_rank)
{
    const char *space = memchr(line, ' ', length);
    *ret_rank = 0;
    if (space == NULL || space == line || space + 1 == line + length || length - (size_t)(space - line) > 12) {
        return false;
    }
    for (const char *c = space + 1; c < line + length; c++) {
        if (*c < '0' || *c > '9') {
            return false;
        }
        *ret_rank = *ret_rank * 10 + (uint64_t)(*c - '0');
    }
    *ret_token = (size_t)(space - line);
    return true;
}

/* A line without its end, and what is left. */
static size_t next_line(const char *text, size_t length, size_t *ret_taken)
{
    const char *end = memchr(text, '\n', length);
    size_t size = end == NULL ? length : (size_t)(end - text);
    *ret_taken = end == NULL ? length : size + 1;
    return size > 0 && text[size - 1] == '\r' ? size - 1 : size;
}

static hearth_status read_lines(ranks_file *f, const char *text, size_t length, hearth_error *error)
{
    char place[32];
    size_t taken = 0;
    for (size_t at = 0, line = 1; at < length; at += taken, line++) {
        const size_t size = next_line(text + at, length - at, &taken);
        size_t token = 0;
        uint64_t rank = 0;
        if (size == 0) {
            continue;
        }
        (void)snprintf(place, sizeof place, "line %zu", line);
        if (!split_line(text + at, size, &token, &rank) || rank >= LIMIT_VOCABULARY) {
            return error_set(error, HEARTH_E_FORMAT, place, "base64, a space and a rank below 4194304", "'%.*s'",
                             size < 60 ? (int)size : 60, text + at);
        }
        TRY(grow(f, (size_t)rank + 1, error));
        const hearth_status status = enter(f, text + at, token, (size_t)rank, error);
        if (status != HEARTH_OK) {
            if (error != NULL) {
                (void)snprintf(error->place, sizeof error->place, "%s", place);
            }
            return status;
        }
    }
    return f->present > 0 ? HEARTH_OK : error_set(error, HEARTH_E_FORMAT, NULL, "lines of base64 and ranks", "none");
}

hearth_status ranks_parse(const char *text, size_t length, const char *name, ranks_file *ret, hearth_error *error)
{
    *ret = (ranks_file){0};
    const hearth_status status = read_lines(ret, text, length, error);
    if (status != HEARTH_OK) {
        error_in_file(error, name);
        ranks_close(ret);
    }
    return status;
}

hearth_status ranks_open(const char *path, ranks_file *ret, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    *ret = (ranks_file){0};
    hearth_status status = file_read(path, LIMIT_JSON_FILE_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = ranks_parse(buffer_text(&text), text.length, path, ret, error);
    }
    buffer_free(&text);
    return status;
}

bool ranks_looks_like(const char *path)
{
    file_map map = {0};
    buffer bytes;
    size_t taken = 0;
    size_t token = 0;
    uint64_t rank = 0;
    if (file_map_open(path, &map, NULL) != HEARTH_OK) {
        return false;
    }
    buffer_init(&bytes, FIRST_LINE_MOST);
    const char *head = map.size > 0 ? (const char *)map.data : "";
    const size_t size = next_line(head, map.size < FIRST_LINE_MOST ? map.size : FIRST_LINE_MOST, &taken);
    const bool yes =
        taken > size && split_line(head, size, &token, &rank) && base64_decode(head, token, &bytes, NULL) == HEARTH_OK;
    buffer_free(&bytes);
    file_map_close(&map);
    return yes;
}

/* ---- tekken.json ---- */

static hearth_status bad(const char *path, const char *place, const char *expected, const json_t *found,
                         hearth_error *error)
{
    return json_file_error(error, path, place, expected, found);
}

static hearth_status read_number(const char *path, const json_t *config, const char *key, size_t *ret,
                                 hearth_error *error)
{
    const json_t *value = json_object_get(config, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > (json_int_t)LIMIT_VOCABULARY) {
        return bad(path, key, "a number up to 4194304", value, error);
    }
    *ret = (size_t)json_integer_value(value);
    return HEARTH_OK;
}

static hearth_status read_vocabulary(const tekken_vocab *v, size_t most, ranks_file *f, hearth_error *error)
{
    TRY(grow(f, most, error));
    for (size_t i = 0; i < v->count; i++) {
        const tekken_entry *entry = &v->entries[i];
        if (entry->rank >= most) {
            continue; /* the file holds more than the vocabulary takes */
        }
        const hearth_status status = enter(f, entry->bytes, entry->length, (size_t)entry->rank, error);
        if (status != HEARTH_OK) {
            if (error != NULL) {
                (void)snprintf(error->place, sizeof error->place, "vocab[%zu]", i);
            }
            return status;
        }
    }
    return f->present == most
               ? HEARTH_OK
               : error_set(error, HEARTH_E_FORMAT, "vocab", "a token for every rank", "%zu for %zu", f->present, most);
}

/* The same entries out of parsed JSON. */
static hearth_status entries_of_json(const char *path, const json_t *vocabulary, tekken_vocab *v, hearth_error *error)
{
    char place[48];
    for (size_t i = 0; i < json_array_size(vocabulary); i++) {
        const json_t *entry = json_array_get(vocabulary, i);
        const json_t *rank = json_object_get(entry, "rank");
        const json_t *bytes = json_object_get(entry, "token_bytes");
        if (!json_is_integer(rank) || json_integer_value(rank) < 0 || !json_is_string(bytes)) {
            (void)snprintf(place, sizeof place, "vocab[%zu]", i);
            return bad(path, place, "a \"rank\" and \"token_bytes\"", entry, error);
        }
        const tekken_entry one = {json_string_value(bytes), json_string_length(bytes),
                                  (uint64_t)json_integer_value(rank)};
        TRY(tekken_vocab_append(v, one, error));
    }
    return HEARTH_OK;
}

/* f->root and the vocabulary. Where that is plain JSON it is read on the way, and the tree holds an empty array. */
static hearth_status parse_tekken(const char *path, const buffer *text, ranks_file *f, tekken_vocab *v,
                                  hearth_error *error)
{
    bool plain = false;
    TRY(tekken_vocab_scan(buffer_text(text), text->length, v, &plain, error));
    if (plain) {
        buffer rest;
        buffer_init(&rest, 0);
        hearth_status status = buffer_append(&rest, text->data, v->start, error);
        status = status != HEARTH_OK ? status : buffer_append_text(&rest, "[]", error);
        status = status != HEARTH_OK ? status : buffer_append(&rest, text->data + v->end, text->length - v->end, error);
        status = status != HEARTH_OK ? status : json_door_parse(buffer_text(&rest), rest.length, path, &f->root, error);
        buffer_free(&rest);
        if (status != HEARTH_E_FORMAT) {
            return status;
        }
    }
    tekken_vocab_free(v);
    TRY(json_door_parse(buffer_text(text), text->length, path, &f->root, error)); /* names the place, if it fails */
    return entries_of_json(path, json_object_get(f->root, "vocab"), v, error);
}

/* What files without a list of control tokens mean. */
static const char *const old_specials[] = {"<unk>",
                                           "<s>",
                                           "</s>",
                                           "[INST]",
                                           "[/INST]",
                                           "[AVAILABLE_TOOLS]",
                                           "[/AVAILABLE_TOOLS]",
                                           "[TOOL_RESULTS]",
                                           "[/TOOL_RESULTS]",
                                           "[TOOL_CALLS]",
                                           "[IMG]",
                                           "<pad>",
                                           "[IMG_BREAK]",
                                           "[IMG_END]",
                                           "[PREFIX]",
                                           "[MIDDLE]",
                                           "[SUFFIX]",
                                           "[SYSTEM_PROMPT]",
                                           "[/SYSTEM_PROMPT]",
                                           "[TOOL_CONTENT]"};

static hearth_status read_specials(const char *path, ranks_file *f, hearth_error *error)
{
    const json_t *list = json_object_get(f->root, "special_tokens");
    const bool listed = json_is_array(list);
    const size_t count = listed ? json_array_size(list) : sizeof old_specials / sizeof old_specials[0];
    char place[48];
    f->specials = count == 0 ? NULL : mem_calloc(count, sizeof *f->specials);
    if (count > 0 && f->specials == NULL) {
        return error_memory(error, count * sizeof *f->specials);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        const json_t *text = json_object_get(entry, "token_str");
        const json_t *rank = json_object_get(entry, "rank");
        (void)snprintf(place, sizeof place, "special_tokens[%zu]", i);
        if (listed && (!json_is_string(text) || !json_is_integer(rank))) {
            return bad(path, place, "a \"rank\" and \"token_str\"", entry, error);
        }
        f->specials[i] = listed ? (ranks_special){.id = json_integer_value(rank),
                                                  .text = json_string_value(text),
                                                  .length = json_string_length(text),
                                                  .control = !json_is_false(json_object_get(entry, "is_control"))}
                                : (ranks_special){(int64_t)i, old_specials[i], strlen(old_specials[i]), true};
        if (f->specials[i].id < 0 || (uint64_t)f->specials[i].id >= f->special_count) {
            return error_set(error, HEARTH_E_FORMAT, place, "a rank below default_num_special_tokens", "%lld",
                             (long long)f->specials[i].id);
        }
        f->named_count++;
    }
    return HEARTH_OK;
}

static hearth_status read_tekken(const char *path, const buffer *text, tekken_vocab *v, ranks_file *f,
                                 hearth_error *error)
{
    TRY(parse_tekken(path, text, f, v, error));
    const json_t *config = json_object_get(f->root, "config");
    const json_t *pattern = json_object_get(config, "pattern");
    const json_t *vocabulary = json_object_get(f->root, "vocab");
    size_t whole = 0;
    if (!json_is_string(pattern)) {
        return bad(path, "config.pattern", "a string", pattern, error);
    }
    if (!json_is_array(vocabulary)) {
        return bad(path, "vocab", "an array", vocabulary, error);
    }
    f->pattern = json_string_value(pattern);
    f->pattern_length = json_string_length(pattern);
    TRY(read_number(path, config, "default_vocab_size", &whole, error));
    TRY(read_number(path, config, "default_num_special_tokens", &f->special_count, error));
    if (whole <= f->special_count || whole - f->special_count > v->count) {
        return error_set(error, HEARTH_E_FORMAT, "config.default_vocab_size",
                         "more than its special tokens, and a token in vocab for each other", "%zu", whole);
    }
    TRY(read_vocabulary(v, whole - f->special_count, f, error));
    return read_specials(path, f, error);
}

hearth_status ranks_open_tekken(const char *path, ranks_file *ret, hearth_error *error)
{
    tekken_vocab vocabulary = {0};
    buffer text;
    buffer_init(&text, 0);
    *ret = (ranks_file){0};
    hearth_status status = file_read(path, LIMIT_JSON_FILE_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = read_tekken(path, &text, &vocabulary, ret, error);
    }
    tekken_vocab_free(&vocabulary);
    buffer_free(&text);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        ranks_close(ret);
    }
    return status;
}

void ranks_close(ranks_file *file)
{
    buffer_free(&file->bytes);
    mem_free(file->tokens);
    mem_free(file->specials);
    json_decref(file->root);
    *file = (ranks_file){0};
}
