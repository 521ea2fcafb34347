/* The definition of the floating-point products: rules 2 and 3 of docs/numerics.md in plain loops, one output at a
 * time. Every other variant gives these bits.
 *
 *   F32, F16         acc = fma(w[k], x[k], acc), k ascending from acc = 0; F16 weights are widened exactly
 *   BF16, native     acc = step(w[k], x[k], step(w[k + 1], x[k + 1], acc)) for k = 0, 2, 4, …; an odd end is paired
 *                    with zero times zero. step(a, b, c) is fma(a, b, c) as VDPBF16PS does it: subnormal operands read
 *                    as zero of their sign; a result that, rounded to 24 bits, lies below 2^-126 becomes zero of its
 *                    sign.
 *   any, COMPUTE_F32 the weights dequantised, then as F32 */
#include "kernels/activation.h"
#include "kernels/half.h"
#include "kernels/scalar/lossless.h"
#include "kernels/scalar/matmul_float.h"

#include <math.h>
#include <string.h>

static float without_subnormals(float value)
{
    return fabsf(value) < 0x1p-126f ? copysignf(0.0f, value) : value;
}

/* A sum of exactly 2^-126 may have come from below it, where rounding at the subnormals' spacing (2^-149) goes up but
 * 24 bits (spacing 2^-150) end below. A product that cancels to this is small enough to be scaled exactly. */
static bool rounds_below_normal(float a, float b, float c)
{
    const bool a_smaller = fabsf(a) < fabsf(b);
    const float scaled_a = a_smaller ? a * 0x1p60f : a;
    const float scaled_b = a_smaller ? b : b * 0x1p60f;
    return fabsf(fmaf(scaled_a, scaled_b, c * 0x1p60f)) < 0x1p-66f;
}

float matmul_bf16_step(float a, float b, float c)
{
    a = without_subnormals(a);
    b = without_subnormals(b);
    c = without_subnormals(c);
    const float sum = fmaf(a, b, c);
    if (fabsf(sum) == 0x1p-126f && rounds_below_normal(a, b, c)) {
        return copysignf(0.0f, sum);
    }
    return without_subnormals(sum);
}

/* Rows of panels [panel_begin, panel_end) that exist. */
static size_t rows_end(size_t rows, size_t panel_end)
{
    return panel_end * PANEL_ROWS < rows ? panel_end * PANEL_ROWS : rows;
}

static float weight_bf16(const uint8_t *panel, size_t k, size_t row)
{
    uint16_t bits;
    memcpy(&bits, panel + (k / 2 * PANEL_ROWS + row) * 4 + k % 2 * 2, 2);
    return half_bf16_to_f32(bits);
}

typedef float (*weight_at_fn)(const uint8_t *panel, size_t k, size_t row);

static float weight_f32(const uint8_t *panel, size_t k, size_t row)
{
    float value;
    memcpy(&value, panel + (k * PANEL_ROWS + row) * 4, 4);
    return value;
}

static float weight_f16(const uint8_t *panel, size_t k, size_t row)
{
    uint16_t bits;
    memcpy(&bits, panel + (k * PANEL_ROWS + row) * 2, 2);
    return half_f16_to_f32(bits);
}

static void multiply_chain(weight_at_fn weight_at, const uint8_t *panels, size_t panel_size, size_t rows, size_t cols,
                           const float *x, size_t tokens, float *y, size_t ldy, size_t panel_begin, size_t panel_end)
{
    for (size_t t = 0; t < tokens; t++) {
        const float *xt = x + t * activation_row_floats(cols);
        for (size_t r = panel_begin * PANEL_ROWS; r < rows_end(rows, panel_end); r++) {
            const uint8_t *panel = panels + r / PANEL_ROWS * panel_size;
            float acc = 0;
            for (size_t k = 0; k < cols; k++) {
                acc = fmaf(weight_at(panel, k, r % PANEL_ROWS), xt[k], acc);
            }
            y[t * ldy + r] = acc;
        }
    }
}

static void multiply_f32(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply_chain(weight_f32, panels, panel_bytes(DTYPE_F32, cols), rows, cols, activation, tokens, y, ldy,
                   panel_begin, panel_end);
}

static void multiply_f16(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply_chain(weight_f16, panels, panel_bytes(DTYPE_F16, cols), rows, cols, activation, tokens, y, ldy,
                   panel_begin, panel_end);
}

static void multiply_bf16_as_f32(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                                 float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply_chain(weight_bf16, panels, panel_bytes(DTYPE_BF16, cols), rows, cols, activation, tokens, y, ldy,
                   panel_begin, panel_end);
}

void matmul_bf16_defined(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    const size_t panel_size = panel_bytes(DTYPE_BF16, cols);
    for (size_t t = 0; t < tokens; t++) {
        const float *x = (const float *)activation + t * activation_row_floats(cols);
        for (size_t r = panel_begin * PANEL_ROWS; r < rows_end(rows, panel_end); r++) {
            const uint8_t *panel = panels + r / PANEL_ROWS * panel_size;
            float acc = 0;
            for (size_t k = 0; k < cols; k += 2) {
                acc = matmul_bf16_step(weight_bf16(panel, k + 1, r % PANEL_ROWS), x[k + 1], acc);
                acc = matmul_bf16_step(weight_bf16(panel, k, r % PANEL_ROWS), x[k], acc);
            }
            y[t * ldy + r] = acc;
        }
    }
}

/* The last layer of the scalar variant: takes the templates' place. */
void kernels_fill_matmul_definition(kernel_table *table)
{
    table->matmul[COMPUTE_NATIVE][DTYPE_F32] = multiply_f32;
    table->matmul[COMPUTE_F32][DTYPE_F32] = multiply_f32;
    table->matmul[COMPUTE_NATIVE][DTYPE_F16] = multiply_f16;
    table->matmul[COMPUTE_F32][DTYPE_F16] = multiply_f16;
    table->matmul[COMPUTE_NATIVE][DTYPE_BF16] = matmul_bf16_defined;
    table->matmul[COMPUTE_F32][DTYPE_BF16] = multiply_bf16_as_f32;
}
