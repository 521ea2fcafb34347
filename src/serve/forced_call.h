/* An answer that must be a tool call: the words that open one in this model's form, and the schema of what follows. */
#ifndef SERVE_FORCED_CALL_H
#define SERVE_FORCED_CALL_H

#include "serve/chat_request.h"

/* c->choice is TOOLS_REQUIRED or TOOLS_NAMED. *ret_opening is appended to: what the prompt ends in. The caller owns
 * *ret_schema. False, with *f filled in, for forms that no schema tells. */
bool forced_call(const chat_request *c, bool parallel, buffer *ret_opening, json_t **ret_schema, failure *f);

#endif
