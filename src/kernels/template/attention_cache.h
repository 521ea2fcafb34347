/* Elements of the KV cache (layouts: kernels/attention.h) over sixteen lanes: read, widened block by block, stored. */
#ifndef KERNELS_TEMPLATE_ATTENTION_CACHE_H
#define KERNELS_TEMPLATE_ATTENTION_CACHE_H

#include "kernels/attention.h"
#include "kernels/v16.h"

/* ---- reading ---- */

/* How many d share a scale, and so are walked at a time. */
V16_INLINE size_t cache_span(const cache_type type, size_t head_dim)
{
    return cache_is_quantized(type) ? CACHE_QUANTIZED_VALUES : head_dim;
}

/* Element `index` and the 15 after it, of formats without scales. */
V16_INLINE v16f cache_load(const void *from, size_t index, const cache_type type)
{
    return type == CACHE_F32   ? v16f_load((const float *)from + index)
           : type == CACHE_F16 ? v16f_load_f16((const uint16_t *)from + index)
                               : v16f_load_bf16((const uint16_t *)from + index);
}

/* d q of sixteen lanes: q signed bytes, or the low or high nibbles of bytes, less 8. */
V16_INLINE v16f cache_scaled(const uint8_t *bytes, size_t high, v16f scale, const cache_type type)
{
    if (type == CACHE_Q8_0) {
        return v16f_mul(scale, v16i_to_float(v16i_load_s8((const int8_t *)bytes)));
    }
    const v16i both = v16i_load_u8(bytes);
    const v16i q = high != 0 ? v16i_shr(both, 4) : v16i_and(both, v16i_set1(15));
    return v16f_mul(scale, v16i_to_float(v16i_sub(q, v16i_set1(8))));
}

/* The scales of a tile's block of 32 d, which begins at `block`. */
V16_INLINE v16f cache_key_scale(const uint8_t *block, const cache_type type)
{
    if (!cache_is_quantized(type)) {
        return v16f_zero();
    }
    return v16f_load_f16(
        (const uint16_t *)(const void *)(block + cache_elements_bytes(type, (size_t)ATTENTION_TILE_POSITIONS *
                                                                                CACHE_QUANTIZED_VALUES)));
}

/* The keys of 16 positions at d = i of the span that begins at `span`. */
V16_INLINE v16f cache_key(const uint8_t *span, size_t i, v16f scale, const cache_type type)
{
    if (type == CACHE_Q8_0) {
        return cache_scaled(span + i * 16, 0, scale, type);
    }
    if (type == CACHE_Q4_0) {
        return cache_scaled(span + i / 2 * 16, i % 2, scale, type);
    }
    return cache_load(span, i * 16, type);
}

/* Of a block of ATTENTION_BLOCK positions, the values at d = at, ..., at + 15; `scale` is that of the position. */
V16_INLINE v16f cache_value(const uint8_t *values, size_t padded_dim, size_t position, size_t at, float scale,
                            const cache_type type)
{
    if (!cache_is_quantized(type)) {
        return cache_load(values, position * padded_dim + at, type);
    }
    const uint8_t *block = values + at / CACHE_QUANTIZED_VALUES * cache_quantized_bytes(type, ATTENTION_BLOCK);
    if (type == CACHE_Q8_0) {
        return cache_scaled(block + position * 32 + at % 32, 0, v16f_set1(scale), type);
    }
    return cache_scaled(block + position * 16, at / 16 % 2, v16f_set1(scale), type);
}

/* The scales of the positions [begin, end) of a block and the 32 d that `at` is in; others around them, too. */
V16_INLINE void cache_value_scales(const uint8_t *values, size_t begin, size_t end, size_t at, float *ret,
                                   const cache_type type)
{
    const size_t elements = cache_elements_bytes(type, (size_t)ATTENTION_BLOCK * CACHE_QUANTIZED_VALUES);
    const uint8_t *block = values + at / CACHE_QUANTIZED_VALUES * cache_quantized_bytes(type, ATTENTION_BLOCK);
    const uint16_t *scales = (const uint16_t *)(const void *)(block + elements);
    for (size_t position = begin / 16 * 16; position < end; position += 16) {
        v16f_store(ret + position, v16f_load_f16(scales + position));
    }
}

/* ---- widening: a block of ATTENTION_BLOCK positions as it would be in CACHE_F32; meanwhile as many bytes from `ahead`
 * on, which are wanted next, are fetched into the second-level cache ---- */

V16_INLINE void cache_fetch(const uint8_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(from + i, 0, 2);
    }
}

V16_INLINE void cache_widen_keys_as(const uint8_t *keys, size_t head_dim, float *to, const uint8_t *ahead,
                                    const cache_type type)
{
    const size_t span = cache_span(type, head_dim);
    const size_t span_bytes = cache_is_quantized(type) ? cache_quantized_bytes(type, ATTENTION_TILE_POSITIONS)
                                                       : cache_key_tile_bytes(type, head_dim);
    for (size_t tile = 0; tile < ATTENTION_BLOCK / ATTENTION_TILE_POSITIONS; tile++) {
        const uint8_t *from = keys + tile * cache_key_tile_bytes(type, head_dim);
        for (size_t base = 0; base < head_dim; base += span, from += span_bytes) {
            const size_t count = head_dim - base < span ? head_dim - base : span;
            const v16f scale = cache_key_scale(from, type);
            cache_fetch(ahead + (from - keys), span_bytes);
            for (size_t i = 0; i < count; i++, to += 16) {
                v16f_store(to, cache_key(from, i, scale, type));
            }
        }
    }
}

V16_INLINE void cache_widen_values_as(const uint8_t *values, size_t padded_dim, float *to, const uint8_t *ahead,
                                      const cache_type type)
{
    const size_t piece = cache_elements_bytes(type, (size_t)ATTENTION_BLOCK * 16);
    float scales[ATTENTION_BLOCK];
    for (size_t at = 0; at < padded_dim; at += 16) {
        if (cache_is_quantized(type)) {
            cache_value_scales(values, 0, ATTENTION_BLOCK, at, scales, type);
        }
        cache_fetch(ahead + at / 16 * piece, piece);
        for (size_t position = 0; position < ATTENTION_BLOCK; position++) {
            const float scale = cache_is_quantized(type) ? scales[position] : 0.0f;
            v16f_store(to + position * padded_dim + at, cache_value(values, padded_dim, position, at, scale, type));
        }
    }
}

static void cache_widen_keys(const uint8_t *keys, size_t head_dim, float *to, const uint8_t *ahead, cache_type type)
{
    switch (type) {
    case CACHE_F16:
        cache_widen_keys_as(keys, head_dim, to, ahead, CACHE_F16);
        break;
    case CACHE_BF16:
        cache_widen_keys_as(keys, head_dim, to, ahead, CACHE_BF16);
        break;
    case CACHE_Q8_0:
        cache_widen_keys_as(keys, head_dim, to, ahead, CACHE_Q8_0);
        break;
    default:
        cache_widen_keys_as(keys, head_dim, to, ahead, CACHE_Q4_0);
    }
}

static void cache_widen_values(const uint8_t *values, size_t padded_dim, float *to, const uint8_t *ahead,
                               cache_type type)
{
    switch (type) {
    case CACHE_F16:
        cache_widen_values_as(values, padded_dim, to, ahead, CACHE_F16);
        break;
    case CACHE_BF16:
        cache_widen_values_as(values, padded_dim, to, ahead, CACHE_BF16);
        break;
    case CACHE_Q8_0:
        cache_widen_values_as(values, padded_dim, to, ahead, CACHE_Q8_0);
        break;
    default:
        cache_widen_values_as(values, padded_dim, to, ahead, CACHE_Q4_0);
    }
}

/* ---- storing ---- */

/* A block of 32 values of one position. */
typedef struct cache_block {
    int8_t q[CACHE_QUANTIZED_VALUES]; /* signed, in Q4_0 -8..7 */
    uint16_t d;
} cache_block;

/* x / d, rounded: q = rint(x * (1 / d)), cut to least..most. Q8_0: d = a / 127; Q4_0: d = e / -8, where a is the
 * largest magnitude and e the value that has it (the positive one of two). q = 0 where d is 0 or not finite. */
V16_INLINE void cache_quantize(const float *x, size_t n, const cache_type type, cache_block *ret)
{
    const v16f x0 = v16f_load_n(x, n < 16 ? n : 16);
    const v16f x1 = v16f_load_n(x + (n < 16 ? 0 : 16), n < 16 ? 0 : n - 16);
    const v16i magnitude = v16i_set1(0x7FFFFFFF);
    const v16i largest = v16i_max(v16i_and(v16f_bits(x0), magnitude), v16i_and(v16f_bits(x1), magnitude));
    const float amax = half_bits_float((uint32_t)v16i_fold_max(largest)); /* as integers, NaN is above infinity */
    const float top = v16f_fold_max(v16f_max(x0, x1));
    const float exact = type == CACHE_Q8_0 ? amax / 127.0f : (top == amax ? amax : -amax) / -8.0f;
    ret->d = half_f16_from_f32(exact);
    const float d = half_f16_to_f32(ret->d);
    v16i q0 = v16i_zero();
    v16i q1 = v16i_zero();
    if (d != 0.0f && d >= -65504.0f && d <= 65504.0f) {
        const v16f inverse = v16f_set1(1.0f / d);
        const v16i least = v16i_set1(type == CACHE_Q8_0 ? -127 : -8);
        const v16i most = v16i_set1(type == CACHE_Q8_0 ? 127 : 7);
        q0 = v16i_min(v16i_max(v16f_to_int(v16f_mul(x0, inverse)), least), most);
        q1 = v16i_min(v16i_max(v16f_to_int(v16f_mul(x1, inverse)), least), most);
    }
    v16i_store_s8(ret->q, q0);
    v16i_store_s8(ret->q + 16, q1);
}

V16_INLINE uint8_t cache_two(int8_t low, int8_t high)
{
    return (uint8_t)((unsigned)(low + 8) | (unsigned)(high + 8) << 4);
}

/* `key` and `value` are of one kv head, `keys` and `values` that head's cache. */
V16_INLINE void cache_store_quantized(const cache_shape *shape, uint8_t *keys, uint8_t *values, uint32_t position,
                                      const float *key, const float *value, const cache_type type)
{
    const size_t dim = shape->head_dim;
    const size_t lane = position % ATTENTION_TILE_POSITIONS;
    const size_t row = position % ATTENTION_BLOCK;
    const size_t key_bytes = cache_quantized_bytes(type, ATTENTION_TILE_POSITIONS);
    const size_t value_bytes = cache_quantized_bytes(type, ATTENTION_BLOCK);
    uint8_t *column = keys + position / ATTENTION_TILE_POSITIONS * cache_key_tile_bytes(type, dim);
    uint8_t *block = values + position / ATTENTION_BLOCK * cache_value_block_bytes(type, dim);
    for (size_t d = 0; d < dim; d += CACHE_QUANTIZED_VALUES, column += key_bytes, block += value_bytes) {
        const size_t n = dim - d < CACHE_QUANTIZED_VALUES ? dim - d : CACHE_QUANTIZED_VALUES;
        cache_block k, v;
        cache_quantize(key + d, n, type, &k);
        cache_quantize(value + d, n, type, &v);
        if (type == CACHE_Q8_0) {
            for (size_t i = 0; i < 32; i++) {
                column[i * 16 + lane] = (uint8_t)k.q[i];
            }
            memcpy(block + row * 32, v.q, 32);
        } else {
            for (size_t i = 0; i < 16; i++) {
                column[i * 16 + lane] = cache_two(k.q[2 * i], k.q[2 * i + 1]);
                block[row * 16 + i] = cache_two(v.q[i], v.q[i + 16]);
            }
        }
        memcpy(column + key_bytes - 2 * (ATTENTION_TILE_POSITIONS - lane), &k.d, 2);
        memcpy(block + value_bytes - 2 * (ATTENTION_BLOCK - row), &v.d, 2);
    }
}

static void cache_store_f32(const cache_shape *shape, float *keys, float *values, uint32_t position, const float *key,
                            const float *value)
{
    const size_t dim = shape->head_dim;
    const size_t padded = (dim + 15) / 16 * 16;
    float *column = keys + position / 16 * 16 * dim + position % 16;
    float *row = values + position * padded;
    for (size_t d = 0; d < dim; d++) {
        column[d * 16] = key[d];
    }
    memcpy(row, value, dim * sizeof(float));
    memset(row + dim, 0, (padded - dim) * sizeof(float));
}

V16_INLINE void cache_narrow(uint16_t *to, v16f from, const cache_type type)
{
    if (type == CACHE_F16) {
        v16f_store_f16(to, from);
    } else {
        v16f_store_bf16(to, from);
    }
}

V16_INLINE void cache_store_16(const cache_shape *shape, uint16_t *keys, uint16_t *values, uint32_t position,
                               const float *key, const float *value, const cache_type type)
{
    const size_t dim = shape->head_dim;
    const size_t padded = (dim + 15) / 16 * 16;
    uint16_t *column = keys + position / 16 * 16 * dim + position % 16;
    uint16_t *row = values + position * padded;
    for (size_t d = 0; d < dim; d += 16) {
        const size_t n = dim - d < 16 ? dim - d : 16;
        uint16_t narrow[16];
        cache_narrow(narrow, v16f_load_n(key + d, n), type);
        for (size_t i = 0; i < n; i++) {
            column[(d + i) * 16] = narrow[i];
        }
        cache_narrow(row + d, v16f_load_n(value + d, n), type);
    }
}

static void cache_store_head(const cache_shape *shape, void *keys, void *values, uint32_t position, const float *key,
                             const float *value)
{
    switch (shape->type) {
    case CACHE_F32:
        cache_store_f32(shape, keys, values, position, key, value);
        break;
    case CACHE_F16:
        cache_store_16(shape, keys, values, position, key, value, CACHE_F16);
        break;
    case CACHE_BF16:
        cache_store_16(shape, keys, values, position, key, value, CACHE_BF16);
        break;
    case CACHE_Q8_0:
        cache_store_quantized(shape, keys, values, position, key, value, CACHE_Q8_0);
        break;
    default:
        cache_store_quantized(shape, keys, values, position, key, value, CACHE_Q4_0);
    }
}

#endif
