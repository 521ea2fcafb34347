/* Rotary position embedding (Su et al., "RoFormer", 2021): frequencies, and tables of cosines and sines.
 *
 * Computed as transformers does, so that logits agree: inv[i] = 1 / theta^(2i/d), both rounded to binary32; the angle
 * position * inv[i] is rounded to binary32; its cosine and sine are those of binary64 functions, rounded once. */
#ifndef NN_ROPE_H
#define NN_ROPE_H

#include "base/error.h"

#include <stdbool.h>

/* theta^(-2i/dims) for i < dims / 2, in binary32. */
void rope_frequencies(double theta, uint32_t dims, float *ret);
/* Position interpolation (Chen et al., 2023): each divided by factor. */
void rope_scale_linear(float *frequencies, uint32_t dims, double factor);
/* Llama 3.1's factors, in binary32 as the GGUF tensor rope_freqs.weight has them: 1 for wavelengths below
 * original / high, `factor` for those above original / low, between them 1 / ((1 - s) / factor + s) with
 * s = (original / wavelength - low) / (high - low). */
void rope_llama3_factors(const float *frequencies, uint32_t dims, double factor, double low, double high,
                         uint32_t original, float *ret);

/* YaRN (Peng et al., 2023), "NTK by parts": frequencies whose wavelength makes more than beta_fast turns in the
 * original context stay, those with fewer than beta_slow are divided by factor, between them a ramp; `truncate`: the
 * ramp's ends are rounded outwards to whole dimensions. In binary32, as transformers computes them. */
typedef struct rope_yarn {
    double theta, factor, beta_fast, beta_slow;
    uint32_t original;
    bool truncate;
} rope_yarn;
void rope_scale_yarn(float *frequencies, uint32_t dims, const rope_yarn *yarn);
/* What cosines and sines are multiplied with: 1 + 0.1 mscale ln factor for factor > 1, else 1. */
double rope_yarn_scale(double factor, double mscale);

/* Dynamic NTK (bloc97 and emozilla, 2023): the theta for `positions` positions, more than the `original` ones:
 * theta (factor positions / original - (factor - 1))^(dims / (dims - 2)), each step rounded to binary32. */
double rope_dynamic_theta(double theta, uint32_t dims, double factor, uint32_t original, uint32_t positions);

typedef struct rope_table {
    uint32_t half;            /* dims / 2 */
    float scale;              /* cosines and sines are multiplied with it after they are rounded; usually 1 */
    const float *frequencies; /* [half], borrowed */
    float *values;            /* [positions][2][half]: cosines, then sines */
    size_t positions;
} rope_table;

/* Makes the table reach `positions` (more are made than asked for, so that this is rare). On failure it stays. */
hearth_status rope_table_extend(rope_table *table, size_t positions, hearth_error *error);
void rope_table_free(rope_table *table);

static inline const float *rope_cos(const rope_table *table, size_t position)
{
    return table->values + position * 2 * table->half;
}
static inline const float *rope_sin(const rope_table *table, size_t position)
{
    return table->values + (position * 2 + 1) * table->half;
}

#endif
