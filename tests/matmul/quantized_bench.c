/* For each format, variant, number of tokens and of threads: operations per second (a multiply-add is two) and weights
 * read per second. One token reads a matrix larger than any cache; more tokens take a part of it. */
#include "quantized_bench.h"
#include "quantized_file.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "tensor/measure.h"
#include "threads/pool.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define BENCH_COLS 2048u
#define BENCH_BYTES ((size_t)256 << 20)

typedef struct bench {
    const kernel_table *kernels;
    dtype type;
    const uint8_t *panels;
    size_t panel_count;
    const activation_q8 *x;
    size_t tokens;
    float *y;
    uint8_t *scratch;
} bench;

static void bench_part(void *context, int part, int parts)
{
    const bench *b = context;
    const thread_range range = thread_split(b->panel_count, 1, part, parts);
    b->kernels->matmul[COMPUTE_NATIVE][b->type](b->panels, b->panel_count * PANEL_ROWS, BENCH_COLS, b->x, b->tokens,
                                                b->y, b->panel_count * PANEL_ROWS, range.begin, range.end,
                                                b->scratch + (size_t)part * MATMUL_SCRATCH_BYTES);
}

/* One thread: its processor time, so that other work on the machine counts less. */
static double bench_now(thread_pool *pool)
{
    struct timespec t;
    if (thread_pool_parts(pool) > 1) {
        return (double)time_now_ns();
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* The best of several rounds, in nanoseconds. */
static double bench_time(bench *b, thread_pool *pool)
{
    double best = 1e18;
    for (int round = 0; round < (b->tokens <= 4 ? 5 : 12); round++) {
        const double start = bench_now(pool);
        thread_pool_run(pool, bench_part, b);
        const double took = bench_now(pool) - start;
        best = took < best ? took : best;
    }
    return best;
}

static void bench_format(bench *b, thread_pool *const pools[2])
{
    static const size_t token_counts[] = {1, 2, 4, 8, 16, 64, 512};
    const size_t all_panels = BENCH_BYTES / panel_bytes(b->type, BENCH_COLS);
    for (size_t i = 0; i < 7; i++) {
        b->tokens = token_counts[i];
        b->panel_count = b->tokens <= 4 ? all_panels : b->tokens <= 16 ? 512 : b->tokens <= 64 ? 128 : 32;
        printf("%-7s %-5s %4zu tokens", b->kernels->name, dtype_get_info(b->type)->name, b->tokens);
        for (int threads = 0; threads < 2; threads++) {
            const double ns = bench_time(b, pools[threads]);
            const double values = (double)b->panel_count * PANEL_ROWS * BENCH_COLS;
            printf("   %d thread%s %7.1f GOPS %6.1f GB/s", threads + 1, threads ? "s" : " ",
                   2 * values * (double)b->tokens / ns,
                   (double)b->panel_count * (double)panel_bytes(b->type, BENCH_COLS) / ns);
        }
        printf("\n");
        fflush(stdout);
    }
}

static int bench_run(kernel_cpu cpu, const char *format, const char *variant, bench *b, thread_pool *const pools[2])
{
    const kernel_table *variants[8];
    const size_t count = kernels_variants(cpu, variants);
    for (int threads = 0; threads < 2; threads++) {
        double read = 0;
        if (measure_read_bandwidth(variants[count - 1], pools[threads], 0, &read, NULL) != HEARTH_OK) {
            return 1;
        }
        printf("%d threads: read %.1f GB/s, int8 peak %.0f GOPS\n", threads + 1, read,
               measure_peak(variants[count - 1], pools[threads], MEASURE_INT8));
    }
    for (size_t v = 0; v < count; v++) {
        if (variant == NULL ? v == 0 : strcmp(variant, variants[v]->name) != 0) {
            continue;
        }
        for (int f = 0; f < QUANTIZED_FORMATS; f++) {
            const char *name = dtype_get_info(quantized_formats[f])->name;
            if (format == NULL || strcmp(format, "all") == 0 || strcmp(format, name) == 0) {
                b->kernels = variants[v];
                b->type = quantized_formats[f];
                bench_format(b, pools);
            }
        }
    }
    return 0;
}

int quantized_bench(kernel_cpu cpu, const char *format, const char *variant)
{
    /* Any bytes are a valid matrix: only time matters. The activation and y must hold 512 tokens. */
    uint8_t *panels = mem_alloc_aligned(BENCH_BYTES, (size_t)2 << 20);
    activation_q8 *x = mem_alloc_aligned(512 * BENCH_COLS / 32 * sizeof *x, 64);
    float *y = mem_alloc_aligned((size_t)64 << 20, 64);
    uint8_t *scratch = mem_alloc_aligned(2 * MATMUL_SCRATCH_BYTES, 64);
    thread_pool *pools[2] = {NULL, NULL};
    int code = 1;
    if (panels != NULL && x != NULL && y != NULL && scratch != NULL &&
        thread_pool_create(1, &pools[0], NULL) == HEARTH_OK && thread_pool_create(2, &pools[1], NULL) == HEARTH_OK) {
        madvise(panels, BENCH_BYTES, MADV_HUGEPAGE);
        memset(panels, 0x2A, BENCH_BYTES);
        memset(y, 0, (size_t)64 << 20);
        memset(x, 0x3A, 512 * BENCH_COLS / 32 * sizeof *x); /* d about 1e-3: subnormal sums would be slow */
        bench b = {.panels = panels, .x = x, .y = y, .scratch = scratch};
        code = bench_run(cpu, format, variant, &b, pools);
    }
    thread_pool_destroy(pools[0]);
    thread_pool_destroy(pools[1]);
    mem_free(panels);
    mem_free(x);
    mem_free(y);
    mem_free(scratch);
    return code;
}
