/* The quantised formats over sixteen lanes, for every instruction set: panels back to binary32, and the native
 * products (integer dot products of panels and ACTIVATION_Q8). Formulas and layouts: kernels/quantized.h.
 *
 * Few tokens: panels are streamed once, block by block. Many tokens: a stretch of k of a panel is unpacked into the
 * scratch and all tokens pass over it, a few at a time; between stretches the chains rest in y. Both walk k upwards in
 * one chain per output, so they give the same bits. */
#include "kernels/fill.h"
#include "kernels/template/quantized.h"

/* ---- the native rule ---- */

V16_INLINE v16i dot_groups(dtype type, const unpacked *u, const activation_q8 *x, int begin, int end, int sum)
{
    v16i isum = v16i_set1(-unpacked_offset(type) * sum);
    for (int g = begin; g < end; g++) {
        const v16b values = v16b_set4(x->q + 4 * g);
        const v16b q = as_bytes(u->q[g]);
        isum = unpacked_signed(type) ? v16i_dot4_s8s8(isum, q, values) : v16i_dot4_u8s8(isum, q, values);
    }
    return isum;
}

/* acc after one block and one token. */
QUANTIZED_INLINE v16f step(dtype type, const unpacked *u, const activation_q8 *x, v16f acc)
{
    const int sum = x->block_sum[0] + x->block_sum[1];
    const int first = x->half_sum[0] + x->half_sum[1];
    v16i isum;
    if (quantized_halves(type)) {
        isum = v16i_add(v16i_mul(unpacked_scale(type, u, 0), dot_groups(type, u, x, 0, 4, first)),
                        v16i_mul(unpacked_scale(type, u, 1), dot_groups(type, u, x, 4, 8, sum - first)));
    } else {
        isum = dot_groups(type, u, x, 0, 8, sum);
    }
    acc = v16f_fma(v16f_mul(u->scale, v16f_set1(x->d)), v16i_to_float(isum), acc);
    if (type == DTYPE_WIDE_MIN) {
        const v16i msum = v16i_add(v16i_mul(unpacked_half_minimum(u, 0), v16i_set1(first)),
                                   v16i_mul(unpacked_half_minimum(u, 1), v16i_set1(sum - first)));
        acc = v16f_fnma(v16f_mul(u->minimum, v16f_set1(x->d)), v16i_to_float(msum), acc);
    }
    if (quantized_minimum(type) > 0) {
        acc = v16f_fma(u->minimum, v16f_set1(x->s), acc);
    } else if (quantized_minimum(type) < 0) {
        acc = v16f_fnma(u->minimum, v16f_set1(x->s), acc);
    }
    return acc;
}

enum { TILE_TOKENS = V16_REGISTERS >= 32 ? 8 : 4 };

/* `panels` panels, `apart` from one another, side by side for `tokens` tokens from `first` on (constants, at most 2 and
 * TILE_TOKENS), straight from memory. */
V16_INLINE void stream(dtype type, const product *p, size_t panel, size_t apart, size_t panels, size_t first,
                       size_t tokens)
{
    v16f acc[2][TILE_TOKENS];
    for (size_t i = 0; i < panels; i++) {
        for (size_t t = 0; t < tokens; t++) {
            acc[i][t] = v16f_zero();
        }
    }
    const activation_q8 *x = p->x + first * p->blocks;
    for (size_t b = 0; b < p->blocks; b++) {
        for (size_t i = 0; i < panels; i++) {
            const uint8_t *weights = p->panels + (panel + i * apart) * p->panel_bytes;
            unpacked u;
            if (first == 0) {
                fetch_ahead(type, weights, b);
            }
            unpack(type, weights, b, &u);
            for (size_t t = 0; t < tokens; t++) {
                acc[i][t] = step(type, &u, x + t * p->blocks + b, acc[i][t]);
            }
        }
    }
    for (size_t i = 0; i < panels; i++) {
        for (size_t t = 0; t < tokens; t++) {
            v16f_store_n(p->y + (first + t) * p->ldy + (panel + i * apart) * PANEL_ROWS, acc[i][t],
                         rows_of(p, panel + i * apart));
        }
    }
}

/* 1 or 2 tokens (a constant): two streams, each through panels that follow one another, so that what is asked for at a
 * panel's end is the next one's begin. */
V16_INLINE void stream_all(dtype type, const product *p, size_t panel, size_t panel_end, size_t tokens)
{
    const size_t half = (panel_end - panel) / 2;
    for (size_t i = 0; i < half; i++, panel++) {
        stream(type, p, panel, half, 2, 0, tokens);
    }
    if (panel + half < panel_end) {
        stream(type, p, panel + half, 0, 1, 0, tokens);
    }
}

/* One panel for as many of the tokens from `first` on as fit; returns how many. */
V16_INLINE size_t stream_tokens(dtype type, const product *p, size_t panel, size_t first)
{
    const size_t left = p->tokens - first;
    if (TILE_TOKENS == 8 && left >= 8) {
        stream(type, p, panel, 0, 1, first, TILE_TOKENS);
        return TILE_TOKENS;
    }
    if (left >= 4) {
        stream(type, p, panel, 0, 1, first, 4);
        return 4;
    }
    if (left == 3 || TILE_TOKENS < 8) { /* 1 and 2 tokens alone: stream_all */
        stream(type, p, panel, 0, 1, first, 3);
    } else if (left == 2) {
        stream(type, p, panel, 0, 1, first, 2);
    } else {
        stream(type, p, panel, 0, 1, first, 1);
    }
    return left;
}

V16_INLINE void few(dtype type, const product *p, size_t panel, size_t panel_end)
{
    if (p->tokens == 1) {
        stream_all(type, p, panel, panel_end, 1);
        return;
    }
    if (p->tokens == 2) {
        stream_all(type, p, panel, panel_end, 2);
        return;
    }
    for (; panel < panel_end; panel++) {
        for (size_t first = 0; first < p->tokens;) {
            first += stream_tokens(type, p, panel, first);
        }
    }
}

/* Blocks [begin, end), unpacked, for `tokens` (a constant, at most TILE_TOKENS) from `first` on. The
 * chain goes on from y. */
V16_INLINE void tile(dtype type, const product *p, const unpacked *u, size_t panel, size_t begin, size_t end,
                     size_t first, size_t tokens, tile_ahead *ahead)
{
    const size_t n = rows_of(p, panel);
    v16f acc[TILE_TOKENS];
    for (size_t t = 0; t < tokens; t++) {
        acc[t] = begin == 0 ? v16f_zero() : v16f_load_n(p->y + (first + t) * p->ldy + panel * PANEL_ROWS, n);
    }
    for (size_t b = begin; b < end; b++) {
        tile_ask(ahead);
        for (size_t t = 0; t < tokens; t++) {
            acc[t] = step(type, u + (b - begin), p->x + (first + t) * p->blocks + b, acc[t]);
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        v16f_store_n(p->y + (first + t) * p->ldy + panel * PANEL_ROWS, acc[t], n);
    }
    tile_asked(ahead);
}

V16_INLINE void tiles(dtype type, const product *p, const unpacked *u, size_t panel, size_t begin, size_t end,
                      size_t first, size_t last, tile_ahead ahead)
{
    for (; first + TILE_TOKENS <= last; first += TILE_TOKENS) {
        tile(type, p, u, panel, begin, end, first, TILE_TOKENS, &ahead);
    }
    for (; first + 2 <= last; first += 2) {
        tile(type, p, u, panel, begin, end, first, 2, &ahead);
    }
    for (; first < last; first++) {
        tile(type, p, u, panel, begin, end, first, 1, &ahead);
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
                for (size_t b = begin; b < end; b++) {
                    unpack(type, p->panels + panel * p->panel_bytes, b, u + (b - begin));
                }
                tiles(type, p, u, panel, begin, end, first, last,
                      tile_ahead_of(type, p, panel, panel_begin, panel_end, begin, end,
                                    (last - first + TILE_TOKENS - 1) / TILE_TOKENS));
            }
        }
    }
}

#define TOKENS_STREAMED ((size_t)TILE_TOKENS) /* up to here unpacking into the scratch does not pay */

V16_INLINE void matmul(dtype type, const uint8_t *panels, size_t rows, size_t cols, const void *activation,
                       size_t tokens, float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    const product p = {panels, panel_bytes(type, cols), rows, cols / 32, activation, tokens, y, ldy};
    if (tokens > TOKENS_STREAMED) {
        many(type, &p, panel_begin, panel_end, scratch);
    } else {
        few(type, &p, panel_begin, panel_end);
    }
}

/* ---- back to binary32 ---- */

/* Value j (0..3) of each row's lane, less the format's offset. */
V16_INLINE v16f value_of(dtype type, v16i lanes, int j)
{
    if (unpacked_signed(type)) {
        return v16i_to_float(v16i_sar(v16i_shl(lanes, 24 - 8 * j), 24));
    }
    const v16i q = v16i_and(v16i_shr(lanes, 8 * j), v16i_set1(255));
    return v16i_to_float(v16i_sub(q, v16i_set1(unpacked_offset(type))));
}

/* One block to out[k * 16 + row]. */
QUANTIZED_INLINE void dequantize_block(dtype type, const uint8_t *panel, size_t b, float *out)
{
    unpacked u;
    unpack(type, panel, b, &u);
    for (int g = 0; g < 8; g++) {
        const v16f scale =
            quantized_halves(type) ? v16f_mul(u.scale, v16i_to_float(unpacked_scale(type, &u, g / 4))) : u.scale;
        for (int j = 0; j < 4; j++) {
            v16f w = v16f_mul(scale, value_of(type, u.q[g], j));
            if (type == DTYPE_WIDE_MIN) {
                w = v16f_sub(w, v16f_mul(u.minimum, v16i_to_float(unpacked_half_minimum(&u, g / 4))));
            } else if (quantized_minimum(type) > 0) {
                w = v16f_add(w, u.minimum);
            } else if (quantized_minimum(type) < 0) {
                w = v16f_sub(w, u.minimum);
            }
            v16f_store(out + PANEL_ROWS * (4 * (size_t)g + (size_t)j), w);
        }
    }
}

V16_INLINE void dequantize(dtype type, const uint8_t *panel, size_t k_begin, size_t k_end, float *out)
{
    for (size_t b = k_begin / 32; b < k_end / 32; b++) {
        dequantize_block(type, panel, b, out + (b * 32 - k_begin) * PANEL_ROWS);
    }
}

V16_INLINE void one_row(dtype type, const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    float block[32 * PANEL_ROWS];
    for (size_t b = 0; b < cols / 32; b++) {
        dequantize_block(type, panel, b, block);
        for (size_t k = 0; k < 32; k++) {
            out[b * 32 + k] = block[k * PANEL_ROWS + row];
        }
    }
}

/* ---- one function a format ---- */

static void matmul_q8_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q8_0, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q8_0(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q8_0, panel, k_begin, k_end, out);
}
static void row_q8_0(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q8_0, panel, cols, row, out);
}

static void matmul_q4_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q4_0, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q4_0(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q4_0, panel, k_begin, k_end, out);
}
static void row_q4_0(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q4_0, panel, cols, row, out);
}

static void matmul_iq4_nl(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_IQ4_NL, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_iq4_nl(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_IQ4_NL, panel, k_begin, k_end, out);
}
static void row_iq4_nl(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_IQ4_NL, panel, cols, row, out);
}

static void matmul_q4_1(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q4_1, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q4_1(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q4_1, panel, k_begin, k_end, out);
}
static void row_q4_1(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q4_1, panel, cols, row, out);
}

static void matmul_q5_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q5_0, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q5_0(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q5_0, panel, k_begin, k_end, out);
}
static void row_q5_0(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q5_0, panel, cols, row, out);
}

static void matmul_q5_1(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q5_1, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q5_1(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q5_1, panel, k_begin, k_end, out);
}
static void row_q5_1(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q5_1, panel, cols, row, out);
}

static void matmul_q4_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q4_K, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q4_k(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q4_K, panel, k_begin, k_end, out);
}
static void row_q4_k(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q4_K, panel, cols, row, out);
}

static void matmul_q5_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q5_K, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q5_k(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q5_K, panel, k_begin, k_end, out);
}
static void row_q5_k(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q5_K, panel, cols, row, out);
}

static void matmul_q6_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_Q6_K, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_q6_k(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_Q6_K, panel, k_begin, k_end, out);
}
static void row_q6_k(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_Q6_K, panel, cols, row, out);
}

static void matmul_iq4_xs(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_IQ4_XS, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_iq4_xs(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_IQ4_XS, panel, k_begin, k_end, out);
}
static void row_iq4_xs(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_IQ4_XS, panel, cols, row, out);
}

static void matmul_mxfp4(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_MXFP4, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_mxfp4(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_MXFP4, panel, k_begin, k_end, out);
}
static void row_mxfp4(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_MXFP4, panel, cols, row, out);
}

static void matmul_wide(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_WIDE, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_wide(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_WIDE, panel, k_begin, k_end, out);
}
static void row_wide(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_WIDE, panel, cols, row, out);
}

static void matmul_wide_min(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                            float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    matmul(DTYPE_WIDE_MIN, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
}
static void dequantize_wide_min(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    dequantize(DTYPE_WIDE_MIN, panel, k_begin, k_end, out);
}
static void row_wide_min(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    one_row(DTYPE_WIDE_MIN, panel, cols, row, out);
}

void V16_NAME(kernels_fill_quantized)(kernel_table *table)
{
    table->matmul[COMPUTE_NATIVE][DTYPE_Q8_0] = matmul_q8_0;
    table->panel_dequantize[DTYPE_Q8_0] = dequantize_q8_0;
    table->panel_row[DTYPE_Q8_0] = row_q8_0;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q4_0] = matmul_q4_0;
    table->panel_dequantize[DTYPE_Q4_0] = dequantize_q4_0;
    table->panel_row[DTYPE_Q4_0] = row_q4_0;
    table->matmul[COMPUTE_NATIVE][DTYPE_IQ4_NL] = matmul_iq4_nl;
    table->panel_dequantize[DTYPE_IQ4_NL] = dequantize_iq4_nl;
    table->panel_row[DTYPE_IQ4_NL] = row_iq4_nl;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q4_1] = matmul_q4_1;
    table->panel_dequantize[DTYPE_Q4_1] = dequantize_q4_1;
    table->panel_row[DTYPE_Q4_1] = row_q4_1;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q5_0] = matmul_q5_0;
    table->panel_dequantize[DTYPE_Q5_0] = dequantize_q5_0;
    table->panel_row[DTYPE_Q5_0] = row_q5_0;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q5_1] = matmul_q5_1;
    table->panel_dequantize[DTYPE_Q5_1] = dequantize_q5_1;
    table->panel_row[DTYPE_Q5_1] = row_q5_1;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q4_K] = matmul_q4_k;
    table->panel_dequantize[DTYPE_Q4_K] = dequantize_q4_k;
    table->panel_row[DTYPE_Q4_K] = row_q4_k;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q5_K] = matmul_q5_k;
    table->panel_dequantize[DTYPE_Q5_K] = dequantize_q5_k;
    table->panel_row[DTYPE_Q5_K] = row_q5_k;
    table->matmul[COMPUTE_NATIVE][DTYPE_Q6_K] = matmul_q6_k;
    table->panel_dequantize[DTYPE_Q6_K] = dequantize_q6_k;
    table->panel_row[DTYPE_Q6_K] = row_q6_k;
    table->matmul[COMPUTE_NATIVE][DTYPE_IQ4_XS] = matmul_iq4_xs;
    table->panel_dequantize[DTYPE_IQ4_XS] = dequantize_iq4_xs;
    table->panel_row[DTYPE_IQ4_XS] = row_iq4_xs;
    table->matmul[COMPUTE_NATIVE][DTYPE_MXFP4] = matmul_mxfp4;
    table->panel_dequantize[DTYPE_MXFP4] = dequantize_mxfp4;
    table->panel_row[DTYPE_MXFP4] = row_mxfp4;
    table->matmul[COMPUTE_NATIVE][DTYPE_WIDE] = matmul_wide;
    table->panel_dequantize[DTYPE_WIDE] = dequantize_wide;
    table->panel_row[DTYPE_WIDE] = row_wide;
    table->matmul[COMPUTE_NATIVE][DTYPE_WIDE_MIN] = matmul_wide_min;
    table->panel_dequantize[DTYPE_WIDE_MIN] = dequantize_wide_min;
    table->panel_row[DTYPE_WIDE_MIN] = row_wide_min;
}
