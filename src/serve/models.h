/* The models that are served, by name: opened when first asked for, kept while memory lasts. */
#ifndef SERVE_MODELS_H
#define SERVE_MODELS_H

#include "generate/answer_format.h"
#include "generate/chat_abilities.h"
#include "generate/embed.h"
#include "generate/prompt.h"
#include "generate/scheduler.h"
#include "hub/ollama_brought.h"
#include "serve/request.h"

#include <pthread.h>

/* Of vectors and of scores of prompts: computed in one turn of the engine, which is what a stream may wait for between
 * two tokens. An encoder's texts go whole. */
#define SERVE_ASIDE_TOKENS 128u

typedef struct models_options {
    const char *const *names; /* what to serve, ended by NULL: a name in a store, a file, a folder; "NAME=MODEL" gives
                                 it another name */
    bool store;               /* also whatever lies in this machine's stores */
    int threads;              /* as engine_create */
    const char *isa;
    compute compute;
    lossless_choice lossless;
    uint64_t memory_bytes; /* of all models' weights; 0: no limit of our own */
    scheduler_options scheduler;
    const char *const *drafts; /* of models that are served: "NAME=MODEL" guesses for NAME, MODEL for the first one;
                                  ended by NULL; or NULL */
    /* Rules for a model at `path` that is called `source`, to stand before every system message, appended; NULL: none.
     * Without `chats` there is none to stand before: rules are a failure. A failure is one of opening it. */
    hearth_status (*rules)(void *context, const char *source, const char *path, bool chats, buffer *ret,
                           hearth_error *error);
    void *rules_context;
    void (*told)(void *context, const char *line); /* what is loaded and unloaded; NULL: nobody */
    void *told_context;
} models_options;

/* One model. What stands below `m` is there between models_take and models_give_back. */
typedef struct served_model {
    char *name;      /* clients call it so */
    char *source;    /* what is opened */
    int64_t created; /* Unix seconds */
    model *m;
    model *draft;           /* NULL: none, or there is no room for it */
    scheduler *scheduler;   /* NULL: it writes no text */
    chat *template;         /* NULL: it has none */
    ollama_brought brought; /* settings and a system message, of a model of Ollama's store */
    buffer rules;           /* models_options.rules; each ends in a newline */
    answer_format format;
    chat_call_shape calls;
    grammar_vocabulary *vocabulary; /* made when first wanted: models_vocabulary */
    bool embeds;                    /* it is made for vectors */
    unsigned guesses;               /* tokens that are guessed ahead in a step at most */
    size_t context;                 /* most positions of one sequence */
    char fingerprint[32];           /* "hc1-…": numeric contract and model */
    pthread_mutex_t lock;           /* of what is made when first wanted */
    pthread_mutex_t scoring;        /* one prompt's scores at a time: each takes a cache of its own */
    /* the registry's own, with its lock */
    unsigned users;
    double used;               /* time_seconds */
    uint64_t reserved;         /* bytes of weights, those of a model that is opened or closed just now among them */
    bool loading;              /* somebody opens or closes it: what stands from `m` on is theirs alone */
    bool named;                /* by models_options or models_change */
    struct served_model *next; /* of those that are taken out */
    unsigned change;           /* of the last models_change that had it */
} served_model;

typedef struct models models;

/* What an operand ("NAME=MODEL", or MODEL) is opened by. */
const char *models_source(const char *operand);
hearth_status models_create(const models_options *options, models **ret, hearth_error *error);
void models_free(models *s); /* NULL is allowed */

/* The model of a name (NULL or "": the first), opened if need be: that waits. HEARTH_E_NOT_FOUND for a name that is not
 * served. */
hearth_status models_take(models *s, const char *name, served_model **ret, hearth_error *error);
/* What models_take says, to a client. */
bool models_refusal(const char *name, const hearth_error *error, failure *f);
void models_give_back(models *s, served_model *m);
/* Its files without their weights, opened beside what is served; model_close. */
hearth_status models_peek(models *s, const char *name, model **ret, hearth_error *error);
/* Adds one that came to be in a store; nothing where the name is there already. */
hearth_status models_add(models *s, const char *name, const char *source, hearth_error *error);
/* Serves these (as models_options.names) from now on: new ones come, also under an old name, those that were named
 * before go, unless they are used. HEARTH_E_ARGUMENT, and nothing is changed, where two models have one name. */
hearth_status models_change(models *s, const char *const *names, hearth_error *error);

/* What is known of a model without opening it. */
typedef struct models_row {
    const char *name, *source;
    int64_t created;
    bool open;
    const served_model *model; /* where open, while the registry is locked */
    unsigned slots;            /* sequences that run at a time; 0: it writes no text */
    uint64_t bytes;            /* where open */
    scheduler_stats stats;     /* where open and it writes text */
} models_row;
/* Each of them, in order, with the registry locked: fn must not call it. */
void models_each(models *s, void (*fn)(void *context, const models_row *row), void *context);
/* Lets go of an open model that nobody uses just now; one that is used stays. */
hearth_status models_unload(models *s, const char *name, hearth_error *error);
bool models_has(models *s, const char *name);
/* The name by which a model is served that a client calls so (NULL: the first); where there is none, `name` itself. */
void models_resolve(models *s, const char *name, char *ret, size_t size);

/* For structured output; made once a model. */
hearth_status models_vocabulary(served_model *m, const grammar_vocabulary **ret, hearth_error *error);

#endif
