/* A conversation: a JSON array of {"role", "content"}, as templates take it and as /save writes it. */
#ifndef CLI_CONVERSATION_H
#define CLI_CONVERSATION_H

#include "base/json.h"

/* Both replace invalid UTF-8 by U+FFFD. */
hearth_status conversation_add(json_t *messages, const char *role, const char *text, size_t length,
                               hearth_error *error);
/* Sets the system message, or takes it away for an empty text. */
hearth_status conversation_set_system(json_t *messages, const char *text, hearth_error *error);
/* Takes the last message away, if there is one. */
void conversation_drop_last(json_t *messages);
/* How many exchanges, each a question and what was answered to it, come before the last one. */
size_t conversation_older(const json_t *messages);
/* The conversation without its oldest exchanges, at most conversation_older's; the system message stays. A list of its
 * own that refers to the same messages; NULL: no memory. */
json_t *conversation_without(const json_t *messages, size_t exchanges);
/* All but the system message. */
void conversation_clear(json_t *messages);

/* `over`: a file that is there is replaced; else that is HEARTH_E_ARGUMENT. */
hearth_status conversation_save(const json_t *messages, const char *path, bool over, hearth_error *error);
/* A file that /save wrote, an array of messages or an object with "messages". The caller owns *ret. */
hearth_status conversation_load(const char *path, json_t **ret, hearth_error *error);
/* HEARTH_E_FORMAT unless it is an array of objects with a text "role". */
hearth_status conversation_check(const json_t *messages, hearth_error *error);
/* After a chat template failed with this conversation: the error tells the file of the conversation, the message that
 * most templates cannot read, where there is one, and the template's line. */
hearth_status conversation_blame(const json_t *messages, const char *file, hearth_error *error);

#endif
