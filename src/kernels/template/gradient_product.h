/* A product of rows as they lie in memory (kernels/gradient.h): the chain of an element runs over k ascending, so all
 * here is a choice of which elements are computed side by side.
 *
 * For a chunk of k, for a block of rows: a's columns, where its rows are not contiguous, are copied tile by tile; then
 * for every 16 columns of b, which are copied into a strip that stays in the first cache, all tiles of the block pass
 * over it. Accumulators wait in c between chunks, and resume: the same chain. */
#ifndef KERNELS_TEMPLATE_GRADIENT_PRODUCT_H
#define KERNELS_TEMPLATE_GRADIENT_PRODUCT_H

#include "kernels/gradient.h"
#include "kernels/scalar/lossless.h"
#include "kernels/template/bf16.h"
#include "kernels/v16.h"

enum {
    GRADIENT_CHUNK = 256,
    GRADIENT_ROWS = 192,                          /* of a block: what is read of a stays in the second cache */
    GRADIENT_TILE = V16_REGISTERS == 32 ? 12 : 6, /* rows of a tile, one v16f each */
};
_Static_assert(((GRADIENT_CHUNK + GRADIENT_ROWS) * 16 + GRADIENT_ROWS * GRADIENT_CHUNK) * sizeof(float) <=
                   GRADIENT_SCRATCH_BYTES,
               "a strip of b, a block of a, outputs of both");

/* One k of a tile. */
V16_INLINE void gradient_step(const unsigned tile, const float *a, size_t a_row, const float *strip, v16f *acc)
{
    const v16f b = v16f_load(strip);
#pragma GCC unroll 12
    for (unsigned i = 0; i < tile; i++) {
        acc[i] = v16f_fma(v16f_set1(a[i * a_row]), b, acc[i]);
    }
}

/* `tile` rows (a constant) of 16 columns; `pairs`: of two k the odd one first, steps are even. */
V16_INLINE void gradient_tile(const unsigned tile, const bool pairs, const float *a, size_t a_row, size_t a_step,
                              const float *strip, size_t steps, float *c, size_t ldc, size_t lanes, bool resume)
{
    v16f acc[GRADIENT_TILE];
#pragma GCC unroll 12
    for (unsigned i = 0; i < tile; i++) {
        acc[i] = !resume ? v16f_zero() : lanes == 16 ? v16f_load(c + i * ldc) : v16f_load_n(c + i * ldc, lanes);
    }
    for (size_t k = 0; k < steps; k += pairs ? 2 : 1) {
        if (pairs) {
            gradient_step(tile, a + (k + 1) * a_step, a_row, strip + (k + 1) * 16, acc);
        }
        gradient_step(tile, a + k * a_step, a_row, strip + k * 16, acc);
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
    const float *next; /* what the next strip is copied from: fetched meanwhile; NULL: there is none */
    size_t next_step;
} gradient_work;

/* How a lies: its rows as they are, its columns as they are in rows of GRADIENT_BLOCK (a block of attention's), or in
 * tiles of [steps][GRADIENT_TILE]; or rounded rows of GRADIENT_CHUNK, or such tiles, for rule 2. */
typedef enum gradient_form {
    GRADIENT_PLAIN,
    GRADIENT_SQUARE,
    GRADIENT_TILES,
    GRADIENT_PAIRS,
    GRADIENT_TILES_PAIRS
} gradient_form;

V16_INLINE void gradient_tile_of(const unsigned tile, const gradient_work *w, const gradient_form form)
{
    switch (form) { /* strides are constants where they can be, so that addresses need one register */
    case GRADIENT_PLAIN:
        gradient_tile(tile, false, w->a, w->a_row, 1, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
        break;
    case GRADIENT_SQUARE:
        gradient_tile(tile, false, w->a, 1, GRADIENT_BLOCK, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
        break;
    case GRADIENT_TILES:
        gradient_tile(tile, false, w->a, 1, GRADIENT_TILE, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
        break;
    case GRADIENT_PAIRS:
        gradient_tile(tile, true, w->a, GRADIENT_CHUNK, 1, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
        break;
    case GRADIENT_TILES_PAIRS:
        gradient_tile(tile, true, w->a, 1, GRADIENT_TILE, w->strip, w->steps, w->c, w->ldc, w->lanes, w->resume);
        break;
    }
}

V16_INLINE void gradient_tile_any(size_t tile, const gradient_work *w, const gradient_form form)
{
    switch (tile) {
    case 1:
        gradient_tile_of(1, w, form);
        break;
    case 2:
        gradient_tile_of(2, w, form);
        break;
    case 3:
        gradient_tile_of(3, w, form);
        break;
    case 4:
        gradient_tile_of(4, w, form);
        break;
    case 5:
        gradient_tile_of(5, w, form);
        break;
    case 6:
        gradient_tile_of(6, w, form);
        break;
    default:
        gradient_tile_of(GRADIENT_TILE, w, form);
    }
}

/* The tile that `left` rows begin with. */
V16_INLINE size_t gradient_next(size_t left)
{
    return left >= GRADIENT_TILE ? GRADIENT_TILE : left < 6 ? left : 6;
}

/* Each tile asks for its part of the next strip: its lines lie far apart, and a copy would wait for every one. */
V16_INLINE void gradient_fetch(const gradient_work *w, size_t done, size_t tile, size_t rows)
{
    const size_t end = w->next == NULL ? 0 : w->steps * (done + tile) / rows;
    for (size_t k = w->next == NULL ? 0 : w->steps * done / rows; k < end; k++) {
        __builtin_prefetch(w->next + k * w->next_step, 0, 2);
    }
}

/* All tiles of a block with a strip. */
V16_INLINE void gradient_tiles_as(gradient_work w, size_t rows, const gradient_form form)
{
    const size_t a_row = form == GRADIENT_PAIRS ? GRADIENT_CHUNK : w.a_row;
    const bool tiles = form == GRADIENT_TILES || form == GRADIENT_TILES_PAIRS;
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        gradient_fetch(&w, i, tile, rows);
        gradient_tile_any(tile, &w, form);
        w.a += tiles ? w.steps * GRADIENT_TILE : tile * a_row;
        w.c += tile * w.ldc;
        i += tile;
    }
}

static void gradient_tiles(const gradient_work *w, size_t rows, gradient_form form)
{
    switch (form) {
    case GRADIENT_PLAIN:
        gradient_tiles_as(*w, rows, GRADIENT_PLAIN);
        break;
    case GRADIENT_SQUARE:
        gradient_tiles_as(*w, rows, GRADIENT_SQUARE);
        break;
    case GRADIENT_TILES:
        gradient_tiles_as(*w, rows, GRADIENT_TILES);
        break;
    case GRADIENT_PAIRS:
        gradient_tiles_as(*w, rows, GRADIENT_PAIRS);
        break;
    case GRADIENT_TILES_PAIRS:
        gradient_tiles_as(*w, rows, GRADIENT_TILES_PAIRS);
        break;
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

/* The same, each operand rounded; an odd number of steps gets one more of zeros. */
static void gradient_round_columns(const float *a, size_t a_step, size_t rows, size_t steps, float *to)
{
    const size_t even = (steps + 1) / 2 * 2;
    for (size_t i = 0; i < rows;) {
        const size_t tile = gradient_next(rows - i);
        for (size_t k = 0; k < steps; k++) {
            v16f_store_n(to + k * GRADIENT_TILE, v16f_bf16_operand(v16f_load_n(a + k * a_step + i, tile)), tile);
        }
        memset(to + steps * GRADIENT_TILE, 0, (even - steps) * GRADIENT_TILE * sizeof(float));
        to += even * GRADIENT_TILE;
        i += tile;
    }
}

/* Rows of a, rounded, each GRADIENT_CHUNK behind the last. */
static void gradient_round_rows(const float *a, size_t a_row, size_t rows, size_t steps, float *to)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < steps; k += 16) {
            const size_t n = steps - k < 16 ? steps - k : 16;
            v16f_store(to + i * GRADIENT_CHUNK + k, v16f_bf16_operand(v16f_load_n(a + i * a_row + k, n)));
        }
    }
}

static void gradient_copy_strip(const float *b, size_t ldb, size_t steps, size_t lanes, bool round, float *strip)
{
    for (size_t k = 0; k < steps; k++) {
        const v16f v = lanes == 16 ? v16f_load(b + k * ldb) : v16f_load_n(b + k * ldb, lanes);
        v16f_store(strip + k * 16, round ? v16f_bf16_operand(v) : v);
    }
    if (round && steps % 2 != 0) {
        v16f_store(strip + steps * 16, v16f_zero());
    }
}

/* a(row, k) of what lies in a block. */
static float gradient_operand(const gradient_work *w, gradient_form form, size_t rows, size_t row, size_t k)
{
    if (form == GRADIENT_PAIRS) {
        return w->a[row * GRADIENT_CHUNK + k];
    }
    size_t first = 0;
    size_t tiles = 0;
    while (row - first >= gradient_next(rows - first)) { /* one tile after the other: they may have fewer rows */
        first += gradient_next(rows - first);
        tiles++;
    }
    return w->a[(tiles * w->steps + k) * GRADIENT_TILE + row - first];
}

/* The strip by the definition, for variants whose arithmetic keeps subnormals. */
static void gradient_tiles_defined(const gradient_work *w, size_t rows, gradient_form form)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < w->lanes; j++) {
            float acc = w->resume ? w->c[i * w->ldc + j] : 0.0f;
            for (size_t k = 0; k < w->steps; k += 2) {
                const float even = gradient_operand(w, form, rows, i, k);
                const float odd = gradient_operand(w, form, rows, i, k + 1);
                acc = matmul_bf16_step(odd, w->strip[(k + 1) * 16 + j], acc);
                acc = matmul_bf16_step(even, w->strip[k * 16 + j], acc);
            }
            w->c[i * w->ldc + j] = acc;
        }
    }
}

/* All tiles by rule 2. Where the mode cannot give the very bits, the definition computes them again from what was
 * there. `before`: room for [GRADIENT_ROWS][16]. */
static void gradient_tiles_flushed(const gradient_work *w, size_t rows, gradient_form form, float *before)
{
    for (size_t i = 0; i < rows && w->resume; i++) {
        memcpy(before + i * 16, w->c + i * w->ldc, w->lanes * sizeof(float));
    }
    const v16_flush_state state = v16_flush_begin();
    gradient_tiles(w, rows, form);
    if (v16_flush_end(state)) {
        return;
    }
    for (size_t i = 0; i < rows && w->resume; i++) {
        memcpy(w->c + i * w->ldc, before + i * 16, w->lanes * sizeof(float));
    }
    gradient_tiles_defined(w, rows, form);
}

/* Puts a's part of a block where the tiles read it; returns how it lies there. */
static gradient_form gradient_place(const gradient_product *p, gradient_work *w, size_t rows, const bool pairs,
                                    float *packed)
{
    const bool columns = p->a_step != 1;
    if (!pairs && !columns) {
        return GRADIENT_PLAIN;
    }
    if (!pairs && p->a_step == GRADIENT_BLOCK) {
        return GRADIENT_SQUARE;
    }
    if (!pairs) {
        gradient_pack_columns(w->a, p->a_step, rows, w->steps, packed);
    } else if (columns) {
        gradient_round_columns(w->a, p->a_step, rows, w->steps, packed);
    } else {
        gradient_round_rows(w->a, p->a_row, rows, w->steps, packed);
    }
    w->a = packed;
    return !pairs ? GRADIENT_TILES : columns ? GRADIENT_TILES_PAIRS : GRADIENT_PAIRS;
}

V16_INLINE void gradient_multiply_as(const gradient_product *p, const bool pairs, void *scratch)
{
    float *strip = scratch;
    float *before = strip + GRADIENT_CHUNK * 16;
    float *packed = before + GRADIENT_ROWS * 16;
    for (size_t row = 0; row < p->rows; row += GRADIENT_ROWS) {
        const size_t rows = p->rows - row < GRADIENT_ROWS ? p->rows - row : GRADIENT_ROWS;
        for (size_t k = 0; k < p->steps || k == 0; k += GRADIENT_CHUNK) {
            const size_t steps = p->steps - k < GRADIENT_CHUNK ? p->steps - k : GRADIENT_CHUNK;
            gradient_work w = {.a = p->a + row * p->a_row + k * p->a_step,
                               .a_row = p->a_row,
                               .steps = steps,
                               .ldc = p->ldc,
                               .next_step = p->ldb,
                               .resume = p->resume || k > 0};
            const gradient_form form = gradient_place(p, &w, rows, pairs, packed);
            w.steps = pairs ? (steps + 1) / 2 * 2 : steps;
            for (size_t col = 0; col < p->cols; col += 16) {
                w.lanes = p->cols - col < 16 ? p->cols - col : 16;
                w.c = p->c + row * p->ldc + col;
                w.next = col + 16 < p->cols ? p->b + k * p->ldb + col + 16 : NULL;
                if (!pairs && p->ldb == 16 && w.lanes == 16) { /* it is a strip */
                    w.strip = p->b + k * 16;
                } else {
                    w.strip = strip;
                    gradient_copy_strip(p->b + k * p->ldb + col, p->ldb, steps, w.lanes, pairs, strip);
                }
                if (pairs) {
                    gradient_tiles_flushed(&w, rows, form, before);
                } else {
                    gradient_tiles(&w, rows, form);
                }
            }
        }
    }
}

static void gradient_multiply(const gradient_product *p, void *scratch)
{
    gradient_multiply_as(p, false, scratch);
}

#endif
