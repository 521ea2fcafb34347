/* The table of panel layouts: which format is packed by whom. */
#include "kernels/panel.h"

static const panel_format *const formats[DTYPE_LIMIT] = {
    [DTYPE_F32] = &panel_format_f32,   [DTYPE_F16] = &panel_format_f16,   [DTYPE_BF16] = &panel_format_bf16,
    [DTYPE_Q8_0] = &panel_format_q8_0, [DTYPE_Q4_0] = &panel_format_q4_0, [DTYPE_Q4_1] = &panel_format_q4_1,
    [DTYPE_Q5_0] = &panel_format_q5_0, [DTYPE_Q5_1] = &panel_format_q5_1, [DTYPE_Q4_K] = &panel_format_q4_k,
    [DTYPE_Q5_K] = &panel_format_q5_k, [DTYPE_Q6_K] = &panel_format_q6_k, [DTYPE_IQ4_NL] = &panel_format_iq4_nl,
};

const panel_format *panel_format_get(dtype type)
{
    return (unsigned)type < DTYPE_LIMIT ? formats[type] : NULL;
}

size_t panel_bytes(dtype type, size_t cols)
{
    const panel_format *format = panel_format_get(type);
    return format == NULL ? 0 : format->bytes(cols);
}

void panel_pack(dtype type, size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    panel_format_get(type)->pack(cols, rows, count, panel);
}
