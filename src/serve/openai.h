/* What the files of OpenAI's interface share. */
#ifndef SERVE_OPENAI_H
#define SERVE_OPENAI_H

#include "serve/chat_request.h"

void openai_chat(request *r);        /* openai_chat.c: POST /v1/chat/completions */
void openai_completions(request *r); /* openai_completions.c: POST /v1/completions */
void openai_embeddings(request *r);  /* openai_embeddings.c: POST /v1/embeddings */
void openai_responses(request *r);   /* openai_responses.c: POST /v1/responses */

const char *openai_finish_name(answer_finish why); /* "stop", "length", "tool_calls" */
/* {"prompt_tokens", "completion_tokens", "total_tokens", …} */
json_t *openai_usage(const answer_usage *u);
/* What every chunk of a stream begins with, "data: {…,\"choices\":[", written once. */
bool openai_make_lead(json_t *envelope, buffer *ret);
/* A chunk with one choice; frees it. `usage`: the chunk says that it has none. */
bool openai_send_choice(request *r, const buffer *lead, json_t *choice, bool usage);
/* `last` (NULL: none), then the mark of the end. */
void openai_end_stream(request *r, json_t *last);
/* An answer that fails: an event and the end where its stream has begun, else a refusal. */
void openai_fail(request *r, bool begun, const hearth_error *error);
/* {"token", "logprob", "bytes", "top_logprobs"} of chat completions. */
json_t *openai_logprob(const tokenizer *t, const generation_token *token);
/* A call as messages have it: {"id", "type": "function", "function": {"name", "arguments": "…"}}; `index` < 0: none. */
json_t *openai_call(const json_t *call, int index);
/* stream, stream_options.include_usage */
bool openai_stream_fields(const json_t *body, bool *ret_stream, bool *ret_usage, failure *f);

#endif
