/* From a conversation to the text a model reads, through its chat template. A pure function of what goes in.
 * docs/templates.md. */
#ifndef GENERATE_CHAT_H
#define GENERATE_CHAT_H

#include "generate/template.h"

typedef struct chat_source {
    const char *text; /* the template */
    size_t length;
    const char *name;      /* for errors: "the chat template of MODEL" */
    const char *bos, *eos; /* what bos_token and eos_token are; NULL: they stay undefined */
} chat_source;

typedef struct chat chat;

/* Copies what it needs. Errors of the template name its line. */
hearth_status chat_open(const chat_source *source, chat **ret, hearth_error *error);
/* NULL is allowed. */
void chat_close(chat *c);

typedef struct chat_options {
    bool add_generation_prompt; /* ends where the assistant's answer begins */
    const json_t *tools;        /* array of JSON schemas; NULL: none */
    const json_t *documents;    /* array of {"title", "text"}; NULL: none */
    const json_t *extra;        /* object of further variables (enable_thinking, …), over the others; NULL: none */
    int64_t now_unix;           /* what strftime_now() sees, UTC */
} chat_options;

/* Appends the text of `messages`, an array of {"role", "content", …}. As transformers does, a message's reasoning is
 * given under both of its names, "reasoning_content" and "thinking". HEARTH_E_ARGUMENT for messages of another shape
 * and for what the template refuses (raise_exception), in its words. */
hearth_status chat_render(const chat *c, const json_t *messages, const chat_options *options, buffer *out,
                          hearth_error *error);

#endif
