/* Sampling, in the order that docs/sampling.md gives: what is allowed, penalties, biases, temperature, top-k, top-p,
 * min-p, typical, draw. Candidates are cut by selection (a heap), never by sorting a whole vocabulary. Every sum is
 * binary64, in a stated order; exp and log are the kernels'. */
#include "generate/sampler.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

#define LEAST_TEMPERATURE 1e-6f /* below it, greedy */

typedef struct candidate {
    int32_t id;
    float logit;  /* after penalties, biases and temperature */
    float weight; /* exp(logit - largest) */
    float key;    /* what a heap orders by: the larger one first, among equals the lower id */
} candidate;

struct sampler {
    const kernel_table *k;
    sampling s;
    logit_bias *biases;
    size_t vocabulary;
    float *logits;           /* [vocabulary] */
    float *weights;          /* [vocabulary] */
    uint32_t *counts;        /* [vocabulary], zero between calls */
    candidate *list;         /* [vocabulary] */
    const uint64_t *allowed; /* NULL: everything */
};

sampling sampling_default(void)
{
    return (sampling){
        .temperature = 0.8f,
        .top_k = 40,
        .top_p = 0.95f,
        .min_p = 0.05f,
        .typical_p = 1.0f,
        .repetition_penalty = 1.0f,
    };
}

static hearth_status check_value(const char *name, float value, float least, float most, const char *expected,
                                 hearth_error *error)
{
    if (value >= least && value <= most) {
        return HEARTH_OK; /* NaN is neither */
    }
    return error_set(error, HEARTH_E_ARGUMENT, name, expected, "%g", (double)value);
}

hearth_status sampling_check(const sampling *s, size_t vocabulary, hearth_error *error)
{
    TRY(check_value("temperature", s->temperature, 0.0f, 100.0f, "0 to 100", error));
    TRY(check_value("top-p", s->top_p, 0.0f, 1.0f, "0 to 1", error));
    TRY(check_value("min-p", s->min_p, 0.0f, 1.0f, "0 to 1", error));
    TRY(check_value("typical", s->typical_p, 0.0f, 1.0f, "0 to 1", error));
    TRY(check_value("repetition penalty", s->repetition_penalty, 0.01f, 100.0f, "0.01 to 100", error));
    TRY(check_value("presence penalty", s->presence_penalty, -100.0f, 100.0f, "-100 to 100", error));
    TRY(check_value("frequency penalty", s->frequency_penalty, -100.0f, 100.0f, "-100 to 100", error));
    for (size_t i = 0; i < s->bias_count; i++) {
        if (s->biases[i].token < 0 || (size_t)s->biases[i].token >= vocabulary) {
            return error_set(error, HEARTH_E_ARGUMENT, "logit bias", "a token of the vocabulary", "%d of %zu",
                             s->biases[i].token, vocabulary);
        }
        if (isnan(s->biases[i].bias) || s->biases[i].bias == INFINITY) {
            return error_set(error, HEARTH_E_ARGUMENT, "logit bias", "a number or -inf", "%g",
                             (double)s->biases[i].bias);
        }
    }
    return HEARTH_OK;
}

hearth_status sampler_create(const kernel_table *k, const sampling *s, size_t vocabulary, sampler **ret,
                             hearth_error *error)
{
    if (vocabulary == 0 || vocabulary > LIMIT_VOCABULARY) {
        return error_set(error, HEARTH_E_ARGUMENT, "vocabulary", "1 to 4194304", "%zu", vocabulary);
    }
    TRY(sampling_check(s, vocabulary, error));
    sampler *made = mem_calloc(1, sizeof *made);
    if (made == NULL) {
        return error_memory(error, sizeof *made);
    }
    made->k = k;
    made->s = *s;
    made->vocabulary = vocabulary;
    made->biases = mem_calloc(s->bias_count + 1, sizeof *made->biases);
    made->logits = mem_alloc_aligned(vocabulary * sizeof(float), 64);
    made->weights = mem_alloc_aligned(vocabulary * sizeof(float), 64);
    made->counts = mem_calloc(vocabulary, sizeof *made->counts);
    made->list = mem_calloc(vocabulary, sizeof *made->list);
    if (!made->biases || !made->logits || !made->weights || !made->counts || !made->list) {
        sampler_free(made);
        return error_memory(error, vocabulary * sizeof *made->list);
    }
    if (s->bias_count != 0) {
        memcpy(made->biases, s->biases, s->bias_count * sizeof *s->biases);
    }
    made->s.biases = made->biases;
    *ret = made;
    return HEARTH_OK;
}

void sampler_free(sampler *s)
{
    if (s == NULL) {
        return;
    }
    mem_free(s->biases);
    mem_free(s->logits);
    mem_free(s->weights);
    mem_free(s->counts);
    mem_free(s->list);
    mem_free(s);
}

/* ---- what is allowed ---- */

void sampler_allow(sampler *s, const uint64_t *allowed)
{
    s->allowed = allowed;
}

static bool is_allowed(const sampler *s, size_t id)
{
    return s->allowed == NULL || (s->allowed[id / 64] >> id % 64 & 1) != 0;
}

/* What is not allowed becomes NaN, which no later step takes. */
static void forbid(sampler *s)
{
    if (s->allowed == NULL) {
        return;
    }
    for (size_t first = 0; first < s->vocabulary; first += 64) {
        const uint64_t word = s->allowed[first / 64];
        const size_t end = first + 64 < s->vocabulary ? first + 64 : s->vocabulary;
        for (size_t id = first; word != UINT64_MAX && id < end; id++) {
            s->logits[id] = (word >> (id - first) & 1) != 0 ? s->logits[id] : NAN;
        }
    }
}

/* The lowest one, where no logit tells. */
static size_t best_allowed(const sampler *s, size_t best)
{
    if (!is_allowed(s, best)) {
        for (size_t id = 0; id < s->vocabulary; id++) {
            if (is_allowed(s, id)) {
                return id;
            }
        }
    }
    return best;
}

/* ---- penalties and biases ---- */

static float penalised(const sampling *s, float logit, uint32_t count)
{
    if (s->repetition_penalty != 1.0f) {
        logit = logit > 0 ? logit / s->repetition_penalty : logit * s->repetition_penalty;
    }
    return logit - s->presence_penalty - s->frequency_penalty * (float)count;
}

static void apply_penalties(sampler *s, const int32_t *history, size_t count)
{
    const sampling *o = &s->s;
    if (o->repetition_penalty == 1.0f && o->presence_penalty == 0.0f && o->frequency_penalty == 0.0f) {
        return;
    }
    const size_t from = o->penalty_window != 0 && o->penalty_window < count ? count - o->penalty_window : 0;
    for (size_t i = from; i < count; i++) {
        if (history[i] >= 0 && (size_t)history[i] < s->vocabulary) {
            s->counts[history[i]]++;
        }
    }
    for (size_t i = from; i < count; i++) {
        const int32_t id = history[i];
        if (id >= 0 && (size_t)id < s->vocabulary && s->counts[id] != 0) {
            s->logits[id] = penalised(o, s->logits[id], s->counts[id]);
            s->counts[id] = 0;
        }
    }
}

static void apply_biases(sampler *s)
{
    for (size_t i = 0; i < s->s.bias_count; i++) {
        s->logits[s->biases[i].token] += s->biases[i].bias;
    }
}

/* ---- a heap of candidates: the first is the one that goes before all others ---- */

static bool goes_before(const candidate *a, const candidate *b)
{
    return a->key > b->key || (a->key == b->key && a->id < b->id);
}

static void swap(candidate *a, candidate *b)
{
    const candidate kept = *a;
    *a = *b;
    *b = kept;
}

/* Restores the heap below `at`. `reversed`: the first is the one that goes after all others. */
static void sift_down(candidate *heap, size_t count, size_t at, bool reversed)
{
    for (;;) {
        size_t top = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (goes_before(&heap[child], &heap[top]) != reversed) {
                top = child;
            }
        }
        if (top == at) {
            return;
        }
        swap(&heap[at], &heap[top]);
        at = top;
    }
}

static void make_heap(candidate *heap, size_t count, bool reversed)
{
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(heap, count, i - 1, reversed);
    }
}

/* By key, the first before the others. */
static void sort(candidate *list, size_t count)
{
    make_heap(list, count, true);
    for (size_t left = count; left > 1; left--) {
        swap(&list[0], &list[left - 1]);
        sift_down(list, left - 1, 0, true);
    }
}

/* ---- cutting ---- */

/* The k largest logits, in no order; returns their number. */
static size_t select_top_k(sampler *s, size_t k)
{
    candidate *heap = s->list; /* the first is the one to throw out */
    size_t count = 0;
    for (size_t i = 0; i < s->vocabulary; i++) {
        const float logit = s->logits[i];
        if (count == k && !(logit > heap[0].key)) {
            continue; /* an equal one with a higher id goes after: ids ascend here */
        }
        if (isnan(logit)) {
            continue;
        }
        const candidate new = {.id = (int32_t)i, .logit = logit, .key = logit};
        if (count < k) {
            heap[count++] = new;
            if (count == k) {
                make_heap(heap, count, true);
            }
        } else {
            heap[0] = new;
            sift_down(heap, count, 0, true);
        }
    }
    return count;
}

static size_t take_all(sampler *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->vocabulary; i++) {
        if (!isnan(s->logits[i])) {
            s->list[count++] = (candidate){.id = (int32_t)i, .logit = s->logits[i]};
        }
    }
    return count;
}

static double total_weight(const candidate *list, size_t count)
{
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        total += (double)list[i].weight;
    }
    return total;
}

/* Temperature and exp: logits become logit / T - largest / T, weights their exp. */
static void weigh(sampler *s, size_t count, float largest)
{
    const float factor = 1.0f / s->s.temperature;
    for (size_t i = 0; i < count; i++) {
        s->list[i].logit = (s->list[i].logit - largest) * factor;
        s->weights[i] = s->list[i].logit;
    }
    s->k->exp(s->weights, count, s->weights);
    for (size_t i = 0; i < count; i++) {
        s->list[i].weight = s->weights[i];
    }
}

/* The first candidates by key until their weight reaches `share` of all; at least one. `order` filled the keys. */
static size_t cut_mass(sampler *s, size_t count, double share, double total)
{
    candidate *list = s->list;
    double mass = 0;
    size_t kept = 0;
    make_heap(list, count, false);
    /* popped candidates gather behind the heap; then they move to the front */
    size_t left = count;
    while (left > 0) {
        left--;
        swap(&list[0], &list[left]);
        sift_down(list, left, 0, false);
        mass += (double)list[left].weight;
        kept++;
        if (mass >= share * total) {
            break;
        }
    }
    memmove(list, list + left, kept * sizeof *list);
    return kept;
}

static size_t cut_top_p(sampler *s, size_t count)
{
    const double share = (double)s->s.top_p;
    const double total = total_weight(s->list, count);
    /* Candidates this light together weigh less than what top-p leaves out: they cannot be in. */
    const double least = (1.0 - share) * total / (double)count * 0.5;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if ((double)s->list[i].weight >= least) {
            s->list[kept] = s->list[i];
            s->list[kept].key = s->list[kept].logit;
            kept++;
        }
    }
    return cut_mass(s, kept, share, total);
}

static size_t cut_min_p(sampler *s, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (s->list[i].weight >= s->s.min_p) { /* the largest weight is 1 */
            s->list[kept++] = s->list[i];
        }
    }
    return kept;
}

/* Meister et al., "Locally Typical Sampling", 2023: those whose surprise is nearest to the expected one. */
static size_t cut_typical(sampler *s, size_t count)
{
    const double total = total_weight(s->list, count);
    float log_total = (float)total;
    s->k->log(&log_total, 1, &log_total);
    double entropy = 0;
    for (size_t i = 0; i < count; i++) {
        const double log_p = (double)s->list[i].logit - (double)log_total;
        if (s->list[i].weight > 0) {
            entropy -= (double)s->list[i].weight / total * log_p;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const float distance = (float)((double)log_total - (double)s->list[i].logit - entropy);
        s->list[i].key = distance < 0 ? distance : -distance;
    }
    return cut_mass(s, count, (double)s->s.typical_p, total);
}

static void sort_by_id(candidate *list, size_t count)
{
    bool ascending = true;
    for (size_t i = 0; i < count; i++) {
        list[i].key = -(float)list[i].id; /* exact: ids are below 2^22 */
        ascending = ascending && (i == 0 || list[i - 1].id < list[i].id);
    }
    if (!ascending) {
        sort(list, count);
    }
}

/* Candidates in ascending order of ids, weights added up until the random number is passed. */
static int32_t draw(sampler *s, size_t count, uint64_t index)
{
    const double point = (double)random_uniform(s->s.seed, RANDOM_SAMPLING, index, 0) * total_weight(s->list, count);
    double mass = 0;
    int32_t last = s->list[0].id;
    for (size_t i = 0; i < count; i++) {
        if (s->list[i].weight > 0) {
            mass += (double)s->list[i].weight;
            last = s->list[i].id;
            if (point < mass) {
                break;
            }
        }
    }
    return last;
}

/* Is it the largest logit as it came? Then nothing is copied. */
static bool is_plainly_greedy(const sampler *s)
{
    const sampling *o = &s->s;
    return o->temperature < LEAST_TEMPERATURE && s->allowed == NULL && o->bias_count == 0 &&
           o->repetition_penalty == 1.0f && o->presence_penalty == 0.0f && o->frequency_penalty == 0.0f;
}

/* Everything but the draw: the candidates left, or 0 when *ret_best is the answer whatever the random number. */
static size_t cut(sampler *s, const float *logits, const int32_t *history, size_t history_count, int32_t *ret_best)
{
    const sampling *o = &s->s;
    if (is_plainly_greedy(s)) {
        *ret_best = (int32_t)s->k->argmax(logits, s->vocabulary);
        return 0;
    }
    memcpy(s->logits, logits, s->vocabulary * sizeof(float));
    forbid(s);
    apply_penalties(s, history, history_count);
    apply_biases(s);
    const size_t best = best_allowed(s, s->k->argmax(s->logits, s->vocabulary));
    const float largest = s->logits[best];
    *ret_best = (int32_t)best;
    if (o->temperature < LEAST_TEMPERATURE || !isfinite(largest)) {
        return 0;
    }
    const bool top_k = o->top_k != 0 && o->top_k < s->vocabulary;
    size_t count = top_k ? select_top_k(s, o->top_k) : take_all(s);
    if (top_k) {
        sort(s->list, count);
    }
    weigh(s, count, largest);
    if (o->top_p < 1.0f) {
        count = cut_top_p(s, count);
    }
    if (o->min_p > 0.0f) {
        count = cut_min_p(s, count);
    }
    if (o->typical_p < 1.0f) {
        count = cut_typical(s, count);
    }
    sort_by_id(s->list, count);
    return count;
}

int32_t sampler_next(sampler *s, const float *logits, const int32_t *history, size_t history_count, uint64_t index)
{
    int32_t best = 0;
    const size_t count = cut(s, logits, history, history_count, &best);
    return count == 0 ? best : draw(s, count, index);
}

void sampler_distribution(sampler *s, const float *logits, const int32_t *history, size_t history_count, float *ret)
{
    int32_t best = 0;
    const size_t count = cut(s, logits, history, history_count, &best);
    const double total = total_weight(s->list, count);
    for (size_t i = 0; i < s->vocabulary; i++) {
        ret[i] = 0;
    }
    for (size_t i = 0; i < count; i++) {
        ret[s->list[i].id] = (float)((double)s->list[i].weight / total);
    }
    if (count == 0) {
        ret[best] = 1;
    }
}
