/* The size of a layer's KV cache. */
#include "kernels/attention.h"

static size_t cache_value_bytes(cache_type type)
{
    return type == CACHE_F16 ? sizeof(uint16_t) : sizeof(float);
}

size_t cache_keys_bytes(cache_shape shape)
{
    return (size_t)shape.kv_heads * shape.capacity * shape.head_dim * cache_value_bytes(shape.type);
}

size_t cache_values_bytes(cache_shape shape)
{
    const size_t padded_dim = ((size_t)shape.head_dim + 15) / 16 * 16;
    return (size_t)shape.kv_heads * shape.capacity * padded_dim * cache_value_bytes(shape.type);
}
