/* Parts of an answer, gathered. */
#include "serve/collected.h"

#include "base/memory.h"

#include <string.h>

void collected_init(collected *c)
{
    buffer_init(&c->text, 0);
    buffer_init(&c->reasoning, 0);
}

void collected_free(collected *c)
{
    buffer_free(&c->text);
    buffer_free(&c->reasoning);
    json_decref(c->calls);
    json_decref(c->tokens);
    mem_free(c->stop);
    *c = (collected){0};
}

bool collected_text(collected *c, const char *text, size_t length)
{
    return buffer_append(&c->text, text, length, NULL) == HEARTH_OK;
}

bool collected_reasoning(collected *c, const char *text, size_t length)
{
    return buffer_append(&c->reasoning, text, length, NULL) == HEARTH_OK;
}

bool collected_call(collected *c, const json_t *call)
{
    c->calls = json_door_append(c->calls != NULL ? c->calls : json_array(), json_incref((json_t *)call));
    return c->calls != NULL;
}

bool collected_token(collected *c, json_t *token)
{
    c->tokens = json_door_append(c->tokens != NULL ? c->tokens : json_array(), token);
    return c->tokens != NULL;
}

bool collected_finish(collected *c, answer_finish why, const char *stop)
{
    c->finish = why;
    c->stop = stop != NULL ? mem_strdup(stop) : NULL;
    return stop == NULL || c->stop != NULL;
}

json_t *collected_text_json(const collected *c)
{
    return c->text.length == 0 && c->calls != NULL ? json_null()
                                                   : json_door_text(buffer_text(&c->text), c->text.length);
}

json_t *collected_reasoning_json(const collected *c)
{
    return c->reasoning.length == 0 ? json_null() : json_door_text(buffer_text(&c->reasoning), c->reasoning.length);
}

json_t *collected_take_tokens(collected *c)
{
    json_t *tokens = c->tokens != NULL ? c->tokens : json_array();
    c->tokens = NULL;
    return tokens;
}
