/* How a message that spells out a control token stays text: a character of Unicode's private use area, one that no
 * message has, is put behind the first character of each such spelling. The template is rendered, and the text is cut
 * at these characters: no piece has the whole spelling, and each piece is tokenized for itself. */
#define _GNU_SOURCE /* memmem */
#include "generate/prompt.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PRIVATE_FIRST = 0xE000, PRIVATE_LAST = 0xF8FF };

typedef struct mark {
    char text[5];
    size_t length;
} mark;

static const char *token_name(const tokenizer *t, int32_t id)
{
    return t != NULL && id >= 0 ? tokenizer_entry(t, id) : NULL;
}

hearth_status prompt_open(const model *m, const char *source, size_t length, const char *name, chat **ret,
                          hearth_error *error)
{
    const tokenizer *t = m->tokenizer;
    if (source == NULL && m->chat_template == NULL) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, "chat template", NULL, "this model has none");
        error_in_file(error, m->path);
        return HEARTH_E_NOT_FOUND;
    }
    char own[sizeof((hearth_error *)0)->file];
    snprintf(own, sizeof own, "the chat template of %s", m->path);
    const chat_source from = {.text = source != NULL ? source : m->chat_template,
                              .length = source != NULL ? length : m->chat_template_length,
                              .name = source != NULL ? name : own,
                              .bos = token_name(t, t != NULL ? tokenizer_bos(t) : -1),
                              .eos = token_name(t, t != NULL ? tokenizer_eos(t) : -1)};
    return chat_open(&from, ret, error);
}

/* A character that no text of these messages and tools has. */
static hearth_status choose_mark(const json_t *messages, const json_t *tools, mark *ret, hearth_error *error)
{
    buffer all;
    buffer_init(&all, 0);
    hearth_status status = json_door_write(messages, 0, &all, error);
    if (status == HEARTH_OK && tools != NULL) {
        status = json_door_write(tools, 0, &all, error);
    }
    bool found = false;
    for (uint32_t code = PRIVATE_FIRST; code <= PRIVATE_LAST && status == HEARTH_OK && !found; code++) {
        ret->length = utf8_encode(code, ret->text);
        ret->text[ret->length] = '\0';
        found = memmem(buffer_text(&all), all.length, ret->text, ret->length) == NULL;
    }
    buffer_free(&all);
    if (status == HEARTH_OK && !found) {
        return error_set(error, HEARTH_E_LIMIT, "the conversation", NULL,
                         "every character of Unicode's private use area");
    }
    return status;
}

/* What a marking carries. */
typedef struct marking {
    mark m;
    const char **spellings; /* of the control tokens */
    size_t count;
} marking;

static hearth_status collect_spellings(const tokenizer *t, marking *k, hearth_error *error)
{
    const int32_t vocabulary = (int32_t)tokenizer_vocabulary_size(t);
    size_t count = 0;
    for (int32_t id = 0; id < vocabulary; id++) {
        count += (tokenizer_token_flags(t, id) & TOKEN_SPECIAL) != 0;
    }
    k->spellings = mem_calloc(count + 1, sizeof *k->spellings);
    if (k->spellings == NULL) {
        return error_memory(error, count * sizeof *k->spellings);
    }
    for (int32_t id = 0; id < vocabulary; id++) {
        if ((tokenizer_token_flags(t, id) & TOKEN_SPECIAL) != 0) {
            k->spellings[k->count++] = tokenizer_entry(t, id);
        }
    }
    return HEARTH_OK;
}

/* Puts the mark behind the first character of each `spelling` in `text`. */
static hearth_status mark_spelling(buffer *text, const char *spelling, const mark *m, hearth_error *error)
{
    const size_t length = strlen(spelling);
    uint32_t code = 0;
    const size_t first = utf8_decode_lossy(spelling, length, &code);
    const char *from = buffer_text(text);
    const char *end = from + text->length;
    const char *hit = first < length ? memmem(from, text->length, spelling, length) : NULL;
    if (hit == NULL) {
        return HEARTH_OK;
    }
    buffer marked;
    buffer_init(&marked, 0);
    hearth_status status = HEARTH_OK;
    for (; hit != NULL && status == HEARTH_OK; hit = memmem(from, (size_t)(end - from), spelling, length)) {
        status = buffer_append(&marked, from, (size_t)(hit + first - from), error);
        if (status == HEARTH_OK) {
            status = buffer_append(&marked, m->text, m->length, error);
        }
        from = hit + first;
    }
    if (status == HEARTH_OK) {
        status = buffer_append(&marked, from, (size_t)(end - from), error);
    }
    if (status == HEARTH_OK) {
        const buffer unmarked = *text;
        *text = marked;
        marked = unmarked;
    }
    buffer_free(&marked);
    return status;
}

/* A JSON text with every control token's spelling marked. NULL, and the error set, when memory is out. */
static json_t *mark_text(const json_t *text, const marking *k, hearth_error *error)
{
    buffer marked;
    buffer_init(&marked, 0);
    hearth_status status = buffer_append(&marked, json_string_value(text), json_string_length(text), error);
    for (size_t i = 0; i < k->count && status == HEARTH_OK; i++) {
        status = mark_spelling(&marked, k->spellings[i], &k->m, error);
    }
    json_t *made = status == HEARTH_OK ? json_stringn(buffer_text(&marked), marked.length) : NULL;
    if (made == NULL && status == HEARTH_OK) {
        (void)error_memory(error, marked.length);
    }
    buffer_free(&marked);
    return made;
}

/* The same value with every text in it marked: not the content alone, since templates print other parts, too. */
static json_t *mark_value(const json_t *value, const marking *k, hearth_error *error)
{
    json_t *made = NULL;
    if (json_is_string(value)) {
        return mark_text(value, k, error);
    }
    if (json_is_array(value)) {
        made = json_array();
        for (size_t i = 0; made != NULL && i < json_array_size(value); i++) {
            if (json_array_append_new(made, mark_value(json_array_get(value, i), k, error)) != 0) {
                json_decref(made);
                made = NULL;
            }
        }
    } else if (json_is_object(value)) {
        made = json_object();
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach((json_t *)value, key, member)
        {
            if (made != NULL && json_object_set_new(made, key, mark_value(member, k, error)) != 0) {
                json_decref(made);
                made = NULL;
            }
        }
    } else {
        made = json_copy((json_t *)value);
    }
    if (made == NULL) {
        (void)error_memory(error, 0);
    }
    return made;
}

static hearth_status render(const chat *template, const json_t *messages, const prompt_more *more, const marking *k,
                            buffer *out, hearth_error *error)
{
    json_t *marked = mark_value(messages, k, error);
    json_t *tools = marked != NULL && more->tools != NULL ? mark_value(more->tools, k, error) : NULL;
    if (marked == NULL || (more->tools != NULL && tools == NULL)) {
        json_decref(marked);
        return HEARTH_E_MEMORY;
    }
    const chat_options how = {
        .add_generation_prompt = true, .tools = tools, .extra = more->variables, .now_unix = (int64_t)time(NULL)};
    const hearth_status status = chat_render(template, marked, &how, out, error);
    json_decref(marked);
    json_decref(tools);
    return status;
}

/* The pieces between marks. */
static hearth_status encode_pieces(const tokenizer *t, const buffer *text, const mark *m, token_list *out,
                                   hearth_error *error)
{
    const char *from = buffer_text(text);
    const char *end = from + text->length;
    for (const char *cut = NULL; (cut = memmem(from, (size_t)(end - from), m->text, m->length)) != NULL;
         from = cut + m->length) {
        TRY(tokenizer_encode(t, from, (size_t)(cut - from), ENCODE_PARSE_SPECIAL, out, error));
    }
    return tokenizer_encode(t, from, (size_t)(end - from), ENCODE_PARSE_SPECIAL, out, error);
}

hearth_status prompt_encode(const chat *template, const tokenizer *t, const json_t *messages, const prompt_more *more,
                            token_list *out, hearth_error *error)
{
    marking k = {0};
    buffer text;
    buffer_init(&text, LIMIT_TEMPLATE_OUTPUT_BYTES);
    hearth_status status = choose_mark(messages, more->tools, &k.m, error);
    if (status == HEARTH_OK) {
        status = collect_spellings(t, &k, error);
    }
    if (status == HEARTH_OK) {
        status = render(template, messages, more, &k, &text, error);
    }
    if (status == HEARTH_OK) {
        status = encode_pieces(t, &text, &k.m, out, error);
    }
    mem_free(k.spellings);
    buffer_free(&text);
    return status;
}
