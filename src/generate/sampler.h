/* From logits to a token. Deterministic: the result is a function of the logits, the settings, the history and
 * (seed, token index). docs/sampling.md has the order of the steps and each formula. */
#ifndef GENERATE_SAMPLER_H
#define GENERATE_SAMPLER_H

#include "base/error.h"
#include "kernels/kernels.h"

typedef struct logit_bias {
    int32_t token;
    float bias; /* -INFINITY forbids */
} logit_bias;

typedef struct sampling {
    float temperature;        /* 0: greedy */
    uint32_t top_k;           /* 0: off */
    float top_p;              /* 1: off */
    float min_p;              /* 0: off */
    float typical_p;          /* 1: off */
    float repetition_penalty; /* 1: off */
    float presence_penalty;   /* 0: off */
    float frequency_penalty;  /* 0: off */
    uint32_t penalty_window;  /* last tokens that penalties look at; 0: all */
    uint64_t seed;
    const logit_bias *biases;
    size_t bias_count;
} sampling;

/* temperature 0.8, top_k 40, top_p 0.95, min_p 0.05, the rest off, seed 0. */
sampling sampling_default(void);
/* HEARTH_E_ARGUMENT naming the option for a value outside its range or NaN. */
hearth_status sampling_check(const sampling *s, size_t vocabulary, hearth_error *error);

typedef struct sampler sampler;
hearth_status sampler_create(const kernel_table *k, const sampling *s, size_t vocabulary, sampler **ret,
                             hearth_error *error);
void sampler_free(sampler *s);
/* Tokens that may be drawn: bit id % 64 of word id / 64, [(vocabulary + 63) / 64]. The others are out before any other
 * step. Borrowed until changed; NULL: everything. Where logits and biases leave none of them, the lowest one allowed is
 * drawn. */
void sampler_allow(sampler *s, const uint64_t *allowed);
/* `history`: the sequence so far (penalties); `index`: the number of this token in the sequence. `logits` is not
 * changed. */
int32_t sampler_next(sampler *s, const float *logits, const int32_t *history, size_t history_count, uint64_t index);
/* What it draws from: the probability of every token after all cuts, 0 for those cut. ret: [vocabulary]. */
void sampler_distribution(sampler *s, const float *logits, const int32_t *history, size_t history_count, float *ret);

#endif
