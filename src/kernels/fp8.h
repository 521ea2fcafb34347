/* FP8 with scales, as Hugging Face folders keep it: E4M3 bytes and a binary32 scale for each 128 values of a row (the
 * last ones may be fewer). A layout in memory alone: no file has its rows, which readers make (model/weights_stored.c).
 *
 *   row     for each 32 values: the scale, then 32 bytes; all scales of 128 values are the same
 *   panel   for each 128 values: for each k, 16 bytes (a row each), then 16 times 256 scale
 *   value   e4m3(byte) scale, rounded to binary32; a product is F32's chain over these values in either computation
 *
 * A byte whose bits are read as a binary16 (s eeee fff as s 0eeee fff0000000) is e4m3 / 256, subnormals too: hence the
 * 256, which is exact as long as it does not overflow (fp8_scale_fits). */
#ifndef KERNELS_FP8_H
#define KERNELS_FP8_H

#include "kernels/panel.h"

#include <math.h>

#define FP8_SCALED_VALUES 128u /* that share a scale */
#define FP8_ROW_VALUES 32u
#define FP8_ROW_BYTES (4u + FP8_ROW_VALUES)

extern const panel_format panel_format_f8_scaled;

static inline bool fp8_scale_fits(float scale)
{
    return !isfinite(scale) || isfinite(scale * 256.0f);
}

/* Where the bytes of the 128 values with number `block` begin, and where their scales. */
static inline size_t fp8_block_at(size_t block)
{
    return block * (FP8_SCALED_VALUES * PANEL_ROWS + PANEL_ROWS * sizeof(float));
}
static inline size_t fp8_block_values(size_t cols, size_t block)
{
    const size_t left = cols - block * FP8_SCALED_VALUES;
    return left < FP8_SCALED_VALUES ? left : FP8_SCALED_VALUES;
}
static inline size_t fp8_scales_at(size_t cols, size_t block)
{
    return fp8_block_at(block) + fp8_block_values(cols, block) * PANEL_ROWS;
}

#endif
