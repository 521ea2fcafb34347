/* What the files of Anthropic's interface share. docs/api.md. */
#ifndef SERVE_ANTHROPIC_H
#define SERVE_ANTHROPIC_H

#include "serve/chat_request.h"

/* anthropic_messages.c: system, messages, tools, tool_choice and thinking, to the canonical request. */
bool anthropic_read(chat_request *c, const json_t *body, failure *f);
/* anthropic_answer.c: *c is taken over whatever comes of it. */
void anthropic_answer_start(request *r, chat_request *c, bool stream);

#endif
