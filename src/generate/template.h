/* Chat templates: the part of Jinja that published templates use, with the settings of transformers
 * (trim_blocks, lstrip_blocks, loop controls). Limits on steps, depth, memory and output (base/limits.h) make a
 * hostile template end in an error. docs/templates.md. */
#ifndef GENERATE_TEMPLATE_H
#define GENERATE_TEMPLATE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

typedef struct chat_template chat_template;

/* Parses. Errors name the line. `name` is for errors ("chat_template of MODEL"). */
hearth_status chat_template_parse(const char *source, size_t length, const char *name, chat_template **ret,
                                  hearth_error *error);
void chat_template_free(chat_template *t);

/* Renders with the variables of a JSON object: messages, tools, documents, add_generation_prompt, bos_token,
 * eos_token, enable_thinking and whatever else the caller passes. raise_exception() is HEARTH_E_ARGUMENT with the
 * template's own words. `now_unix` is what strftime_now() sees (UTC). */
hearth_status chat_template_render(const chat_template *t, const json_t *variables, int64_t now_unix, buffer *out,
                                   hearth_error *error);

#endif
