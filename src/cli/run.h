/* hearth run: what its files share. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/advisories.h"
#include "cli/line_reader.h"
#include "cli/open.h"
#include "generate/prompt.h"

#include "generate/chat_abilities.h"
#include "generate/draft.h"
#include "generate/session.h"
#include "hub/ollama_brought.h"

#include <jansson.h>
#include <math.h>

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
    int cache;            /* a cache_type, or -1: the computation's own */
    int think;            /* index of run_think_names, or -1: shown at a terminal, else left out */
    const char *tools;    /* a file; NULL: none */
    const char *messages; /* likewise */
    const char *schema;   /* a file or JSON; NULL: none */
    const char *grammar;  /* a file; NULL: none */
    const char *draft;    /* a model; NULL: none */
    size_t draft_tokens;  /* 0: as many as pay */
    const char *memory;
    int lossless;
    bool raw;
    advisory_settings advisories;
} run_settings;

/* No option was given. */
#define RUN_SETTINGS_UNSET                                                                                             \
    {                                                                                                                  \
        .cache = -1, .think = -1, .temperature = NAN, .top_k = RUN_TOP_K_UNSET, .top_p = NAN, .min_p = NAN,            \
        .typical = NAN, .repetition_penalty = NAN, .presence_penalty = NAN, .frequency_penalty = NAN                   \
    }

enum { RUN_THINK_SHOW, RUN_THINK_HIDE, RUN_THINK_OFF };
extern const char *const run_think_names[];
/* run_ollama.c: what a model of Ollama's store brings along. Fills in the settings that no option gave; nothing for
 * other models. *ret lives as long as the settings. */
hearth_status run_take_brought(const char *name, run_settings *s, ollama_brought *ret, hearth_error *error);

/* run_own.c: the model that is part of the program, and the settings that it is asked with where no option gave them.
 */
#define RUN_OWN_MODEL "embedded:hearthside"
hearth_status run_take_own(run_settings *s, hearth_error *error);

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
    session_guesses guesses;
    double seconds;
    run_end end;
    const char *stop;
    buffer text;
    bool line_open; /* what was printed last has no end of line */
    buffer reasoning;
    size_t thinking_tokens;
    bool cut_thinking; /* it ended in the middle of the thinking */
    json_t *calls;     /* array of {"id", "name", "arguments"} */
    json_t *problems;  /* array of lines: what was wrong with calls that are text therefore */
} run_answer;

typedef struct run_state {
    cli *c;
    const run_settings *s;
    opened o;
    advisory_rules rules;
    chat *template; /* NULL: text is continued as it is */
    model *draft;   /* NULL: none, or there is no room for it */
    session *session;
    sampling sampling;
    logit_bias *biases;
    json_t *messages;
    json_t *tools;     /* NULL: none */
    json_t *variables; /* for the template */
    answer_format format;
    chat_call_shape shape;
    grammar_kind bound_kind;        /* where `bound` is not NULL */
    json_t *bound;                  /* what grammar_make takes; NULL: an answer may be anything */
    grammar *grammars[2];           /* made when first wanted: the prompt has opened the thinking or not */
    grammar_vocabulary *vocabulary; /* for them */
    bool answer_now;                /* a slash word wants the conversation answered as it is */
    ollama_brought brought;         /* owned */
    run_answer last;                /* what it holds is owned */
} run_state;

/* run_tools.c: --messages is the conversation so far. */
hearth_status run_read_messages(run_state *r, hearth_error *error);
/* Whether a conversation ends in what a model answers: a question or a tool's result. */
bool run_asks(const json_t *messages);

/* run_parts.c: the parts of an answer on their way to the terminal and into r->last. */
typedef struct run_parts {
    run_state *r;
    answer_reader *reader; /* NULL: the answer is text and nothing else */
    bool open;             /* thinking is being shown */
    bool counting;         /* there was some since the last text */
} run_parts;
hearth_status run_parts_open(run_parts *p, run_state *r, const token_list *prompt, hearth_error *error);
/* After each token. */
void run_parts_token(run_parts *p);
/* The answer is over. */
hearth_status run_parts_finish(run_parts *p, hearth_error *error);
void run_parts_close(run_parts *p);
/* r->last made empty. */
void run_answer_clear(run_answer *a);
hearth_status run_answer_begin(run_answer *a, hearth_error *error);
/* The end of the last line that was printed, where it is open. */
hearth_status run_end_line(run_state *r, hearth_error *error);

/* run_tools.c: --tools and --think, once there is a template; results of calls. */
hearth_status run_open_parts(run_state *r, hearth_error *error);
/* Adds a result to the first call of the last answer that has none. HEARTH_E_ARGUMENT where none waits.
 * *ret_left: calls that still wait. */
hearth_status run_add_result(run_state *r, const char *text, size_t *ret_left, hearth_error *error);
size_t run_waiting_calls(const run_state *r);

/* run_grammar.c: --schema and --grammar. What is wrong with them is told before a model answers. */
hearth_status run_open_grammar(run_state *r, hearth_error *error);
void run_close_grammar(run_state *r);
/* Of a prompt that is done: where the answer is bound and the model is not to think, what the template opened is
 * closed. */
hearth_status run_close_thinking(const run_state *r, token_list *prompt, hearth_error *error);
/* What an answer to a prompt is held to; NULL: nothing. */
hearth_status run_begin_grammar(run_state *r, const token_list *prompt, constraint **ret, hearth_error *error);

/* run_setup.c: the model, the template, the session, as the settings want them. run_close takes half-made ones. */
hearth_status run_open(run_state *r, const char *name, hearth_error *error);
/* Puts the rules of advisories before the system message, whatever it is now, unless they stand there. */
hearth_status run_add_rules(run_state *r, hearth_error *error);
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
