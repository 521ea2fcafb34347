/* COMPUTE_F32 of the quantised formats: their own panel_dequantize, then the F32 product. */
#include "kernels/template/matmul_float.h"

/* This instruction set's panel_dequantize, copied out of the table when it is filled. */
static dequantize_fn dequantize_of[DTYPE_LIMIT];

static void matmul_q4_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q4_0, dequantize_of[DTYPE_Q4_0], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_iq4_nl(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_IQ4_NL, dequantize_of[DTYPE_IQ4_NL], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q4_1(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q4_1, dequantize_of[DTYPE_Q4_1], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q5_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q5_0, dequantize_of[DTYPE_Q5_0], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q5_1(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q5_1, dequantize_of[DTYPE_Q5_1], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q8_0(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q8_0, dequantize_of[DTYPE_Q8_0], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q4_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q4_K, dequantize_of[DTYPE_Q4_K], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q5_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q5_K, dequantize_of[DTYPE_Q5_K], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_q6_k(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_Q6_K, dequantize_of[DTYPE_Q6_K], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_iq4_xs(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                          float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_IQ4_XS, dequantize_of[DTYPE_IQ4_XS], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_mxfp4(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_MXFP4, dequantize_of[DTYPE_MXFP4], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_wide(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                        float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_WIDE, dequantize_of[DTYPE_WIDE], panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
     scratch);
}

static void matmul_wide_min(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                            float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    V16_NAME(matmul_dequantized)
    (DTYPE_WIDE_MIN, dequantize_of[DTYPE_WIDE_MIN], panels, rows, cols, activation, tokens, y, ldy, panel_begin,
     panel_end, scratch);
}

/* After the formats' own templates: they fill panel_dequantize. */
void V16_NAME(kernels_fill_matmul_dequantized)(kernel_table *table)
{
    memcpy(dequantize_of, table->panel_dequantize, sizeof dequantize_of);
    table->matmul[COMPUTE_F32][DTYPE_Q4_0] = matmul_q4_0;
    table->matmul[COMPUTE_F32][DTYPE_IQ4_NL] = matmul_iq4_nl;
    table->matmul[COMPUTE_F32][DTYPE_Q4_1] = matmul_q4_1;
    table->matmul[COMPUTE_F32][DTYPE_Q5_0] = matmul_q5_0;
    table->matmul[COMPUTE_F32][DTYPE_Q5_1] = matmul_q5_1;
    table->matmul[COMPUTE_F32][DTYPE_Q8_0] = matmul_q8_0;
    table->matmul[COMPUTE_F32][DTYPE_Q4_K] = matmul_q4_k;
    table->matmul[COMPUTE_F32][DTYPE_Q5_K] = matmul_q5_k;
    table->matmul[COMPUTE_F32][DTYPE_Q6_K] = matmul_q6_k;
    table->matmul[COMPUTE_F32][DTYPE_IQ4_XS] = matmul_iq4_xs;
    table->matmul[COMPUTE_F32][DTYPE_MXFP4] = matmul_mxfp4;
    table->matmul[COMPUTE_F32][DTYPE_WIDE] = matmul_wide;
    table->matmul[COMPUTE_F32][DTYPE_WIDE_MIN] = matmul_wide_min;
}
