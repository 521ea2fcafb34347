/* The table of operations, and the contract of each. NUMERICS (docs/numerics.md) governs: every
 * variant (scalar, avx2, avx512, neon) gives the same bits; the scalar one is the definition.
 *
 * Conventions. Vectors are binary32 unless a comment says otherwise; rows are contiguous; `n` counts
 * values. Outputs may equal inputs only where a comment says "in place". Nothing here allocates, fails
 * or prints: callers hand in checked sizes. Any NaN equals any NaN. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include "kernels/activate.h"
#include "kernels/dtype.h"

#include <stdbool.h>

/* ---- packed weights: 16 output rows side by side -------------------------------------------------
 *
 * A matrix [rows, cols] is kept as ceil(rows / 16) panels. A panel holds 16 rows of all k, blocks of k
 * ascending; missing rows of the last panel are zeros (scales too). docs/formats/number-formats.md draws each. */
#define PANEL_ROWS 16u

/* Bytes of one panel of `cols` values per row; cols is a multiple of the format's block_values (F16 and
 * BF16: odd cols are padded with one zero). 0 for a format without panels. */
size_t panel_bytes(dtype type, size_t cols);

/* Packs `count` (1..16) rows from the file's row layout: rows[i] points at row i. Exact, no rounding. */
void panel_pack(dtype type, size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel);

/* ---- activations ---------------------------------------------------------------------------------
 *
 * What a product multiplies with. Three kinds, prepared once per input and used by many matrices:
 *   ACTIVATION_F32   binary32 as they are
 *   ACTIVATION_BF16  rounded to bf16 (nearest even), k padded to even with zeros
 *   ACTIVATION_Q8    blocks of 32: d = amax / 127, q = rint(x * (127 / amax)) (0 where amax is 0 or not
 *                    finite), s = d * (float)sum(q)
 * The layout is the kernels' own. */
typedef enum activation_kind { ACTIVATION_F32, ACTIVATION_BF16, ACTIVATION_Q8, ACTIVATION_KINDS } activation_kind;

activation_kind activation_for(dtype type, compute how);
/* Bytes for `tokens` rows of `k` values. 64-byte aligned storage is the caller's. */
size_t activation_bytes(activation_kind kind, size_t tokens, size_t k);

typedef struct kernel_table {
    const char *name; /* "scalar", "avx2", "avx512", "neon" */

    /* Writes rows [token_begin, token_end) of the activation of x [tokens, k] (row stride ldx). */
    void (*activation_prepare[ACTIVATION_KINDS])(const float *x, size_t ldx, size_t tokens, size_t k,
                                                 size_t token_begin, size_t token_end, void *activation);

    /* y[t * ldy + r] = row r of the matrix . x[t], for r in panels [panel_begin, panel_end), r < rows, and all
     * tokens t. `panels` is panel 0; `activation` is of kind activation_for(type, how). `scratch` has
     * MATMUL_SCRATCH_BYTES, one per thread, 64-byte aligned. */
    void (*matmul[2][DTYPE_LIMIT])(const uint8_t *panels, size_t rows, size_t cols, const void *activation,
                                   size_t tokens, float *y, size_t ldy, size_t panel_begin, size_t panel_end,
                                   void *scratch);

    /* Dequantises k in [k_begin, k_end) (multiples of the block) of one panel to out[(k - k_begin) * 16 + row]. */
    void (*panel_dequantize[DTYPE_LIMIT])(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out);
    /* One row (0..15) of a panel, all k: an embedding. Exact. */
    void (*panel_row[DTYPE_LIMIT])(const uint8_t *panel, size_t cols, unsigned row, float *out);

    /* out = x / sqrt(mean(x^2) + eps) * weight (NULL: no weight). In place allowed. The sum is rule 4's; mean = sum /
     * n, and each value is (x * (1 / sqrt(mean + eps))) * weight. */
    void (*rms_norm)(const float *x, const float *weight, float eps, size_t n, float *out);
    /* d = x - sum / n; v = sum(d^2) / n with p = fma(d, d, p); out = (d * (1 / sqrt(v + eps))) * weight + bias, each
     * step rounded. weight and bias may be NULL: no such step. In place allowed. Ba et al., 2016. */
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float eps, size_t n, float *out);
    void (*add)(const float *a, const float *b, size_t n, float *out); /* out = a + b, in place allowed */
    void (*mul)(const float *a, const float *b, size_t n, float *out); /* out = a * b, in place allowed */
    void (*scale)(const float *a, float factor, size_t n, float *out); /* in place allowed */
    void (*clamp)(const float *a, float limit, size_t n, float *out);  /* into [-limit, limit]; NaN stays; in place */
    void (*silu_mul)(const float *gate, const float *up, size_t n,
                     float *out); /* gate / (1 + exp(-gate)) * up; in place */
    /* What stands between the two products of an MLP: kernels/activate.h has the kinds, parameters and formulas. In
     * place allowed. */
    void (*activate[ACTIVATE_KINDS])(const float *x, const float *parameters, size_t n, float *out);
    /* gpt-oss's: g = min(gate, limit), u = min(max(up, -limit), limit); (u + 1) * (g / (1 + exp(-1.702 g))); in place
     */
    void (*swiglu_clamped)(const float *gate, const float *up, float limit, size_t n, float *out);
    void (*exp)(const float *x, size_t n, float *out);
    void (*log)(const float *x, size_t n, float *out);
    void (*sin)(const float *x, size_t n, float *out);
    void (*cos)(const float *x, size_t n, float *out);
    void (*tanh)(const float *x, size_t n, float *out);
    void (*erf)(const float *x, size_t n, float *out);

    /* Rotates pairs (x[i], x[i + half]) of one head by cos[i], sin[i], i < half = rotary_dim / 2; values from
     * rotary_dim on stay. In place. x' = x0 * c - x1 * s computed as fma(x0, c, -(x1 * s)); y' = fma(x1, c, x0 * s). */
    void (*rope)(float *x, const float *cos, const float *sin, size_t rotary_dim);

    /* max and rule 4's sum over n >= 1 values; argmax takes the lowest index among equals (NaN never wins). */
    float (*max)(const float *x, size_t n);
    float (*sum)(const float *x, size_t n);
    size_t (*argmax)(const float *x, size_t n);
    /* out = exp(x - max) ; returns the sum. In place allowed. Softmax and log-softmax are built on it. */
    float (*exp_sum)(const float *x, float max, size_t n, float *out);

    /* Work for measuring the machine (tensor/measure.h), in its order of kinds: binary32, bf16, 8-bit integers.
     * Each call multiplies out of registers for `rounds` rounds and returns the operations done. */
    uint64_t (*measure_peak[3])(uint64_t rounds);
    void (*measure_read)(const void *bytes, size_t size_bytes); /* reads all; size a multiple of 64 */

    /* KV cache and attention: kernels/attention.h */
    const struct attention_table *attention;

    /* Gradients: kernels/gradient.h */
    const struct gradient_table *gradient;

    /* What optimisers do to each value: kernels/optimize.h */
    const struct optimize_table *optimize;
} kernel_table;

#define MATMUL_SCRATCH_BYTES ((size_t)64 << 10)

/* The table for this machine: HEARTH_ISA=scalar|avx2|avx512|neon forces one. kernels_select returns
 * NULL for a name that this CPU cannot run or that is unknown. Features come from platform/cpu.h; kernels/ does not
 * look. */
typedef struct kernel_cpu {
    bool avx2, avx512, vnni, bf16, neon, dotprod;
} kernel_cpu;
const kernel_table *kernels_select(const char *forced_name, kernel_cpu cpu);
/* All variants that were built and that this CPU runs, for tests and benches. */
size_t kernels_variants(kernel_cpu cpu, const kernel_table *ret[8]);

/* Binary64 functions for tables made once (RoPE frequencies and angles, YaRN): own polynomials, the same on
 * every machine, compiled without contraction. Errors under 2 ulp for the ranges that models use. */
double math64_exp(double x);
double math64_log(double x);
double math64_pow(double base, double exponent);
double math64_sin(double x); /* |x| < 1e9 */
double math64_cos(double x);

/* Exact conversions, scalar. */
float f16_to_f32(uint16_t half);
uint16_t f16_from_f32(float value); /* nearest even */
static inline float bf16_to_f32(uint16_t bits)
{
    union {
        uint32_t u;
        float f;
    } both = {.u = (uint32_t)bits << 16};
    return both.f;
}
uint16_t bf16_from_f32(float value); /* nearest even, NaN stays NaN */
float e4m3_to_f32(uint8_t byte);     /* FP8: 4 bits of exponent (bias 7), 3 of fraction, no infinities; 127 is a NaN */

#endif
