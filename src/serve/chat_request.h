/* A request for an answer, whichever API it came by: each API's parser fills it in, one pipeline runs it. */
#ifndef SERVE_CHAT_REQUEST_H
#define SERVE_CHAT_REQUEST_H

#include "serve/answering.h"
#include "serve/grammars.h"

typedef enum tool_choice { TOOLS_AUTO, TOOLS_NONE, TOOLS_REQUIRED, TOOLS_NAMED } tool_choice;

typedef struct chat_request {
    served_model *model; /* taken: chat_request_open */
    /* Array of {"role": "system" | "user" | "assistant" | "tool", "content": text or null, …}; of an assistant's also
     * "reasoning_content" and "tool_calls", each {"id", "name", "arguments": {…}}; of a tool's "tool_call_id", "name".
     */
    json_t *messages;
    size_t argument_values_left; /* of JSON that arguments, which are text, may have still */
    json_t *tools;               /* as OpenAI has them: {"type": "function", "function": {…}}; NULL: none */
    json_t *variables;           /* an object, for the template */
    tool_choice choice;
    const char *tool;    /* TOOLS_NAMED; borrowed from the body */
    token_list *prompts; /* with `messages` NULL: continued as they are, without template and parts */
    size_t prompt_count;
    chat *template;    /* instead of the model's; owned; NULL: the model's */
    token_list before; /* goes before the prompt of `messages`: what an earlier answer left */
    token_list *drawn; /* answer_plan.drawn */
    bool encoded;      /* chat_request_encode was called */
    bool thinks;       /* the prompt opened the thinking */
    int think;         /* 0: asked not to think, 1: to think, -1: as the template has it */
    sampling sampling;
    logit_bias *biases; /* owned */
    const char **stops; /* owned; the texts are the body's */
    size_t stop_count;
    bool own_stops;     /* nobody asked for them */
    size_t most_tokens; /* 0: until the context is full */
    unsigned choices;
    bool logprobs;
    unsigned top_logprobs;
    bool ignore_end;
    bool one_call;    /* with tools: no two calls in an answer */
    grammar *grammar; /* owned: what the answer must be; NULL: anything */
    grammar_kind kind;
    json_t *bound; /* the same for recordings: {"kind", "source"}; NULL: none */
} chat_request;

/* Opens the model that is asked for (NULL: the first) and sets what is not asked to what it is by default. */
bool chat_request_open(request *r, const char *name, chat_request *ret, failure *f);
void chat_request_free(request *r, chat_request *c); /* zeroed ones are allowed */

/* Fields that the APIs have in common. */
bool chat_request_sampling(chat_request *c, const json_t *body, failure *f); /* temperature, top_p, top_k, … seed */
bool chat_request_stops(chat_request *c, const json_t *value, const char *name, failure *f); /* a text or some */
/* {"ID": VALUE}, as OpenAI has it. */
bool chat_request_biases(chat_request *c, const json_t *value, failure *f);

/* The answer must be JSON of a schema, any JSON object (`source` NULL), or what a GBNF text (a JSON string) says; a
 * model that thinks does so before. `name`: the field, for what is wrong. */
bool chat_request_grammar(request *r, chat_request *c, grammar_kind kind, const json_t *source, const char *name,
                          failure *f);
/* Appends a prompt, as tokens or as a text, whose control tokens are text unless `special`. */
bool chat_request_prompt(chat_request *c, const char *text, size_t length, bool special, failure *f);
bool chat_request_ids(chat_request *c, const json_t *ids, const char *name, failure *f);
/* Whether the prompts fit into the context, and the answers into one request. */
bool chat_request_check(const chat_request *c, failure *f);
/* Appends a message to c->messages. */
bool chat_request_add(chat_request *c, const char *role, const char *content, size_t length, failure *f);

/* Whether one of c->tools has this name. */
bool chat_request_offers(const chat_request *c, const char *name);
/* Which function each call (as messages' tool_calls) names, by its id, into the object `names`: results come with the
 * id alone. */
bool chat_request_note_calls(json_t *names, const json_t *calls, failure *f);

/* Makes the prompts' tokens, in c->prompts, for callers that count them. */
bool chat_request_encode(chat_request *c, failure *f);
/* Runs it. What it has is taken over, whatever comes of it, but where it fails the writer is not called: then the
 * caller refuses. */
bool chat_request_start(request *r, chat_request *c, const answer_writer *writer, void *context, failure *f);

#endif
