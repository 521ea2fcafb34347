/* hearth run: what its files share. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/line_reader.h"
#include "cli/open.h"
#include "cli/prompt.h"

#include "generate/session.h"

#include <jansson.h>

#define RUN_TOP_K_UNSET ((size_t)-1)

typedef struct run_settings {
    const char *prompt;
    const char *system;
    double temperature, top_p, min_p, typical; /* NAN: the library's default */
    double repetition_penalty, presence_penalty, frequency_penalty;
    size_t top_k; /* RUN_TOP_K_UNSET: the library's default */
    size_t penalty_window;
    option_list logit_biases;
    option_list stops;
    uint64_t seed;
    size_t most_tokens; /* 0: until the model ends its answer */
    size_t context;     /* 0: the model's */
    int compute;
    const char *memory;
    bool raw;
} run_settings;

/* How an answer ended. */
typedef enum run_end {
    RUN_END_TOKEN,
    RUN_END_STOP,
    RUN_END_LENGTH,
    RUN_END_CONTEXT,
    RUN_END_INTERRUPTED,
} run_end;
const char *run_end_name(run_end end); /* "end", "stop", "length", "context", "interrupted" */

typedef struct run_answer {
    size_t prompt_tokens; /* of the whole prompt */
    size_t kept_tokens;   /* of those, computed for an earlier answer */
    double prompt_seconds;
    size_t tokens;
    double seconds;
    run_end end;
    const char *stop;
    buffer text;
} run_answer;

typedef struct run_state {
    cli *c;
    const run_settings *s;
    opened o;
    chat *template; /* NULL: text is continued as it is */
    session *session;
    sampling sampling;
    logit_bias *biases;
    json_t *messages;
    run_answer last; /* its text is owned */
} run_state;

/* run_setup.c: the model, the template, the session, as the settings want them. run_close takes half-made ones. */
hearth_status run_open(run_state *r, const char *name, hearth_error *error);
void run_close(run_state *r);

/* run_answer.c: answers the conversation in r->messages, or continues `raw` where it is not NULL, and streams the text
 * to stdout unless --json. r->last tells about it. HEARTH_E_CANCELLED when the prompt was interrupted. Where it fails
 * the conversation is what it was before. The context's rule is in cmd_run.c's page. */
hearth_status run_make_answer(run_state *r, const char *raw, size_t raw_length, hearth_error *error);
/* The closing line on stderr, where that is a terminal. */
void run_print_closing(const run_state *r);

/* run_chat.c: the conversation at the terminal; an exit status. */
int run_chat(run_state *r, line_reader *lines);
/* run_words.c: is it a slash, a word of letters (maybe with a "!"), and then nothing or white space? "/etc/passwd" is
 * text. */
bool run_is_slash(const char *line);
/* Such a line. *ret_leave: /exit. */
void run_slash(run_state *r, const char *line, bool *ret_leave);

#endif
