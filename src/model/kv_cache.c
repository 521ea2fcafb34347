/* Storage of one sequence's keys and values: per layer the keys, then the values. */
#include "model/kv_cache.h"

#include "base/memory.h"

cache_type kv_cache_choose(compute how, int wanted)
{
    if (wanted >= 0) {
        return (cache_type)wanted;
    }
    return how == COMPUTE_F32 ? CACHE_F32 : CACHE_F16;
}

hearth_status kv_cache_create(const model_config *c, cache_type type, size_t positions, kv_cache *ret,
                              hearth_error *error)
{
    if (positions == 0 || positions > LIMIT_CONTEXT) {
        return error_set(error, HEARTH_E_LIMIT, "context length", "1 to 67108864", "%zu", positions);
    }
    kv_cache cache = {
        .shape = {.type = type,
                  .kv_heads = c->kv_heads,
                  .head_dim = c->head_dim,
                  .capacity = (uint32_t)size_round_up(positions, ATTENTION_BLOCK)},
        .layers = c->form.bidirectional ? 1 : c->layers, /* an encoder's layers use it in turn */
    };
    cache.keys_bytes = size_round_up(cache_keys_bytes(cache.shape), 64);
    cache.values_bytes = size_round_up(cache_values_bytes(cache.shape), 64);
    size_t total = 0;
    if (!size_add(cache.keys_bytes, cache.values_bytes, &total) || !size_mul(total, cache.layers, &total)) {
        return error_set(error, HEARTH_E_LIMIT, "KV cache", "a size that fits in memory", "%zu positions", positions);
    }
    cache.storage = mem_alloc_aligned(total, 64);
    if (cache.storage == NULL) {
        return error_memory(error, total);
    }
    *ret = cache;
    return HEARTH_OK;
}

void kv_cache_free(kv_cache *cache)
{
    mem_free(cache->storage);
    *cache = (kv_cache){0};
}
