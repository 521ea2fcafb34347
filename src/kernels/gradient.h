/* What training computes besides the kernels of inference (docs/numerics.md, "Gradients").
 *
 * Everything is binary32 in rows as they lie in memory: nothing is packed beforehand. Products are one chain an
 * element, over outputs n in a gradient of inputs and over tokens t in a gradient of weights. */
#ifndef KERNELS_GRADIENT_H
#define KERNELS_GRADIENT_H

#include "kernels/attention.h"

/* c[i][j] = chain over k: acc = fma(a(i, k), b(k, j), acc), k ascending from 0, or from what is in c (`resume`). */
typedef struct gradient_product {
    const float *a; /* a(i, k) is a[i * a_row + k * a_step]; one of the two is 1 */
    size_t a_row, a_step;
    const float *b; /* b(k, j) is b[k * ldb + j] */
    size_t ldb;
    float *c; /* c[i * ldc + j]; apart from a and b */
    size_t ldc;
    size_t rows, cols, steps; /* of i, j, k */
    bool resume;
} gradient_product;

#define GRADIENT_BLOCK ATTENTION_BLOCK /* positions */

/* Causal attention of one sequence and one key head with the `group` query heads that read it. Rows are tokens; query
 * head h of the group begins h * head_dim behind. `max`, `sum`: what attend left (attention_form); `dots`: the sum by
 * rule 4 of d_out * out, each at [t * ld_stat + h].
 *
 * For t >= j, in blocks of 64 x 64 positions:
 *     p = exp(scale * chain_d(q_t, k_j) - max_t) * (1 / sum_t)
 *     g = (p * (chain_d(d_out_t, v_j) - dots_t)) * scale
 *     dq_t = chain over j of fma(g, k_j, dq_t)
 *     dk_j = chain over heads, then t, of fma(g, q_t, dk_j)
 *     dv_j = chain over heads, then t, of fma(p, d_out_t, dv_j)
 * all ascending. In the blocks on the diagonal pairs with t < j take part with p = 0 and g = 0. */
typedef struct gradient_attention {
    size_t tokens;
    uint32_t group, head_dim;
    float scale;
    const float *q;
    size_t ldq;
    const float *k, *v;
    size_t ldkv;
    const float *d_out;
    size_t ldo;
    const float *max, *sum, *dots;
    size_t ld_stat;
    float *dq; /* row strides ldq and ldkv, too */
    float *dk, *dv;
} gradient_attention;

typedef struct gradient_table {
    /* `scratch`: GRADIENT_SCRATCH_BYTES, one per thread, 64-byte aligned. */
    void (*product)(const gradient_product *p, void *scratch);
    /* The same by rule 2: operands rounded to bf16, k in pairs, the odd one first, an odd end paired with zeros. */
    void (*product_bf16)(const gradient_product *p, void *scratch);
    /* `scratch`: gradient_attention_bytes(head_dim). */
    void (*attention)(const gradient_attention *a, void *scratch);
    float (*dot)(const float *a, const float *b, size_t n); /* the sum by rule 4 with p = fma(a, b, p) */
    /* f = 1 / sqrt(mean(x^2) + eps): the factor of kernel_table's rms_norm, to the bit */
    float (*rms_factor)(const float *x, float eps, size_t n);
    /* u = x * f, g = dy * weight; m = (sum by rule 4 with p = fma(g, u, p)) / n; dx = f * fma(-u, m, g), and where
     * `add` is not NULL dx = add + that. In place allowed (dx is dy or add). */
    void (*rms_norm_input)(const float *x, const float *weight, float factor, const float *dy, const float *add,
                           size_t n, float *dx);
    /* dw = fma(dy, x * f, dw) */
    void (*rms_norm_weight)(const float *x, float factor, const float *dy, size_t n, float *dw);
    /* rope's gradient: the turn back. dx0 = fma(d0, c, d1 * s), dx1 = fma(d1, c, -(d0 * s)). In place. */
    void (*rope)(float *d, const float *cos, const float *sin, size_t rotary_dim);
    /* silu_mul's: e = exp(-gate), r = 1 / (1 + e); dup = d * (gate * r); dgate = ((d * up) * r) * fma(gate, 1 - r, 1).
     * dgate or dup may be d. */
    void (*silu_mul)(const float *gate, const float *up, const float *d, size_t n, float *dgate, float *dup);
} gradient_table;

#define GRADIENT_SCRATCH_BYTES ((size_t)224 << 10)

static inline size_t gradient_attention_bytes(size_t head_dim)
{
    return GRADIENT_SCRATCH_BYTES + 2 * GRADIENT_BLOCK * (GRADIENT_BLOCK + head_dim) * sizeof(float);
}

#endif
