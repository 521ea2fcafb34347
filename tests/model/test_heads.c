/* Heads that guess further tokens: what they compute, beside an independent definition (make_heads.py); that they guess
 * what they should; that answers are the same with them and without. */
#include "support.h"

#include "generate/draft.h"
#include "generate/scheduler.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 2e-4

static const char path[] = "heads/deepseek-v3";

typedef struct fixture {
    engine *e;
    model *m;
    json_t *golden;
    int32_t *ids;
    size_t count;
    kv_cache cache;
    forward *f;
} fixture;

static model *open_head_at(engine *e, const char *where, compute how, bool head)
{
    model *m = NULL;
    const model_options options = {.compute = how, .head = head};
    OK(model_open(e, golden_path(where), &options, &m, error));
    assert_true((m->head != NULL) == head);
    assert_int_equal(m->config.layers, 4);
    return m;
}

static model *open_head(engine *e, compute how, bool head)
{
    return open_head_at(e, path, how, head);
}

/* The model has computed the golden's tokens, all rows wanted. */
static void set_up(fixture *x, const char *where)
{
    const compute how = COMPUTE_F32;
    *x = (fixture){.e = make_engine(2, NULL)};
    x->m = open_head_at(x->e, where, how, true);
    x->golden = read_json(golden_path("heads/deepseek-v3/golden.json"));
    x->ids = json_ids(json_object_get(x->golden, "ids"), &x->count);
    OK(kv_cache_create(&x->m->config, kv_cache_choose(how, -1), x->count, &x->cache, error));
    OK(forward_create(x->m, 64, &x->f, error));
    const forward_segment all = {.cache = &x->cache, .count = (uint32_t)x->count, .ids = x->ids, .want = WANT_ALL};
    OK(forward_step(x->f, &all, 1, error));
}

static void tear_down(fixture *x)
{
    forward_free(x->f);
    kv_cache_free(&x->cache);
    free(x->ids);
    json_decref(x->golden);
    model_close(x->m);
    engine_free(x->e);
}

static double worst_of(const float *row, const json_t *wanted)
{
    double worst = 0;
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const double off = fabs((double)row[i] - json_number_value(json_array_get(wanted, i)));
        worst = off > worst || isnan(off) ? off : worst;
    }
    return worst;
}

static size_t largest(const json_t *row)
{
    size_t best = 0;
    for (size_t i = 1; i < json_array_size(row); i++) {
        best = json_number_value(json_array_get(row, i)) > json_number_value(json_array_get(row, best)) ? i : best;
    }
    return best;
}

/* Every pair of a token and the hidden state before it; in pieces of `piece` tokens. */
static void check_logits(const char *where)
{
    fixture x;
    set_up(&x, where);
    const size_t width = x.m->config.width, pairs = x.count - 1;
    const json_t *rows = json_object_get(x.golden, "logits");
    float *hidden = malloc(x.count * width * sizeof *hidden);
    assert_non_null(hidden);
    assert_int_equal(json_array_size(rows), pairs);
    for (size_t i = 0; i < x.count; i++) {
        forward_hidden(x.f, i, hidden + i * width);
    }
    for (size_t piece = 1; piece <= 64; piece += 21) {
        forward *f = NULL;
        kv_cache cache = {0};
        OK(kv_cache_create(&x.m->head->config, CACHE_F32, x.count + 1, &cache, error));
        OK(forward_create(x.m->head, 64, &f, error));
        double worst = 0;
        for (size_t at = 0; at < pairs; at += piece) {
            const size_t count = pairs - at < piece ? pairs - at : piece;
            const float *logits = NULL;
            forward_segment s = {.cache = &cache,
                                 .position = (uint32_t)at,
                                 .count = (uint32_t)count,
                                 .ids = x.ids + 1 + at,
                                 .hidden = hidden + at * width,
                                 .want = WANT_ALL};
            OK(forward_step(f, &s, 1, error));
            OK(forward_logits(f, 0, count, &logits, error));
            for (size_t i = 0; i < count; i++) {
                const double off = worst_of(logits + i * x.m->config.vocabulary, json_array_get(rows, at + i));
                worst = off > worst || isnan(off) ? off : worst;
            }
            forward_hidden(f, count - 1, hidden + pairs * width); /* its own, for the next one */
        }
        print_message("# pieces of %u: within %.2g\n", (unsigned)piece, worst);
        assert_true(worst < TOLERANCE);
        const int32_t guess = (int32_t)largest(json_array_get(rows, pairs - 1));
        const float *logits = NULL;
        forward_segment next = {.cache = &cache,
                                .position = (uint32_t)pairs,
                                .count = 1,
                                .ids = &guess,
                                .hidden = hidden + pairs * width,
                                .want = WANT_LAST};
        OK(forward_step(f, &next, 1, error));
        OK(forward_logits(f, 0, 1, &logits, error));
        assert_true(worst_of(logits, json_object_get(x.golden, "next")) < TOLERANCE);
        next.hidden = NULL;
        assert_int_equal(forward_step(f, &next, 1, NULL), HEARTH_E_ARGUMENT);
        next.hidden = hidden;
        next.cache = &x.cache;
        assert_int_equal(forward_step(x.f, &next, 1, NULL), HEARTH_E_ARGUMENT); /* a model has none */
        forward_free(f);
        kv_cache_free(&cache);
    }
    free(hidden);
    tear_down(&x);
}

static void logits_are_the_golden_ones(void **state)
{
    (void)state;
    check_logits(path);
    check_logits("heads/deepseek-v3.gguf");
}

/* Its own guesses in a row, after rows that came at once and in pieces, some of them twice. */
static void guesses_are_the_likeliest(void **state)
{
    (void)state;
    fixture x;
    set_up(&x, path);
    const json_t *rows = json_object_get(x.golden, "logits");
    const size_t wanted[2] = {largest(json_array_get(rows, x.count - 2)), largest(json_object_get(x.golden, "next"))};
    const sampling greedy = {.top_p = 1, .typical_p = 1, .repetition_penalty = 1};
    int32_t tokens[64 + 8];
    memcpy(tokens, x.ids, x.count * sizeof *tokens);
    for (int pieces = 0; pieces < 3; pieces++) {
        drafter *d = NULL;
        draft_sequence *q = NULL;
        const drafter_options how = {
            .m = x.m, .context_length = 256, .cache = CACHE_F32, .pages = 4, .most_sequences = 1, .tokens = 2};
        OK(drafter_create(&how, &d, error));
        OK(draft_sequence_create(d, &greedy, &q, error));
        draft_wish wish = {.of = q, .tokens = tokens, .count = x.count, .most = 2};
        if (pieces == 0) {
            draft_saw(q, x.f, 0, x.count - 1, 0);
        }
        for (size_t i = 0; pieces != 0 && i + 1 < x.count; i++) { /* and what was guessed wrong */
            draft_saw(q, x.f, i, i + 2 < x.count ? 2 : 1, i);
            if (pieces == 2) {
                draft_wish one = {.of = q, .tokens = tokens, .count = i + 2, .most = 2};
                drafter_guess(d, &one, 1);
                memcpy(tokens, x.ids, x.count * sizeof *tokens);
                assert_true(one.guessed == 2 || draft_last_kind(q) != DRAFT_HEADS);
            }
        }
        drafter_guess(d, &wish, 1);
        assert_int_equal(draft_last_kind(q), DRAFT_HEADS);
        assert_int_equal(wish.guessed, 2);
        assert_int_equal(tokens[x.count], wanted[0]);
        assert_int_equal(tokens[x.count + 1], wanted[1]);
        draft_sequence_free(q, tokens, x.count);
        drafter_free(d);
    }
    tear_down(&x);
}

/* ---- the same answers ---- */

enum { ASKED = 24, ANSWER = 40, PROMPT = 9 };

typedef struct answer {
    int32_t tokens[ANSWER];
    size_t count;
    size_t *done;
    pthread_mutex_t *lock;
    pthread_cond_t *ended;
} answer;

static bool keep(void *context, const generation_token *token)
{
    answer *a = context;
    a->tokens[a->count++] = token->drawn.id;
    return true;
}

static void finish(void *context, const generation_outcome *outcome)
{
    answer *a = context;
    (void)outcome;
    pthread_mutex_lock(a->lock);
    (*a->done)++;
    pthread_cond_signal(a->ended);
    pthread_mutex_unlock(a->lock);
}

static scheduler_stats ask_all(model *m, const scheduler_options *options, answer answers[ASKED])
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
    size_t done = 0;
    scheduler *s = NULL;
    scheduler_stats stats;
    OK(scheduler_create(m, options, &s, error));
    for (size_t i = 0; i < ASKED; i++) {
        int32_t prompt[PROMPT];
        for (size_t k = 0; k < PROMPT; k++) {
            prompt[k] = (int32_t)((i * 7 + k * k * 5) % m->config.vocabulary);
        }
        answers[i] = (answer){.done = &done, .lock = &lock, .ended = &ended};
        generation_request request = {.prompt = prompt,
                                      .prompt_count = PROMPT,
                                      .sampling = sampling_default(),
                                      .most_tokens = ANSWER,
                                      .ignore_end = true,
                                      .draft_most = 5,
                                      .token = keep,
                                      .done = finish,
                                      .context = &answers[i]};
        request.sampling.temperature = i % 3 == 0 ? 0.0f : 0.9f;
        request.sampling.seed = i;
        OK(scheduler_submit(s, &request, NULL, error));
    }
    pthread_mutex_lock(&lock);
    while (done < ASKED) {
        pthread_cond_wait(&ended, &lock);
    }
    pthread_mutex_unlock(&lock);
    scheduler_stats_read(s, &stats);
    scheduler_free(s);
    return stats;
}

static void answers_are_the_same(void **state)
{
    (void)state;
    const scheduler_options rows[] = {
        {.context_length = 128, .cache = -1, .most_running = 4, .draft_tokens = 3},
        {.context_length = 128, .cache = -1, .most_running = 9},
        {.context_length = 128, .cache = -1, .most_running = 9, .cache_bytes = 1, .draft_tokens = 2, .chunk = 16},
    };
    engine *e = make_engine(2, NULL);
    model *plain = open_head(e, COMPUTE_NATIVE, false), *with = open_head(e, COMPUTE_NATIVE, true);
    static answer wanted[ASKED], made[ASKED];
    assert_int_equal(ask_all(plain, &rows[0], wanted).drafted[DRAFT_HEADS], 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const scheduler_stats stats = ask_all(with, &rows[i], made);
        print_message("# %u of %u guesses right, %u preemptions\n", (unsigned)stats.accepted[DRAFT_HEADS],
                      (unsigned)stats.drafted[DRAFT_HEADS], stats.preemptions > 0);
        assert_true(rows[i].draft_tokens == 0 || stats.drafted[DRAFT_HEADS] > 50);
        for (size_t k = 0; k < ASKED; k++) {
            assert_int_equal(made[k].count, wanted[k].count);
            assert_memory_equal(made[k].tokens, wanted[k].tokens, made[k].count * sizeof(int32_t));
        }
    }
    model_close(plain);
    model_close(with);
    engine_free(e);
}

/* A session's, turned back in between. */
static void sessions_are_the_same(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    int32_t tokens[2][120];
    for (int head = 0; head < 2; head++) {
        model *m = open_head(e, COMPUTE_NATIVE, head == 1);
        session *s = NULL;
        session_options options = session_options_default();
        const int32_t prompt[3] = {5, 8, 13};
        const session_answer_options how = {.most_tokens = 50, .ignore_end = true};
        options.context_length = 120;
        options.draft_tokens = 3;
        OK(session_create(m, &options, &s, error));
        OK(session_feed(s, prompt, 3, NULL, NULL, error));
        OK(session_answer(s, &how, NULL, NULL, NULL, error));
        OK(session_rewind(s, 20, error));
        OK(session_feed(s, prompt, 3, NULL, NULL, error));
        OK(session_answer(s, &how, NULL, NULL, NULL, error));
        assert_int_equal(session_length(s), 73);
        memcpy(tokens[head], session_tokens(s), 73 * sizeof(int32_t));
        assert_true((session_guessed(s).drafted > 20) == (head == 1));
        session_free(s);
        model_close(m);
    }
    assert_memory_equal(tokens[0], tokens[1], 73 * sizeof(int32_t));
    engine_free(e);
}

/* Files whose configuration counts such layers and that have none. */
static void files_without_are_models(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    model *m = NULL;
    const model_options options = {.head = true};
    OK(model_open(e, golden_path("families/deepseek-v3"), &options, &m, error));
    assert_null(m->head);
    model_close(m);
    engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_the_golden_ones), cmocka_unit_test(guesses_are_the_likeliest),
        cmocka_unit_test(answers_are_the_same),       cmocka_unit_test(sessions_are_the_same),
        cmocka_unit_test(files_without_are_models),
    };
    return cmocka_run_group_tests_name("heads", tests, NULL, NULL);
}
