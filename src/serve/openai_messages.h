/* Messages, tools and thinking as chat completions have them. */
#ifndef SERVE_OPENAI_MESSAGES_H
#define SERVE_OPENAI_MESSAGES_H

#include "serve/chat_request.h"

bool openai_read_messages(chat_request *c, const json_t *body, failure *f);
bool openai_read_tools(chat_request *c, const json_t *body, failure *f); /* tools, tool_choice */
/* response_format, and llama-server's grammar; tools' parallel_tool_calls */
bool openai_read_format(request *r, chat_request *c, const json_t *body, failure *f);
/* chat_template_kwargs, reasoning_effort */
bool openai_read_thinking(chat_request *c, const json_t *body, failure *f);

#endif
