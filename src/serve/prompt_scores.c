/* Rows of logits as the scorer makes them, to choices. */
#include "serve/prompt_scores.h"

#include "base/memory.h"
#include "generate/logprobs.h"
#include "generate/score.h"

typedef struct scoring {
    const request *r;
    served_model *m;
    const token_list *prompt;
    size_t top;
    float *row;                 /* [vocabulary] */
    generation_choice *choices; /* [1 + top] */
    prompt_score_fn fn;
    void *context;
    bool failed;
} scoring;

static void take_row(void *context, size_t token, const float *logits)
{
    scoring *s = context;
    const model *m = s->m->m;
    s->choices[0] = (generation_choice){.id = s->prompt->ids[token]};
    logprobs_find(m->engine->kernels, logits, m->config.vocabulary, s->row, s->choices, s->top);
    s->failed = s->failed || !s->fn(s->context, s->choices, s->choices + 1, s->top);
}

static hearth_status score_all(scoring *s, hearth_error *error)
{
    const generation_choice first = {.id = s->prompt->ids[0]};
    s->failed = !s->fn(s->context, &first, NULL, 0);
    if (s->prompt->count > 1 && !s->failed) {
        const size_t count = s->prompt->count;
        const score_options how = {.chunk = SERVE_ASIDE_TOKENS,
                                   .window = count < s->m->context ? count : s->m->context,
                                   .cache = -1,
                                   .row = take_row,
                                   .row_context = s,
                                   .progress = request_goes_on,
                                   .progress_context = (void *)(uintptr_t)s->r};
        score_result result = {0};
        TRY(score_tokens(s->m->m, s->prompt->ids, count, 0, &how, &result, error));
        score_result_free(&result);
    }
    return s->failed ? error_memory(error, 0) : HEARTH_OK;
}

hearth_status prompt_scores(const request *r, served_model *m, const token_list *prompt, unsigned top,
                            prompt_score_fn fn, void *context, hearth_error *error)
{
    const size_t vocabulary = m->m->config.vocabulary;
    scoring s = {
        .r = r, .m = m, .prompt = prompt, .top = top < vocabulary ? top : vocabulary, .fn = fn, .context = context};
    s.row = mem_alloc_aligned(vocabulary * sizeof *s.row, 64);
    s.choices = mem_calloc(1 + s.top, sizeof *s.choices);
    hearth_status status = HEARTH_OK;
    if (s.row == NULL || s.choices == NULL) {
        status = error_memory(error, vocabulary * sizeof *s.row);
    } else {
        pthread_mutex_lock(&m->scoring);
        status = score_all(&s, error);
        pthread_mutex_unlock(&m->scoring);
    }
    mem_free(s.row);
    mem_free(s.choices);
    return status;
}
