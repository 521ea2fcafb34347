/* A product of rows as they lie in memory (kernels/gradient.h): the chain of an element runs over k ascending, so all
 * here is a choice of which elements are computed side by side.
 *
 * For a chunk of k, for a block of rows: a's columns, where its rows are not contiguous, are copied tile by tile; then
 * for every 16 columns of b, which are copied into a strip that stays in the first cache, all tiles of the block pass
 * over it. Accumulators wait in c between chunks, and resume: the same chain. */
#ifndef KERNELS_TEMPLATE_GRADIENT_PRODUCT_H
#define KERNELS_TEMPLATE_GRADIENT_PRODUCT_H

#include "kernels/gradient.h"
#include "kernels/v16.h"

enum {
    GRADIENT_CHUNK = 256,
    GRADIENT_ROWS = 96,                           /* of a block: what is read of a stays in the second cache */
    GRADIENT_TILE = V16_REGISTERS == 32 ? 12 : 6, /* rows of a tile, one v16f each */
};
_Static_assert((GRADIENT_CHUNK * 16 + GRADIENT_ROWS * GRADIENT_CHUNK) * sizeof(float) <= GRADIENT_SCRATCH_BYTES,
               "a strip of b and a block of a");

/* `tile` rows (a constant) of 16 columns. */
V16_INLINE void gradient_tile(const unsigned tile, const float *a, size_t a_row, size_t a_step, const float *strip,
                              size_t steps, float *c, size_t ldc, size_t lanes, bool resume)
{
    v16f acc[GRADIENT_TILE];
#pragma GCC unroll 12
    for (unsigned i = 0; i < tile; i++) {
        acc[i] = !resume ? v16f_zero() : lanes == 16 ? v16f_load(c + i * ldc) : v16f_load_n(c + i * ldc, lanes);
    }
    for (size_t k = 0; k < steps; k++) {
        const v16f b = v16f_load(strip + k * 16);
#pragma GCC unroll 12
        for (unsigned i = 0; i < tile; i++) {
            acc[i] = v16f_fma(v16f_set1(a[i * a_row + k * a_step]), b, acc[i]);
        }
    }
#pragma GCC unroll 12
    for (unsigned i = 0; i < tile; i++) {
        if (lanes == 16) {
            v16f_store(c + i * ldc, acc[i]);
        } else {
            v16f_store_n(c + i * ldc, acc[i], lanes);
        }
    }
}

/* What tiles of a block work on. */
typedef struct gradient_work {
    const float *a;
    size_t a_row, a_step;
    const float *strip;
    size_t steps;
    float *c;
    size_t ldc, lanes;
    bool resume;
} gradient_work;

V16_INLINE void gradient_tile_of(const unsigned tile, const gradient_work *w, bool packed)
{
    if (packed) { /* constants, so that addresses need one register */
        gradient_tile(tile, w->a, 1, GRADIENT_TILE, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
    } else {
        gradient_tile(tile, w->a, w->a_row, 1, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
    }
}

V16_INLINE void gradient_tile_any(size_t tile, const gradient_work *w, bool packed)
{
    switch (tile) {
    case 1:
        gradient_tile_of(1, w, packed);
        break;
    case 2:
        gradient_tile_of(2, w, packed);
        break;
    case 3:
        gradient_tile_of(3, w, packed);
        break;
    case 4:
        gradient_tile_of(4, w, packed);
        break;
    case 5:
        gradient_tile_of(5, w, packed);
        break;
    case 6:
        gradient_tile_of(6, w, packed);
        break;
    default:
        gradient_tile_of(GRADIENT_TILE, w, packed);
    }
}

/* The tile that `left` rows begin with. */
V16_INLINE size_t gradient_next(size_t left)
{
    return left >= GRADIENT_TILE ? GRADIENT_TILE : left < 6 ? left : 6;
}

static void gradient_tiles_rows(gradient_work w, size_t rows)
{
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        gradient_tile_any(tile, &w, false);
        w.a += tile * w.a_row;
        w.c += tile * w.ldc;
        i += tile;
    }
}

/* a is in tiles of [steps][GRADIENT_TILE]. */
static void gradient_tiles_packed(gradient_work w, size_t rows)
{
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        gradient_tile_any(tile, &w, true);
        w.a += w.steps * GRADIENT_TILE;
        w.c += tile * w.ldc;
        i += tile;
    }
}

/* Columns [0, rows) of a, steps from `a` on, into tiles. */
static void gradient_pack_columns(const float *a, size_t a_step, size_t rows, size_t steps, float *to)
{
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        if (tile == GRADIENT_TILE) {
            for (size_t k = 0; k < steps; k++) {
                memcpy(to + k * GRADIENT_TILE, a + k * a_step + i, GRADIENT_TILE * sizeof(float));
            }
        } else {
            for (size_t k = 0; k < steps; k++) {
                memcpy(to + k * GRADIENT_TILE, a + k * a_step + i, tile * sizeof(float));
            }
        }
        to += steps * GRADIENT_TILE;
        i += tile;
    }
}

static void gradient_copy_strip(const float *b, size_t ldb, size_t steps, size_t lanes, float *strip)
{
    for (size_t k = 0; k < steps; k++) {
        v16f_store(strip + k * 16, lanes == 16 ? v16f_load(b + k * ldb) : v16f_load_n(b + k * ldb, lanes));
    }
}

static void gradient_multiply(const gradient_product *p, void *scratch)
{
    float *strip = scratch;
    float *packed = strip + GRADIENT_CHUNK * 16;
    const bool columns = p->a_step != 1;
    for (size_t row = 0; row < p->rows; row += GRADIENT_ROWS) {
        const size_t rows = p->rows - row < GRADIENT_ROWS ? p->rows - row : GRADIENT_ROWS;
        for (size_t k = 0; k < p->steps || k == 0; k += GRADIENT_CHUNK) {
            gradient_work w = {.a = p->a + row * p->a_row + k * p->a_step,
                               .a_row = p->a_row,
                               .strip = strip,
                               .steps = p->steps - k < GRADIENT_CHUNK ? p->steps - k : GRADIENT_CHUNK,
                               .ldc = p->ldc,
                               .resume = p->resume || k > 0};
            if (columns) {
                gradient_pack_columns(w.a, p->a_step, rows, w.steps, packed);
                w.a = packed;
            }
            for (size_t col = 0; col < p->cols; col += 16) {
                w.lanes = p->cols - col < 16 ? p->cols - col : 16;
                w.c = p->c + row * p->ldc + col;
                gradient_copy_strip(p->b + k * p->ldb + col, p->ldb, w.steps, w.lanes, strip);
                if (columns) {
                    gradient_tiles_packed(w, rows);
                } else {
                    gradient_tiles_rows(w, rows);
                }
            }
        }
    }
}

#endif
