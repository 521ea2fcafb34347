/* Rows of binary32 values to GGUF's quantised blocks (docs/formats/number-formats.md has their values). Private to
 * convert/.
 *
 * The search for scales and integers is kernels/search.h's; here its results become the bytes of a file. */
#ifndef CONVERT_QUANTIZE_BLOCKS_H
#define CONVERT_QUANTIZE_BLOCKS_H

#include "kernels/search.h"

#define QUANTIZE_VALUES 256u /* of a row, in a tile: a multiple of every format's block */

/* Sixteen rows side by side. */
typedef struct quantize_tile {
    const float *x, *w; /* [n][16]; w: weights, not negative; NULL: ones */
    size_t n;           /* at most QUANTIZE_VALUES, a multiple of the format's block */
    unsigned count;     /* rows, 1 to 16 */
    uint8_t *out[SEARCH_LANES];
} quantize_tile;

/* Whether there is a quantiser for the format. */
bool quantize_known(dtype type);
/* Adds each row's squared error, of what the blocks really hold, to `error`. */
void quantize_blocks(const search_table *s, dtype type, const quantize_tile *tile, double error[SEARCH_LANES]);

/* ---- for the two files ---- */

uint8_t *quantize_put_half(uint8_t *out, float value);
/* 32 nibbles: value j low, value j + 16 high. */
void quantize_put_nibbles(uint8_t *out, const int8_t q[32]);

/* 256 values; quantize_super.c. */
void quantize_super(const search_table *s, dtype type, const quantize_tile *tile, double error[SEARCH_LANES]);
bool quantize_super_known(dtype type);

#endif
