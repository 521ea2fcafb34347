/* From what stood within a call's marks to {"name", "arguments"}. docs/formats/answers.md. */
#ifndef GENERATE_TOOL_CALLS_H
#define GENERATE_TOOL_CALLS_H

#include "base/json.h"
#include "generate/answer_format.h"

/* A part of a text, not terminated. */
typedef struct call_span {
    const char *text;
    size_t length;
} call_span;
call_span call_span_trim(call_span s);

/* A text with marks in it that have no bytes there: a marker that is only spelled out is text. */
typedef struct call_body {
    buffer text;
    struct {
        size_t at;
        answer_mark mark;
    } * marks;
    size_t count, capacity;
} call_body;
void call_body_init(call_body *b);
void call_body_free(call_body *b);
void call_body_clear(call_body *b);
hearth_status call_body_mark(call_body *b, answer_mark mark, hearth_error *error);

typedef struct call_source {
    call_form form;
    const call_body *body;
    const char *name;    /* CALL_HARMONY: from the header */
    const json_t *tools; /* what was offered: types of parameters that the model writes as bare text */
    bool unmarked;       /* nothing but JSON told that this is a call: it is one only if it names a tool offered */
} call_source;

/* Appends to `calls`, an array, objects {"name", "arguments": {…}} and, where the model gave one, "id". HEARTH_E_FORMAT
 * with nothing appended for what is malformed; an `unmarked` text that is no call is HEARTH_OK with nothing appended.
 */
hearth_status tool_calls_parse(const call_source *source, json_t *calls, hearth_error *error);

/* Whether one of the tools has this name. */
bool tool_calls_offered(const json_t *tools, const char *name);

/* ---- for the files of the parser ---- */

/* Appends one call; takes `arguments` (NULL: memory ran out). `id` may be empty. */
hearth_status tool_calls_add(json_t *calls, call_span name, json_t *arguments, call_span id, hearth_error *error);
/* A JSON string; invalid UTF-8 becomes U+FFFD. NULL when memory is out. */
json_t *tool_calls_text(call_span s);
/* tool_python.c: [name(key=value, …), …], calls apart by commas or lines; the values are Python's or JSON's literals.
 */
hearth_status tool_python_parse(call_span text, json_t *calls, hearth_error *error);
/* One literal and nothing else. */
hearth_status tool_python_value(call_span text, json_t **ret, hearth_error *error);
/* tool_markup.c: the forms that write each argument between markers of its own. */
hearth_status tool_xml_parse(const call_source *source, json_t *calls, hearth_error *error);
hearth_status tool_keys_parse(const call_source *source, json_t *calls, hearth_error *error);

#endif
