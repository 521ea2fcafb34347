/* Attention over the KV cache (kernels/attention.h).
 *
 * Queries that share a kv head (all tokens, all heads of its group) are taken in groups; a group walks the key blocks
 * once. Within a block a few queries at a time stay in registers: first their scores against 16 positions side by
 * side; then the maxima of all queries, and exp and sum of all; then, a few at a time again, the values, 16 dimensions
 * side by side. Which queries sit together changes nothing in any query's own chain of operations. */
#include "kernels/attention.h"
#include "kernels/fill.h"
#include "kernels/template/attention_cache.h"
#include "kernels/v16_math.h"

#include <stdbool.h>

#define ATTENTION_GROUP 48u /* queries per walk over the cache, at most */
#define ATTENTION_MOST 6u   /* queries in registers, at most */
#if V16_TILE < ATTENTION_MOST
#define ATTENTION_TOGETHER V16_TILE
#else
#define ATTENTION_TOGETHER ATTENTION_MOST
#endif
#define ATTENTION_WIDEN 12u /* from so many on a narrow block is widened for all; with fewer, fetch ahead */

typedef struct attention_group {
    size_t count;                     /* queries, ordered by token */
    const float *q[ATTENTION_GROUP];  /* [head_dim] each */
    float *out[ATTENTION_GROUP];      /* [head_dim] each */
    size_t visible[ATTENTION_GROUP];  /* end of the positions that the query sees; ascending */
    size_t from[ATTENTION_GROUP];     /* the first position that it sees; ascending */
    float slope[ATTENTION_GROUP];     /* ALiBi */
    float max[ATTENTION_GROUP];       /* running maximum */
    float sum[ATTENTION_GROUP];       /* running sum */
    float shrink[ATTENTION_GROUP];    /* exp(old maximum - new maximum) of this block */
    float block_sum[ATTENTION_GROUP]; /* sum of this block */
    float *scores;                    /* [count, ATTENTION_BLOCK]: this block's scores, then their exp */
    float *state;                     /* [count, padded_dim]: the running output */
    size_t head_dim;
    size_t padded_dim; /* rounded up to 16 */
    float scale;
    float softcap; /* 0: none */
    bool sloped;   /* slope counts */
} attention_group;

/* One block of keys and values, of positions [begin, begin + ATTENTION_BLOCK). */
typedef struct attention_block {
    size_t begin;
    const uint8_t *keys;   /* [4, head_dim, 16] */
    const uint8_t *values; /* [ATTENTION_BLOCK, padded_dim] */
    const uint8_t *next;   /* the keys of the next block, fetched ahead while this one's values are read */
} attention_block;

/* How many vectors per query stay in registers beside `queries` queries: 1, 2 or 4. More than one only where room is
 * left for the operands too. */
V16_INLINE unsigned attention_wide(const unsigned queries)
{
    return V16_TILE / queries >= 4 ? 4 : V16_TILE / queries > 2 ? 2 : 1;
}

/* How many of `left` queries are taken together next: all where they fit, else no lonely one at the end. */
V16_INLINE size_t attention_next(size_t left)
{
    return left <= ATTENTION_TOGETHER ? left : left < 2 * ATTENTION_TOGETHER ? (left + 1) / 2 : ATTENTION_TOGETHER;
}

/* How many positions of the block a query sees. */
static size_t attention_count(const attention_group *g, size_t query, size_t begin)
{
    const size_t visible = g->visible[query];
    return visible <= begin ? 0 : visible - begin < ATTENTION_BLOCK ? visible - begin : ATTENTION_BLOCK;
}

/* The first position of the block that a query sees; below attention_count where it sees any. */
static size_t attention_start(const attention_group *g, size_t query, size_t begin)
{
    return g->from[query] <= begin ? 0 : g->from[query] - begin;
}

/* Fetches the line that holds byte `at`, of what will be read after the values being worked on, into the second-level
 * cache: the first level's few outstanding misses would limit the stream. */
V16_INLINE void attention_ahead(const uint8_t *from, size_t at)
{
    __builtin_prefetch(from + at, 0, 2);
}

/* Vector j of `wide` that are read side by side in round `round`: `index` is its first element's number. Each line is
 * asked for once: by every vector of binary32, every other of 16 bits (measured best), the first of a round's quantised
 * ones, in Q4_0 in every other round. */
V16_INLINE void attention_ahead_of(const uint8_t *from, size_t index, size_t round, const unsigned j,
                                   const cache_type type)
{
    if (cache_is_quantized(type) ? j == 0 && (type == CACHE_Q8_0 || round % 2 == 0) : type == CACHE_F32 || j % 2 == 0) {
        attention_ahead(from, cache_elements_bytes(type, index));
    }
}

/* scores[q][tile * 16 ...] = scale * chain over d, for `queries` queries and `wide` tiles of 16 positions. */
V16_INLINE void attention_score_tiles(const attention_group *g, size_t first, const unsigned queries,
                                      const attention_block *block, size_t tile, const unsigned wide,
                                      const cache_type type, const bool ahead)
{
    const size_t dim = g->head_dim;
    const size_t span = cache_span(type, dim);
    const size_t tile_bytes = cache_key_tile_bytes(type, dim);
    v16f acc[ATTENTION_MOST][4];
#pragma GCC unroll 6
    for (unsigned i = 0; i < queries; i++) {
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            acc[i][j] = v16f_zero();
        }
    }
    for (size_t base = 0; base < dim; base += span) {
        const size_t count = dim - base < span ? dim - base : span;
        const uint8_t *keys =
            block->keys + tile * tile_bytes + base / span * cache_quantized_bytes(type, ATTENTION_TILE_POSITIONS);
        const float *q[ATTENTION_MOST];
        v16f scale[4];
#pragma GCC unroll 6
        for (unsigned i = 0; i < queries; i++) {
            q[i] = g->q[first + i] + base;
        }
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            scale[j] = cache_key_scale(keys + j * tile_bytes, type);
        }
#pragma GCC unroll 2
        for (size_t d = 0; d < count; d++) {
            v16f k[4];
#pragma GCC unroll 4
            for (unsigned j = 0; j < wide; j++) {
                k[j] = cache_key(keys + j * tile_bytes, d, scale[j], type);
                if (ahead) {
                    const size_t index = cache_is_quantized(type) ? tile * dim * 16 + (base + d) * wide * 16
                                                                  : ((tile + j) * dim + d) * 16;
                    attention_ahead_of(block->values, index, d, j, type);
                }
            }
#pragma GCC unroll 6
            for (unsigned i = 0; i < queries; i++) {
                const v16f x = v16f_set1(q[i][d]);
#pragma GCC unroll 4
                for (unsigned j = 0; j < wide; j++) {
                    acc[i][j] = v16f_fma(x, k[j], acc[i][j]);
                }
            }
        }
    }
    const v16f scale = v16f_set1(g->scale);
#pragma GCC unroll 6
    for (unsigned i = 0; i < queries; i++) {
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            v16f_store(g->scores + (first + i) * ATTENTION_BLOCK + (tile + j) * 16, v16f_mul(scale, acc[i][j]));
        }
    }
}

V16_INLINE void attention_score_block(const attention_group *g, size_t first, const unsigned queries,
                                      const attention_block *block, const cache_type type, const bool ahead)
{
    const unsigned wide = attention_wide(queries);
    for (size_t tile = 0; tile < ATTENTION_BLOCK / 16; tile += wide) {
        attention_score_tiles(g, first, queries, block, tile, wide, type, ahead);
    }
}

/* Scores of queries [first, last) against a block. */
V16_INLINE void attention_scores(const attention_group *g, size_t first, size_t last, const attention_block *block,
                                 const cache_type type)
{
    const bool few = last - first < ATTENTION_WIDEN;
    for (size_t at = first; at < last;) {
        const size_t queries = attention_next(last - at);
        switch (queries) {
        case 6:
            if (few) {
                attention_score_block(g, at, 6, block, type, true);
            } else {
                attention_score_block(g, at, 6, block, type, false);
            }
            break;
        case 5:
            attention_score_block(g, at, 5, block, type, true);
            break;
        case 4:
            attention_score_block(g, at, 4, block, type, true);
            break;
        case 3:
            attention_score_block(g, at, 3, block, type, true);
            break;
        case 2:
            attention_score_block(g, at, 2, block, type, true);
            break;
        default:
            attention_score_block(g, at, 1, block, type, true);
        }
        at += queries;
    }
}

/* Soft-cap and ALiBi on the scores of one query against the block at `begin`. */
static void attention_bend_row(const attention_group *g, size_t query, size_t begin)
{
    float *row = g->scores + query * ATTENTION_BLOCK;
    const v16f cap = v16f_set1(g->softcap);
    const v16f slope = v16f_set1(g->slope[query]);
    const int32_t distance = (int32_t)begin - (int32_t)(g->visible[query] - 1); /* of the block's first position */
    for (int32_t j = 0; j < (int32_t)ATTENTION_BLOCK; j += 16) {
        v16f s = v16f_load(row + j);
        if (g->softcap != 0.0f) {
            s = v16f_mul(cap, v16_tanh(v16f_div(s, cap)));
        }
        if (g->sloped) {
            s = v16f_fma(slope, v16i_to_float(v16i_add(v16i_set1(distance + j), v16i_iota())), s);
        }
        v16f_store(row + j, s);
    }
}

/* What stands for the scores of positions j, ... that are not in [start, count); of a whole block all are. */
V16_INLINE v16f attention_seen(v16f scores, size_t j, size_t start, size_t count, v16f otherwise, const bool whole)
{
    if (whole) {
        return scores;
    }
    const v16i at = v16i_add(v16i_set1((int32_t)j), v16i_iota());
    const v16m there = v16m_and(v16i_gt(v16i_set1((int32_t)count), at), v16i_gt(at, v16i_set1((int32_t)start - 1)));
    return v16f_select(there, scores, otherwise);
}

/* The largest score of one query that sees positions [start, count) of the block; -infinity where all are NaN. */
V16_INLINE float attention_max_row(const float *row, size_t start, size_t count, const bool whole)
{
    const size_t end = whole ? ATTENTION_BLOCK : count;
    v16f best = v16f_set1(-INFINITY);
    for (size_t j = 0; j < end; j += 16) {
        best = v16f_max(attention_seen(v16f_load(row + j), j, start, count, v16f_set1(-INFINITY), whole), best);
    }
    return v16f_fold_max(best);
}

/* Turns the scores of one query that sees positions [start, count) of the block into exp(s - top); their sum. */
V16_INLINE float attention_exp_row(float *row, float top, size_t start, size_t count, const bool whole)
{
    const v16f greatest = v16f_set1(top);
    const size_t end = whole ? ATTENTION_BLOCK : count;
    v16f sum = v16f_zero();
    for (size_t j = 0; j < end; j += 32) {
        v16f e[2] = {v16f_sub(v16f_load(row + j), greatest), v16f_sub(v16f_load(row + j + 16), greatest)};
        v16_exp_of(e, 2);
        v16f_store(row + j, e[0]);
        v16f_store(row + j + 16, e[1]);
        sum = v16f_add(sum, attention_seen(e[0], j, start, count, v16f_zero(), whole));
        if (j + 16 < end) { /* else it would be zeros */
            sum = v16f_add(sum, attention_seen(e[1], j + 16, start, count, v16f_zero(), whole));
        }
    }
    return v16f_fold_add(sum);
}

/* l = l * c + block_sum, for queries [first, last). */
V16_INLINE void attention_update_sums(attention_group *g, size_t first, size_t last)
{
    for (size_t i = first; i < last; i += 16) {
        const size_t n = last - i < 16 ? last - i : 16;
        const v16f c = v16_exp(v16f_load_n(g->shrink + i, n));
        const v16f sum = v16f_add(v16f_mul(v16f_load_n(g->sum + i, n), c), v16f_load_n(g->block_sum + i, n));
        v16f_store_n(g->shrink + i, c, n);
        v16f_store_n(g->sum + i, sum, n);
    }
}

/* state = state * shrink (where `fresh`), then state_d = fma(p_j, v_jd, state_d) for j in [begin, end), for
 * `queries` queries and `wide` vectors of 16 dimensions from `at` on. */
V16_INLINE void attention_value_tile(const attention_group *g, size_t first, const unsigned queries,
                                     const attention_block *block, const bool fresh, size_t begin, size_t end,
                                     size_t at, const unsigned wide, const cache_type type, const bool ahead)
{
    v16f acc[ATTENTION_MOST][4];
    const float *p[ATTENTION_MOST];
#pragma GCC unroll 6
    for (unsigned i = 0; i < queries; i++) {
        const v16f shrink = v16f_set1(g->shrink[first + i]);
        p[i] = g->scores + (first + i) * ATTENTION_BLOCK;
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            const v16f before = v16f_load(g->state + (first + i) * g->padded_dim + at + j * 16);
            acc[i][j] = fresh ? v16f_mul(before, shrink) : before;
        }
    }
    float scales[2][ATTENTION_BLOCK];
    for (unsigned j = 0; cache_is_quantized(type) && j < (wide + 1) / 2; j++) {
        cache_value_scales(block->values, begin, end, at + 32 * (size_t)j, scales[j], type);
    }
    for (size_t position = begin; position < end; position++) {
        v16f v[4];
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            const float scale = cache_is_quantized(type) ? scales[j / 2][position] : 0.0f;
            v[j] = cache_value(block->values, g->padded_dim, position, at + j * 16, scale, type);
            if (ahead) {
                attention_ahead_of(block->next, at * ATTENTION_BLOCK + (position * wide + j) * 16, position, j, type);
            }
        }
#pragma GCC unroll 6
        for (unsigned i = 0; i < queries; i++) {
            const v16f weight = v16f_set1(p[i][position]);
#pragma GCC unroll 4
            for (unsigned j = 0; j < wide; j++) {
                acc[i][j] = v16f_fma(weight, v[j], acc[i][j]);
            }
        }
    }
#pragma GCC unroll 6
    for (unsigned i = 0; i < queries; i++) {
#pragma GCC unroll 4
        for (unsigned j = 0; j < wide; j++) {
            v16f_store(g->state + (first + i) * g->padded_dim + at + j * 16, acc[i][j]);
        }
    }
}

V16_INLINE void attention_value_rows(const attention_group *g, size_t first, const unsigned queries,
                                     const attention_block *block, const bool fresh, size_t begin, size_t end,
                                     const cache_type type, const bool ahead)
{
    const unsigned wide = attention_wide(queries);
    size_t at = 0;
    for (; at + 16 * wide <= g->padded_dim; at += 16 * wide) {
        attention_value_tile(g, first, queries, block, fresh, begin, end, at, wide, type, ahead);
    }
    for (; at < g->padded_dim; at += 16) {
        attention_value_tile(g, first, queries, block, fresh, begin, end, at, 1, type, ahead);
    }
}

/* `queries` queries from `first` on: together as far as the first of them sees, then each its own rest. Where a window
 * begins inside the block, each by itself. */
V16_INLINE void attention_value_block(const attention_group *g, size_t first, const unsigned queries,
                                      const attention_block *block, const cache_type type, const bool ahead)
{
    if (g->from[first + queries - 1] > block->begin) {
        for (unsigned i = 0; i < queries; i++) {
            attention_value_rows(g, first + i, 1, block, true, attention_start(g, first + i, block->begin),
                                 attention_count(g, first + i, block->begin), type, false);
        }
        return;
    }
    const size_t common = attention_count(g, first, block->begin);
    attention_value_rows(g, first, queries, block, true, 0, common, type, ahead);
    for (unsigned i = 1; i < queries; i++) {
        const size_t count = attention_count(g, first + i, block->begin);
        if (count > common) {
            attention_value_rows(g, first + i, 1, block, false, common, count, type, false);
        }
    }
}

V16_INLINE void attention_values(const attention_group *g, size_t first, size_t last, const attention_block *block,
                                 const cache_type type)
{
    const bool few = last - first < ATTENTION_WIDEN;
    for (size_t at = first; at < last;) {
        const size_t queries = attention_next(last - at);
        switch (queries) {
        case 6:
            if (few) {
                attention_value_block(g, at, 6, block, type, true);
            } else {
                attention_value_block(g, at, 6, block, type, false);
            }
            break;
        case 5:
            attention_value_block(g, at, 5, block, type, true);
            break;
        case 4:
            attention_value_block(g, at, 4, block, type, true);
            break;
        case 3:
            attention_value_block(g, at, 3, block, type, true);
            break;
        case 2:
            attention_value_block(g, at, 2, block, type, true);
            break;
        default:
            attention_value_block(g, at, 1, block, type, true);
        }
        at += queries;
    }
}

/* Scores to weights: what stands between the keys and the values of a block. One thing after the other for all
 * queries, so that none waits for its maximum. */
static void attention_weigh(attention_group *g, size_t first, size_t last, const attention_block *block)
{
    for (size_t i = first; i < last; i++) {
        if (g->softcap != 0.0f || g->sloped) {
            attention_bend_row(g, i, block->begin);
        }
        const float *row = g->scores + i * ATTENTION_BLOCK;
        const size_t start = attention_start(g, i, block->begin);
        const size_t count = attention_count(g, i, block->begin);
        const float here = start == 0 && count == ATTENTION_BLOCK ? attention_max_row(row, 0, ATTENTION_BLOCK, true)
                                                                  : attention_max_row(row, start, count, false);
        const float old = g->max[i];
        g->max[i] = here > old ? here : old;
        g->shrink[i] = old - g->max[i];
    }
    for (size_t i = first; i < last; i++) {
        float *row = g->scores + i * ATTENTION_BLOCK;
        const size_t start = attention_start(g, i, block->begin);
        const size_t count = attention_count(g, i, block->begin);
        g->block_sum[i] = start == 0 && count == ATTENTION_BLOCK
                              ? attention_exp_row(row, g->max[i], 0, ATTENTION_BLOCK, true)
                              : attention_exp_row(row, g->max[i], start, count, false);
    }
    attention_update_sums(g, first, last);
}

V16_INLINE void attention_block_as(attention_group *g, size_t first, size_t last, const attention_block *block,
                                   const cache_type type)
{
    attention_scores(g, first, last, block, type);
    attention_weigh(g, first, last, block);
    attention_values(g, first, last, block, type);
}

static void attention_scores_f32(const attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_scores(g, first, last, block, CACHE_F32);
}

static void attention_values_f32(const attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_values(g, first, last, block, CACHE_F32);
}

static void attention_block_f32(attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_scores_f32(g, first, last, block);
    attention_weigh(g, first, last, block);
    attention_values_f32(g, first, last, block);
}

static void attention_block_f16(attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_block_as(g, first, last, block, CACHE_F16);
}

/* Plain C gains nothing from a copy for every number of queries and takes a minute to compile them: the formats that
 * came later take one query after the other there, and are widened for more. */
#ifdef KERNELS_SCALAR_V16_H
#define ATTENTION_WIDEN_OTHERS 2u
V16_INLINE void attention_block_other(attention_group *g, size_t first, size_t last, const attention_block *block,
                                      const cache_type type)
{
    for (size_t at = first; at < last; at++) {
        attention_score_block(g, at, 1, block, type, true);
    }
    attention_weigh(g, first, last, block);
    for (size_t at = first; at < last; at++) {
        attention_value_rows(g, at, 1, block, true, attention_start(g, at, block->begin),
                             attention_count(g, at, block->begin), type, true);
    }
}
#else
#define ATTENTION_WIDEN_OTHERS ATTENTION_WIDEN
#define attention_block_other attention_block_as
#endif

static void attention_block_bf16(attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_block_other(g, first, last, block, CACHE_BF16);
}

static void attention_block_q8_0(attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_block_other(g, first, last, block, CACHE_Q8_0);
}

static void attention_block_q4_0(attention_group *g, size_t first, size_t last, const attention_block *block)
{
    attention_block_other(g, first, last, block, CACHE_Q4_0);
}

typedef void (*attention_block_fn)(attention_group *g, size_t first, size_t last, const attention_block *block);

/* As attention_block_f32 of the block widened in `room`: first the keys, then the values. */
static void attention_block_widened(attention_group *g, size_t first, size_t last, const attention_block *block,
                                    cache_type type, float *room)
{
    attention_block wide = *block;
    wide.keys = (const uint8_t *)room;
    wide.values = (const uint8_t *)room;
    cache_widen_keys(block->keys, g->head_dim, room, block->values, type);
    attention_scores_f32(g, first, last, &wide);
    attention_weigh(g, first, last, block);
    cache_widen_values(block->values, g->padded_dim, room, block->next, type);
    attention_values_f32(g, first, last, &wide);
}

/* Where the parts of the scratch memory lie. */
typedef struct attention_scratch {
    float *scores; /* [group, ATTENTION_BLOCK] */
    float *state;  /* [group, padded_dim] */
    float *wide;   /* a block's widened keys, then its values, or NULL where there is no room */
    size_t group;  /* queries at a time */
} attention_scratch;

static attention_scratch attention_scratch_split(void *memory, size_t padded_dim)
{
    const size_t floats = ATTENTION_SCRATCH_BYTES / sizeof(float);
    const size_t per_query = ATTENTION_BLOCK + padded_dim;
    const size_t widened = ATTENTION_BLOCK * padded_dim;
    const bool widen = widened + ATTENTION_WIDEN * per_query <= floats;
    const size_t left = floats - (widen ? widened : 0);
    const size_t group = left / per_query < ATTENTION_GROUP ? left / per_query : ATTENTION_GROUP;
    float *base = memory;
    return (attention_scratch){.scores = base,
                               .state = base + group * ATTENTION_BLOCK,
                               .wide = widen ? base + group * per_query : NULL,
                               .group = group};
}

/* Everything of one kv head that attend was asked for. */
typedef struct attention_head {
    cache_type type;
    uint8_t *const *pages;
    size_t keys, values; /* where in a page this kv head's begin */
} attention_head;

static void attention_walk(attention_group *g, const attention_head *head, const attention_scratch *scratch)
{
    static const attention_block_fn straight[CACHE_TYPES] = {
        attention_block_f32, attention_block_f16, attention_block_bf16, attention_block_q8_0, attention_block_q4_0};
    static const size_t widen_from[CACHE_TYPES] = {SIZE_MAX, ATTENTION_WIDEN, ATTENTION_WIDEN_OTHERS,
                                                   ATTENTION_WIDEN_OTHERS, ATTENTION_WIDEN_OTHERS};
    const bool widen = scratch->wide != NULL && g->count >= widen_from[head->type];
    size_t first = 0; /* queries before it have seen all they see */
    size_t last = 0;  /* queries from it on see nothing yet */
    for (size_t begin = g->from[0] / ATTENTION_BLOCK * ATTENTION_BLOCK; begin < g->visible[g->count - 1];
         begin += ATTENTION_BLOCK) {
        const size_t index = begin / ATTENTION_BLOCK;
        const bool more = begin + ATTENTION_BLOCK < g->visible[g->count - 1];
        attention_block block = {begin, head->pages[index] + head->keys, head->pages[index] + head->values,
                                 head->pages[more ? index + 1 : index] + head->keys};
        while (g->visible[first] <= begin) {
            first++;
        }
        while (last < g->count && g->from[last] < begin + ATTENTION_BLOCK) {
            last++;
        }
        if (first == last) { /* chunks: some have ended, and the others begin further on */
            continue;
        }
        if (widen) {
            attention_block_widened(g, first, last, &block, head->type, scratch->wide);
        } else {
            straight[head->type](g, first, last, &block);
        }
    }
}

/* `sinks`: of each query, or NULL. */
static void attention_begin(attention_group *g, const float *const *sinks)
{
    for (size_t i = 0; i < g->count; i++) {
        g->max[i] = sinks == NULL ? -INFINITY : *sinks[i];
        g->sum[i] = sinks == NULL ? 0.0f : 1.0f;
    }
    memset(g->state, 0, g->count * g->padded_dim * sizeof(float));
}

/* out = state / sum */
static void attention_finish(const attention_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const v16f sum = v16f_set1(g->sum[i]);
        for (size_t d = 0; d < g->head_dim; d += 16) {
            const size_t n = g->head_dim - d < 16 ? g->head_dim - d : 16;
            v16f_store_n(g->out[i] + d, v16f_div(v16f_load(g->state + i * g->padded_dim + d), sum), n);
        }
    }
}

/* The first position that the query at `position` sees. */
static size_t attention_first_visible(const attention_form *form, size_t position)
{
    if (form->chunk != 0) {
        return position / form->chunk * form->chunk;
    }
    return form->window != 0 && position >= form->window ? position - form->window + 1 : 0;
}

static void attention_attend(cache_shape shape, cache_view cache, uint32_t position, uint32_t tokens, const float *q,
                             size_t ldq, uint32_t heads, uint32_t head_begin, uint32_t head_end, float scale,
                             const attention_form *form, float *out, size_t ldo, void *scratch)
{
    static const attention_form plain = {0};
    const size_t dim = shape.head_dim;
    const cache_shape one = {shape.type, 1, shape.head_dim};
    const size_t share = heads / shape.kv_heads;
    form = form == NULL ? &plain : form;
    attention_group g = {.head_dim = dim,
                         .padded_dim = (dim + 15) / 16 * 16,
                         .scale = scale,
                         .softcap = form->softcap,
                         .sloped = form->slopes != NULL};
    const float *sinks[ATTENTION_GROUP];
    const attention_scratch parts = attention_scratch_split(scratch, g.padded_dim);
    g.scores = parts.scores;
    g.state = parts.state;
    for (size_t begin = head_begin; begin < head_end;) {
        const size_t kv = begin / share;
        const size_t end = (kv + 1) * share < head_end ? (kv + 1) * share : head_end;
        const size_t members = end - begin;
        const attention_head head = {shape.type, cache.pages, cache.keys + kv * cache_keys_bytes(one),
                                     cache.values + kv * cache_values_bytes(one)};
        for (size_t done = 0; done < tokens * members; done += g.count) {
            const size_t left = tokens * members - done;
            g.count = left < parts.group ? left : parts.group;
            for (size_t i = 0; i < g.count; i++) {
                const size_t token = (done + i) / members;
                const size_t h = begin + (done + i) % members;
                g.q[i] = q + token * ldq + h * dim;
                g.out[i] = out + token * ldo + h * dim;
                g.visible[i] = position + token + 1;
                g.from[i] = attention_first_visible(form, position + token);
                g.slope[i] = g.sloped ? form->slopes[h] : 0.0f;
                sinks[i] = form->sinks != NULL ? form->sinks + h : NULL;
            }
            attention_begin(&g, form->sinks != NULL ? sinks : NULL);
            attention_walk(&g, &head, &parts);
            attention_finish(&g);
            for (size_t i = 0; form->max != NULL && i < g.count; i++) {
                const size_t at = (done + i) / members * heads + begin + (done + i) % members;
                form->max[at] = g.max[i];
                form->sum[at] = g.sum[i];
            }
        }
        begin = end;
    }
}

static void attention_store(cache_shape shape, cache_view cache, uint32_t position, const float *key,
                            const float *value, uint32_t head_begin, uint32_t head_end)
{
    const cache_shape one = {shape.type, 1, shape.head_dim};
    uint8_t *page = cache.pages[position / ATTENTION_BLOCK];
    for (size_t kv = head_begin; kv < head_end; kv++) {
        cache_store_head(&shape, page + cache.keys + kv * cache_keys_bytes(one),
                         page + cache.values + kv * cache_values_bytes(one), position % ATTENTION_BLOCK,
                         key + kv * shape.head_dim, value + kv * shape.head_dim);
    }
}

extern const delta_table V16_NAME(kernels_delta); /* template/delta_net.c */

static const attention_table attention_operations = {attention_store, attention_attend, &V16_NAME(kernels_delta)};

void V16_NAME(kernels_fill_attention)(kernel_table *table)
{
    table->attention = &attention_operations;
}
