/* What the files of POST /v1/responses share. */
#ifndef SERVE_OPENAI_RESPONSES_H
#define SERVE_OPENAI_RESPONSES_H

#include "serve/chat_request.h"

/* The request's fields, as a canonical request; fields that keep something on the server are refused. */
bool responses_read(request *r, chat_request *c, bool *ret_stream, failure *f);

#endif
