/* Reads a model's answer token by token and tells its parts apart: thinking, answer, tool calls. A state machine over
 * marks and text (answer_format.h); where the bytes are cut between tokens makes no difference.
 * docs/formats/answers.md. */
#ifndef GENERATE_ANSWER_READER_H
#define GENERATE_ANSWER_READER_H

#include "base/json.h"
#include "generate/answer_format.h"

typedef struct answer_reader answer_reader;

typedef enum answer_part {
    ANSWER_CONTENT,   /* `text`: whole characters */
    ANSWER_REASONING, /* `text`: whole characters */
    ANSWER_CALL,      /* `call`: {"id", "name", "arguments": {…}} */
    ANSWER_BAD_CALL,  /* `text`: what was wrong, a line; the call itself came before, as content or in pieces */
    /* with `pieces`, where a form allows it: */
    ANSWER_CALL_BEGIN, /* `call`: {"id", "name"}; an ANSWER_CALL (`told`) or ANSWER_BAD_CALL ends it */
    ANSWER_CALL_PIECE, /* `text`: of its arguments, whole characters; blanks between values are left out */
} answer_part;

typedef struct answer_event {
    answer_part part;
    const char *text;
    size_t length;
    const json_t *call;
    bool told; /* ANSWER_CALL, ANSWER_BAD_CALL: in pieces */
} answer_event;

/* Failing ends the reading. */
typedef hearth_status (*answer_event_fn)(void *context, const answer_event *event, hearth_error *error);

typedef struct answer_reader_options {
    answer_format format;
    const json_t *tools;      /* borrowed; NULL: none were offered, and nothing is taken for a call */
    bool thinks;              /* the prompt opened the thinking */
    size_t calls_before;      /* of the conversation: ids that the model does not give are numbered on from here */
    const char *const *stops; /* borrowed; they end the answer's text, not the thinking, nor a call */
    size_t stop_count;
    bool pieces; /* arguments of calls are told as they come, too */
    answer_event_fn event;
    void *context;
} answer_reader_options;

hearth_status answer_reader_create(const answer_reader_options *options, answer_reader **ret, hearth_error *error);
/* NULL is allowed. */
void answer_reader_free(answer_reader *r);
/* The next token and its bytes (tokenizer_piece, DECODE_PLAIN). After a stop string nothing more is read. */
hearth_status answer_reader_push(answer_reader *r, int32_t id, const char *bytes, size_t length, hearth_error *error);
/* The answer is over: what was held back comes out; a call that has no end mark ends here. */
hearth_status answer_reader_finish(answer_reader *r, hearth_error *error);
/* In the middle of the thinking? */
bool answer_reader_thinks(const answer_reader *r);
/* The stop string that was met, or NULL. */
const char *answer_reader_stop(const answer_reader *r);

#endif
