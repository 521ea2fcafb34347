/* Attention, causal or over the whole text, with grouped heads (Ainslie et al., "GQA", 2023) over the KV caches of one
 * or more sequences. */
#ifndef NN_ATTENTION_H
#define NN_ATTENTION_H

#include "kernels/attention.h"
#include "nn/norm.h"
#include "nn/rope.h"
#include "nn/worker.h"

#include <stdatomic.h>

/* One sequence's part of a step. */
typedef struct nn_sequence {
    cache_shape shape;
    const rope_table *rope; /* in place of the common one of layers; NULL: that one */
    uint8_t *const *pages;  /* kernels/attention.h */
    size_t layer_bytes;     /* in a page, from one layer's keys to the next one's */
    size_t values_bytes;    /* from a layer's keys to its values */
    uint32_t position;      /* of the first token */
    uint32_t count;         /* tokens */
    size_t first;           /* its first token's row in the step */
    uint32_t wanted;        /* the last `wanted` tokens' outputs matter in the last layer */
    float *states;          /* of layers with a recurrent state (nn/delta_net.h), one behind the other, or NULL */
    size_t state_floats;    /* from one of them to the next */
} nn_sequence;

/* Norms on queries and keys. */
typedef enum qk_norm_kind {
    QK_NORM_NONE,
    QK_NORM_HEAD,  /* each head by itself, one weight [head_dim] for all */
    QK_NORM_HEADS, /* each head by itself, with its own weight: [heads, head_dim] */
    QK_NORM_ROW,   /* all heads together: [heads * head_dim] */
    QK_NORM_TURNED /* each head by itself, after RoPE and only where there is one, without a weight */
} qk_norm_kind;

/* Queries are multiplied with 1 + scale ln(1 + floor((position + offset) / length)), so that attention over a long text
 * stays as sharp (Nakanishi, "Scalable-Softmax", 2025; Llama 4). */
typedef struct query_temperature {
    float scale; /* 0: they are not */
    uint32_t length, offset;
} query_temperature;

#define NN_GATHERED 64u

/* What differs between layers. */
typedef struct nn_attention_layer {
    uint32_t slot;          /* which layer of the cache's pages is its own */
    const rope_table *rope; /* NULL: nothing turns */
    bool common_rope;       /* it is the one that a sequence may have another of */
    attention_form form;
    qk_norm_kind qk_norm;
    nn_norm q_norm, k_norm;
    bool bidirectional; /* every token sees the whole sequence, which is all in this step; form plain */
    float clip;         /* not 0: q, k and v into [-clip, clip] */
    query_temperature temperature;
} nn_attention_layer;

typedef struct nn_attention {
    uint32_t heads, kv_heads, head_dim;
    float scale; /* usually 1 / sqrt(head_dim) */
    const nn_attention_layer *layers;
    const nn_sequence *sequences;
    size_t sequence_count;
    size_t tokens;    /* of all sequences */
    float *q, *k, *v; /* [tokens, heads * head_dim], [tokens, kv_heads * head_dim] twice; normed and turned here */
    float *out;       /* [tokens, heads * head_dim] */
    float *gathered;  /* bidirectional: NN_GATHERED * head_dim floats for each thread; else NULL */
    size_t ldq, ldkv, ldo;
} nn_attention;

/* Turns q and k, stores k and v in layer `layer`, attends. `only_wanted`: of each sequence, just its last `wanted`
 * tokens. `next` is 0 on entry, one per layer: threads draw their pieces from it (which thread computes a piece does
 * not change its bits). On entry q, k and v are complete for every thread; at the end a barrier is the caller's. */
void nn_attention_apply(const nn_worker *w, const nn_attention *a, uint32_t layer, bool only_wanted, atomic_uint *next);

#endif
