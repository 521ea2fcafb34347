/* Products of BF16 in the lossless form (kernels/lossless.h): the same chains as over BF16 panels, so the same bits.
 *
 * One token to four stream panels side by side, block by block. When the blocks of all of them are packed, the inner
 * loop takes eight k of each in turn, so that the chains of one panel have the others' time; a raw block among them
 * (rare) makes each panel go alone for these 64 k. More tokens are taken four by four: tensor/matrix.c gives many
 * tokens BF16 panels instead, which this file widens. scalar/lossless.c is the definition. */
#include "kernels/lossless.h"
#include "kernels/activation.h"
#include "kernels/scalar/lossless.h"
#include "kernels/template/lossless.h"
#include "kernels/zip8.h"

#ifndef KERNELS_SCALAR_V16_H /* which has the definition's products, and would take a minute to compile these */

enum {
    PANELS_MOST = 4,
    TOKENS_MOST = 4,
    /* accumulators: the registers less those for weights, tables and masks */
    ACCUMULATORS = V16_REGISTERS == 32 ? 16 : 4,
    PREFETCH_BYTES = 1536,
};

typedef enum pair_kind {
    PAIR_NATIVE, /* rule 2: the odd value first */
    PAIR_F32,    /* rule 1: k ascending */
    PAIR_DOT,    /* rule 2 in one instruction; activations are pairs of bf16, too */
} pair_kind;

typedef struct lossless_product {
    const uint8_t *panels;
    size_t rows, cols;
    const float *x;
    size_t ldx;
    float *y;
    size_t ldy;
} lossless_product;

/* A panel as it is read. */
typedef struct lossless_stream {
    const uint8_t *table, *at;
} lossless_stream;

/* Loads stay behind this, as in template/matmul_float.c. */
V16_INLINE void in_order(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Two k: `pair` has both weights of each row; x: this pair's activations of the first token. */
V16_INLINE void multiply_pair(pair_kind kind, const int tokens, v16i pair, const float *x, size_t ldx, v16f *acc)
{
#ifdef V16_DOT2_BF16
    if (kind == PAIR_DOT) {
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            acc[t] = v16f_dot2_bf16(acc[t], pair, v16f_bits(v16f_set1(x[(size_t)t * ldx])));
        }
        return;
    }
#endif
    const v16f even = v16i_as_float(v16i_shl(pair, 16));
    const v16f odd = v16i_as_float(v16i_and(pair, v16i_set1((int32_t)0xFFFF0000u)));
    const bool odd_first = kind == PAIR_NATIVE;
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        const float *xt = x + (size_t)t * ldx;
        acc[t] = v16f_fma(odd_first ? odd : even, v16f_set1(xt[odd_first ? 1 : 0]), acc[t]);
        acc[t] = v16f_fma(odd_first ? even : odd, v16f_set1(xt[odd_first ? 0 : 1]), acc[t]);
    }
}

/* Floats from a pair's activations to the next pair's. */
V16_INLINE size_t pair_step(pair_kind kind)
{
    return kind == PAIR_DOT ? 1 : 2;
}

/* Eight k of a packed block. */
V16_INLINE void multiply_group(pair_kind kind, const int tokens, const uint8_t *group, const uint8_t *table,
                               const float *x, size_t ldx, v16f *acc)
{
    const size_t step = pair_step(kind);
    const v16i codes = v16i_load((const int32_t *)(const void *)(group + 128));
    const v16i mask = v16i_set1(0x0F0F0F0F);
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
        const v16i low = v16i_load((const int32_t *)(const void *)(group + 64 * half));
        const v16i code = v16i_and(half == 0 ? codes : v16i_shr(codes, 4), mask);
        const v16i high = v16i_lookup((const int8_t *)table, code);
        multiply_pair(kind, tokens, v16i_zip8_low(low, high), x, ldx, acc);
        in_order();
        multiply_pair(kind, tokens, v16i_zip8_high(low, high), x + step, ldx, acc);
        in_order();
        x += 2 * step;
    }
}

V16_INLINE void multiply_lines(pair_kind kind, const int tokens, const uint8_t *lines, size_t count, const float *x,
                               size_t ldx, v16f *acc)
{
    for (size_t i = 0; i < count; i++) {
        const v16i pair = v16i_load((const int32_t *)(const void *)(lines + i * LOSSLESS_LINE_BYTES));
        multiply_pair(kind, tokens, pair, x + i * pair_step(kind), ldx, acc);
    }
}

/* 64 k of one panel. */
V16_INLINE void multiply_block(pair_kind kind, const int tokens, lossless_stream *s, const float *x, size_t ldx,
                               v16f *acc)
{
    if (lossless_is_raw(s->table)) {
        multiply_lines(kind, tokens, s->at, LOSSLESS_VALUES / 2, x, ldx, acc);
        s->at += LOSSLESS_RAW_BYTES;
        return;
    }
    for (size_t group = 0; group < 8; group++, s->at += LOSSLESS_GROUP_BYTES) {
        multiply_group(kind, tokens, s->at, s->table, x + group * 4 * pair_step(kind), ldx, acc);
    }
}

V16_INLINE void prefetch_group(const uint8_t *at)
{
    __builtin_prefetch(at + PREFETCH_BYTES);
    __builtin_prefetch(at + PREFETCH_BYTES + 64);
    __builtin_prefetch(at + PREFETCH_BYTES + 128);
}

/* 64 k of `panels` panels. */
V16_INLINE void multiply_blocks(pair_kind kind, const int panels, const int tokens, lossless_stream *s, const float *x,
                                size_t ldx, v16f *acc)
{
    bool packed = true;
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
        packed = packed && !lossless_is_raw(s[p].table);
    }
    if (!packed) {
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++) {
            multiply_block(kind, tokens, &s[p], x, ldx, acc + p * tokens);
        }
    } else {
        for (size_t group = 0; group < 8; group++, x += 4 * pair_step(kind)) {
#pragma GCC unroll 4
            for (int p = 0; p < panels; p++) {
                prefetch_group(s[p].at);
                multiply_group(kind, tokens, s[p].at, s[p].table, x, ldx, acc + p * tokens);
                s[p].at += LOSSLESS_GROUP_BYTES;
            }
        }
    }
}

/* `panels` panels, `apart` from one to the next, and `tokens` tokens: constants, their product at most ACCUMULATORS. */
V16_INLINE void multiply_tile(pair_kind kind, const int panels, const int tokens, const lossless_product *m,
                              size_t panel, size_t apart)
{
    v16f acc[ACCUMULATORS];
    lossless_stream s[PANELS_MOST];
    const float *x = m->x;
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
        s[p].table = lossless_panel(m->panels, panel + (size_t)p * apart);
        s[p].at = s[p].table + lossless_tables_bytes(m->cols);
    }
#pragma GCC unroll 16
    for (int i = 0; i < panels * tokens; i++) {
        acc[i] = v16f_zero();
    }
    for (size_t block = 0; block < m->cols / LOSSLESS_VALUES; block++) {
        multiply_blocks(kind, panels, tokens, s, x, m->ldx, acc);
        x += LOSSLESS_VALUES / 2 * pair_step(kind);
#pragma GCC unroll 4
        for (int p = 0; p < panels; p++) {
            s[p].table += LOSSLESS_TABLE;
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < panels; p++) {
        const size_t values = m->cols % LOSSLESS_VALUES;
        const bool single = kind == PAIR_F32 && values % 2 != 0; /* a zero behind it is for the native rule alone */
        multiply_lines(kind, tokens, s[p].at, single ? values / 2 : (values + 1) / 2, x, m->ldx, acc + p * tokens);
        if (single) {
            const uint8_t *line = s[p].at + values / 2 * LOSSLESS_LINE_BYTES;
            const v16f w = v16i_as_float(v16i_shl(v16i_load((const int32_t *)(const void *)line), 16));
#pragma GCC unroll 4
            for (int t = 0; t < tokens; t++) {
                const v16f xt = v16f_set1(x[values - 1 + (size_t)t * m->ldx]);
                acc[p * tokens + t] = v16f_fma(w, xt, acc[p * tokens + t]);
            }
        }
        const size_t row = (panel + (size_t)p * apart) * PANEL_ROWS;
        const size_t rows = m->rows - row < PANEL_ROWS ? m->rows - row : PANEL_ROWS;
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            v16f_store_n(m->y + (size_t)t * m->ldy + row, acc[p * tokens + t], rows);
        }
    }
}

/* As many whole tiles of `panels` panels as there are in [panel, panel_end): each of their streams goes on from panel
 * to panel. Where the rest begins. */
V16_INLINE size_t multiply_tiles(pair_kind kind, const int panels, const int tokens, const lossless_product *m,
                                 size_t panel, size_t panel_end)
{
    const size_t apart = (panel_end - panel) / (size_t)panels;
    if (panels * tokens > ACCUMULATORS) {
        return panel;
    }
    for (size_t i = 0; i < apart; i++) {
        multiply_tile(kind, panels, tokens, m, panel + i, apart);
    }
    return panel + apart * (size_t)panels;
}

/* All of the panels for `tokens` tokens (a constant). */
V16_INLINE void multiply_panels(pair_kind kind, const int tokens, const lossless_product *m, size_t panel,
                                size_t panel_end)
{
    panel = multiply_tiles(kind, 4, tokens, m, panel, panel_end);
    panel = multiply_tiles(kind, 2, tokens, m, panel, panel_end);
    (void)multiply_tiles(kind, 1, tokens, m, panel, panel_end);
}

V16_INLINE void multiply_all(pair_kind kind, const uint8_t *panels, size_t rows, size_t cols, const void *activation,
                             size_t tokens, float *y, size_t ldy, size_t panel_begin, size_t panel_end)
{
    lossless_product m = {panels, rows, cols, activation, activation_row_floats(cols), y, ldy};
    while (tokens > 0) {
        const size_t now = tokens < TOKENS_MOST ? tokens : TOKENS_MOST;
        switch (now) {
        case 1:
            multiply_panels(kind, 1, &m, panel_begin, panel_end);
            break;
        case 2:
            multiply_panels(kind, 2, &m, panel_begin, panel_end);
            break;
        case 3:
            multiply_panels(kind, 3, &m, panel_begin, panel_end);
            break;
        default:
            multiply_panels(kind, 4, &m, panel_begin, panel_end);
            break;
        }
        tokens -= now;
        m.x += now * m.ldx;
        m.y += now * ldy;
    }
}

static void matmul_as_f32(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply_all(PAIR_F32, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end);
}

#ifdef V16_DOT2_BF16

static void matmul_native(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply_all(PAIR_DOT, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end);
}

#else

/* Subnormals are zeros in here, as in template/matmul_float.c. */
static void matmul_native(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    const v16_flush_state before = v16_flush_begin();
    multiply_all(PAIR_NATIVE, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end);
    if (!v16_flush_end(before)) {
        matmul_lossless_defined(panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end, scratch);
    }
}

#endif

#endif

/* ---- BF16 panels and binary32 again ---- */

static void widen_block(const uint8_t *block, const uint8_t *table, uint8_t *out)
{
    const v16i mask = v16i_set1(0x0F0F0F0F);
    for (size_t group = 0; group < 8; group++, block += LOSSLESS_GROUP_BYTES) {
        const v16i codes = v16i_load((const int32_t *)(const void *)(block + 128));
        for (int half = 0; half < 2; half++, out += (size_t)2 * LOSSLESS_LINE_BYTES) {
            const v16i low = v16i_load((const int32_t *)(const void *)(block + 64 * half));
            const v16i code = v16i_and(half == 0 ? codes : v16i_shr(codes, 4), mask);
            const v16i high = v16i_lookup((const int8_t *)table, code);
            v16i_store((int32_t *)(void *)out, v16i_zip8_low(low, high));
            v16i_store((int32_t *)(void *)(out + LOSSLESS_LINE_BYTES), v16i_zip8_high(low, high));
        }
    }
}

static void widen(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    const uint8_t *at = panel + lossless_tables_bytes(cols);
    uint8_t *lines = (uint8_t *)out;
    (void)k_begin;
    (void)k_end;
    for (size_t block = 0; block < cols / LOSSLESS_VALUES; block++, lines += LOSSLESS_RAW_BYTES) {
        const uint8_t *table = panel + block * LOSSLESS_TABLE;
        if (lossless_is_raw(table)) {
            memcpy(lines, at, LOSSLESS_RAW_BYTES);
            at += LOSSLESS_RAW_BYTES;
        } else {
            widen_block(at, table, lines);
            at += LOSSLESS_BLOCK_BYTES;
        }
    }
    memcpy(lines, at, lossless_tail_bytes(cols));
}

static void row_f32(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    uint8_t *halves = (uint8_t *)(out + cols) - 2 * cols; /* read before they are written over */
    lossless_row(panel, cols, row, halves);
    for (size_t k = 0; k < cols; k++) {
        uint16_t bits = 0;
        memcpy(&bits, halves + 2 * k, sizeof bits);
        out[k] = half_bf16_to_f32(bits);
    }
}

void V16_NAME(kernels_fill_lossless)(kernel_table *table)
{
#ifndef KERNELS_SCALAR_V16_H
    table->matmul[COMPUTE_NATIVE][DTYPE_BF16_LOSSLESS] = matmul_native;
    table->matmul[COMPUTE_F32][DTYPE_BF16_LOSSLESS] = matmul_as_f32;
#endif
    table->panel_row[DTYPE_BF16_LOSSLESS] = row_f32;
    table->panel_dequantize[DTYPE_BF16_LOSSLESS] = widen;
}
