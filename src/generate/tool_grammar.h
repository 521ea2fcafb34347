/* Answers that are tool calls, in the form that a model was taught, as a grammar: for tool_choice "required" or a named
 * function. docs/structured-output.md. */
#ifndef GENERATE_TOOL_GRAMMAR_H
#define GENERATE_TOOL_GRAMMAR_H

#include "generate/answer_format.h"
#include "generate/constraint.h"

typedef struct tool_grammar_options {
    const json_t
        *tools;       /* array of {"type": "function", "function": {"name", "parameters"}}, or of the inner objects */
    const char *name; /* the one that must be called; NULL: any */
    bool parallel;    /* several calls may follow one another */
    bool thinks;      /* the prompt has opened the thinking: text up to the mark that closes it comes first. Of
                         harmony: the model may think in a message of its own */
} tool_grammar_options;

/* HEARTH_E_UNSUPPORTED for forms whose arguments are not JSON (CALL_XML, CALL_KEYS, CALL_PYTHON) and for a model
 * without a form; HEARTH_E_ARGUMENT where no tool has the name. Errors of a schema: their place is the tool's name and
 * the pointer.
 */
hearth_status grammar_from_tools(const answer_format *f, const tool_grammar_options *o, grammar **ret,
                                 hearth_error *error);

#endif
