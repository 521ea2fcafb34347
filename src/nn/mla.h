/* Multi-head latent attention (DeepSeek-AI, "DeepSeek-V2", 2024), in the absorbed form.
 *
 * A token's keys and values are kept as one latent row c [kv_rank] and one rotated row k_r [rope], shared by all heads.
 * A head's key would be (K_h c, k_r) and its value V_h c; instead of making them, the query is taken to the latent: q_h
 * . K_h c = (K_h^T q_h) . c, and V_h is applied to the sum of latents. So attention is that of one key head with rows
 * (c, k_r), and values c (kept with zeros in place of k_r). Prefill and decoding take the same way: one result. */
#ifndef NN_MLA_H
#define NN_MLA_H

#include "nn/attention.h"
#include "nn/linear.h"

typedef struct mla_config {
    uint32_t kv_rank;           /* 0: no latent attention */
    uint32_t q_rank;            /* 0: queries come from the input itself */
    uint32_t nope, rope, value; /* sizes in a head: not rotated, rotated, of values */
} mla_config;

typedef struct nn_mla {
    const mla_config *config;
    uint32_t heads;
    const matrix *q_a;  /* [q_rank, width], or NULL */
    nn_norm q_norm;     /* [q_rank] */
    const matrix *q;    /* [heads * (nope + rope), q_rank or width] */
    const matrix *kv_a; /* [kv_rank + rope, width] */
    nn_norm kv_norm;    /* [kv_rank] */
    const matrix *k_b;  /* [heads]: [kv_rank, nope] */
    const matrix *v_b;  /* [heads]: [value, kv_rank] */
    const rope_table *rope;
} nn_mla;

#define MLA_TOKENS 64u /* of a head's product at a time */

/* Room of a step. */
typedef struct mla_room {
    float *q_a, *q, *kv_a; /* [tokens, q_rank], [tokens, heads * (nope + rope)], [tokens, kv_rank + rope] */
    size_t ldqa, ldq, ldkv;
    nn_input *heads; /* [parts]: MLA_TOKENS tokens of a head's input */
} mla_room;

/* x [tokens, width] through `norm` to queries [tokens, heads * (kv_rank + rope)], keys and values [tokens, kv_rank +
 * rope] in `a`. x is complete on entry; a barrier at the end is the caller's. `places`: each token's position. */
void nn_mla_enter(const nn_worker *w, const nn_mla *mla, const mla_room *room, const nn_norm *norm, const float *x,
                  size_t ldx, size_t width, const uint32_t *places, const nn_attention *a);

/* a->out [tokens, heads * (kv_rank + rope)], complete, to y [tokens, heads * value]. A barrier at the end is the
 * caller's. */
void nn_mla_leave(const nn_worker *w, const nn_mla *mla, const mla_room *room, const nn_attention *a, size_t tokens,
                  float *y, size_t ldy);

#endif
