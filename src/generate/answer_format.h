/* How a model marks the parts of its answer: thinking, answer, tool calls. Two tables, one row a published form; which
 * rows a model has is told by its chat template and its vocabulary. docs/formats/answers.md. */
#ifndef GENERATE_ANSWER_FORMAT_H
#define GENERATE_ANSWER_FORMAT_H

#include "tokenizer/tokenizer.h"

typedef enum answer_mark {
    MARK_THINK_OPEN,
    MARK_THINK_CLOSE,
    MARK_REPLY_OPEN, /* around the answer proper; left out of it */
    MARK_REPLY_CLOSE,
    MARK_LIST_OPEN, /* around all calls; left out */
    MARK_LIST_CLOSE,
    MARK_CALL_OPEN,
    MARK_CALL_CLOSE,
    MARK_CALL_BRACE, /* a call that nothing marks but the JSON that the answer begins with */
    MARK_INNER_1,    /* within a call: what they part is told by the call_body */
    MARK_INNER_2,
    MARK_INNER_3,
    MARK_INNER_4,
    MARK_START, /* harmony: of a message's header */
    MARK_CHANNEL,
    MARK_CONSTRAIN,
    MARK_MESSAGE,
    MARK_END,
    ANSWER_MARKS
} answer_mark;

/* What stands within a call. */
typedef enum call_form {
    CALL_JSON,       /* {"name", "arguments"}, a list of them, or several after one another */
    CALL_LLAMA,      /* the same, or tool.call(key="value"), or program text */
    CALL_MISTRAL,    /* a list as above, or name [ARGS] {…}, with [CALL_ID] between them or not */
    CALL_DEEPSEEK,   /* type SEP name, then {…} in a code fence; or name SEP {…} */
    CALL_KIMI,       /* functions.name:0 SEP {…} */
    CALL_XML,        /* <function=name> <parameter=key> value </parameter> … </function> */
    CALL_KEYS,       /* name, then pairs of marked keys and values */
    CALL_FUNCTION,   /* name> {…} */
    CALL_PYTHON,     /* [name(key="value", …), …], or one call a line */
    CALL_LIST,       /* a list as above; its first bracket is the end of the mark */
    CALL_SINGLE_KEY, /* {"name": {…}}, or a list of them */
    CALL_HARMONY,    /* {…}; the name is in the message's header */
} call_form;

typedef struct answer_mark_text {
    const char *text; /* NULL: this form has no such mark */
    size_t length;
    int32_t id; /* the mark is this token and nothing else; -1: it is exactly this text */
} answer_mark_text;

typedef struct answer_format {
    const char *thinking; /* names of the rows; NULL: none */
    const char *calls;
    bool harmony;
    call_form form;
    answer_mark_text marks[ANSWER_MARKS];
} answer_format;

/* The rows of a model. `source`: its chat template; NULL: only the vocabulary tells. `t` may be NULL: every mark is
 * text. What the tables point to lives as long as the program. */
answer_format answer_format_detect(const char *source, size_t length, const tokenizer *t);
/* By the names of the rows (tests, and callers that know); false where there is no such row. NULL names: none. */
bool answer_format_named(const char *thinking, const char *calls, const tokenizer *t, answer_format *ret);

/* Whether tokens that end here (the prompt's) leave the thinking open: the template wrote its first mark. */
hearth_status answer_format_prompt_thinks(const answer_format *f, const tokenizer *t, const int32_t *ids, size_t count,
                                          bool *ret, hearth_error *error);
/* Appends what closes thinking that the prompt has opened; nothing for a form without such a mark. */
hearth_status answer_format_close_thinking(const answer_format *f, const tokenizer *t, token_list *prompt,
                                           hearth_error *error);

#endif
