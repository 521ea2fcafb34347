/* The KV cache's layout and attention over it (docs/numerics.md, rule 5).
 *
 * A sequence's past lies in pages of ATTENTION_BLOCK positions, anywhere in memory: a table has where. In a page, one
 * layer's keys lie transposed in tiles of 16 positions, so that 16 scores are computed side by side with one chain each
 * over d: keys[kv_head][position / 16][d][position % 16]. Values lie as rows: values[kv_head][position][d], d padded to
 * a multiple of 16 with zeros.
 * Elements are binary32, binary16 or bf16 (rounded to nearest even when stored, widened exactly).
 *
 * CACHE_Q8_0 and CACHE_Q4_0 cut a head's d into blocks of 32, the last one padded with zeros. A block of one position
 * is quantised by itself when it is stored, and d q is exact in binary32 (docs/formats/number-formats.md). A byte never
 * belongs to two positions, so that threads may store neighbours at the same time.
 *   keys     [kv_head][position / 16][d / 32], each: q[32][16 positions] (Q4_0: q[16][16], low nibble d 2 i, high
 * nibble d 2 i + 1), then 16 binary16 scales values   [kv_head][position / 64][d / 32], each: q[64 positions][32]
 * (Q4_0: q[64][16], low nibble d i, high nibble d i + 16), then 64 binary16 scales */
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H

#include "kernels/delta_net.h"
#include "kernels/kernels.h"

#define ATTENTION_BLOCK 64u

#define ATTENTION_TILE_POSITIONS 16u
#define CACHE_QUANTIZED_VALUES 32u

typedef enum cache_type { CACHE_F32, CACHE_F16, CACHE_BF16, CACHE_Q8_0, CACHE_Q4_0, CACHE_TYPES } cache_type;

/* "f32", "f16", ...; ended by NULL. */
extern const char *const cache_type_names[CACHE_TYPES + 1];

typedef struct cache_shape {
    cache_type type;
    uint32_t kv_heads;
    uint32_t head_dim;
} cache_shape;

/* One layer's cache of one sequence. */
typedef struct cache_view {
    uint8_t *const *pages; /* page i has positions [i ATTENTION_BLOCK, (i + 1) ATTENTION_BLOCK) of all layers */
    size_t keys, values;   /* where in a page this layer's begin */
} cache_view;

/* Bytes of the keys, or of the values, of one layer in a page. */
size_t cache_keys_bytes(cache_shape shape);
size_t cache_values_bytes(cache_shape shape);
/* Of both, what a position takes: a whole number of bytes over ATTENTION_BLOCK positions. */
double cache_position_bytes(cache_type type, uint32_t kv_heads, uint32_t head_dim);

static inline bool cache_is_quantized(cache_type type)
{
    return type == CACHE_Q8_0 || type == CACHE_Q4_0;
}

/* Bytes that `count` elements take, scales apart; count is even. */
static inline size_t cache_elements_bytes(cache_type type, size_t count)
{
    return type == CACHE_F32 ? count * 4 : type == CACHE_Q8_0 ? count : type == CACHE_Q4_0 ? count / 2 : count * 2;
}

/* Of `positions` positions and 32 values of d: quantised, their scales behind them. */
static inline size_t cache_quantized_bytes(cache_type type, size_t positions)
{
    return cache_elements_bytes(type, positions * CACHE_QUANTIZED_VALUES) + positions * sizeof(uint16_t);
}

static inline size_t cache_quantized_blocks(size_t head_dim)
{
    return (head_dim + CACHE_QUANTIZED_VALUES - 1) / CACHE_QUANTIZED_VALUES;
}

/* Of one kv head: the keys of 16 positions, and the values of ATTENTION_BLOCK positions. */
static inline size_t cache_key_tile_bytes(cache_type type, size_t head_dim)
{
    return cache_is_quantized(type)
               ? cache_quantized_blocks(head_dim) * cache_quantized_bytes(type, ATTENTION_TILE_POSITIONS)
               : cache_elements_bytes(type, head_dim * ATTENTION_TILE_POSITIONS);
}
static inline size_t cache_value_block_bytes(cache_type type, size_t head_dim)
{
    return cache_is_quantized(type) ? cache_quantized_blocks(head_dim) * cache_quantized_bytes(type, ATTENTION_BLOCK)
                                    : cache_elements_bytes(type, (head_dim + 15) / 16 * 16 * ATTENTION_BLOCK);
}

/* What families do to plain attention. All zero: plain. */
typedef struct attention_form {
    uint32_t window;     /* position p sees (p - window, p]; 0: everything before it */
    uint32_t chunk;      /* position p sees from p / chunk * chunk on; 0: no chunks. Not together with a window */
    float softcap;       /* s = softcap * tanh(s / softcap), after the scale; 0: none */
    const float *slopes; /* ALiBi, [heads]: s = fma(slope, (float)(j - p), s) after softcap; NULL: none */
    const float *sinks;  /* [heads]: m begins as the head's sink and l as 1, not as -inf and 0; NULL: none */
    float *max, *sum;    /* [tokens of the call, heads]: where m and l at the end go, for gradients; NULL: nowhere */
} attention_form;

typedef struct attention_table {
    /* Stores one position's key and value (each [kv_heads, head_dim], binary32), for kv heads [head_begin, head_end).
     */
    void (*store)(cache_shape shape, cache_view cache, uint32_t position, const float *key, const float *value,
                  uint32_t head_begin, uint32_t head_end);

    /* out[t][h] = softmax(q[t][h] . keys * scale) . values, for `tokens` consecutive positions that start at `position`
     * (token t sees positions 0..position + t), for query heads [head_begin, head_end) of `heads`; head h reads kv head
     * h / (heads / kv_heads). q and out: [tokens, heads, head_dim] with row stride ldq / ldo per token.
     * Blocks of 64 positions from 0; per block: s_j = scale * chain_d(q, k_j); m' = max(m, max_j s_j);
     * c = exp(m - m'); l = l * c + rule5_sum(exp(s_j - m')); o = o * c, then o_d = fma(p_j, v_jd, o_d) for j ascending;
     * at the end o / l. Blocks in which a query sees nothing are passed over; in others, what it does not see takes no
     * part. `form` may be NULL: plain. `scratch`: ATTENTION_SCRATCH_BYTES per thread. */
    void (*attend)(cache_shape shape, cache_view cache, uint32_t position, uint32_t tokens, const float *q, size_t ldq,
                   uint32_t heads, uint32_t head_begin, uint32_t head_end, float scale, const attention_form *form,
                   float *out, size_t ldo, void *scratch);

    const delta_table *delta; /* linear attention: kernels/delta_net.h */
} attention_table;

#define ATTENTION_SCRATCH_BYTES ((size_t)256 << 10)

#endif
