/* One sequence's past: keys and values of every layer that has them, the states of those that are recurrent. The layout
 * inside a layer is the kernels' (kernels/attention.h, nn/delta_net.h).
 *
 * Keys and values lie in pages of ATTENTION_BLOCK positions, each of all layers, one layer behind the other. They are
 * the cache's own, or somebody else's, who sees to it that there are pages for a step's positions before the step.
 *
 * Keys and values can be cut back to any position: who goes on from there writes over what lies behind. A state cannot.
 * It is that of one position; besides, the cache keeps a checkpoint, and the state of position 0 is zeros. From which
 * positions a sequence can go on, kv_cache_reach says; forward_step, given such a position, takes the cache there. */
#ifndef MODEL_KV_CACHE_H
#define MODEL_KV_CACHE_H

#include "kernels/attention.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "nn/rope.h"

typedef struct kv_cache {
    cache_shape shape;
    uint32_t positions; /* as they were asked for */
    uint32_t capacity;  /* a multiple of ATTENTION_BLOCK */
    rope_table rope;    /* of a sequence that turns otherwise than others (rope_config.switch_context): made when first
                           used, with frequencies of its own */
    uint32_t layers;    /* with keys and values */
    uint8_t **pages;    /* [capacity / ATTENTION_BLOCK] */
    size_t storage_bytes;
    uint8_t *storage;                            /* where its own pages lie; NULL: they are not its own */
    size_t keys_bytes, values_bytes, page_bytes; /* of one layer in a page; of a page */
    float *states;                               /* [recurrent layers, state_floats]; NULL: there are none */
    float *checkpoint;                           /* as many */
    size_t state_floats, states_bytes;
    uint32_t state_position, checkpoint_position; /* tokens that they have seen, or KV_CACHE_NOWHERE */
} kv_cache;

#define KV_CACHE_NOWHERE UINT32_MAX

/* The caller's choice, a cache_type, or -1: binary32 for COMPUTE_F32, binary16 for COMPUTE_NATIVE. */
cache_type kv_cache_choose(compute how, int wanted);

/* `positions` is rounded up to ATTENTION_BLOCK. Memory is touched as positions are filled. */
hearth_status kv_cache_create(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                              hearth_error *error);
/* The same without pages: the table is NULLs, the caller's to fill. */
hearth_status kv_cache_create_paged(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                                    hearth_error *error);
/* Bytes of a page, a multiple of 64. */
size_t kv_cache_page_bytes(const model_config *c, cache_type type);
void kv_cache_free(kv_cache *cache);

/* The last position up to `length` from which the sequence can go on: `length` where all is keys and values. */
uint32_t kv_cache_reach(const kv_cache *cache, uint32_t length);
/* Keeps the states, if they are those of this position, in place of the checkpoint before. */
void kv_cache_keep(kv_cache *cache, uint32_t position);
/* Fills positions [0, positions) of every layer with keys and values about as large as a model's, the same in every
 * ATTENTION_BLOCK of them, as if they had been computed; states become zeros. For measuring (hearth bench --context).
 */
hearth_status kv_cache_synthesize(kv_cache *cache, const kernel_table *k, uint32_t positions, hearth_error *error);
/* Takes the states to a position that kv_cache_reach gave. */
void kv_cache_seek(kv_cache *cache, uint32_t position);

#endif
