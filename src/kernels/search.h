/* The search for the scales and integers of quantised blocks, sixteen rows side by side: what the formats of hearth
 * quantize share (docs/convert.md, "Quantising"). Every instruction set gives the same bits: each row is a lane, sums
 * run over a block's values in ascending order, no multiply-add is fused that would round.
 *
 * A tile is [n][16]: value i of row r at i * 16 + r. Weights are tiles too, not negative. Values that are not finite
 * give some block, never a trap. */
#ifndef KERNELS_SEARCH_H
#define KERNELS_SEARCH_H

#include "kernels/kernels.h"

#define SEARCH_LANES 16u

/* The values that integers stand for. */
typedef enum search_levels {
    SEARCH_EVEN,  /* themselves, from `least` to `most` */
    SEARCH_IQ4,   /* 0..15: the table of IQ4_NL */
    SEARCH_MXFP4, /* 0..15: twice the values of E2M1 */
} search_levels;

typedef struct search_tile {
    const float *x, *w; /* w NULL: ones */
} search_tile;

/* One scale for 32 values, stored as binary16 (MXFP4: as a power of two). */
typedef struct search_small {
    float d[SEARCH_LANES], m[SEARCH_LANES]; /* as they are stored, widened; m: x = d q + m */
    int8_t q[32 * SEARCH_LANES];
    float error[SEARCH_LANES]; /* squared, without weights */
} search_small;

/* 256 values: `count` blocks whose integer scales (and minima) are multiplied by d (and dmin). */
typedef struct search_super {
    float d[SEARCH_LANES], dmin[SEARCH_LANES];
    int8_t scale[16 * SEARCH_LANES], minimum[16 * SEARCH_LANES]; /* [count][16] */
    int8_t q[256 * SEARCH_LANES];
    float error[SEARCH_LANES];
} search_super;

typedef struct search_super_form {
    search_levels levels;
    unsigned count;              /* blocks: 8 of 32 values, or 16 of 16 */
    int least, most;             /* of q */
    int scale_least, scale_most; /* of the integer scales; minima are 0..scale_most */
    bool affine;                 /* x = d scale q - dmin minimum */
} search_super_form;

typedef struct search_table {
    /* x = d q: 32 values. */
    void (*symmetric)(const search_tile *t, int least, int most, search_small *ret);
    /* x = d q + m, q from 0 to most. */
    void (*affine)(const search_tile *t, int most, search_small *ret);
    void (*iq4)(const search_tile *t, search_small *ret);
    void (*mxfp4)(const search_tile *t, search_small *ret);
    void (*super)(const search_tile *t, const search_super_form *form, search_super *ret);
    /* Rows of 16 values each, side by side: tile[i * 16 + r] = rows[r][i]; rows from `count` on are zeros. F32, F16 and
     * BF16. */
    void (*gather)(dtype type, const uint8_t *const *rows, unsigned count, size_t n, float *tile);
    /* The other way, of integers: rows[r * n + i] = q[i * 16 + r]; n is a multiple of 16. */
    void (*scatter)(const int8_t *q, size_t n, int8_t *rows);
    /* A tile's weights: `importance` [n] of each column for every row (NULL: `w` is left alone). `square`: each row's
     * sum of squares. */
    void (*weigh)(const float *tile, const float *importance, size_t n, float *w, float square[SEARCH_LANES]);
} search_table;

/* The same instruction set as the table's. */
const search_table *search_select(const kernel_table *k);

#endif
