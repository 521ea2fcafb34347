/* What the files of Ollama's interface share. docs/api.md. */
#ifndef SERVE_OLLAMA_H
#define SERVE_OLLAMA_H

#include "serve/chat_request.h"

void ollama_chat(request *r);       /* ollama_chat.c: POST /api/chat */
void ollama_generate(request *r);   /* POST /api/generate */
void ollama_embed(request *r);      /* ollama_embed.c: POST /api/embed */
void ollama_embeddings(request *r); /* POST /api/embeddings, which came before it */
void ollama_tags(request *r);       /* ollama_models.c: GET /api/tags */
void ollama_ps(request *r);         /* GET /api/ps */
void ollama_show(request *r);       /* POST /api/show */
void ollama_pull(request *r);       /* ollama_pull.c: POST /api/pull */

/* "2026-11-27T04:00:00.123456Z" */
json_t *ollama_now(void);
json_t *ollama_time(int64_t unix_seconds);
/* Seconds as a whole number of nanoseconds. */
json_t *ollama_duration(double seconds);
/* A line of a stream; frees the value. False where nobody reads any more. */
bool ollama_send(request *r, json_t *value);
void ollama_begin_stream(request *r);
/* "model", or "name" as older clients have it; NULL with *f filled in where there is neither. */
const char *ollama_model_name(const json_t *body, failure *f);

/* ---- ollama_answer.c ---- */

typedef struct ollama_settings {
    bool chat; /* messages; else texts */
    bool stream;
    bool context; /* tells the tokens so far */
    double load_s;
} ollama_settings;

/* Answers; *c is taken over whatever comes of it. */
void ollama_answer_start(request *r, chat_request *c, const ollama_settings *settings);
/* An answer without any text, "load" or "unload". */
void ollama_answer_nothing(request *r, const char *name, const ollama_settings *settings, const char *reason);

#endif
