/* Products of the quantised formats for AVX2: the native rule of kernels/quantized.h with 16-bit sums.
 *
 * maddubs multiplies unsigned by signed bytes and adds pairs into 16 bits. Unsigned q of at most 5 bits times |x| <=
 * 127, 16 products a lane in a block, stay within 16 bits once the format's offset is taken off (|q - 16| * 127 * 16 =
 * 32512), and so do 8 products of Q6_K (|q - 32| * 127 * 8 = 32512). Additions wrap, so only the final sum has to fit:
 * the sums start at -offset * sum(x) and need one madd a block. (Q5_1 and Q5_K take off 16 like Q5_0 and put 16 *
 * sum(x) back in 32 bits.) MXFP4's names stand for -12..12, looked up with 12 added, and are summed likewise. Q8_0 has
 * no room for that: |q| times sign(x, q), exact for q = -128 too, and a madd for every product, or of many tokens
 * Winograd's inner product (quantized_bytes.h). IQ4_NL's and IQ4_XS's names stand for signed bytes and are then as
 * Q8_0's.
 *
 * A few tokens stream panels from memory, a single one two side by side, fetched ahead; more tokens pass, four at a
 * time, over a stretch of k that is unpacked in the scratch. */
#include "kernels/avx2/quantized.h"
#include "kernels/avx2/quantized_bytes.h"
#include "kernels/avx2/quantized_words.h"
#include "kernels/template/quantized.h"

#define MXFP4_OFFSET 12 /* makes what MXFP4's names stand for unsigned */

V16_INLINE bool whole_bytes(dtype type)
{
    return type == DTYPE_Q8_0 || type == DTYPE_IQ4_NL || type == DTYPE_IQ4_XS;
}

/* What 16-bit sums take off q. */
V16_INLINE int sum_offset(dtype type)
{
    return type == DTYPE_Q4_0                                               ? 8
           : type == DTYPE_MXFP4                                            ? MXFP4_OFFSET
           : type == DTYPE_Q5_0 || type == DTYPE_Q5_1 || type == DTYPE_Q5_K ? 16
                                                                            : 0;
}

/* Where the sums of a block start. */
V16_INLINE __m256i start_of(dtype type, const activation_q8 *x)
{
    if (sum_offset(type) == 0) {
        return _mm256_setzero_si256();
    }
    return _mm256_mullo_epi16(broadcast4(x->block_sum), _mm256_set1_epi16((short)-sum_offset(type)));
}

/* sum += w . x over 4 values of 8 rows; 16-bit sums, or 32-bit ones of whole bytes. */
V16_INLINE void add_dot(dtype type, __m256i *sum, __m256i w, __m256i x)
{
    if (whole_bytes(type)) {
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    } else {
        *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(w, x));
    }
    in_order(sum);
}

/* The block's exact integer sum of 8 rows, from its sums. */
V16_INLINE __m256i whole_sum(dtype type, __m256i sum, const activation_q8 *x)
{
    if (whole_bytes(type)) {
        return sum;
    }
    sum = _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
    if (type == DTYPE_Q5_1 || type == DTYPE_Q5_K) {
        sum = _mm256_add_epi32(sum, _mm256_set1_epi32(16 * (x->block_sum[0] + x->block_sum[1])));
    }
    return sum;
}

V16_INLINE __m256 chain(dtype type, __m256 acc, __m256i isum, __m256 scale, __m256 minimum, const activation_q8 *x)
{
    acc = add_scaled(acc, isum, scale, x->d);
    if (quantized_minimum(type) > 0) {
        acc = _mm256_fmadd_ps(minimum, _mm256_set1_ps(x->s), acc);
    } else if (quantized_minimum(type) < 0) {
        acc = _mm256_fnmadd_ps(minimum, _mm256_set1_ps(x->s), acc);
    }
    return acc;
}

/* ---- many tokens: a tile of 16 rows x 1..4 tokens over unpacked blocks ---- */

V16_INLINE void clear_sums(dtype type, __m256i sum[4][2], const activation_q8 *x, size_t stride, int tokens)
{
    for (int t = 0; t < tokens; t++) {
        sum[t][0] = sum[t][1] = start_of(type, x + (size_t)t * stride);
    }
}

V16_INLINE void add_groups(dtype type, __m256i sum[4][2], const unpacked *u, const activation_q8 *x, size_t stride,
                           int begin, int end, int tokens)
{
#pragma GCC unroll 8
    for (int g = begin; g < end; g++) {
        const __m256i lo = u->q[g].lo;
        const __m256i hi = u->q[g].hi;
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            const __m256i values = broadcast4(x[(size_t)t * stride].q + 4 * g);
            add_dot(type, &sum[t][0], lo, values);
            add_dot(type, &sum[t][1], hi, values);
        }
    }
}

/* Q6_K: half a block (16 values) has its own scale; u->sc holds it twice, in 16 bits. */
V16_INLINE void add_half(__m256i isum[4][2], const unpacked *u, const activation_q8 *x, size_t stride, int half,
                         int tokens)
{
    __m256i sum[4][2];
    for (int t = 0; t < tokens; t++) {
        const activation_q8 *one = x + (size_t)t * stride;
        const __m256i first = broadcast4(one->half_sum);
        const __m256i total = half == 0 ? first : _mm256_sub_epi16(broadcast4(one->block_sum), first);
        sum[t][0] = sum[t][1] = _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_slli_epi16(total, 5));
    }
    add_groups(DTYPE_Q6_K, sum, u, x, stride, 4 * half, 4 * half + 4, tokens);
    for (int t = 0; t < tokens; t++) {
        isum[t][0] = _mm256_add_epi32(isum[t][0], _mm256_madd_epi16(sum[t][0], u->sc[half].lo));
        isum[t][1] = _mm256_add_epi32(isum[t][1], _mm256_madd_epi16(sum[t][1], u->sc[half].hi));
    }
}

V16_INLINE void tile_block(dtype type, const unpacked *u, const activation_q8 *x, size_t stride, v16f acc[4],
                           int tokens)
{
    __m256i sum[4][2];
    if (type == DTYPE_Q6_K) {
        for (int t = 0; t < tokens; t++) {
            sum[t][0] = sum[t][1] = _mm256_setzero_si256();
        }
        add_half(sum, u, x, stride, 0, tokens);
        add_half(sum, u, x, stride, 1, tokens);
    } else {
        clear_sums(type, sum, x, stride, tokens);
        add_groups(type, sum, u, x, stride, 0, 8, tokens);
    }
    for (int t = 0; t < tokens; t++) {
        const activation_q8 *one = x + (size_t)t * stride;
        const bool done = type == DTYPE_Q6_K;
        const __m256i lo = done ? sum[t][0] : whole_sum(type, sum[t][0], one);
        const __m256i hi = done ? sum[t][1] : whole_sum(type, sum[t][1], one);
        acc[t].lo = chain(type, acc[t].lo, lo, u->scale.lo, u->minimum.lo, one);
        acc[t].hi = chain(type, acc[t].hi, hi, u->scale.hi, u->minimum.hi, one);
    }
}

/* Blocks [begin, end), unpacked at u, of one panel, for `tokens` (a constant, 1..4) from `first` on; the chain goes on
 * from y. */
V16_INLINE void tile(dtype type, const product *p, const unpacked *u, size_t panel, size_t begin, size_t end,
                     size_t first, int tokens, tile_ahead *ahead)
{
    const size_t n = rows_of(p, panel);
    float *y = p->y + first * p->ldy + panel * PANEL_ROWS;
    v16f acc[4];
    for (int t = 0; t < tokens; t++) {
        acc[t] = begin == 0 ? v16f_zero() : v16f_load_n(y + (size_t)t * p->ldy, n);
    }
    const activation_q8 *x = p->x + first * p->blocks;
    for (size_t b = begin; b < end; b++) {
        tile_ask(ahead);
        tile_block(type, u + (b - begin), x + b, p->blocks, acc, tokens);
    }
    for (int t = 0; t < tokens; t++) {
        v16f_store_n(y + (size_t)t * p->ldy, acc[t], n);
    }
    tile_asked(ahead);
}

V16_INLINE void tiles(dtype type, const product *p, const unpacked *u, size_t panel, size_t begin, size_t end,
                      size_t first, size_t last, tile_ahead ahead)
{
    for (; first + 4 <= last; first += 4) {
        tile(type, p, u, panel, begin, end, first, 4, &ahead);
    }
    if (last - first == 3) {
        tile(type, p, u, panel, begin, end, first, 3, &ahead);
    } else if (last - first == 2) {
        tile(type, p, u, panel, begin, end, first, 2, &ahead);
    } else if (last - first == 1) {
        tile(type, p, u, panel, begin, end, first, 1, &ahead);
    }
}

V16_INLINE void unpack_stretch(dtype type, const uint8_t *panel, size_t begin, size_t end, unpacked *u)
{
    for (size_t b = begin; b < end; b++, u++) {
        unpack(type, panel, b, u);
        if (type == DTYPE_Q6_K) {
            for (int half = 0; half < 2; half++) {
                const v16i low = v16i_and(u->sc[half], v16i_set1(0xFFFF));
                u->sc[half] = v16i_or(low, v16i_shl(u->sc[half], 16));
            }
        }
        for (int g = 0; type == DTYPE_MXFP4 && g < 8; g++) {
            u->q[g].lo = _mm256_add_epi8(u->q[g].lo, _mm256_set1_epi8(MXFP4_OFFSET));
            u->q[g].hi = _mm256_add_epi8(u->q[g].hi, _mm256_set1_epi8(MXFP4_OFFSET));
        }
    }
}

#define TOKENS_AT_ONCE 128u /* their activations of a stretch stay in the second-level cache */

V16_INLINE void many(dtype type, const product *p, size_t panel_begin, size_t panel_end, void *scratch)
{
    unpacked *u = scratch;
    for (size_t first = 0; first < p->tokens; first += TOKENS_AT_ONCE) {
        const size_t last = first + TOKENS_AT_ONCE < p->tokens ? first + TOKENS_AT_ONCE : p->tokens;
        for (size_t begin = 0; begin < p->blocks; begin += STRETCH_BLOCKS) {
            const size_t end = begin + STRETCH_BLOCKS < p->blocks ? begin + STRETCH_BLOCKS : p->blocks;
            for (size_t panel = panel_begin; panel < panel_end; panel++) {
                unpack_stretch(type, p->panels + panel * p->panel_bytes, begin, end, u);
                tiles(type, p, u, panel, begin, end, first, last,
                      tile_ahead_of(type, p, panel, panel_begin, panel_end, begin, end, (last - first + 3) / 4));
            }
        }
    }
}

/* ---- few tokens: straight from the panels ---- */

/* 8 rows (half 0 or 1) of the groups g (lo) and g + 4 (hi) of block b of a panel; g < 4 is a constant. */
typedef struct group_pair {
    __m256i lo, hi;
} group_pair;

V16_INLINE __m256i load8(const void *p, int half)
{
    return _mm256_loadu_si256((const __m256i *)p + half);
}

V16_INLINE group_pair nibbles(const uint8_t q[16][4], int half)
{
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i both = load8(q, half);
    return (group_pair){_mm256_and_si256(both, mask), _mm256_and_si256(_mm256_srli_epi16(both, 4), mask)};
}

V16_INLINE group_pair with_fifth(group_pair pair, const uint8_t h[16][4], int half, int g)
{
    const __m256i mask = _mm256_set1_epi8(16);
    const __m256i bits = load8(h, half);
    pair.lo = _mm256_or_si256(pair.lo, _mm256_and_si256(_mm256_slli_epi16(bits, 4 - g), mask));
    pair.hi = _mm256_or_si256(pair.hi, _mm256_and_si256(_mm256_srli_epi16(bits, g), mask));
    return pair;
}

V16_INLINE __m256i two_high(const uint8_t h[16][4], int half, int g)
{
    const __m256i bits = load8(h, half);
    const __m256i moved = g < 3 ? _mm256_slli_epi16(bits, 4 - 2 * g) : _mm256_srli_epi16(bits, 2);
    return _mm256_and_si256(moved, _mm256_set1_epi8(0x30));
}

/* What nibbles stand for, in MXFP4 with its offset added. */
V16_INLINE group_pair named(dtype type, group_pair pair)
{
    __m128i table = _mm_loadu_si128((const __m128i *)quantized_table(type));
    if (type == DTYPE_MXFP4) {
        table = _mm_add_epi8(table, _mm_set1_epi8(MXFP4_OFFSET));
    }
    const __m256i both = _mm256_broadcastsi128_si256(table);
    return (group_pair){_mm256_shuffle_epi8(both, pair.lo), _mm256_shuffle_epi8(both, pair.hi)};
}

V16_INLINE group_pair pair_of(dtype type, const uint8_t *panel, size_t b, int half, int g)
{
    if (type == DTYPE_Q8_0) {
        const panel_q8_0 *block = (const panel_q8_0 *)panel + b;
        return (group_pair){load8(block->q[g], half), load8(block->q[g + 4], half)};
    }
    if (type == DTYPE_Q4_0) {
        return nibbles(((const panel_q4_0 *)panel + b)->q[g], half);
    }
    if (type == DTYPE_IQ4_NL) {
        return named(type, nibbles(((const panel_q4_0 *)panel + b)->q[g], half));
    }
    if (type == DTYPE_IQ4_XS) {
        return named(type, nibbles(((const panel_iq4_xs *)panel + b / 8)->q[b % 8][g], half));
    }
    if (type == DTYPE_MXFP4) {
        return named(type, nibbles(((const panel_mxfp4 *)panel + b)->q[g], half));
    }
    if (type == DTYPE_Q4_1) {
        return nibbles(((const panel_q4_1 *)panel + b)->q[g], half);
    }
    if (type == DTYPE_Q5_0) {
        const panel_q5_0 *block = (const panel_q5_0 *)panel + b;
        return with_fifth(nibbles(block->q[g], half), block->h, half, g);
    }
    if (type == DTYPE_Q5_1) {
        const panel_q5_1 *block = (const panel_q5_1 *)panel + b;
        return with_fifth(nibbles(block->q[g], half), block->h, half, g);
    }
    if (type == DTYPE_Q4_K) {
        return nibbles(((const panel_q4_k *)panel + b / 8)->q[b % 8][g], half);
    }
    if (type == DTYPE_Q5_K) {
        const panel_q5_k_block *block = &((const panel_q5_k *)panel + b / 8)->block[b % 8];
        return with_fifth(nibbles(block->q[g], half), block->h, half, g);
    }
    const panel_q6_k_block *block = &((const panel_q6_k *)panel + b / 8)->block[b % 8];
    group_pair pair = nibbles(block->q[g], half);
    pair.lo = _mm256_or_si256(pair.lo, two_high(block->h[0], half, g));
    pair.hi = _mm256_or_si256(pair.hi, two_high(block->h[1], half, g));
    return pair;
}

/* Q6_K's sums of the two halves of a block of one token. */
V16_INLINE void start_halves(const activation_q8 *x, __m256i sum[2])
{
    const __m256i first = broadcast4(x->half_sum);
    const __m256i zero = _mm256_setzero_si256();
    sum[0] = _mm256_sub_epi16(zero, _mm256_slli_epi16(first, 5));
    sum[1] = _mm256_sub_epi16(zero, _mm256_slli_epi16(_mm256_sub_epi16(broadcast4(x->block_sum), first), 5));
}

/* Rows 8 half to 8 half + 7 of 16 int8 scales, each twice in 16 bits. */
V16_INLINE __m256i twice(const int8_t *sc, int half)
{
    const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)sc));
    const __m256i high_bytes = _mm256_set_epi8(7, -1, 7, -1, 6, -1, 6, -1, 5, -1, 5, -1, 4, -1, 4, -1, 3, -1, 3, -1, 2,
                                               -1, 2, -1, 1, -1, 1, -1, 0, -1, 0, -1);
    const __m256i at = half == 0 ? high_bytes : _mm256_add_epi8(high_bytes, _mm256_set1_epi16(0x0800));
    return _mm256_srai_epi16(_mm256_shuffle_epi8(both, at), 8);
}

/* The exact integer sums of one block of one panel for `tokens` tokens. */
V16_INLINE void stream_sums(dtype type, const uint8_t *panel, size_t b, const activation_q8 *x, size_t stride,
                            int tokens, v16i ret[4])
{
    __m256i sum[4][2][2]; /* [token][half of the rows][second half of the values, in Q6_K] */
    for (int t = 0; t < tokens; t++) {
        const activation_q8 *one = x + (size_t)t * stride;
        if (type == DTYPE_Q6_K) {
            start_halves(one, sum[t][0]);
        } else {
            sum[t][0][0] = start_of(type, one);
        }
        sum[t][1][0] = sum[t][0][0];
        sum[t][1][1] = sum[t][0][1];
    }
    const int second = type == DTYPE_Q6_K ? 1 : 0;
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) {
        const group_pair first_rows = pair_of(type, panel, b, 0, g);
        const group_pair last_rows = pair_of(type, panel, b, 1, g);
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            const __m256i lo = broadcast4(x[(size_t)t * stride].q + 4 * g);
            add_dot(type, &sum[t][0][0], first_rows.lo, lo);
            add_dot(type, &sum[t][1][0], last_rows.lo, lo);
            const __m256i hi = broadcast4(x[(size_t)t * stride].q + 16 + 4 * g);
            add_dot(type, &sum[t][0][second], first_rows.hi, hi);
            add_dot(type, &sum[t][1][second], last_rows.hi, hi);
        }
    }
    for (int t = 0; t < tokens; t++) {
        if (type == DTYPE_Q6_K) {
            const panel_q6_k *block = (const panel_q6_k *)panel + b / 8;
            const int8_t *sc = block->sc[2 * (b % 8)];
            ret[t].lo = _mm256_add_epi32(_mm256_madd_epi16(sum[t][0][0], twice(sc, 0)),
                                         _mm256_madd_epi16(sum[t][0][1], twice(sc + PANEL_ROWS, 0)));
            ret[t].hi = _mm256_add_epi32(_mm256_madd_epi16(sum[t][1][0], twice(sc, 1)),
                                         _mm256_madd_epi16(sum[t][1][1], twice(sc + PANEL_ROWS, 1)));
        } else {
            ret[t].lo = whole_sum(type, sum[t][0][0], x + (size_t)t * stride);
            ret[t].hi = whole_sum(type, sum[t][1][0], x + (size_t)t * stride);
        }
    }
}

/* The scales of 256 values of Q4_K, Q5_K and IQ4_XS (signed, without minima), out of their 6 bits. */
typedef struct k_bytes {
    uint8_t sc[8][16];
    uint8_t mn[8][16];
    v16f d;
    v16f dmin;
} k_bytes;

V16_INLINE void k_bytes_of(const panel_k_head *head, k_bytes *ret)
{
    const __m256i four = _mm256_set1_epi8(15);
    const __m256i two = _mm256_set1_epi8(0x30);
    for (int i = 0; i < 4; i++) { /* blocks 2 i and 2 i + 1 */
        const __m256i low = load8(head->low, i);
        const __m256i high = load8(head->high, i % 2);
        const __m256i sc = i < 2 ? _mm256_slli_epi16(high, 4) : high;
        const __m256i mn = i < 2 ? _mm256_slli_epi16(high, 2) : _mm256_srli_epi16(high, 2);
        _mm256_storeu_si256((__m256i *)ret->sc + i,
                            _mm256_or_si256(_mm256_and_si256(low, four), _mm256_and_si256(sc, two)));
        _mm256_storeu_si256((__m256i *)ret->mn + i, _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(low, 4), four),
                                                                    _mm256_and_si256(mn, two)));
    }
    ret->d = v16f_load_f16(head->d);
    ret->dmin = v16f_load_f16(head->dmin);
}

V16_INLINE void iq4_xs_bytes_of(const panel_iq4_xs *block, k_bytes *ret)
{
    const __m256i high = load8(block->high, 0);
    const __m256i moved[4] = {_mm256_slli_epi16(high, 4), _mm256_slli_epi16(high, 2), high, _mm256_srli_epi16(high, 2)};
    for (int i = 0; i < 4; i++) { /* blocks 2 i and 2 i + 1 */
        const __m256i both = load8(block->low, i % 2);
        const __m256i low = _mm256_and_si256(i < 2 ? both : _mm256_srli_epi16(both, 4), _mm256_set1_epi8(15));
        const __m256i six = _mm256_or_si256(low, _mm256_and_si256(moved[i], _mm256_set1_epi8(0x30)));
        _mm256_storeu_si256((__m256i *)ret->sc + i, _mm256_sub_epi8(six, _mm256_set1_epi8(32)));
    }
    ret->d = v16f_load_f16(block->d);
}

V16_INLINE bool has_k_bytes(dtype type)
{
    return type == DTYPE_Q4_K || type == DTYPE_Q5_K || type == DTYPE_IQ4_XS;
}

/* Of the 256 values that begin at block b. */
V16_INLINE void scale_bytes_of(dtype type, const uint8_t *panel, size_t b, k_bytes *ret)
{
    if (type == DTYPE_IQ4_XS) {
        iq4_xs_bytes_of((const panel_iq4_xs *)panel + b / 8, ret);
    } else {
        const size_t size = type == DTYPE_Q4_K ? sizeof(panel_q4_k) : sizeof(panel_q5_k);
        k_bytes_of((const panel_k_head *)(panel + b / 8 * size), ret);
    }
}

V16_INLINE void scales_of(dtype type, const uint8_t *panel, size_t b, const k_bytes *k, v16f *scale, v16f *minimum)
{
    if (type == DTYPE_IQ4_XS) {
        *scale = v16f_mul(k->d, v16i_to_float(v16i_load_s8((const int8_t *)k->sc[b % 8])));
    } else if (has_k_bytes(type)) {
        *scale = v16f_mul(k->d, v16i_to_float(v16i_load_u8(k->sc[b % 8])));
        *minimum = v16f_mul(k->dmin, v16i_to_float(v16i_load_u8(k->mn[b % 8])));
    } else if (type == DTYPE_Q8_0) {
        *scale = v16f_load_f16(((const panel_q8_0 *)panel + b)->d);
    } else if (type == DTYPE_Q4_0 || type == DTYPE_IQ4_NL) {
        *scale = v16f_load_f16(((const panel_q4_0 *)panel + b)->d);
    } else if (type == DTYPE_MXFP4) {
        *scale = mxfp4_scale(((const panel_mxfp4 *)panel + b)->e);
    } else if (type == DTYPE_Q4_1) {
        *scale = v16f_load_f16(((const panel_q4_1 *)panel + b)->d);
        *minimum = v16f_load_f16(((const panel_q4_1 *)panel + b)->m);
    } else if (type == DTYPE_Q5_0) {
        *scale = v16f_load_f16(((const panel_q5_0 *)panel + b)->d);
    } else if (type == DTYPE_Q5_1) {
        *scale = v16f_load_f16(((const panel_q5_1 *)panel + b)->d);
        *minimum = v16f_load_f16(((const panel_q5_1 *)panel + b)->m);
    } else {
        *scale = v16f_load_f16(((const panel_q6_k *)panel + b / 8)->d);
    }
}

/* One block of one panel. */
V16_INLINE void stream_block(dtype type, const uint8_t *panel, size_t b, k_bytes *k, const activation_q8 *x,
                             size_t stride, int tokens, v16f acc[4])
{
    if (has_k_bytes(type) && b % 8 == 0) {
        scale_bytes_of(type, panel, b, k);
    }
    v16f scale, minimum = v16f_zero();
    v16i isum[4];
    stream_sums(type, panel, b, x, stride, tokens, isum);
    scales_of(type, panel, b, k, &scale, &minimum);
    for (int t = 0; t < tokens; t++) {
        const activation_q8 *one = x + (size_t)t * stride;
        acc[t].lo = chain(type, acc[t].lo, isum[t].lo, scale.lo, minimum.lo, one);
        acc[t].hi = chain(type, acc[t].hi, isum[t].hi, scale.hi, minimum.hi, one);
    }
}

/* `panels` panels side by side for `tokens` tokens from `first` on (constants, their product at most 4). */
V16_INLINE void stream(dtype type, const product *p, size_t panel, size_t first, int panels, int tokens)
{
    v16f acc[4][4];
    k_bytes k[4];
    for (int i = 0; i < panels; i++) {
        for (int t = 0; t < tokens; t++) {
            acc[i][t] = v16f_zero();
        }
    }
    for (size_t b = 0; b < p->blocks; b++) {
#pragma GCC unroll 4
        for (int i = 0; i < panels; i++) {
            const uint8_t *weights = p->panels + (panel + (size_t)i) * p->panel_bytes;
            if (tokens > 1 && first == 0) {
                fetch_ahead(type, weights, b);
            }
            stream_block(type, weights, b, &k[i], p->x + first * p->blocks + b, p->blocks, tokens, acc[i]);
        }
    }
    for (int i = 0; i < panels; i++) {
        for (int t = 0; t < tokens; t++) {
            v16f_store_n(p->y + (first + (size_t)t) * p->ldy + (panel + (size_t)i) * PANEL_ROWS, acc[i][t],
                         rows_of(p, panel + (size_t)i));
        }
    }
}

/* One panel and up to 4 tokens. */
V16_INLINE void stream_tokens(dtype type, const product *p, size_t panel, size_t first, size_t tokens)
{
    if (tokens == 1) {
        stream(type, p, panel, first, 1, 1);
    } else if (tokens == 2) {
        stream(type, p, panel, first, 1, 2);
    } else if (tokens == 3) {
        stream(type, p, panel, first, 1, 3);
    } else {
        stream(type, p, panel, first, 1, 4);
    }
}

/* ---- one token: memory is the limit ---- */

/* Blocks of 32 values that share a head. */
V16_INLINE size_t run_blocks(dtype type)
{
    return has_k_bytes(type) || type == DTYPE_Q6_K ? 8 : 1;
}

/* Bytes of such a run of a panel: the file's bytes of 16 rows. */
V16_INLINE size_t run_bytes(dtype type)
{
    return run_blocks(type) * panel_block_bytes(type);
}

/* Block b of a run for one token. */
V16_INLINE void run_block(dtype type, const uint8_t *run, size_t b, const k_bytes *k, const activation_q8 *x, v16f *acc)
{
    v16f scale, minimum = v16f_zero();
    v16i isum[4];
    stream_sums(type, run, b, x, 0, 1, isum);
    scales_of(type, run, b, k, &scale, &minimum);
    acc->lo = chain(type, acc->lo, isum[0].lo, scale.lo, minimum.lo, x);
    acc->hi = chain(type, acc->hi, isum[0].hi, scale.hi, minimum.hi, x);
}

/* `panels` panels (a constant, at most 2) side by side, `apart` panels from one another. */
V16_INLINE void stream_one(dtype type, const product *p, size_t panel, size_t apart, int panels)
{
    v16f acc[2] = {v16f_zero(), v16f_zero()};
    k_bytes k[2];
    const size_t each = run_blocks(type);
    const size_t step = apart * p->panel_bytes;
    const uint8_t *run = p->panels + panel * p->panel_bytes;
    const activation_q8 *x = p->x;
    for (size_t left = p->blocks; left > 0; left -= each, run += run_bytes(type)) {
        for (int i = 0; i < panels && has_k_bytes(type); i++) {
            scale_bytes_of(type, run + (size_t)i * step, 0, &k[i]);
        }
        for (size_t b = 0; b < each; b++, x++) {
#pragma GCC unroll 2
            for (int i = 0; i < panels; i++) {
                fetch_ahead(type, run + (size_t)i * step, b);
                run_block(type, run + (size_t)i * step, b, &k[i], x, &acc[i]);
            }
        }
    }
    for (size_t i = 0; i < (size_t)panels; i++) {
        v16f_store_n(p->y + (panel + i * apart) * PANEL_ROWS, acc[i], rows_of(p, panel + i * apart));
    }
}

/* Two streams, each through panels that follow one another: what is fetched ahead at a panel's end is the next one's
 * begin. */
V16_INLINE void stream_all(dtype type, const product *p, size_t panel, size_t panel_end)
{
    const size_t half = (panel_end - panel) / 2;
    for (size_t i = 0; i < half; i++, panel++) {
        stream_one(type, p, panel, half, 2);
    }
    if (panel + half < panel_end) {
        stream_one(type, p, panel + half, 0, 1);
    }
}

V16_INLINE void few(dtype type, const product *p, size_t panel, size_t panel_end)
{
    if (p->tokens == 1) {
        stream_all(type, p, panel, panel_end);
        return;
    }
    for (; p->tokens == 2 && panel + 2 <= panel_end; panel += 2) {
        stream(type, p, panel, 0, 2, 2);
    }
    for (; panel < panel_end; panel++) {
        for (size_t first = 0; first < p->tokens; first += 4) {
            stream_tokens(type, p, panel, first, p->tokens - first < 4 ? p->tokens - first : 4);
        }
    }
}

#define TOKENS_STREAMED 8u  /* up to here unpacking into the scratch does not pay */
#define TOKENS_UNPACKED 16u /* up to here widening signed bytes to 16 bits does not */

V16_INLINE void matmul(dtype type, const uint8_t *panels, size_t rows, size_t cols, const void *activation,
                       size_t tokens, float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    const product p = {panels, panel_bytes(type, cols), rows, cols / 32, activation, tokens, y, ldy};
    if (tokens > TOKENS_UNPACKED && whole_bytes(type)) {
        many_bytes(type, &p, panel_begin, panel_end, scratch);
    } else if (tokens > TOKENS_STREAMED) {
        many(type, &p, panel_begin, panel_end, scratch);
    } else {
        few(type, &p, panel_begin, panel_end);
    }
}

/* ---- one function a format ---- */

static void matmul_q8_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q8_0, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q4_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q4_0, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q4_1(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q4_1, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q5_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q5_0, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q5_1(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q5_1, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q4_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q4_K, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q5_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q5_K, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_q6_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q6_K, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_iq4_nl(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_IQ4_NL, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_iq4_xs(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_IQ4_XS, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

static void matmul_mxfp4(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_MXFP4, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}

void kernels_fill_quantized_avx2_sums(kernel_table *table)
{
    table->matmul[COMPUTE_NATIVE][DTYPE_Q8_0] = matmul_q8_0;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q4_0] = matmul_q4_0;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q4_1] = matmul_q4_1;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q5_0] = matmul_q5_0;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q5_1] = matmul_q5_1;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q4_K] = matmul_q4_k;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q5_K] = matmul_q5_k;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q6_K] = matmul_q6_k;
    table->matmul[COMPUTE_NATIVE][DTYPE_IQ4_NL] = matmul_iq4_nl;
    table->matmul[COMPUTE_NATIVE][DTYPE_IQ4_XS] = matmul_iq4_xs;
    table->matmul[COMPUTE_NATIVE][DTYPE_MXFP4] = matmul_mxfp4;
}
