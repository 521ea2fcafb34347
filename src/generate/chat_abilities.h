/* What a chat template can do, found by rendering small conversations: which switch it has for thinking, whether it
 * shows tools, and in which shape it takes a call that was made. */
#ifndef GENERATE_CHAT_ABILITIES_H
#define GENERATE_CHAT_ABILITIES_H

#include "generate/chat.h"

typedef enum chat_switch {
    CHAT_SWITCH_NONE, /* the template knows none */
    CHAT_SWITCH_LESS, /* it can ask for less thinking, not for none */
    CHAT_SWITCH_FULL,
} chat_switch;

/* Puts the variables that turn thinking on or off (enable_thinking, thinking, thinking_budget, reasoning_effort) into
 * the object `variables`, those that make a difference in this template. */
hearth_status chat_thinking(const chat *c, bool on, json_t *variables, chat_switch *ret, hearth_error *error);

/* How templates want an assistant's message that calls tools. */
typedef struct chat_call_shape {
    bool takes_tools;    /* the text is another one with tools than without */
    bool text_arguments; /* "arguments" is a JSON text, not an object */
    bool null_content;   /* "content" is null where the message has no text */
    bool either;         /* a message that calls has text or thinking, not both: the caller knows (gpt-oss) */
} chat_call_shape;
hearth_status chat_probe_calls(const chat *c, chat_call_shape *ret, hearth_error *error);

/* The message of an answer, for the conversation: role, content, reasoning_content where there was thinking, and
 * tool_calls for `calls`, an array of {"id", "name", "arguments"} (NULL or empty: none). Takes no reference. NULL when
 * memory is out. */
json_t *chat_answer_message(const chat_call_shape *shape, json_t *content, json_t *reasoning, const json_t *calls);

#endif
