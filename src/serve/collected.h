/* What there is of an answer so far: for APIs that send it in one piece, or look at it again at the end. */
#ifndef SERVE_COLLECTED_H
#define SERVE_COLLECTED_H

#include "serve/answering.h"

typedef struct collected {
    buffer text, reasoning;
    json_t *calls;  /* array of {"id", "name", "arguments"}; NULL: none */
    json_t *tokens; /* array, for the API to fill: what it says of each token; NULL: none */
    answer_finish finish;
    char *stop; /* the stop text that ended it; NULL: none did */
} collected;

/* For zeroed ones. */
void collected_init(collected *c);
void collected_free(collected *c);
/* False when memory is out. */
bool collected_text(collected *c, const char *text, size_t length);
bool collected_reasoning(collected *c, const char *text, size_t length);
bool collected_call(collected *c, const json_t *call);
bool collected_token(collected *c, json_t *token);
bool collected_finish(collected *c, answer_finish why, const char *stop);
/* JSON texts; the thinking, where there was none, and an empty text beside calls are null. */
json_t *collected_text_json(const collected *c);
json_t *collected_reasoning_json(const collected *c);
/* The tokens, which are forgotten; an empty array where there are none. */
json_t *collected_take_tokens(collected *c);

#endif
