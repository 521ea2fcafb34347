/* Products by rule 2 where one instruction does both steps of a pair (kernels/gradient.h, product_bf16): as in
 * gradient_product.h, but operands are packed as pairs of bf16, one word for an even k and the odd one behind it. */
#ifndef KERNELS_TEMPLATE_GRADIENT_DOT2_H
#define KERNELS_TEMPLATE_GRADIENT_DOT2_H

#include "kernels/template/gradient_product.h"

#ifdef V16_DOT2_BF16

enum { GRADIENT_PAIRS_CHUNK = GRADIENT_CHUNK / 2 }; /* words */

/* The words of 16 lanes' pairs: bf16 of `even` below, of `odd` above. */
V16_INLINE v16i gradient_join(v16f even, v16f odd)
{
    const v16i below = v16i_shr(v16f_bits(v16f_round_bf16(even)), 16);
    return v16i_or(below, v16i_and(v16f_bits(v16f_round_bf16(odd)), v16i_set1((int32_t)0xFFFF0000u)));
}

/* Rows k, k + 1, … of `lanes` values, `ld` apart, to words `to_ld` apart; an odd end is paired with zeros. */
static void gradient_join_rows(const float *from, size_t ld, size_t steps, size_t lanes, int32_t *to, size_t to_ld)
{
    for (size_t k = 0; k < steps; k += 2) {
        const v16f even = v16f_load_n(from + k * ld, lanes);
        const v16f odd = k + 1 < steps ? v16f_load_n(from + (k + 1) * ld, lanes) : v16f_zero();
        v16f_store_n((float *)(void *)(to + k / 2 * to_ld), v16i_as_float(gradient_join(even, odd)), lanes);
    }
}

/* A block of a: rows as they are, each GRADIENT_PAIRS_CHUNK words behind the last; columns in tiles of [pairs][tile].
 */
static void gradient_place_pairs(const gradient_product *p, size_t row, size_t rows, size_t k, size_t steps,
                                 int32_t *to)
{
    const float *a = p->a + row * p->a_row + k * p->a_step;
    if (p->a_step == 1) {
        for (size_t i = 0; i < rows; i++) {
            uint16_t *out = (uint16_t *)(to + i * GRADIENT_PAIRS_CHUNK);
            for (size_t j = 0; j < steps; j += 16) { /* lanes that are not there are zeros, as the odd end's */
                v16f_store_bf16(out + j, v16f_load_n(a + i * p->a_row + j, steps - j < 16 ? steps - j : 16));
            }
        }
        return;
    }
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        gradient_join_rows(a + i, p->a_step, steps, tile, to, GRADIENT_TILE);
        to += (steps + 1) / 2 * GRADIENT_TILE;
        i += tile;
    }
}

/* What tiles of a block work on. */
typedef struct gradient_pairs_work {
    const int32_t *a;
    const int32_t *strip; /* [pairs][16] */
    size_t pairs;
    float *c;
    size_t ldc, lanes;
    bool resume;
} gradient_pairs_work;

V16_INLINE void gradient_pairs_tile(const unsigned tile, const gradient_pairs_work *w, const size_t a_row,
                                    const size_t a_step)
{
    v16f acc[GRADIENT_TILE];
#pragma GCC unroll 12
    for (unsigned i = 0; i < tile; i++) {
        acc[i] = w->resume ? v16f_load_n(w->c + i * w->ldc, w->lanes) : v16f_zero();
    }
    for (size_t k = 0; k < w->pairs; k++) {
        const v16i b = v16i_load(w->strip + k * 16);
#pragma GCC unroll 12
        for (unsigned i = 0; i < tile; i++) {
            acc[i] = v16f_dot2_bf16(acc[i], v16i_set1(w->a[i * a_row + k * a_step]), b);
        }
    }
#pragma GCC unroll 12
    for (unsigned i = 0; i < tile; i++) {
        v16f_store_n(w->c + i * w->ldc, acc[i], w->lanes);
    }
}

V16_INLINE void gradient_pairs_any(size_t tile, const gradient_pairs_work *w, const size_t a_row, const size_t a_step)
{
    switch (tile) {
    case 1:
        gradient_pairs_tile(1, w, a_row, a_step);
        break;
    case 2:
        gradient_pairs_tile(2, w, a_row, a_step);
        break;
    case 3:
        gradient_pairs_tile(3, w, a_row, a_step);
        break;
    case 4:
        gradient_pairs_tile(4, w, a_row, a_step);
        break;
    case 5:
        gradient_pairs_tile(5, w, a_row, a_step);
        break;
    case 6:
        gradient_pairs_tile(6, w, a_row, a_step);
        break;
    default:
        gradient_pairs_tile(GRADIENT_TILE, w, a_row, a_step);
    }
}

/* All tiles of a block with a strip. */
static void gradient_pairs_tiles(gradient_pairs_work w, size_t rows, bool columns)
{
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        if (columns) {
            gradient_pairs_any(tile, &w, 1, GRADIENT_TILE);
            w.a += w.pairs * GRADIENT_TILE;
        } else {
            gradient_pairs_any(tile, &w, GRADIENT_PAIRS_CHUNK, 1);
            w.a += tile * GRADIENT_PAIRS_CHUNK;
        }
        w.c += tile * w.ldc;
        i += tile;
    }
}

static void gradient_multiply_dot2(const gradient_product *p, void *scratch)
{
    int32_t *strip = scratch;
    int32_t *packed = strip + GRADIENT_PAIRS_CHUNK * 16;
    for (size_t row = 0; row < p->rows; row += GRADIENT_ROWS) {
        const size_t rows = p->rows - row < GRADIENT_ROWS ? p->rows - row : GRADIENT_ROWS;
        for (size_t k = 0; k < p->steps || k == 0; k += GRADIENT_CHUNK) {
            const size_t steps = p->steps - k < GRADIENT_CHUNK ? p->steps - k : GRADIENT_CHUNK;
            gradient_pairs_work w = {
                .a = packed, .strip = strip, .pairs = (steps + 1) / 2, .ldc = p->ldc, .resume = p->resume || k > 0};
            gradient_place_pairs(p, row, rows, k, steps, packed);
            for (size_t col = 0; col < p->cols; col += 16) {
                w.lanes = p->cols - col < 16 ? p->cols - col : 16;
                w.c = p->c + row * p->ldc + col;
                gradient_join_rows(p->b + k * p->ldb + col, p->ldb, steps, w.lanes, strip, 16);
                gradient_pairs_tiles(w, rows, p->a_step != 1);
            }
        }
    }
}

#endif

#endif
