/* What a step works with. Private to model/: forward_build.c makes it, forward.c uses it. */
#ifndef MODEL_FORWARD_STATE_H
#define MODEL_FORWARD_STATE_H

#include "base/arena.h"
#include "model/forward.h"
#include "nn/attention.h"
#include "nn/delta_net.h"
#include "nn/embedding.h"
#include "nn/mla.h"
#include "nn/mlp.h"
#include "nn/moe.h"

/* A layer as the functions of nn/ want it: views of the weights, made once. */
typedef struct forward_layer {
    nn_mlp mlp; /* of a dense layer */
    bool is_latent;
    nn_mla mla;
    bool is_delta;
    nn_delta delta;
    bool is_moe;
    nn_moe moe;
    nn_mlp shared;
} forward_layer;

struct forward {
    model *m;
    size_t chunk;
    arena *memory;          /* every buffer below but the logits */
    float *x;               /* [chunk, width] */
    float *q, *k, *v, *out; /* [chunk, heads * head_dim, and the gates], keys' width twice, heads * head_dim or a delta
                               net's values */
    float *a, *b;           /* [chunk, max(ffn, width)], [chunk, max(ffn, width)] */
    float *c;               /* [chunk, width]: attention's result where the MLP does not wait for it; experts' sum */
    float *pair;            /* of a head: [chunk, 2 * width] */
    size_t ldx, ldq, ldo, ldkv, lda, ldp;
    float *gathered; /* of an encoder's attention: nn_attention has it */
    float *type_row; /* token type 0's row, [width], or NULL */
    float *logits; /* NULL where there is no output matrix;  [FORWARD_LOGIT_ROWS or chunk if that is less, vocabulary];
                      pages are touched as rows are wanted */
    size_t logit_rows;
    nn_input shared;
    nn_worker *workers;    /* [parts] */
    thread_claims *claims; /* theirs */
    rope_table rope, rope_local;
    forward_layer *layers;                /* [config.layers] */
    nn_attention_layer *attention_layers; /* [config.layers] */
    nn_embedding embedding;
    moe_room room;
    mla_room latent;
    delta_room delta;
    atomic_uint *next; /* [layers] */
    /* of this step */
    int32_t *ids;     /* [chunk] */
    uint32_t *places; /* [chunk]: positions */
    size_t *wanted;   /* [chunk]: token of each wanted row */
    nn_sequence *sequences;
    nn_attention attention;
    size_t tokens, rows, sequence_count;
    bool without_logits;
    size_t logits_first, logits_count; /* the rows that lie in `logits` */
    forward_watch_fn watch;
    void *watch_context;
    /* by the watch: written by part 0 at the beginning of a layer, read by all behind its first barriers */
    bool stopped;
};
/* Makes cache->rope where it is not there, and lets it reach so many positions. */
hearth_status forward_rope_of(const forward *f, kv_cache *cache, size_t positions, hearth_error *error);

#endif
