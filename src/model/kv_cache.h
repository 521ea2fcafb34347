/* One sequence's keys and values, every layer. The layout inside a layer is the kernels' (kernels/attention.h). */
#ifndef MODEL_KV_CACHE_H
#define MODEL_KV_CACHE_H

#include "kernels/attention.h"
#include "model/config.h"

typedef struct kv_cache {
    cache_shape shape;
    uint32_t layers;
    uint8_t *storage;
    size_t keys_bytes, values_bytes; /* of one layer */
} kv_cache;

/* The caller's choice, a cache_type, or -1: binary32 for COMPUTE_F32, binary16 for COMPUTE_NATIVE. */
cache_type kv_cache_choose(compute how, int wanted);

/* `positions` is rounded up to ATTENTION_BLOCK. Memory is touched as positions are filled. */
hearth_status kv_cache_create(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                              hearth_error *error);
void kv_cache_free(kv_cache *cache);

#endif
