/* What the scheduler costs, and what guessing ahead gains; docs/performance.md has the figures.
 *
 *   scheduler_bench MODEL batch SEQUENCES TOKENS ROUNDS
 *     steps of so many sequences as `hearth bench --batch` makes them, and by a scheduler, in turns
 *   scheduler_bench MODEL draft PROMPT_FILE DRAFTED TOKENS ROUNDS
 *     an answer to a text, greedily, without guesses and with, in turns */
#include "base/memory.h"
#include "cli/bench_batch.h"
#include "generate/scheduler.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MOST = 99 };

static void stop(const hearth_error *error)
{
    char line[1024];
    (void)fprintf(stderr, "%s\n", hearth_error_line(error, line, sizeof line));
    exit(1);
}

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        hearth_error error_ = {0};                                                                                     \
        hearth_error *error = &error_;                                                                                 \
        if ((call) != HEARTH_OK) {                                                                                     \
            stop(error);                                                                                               \
        }                                                                                                              \
    } while (0)

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *list, size_t count)
{
    qsort(list, count, sizeof *list, by_size);
    return (list[(count - 1) / 2] + list[count / 2]) / 2;
}

/* ---- answers by a scheduler ---- */

typedef struct answers {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool held, open; /* the scheduler waits until all have asked */
    size_t left;
    generation_outcome last;
} answers;

static void one_done(void *context, const generation_outcome *outcome)
{
    answers *a = context;
    pthread_mutex_lock(&a->lock);
    a->left--;
    a->last = *outcome;
    pthread_cond_signal(&a->ended);
    pthread_mutex_unlock(&a->lock);
}

typedef struct asking {
    scheduler *s;
    answers *a;
    const int32_t *ids;
    size_t count, sequences, tokens; /* of a prompt; that ask; of an answer */
    unsigned draft;
} asking;

static bool hold(void *context, const generation_token *token)
{
    answers *a = context;
    (void)token;
    pthread_mutex_lock(&a->lock);
    a->held = true;
    pthread_cond_signal(&a->ended);
    while (!a->open) {
        pthread_cond_wait(&a->ended, &a->lock);
    }
    pthread_mutex_unlock(&a->lock);
    return true;
}

/* Another request's only token keeps the scheduler between two steps. */
static void hold_scheduler(const asking *w)
{
    const generation_request request = {.prompt = w->ids,
                                        .prompt_count = 1,
                                        .sampling = sampling_default(),
                                        .most_tokens = 1,
                                        .ignore_end = true,
                                        .token = hold,
                                        .done = one_done,
                                        .context = w->a};
    MUST(scheduler_submit(w->s, &request, NULL, error));
    pthread_mutex_lock(&w->a->lock);
    while (!w->a->held) {
        pthread_cond_wait(&w->a->ended, &w->a->lock);
    }
    pthread_mutex_unlock(&w->a->lock);
}

static void submit_all(const asking *w)
{
    for (size_t i = 0; i < w->sequences; i++) {
        generation_request request = {.prompt = w->ids + i,
                                      .prompt_count = w->count,
                                      .sampling = sampling_default(),
                                      .most_tokens = w->tokens,
                                      .ignore_end = true,
                                      .draft_most = w->draft,
                                      .done = one_done,
                                      .context = w->a};
        request.sampling.temperature = 0;
        MUST(scheduler_submit(w->s, &request, NULL, error));
    }
}

static double seconds_of(asking *w, generation_outcome *ret)
{
    answers a = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = w->sequences + 1};
    pthread_cond_init(&a.ended, NULL);
    w->a = &a;
    hold_scheduler(w);
    const double began = time_seconds();
    submit_all(w); /* so that all begin with the same step */
    pthread_mutex_lock(&a.lock);
    a.open = true;
    pthread_cond_broadcast(&a.ended);
    while (a.left > 0) {
        pthread_cond_wait(&a.ended, &a.lock);
    }
    pthread_mutex_unlock(&a.lock);
    w->a = NULL;
    *ret = a.last;
    return time_seconds() - began;
}

static bool always(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return true;
}

static void bench_batches(model *m, size_t sequences, size_t tokens, size_t rounds)
{
    bench_batch *b = NULL;
    double plain[ROUNDS_MOST];
    double scheduled[ROUNDS_MOST];
    double ratio[ROUNDS_MOST];
    int32_t *ids = mem_calloc(sequences, sizeof *ids);
    for (size_t i = 0; ids != NULL && i < sequences; i++) {
        ids[i] = (int32_t)((i * 2654435761u + 12345u) % m->config.vocabulary);
    }
    const scheduler_options options = {
        .context_length = tokens + 1, .cache = -1, .most_running = (unsigned)sequences, .without_prefixes = true};
    asking w = {.ids = ids, .count = 1, .sequences = sequences, .tokens = tokens};
    MUST(bench_batch_create(m, kv_cache_choose(m->compute, -1), sequences, tokens + 1, &b, error));
    MUST(scheduler_create(m, &options, &w.s, error));
    for (size_t i = 0; i < rounds; i++) {
        generation_outcome last;
        double seconds = 0;
        MUST(bench_batch_measure(b, sequences, ids, 1, tokens - 1, always, NULL, &seconds, error));
        plain[i] = (double)(sequences * (tokens - 1)) / seconds;
        scheduled[i] = (double)(sequences * tokens) / seconds_of(&w, &last);
        ratio[i] = scheduled[i] / plain[i];
    }
    printf("%zu sequences: %.1f tokens/s by the bench, %.1f by the scheduler, ratio %.3f (medians of %zu)\n", sequences,
           median(plain, rounds), median(scheduled, rounds), median(ratio, rounds), rounds);
    scheduler_free(w.s);
    bench_batch_free(b);
    mem_free(ids);
}

static void bench_drafts(model *m, const char *path, unsigned draft, size_t tokens, size_t rounds)
{
    buffer text;
    token_list ids = {0};
    double plain[ROUNDS_MOST];
    double drafted[ROUNDS_MOST];
    double ratio[ROUNDS_MOST];
    generation_outcome last = {0};
    buffer_init(&text, 0);
    MUST(file_read(path, (size_t)1 << 20, &text, error));
    MUST(tokenizer_encode(m->tokenizer, buffer_text(&text), text.length, ENCODE_PARSE_SPECIAL, &ids, error));
    asking w = {.ids = ids.ids, .count = ids.count, .sequences = 1, .tokens = tokens};
    MUST(scheduler_create(m, NULL, &w.s, error));
    for (size_t i = 0; i < rounds; i++) { /* the prompt is kept after the first time: only answers count */
        w.draft = 0;
        (void)seconds_of(&w, &last);
        plain[i] = (double)tokens / last.answer_s;
        w.draft = draft;
        (void)seconds_of(&w, &last);
        drafted[i] = (double)tokens / last.answer_s;
        ratio[i] = drafted[i] / plain[i];
    }
    printf("%.1f tokens/s, %.1f with guesses, ratio %.2f (medians of %zu); %zu of %zu guesses right for %zu tokens\n",
           median(plain, rounds), median(drafted, rounds), median(ratio, rounds), rounds, last.accepted, last.drafted,
           last.tokens);
    scheduler_free(w.s);
    token_list_free(&ids);
    buffer_free(&text);
}

int main(int argc, char **argv)
{
    const bool batch = argc == 6 && strcmp(argv[2], "batch") == 0;
    const bool draft = argc == 7 && strcmp(argv[2], "draft") == 0;
    if (!batch && !draft) {
        (void)fprintf(stderr, "usage: scheduler_bench MODEL batch SEQUENCES TOKENS ROUNDS\n"
                              "       scheduler_bench MODEL draft PROMPT_FILE DRAFTED TOKENS ROUNDS\n");
        return 2;
    }
    engine *e = NULL;
    model *m = NULL;
    size_t rounds = strtoul(argv[argc - 1], NULL, 10);
    const size_t tokens = strtoul(argv[argc - 2], NULL, 10);
    rounds = rounds < ROUNDS_MOST ? rounds : ROUNDS_MOST;
    MUST(engine_create(0, NULL, &e, error));
    MUST(model_open(e, argv[1], NULL, &m, error));
    if (batch) {
        bench_batches(m, strtoul(argv[3], NULL, 10), tokens, rounds);
    } else {
        bench_drafts(m, argv[3], (unsigned)strtoul(argv[4], NULL, 10), tokens, rounds);
    }
    model_close(m);
    engine_free(e);
    return 0;
}
