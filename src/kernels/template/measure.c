/* Work that shows what the machine can do at most: arithmetic out of registers, and a plain read. The accumulators are
 * independent and enough of them to hide the latency of a fused multiply-add. */
#include "kernels/fill.h"

enum {
    CHAINS = V16_REGISTERS == 32 ? 12 : 6,
    STEPS = 1000, /* per round */
    OPERATIONS = 2 * 16 * CHAINS * STEPS,
};

/* Keeps the loop: the compiler must believe that memory changes here. */
V16_INLINE void memory_changes(void)
{
    __asm__ volatile("" : : : "memory");
}

static uint64_t peak_fp32(uint64_t rounds)
{
    static float values[16 * (CHAINS + 1)]; /* zeros, which the compiler does not know */
    v16f acc[CHAINS];
    memory_changes();
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) {
        acc[i] = v16f_load(values + 16 * (i + 1));
    }
    for (uint64_t step = 0; step < rounds * STEPS; step++) {
        memory_changes();
        const v16f a = v16f_load(values);
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            acc[i] = v16f_fma(a, a, acc[i]);
        }
    }
    v16f sum = acc[0];
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++) {
        sum = v16f_add(sum, acc[i]);
    }
    volatile float sink = v16f_fold_add(sum);
    (void)sink;
    return rounds * OPERATIONS;
}

#ifdef V16_DOT2_BF16
static uint64_t peak_bf16(uint64_t rounds)
{
    static float values[16 * (CHAINS + 1)];
    v16f acc[CHAINS];
    memory_changes();
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) {
        acc[i] = v16f_load(values + 16 * (i + 1));
    }
    for (uint64_t step = 0; step < rounds * STEPS; step++) {
        memory_changes();
        const v16i a = v16f_bits(v16f_load(values));
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            acc[i] = v16f_dot2_bf16(acc[i], a, a);
        }
    }
    v16f sum = acc[0];
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++) {
        sum = v16f_add(sum, acc[i]);
    }
    volatile float sink = v16f_fold_add(sum);
    (void)sink;
    return rounds * OPERATIONS * 2;
}
#endif

static uint64_t peak_int8(uint64_t rounds)
{
    static uint8_t values[64 * (CHAINS + 1)];
    v16i acc[CHAINS];
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) {
        acc[i] = v16i_zero();
    }
    for (uint64_t step = 0; step < rounds * STEPS; step++) {
        memory_changes();
        const v16b a = v16b_load(values);
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            acc[i] = v16i_dot4_u8s8(acc[i], v16b_load(values + 64 * (i + 1)), a);
        }
    }
    v16i sum = acc[0];
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++) {
        sum = v16i_add(sum, acc[i]);
    }
    volatile int32_t sink = v16i_sum(sum);
    (void)sink;
    return rounds * OPERATIONS * 4;
}

/* Four streams side by side, as the products read. */
static void read_bytes(const void *bytes, size_t size_bytes)
{
    const size_t quarter = size_bytes / 256 * 64;
    const uint8_t *at = bytes;
    v16i sum[4] = {v16i_zero(), v16i_zero(), v16i_zero(), v16i_zero()};
    for (size_t offset = 0; offset < quarter; offset += 64) {
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            sum[i] = v16i_add(sum[i], v16i_load((const int32_t *)(const void *)(at + i * quarter + offset)));
        }
    }
    for (size_t offset = 4 * quarter; offset < size_bytes; offset += 64) {
        sum[0] = v16i_add(sum[0], v16i_load((const int32_t *)(const void *)(at + offset)));
    }
    volatile int32_t sink = v16i_sum(v16i_add(v16i_add(sum[0], sum[1]), v16i_add(sum[2], sum[3])));
    (void)sink;
}

void V16_NAME(kernels_fill_measure)(kernel_table *table)
{
    table->measure_peak[0] = peak_fp32;
#ifdef V16_DOT2_BF16
    table->measure_peak[1] = peak_bf16;
#else
    table->measure_peak[1] = peak_fp32; /* a pair of bf16 is two of these */
#endif
    table->measure_peak[2] = peak_int8;
    table->measure_read = read_bytes;
}
