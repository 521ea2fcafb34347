/* Kernels of a gated delta net (nn/delta_net.h): a convolution over tokens, the recurrence, gates.
 *
 * The state of one value head is a matrix S [key_dim, value_dim], kept in panels of 16 columns (PANEL_ROWS):
 * S[value / 16][key][value % 16], binary32; columns that are missing in the last panel are zeros. What comes out of a
 * column depends on that column alone, so that columns lie side by side in registers, and a column's sums are chains
 * over the key's index. */
#ifndef KERNELS_DELTA_NET_H
#define KERNELS_DELTA_NET_H

#include <stddef.h>

#define DELTA_TAPS_MAX 16u /* of the convolution */

/* One head, some consecutive tokens. */
typedef struct delta_head {
    size_t key_dim, value_dim, tokens;
    const float *q, *k; /* [tokens, key_dim] */
    const float *v;     /* [tokens, value_dim], row stride ldv */
    const float *decay,
        *write;      /* [tokens]: what is left of the state, and the share of the difference that is written */
    size_t ldv, ldo; /* ldo: row stride of the output */
} delta_head;

typedef struct delta_table {
    /* y[t][c] = silu(acc), where acc = fma(weights[i][c], x[t - taps + 1 + i][c], acc) for i ascending from acc = 0,
     * and silu(a) = a / (1 + exp(-a)); for channels c in [begin, end), `begin` a multiple of 16. Rows before token 0
     * are those of `tail` [taps - 1, channels], the oldest first, which then gets the last ones of what was put in. x
     * [tokens, channels] (row stride ldx) becomes y in place. weights: [taps, channels]; the row stride of weights and
     * tail is ldw. 2 <= taps <= DELTA_TAPS_MAX, tokens >= 1. */
    void (*convolve)(float *x, size_t ldx, size_t tokens, float *tail, const float *weights, size_t ldw, size_t taps,
                     size_t begin, size_t end);
    /* For each token in turn, for each column j of the state, chains over i ascending:
     *   m = chain(S[i][j], k[i])                  acc = fma(S[i][j], k[i], acc) from 0
     *   d = (v[j] - decay * m) * write
     *   S[i][j] = fma(k[i], d, decay * S[i][j])
     *   out[j] = chain(S[i][j], q[i])             acc = fma(S[i][j], q[i], acc) from 0, of the new S
     * each other operation rounded. (Yang et al., "Gated delta networks", 2024: S = decay S + k (v - decay k S) write.)
     */
    void (*recur)(const delta_head *head, float *state, float *out);
    /* out = x / (1 + exp(-gate)), in place allowed */
    void (*sigmoid_gate)(const float *gate, const float *x, size_t n, float *out);
} delta_table;

#endif
