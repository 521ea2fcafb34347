/* Adding to a conversation, forgetting from it, keeping it in a file. */
#include "cli/conversation.h"

#include "base/limits.h"
#include "platform/file.h"

#include <string.h>

static bool has_role(const json_t *message, const char *role)
{
    const char *found = json_string_value(json_object_get(message, "role"));
    return found != NULL && strcmp(found, role) == 0;
}

static json_t *make_message(const char *role, const char *text, size_t length)
{
    return json_pack("{s:s, s:o}", "role", role, "content", json_door_text(text, length));
}

hearth_status conversation_add(json_t *messages, const char *role, const char *text, size_t length, hearth_error *error)
{
    return json_array_append_new(messages, make_message(role, text, length)) == 0 ? HEARTH_OK
                                                                                  : error_memory(error, length);
}

hearth_status conversation_set_system(json_t *messages, const char *text, hearth_error *error)
{
    if (has_role(json_array_get(messages, 0), "system")) {
        json_array_remove(messages, 0);
    }
    if (*text == '\0') {
        return HEARTH_OK;
    }
    const size_t length = strlen(text);
    return json_array_insert_new(messages, 0, make_message("system", text, length)) == 0 ? HEARTH_OK
                                                                                         : error_memory(error, length);
}

void conversation_drop_last(json_t *messages)
{
    if (json_array_size(messages) > 0) {
        json_array_remove(messages, json_array_size(messages) - 1);
    }
}

/* Where the exchanges begin: behind the system message. */
static size_t first_exchange(const json_t *messages)
{
    return has_role(json_array_get(messages, 0), "system") ? 1 : 0;
}

size_t conversation_older(const json_t *messages)
{
    size_t older = 0;
    for (size_t i = first_exchange(messages) + 1; i < json_array_size(messages); i++) {
        older += has_role(json_array_get(messages, i), "user") ? 1 : 0;
    }
    return older;
}

json_t *conversation_without(const json_t *messages, size_t exchanges)
{
    const size_t first = first_exchange(messages);
    const size_t count = json_array_size(messages);
    size_t next = first;
    for (size_t left = exchanges; left > 0 && next < count; left--) {
        do {
            next++;
        } while (next < count && !has_role(json_array_get(messages, next), "user"));
    }
    json_t *kept = json_array();
    for (size_t i = 0; kept != NULL && i < count; i++) {
        if ((i < first || i >= next) && json_array_append(kept, json_array_get(messages, i)) != 0) {
            json_decref(kept);
            return NULL;
        }
    }
    return kept;
}

void conversation_clear(json_t *messages)
{
    const size_t kept = first_exchange(messages);
    while (json_array_size(messages) > kept) {
        conversation_drop_last(messages);
    }
}

hearth_status conversation_save(const json_t *messages, const char *path, bool over, hearth_error *error)
{
    json_t *whole = json_pack("{s:O}", "messages", messages);
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = whole != NULL ? json_door_write(whole, 2, &text, error) : error_memory(error, 0);
    if (status == HEARTH_OK) {
        status = buffer_append_char(&text, '\n', error);
    }
    if (status == HEARTH_OK) {
        status = (over ? file_replace : file_create)(path, buffer_text(&text), text.length, error);
    }
    buffer_free(&text);
    json_decref(whole);
    return status;
}

hearth_status conversation_check(const json_t *messages, hearth_error *error)
{
    if (!json_is_array(messages)) {
        return error_set(error, HEARTH_E_FORMAT, NULL, "an array of messages, or an object with \"messages\"",
                         "something else");
    }
    for (size_t i = 0; i < json_array_size(messages); i++) {
        if (!json_is_string(json_object_get(json_array_get(messages, i), "role"))) {
            char place[40];
            snprintf(place, sizeof place, "message %zu", i + 1);
            return error_set(error, HEARTH_E_FORMAT, place, "an object with \"role\" and \"content\"",
                             "something else");
        }
    }
    return HEARTH_OK;
}

/* The number of the first message whose content is neither text nor a list of parts, and that calls no tool; 0. */
static size_t odd_message(const json_t *messages)
{
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        const json_t *content = json_object_get(message, "content");
        const bool calls = json_array_size(json_object_get(message, "tool_calls")) > 0;
        if (!json_is_string(content) && !json_is_array(content) && !calls) {
            return i + 1;
        }
    }
    return 0;
}

hearth_status conversation_blame(const json_t *messages, const char *file, hearth_error *error)
{
    const size_t odd = odd_message(messages);
    if (strncmp(error->place, "line ", 5) == 0) {
        char line[32];
        char message[40] = "";
        snprintf(line, sizeof line, "%.31s", error->place);
        if (odd > 0) {
            snprintf(message, sizeof message, "message %zu, ", odd);
        }
        snprintf(error->place, sizeof error->place, "%s%s of the chat template", message, line);
    }
    error->file[0] = '\0';
    error_in_file(error, file);
    return error->status;
}

static hearth_status parse(const buffer *text, const char *path, json_t **ret, hearth_error *error)
{
    json_t *whole = NULL;
    TRY(json_door_parse(buffer_text(text), text->length, path, &whole, error));
    json_t *messages = json_is_object(whole) ? json_object_get(whole, "messages") : whole;
    const hearth_status status = conversation_check(messages, error);
    if (status == HEARTH_OK) {
        *ret = json_incref(messages);
    } else {
        error_in_file(error, path);
    }
    json_decref(whole);
    return status;
}

hearth_status conversation_load(const char *path, json_t **ret, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = file_read(path, LIMIT_TEXT_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = parse(&text, path, ret, error);
    }
    buffer_free(&text);
    return status;
}
