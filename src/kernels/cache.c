/* The size of a layer's part of a page. */
#include "kernels/attention.h"

const char *const cache_type_names[CACHE_TYPES + 1] = {"f32", "f16", "bf16", "q8_0", "q4_0", NULL};

size_t cache_keys_bytes(cache_shape shape)
{
    const size_t tiles = ATTENTION_BLOCK / ATTENTION_TILE_POSITIONS;
    return (size_t)shape.kv_heads * tiles * cache_key_tile_bytes(shape.type, shape.head_dim);
}

size_t cache_values_bytes(cache_shape shape)
{
    return (size_t)shape.kv_heads * cache_value_block_bytes(shape.type, shape.head_dim);
}

double cache_position_bytes(cache_type type, uint32_t kv_heads, uint32_t head_dim)
{
    const cache_shape block = {type, kv_heads, head_dim};
    return (double)(cache_keys_bytes(block) + cache_values_bytes(block)) / ATTENTION_BLOCK;
}
