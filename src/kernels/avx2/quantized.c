/* Products of the quantised formats for AVX2: the native rule of kernels/quantized.h with 16-bit sums.
 *
 * maddubs multiplies unsigned by signed bytes and adds pairs into 16 bits. Unsigned q of at most 5 bits times |x| <=
 * 127, 16 products a lane in a block, stay within 16 bits once the format's offset is taken off (|q - 16| * 127 * 16 =
 * 32512), and so do 8 products of Q6_K (|q - 32| * 127 * 8 = 32512). Additions wrap, so only the final sum has to fit:
 * the sums start at -offset * sum(x) and need one madd a block. (Q5_1 and Q5_K take off 16 like Q5_0 and put 16 *
 * sum(x) back in 32 bits.) Q8_0 has no room for that: |q| times sign(x, q), exact for q = -128 too, and a madd for
 * every product.
 *
 * Up to 4 tokens stream panels once, several side by side; more tokens pass, four at a time, over a stretch of k that
 * is unpacked in the scratch. */
#include "kernels/avx2/quantized.h"
#include "kernels/template/quantized.h"

/* Holds the compiler to the order in which sums are written: left alone it delays additions and spills. */
V16_INLINE void in_order(__m256i *sum)
{
    __asm__ volatile("" : "+x"(*sum));
}

V16_INLINE __m256i broadcast4(const void *p)
{
    int32_t word;
    memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
}

V16_INLINE int offset_bits(dtype type)
{
    return type == DTYPE_Q4_0 ? 3 : type == DTYPE_Q5_0 || type == DTYPE_Q5_1 || type == DTYPE_Q5_K ? 4 : 0;
}

/* Where the 16-bit sums of a block start. */
V16_INLINE __m256i start_of(dtype type, const activation_q8 *x)
{
    const __m256i sum = broadcast4(x->block_sum);
    return _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_slli_epi16(sum, offset_bits(type)));
}

/* sum += w . x over 4 values of 8 rows; 16-bit sums, or 32-bit ones in Q8_0. */
V16_INLINE void add_dot(dtype type, __m256i *sum, __m256i w, __m256i x)
{
    if (type == DTYPE_Q8_0) {
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
    if (type == DTYPE_Q8_0) {
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
    acc = _mm256_fmadd_ps(_mm256_mul_ps(scale, _mm256_set1_ps(x->d)), _mm256_cvtepi32_ps(isum), acc);
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
        sum[t][0] = sum[t][1] =
            offset_bits(type) == 0 ? _mm256_setzero_si256() : start_of(type, x + (size_t)t * stride);
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
                     size_t first, int tokens)
{
    const size_t n = rows_of(p, panel);
    float *y = p->y + first * p->ldy + panel * PANEL_ROWS;
    v16f acc[4];
    for (int t = 0; t < tokens; t++) {
        acc[t] = begin == 0 ? v16f_zero() : v16f_load_n(y + (size_t)t * p->ldy, n);
    }
    const activation_q8 *x = p->x + first * p->blocks;
    for (size_t b = begin; b < end; b++) {
        tile_block(type, u + (b - begin), x + b, p->blocks, acc, tokens);
    }
    for (int t = 0; t < tokens; t++) {
        v16f_store_n(y + (size_t)t * p->ldy, acc[t], n);
    }
}

V16_INLINE void tiles(dtype type, const product *p, const unpacked *u, size_t panel, size_t begin, size_t end,
                      size_t first, size_t last)
{
    for (; first + 4 <= last; first += 4) {
        tile(type, p, u, panel, begin, end, first, 4);
    }
    if (last - first == 3) {
        tile(type, p, u, panel, begin, end, first, 3);
    } else if (last - first == 2) {
        tile(type, p, u, panel, begin, end, first, 2);
    } else if (last - first == 1) {
        tile(type, p, u, panel, begin, end, first, 1);
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
    }
}

#define TOKENS_AT_ONCE 256u /* their activations of a stretch stay in the second-level cache */

V16_INLINE void many(dtype type, const product *p, size_t panel_begin, size_t panel_end, void *scratch)
{
    unpacked *u = scratch;
    for (size_t first = 0; first < p->tokens; first += TOKENS_AT_ONCE) {
        const size_t last = first + TOKENS_AT_ONCE < p->tokens ? first + TOKENS_AT_ONCE : p->tokens;
        for (size_t begin = 0; begin < p->blocks; begin += STRETCH_BLOCKS) {
            const size_t end = begin + STRETCH_BLOCKS < p->blocks ? begin + STRETCH_BLOCKS : p->blocks;
            for (size_t panel = panel_begin; panel < panel_end; panel++) {
                unpack_stretch(type, p->panels + panel * p->panel_bytes, begin, end, u);
                tiles(type, p, u, panel, begin, end, first, last);
            }
        }
    }
}

/* ---- few tokens: 1..4 panels side by side, straight from memory ---- */

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

V16_INLINE group_pair pair_of(dtype type, const uint8_t *panel, size_t b, int half, int g)
{
    if (type == DTYPE_Q8_0) {
        const panel_q8_0 *block = (const panel_q8_0 *)panel + b;
        return (group_pair){load8(block->q[g], half), load8(block->q[g + 4], half)};
    }
    if (type == DTYPE_Q4_0) {
        return nibbles(((const panel_q4_0 *)panel + b)->q[g], half);
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

/* 8 int8 scales, each twice in 16 bits. */
V16_INLINE __m256i twice(const int8_t *sc)
{
    const __m128i words = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)sc));
    return _mm256_set_m128i(_mm_unpackhi_epi16(words, words), _mm_unpacklo_epi16(words, words));
}

/* One block of one panel for `tokens` tokens: 8 rows at a time. */
V16_INLINE void stream_half(dtype type, const uint8_t *panel, size_t b, int half, const activation_q8 *x, size_t stride,
                            int tokens, __m256i ret[4])
{
    __m256i sum[4][2]; /* [1]: the second half of Q6_K */
    for (int t = 0; t < tokens; t++) {
        const activation_q8 *one = x + (size_t)t * stride;
        if (type == DTYPE_Q6_K) {
            start_halves(one, sum[t]);
        } else {
            sum[t][0] = offset_bits(type) == 0 ? _mm256_setzero_si256() : start_of(type, one);
        }
    }
#pragma GCC unroll 4
    for (int g = 0; g < 4; g++) {
        const group_pair w = pair_of(type, panel, b, half, g);
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            const int8_t *q = x[(size_t)t * stride].q;
            add_dot(type, &sum[t][0], w.lo, broadcast4(q + 4 * g));
            add_dot(type, &sum[t][type == DTYPE_Q6_K ? 1 : 0], w.hi, broadcast4(q + 16 + 4 * g));
        }
    }
    for (int t = 0; t < tokens; t++) {
        if (type == DTYPE_Q6_K) {
            const panel_q6_k *block = (const panel_q6_k *)panel + b / 8;
            const int8_t *sc = block->sc[2 * (b % 8)] + 8 * half;
            ret[t] = _mm256_add_epi32(_mm256_madd_epi16(sum[t][0], twice(sc)),
                                      _mm256_madd_epi16(sum[t][1], twice(sc + PANEL_ROWS)));
        } else {
            ret[t] = whole_sum(type, sum[t][0], x + (size_t)t * stride);
        }
    }
}

V16_INLINE void scales_of(dtype type, const uint8_t *panel, size_t b, v16f *scale, v16f *minimum)
{
    if (type == DTYPE_Q8_0) {
        *scale = v16f_load_f16(((const panel_q8_0 *)panel + b)->d);
    } else if (type == DTYPE_Q4_0) {
        *scale = v16f_load_f16(((const panel_q4_0 *)panel + b)->d);
    } else if (type == DTYPE_Q4_1) {
        *scale = v16f_load_f16(((const panel_q4_1 *)panel + b)->d);
        *minimum = v16f_load_f16(((const panel_q4_1 *)panel + b)->m);
    } else if (type == DTYPE_Q5_0) {
        *scale = v16f_load_f16(((const panel_q5_0 *)panel + b)->d);
    } else if (type == DTYPE_Q5_1) {
        *scale = v16f_load_f16(((const panel_q5_1 *)panel + b)->d);
        *minimum = v16f_load_f16(((const panel_q5_1 *)panel + b)->m);
    } else if (type == DTYPE_Q6_K) {
        *scale = v16f_load_f16(((const panel_q6_k *)panel + b / 8)->d);
    } else {
        const panel_k_head *head = type == DTYPE_Q4_K ? &((const panel_q4_k *)panel + b / 8)->head
                                                      : &((const panel_q5_k *)panel + b / 8)->head;
        k_scales(head, b % 8, scale, minimum);
    }
}

/* `panels` panels side by side for `tokens` tokens (constants, their product at most 4). */
V16_INLINE void stream(dtype type, const product *p, size_t panel, int panels, int tokens)
{
    v16f acc[4][4];
    for (int i = 0; i < panels; i++) {
        for (int t = 0; t < tokens; t++) {
            acc[i][t] = v16f_zero();
        }
    }
    for (size_t b = 0; b < p->blocks; b++) {
        const activation_q8 *x = p->x + b;
#pragma GCC unroll 4
        for (int i = 0; i < panels; i++) {
            const uint8_t *weights = p->panels + (panel + (size_t)i) * p->panel_bytes;
            v16f scale, minimum = v16f_zero();
            __m256i lo[4], hi[4];
            scales_of(type, weights, b, &scale, &minimum);
            stream_half(type, weights, b, 0, x, p->blocks, tokens, lo);
            stream_half(type, weights, b, 1, x, p->blocks, tokens, hi);
            for (int t = 0; t < tokens; t++) {
                const activation_q8 *one = x + (size_t)t * p->blocks;
                acc[i][t].lo = chain(type, acc[i][t].lo, lo[t], scale.lo, minimum.lo, one);
                acc[i][t].hi = chain(type, acc[i][t].hi, hi[t], scale.hi, minimum.hi, one);
            }
        }
    }
    for (int i = 0; i < panels; i++) {
        for (int t = 0; t < tokens; t++) {
            v16f_store_n(p->y + (size_t)t * p->ldy + (panel + (size_t)i) * PANEL_ROWS, acc[i][t],
                         rows_of(p, panel + (size_t)i));
        }
    }
}

V16_INLINE void few(dtype type, const product *p, size_t panel, size_t panel_end)
{
    if (p->tokens == 1) {
        for (; panel + 4 <= panel_end; panel += 4) {
            stream(type, p, panel, 4, 1);
        }
        for (; panel < panel_end; panel++) {
            stream(type, p, panel, 1, 1);
        }
    } else if (p->tokens == 2) {
        for (; panel + 2 <= panel_end; panel += 2) {
            stream(type, p, panel, 2, 2);
        }
        for (; panel < panel_end; panel++) {
            stream(type, p, panel, 1, 2);
        }
    } else if (p->tokens == 3) {
        for (; panel < panel_end; panel++) {
            stream(type, p, panel, 1, 3);
        }
    } else if (p->tokens == 4) {
        for (; panel < panel_end; panel++) {
            stream(type, p, panel, 1, 4);
        }
    }
}

V16_INLINE void matmul(dtype type, const uint8_t *panels, size_t rows, size_t cols, const void *activation,
                       size_t tokens, float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    const product p = {panels, panel_bytes(type, cols), rows, cols / 32, activation, tokens, y, ldy};
    if (tokens > 4) {
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
}
