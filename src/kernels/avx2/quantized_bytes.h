/* Products of many tokens with formats whose values are signed bytes (Q8_0, IQ4_NL, IQ4_XS), for AVX2. */
#ifndef KERNELS_AVX2_QUANTIZED_BYTES_H
#define KERNELS_AVX2_QUANTIZED_BYTES_H

#include "kernels/avx2/quantized_words.h"
#include "kernels/template/quantized.h"

/* Winograd's inner product. Of two values of k,
 *
 *     w0 x0 + w1 x1 = (w0 + x1) (w1 + x0) - w0 w1 - x0 x1,
 *
 * so with the sums of w0 w1 and of x0 x1 known, each once for its row or its token, a multiplication serves two values:
 * 2 additions of 16 bits, a madd and an addition for 32 multiply-adds, 0.98 cycles on Zen 3 where the signed product of
 * bytes (sign, maddubs, madd, addition) takes 1.24; with what has to be loaded they take 1.46 and 1.47, and this one
 * needs no |w| and overlaps with what follows. All integers are exact: |w + x| <= 256, sums of a block below 2^21.
 *
 * It reads 16 bits a value, so a stretch is so short that its rows stay in the first-level cache. */

enum {
    WINOGRAD_STRETCH = 8, /* blocks of 32 values of k */
    WINOGRAD_TOKENS = 64, /* whose activations of a stretch are widened at once, at most */
};

/* 16 rows of a block: [group][first or second 8 rows]; a lane of 32 bits is a row. */
typedef struct winograd_rows {
    __m256i even[8][2]; /* values 0 and 2 of the group, 16 bits each */
    __m256i odd[8][2];  /* values 1 and 3 */
    __m256i less[2];    /* minus the sum of products of neighbours, 32 bits */
    v16f scale;
} winograd_rows;

/* A token's block. */
typedef struct winograd_values {
    int16_t even[8][2];
    int16_t odd[8][2];
    int32_t less;
    float d;
} winograd_values;

typedef struct winograd_scratch {
    winograd_rows rows[WINOGRAD_STRETCH];
    winograd_values values[WINOGRAD_TOKENS / 4][WINOGRAD_STRETCH][4]; /* tile by tile */
} winograd_scratch;

_Static_assert(sizeof(winograd_scratch) <= MATMUL_SCRATCH_BYTES, "a stretch and its tokens fit into the scratch");

V16_INLINE __m256i even_of(__m256i bytes)
{
    return _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
}

V16_INLINE __m256i odd_of(__m256i bytes)
{
    return _mm256_srai_epi16(bytes, 8);
}

V16_INLINE void widen_rows(dtype type, const uint8_t *panel, size_t b, winograd_rows *ret)
{
    unpacked u;
    unpack(type, panel, b, &u);
    __m256i less[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        const __m256i halves[2] = {u.q[g].lo, u.q[g].hi};
        for (int h = 0; h < 2; h++) {
            const __m256i even = even_of(halves[h]);
            const __m256i odd = odd_of(halves[h]);
            ret->even[g][h] = even;
            ret->odd[g][h] = odd;
            less[h] = _mm256_sub_epi32(less[h], _mm256_madd_epi16(even, odd));
        }
    }
    ret->less[0] = less[0];
    ret->less[1] = less[1];
    ret->scale = u.scale;
}

V16_INLINE void widen_values(const activation_q8 *x, winograd_values *ret)
{
    const __m256i bytes = _mm256_loadu_si256((const __m256i *)x->q);
    const __m256i even = even_of(bytes);
    const __m256i odd = odd_of(bytes);
    _mm256_storeu_si256((__m256i *)ret->even, even);
    _mm256_storeu_si256((__m256i *)ret->odd, odd);
    const __m256i products = _mm256_madd_epi16(even, odd);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(products), _mm256_extracti128_si256(products, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    ret->less = -_mm_cvtsi128_si32(sum);
    ret->d = x->d;
}

/* One block of 16 rows for 1..4 tokens. */
V16_INLINE void winograd_block(const winograd_rows *w, const winograd_values *x, v16f acc[4], int tokens)
{
    __m256i sum[4][2];
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        const __m256i less = _mm256_set1_epi32(x[t].less);
        sum[t][0] = _mm256_add_epi32(w->less[0], less);
        sum[t][1] = _mm256_add_epi32(w->less[1], less);
    }
#pragma GCC unroll 8
    for (int g = 0; g < 8; g++) {
        const __m256i even[2] = {w->even[g][0], w->even[g][1]};
        const __m256i odd[2] = {w->odd[g][0], w->odd[g][1]};
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            const __m256i x_even = broadcast4(x[t].even[g]);
            const __m256i x_odd = broadcast4(x[t].odd[g]);
#pragma GCC unroll 2
            for (int h = 0; h < 2; h++) {
                const __m256i both =
                    _mm256_madd_epi16(_mm256_add_epi16(even[h], x_odd), _mm256_add_epi16(odd[h], x_even));
                sum[t][h] = _mm256_add_epi32(sum[t][h], both);
                in_order(&sum[t][h]);
            }
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        acc[t].lo = add_scaled(acc[t].lo, sum[t][0], w->scale.lo, x[t].d);
        acc[t].hi = add_scaled(acc[t].hi, sum[t][1], w->scale.hi, x[t].d);
    }
}

/* `blocks` widened blocks of a panel for the `tokens` tokens (a constant, 1..4) of a tile, of which the first is
 * `first`; the chain goes on from y unless it starts. */
V16_INLINE void winograd_tile(const product *p, const winograd_scratch *s, size_t panel, bool starts, size_t blocks,
                              const winograd_values values[WINOGRAD_STRETCH][4], size_t first, int tokens,
                              tile_ahead *ahead)
{
    const size_t n = rows_of(p, panel);
    float *y = p->y + first * p->ldy + panel * PANEL_ROWS;
    v16f acc[4];
    for (int t = 0; t < tokens; t++) {
        acc[t] = starts ? v16f_zero() : v16f_load_n(y + (size_t)t * p->ldy, n);
    }
    for (size_t b = 0; b < blocks; b++) {
        tile_ask(ahead);
        winograd_block(&s->rows[b], values[b], acc, tokens);
    }
    for (int t = 0; t < tokens; t++) {
        v16f_store_n(y + (size_t)t * p->ldy, acc[t], n);
    }
    tile_asked(ahead);
}

V16_INLINE void winograd_tiles(const product *p, const winograd_scratch *s, size_t panel, bool starts, size_t blocks,
                               size_t first, size_t last, tile_ahead ahead)
{
    const winograd_values(*values)[WINOGRAD_STRETCH][4] = s->values;
    for (; first + 4 <= last; first += 4, values++) {
        winograd_tile(p, s, panel, starts, blocks, *values, first, 4, &ahead);
    }
    if (last - first == 3) {
        winograd_tile(p, s, panel, starts, blocks, *values, first, 3, &ahead);
    } else if (last - first == 2) {
        winograd_tile(p, s, panel, starts, blocks, *values, first, 2, &ahead);
    } else if (last - first == 1) {
        winograd_tile(p, s, panel, starts, blocks, *values, first, 1, &ahead);
    }
}

/* Blocks [begin, begin + blocks) of all panels for the tokens [first, last). */
V16_INLINE void winograd_stretch(dtype type, const product *p, size_t panel_begin, size_t panel_end, size_t begin,
                                 size_t blocks, size_t first, size_t last, winograd_scratch *s)
{
    for (size_t t = first; t < last; t++) {
        for (size_t b = 0; b < blocks; b++) {
            widen_values(p->x + t * p->blocks + begin + b, &s->values[(t - first) / 4][b][(t - first) % 4]);
        }
    }
    for (size_t panel = panel_begin; panel < panel_end; panel++) {
        for (size_t b = 0; b < blocks; b++) {
            widen_rows(type, p->panels + panel * p->panel_bytes, begin + b, &s->rows[b]);
        }
        winograd_tiles(
            p, s, panel, begin == 0, blocks, first, last,
            tile_ahead_of(type, p, panel, panel_begin, panel_end, begin, begin + blocks, (last - first + 3) / 4));
    }
}

V16_INLINE void many_bytes(dtype type, const product *p, size_t panel_begin, size_t panel_end, void *scratch)
{
    const size_t rounds = (p->tokens + WINOGRAD_TOKENS - 1) / WINOGRAD_TOKENS;
    const size_t each = (p->tokens + 4 * rounds - 1) / (4 * rounds) * 4;
    for (size_t first = 0; first < p->tokens; first += each) {
        const size_t last = first + each < p->tokens ? first + each : p->tokens;
        for (size_t begin = 0; begin < p->blocks; begin += WINOGRAD_STRETCH) {
            const size_t left = p->blocks - begin;
            winograd_stretch(type, p, panel_begin, panel_end, begin, left < WINOGRAD_STRETCH ? left : WINOGRAD_STRETCH,
                             first, last, scratch);
        }
    }
}

#endif
