/* Answers that were recorded (serve/recording.h), made again and compared token by token. docs/commands/replay.md. */
#ifndef SERVE_REPLAY_H
#define SERVE_REPLAY_H

#include "base/progress.h"
#include "serve/grammars.h"
#include "serve/recording.h"

typedef struct replay_record {
    size_t line; /* of the file, from 1 */
    char *model, *source;
    char fingerprint[32];
    compute compute;
    int cache; /* a cache_type */
    size_t context;
    sampling sampling;
    logit_bias *biases;
    bool ignore_end;
    token_list prompt, tokens;
    grammar_kind kind;                      /* of the constraint */
    bool bound;                             /* there is one */
    bool calls;                             /* it is of the kind RECORDED_CALLS */
    bool thought_before, thinks, may_think; /* grammar_before, where the first of them */
    json_t *constraint;                     /* its source; NULL: none is needed */
    /* what came of it */
    bool done, same;
    size_t at;     /* the first token that differs */
    int32_t found; /* what was made in its place; -1: nothing, the answer ended */
    char *recorded_text, *found_text;
} replay_record;

typedef struct replay_file {
    char *path;
    replay_record *records;
    size_t count;
    bool cut; /* the last line has no end: the server was ended while it wrote */
} replay_file;

/* All of it, checked: HEARTH_E_FORMAT names line, field, what was expected and what was found. */
hearth_status replay_read(const char *path, replay_file *ret, hearth_error *error);
/* Zeroed and half-read ones are allowed. */
void replay_free(replay_file *f);

typedef struct replay_options {
    int threads; /* as engine_create */
    const char *isa;
    const char *const *models; /* "NAME=MODEL": where a recorded model is on this machine; ended by NULL; or NULL */
    progress_fn progress;
    void *context;
} replay_options;

/* HEARTH_E_ARGUMENT where a model is another one than was recorded, or the numeric contract is. */
hearth_status replay_run(replay_file *f, const replay_options *options, hearth_error *error);

#endif
