/* hearth trace answer: what its files share. */
#ifndef CLI_TRACE_ANSWER_H
#define CLI_TRACE_ANSWER_H

#include "cli/option.h"
#include "cli/run.h"
#include "cli/trace_home.h"
#include "trace/attribute.h"

typedef struct trace_answer_settings {
    const char *index, *sources, *mirror; /* as trace_home_options */
    const char *html;                     /* a file; NULL: none */
    bool raw, why;
    double temperature, share;
    uint64_t seed; /* of drawing, where the temperature is more than 0; and of documents */
    size_t most_tokens, least, most, each, context;
    option_list stops, without;
    size_t documents, tokens; /* of --why: candidates; tokens of each */
} trace_answer_settings;
/* What the options mean where they are not given. */
#define TRACE_ANSWER_DEFAULTS                                                                                          \
    {                                                                                                                  \
        .share = 0.05, .seed = 42, .most_tokens = 128, .least = 1, .most = 1000000, .each = 10, .context = 250,        \
        .documents = 32, .tokens = 512                                                                                 \
    }

/* One document and what its gradient says of the answer. */
typedef struct trace_influence {
    trace_document document;
    bool traced; /* one of the answer's; else drawn */
    double influence;
} trace_influence;

/* An answer and all that was found out about it. */
typedef struct traced_answer {
    cli *c;
    const trace_answer_settings *s;
    const char *question;
    trace_home home;
    trace_index *index;
    run_state run; /* the model, and its answer */
    attribution found;
    double trace_seconds;
    /* --why */
    trace_influence *influences; /* the largest first */
    size_t influence_count;
    size_t checkpoints;
    uint64_t sequences; /* that were computed, forward and back */
    double why_seconds;
    /* --without */
    buffer other; /* the other model's answer */
    bool retrained;
    uint64_t without_steps, without_left_out;
    char weights[HASH_HEX_SIZE], other_weights[HASH_HEX_SIZE]; /* of the model's log, and of the other model */
    double other_loss;                                         /* its last step's */
    double without_seconds;
} traced_answer;

/* An exit status. `operands`: MODEL, QUESTION. */
int trace_answer(cli *c, const trace_answer_settings *s, const char **operands);

/* trace_ask.c: opens a model as the settings want it and answers: a->run. */
hearth_status trace_ask(cli *c, const trace_answer_settings *s, const char *name, const recipe *r, const char *question,
                        run_settings *settings, run_state *ret, hearth_error *error);

/* trace_show.c */
hearth_status trace_show_text(const traced_answer *t, hearth_error *error);
json_t *trace_show_json(const traced_answer *t);
/* A self-contained page. */
hearth_status trace_show_html(const traced_answer *t, buffer *out, hearth_error *error);

/* trace_why.c: fills t->influences; the cost is told beforehand. */
hearth_status trace_why(traced_answer *t, hearth_error *error);
/* trace_without.c: trains again without s->without, asks the same, fills t->other. */
hearth_status trace_without(traced_answer *t, hearth_error *error);

#endif
