/* Preparing activations: copied, rounded to bf16, or quantised in blocks of 32 (kernels/activation.h). */
#include "kernels/activation.h"
#include "kernels/fill.h"
#include "kernels/template/bf16.h"
#include "kernels/v16_math.h"

static void activation_prepare_f32(const float *x, size_t ldx, size_t tokens, size_t k, size_t token_begin,
                                   size_t token_end, void *activation)
{
    (void)tokens;
    float *rows = activation;
    for (size_t t = token_begin; t < token_end; t++) {
        memcpy(rows + t * activation_row_floats(k), x + t * ldx, k * sizeof(float));
    }
}

static void activation_prepare_bf16(const float *x, size_t ldx, size_t tokens, size_t k, size_t token_begin,
                                    size_t token_end, void *activation)
{
    (void)tokens;
    float *rows = activation;
    for (size_t t = token_begin; t < token_end; t++) {
        const float *from = x + t * ldx;
        float *to = rows + t * activation_row_floats(k);
        for (size_t i = 0; i < k; i += 16) {
            const v16f v = k - i >= 16 ? v16f_load(from + i) : v16f_load_n(from + i, k - i);
            v16f_store(to + i, v16f_bf16_operand(v));
        }
        v16f_store(to + activation_row_floats(k) - 16, v16f_zero());
    }
}

/* The 32 values of a block are in x0 and x1. */
V16_INLINE void activation_q8_block(v16f x0, v16f x1, activation_q8 *to)
{
    const v16i magnitude = v16i_set1(0x7FFFFFFF);
    const v16i largest = v16i_max(v16i_and(v16f_bits(x0), magnitude), v16i_and(v16f_bits(x1), magnitude));
    const float amax = half_bits_float((uint32_t)v16i_fold_max(largest)); /* as integers, NaN is above infinity */
    const float inverse = 127.0f / amax;
    const float most = 0x1.fffffep127f;
    v16i q0 = v16i_zero();
    v16i q1 = v16i_zero();
    if (amax <= most && inverse <= most) {
        q0 = v16f_to_int(v16f_mul(x0, v16f_set1(inverse)));
        q1 = v16f_to_int(v16f_mul(x1, v16f_set1(inverse)));
    }
    v16i_store_s8(to->q, q0);
    v16i_store_s8(to->q + 16, q1);
    const v16m first = v16i_eq(v16i_and(v16i_iota(), v16i_set1(2)), v16i_zero()); /* i % 4 is 0 or 1 */
    const int32_t half = v16i_sum(q0);
    const int32_t half_first = v16i_sum(v16i_select(first, q0, v16i_zero()));
    const int32_t rest = v16i_sum(q1);
    const int32_t rest_first = v16i_sum(v16i_select(first, q1, v16i_zero()));
    to->d = amax / 127.0f;
    to->s = to->d * (float)(half + rest);
    to->half_sum[0] = (int16_t)half_first;
    to->half_sum[1] = (int16_t)(half - half_first);
    to->block_sum[0] = (int16_t)(half_first + rest_first);
    to->block_sum[1] = (int16_t)(half - half_first + rest - rest_first);
}

static void activation_prepare_q8(const float *x, size_t ldx, size_t tokens, size_t k, size_t token_begin,
                                  size_t token_end, void *activation)
{
    (void)tokens;
    const size_t blocks = k / ACTIVATION_Q8_VALUES;
    activation_q8 *records = activation;
    for (size_t t = token_begin; t < token_end; t++) {
        for (size_t b = 0; b < blocks; b++) {
            const float *from = x + t * ldx + b * ACTIVATION_Q8_VALUES;
            activation_q8_block(v16f_load(from), v16f_load(from + 16), records + t * blocks + b);
        }
    }
}

void V16_NAME(kernels_fill_activation)(kernel_table *table)
{
    table->activation_prepare[ACTIVATION_F32] = activation_prepare_f32;
    table->activation_prepare[ACTIVATION_BF16] = activation_prepare_bf16;
    table->activation_prepare[ACTIVATION_Q8] = activation_prepare_q8;
}
