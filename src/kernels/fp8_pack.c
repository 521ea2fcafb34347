/* Panels of FP8 with scales (kernels/fp8.h). */
#include "kernels/fp8.h"

#include <string.h>

static size_t bytes_f8(size_t cols)
{
    const size_t blocks = (cols + FP8_SCALED_VALUES - 1) / FP8_SCALED_VALUES;
    return cols * PANEL_ROWS + blocks * PANEL_ROWS * sizeof(float);
}

static void pack_f8(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    memset(panel, 0, bytes_f8(cols));
    for (unsigned row = 0; row < count; row++) {
        for (size_t k = 0; k < cols; k++) {
            const size_t block = k / FP8_SCALED_VALUES;
            const uint8_t *part = rows[row] + k / FP8_ROW_VALUES * FP8_ROW_BYTES;
            panel[fp8_block_at(block) + k % FP8_SCALED_VALUES * PANEL_ROWS + row] = part[4 + k % FP8_ROW_VALUES];
            if (k % FP8_SCALED_VALUES == 0) {
                float scale;
                memcpy(&scale, part, sizeof scale);
                scale *= 256.0f;
                memcpy(panel + fp8_scales_at(cols, block) + row * sizeof scale, &scale, sizeof scale);
            }
        }
    }
}

const panel_format panel_format_f8_scaled = {bytes_f8, pack_f8};
