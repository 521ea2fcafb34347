/* A gated delta net's kernels (kernels/delta_net.h). */
#include "kernels/delta_net.h"

#include "kernels/fill.h"
#include "kernels/v16_math.h"

#define DELTA_WIDE 4u /* panels of a state side by side */

V16_INLINE v16f delta_silu(v16f x)
{
    return v16f_div(x, v16f_add(v16f_set1(1.0f), v16_exp(v16f_neg(x))));
}

/* Up to 16 channels. From the last token to the first, so that what a token reads is not overwritten yet. */
static void delta_convolve_16(float *x, size_t ldx, size_t tokens, float *tail, const float *weights, size_t ldw,
                              size_t taps, size_t n)
{
    const size_t before = taps - 1;
    v16f kept[DELTA_TAPS_MAX];
    for (size_t i = 0; i < before; i++) { /* row tokens + i of tail and x together */
        const size_t row = tokens + i;
        kept[i] = row < before ? v16f_load_n(tail + row * ldw, n) : v16f_load_n(x + (row - before) * ldx, n);
    }
    for (size_t t = tokens; t-- > 0;) {
        v16f sum = v16f_zero();
        for (size_t i = 0; i < taps; i++) {
            const size_t row = t + i;
            const float *from = row < before ? tail + row * ldw : x + (row - before) * ldx;
            sum = v16f_fma(v16f_load_n(weights + i * ldw, n), v16f_load_n(from, n), sum);
        }
        v16f_store_n(x + t * ldx, delta_silu(sum), n);
    }
    for (size_t i = 0; i < before; i++) {
        v16f_store_n(tail + i * ldw, kept[i], n);
    }
}

static void delta_convolve(float *x, size_t ldx, size_t tokens, float *tail, const float *weights, size_t ldw,
                           size_t taps, size_t begin, size_t end)
{
    for (size_t c = begin; c < end; c += 16) {
        delta_convolve_16(x + c, ldx, tokens, tail + c, weights + c, ldw, taps, end - c < 16 ? end - c : 16);
    }
}

/* One token, `wide` panels from column `column` on. */
V16_INLINE void delta_token(const delta_head *h, float *state, float *out, size_t token, size_t column,
                            const unsigned wide)
{
    const size_t panel = h->key_dim * 16;
    const float *q = h->q + token * h->key_dim;
    const float *k = h->k + token * h->key_dim;
    const v16f decay = v16f_set1(h->decay[token]);
    const v16f write = v16f_set1(h->write[token]);
    v16f sum[DELTA_WIDE];
    v16f change[DELTA_WIDE];
#pragma GCC unroll 4
    for (unsigned j = 0; j < wide; j++) {
        sum[j] = v16f_zero();
    }
    for (size_t i = 0; i < h->key_dim; i++) {
        const v16f key = v16f_set1(k[i]);
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            sum[j] = v16f_fma(v16f_load(state + j * panel + i * 16), key, sum[j]);
        }
    }
#pragma GCC unroll 4
    for (unsigned j = 0; j < wide; j++) {
        const size_t at = column + j * 16;
        const size_t n = h->value_dim - at < 16 ? h->value_dim - at : 16;
        const v16f v = v16f_load_n(h->v + token * h->ldv + at, n);
        change[j] = v16f_mul(v16f_sub(v, v16f_mul(decay, sum[j])), write);
        sum[j] = v16f_zero();
    }
    for (size_t i = 0; i < h->key_dim; i++) {
        const v16f key = v16f_set1(k[i]);
        const v16f query = v16f_set1(q[i]);
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            float *at = state + j * panel + i * 16;
            const v16f s = v16f_fma(key, change[j], v16f_mul(decay, v16f_load(at)));
            v16f_store(at, s);
            sum[j] = v16f_fma(s, query, sum[j]);
        }
    }
#pragma GCC unroll 4
    for (unsigned j = 0; j < wide; j++) {
        const size_t at = column + j * 16;
        v16f_store_n(out + token * h->ldo + at, sum[j], h->value_dim - at < 16 ? h->value_dim - at : 16);
    }
}

static void delta_recur(const delta_head *h, float *state, float *out)
{
    const size_t panel = h->key_dim * 16;
    size_t column = 0;
    for (; column + 16 * (DELTA_WIDE - 1) < h->value_dim; column += 16 * DELTA_WIDE) {
        for (size_t t = 0; t < h->tokens; t++) {
            delta_token(h, state + column / 16 * panel, out, t, column, DELTA_WIDE);
        }
    }
    for (; column < h->value_dim; column += 16) {
        for (size_t t = 0; t < h->tokens; t++) {
            delta_token(h, state + column / 16 * panel, out, t, column, 1);
        }
    }
}

static void delta_sigmoid_gate(const float *gate, const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        const v16f e = v16_exp(v16f_neg(v16f_load_n(gate + i, count)));
        v16f_store_n(out + i, v16f_div(v16f_load_n(x + i, count), v16f_add(v16f_set1(1.0f), e)), count);
    }
}

const delta_table V16_NAME(kernels_delta) = {delta_convolve, delta_recur, delta_sigmoid_gate};
