/* A gated delta net: linear attention whose past is a matrix a head, and not a row a position (Yang et al., "Gated
 * delta networks: improving Mamba2 with the delta rule", 2024; as in Qwen3-Next).
 *
 * A token's q, k and v go through a short causal convolution over tokens and SiLU. Each value head keeps a state S
 * [key_dim, value_dim], which a token shrinks by its decay and corrects: what S has at the key moves towards the value.
 * The result is S at the query, normed, times the SiLU of a gate z. The recurrence is computed token by token
 * (kernels/delta_net.h): however a text is cut, the same chains are computed.
 *
 * Value heads [h * share, (h + 1) * share), share = value_heads / key_heads, read key head h. */
#ifndef NN_DELTA_NET_H
#define NN_DELTA_NET_H

#include "kernels/attention.h"
#include "nn/attention.h"
#include "nn/linear.h"

typedef struct delta_config {
    uint32_t taps;                   /* of the convolution, the token itself among them; 0: no layer is a delta net */
    uint32_t key_heads, value_heads; /* key_heads divides value_heads */
    uint32_t key_dim, value_dim;     /* of a head */
} delta_config;

/* Channels of the convolution: q of all key heads, k of all, v of all value heads. */
static inline size_t delta_channels(const delta_config *c)
{
    return 2 * (size_t)c->key_heads * c->key_dim + (size_t)c->value_heads * c->value_dim;
}
static inline size_t delta_values(const delta_config *c)
{
    return (size_t)c->value_heads * c->value_dim;
}
/* What a layer keeps of a sequence, binary32: the last taps - 1 rows that went into the convolution (stride
 * delta_stride), then each value head's state. Both in floats. */
size_t delta_stride(const delta_config *c);
size_t delta_state_floats(const delta_config *c);

typedef struct nn_delta {
    const delta_config *config;
    const matrix *qkv;      /* [channels, width], or with the rows of z behind them */
    const matrix *z;        /* [values, width], or NULL: they are in qkv */
    const matrix *ba;       /* [2 * value_heads, width]: of how much is written, then of the decay */
    const float *taps;      /* [taps, channels], stride delta_stride: the oldest token's first */
    const float *rate;      /* [value_heads]: negative */
    const float *step_bias; /* [value_heads] */
    nn_norm norm;           /* [value_dim] */
    size_t layer;           /* among those that are delta nets: place of the state */
} nn_delta;

#define DELTA_TOKENS 32u /* of a head at a time */

/* Room of a step. */
typedef struct delta_room {
    float *mixed; /* [tokens, channels + values]: q, k, v, z */
    float *ba;    /* [tokens, 2 * value_heads] */
    size_t ldm, ldb;
    float **heads; /* [parts]: delta_head_floats each */
} delta_room;
size_t delta_head_floats(const delta_config *c);

/* x [tokens, width] through `norm` to out [tokens, values] (stride ldo), the states moved on by each sequence's tokens.
 * x is complete on entry; a barrier at the end is the caller's. */
void nn_delta_apply(const nn_worker *w, const nn_delta *d, const delta_room *room, const nn_norm *norm, const float *x,
                    size_t ldx, size_t width, const nn_attention *a);

#endif
