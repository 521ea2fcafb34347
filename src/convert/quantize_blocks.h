/* Rows of binary32 values to GGUF's quantised blocks (docs/formats/number-formats.md has their values). Private to
 * convert/.
 *
 * Every block is searched: candidates for its scale around the one that maps the largest value onto the end of the
 * range, the best scale (and minimum) for the integers that each gives by least squares, rounded to binary16 as it is
 * stored, and the integers once more for the stored numbers. Kept is what has the least squared error, each value's
 * counted with its weight. Scalar binary32 and binary64 in a fixed order: the same bytes on every machine. */
#ifndef CONVERT_QUANTIZE_BLOCKS_H
#define CONVERT_QUANTIZE_BLOCKS_H

#include "kernels/dtype.h"

#include <stdbool.h>

/* Whether there is a quantiser for the format. */
bool quantize_known(dtype type);
/* One row of `cols` values, a multiple of the format's block. `weights`: [cols], not negative, or NULL: all alike. */
void quantize_row(dtype type, const float *values, const float *weights, size_t cols, uint8_t *out);

/* ---- for the two files ---- */

#define QUANTIZE_MOST 32u

/* Up to 32 values of one scale. */
typedef struct quantize_group {
    const float *x, *w; /* w NULL: ones */
    size_t count;
} quantize_group;

/* x = d * q, q from least to most. Returns the squared error; `ret_q` has the integers for the d in *ret_d, which is
 * rounded to binary16 where `half`. */
double quantize_symmetric(const quantize_group *g, int least, int most, bool half, float *ret_d,
                          int8_t ret_q[QUANTIZE_MOST]);
/* x = d * q + m, q from 0 to most, m at most 0 where `negative`. */
double quantize_affine(const quantize_group *g, int most, bool half, bool negative, float *ret_d, float *ret_m,
                       uint8_t ret_q[QUANTIZE_MOST]);

/* 256 values; quantize_super.c. */
void quantize_super(dtype type, const float *values, const float *weights, uint8_t *out);

#endif
