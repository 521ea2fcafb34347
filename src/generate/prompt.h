/* A conversation as the model reads it: through the chat template, then as tokens. */
#ifndef GENERATE_PROMPT_H
#define GENERATE_PROMPT_H

#include "generate/chat.h"
#include "model/model.h"

/* The model's template, or `source` where it is not NULL, with the names of the model's first and last token.
 * HEARTH_E_NOT_FOUND when there is neither. */
hearth_status prompt_open(const model *m, const char *source, size_t length, const char *name, chat **ret,
                          hearth_error *error);

/* What a template is told beside the messages. */
typedef struct prompt_more {
    const json_t *tools;     /* NULL: none */
    const json_t *variables; /* an object: enable_thinking, …; NULL: none */
} prompt_more;

/* The tokens of a conversation with the words that begin an answer. Control tokens come from the template alone: where
 * a message or a tool spells one out, it stays text. */
hearth_status prompt_encode(const chat *template, const tokenizer *t, const json_t *messages, const prompt_more *more,
                            token_list *out, hearth_error *error);

#endif
