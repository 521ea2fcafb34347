/* Panels inside the kernels room: what each number format must say about its panel, and where its row of the table
 * is. One table (panel.c), one file per family of formats (panel_float.c, …). Packing moves bits and never rounds. */
#ifndef KERNELS_PANEL_H
#define KERNELS_PANEL_H

#include "kernels/kernels.h"

typedef struct panel_format {
    /* Bytes of one panel of `cols` values a row; a multiple of 64 so that every panel of a matrix is aligned. */
    size_t (*bytes)(size_t cols);
    /* panel_pack of this format: rows[0..count), count 1..16, the missing rows become zeros. */
    void (*pack)(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel);
} panel_format;

extern const panel_format panel_format_f32;
extern const panel_format panel_format_f16;
extern const panel_format panel_format_bf16;
extern const panel_format panel_format_q8_0;
extern const panel_format panel_format_q4_0;
extern const panel_format panel_format_q4_1;
extern const panel_format panel_format_q5_0;
extern const panel_format panel_format_q5_1;
extern const panel_format panel_format_q4_k;
extern const panel_format panel_format_q5_k;
extern const panel_format panel_format_q6_k;
extern const panel_format panel_format_iq4_nl;
extern const panel_format panel_format_iq4_xs;
extern const panel_format panel_format_mxfp4;
extern const panel_format panel_format_q2_k;
extern const panel_format panel_format_q3_k;
extern const panel_format panel_format_q8_k;
extern const panel_format panel_format_iq1_s;
extern const panel_format panel_format_iq1_m;
extern const panel_format panel_format_iq2_xxs;
extern const panel_format panel_format_iq2_xs;
extern const panel_format panel_format_iq2_s;
extern const panel_format panel_format_iq3_xxs;
extern const panel_format panel_format_iq3_s;
extern const panel_format panel_format_tq1_0;
extern const panel_format panel_format_tq2_0;
extern const panel_format panel_format_nvfp4;
extern const panel_format panel_format_q1_0;
extern const panel_format panel_format_q2_0;
extern const panel_format panel_format_wide;
extern const panel_format panel_format_wide_min;

/* Whose panels a format is packed into, and so whose products it has: its own, or another's that holds the same values
 * (Q3_K in Q6_K's, TQ1_0 in Q4_0's, IQ2_XS in WIDE's). */
dtype panel_layout(dtype type);

/* NULL for a format without panels. */
const panel_format *panel_format_get(dtype type);

#endif
