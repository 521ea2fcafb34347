/* One sequence's keys and values, every layer. The layout inside a layer is the kernels' (kernels/attention.h). */
#ifndef MODEL_KV_CACHE_H
#define MODEL_KV_CACHE_H

#include "kernels/attention.h"
#include "model/config.h"
#include "nn/rope.h"

typedef struct kv_cache {
    cache_shape shape;
    uint32_t positions; /* as they were asked for */
    rope_table rope;    /* of a sequence that turns otherwise than others (rope_config.switch_context): made when first
                           used, with frequencies of its own */
    uint32_t layers;
    uint8_t *storage;
    size_t keys_bytes, values_bytes; /* of one layer */
} kv_cache;

/* `positions` is rounded up to ATTENTION_BLOCK. Memory is touched as positions are filled. */
hearth_status kv_cache_create(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                              hearth_error *error);
void kv_cache_free(kv_cache *cache);

#endif
