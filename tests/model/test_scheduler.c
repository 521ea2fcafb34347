/* The scheduler's answers are those that a session gives to each request alone, token for token and logarithm for
 * logarithm, whatever else is asked meanwhile. */
#include "support.h"

#include "../share.h"
#include "base/random.h"
#include "generate/scheduler.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MOST = 500, PROMPT_MOST = 200, ANSWER_MOST = 60, TOP_MOST = 5, ASKERS = 3, CONTEXT = 240 };

/* What becomes of a request besides its answer. */
typedef enum fate { FATE_NONE, FATE_STOPPED, FATE_CANCELLED_INSIDE, FATE_CANCELLED_OUTSIDE, FATES } fate;

typedef struct asked {
    int32_t prompt[PROMPT_MOST];
    size_t prompt_count, most_tokens, wanted; /* wanted: tokens after which `fate` comes */
    sampling sampling;
    logit_bias bias;
    unsigned top, draft;
    fate fate;
    const char *group;
    /* the answer, and that of a session */
    int32_t tokens[ANSWER_MOST + 1], alone[ANSWER_MOST + 1];
    generation_choice choices[ANSWER_MOST + 1][1 + TOP_MOST], alone_choices[ANSWER_MOST + 1][1 + TOP_MOST];
    size_t count, alone_count;
    generation_end alone_end;
    generation_outcome outcome;
    unsigned done;
    generation *running; /* NULL: not, or no longer; under the lock */
} asked;

typedef struct crowd {
    model *m;
    scheduler *s;
    asked *all;
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t done;
    scheduler_stats stats; /* at the end */
    const char *draft;     /* guesses for it: a golden model, "" for the model itself, or NULL */
    unsigned draft_tokens;
} crowd;

/* ---- requests, made up from their numbers ---- */

static uint32_t drawn(size_t request, uint32_t what, uint32_t below)
{
    return (uint32_t)((double)random_uniform(7, RANDOM_SAMPLING, request, what) * below);
}

/* Many begin as others do. */
static void make_prompt(asked *a, size_t request, uint32_t vocabulary)
{
    const uint32_t beginning = drawn(request, 0, 4);
    const uint32_t common = drawn(request, 1, 2) * drawn(request, 2, 160);
    a->prompt_count = 1 + common + drawn(request, 3, 39);
    for (uint32_t i = 0; i < a->prompt_count; i++) {
        a->prompt[i] =
            (int32_t)(i < common ? (i * i * 7 + beginning) % vocabulary : drawn(request, 10 + i, vocabulary));
    }
}

static void make_request(asked *a, size_t request, uint32_t vocabulary)
{
    static const char *const groups[] = {"one", "two", NULL};
    make_prompt(a, request, vocabulary);
    a->most_tokens = drawn(request, 300, 8) == 0 ? 0 : 1 + drawn(request, 301, ANSWER_MOST);
    if (a->most_tokens == 0) { /* until the context is full */
        while (a->prompt_count < CONTEXT - ANSWER_MOST + 20) {
            a->prompt[a->prompt_count++] = 1;
        }
    }
    a->sampling = sampling_default();
    a->sampling.seed = request;
    a->sampling.temperature = drawn(request, 302, 3) == 0 ? 0.0f : 0.5f + (float)(int32_t)drawn(request, 303, 3);
    a->sampling.top_k = drawn(request, 304, 2) * 20;
    a->sampling.repetition_penalty = drawn(request, 305, 3) == 0 ? 1.2f : 1.0f;
    if (drawn(request, 306, 4) == 0) {
        a->bias = (logit_bias){.token = (int32_t)drawn(request, 307, vocabulary), .bias = 3.0f};
        a->sampling.bias_count = 1;
        a->sampling.biases = &a->bias;
    }
    a->top = drawn(request, 308, TOP_MOST + 1);
    a->draft = drawn(request, 313, 3) * 4;
    a->fate = drawn(request, 309, 3) == 0 ? (fate)drawn(request, 310, FATES) : FATE_NONE;
    a->wanted = 1 + drawn(request, 311, 20);
    a->group = groups[drawn(request, 312, 3)];
}

/* ---- alone ---- */

/* The likeliest first, and of equal ones the lower id: sorted out one by one. */
static void choices_alone(const model *m, const float *logits, int32_t token, unsigned top, generation_choice *ret)
{
    const kernel_table *k = m->engine->kernels;
    const size_t n = m->config.vocabulary;
    float *row = malloc(n * sizeof *row);
    bool *taken = calloc(n, sizeof *taken);
    assert_true(row != NULL && taken != NULL);
    const float largest = k->max(logits, n);
    float sum = k->exp_sum(logits, largest, n, row);
    k->log(&sum, 1, &sum);
    ret[0] = (generation_choice){token, logits[token] - largest - sum};
    for (unsigned i = 1; i <= top; i++) {
        size_t best = n;
        for (size_t id = 0; id < n; id++) {
            best = !taken[id] && (best == n || logits[id] > logits[best]) ? id : best;
        }
        taken[best] = true;
        ret[i] = (generation_choice){(int32_t)best, logits[best] - largest - sum};
    }
    free(row);
    free(taken);
}

static void answer_alone(model *m, int cache, asked *a)
{
    session *s = NULL;
    session_options options = session_options_default();
    options.context_length = CONTEXT;
    options.cache = cache;
    options.sampling = a->sampling;
    OK(session_create(m, &options, &s, error));
    OK(session_feed(s, a->prompt, a->prompt_count, NULL, NULL, error));
    for (;;) {
        const size_t i = a->alone_count++;
        assert_true(i <= ANSWER_MOST);
        OK(session_sample(s, &a->alone[i], error));
        choices_alone(m, session_logits(s), a->alone[i], a->top, a->alone_choices[i]);
        if (a->alone_count == a->most_tokens || session_length(s) == CONTEXT) {
            a->alone_end = a->alone_count == a->most_tokens ? GENERATION_END_LENGTH : GENERATION_END_CONTEXT;
            break;
        }
        OK(session_feed(s, &a->alone[i], 1, NULL, NULL, error));
    }
    session_free(s);
}

/* ---- in the crowd ---- */

typedef struct asker {
    crowd *c;
    asked *a;
} asker;

static bool keep_token(void *context, const generation_token *token)
{
    asker *who = context;
    asked *a = who->a;
    if (token->index != a->count || a->count > ANSWER_MOST || token->top_count != a->top || token->end) {
        a->done = 100; /* looked at later: this is another thread */
        return false;
    }
    a->tokens[a->count] = token->drawn.id;
    a->choices[a->count][0] = token->drawn;
    for (unsigned i = 0; i < a->top; i++) {
        a->choices[a->count][1 + i] = token->top[i];
    }
    a->count++;
    if (a->fate == FATE_CANCELLED_INSIDE && a->count == a->wanted) {
        generation_cancel(a->running);
    }
    return a->fate != FATE_STOPPED || a->count != a->wanted;
}

static void keep_outcome(void *context, const generation_outcome *outcome)
{
    asker *who = context;
    crowd *c = who->c;
    pthread_mutex_lock(&c->lock);
    who->a->outcome = *outcome;
    who->a->done++;
    who->a->running = NULL;
    c->done++;
    pthread_cond_broadcast(&c->ended);
    pthread_mutex_unlock(&c->lock);
    free(who);
}

static void ask(crowd *c, asked *a)
{
    asker *who = malloc(sizeof *who);
    if (who == NULL) {
        abort();
    }
    *who = (asker){c, a};
    const generation_request request = {.prompt = a->prompt,
                                        .prompt_count = a->prompt_count,
                                        .sampling = a->sampling,
                                        .most_tokens = a->most_tokens,
                                        .logprobs = a->top != 0,
                                        .top_logprobs = a->top,
                                        .draft_most = a->draft,
                                        .group = a->group,
                                        .token = keep_token,
                                        .done = keep_outcome,
                                        .context = who};
    pthread_mutex_lock(&c->lock);
    while (scheduler_submit(c->s, &request, &a->running, NULL) != HEARTH_OK) { /* too many wait */
        pthread_cond_wait(&c->ended, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
}

typedef struct asker_thread {
    crowd *c;
    size_t first;
    pthread_t thread;
} asker_thread;

/* Every third request; of those that are to be cancelled from outside, a few requests later. */
static void *ask_many(void *context)
{
    asker_thread *t = context;
    crowd *c = t->c;
    for (size_t i = t->first; i < c->count; i += ASKERS) {
        ask(c, &c->all[i]);
        if (i < 4 * ASKERS || c->all[i - 4 * ASKERS].fate != FATE_CANCELLED_OUTSIDE) {
            continue;
        }
        pthread_mutex_lock(&c->lock);
        if (c->all[i - 4 * ASKERS].running != NULL) {
            generation_cancel(c->all[i - 4 * ASKERS].running);
        }
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

static void check_answer(const asked *a, size_t request)
{
    const size_t seen = a->count;
    assert_int_equal(a->done, 1);
    assert_true(a->outcome.tokens == seen && a->outcome.prompt_tokens == a->prompt_count && seen <= a->alone_count);
    size_t expected = a->alone_count;
    generation_end end = a->alone_end;
    if (a->fate == FATE_CANCELLED_OUTSIDE && seen < expected) {
        expected = seen;
        end = GENERATION_END_CANCELLED;
    } else if ((a->fate == FATE_STOPPED && a->wanted <= expected) ||
               (a->fate == FATE_CANCELLED_INSIDE && a->wanted < expected)) {
        expected = a->wanted;
        end = a->fate == FATE_STOPPED ? GENERATION_END_CALLER : GENERATION_END_CANCELLED;
    }
    if (seen != expected || a->outcome.end != end || memcmp(a->tokens, a->alone, seen * sizeof *a->tokens) != 0) {
        fail_msg("request %zu: %zu tokens and end %d, or not those of %zu and end %d", request, seen,
                 (int)a->outcome.end, expected, (int)end);
    }
    for (size_t i = 0; i < seen; i++) {
        assert_true(a->top != 0 || a->choices[i][0].logprob == 0);
        for (unsigned k = 0; a->top != 0 && k <= a->top; k++) {
            assert_int_equal(a->choices[i][k].id, a->alone_choices[i][k].id);
            assert_memory_equal(&a->choices[i][k].logprob, &a->alone_choices[i][k].logprob, sizeof(float));
        }
    }
}

static void forget_answers(crowd *c)
{
    c->done = 0;
    for (size_t i = 0; i < c->count; i++) {
        c->all[i].count = 0;
        c->all[i].done = 0;
    }
}

static void ask_all(crowd *c, const scheduler_options *options)
{
    asker_thread threads[ASKERS];
    forget_answers(c);
    scheduler_options with = *options;
    model *other = c->draft != NULL && c->draft[0] != '\0'
                       ? open_model(c->m->engine, golden_path(c->draft), COMPUTE_NATIVE)
                       : NULL;
    with.draft = c->draft == NULL ? NULL : other != NULL ? other : c->m;
    with.draft_tokens = c->draft_tokens;
    OK(scheduler_create(c->m, &with, &c->s, error));
    for (size_t i = 0; i < ASKERS; i++) {
        threads[i] = (asker_thread){.c = c, .first = i};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, ask_many, &threads[i]), 0);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        pthread_join(threads[i].thread, NULL);
    }
    pthread_mutex_lock(&c->lock);
    while (c->done < c->count) {
        pthread_cond_wait(&c->ended, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    scheduler_stats_read(c->s, &c->stats);
    assert_int_equal(c->stats.waiting, 0);
    scheduler_free(c->s);
    model_close(other);
    size_t drafted = 0, accepted = 0;
    for (size_t i = 0; i < DRAFT_KINDS; i++) {
        drafted += c->stats.drafted[i];
        accepted += c->stats.accepted[i];
    }
    assert_true(c->stats.decoded + accepted >= c->stats.tokens); /* more where somebody left with tokens to come */
    print_message("# %u prompt tokens computed and %u kept, %u drawn, %u of %u guesses right, %u preemptions\n",
                  (unsigned)c->stats.prompt_tokens, (unsigned)c->stats.kept_tokens, (unsigned)c->stats.tokens,
                  (unsigned)accepted, (unsigned)drafted, (unsigned)c->stats.preemptions);
    for (size_t i = 0; i < c->count; i++) {
        check_answer(&c->all[i], i);
    }
}

static model *open_with(const char *path, int threads)
{
    return open_model(make_engine(threads, NULL), golden_path(path), COMPUTE_NATIVE);
}

static void close_with(model *m)
{
    engine *e = m->engine;
    model_close(m);
    engine_free(e);
}

/* What each gets alone is computed by one thread. */
static void open_crowd(crowd *c, const char *path, size_t count, int cache)
{
    model *m = open_with(path, 1);
    *c = (crowd){.count = count}; /* no draft */
    c->all = calloc(count, sizeof *c->all);
    assert_non_null(c->all);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->ended, NULL);
    for (size_t i = 0; i < count; i++) {
        make_request(&c->all[i], i, m->config.vocabulary);
        answer_alone(m, cache, &c->all[i]);
    }
    close_with(m);
}

static void close_crowd(crowd *c)
{
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->lock);
    free(c->all);
}

/* The first `count` of them at a time. */
static void ask_with(crowd *c, const char *path, int threads, size_t count, const scheduler_options *options)
{
    const size_t all = c->count;
    c->count = count;
    c->m = open_with(path, threads);
    ask_all(c, options);
    close_with(c->m);
    c->count = all;
}

/* 500 requests, many at a time and few, in large steps and small ones. */
static void crowds(void **state)
{
    (void)state;
    enum { FEW = 50 };
    const size_t count = share_of(REQUESTS_MOST, 120);
    static const char path[] = "llama-gqa.gguf";
    const scheduler_options plain = {.context_length = CONTEXT, .cache = -1};
    const scheduler_options few = {
        .context_length = CONTEXT, .cache = -1, .most_running = 5, .most_waiting = 3, .chunk = 24};
    const scheduler_options many = {
        .context_length = CONTEXT, .cache = -1, .most_running = 100, .most_waiting = 500, .without_prefixes = true};
    const scheduler_options tight = {.context_length = CONTEXT, .cache = -1, .most_running = 9, .cache_bytes = 1};
    crowd c;
    open_crowd(&c, path, count, -1);
    ask_with(&c, path, 1, count, &plain);
    assert_true(c.stats.preemptions == 0 && c.stats.kept_tokens > 20 * count);
    c.draft_tokens = 8;                 /* whether they pay or not */
    ask_with(&c, path, 1, count, &few); /* few enough that guesses have room in a step */
    c.draft_tokens = 0;
    assert_true(c.stats.accepted[DRAFT_LOOKUP] > count / 5 &&
                c.stats.accepted[DRAFT_LOOKUP] < c.stats.drafted[DRAFT_LOOKUP]);
    ask_with(&c, path, 1, count, &many);
    assert_true(c.stats.preemptions == 0 && c.stats.kept_tokens == 0);
    ask_with(&c, path, 1, count, &tight); /* pages for one sequence, of which 9 run */
    assert_true(c.stats.preemptions > (count == REQUESTS_MOST ? 5 : 0) && c.stats.kept_tokens > 0 &&
                c.stats.pages == 4);
    ask_with(&c, path, 2, FEW, &plain);
    ask_with(&c, path, 3, FEW, &plain);
    close_crowd(&c);
}

/* A draft that guesses the same, one that hardly ever does; as many guesses as are told and as many as pay; where there
 * are pages for few, where prefixes are not kept, where prompts come in small pieces. */
static void drafts(void **state)
{
    (void)state;
    const size_t count = share_of(150, 60);
    static const char path[] = "llama-gqa.gguf";
    const scheduler_options plain = {.context_length = CONTEXT, .cache = -1, .most_running = 6};
    const scheduler_options small = {
        .context_length = CONTEXT, .cache = -1, .most_running = 3, .chunk = 7, .without_prefixes = true};
    const scheduler_options tight = {.context_length = CONTEXT, .cache = -1, .most_running = 9, .cache_bytes = 1};
    crowd c;
    open_crowd(&c, path, count, -1);
    c.draft = "";
    c.draft_tokens = 3;
    ask_with(&c, path, 1, count, &plain);
    assert_true(c.stats.accepted[DRAFT_MODEL] > 2 * count && c.stats.accepted[DRAFT_LOOKUP] > 0);
    assert_true(c.stats.accepted[DRAFT_MODEL] > c.stats.drafted[DRAFT_MODEL] * 9 / 10);
    ask_with(&c, path, 1, count, &small);
    assert_true(c.stats.accepted[DRAFT_MODEL] > 2 * count);
    ask_with(&c, path, 1, count, &tight); /* pages for one, of which 9 run: drafts give way */
    assert_true(c.stats.preemptions > 0 && c.stats.drafted[DRAFT_MODEL] > 0);
    c.draft_tokens = 0;
    ask_with(&c, path, 2, count, &plain);
    c.draft = "qwen2-tied.gguf";
    c.draft_tokens = 4;
    ask_with(&c, path, 1, count, &plain);
    assert_true(c.stats.drafted[DRAFT_MODEL] > 2 * count);
    assert_true(c.stats.accepted[DRAFT_MODEL] < c.stats.drafted[DRAFT_MODEL] / 2);
    c.draft_tokens = 0;
    ask_with(&c, path, 1, count, &small);
    close_crowd(&c);
}

/* Of a model with an own vocabulary, of one with recurrent layers and for one. */
static void drafts_refused(void **state)
{
    static const struct {
        const char *path, *draft, *found;
        hearth_status status;
    } rows[] = {
        {"llama-gqa.gguf", "llama-odd.gguf", "77 tokens in place of 64", HEARTH_E_ARGUMENT},
        {"llama-gqa.gguf", "families/qwen3-next.gguf", "recurrent layers", HEARTH_E_UNSUPPORTED},
        {"families/qwen3-next.gguf", "llama-gqa.gguf", "recurrent layers", HEARTH_E_UNSUPPORTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        engine *e = make_engine(1, NULL);
        model *m = open_model(e, golden_path(rows[i].path), COMPUTE_NATIVE);
        model *draft = open_model(e, golden_path(rows[i].draft), COMPUTE_NATIVE);
        scheduler *s = NULL;
        hearth_error found;
        const scheduler_options options = {.cache = -1, .draft = draft};
        assert_int_equal(scheduler_create(m, &options, &s, &found), rows[i].status);
        assert_non_null(strstr(found.found, rows[i].found));
        if (rows[i].status == HEARTH_E_ARGUMENT) { /* names both */
            assert_non_null(strstr(found.file, rows[i].draft));
            assert_non_null(strstr(found.expected, rows[i].path));
        }
        model_close(draft);
        model_close(m);
        engine_free(e);
    }
}

/* Windows, soft-caps, chunks, latent attention, mixtures and states, with every format of the cache. */
static void families(void **state)
{
    static const char *const paths[] = {
        "llama-odd.gguf",        "families/mistral-window",   "families/gemma2.gguf",     "families/llama4",
        "families/gpt-oss.gguf", "families/deepseek-v2.gguf", "families/qwen3-next.gguf",
    };
    (void)state;
    const size_t count = share_of(60, 20);
    crowd c;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const int cache = (int)i % CACHE_TYPES;
        const scheduler_options options = {.context_length = CONTEXT, .cache = cache, .most_running = 9, .chunk = 100};
        open_crowd(&c, paths[i], count, cache);
        ask_with(&c, paths[i], 1, count, &options);
        if (strstr(paths[i], "qwen3-next") == NULL) { /* its states cannot be taken back */
            c.draft = "";
            c.draft_tokens = 5;
            ask_with(&c, paths[i], 1, count / 2, &options);
            assert_true(c.stats.accepted[DRAFT_MODEL] > 20);
        }
        close_crowd(&c);
    }
}

/* ---- one thing each ---- */

static hearth_status submit(scheduler *s, const asked *a, hearth_error *error)
{
    const generation_request request = {
        .prompt = a->prompt, .prompt_count = a->prompt_count, .sampling = a->sampling, .top_logprobs = a->top};
    return scheduler_submit(s, &request, NULL, error);
}

static void refusals(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path("llama-gqa.gguf"), COMPUTE_NATIVE);
    scheduler *s = NULL;
    hearth_error found;
    const scheduler_options options = {.context_length = 100, .cache = -1};
    const scheduler_options large = {.context_length = 257, .cache = -1};
    const scheduler_options odd = {.cache = CACHE_TYPES};
    assert_int_equal(scheduler_create(m, &large, &s, &found), HEARTH_E_LIMIT);
    assert_int_equal(scheduler_create(m, &odd, &s, &found), HEARTH_E_ARGUMENT);
    OK(scheduler_create(m, &options, &s, error));
    const asked good = {.prompt = {5}, .prompt_count = 1, .sampling = sampling_default()};
    asked bad = good;
    bad.prompt_count = 0;
    assert_int_equal(submit(s, &bad, &found), HEARTH_E_ARGUMENT);
    bad.prompt_count = 101;
    assert_int_equal(submit(s, &bad, &found), HEARTH_E_LIMIT);
    assert_string_equal(found.found, "101 of 100");
    bad = good;
    bad.prompt[0] = 64;
    assert_int_equal(submit(s, &bad, &found), HEARTH_E_ARGUMENT);
    bad = good;
    bad.top = 21;
    assert_int_equal(submit(s, &bad, &found), HEARTH_E_ARGUMENT);
    bad = good;
    bad.sampling.top_p = 2;
    assert_int_equal(submit(s, &bad, &found), HEARTH_E_ARGUMENT);
    assert_string_equal(found.place, "top-p");
    scheduler_free(s);
    model_close(m);
    engine_free(e);
}

/* The order in which those that ran one at a time came to their end. */
typedef struct order {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    char ended[16];
    size_t count;
} order;

typedef struct named {
    order *o;
    char name;
} named;

static void keep_name(void *context, const generation_outcome *outcome)
{
    const named *n = context;
    pthread_mutex_lock(&n->o->lock);
    n->o->ended[n->o->count++] = outcome->end == GENERATION_END_LENGTH ? n->name : '-';
    pthread_cond_signal(&n->o->moved);
    pthread_mutex_unlock(&n->o->lock);
}

static bool go_on(void *context, const generation_token *token)
{
    (void)context;
    (void)token;
    return true;
}

/* Who frees a scheduler ends what it does; every request hears of it. */
static void freeing_cancels(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, golden_path("llama-gqa.gguf"), COMPUTE_NATIVE);
    order o = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    named all[8];
    scheduler *s = NULL;
    const scheduler_options options = {.cache = -1, .most_running = 3};
    const int32_t prompt[2] = {3, 4};
    OK(scheduler_create(m, &options, &s, error));
    for (size_t i = 0; i < 8; i++) {
        all[i] = (named){&o, 'x'};
        const generation_request request = {.prompt = prompt,
                                            .prompt_count = 2,
                                            .sampling = sampling_default(),
                                            .token = go_on,
                                            .done = keep_name,
                                            .context = &all[i]};
        OK(scheduler_submit(s, &request, NULL, error));
    }
    scheduler_free(s);
    assert_int_equal(o.count, 8);
    scheduler_free(NULL);
    model_close(m);
    engine_free(e);
}

typedef struct ending {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool done;
    size_t tokens, ends;
    generation_outcome outcome;
} ending;

static bool count_ends(void *context, const generation_token *token)
{
    ending *e = context;
    e->tokens++;
    e->ends += token->end;
    return true;
}

static void keep_ending(void *context, const generation_outcome *outcome)
{
    ending *e = context;
    pthread_mutex_lock(&e->lock);
    e->outcome = *outcome;
    e->done = true;
    pthread_cond_signal(&e->moved);
    pthread_mutex_unlock(&e->lock);
}

static void wait_for_end(ending *e)
{
    pthread_mutex_lock(&e->lock);
    while (!e->done) {
        pthread_cond_wait(&e->moved, &e->lock);
    }
    pthread_mutex_unlock(&e->lock);
}

/* An end token ends, is told and is counted; where it is ignored, it is a token like others. */
static void end_tokens(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("no fixture stories260K\n");
    }
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, COMPUTE_NATIVE);
    const int32_t bos = tokenizer_bos(m->tokenizer);
    const logit_bias end = {.token = tokenizer_eos(m->tokenizer), .bias = 1000};
    scheduler *s = NULL;
    OK(scheduler_create(m, NULL, &s, error));
    for (int ignored = 0; ignored < 2; ignored++) {
        ending seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
        generation_request request = {.prompt = &bos,
                                      .prompt_count = 1,
                                      .sampling = sampling_default(),
                                      .most_tokens = 4,
                                      .ignore_end = ignored != 0,
                                      .token = count_ends,
                                      .done = keep_ending,
                                      .context = &seen};
        request.sampling.biases = &end;
        request.sampling.bias_count = 1;
        OK(scheduler_submit(s, &request, NULL, error));
        wait_for_end(&seen);
        assert_int_equal(seen.outcome.end, ignored ? GENERATION_END_LENGTH : GENERATION_END_TOKEN);
        assert_int_equal(seen.tokens, ignored ? 4 : 1);
        assert_int_equal(seen.outcome.tokens, seen.tokens);
        assert_int_equal(seen.ends, ignored ? 0 : 1);
    }
    scheduler_free(s);
    model_close(m);
    engine_free(e);
}

/* ---- constraints ---- */

enum { CONSTRAINED_MOST = 120 };

static void keep_id(int32_t *ids, size_t *count, int32_t id)
{
    assert_true(*count < CONSTRAINED_MOST);
    ids[(*count)++] = id;
}

/* A session's logits, the sampler and the constraint, by hand. */
static size_t constrained_alone(model *m, const sampling *how, constraint *c, int32_t *ret)
{
    session *s = NULL;
    sampler *own = NULL;
    size_t count = 0;
    const int32_t bos = tokenizer_bos(m->tokenizer);
    OK(session_create(m, NULL, &s, error));
    OK(sampler_create(m->engine->kernels, how, m->config.vocabulary, &own, error));
    OK(session_feed(s, &bos, 1, NULL, NULL, error));
    do {
        const uint64_t *allowed = NULL;
        const size_t length = session_length(s);
        OK(constraint_allowed(c, &allowed, error));
        sampler_allow(own, allowed);
        keep_id(ret, &count, sampler_next(own, session_logits(s), session_tokens(s), length, length));
        OK(constraint_accept(c, ret[count - 1], error));
        OK(session_feed(s, &ret[count - 1], 1, NULL, NULL, error));
    } while (!tokenizer_is_end(m->tokenizer, ret[count - 1]));
    sampler_free(own);
    session_free(s);
    return count;
}

typedef struct constrained {
    ending end;
    int32_t ids[CONSTRAINED_MOST];
    size_t count;
} constrained;

static bool keep_constrained(void *context, const generation_token *token)
{
    constrained *c = context;
    if (c->count == CONSTRAINED_MOST) {
        return false;
    }
    c->ids[c->count++] = token->drawn.id;
    return true;
}

/* What a grammar allows is drawn, guessed ahead or not, and the constraint is the scheduler's to free. */
static void constraints(void **state)
{
    (void)state;
    const char *path = fixture_path("stories260K/stories260K-f32.gguf");
    if (!file_exists(path)) {
        SKIP("no fixture stories260K\n");
    }
    static const char text[] = "root ::= (\"Lily and \" (\"Tim \" | \"Ben \")){8} \".\"";
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, path, COMPUTE_NATIVE);
    const int32_t bos = tokenizer_bos(m->tokenizer);
    const sampling how = {.top_p = 1.0f, .typical_p = 1.0f, .repetition_penalty = 1.0f, .temperature = 0.9f, .seed = 5};
    grammar_vocabulary *v = NULL;
    grammar *g = NULL;
    scheduler *s = NULL;
    constraint *c = NULL;
    int32_t alone[CONSTRAINED_MOST];
    OK(grammar_vocabulary_create(m->tokenizer, m->config.vocabulary, &v, error));
    OK(grammar_from_gbnf(text, strlen(text), &g, error));
    OK(constraint_create(g, v, &c, error));
    const size_t count = constrained_alone(m, &how, c, alone);
    constraint_free(c);
    for (unsigned drafts = 0; drafts <= 8; drafts += 4) { /* none, by the text, with a draft */
        const scheduler_options options = {.cache = -1, .draft = drafts == 8 ? m : NULL, .draft_tokens = 3};
        OK(scheduler_create(m, &options, &s, error));
        constrained found = {.end = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER}};
        generation_request request = {.prompt = &bos,
                                      .prompt_count = 1,
                                      .sampling = how,
                                      .draft_most = drafts,
                                      .token = keep_constrained,
                                      .done = keep_ending,
                                      .context = &found};
        OK(constraint_create(g, v, &request.constraint, error));
        OK(scheduler_submit(s, &request, NULL, error));
        wait_for_end(&found.end);
        assert_int_equal(found.end.outcome.end, GENERATION_END_TOKEN);
        assert_int_equal(found.count, count);
        assert_memory_equal(found.ids, alone, count * sizeof *alone);
        assert_true((found.end.outcome.accepted > 0) == (drafts > 0));
        assert_true(found.end.outcome.steps + found.end.outcome.accepted == count);
        assert_true(drafts != 8 || found.end.outcome.accepted * 2 > found.end.outcome.drafted);
        scheduler_free(s);
    }
    grammar_release(g);
    grammar_vocabulary_free(v);
    model_close(m);
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crowds),          cmocka_unit_test(families),       cmocka_unit_test(refusals),
        cmocka_unit_test(freeing_cancels), cmocka_unit_test(end_tokens),     cmocka_unit_test(constraints),
        cmocka_unit_test(drafts),          cmocka_unit_test(drafts_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
