/* A conversation as the model reads it: through the chat template, then as tokens. */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "generate/template.h"
#include "tokenizer/tokenizer.h"

/* The template's variables: the object that was read, or {"messages": array}, and, unless it has them,
 * add_generation_prompt, bos_token and eos_token. The tokenizer may be NULL. The caller owns *ret. */
hearth_status prompt_variables(const json_t *conversation, bool add_generation_prompt, const tokenizer *t, json_t **ret,
                               hearth_error *error);

/* The tokens of a conversation with the words that begin an answer. Control tokens come from the template alone: where
 * a message spells one out, it stays text. */
hearth_status prompt_encode(const chat_template *template, const tokenizer *t, const json_t *messages, token_list *out,
                            hearth_error *error);

#endif
