/* Which kind guesses, and how much: that follows how well it went. What is drawn does not depend on it. */
#include "generate/draft_state.h"

#include "base/memory.h"

#include <string.h>

#define MOST_FAILURES 5u /* of lookup: after so many, one step in 32 guesses */
#define FORGETTING 0.9   /* of what was right a step ago */
#define TIMES_KEPT 0.97  /* of what a step took */

const char *const draft_kind_names[] = {"lookup", "model", "heads", NULL};

/* By kind: the cheapest first. */
static void (*const kinds[DRAFT_KINDS])(drafter *d, draft_wish *wishes, size_t count) = {
    [DRAFT_LOOKUP] = draft_lookup_guess,
    [DRAFT_MODEL] = draft_model_guess,
    [DRAFT_HEADS] = draft_model_guess,
};

/* ---- times ---- */

void draft_times_add(draft_times *t, double tokens, double seconds)
{
    t->weight = TIMES_KEPT * t->weight + 1;
    t->tokens = TIMES_KEPT * t->tokens + tokens;
    t->seconds = TIMES_KEPT * t->seconds + seconds;
    t->squares = TIMES_KEPT * t->squares + tokens * tokens;
    t->products = TIMES_KEPT * t->products + tokens * seconds;
}

/* The least squares' line, whose slope and beginning are not below 0. */
double draft_times_of(const draft_times *t, double tokens)
{
    if (t->weight == 0) {
        return 0;
    }
    const double mean = t->tokens / t->weight, time = t->seconds / t->weight;
    const double spread = t->squares / t->weight - mean * mean;
    double slope = spread > 1e-6 ? (t->products / t->weight - mean * time) / spread : 0;
    slope = slope < 0 ? 0 : slope * mean > time ? time / mean : slope;
    return time + slope * (tokens - mean);
}

void drafter_timed(drafter *d, size_t tokens, double seconds)
{
    draft_times_add(&d->times, (double)tokens, seconds);
}

/* ---- chances ---- */

double draft_chance(const draft_luck *luck)
{
    return (luck->right + 2) / (luck->tried + 3);
}

void draft_luck_fade(draft_luck *luck)
{
    luck->tried *= 0.5;
    luck->right *= 0.5;
}

/* Behind a wrong one nothing is learnt. */
static void judge(draft_luck *luck, size_t guessed, size_t right)
{
    luck->tried = FORGETTING * luck->tried + (double)(right < guessed ? right + 1 : guessed);
    luck->right = FORGETTING * luck->right + (double)right;
}

/* ---- sequences ---- */

hearth_status draft_sequence_create(drafter *d, const sampling *how, draft_sequence **ret, hearth_error *error)
{
    draft_sequence *q = mem_calloc(1, sizeof *q);
    logit_bias *biases = mem_calloc(how->bias_count + 1, sizeof *biases);
    if (q == NULL || biases == NULL) {
        mem_free(q);
        mem_free(biases);
        return error_memory(error, how->bias_count * sizeof *biases);
    }
    q->d = d;
    q->last = DRAFT_NONE;
    q->sampling = *how;
    q->biases = biases;
    q->sampling.biases = biases;
    q->sampling.bias_count = 0;
    for (size_t i = 0; i < how->bias_count; i++) {
        if ((size_t)how->biases[i].token < d->vocabulary) {
            biases[q->sampling.bias_count++] = how->biases[i];
        }
    }
    if (d->is_head && !draft_heads_start(q)) {
        draft_heads_free(q);
        mem_free(biases);
        mem_free(q);
        return error_memory(error, d->guesser->config.width * sizeof *q->next);
    }
    *ret = q;
    return HEARTH_OK;
}

void draft_sequence_pause(draft_sequence *q, const int32_t *tokens, size_t count)
{
    if (q != NULL && q->d->guesser != NULL) {
        draft_model_pause(q, tokens, count);
    }
}

void draft_sequence_cut(draft_sequence *q, size_t count)
{
    draft_model_cut(q, count);
}

void draft_sequence_free(draft_sequence *q, const int32_t *tokens, size_t count)
{
    if (q == NULL) {
        return;
    }
    draft_sequence_pause(q, tokens, count);
    paged_free(&q->held);
    draft_heads_free(q);
    sampler_free(q->sampler);
    mem_free(q->biases);
    mem_free(q);
}

/* ---- guessing ---- */

void drafter_guess(drafter *d, draft_wish *wishes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wishes[i].guessed = 0;
        wishes[i].of->last = DRAFT_NONE;
    }
    for (draft_kind kind = 0; kind < DRAFT_KINDS; kind++) {
        if (kind != DRAFT_LOOKUP && (d->guesser == NULL || d->is_head != (kind == DRAFT_HEADS))) {
            continue;
        }
        kinds[kind](d, wishes, count);
        for (size_t i = 0; i < count; i++) {
            if (wishes[i].guessed != 0 && wishes[i].of->last == DRAFT_NONE) {
                wishes[i].of->last = kind;
            }
        }
    }
}

static void judge_lookup(draft_pace *pace, size_t guessed, size_t right)
{
    pace->now = (unsigned)(right == guessed ? 2 * guessed : right + 1);
    if (right != 0) {
        pace->failures = 0;
        return;
    }
    pace->failures += pace->failures < MOST_FAILURES ? 1 : 0;
    pace->rest = (1u << pace->failures) - 1;
}

void draft_judge(draft_sequence *q, size_t guessed, size_t right)
{
    if (q->last == DRAFT_LOOKUP) {
        judge_lookup(&q->lookup, guessed, right);
        judge(&q->lookup.luck, guessed, right);
    } else if (q->last != DRAFT_NONE) {
        judge(&q->luck, guessed, right);
    }
}

draft_kind draft_last_kind(const draft_sequence *q)
{
    return q->last;
}

/* ---- the drafter ---- */

hearth_status drafter_create(const drafter_options *options, drafter **ret, hearth_error *error)
{
    drafter *d = mem_calloc(1, sizeof *d);
    if (d == NULL) {
        return error_memory(error, sizeof *d);
    }
    d->o = *options;
    d->vocabulary = options->m->config.vocabulary;
    d->is_head = options->draft == NULL && options->m->head != NULL;
    d->guesser = d->is_head ? options->m->head : options->draft;
    const hearth_status status = d->guesser != NULL ? draft_model_create(d, error) : HEARTH_OK;
    if (status != HEARTH_OK) {
        drafter_free(d);
        return status;
    }
    *ret = d;
    return HEARTH_OK;
}

void drafter_free(drafter *d)
{
    if (d != NULL) {
        draft_model_free(d);
        mem_free(d);
    }
}
