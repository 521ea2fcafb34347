/* How a message that spells out a control token stays text: a character of Unicode's private use area, one that no
 * message has, is put behind the first character of each such spelling. The template is rendered, and the text is cut
 * at these characters: no piece has the whole spelling, and each piece is tokenized for itself. */
#include "cli/prompt.h"

#include "base/json.h"
#include "base/limits.h"
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
        return error_in_file(error, m->path);
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

/* A character that no text of these messages has. */
static hearth_status choose_mark(const json_t *messages, mark *ret, hearth_error *error)
{
    buffer all;
    buffer_init(&all, 0);
    hearth_status status = json_door_write(messages, 0, &all, error);
    bool found = false;
    for (uint32_t code = PRIVATE_FIRST; code <= PRIVATE_LAST && status == HEARTH_OK && !found; code++) {
        ret->length = utf8_encode(code, ret->text);
        ret->text[ret->length] = '\0';
        found = strstr(buffer_text(&all), ret->text) == NULL;
    }
    buffer_free(&all);
    if (status == HEARTH_OK && !found) {
        return error_set(error, HEARTH_E_LIMIT, "the conversation", NULL,
                         "every character of Unicode's private use area");
    }
    return status;
}

/* Puts the mark behind the first character of each `spelling` in `text`. */
static hearth_status mark_spelling(buffer *text, const char *spelling, const mark *m, hearth_error *error)
{
    const size_t length = strlen(spelling);
    uint32_t code = 0;
    const size_t first = utf8_decode_lossy(spelling, length, &code);
    size_t at = 0;
    for (const char *hit = NULL; first < length && (hit = strstr(buffer_text(text) + at, spelling)) != NULL;) {
        at = (size_t)(hit - text->data) + first;
        TRY(buffer_reserve(text, m->length, error));
        memmove(text->data + at + m->length, text->data + at, text->length - at + 1);
        memcpy(text->data + at, m->text, m->length);
        text->length += m->length;
        at += m->length;
    }
    return HEARTH_OK;
}

/* The text with every control token's spelling marked; json_string's copy. */
static hearth_status mark_text(const char *text, const tokenizer *t, const mark *m, json_t **ret, hearth_error *error)
{
    buffer marked;
    buffer_init(&marked, 0);
    hearth_status status = buffer_append_text(&marked, text, error);
    const int32_t vocabulary = (int32_t)tokenizer_vocabulary_size(t);
    for (int32_t id = 0; id < vocabulary && status == HEARTH_OK && marked.length > 0; id++) {
        if ((tokenizer_token_flags(t, id) & TOKEN_SPECIAL) != 0) {
            status = mark_spelling(&marked, tokenizer_entry(t, id), m, error);
        }
    }
    if (status == HEARTH_OK) {
        *ret = json_stringn(buffer_text(&marked), marked.length);
        status = *ret != NULL ? HEARTH_OK : error_memory(error, marked.length);
    }
    buffer_free(&marked);
    return status;
}

/* A copy of the messages whose texts are marked. */
static hearth_status mark_messages(const json_t *messages, const tokenizer *t, const mark *m, json_t **ret,
                                   hearth_error *error)
{
    json_t *copy = json_deep_copy(messages);
    hearth_status status = copy != NULL ? HEARTH_OK : error_memory(error, 0);
    for (size_t i = 0; status == HEARTH_OK && i < json_array_size(copy); i++) {
        json_t *message = json_array_get(copy, i);
        const char *text = json_string_value(json_object_get(message, "content"));
        json_t *marked = NULL;
        if (text == NULL) {
            continue;
        }
        status = mark_text(text, t, m, &marked, error);
        if (status == HEARTH_OK && json_object_set_new(message, "content", marked) != 0) {
            status = error_memory(error, 0);
        }
    }
    if (status != HEARTH_OK) {
        json_decref(copy);
        return status;
    }
    *ret = copy;
    return HEARTH_OK;
}

static hearth_status render(const chat *template, const tokenizer *t, const json_t *messages, const mark *m,
                            buffer *out, hearth_error *error)
{
    json_t *marked = NULL;
    TRY(mark_messages(messages, t, m, &marked, error));
    const chat_options how = {.add_generation_prompt = true, .now_unix = (int64_t)time(NULL)};
    const hearth_status status = chat_render(template, marked, &how, out, error);
    json_decref(marked);
    return status;
}

/* The pieces between marks. */
static hearth_status encode_pieces(const tokenizer *t, const buffer *text, const mark *m, token_list *out,
                                   hearth_error *error)
{
    const char *from = buffer_text(text);
    for (const char *cut = NULL; (cut = strstr(from, m->text)) != NULL; from = cut + m->length) {
        TRY(tokenizer_encode(t, from, (size_t)(cut - from), ENCODE_PARSE_SPECIAL, out, error));
    }
    return tokenizer_encode(t, from, strlen(from), ENCODE_PARSE_SPECIAL, out, error);
}

hearth_status prompt_encode(const chat *template, const tokenizer *t, const json_t *messages, token_list *out,
                            hearth_error *error)
{
    mark m = {0};
    buffer text;
    buffer_init(&text, LIMIT_TEMPLATE_OUTPUT_BYTES);
    hearth_status status = choose_mark(messages, &m, error);
    if (status == HEARTH_OK) {
        status = render(template, t, messages, &m, &text, error);
    }
    if (status == HEARTH_OK) {
        status = encode_pieces(t, &text, &m, out, error);
    }
    buffer_free(&text);
    return status;
}
