/* The table of panel layouts: which format is packed by whom. */
#include "kernels/panel.h"
#include "kernels/fp8.h"

static const panel_format *const formats[DTYPE_LIMIT] = {
    [DTYPE_F32] = &panel_format_f32,           [DTYPE_F16] = &panel_format_f16,
    [DTYPE_BF16] = &panel_format_bf16,         [DTYPE_Q8_0] = &panel_format_q8_0,
    [DTYPE_Q4_0] = &panel_format_q4_0,         [DTYPE_Q4_1] = &panel_format_q4_1,
    [DTYPE_Q5_0] = &panel_format_q5_0,         [DTYPE_Q5_1] = &panel_format_q5_1,
    [DTYPE_Q4_K] = &panel_format_q4_k,         [DTYPE_Q5_K] = &panel_format_q5_k,
    [DTYPE_Q6_K] = &panel_format_q6_k,         [DTYPE_IQ4_NL] = &panel_format_iq4_nl,
    [DTYPE_IQ4_XS] = &panel_format_iq4_xs,     [DTYPE_MXFP4] = &panel_format_mxfp4,
    [DTYPE_Q2_K] = &panel_format_q2_k,         [DTYPE_Q3_K] = &panel_format_q3_k,
    [DTYPE_Q8_K] = &panel_format_q8_k,         [DTYPE_IQ1_S] = &panel_format_iq1_s,
    [DTYPE_IQ1_M] = &panel_format_iq1_m,       [DTYPE_IQ2_XXS] = &panel_format_iq2_xxs,
    [DTYPE_IQ2_XS] = &panel_format_iq2_xs,     [DTYPE_IQ2_S] = &panel_format_iq2_s,
    [DTYPE_IQ3_XXS] = &panel_format_iq3_xxs,   [DTYPE_IQ3_S] = &panel_format_iq3_s,
    [DTYPE_TQ1_0] = &panel_format_tq1_0,       [DTYPE_TQ2_0] = &panel_format_tq2_0,
    [DTYPE_NVFP4] = &panel_format_nvfp4,       [DTYPE_Q1_0] = &panel_format_q1_0,
    [DTYPE_Q2_0] = &panel_format_q2_0,         [DTYPE_WIDE] = &panel_format_wide,
    [DTYPE_WIDE_MIN] = &panel_format_wide_min, [DTYPE_F8_SCALED] = &panel_format_f8_scaled,
};

/* 0: the format's own. */
static const dtype layouts[DTYPE_LIMIT] = {
    [DTYPE_Q2_K] = DTYPE_WIDE_MIN, [DTYPE_Q3_K] = DTYPE_Q6_K,  [DTYPE_Q8_K] = DTYPE_WIDE,
    [DTYPE_IQ1_S] = DTYPE_WIDE,    [DTYPE_IQ1_M] = DTYPE_WIDE, [DTYPE_IQ2_XXS] = DTYPE_WIDE,
    [DTYPE_IQ2_XS] = DTYPE_WIDE,   [DTYPE_IQ2_S] = DTYPE_WIDE, [DTYPE_IQ3_XXS] = DTYPE_WIDE,
    [DTYPE_IQ3_S] = DTYPE_WIDE,    [DTYPE_TQ1_0] = DTYPE_Q4_0, [DTYPE_TQ2_0] = DTYPE_Q4_0,
    [DTYPE_Q1_0] = DTYPE_Q4_0,     [DTYPE_Q2_0] = DTYPE_Q4_0,  [DTYPE_NVFP4] = DTYPE_BF16,
};

dtype panel_layout(dtype type)
{
    return layouts[type] == 0 ? type : layouts[type];
}

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
