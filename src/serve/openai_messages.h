/* Messages, tools and thinking as chat completions have them. */
#ifndef SERVE_OPENAI_MESSAGES_H
#define SERVE_OPENAI_MESSAGES_H

#include "serve/chat_request.h"

bool openai_read_messages(chat_request *c, const json_t *body, failure *f);
bool openai_read_tools(chat_request *c, const json_t *body, failure *f); /* tools, tool_choice */
/* chat_template_kwargs, reasoning_effort */
bool openai_read_thinking(chat_request *c, const json_t *body, failure *f);

#endif
