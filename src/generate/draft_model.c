/* A smaller model of the same vocabulary, or the model's own head, runs ahead: it draws with the request's own settings
 * and random numbers, each of which belongs to a position (sampler.h), so that what it draws is what the model draws
 * wherever the two distributions are near. It has keys and values of its own, in pages of a pool; what is missing in
 * them is computed when a guess is wanted, in pieces. */
#include "generate/draft_state.h"

#include "base/memory.h"
#include "platform/cpu.h"

#include <string.h>

#define FIRST_GUESSES 4u      /* before anything was measured */
#define CATCH_UP 256u         /* tokens that are computed in a step so that guesses can begin */
#define VOCABULARY_SLACK 128u /* rows that pad a vocabulary */

/* ---- vocabularies ---- */

static hearth_status piece_of(const model *m, int32_t id, buffer *out, hearth_error *error)
{
    buffer_clear(out);
    return tokenizer_piece(m->tokenizer, id, DECODE_SPECIAL, out, error);
}

static hearth_status other_vocabulary(const model *m, const model *draft, hearth_error *error, const char *found)
{
    char expected[400];
    (void)snprintf(expected, sizeof expected, "the vocabulary of the model that it is to guess for, %.300s", m->path);
    (void)error_set(error, HEARTH_E_ARGUMENT, "draft", expected, "%s", found);
    error_in_file(error, draft->path);
    return HEARTH_E_ARGUMENT;
}

static hearth_status compare_pieces(const model *m, const model *draft, buffer *a, buffer *b, hearth_error *error)
{
    char found[160];
    const size_t own = tokenizer_vocabulary_size(m->tokenizer), other = tokenizer_vocabulary_size(draft->tokenizer);
    const size_t both = own < other ? own : other;
    if (own - both > VOCABULARY_SLACK || other - both > VOCABULARY_SLACK) {
        (void)snprintf(found, sizeof found, "%zu tokens in place of %zu", other, own);
        return other_vocabulary(m, draft, error, found);
    }
    for (size_t i = 0; i < both; i++) {
        TRY(piece_of(m, (int32_t)i, a, error));
        TRY(piece_of(draft, (int32_t)i, b, error));
        if (a->length != b->length || memcmp(buffer_text(a), buffer_text(b), a->length) != 0) {
            (void)snprintf(found, sizeof found, "token %zu is \"%.40s\" in place of \"%.40s\"", i, buffer_text(b),
                           buffer_text(a));
            return other_vocabulary(m, draft, error, found);
        }
    }
    return HEARTH_OK;
}

static hearth_status compare_vocabularies(const model *m, const model *draft, hearth_error *error)
{
    char found[80];
    buffer a, b;
    if (m->tokenizer == NULL || draft->tokenizer == NULL) { /* ids are all there is */
        (void)snprintf(found, sizeof found, "%u tokens in place of %u", draft->config.vocabulary, m->config.vocabulary);
        return m->config.vocabulary == draft->config.vocabulary ? HEARTH_OK : other_vocabulary(m, draft, error, found);
    }
    buffer_init(&a, 0);
    buffer_init(&b, 0);
    const hearth_status status = compare_pieces(m, draft, &a, &b, error);
    buffer_free(&a);
    buffer_free(&b);
    return status;
}

static hearth_status check_states(const model *m, const char *what, hearth_error *error)
{
    if (model_config_state_bytes(&m->config) == 0) {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_UNSUPPORTED, "draft", what, "recurrent layers, whose state cannot be taken back");
    error_in_file(error, m->path);
    return HEARTH_E_UNSUPPORTED;
}

hearth_status draft_check(const model *m, const model *draft, hearth_error *error)
{
    TRY(model_needs_head(draft, error));
    TRY(check_states(m, "a model with attention alone, to guess for", error));
    TRY(check_states(draft, "a draft with attention alone", error));
    return compare_vocabularies(m, draft, error);
}

/* ---- beginning and end ---- */

size_t draft_page_bytes(const model *m, const model *draft, cache_type cache)
{
    const model *guesser = draft != NULL ? draft : m->head;
    return guesser != NULL ? kv_cache_page_bytes(&guesser->config, cache) : 0;
}

hearth_status draft_model_create(drafter *d, hearth_error *error)
{
    const model *draft = d->guesser;
    if (!d->is_head) {
        TRY(draft_check(d->o.m, draft, error));
    }
    d->vocabulary = d->vocabulary < draft->config.vocabulary ? d->vocabulary : draft->config.vocabulary;
    d->o.context_length =
        d->o.context_length < draft->config.context ? d->o.context_length : (size_t)draft->config.context;
    d->o.most_sequences = d->o.most_sequences < FORWARD_LOGIT_ROWS ? d->o.most_sequences : FORWARD_LOGIT_ROWS;
    d->pool.shares = !d->o.without_prefixes && !d->is_head;
    d->segments = mem_calloc(d->o.most_sequences, sizeof *d->segments);
    d->fed = mem_calloc(d->o.most_sequences, sizeof(draft_wish *));
    if (d->segments == NULL || d->fed == NULL) {
        return error_memory(error, d->o.most_sequences * sizeof *d->segments);
    }
    TRY(page_cache_create(draft_page_bytes(d->o.m, draft, d->o.cache), d->o.pages, &d->pool.pages, error));
    return forward_create(d->guesser, d->o.chunk, &d->forward, error);
}

void draft_model_free(drafter *d)
{
    forward_free(d->forward);
    page_cache_free(d->pool.pages);
    mem_free(d->segments);
    mem_free(d->fed);
}

void draft_model_cut(draft_sequence *q, size_t count)
{
    if (q->d->is_head) {
        draft_heads_cut(q, count);
        return;
    }
    q->held.computed = q->held.computed < count ? q->held.computed : count;
}

void draft_model_pause(draft_sequence *q, const int32_t *tokens, size_t count)
{
    if (q->held.pages != NULL) {
        draft_model_cut(q, count > 0 ? count - 1 : 0);
        paged_release(&q->d->pool, &q->held, tokens);
    }
}

/* ---- how many guesses pay ---- */

/* Tokens for a step's time, of the sequences that take part in it `of`: the most that k guesses give. */
static size_t best_count(const drafter *d, const draft_sequence *q, size_t most, double of)
{
    const double p = draft_chance(&q->luck);
    const double plain = draft_times_of(&d->times, of) / of, guess = draft_times_of(&d->model_times, of) / of;
    size_t best = 0;
    double rate = 1 / plain, expected = 1, right = 1;
    for (size_t k = 1; k <= most; k++) {
        right *= p;
        expected += right;
        const double cost = draft_times_of(&d->times, of * (1 + (double)k)) / of + (double)k * guess;
        if (expected / cost > rate) {
            rate = expected / cost;
            best = k;
        }
    }
    return best;
}

static size_t choose_count(const drafter *d, draft_sequence *q, size_t most, size_t of)
{
    if (d->o.tokens != 0) {
        return most < d->o.tokens ? most : d->o.tokens;
    }
    if (d->times.weight == 0 || d->model_times.weight == 0) {
        return most < FIRST_GUESSES ? most : FIRST_GUESSES;
    }
    const size_t best = best_count(d, q, most, (double)of);
    if (best == 0) { /* later it may, in another text */
        q->rest = DRAFT_PAUSE_STEPS;
        draft_luck_fade(&q->luck);
    }
    return best;
}

/* No position behind the draft's context. */
static size_t most_of(const drafter *d, const draft_wish *w)
{
    const size_t count = d->is_head && w->of->base < w->count ? w->count - w->of->base : w->count;
    const size_t room = d->o.context_length >= count ? d->o.context_length + 1 - count : 0;
    return w->most < room ? w->most : room;
}

/* Who takes part, and with how many guesses; returns how many there are. */
static size_t choose(drafter *d, draft_wish *wishes, size_t count)
{
    size_t wanting = 0, chosen = 0;
    for (size_t i = 0; i < count; i++) {
        draft_sequence *q = wishes[i].of;
        q->wanted = wishes[i].guessed == 0 && !q->off ? most_of(d, &wishes[i]) : 0;
        if (q->wanted != 0 && q->rest > 0) {
            q->rest--;
            q->wanted = 0;
        }
        wanting += q->wanted != 0 ? 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        draft_sequence *q = wishes[i].of;
        if (q->wanted != 0) {
            q->wanted = chosen < d->o.most_sequences ? choose_count(d, q, q->wanted, wanting) : 0;
            chosen += q->wanted != 0 ? 1 : 0;
        }
    }
    return chosen;
}

/* ---- computing ---- */

static void stop(draft_wish *w)
{
    w->of->wanted = 0;
}

/* Its memory goes to others, its turn comes later. */
static void give_way(draft_wish *w)
{
    draft_model_pause(w->of, w->tokens, w->count);
    w->of->rest = DRAFT_PAUSE_STEPS;
    stop(w);
}

static bool is_known(const drafter *d, const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= d->guesser->config.vocabulary) {
            return false;
        }
    }
    return true;
}

/* Its pages and its sampler. */
static bool begin(const drafter *d, draft_wish *w)
{
    draft_sequence *q = w->of;
    const bool fresh = q->held.page_count == 0;
    draft_model_cut(q, w->count - 1);
    if (q->sampler == NULL &&
        sampler_create(d->guesser->engine->kernels, &q->sampling, d->vocabulary, &q->sampler, NULL) != HEARTH_OK) {
        return false;
    }
    if (!fresh && !d->is_head) {
        paged_filled(&d->pool, &q->held, w->tokens);
    }
    if (!fresh) {
        return true;
    }
    if (paged_start(&d->pool, &q->held, &d->guesser->config, d->o.cache, d->o.context_length, w->tokens, w->count,
                    NULL) != HEARTH_OK) {
        return false;
    }
    paged_adopt_part(&d->pool, &q->held, w->tokens, w->count);
    return true;
}

/* The number of the first token that it computes. */
static size_t first_of(const drafter *d, const draft_sequence *q)
{
    return d->is_head ? q->base : 0;
}

/* A segment of `count` tokens, if there are pages for it. */
static bool add_segment(drafter *d, draft_wish *w, size_t count, bool last, size_t *segments)
{
    paged_sequence *held = &w->of->held;
    if (!paged_reserve(&d->pool, held, held->computed + count)) {
        return false;
    }
    d->segments[*segments] = (forward_segment){.cache = &held->cache,
                                               .position = (uint32_t)held->computed,
                                               .count = (uint32_t)count,
                                               .ids = w->tokens + first_of(d, w->of) + held->computed,
                                               .hidden = d->is_head ? draft_heads_input(d, w->of) : NULL,
                                               .want = last ? WANT_LAST : WANT_NONE};
    d->fed[(*segments)++] = w;
    return true;
}

/* Puts the tokens that are not computed yet into a step: all, or as many as there is room for. */
static void add_missing(drafter *d, draft_wish *w, size_t *room, size_t *segments)
{
    draft_sequence *q = w->of;
    if (!begin(d, w)) {
        q->off = true;
        stop(w);
        return;
    }
    if (d->is_head && !draft_heads_begin(d, w)) {
        stop(w);
        return;
    }
    const size_t first = first_of(d, q) + q->held.computed;
    const size_t missing = w->count - first;
    const size_t count = missing < *room ? missing : *room;
    if (count != 0 && !is_known(d, w->tokens + first, count)) {
        q->off = true;
        stop(w);
        return;
    }
    if (count != 0 && !add_segment(d, w, count, count == missing, segments)) {
        give_way(w);
        return;
    }
    *room -= count;
}

/* What the model would draw, if it were this one; false: there is no more to guess. */
static bool draw(const drafter *d, draft_wish *w, const float *logits)
{
    draft_sequence *q = w->of;
    const size_t count = w->count + w->guessed;
    const uint64_t *allowed = NULL;
    if (w->constraint != NULL && constraint_allowed(w->constraint, &allowed, NULL) != HEARTH_OK) {
        return false;
    }
    sampler_allow(q->sampler, allowed);
    const int32_t token = sampler_next(q->sampler, logits, w->tokens, count, count);
    const tokenizer *t = d->o.m->tokenizer;
    if ((t != NULL && tokenizer_is_end(t, token)) ||
        (w->constraint != NULL && constraint_accept(w->constraint, token, NULL) != HEARTH_OK)) {
        return false;
    }
    w->tokens[count] = token;
    w->guessed++;
    return w->guessed < q->wanted;
}

/* One step of the draft model, and a token more of each that is up to date. */
static bool run_step(drafter *d, size_t segments)
{
    size_t tokens = 0, row = 0;
    const float *logits = NULL;
    const double began = time_seconds();
    for (size_t i = 0; i < segments; i++) {
        tokens += d->segments[i].count;
    }
    bool good = forward_step(d->forward, d->segments, segments, NULL) == HEARTH_OK;
    const size_t rows = good ? forward_rows(d->forward) : 0;
    good = good && (rows == 0 || forward_logits(d->forward, 0, rows, &logits, NULL) == HEARTH_OK);
    if (good && rows == tokens) {
        draft_times_add(&d->model_times, (double)tokens, time_seconds() - began);
    }
    for (size_t i = 0; i < segments; i++) {
        draft_wish *w = d->fed[i];
        w->of->held.computed += good ? d->segments[i].count : 0;
        w->of->fed = w->guessed == 0 ? w->of->held.computed : w->of->fed;
        w->of->off = w->of->off || !good;
        const bool drawn = good && d->segments[i].want == WANT_LAST;
        if (!drawn || !draw(d, w, logits + row * d->guesser->config.vocabulary)) {
            stop(w);
        } else if (d->is_head) {
            draft_heads_keep(d, w->of, row);
        }
        row += drawn ? 1 : 0;
    }
    return good;
}

/* The last guess of each that wants more. */
static size_t add_guesses(drafter *d, draft_wish *wishes, size_t count)
{
    size_t segments = 0;
    for (size_t i = 0; i < count; i++) {
        draft_wish *w = &wishes[i];
        if (w->of->wanted > w->guessed && w->guessed != 0 && !add_segment(d, w, 1, true, &segments)) {
            stop(w); /* the next time it gives way */
        }
    }
    return segments;
}

void draft_model_guess(drafter *d, draft_wish *wishes, size_t count)
{
    size_t room = forward_chunk(d->forward) < CATCH_UP ? forward_chunk(d->forward) : CATCH_UP;
    size_t segments = 0;
    if (choose(d, wishes, count) == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].of->wanted != 0) {
            if (wishes[i].constraint != NULL) {
                constraint_mark(wishes[i].constraint);
            }
            add_missing(d, &wishes[i], &room, &segments);
        }
    }
    while (segments != 0 && run_step(d, segments)) {
        segments = add_guesses(d, wishes, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (wishes[i].constraint != NULL) {
            constraint_return(wishes[i].constraint);
        }
    }
}
