/* Each format and computation beside the limits measured on the spot, in the shapes of a 1B model's MLP (8192 x 2048).
 * One token reads matrices larger than any cache. */
#include "matmul_bench.h"

#include "base/memory.h"
#include "kernels/activation.h"
#include "platform/cpu.h"
#include "platform/pages.h"
#include "tensor/matrix.h"
#include "tensor/measure.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BENCH_ROWS 8192u
#define BENCH_COLS 2048u
#define BENCH_TOKENS 512u
#define BENCH_BYTES ((size_t)384 << 20)
#define BENCH_ROUNDS 4

typedef struct bench {
    const kernel_table *kernels;
    thread_pool *pool;
    compute how;
    dtype type;
    uint8_t *panels; /* BENCH_BYTES: as many copies of the matrix as fit */
    size_t next;     /* copy to use next */
    matrix m;
    void *activation;
    size_t tokens;
    float *y;
    uint8_t *scratch;
} bench;

static void bench_part(void *context, int part, int parts)
{
    const bench *b = context;
    matrix_multiply(b->kernels, &b->m, b->how, b->activation, b->tokens, b->y, BENCH_ROWS, part, parts,
                    b->scratch + (size_t)part * MATMUL_SCRATCH_BYTES);
}

/* One thread: its processor time, so that other work on the machine counts less. */
static double bench_now(const bench *b)
{
    struct timespec t;
    if (thread_pool_parts(b->pool) > 1) {
        return (double)time_now_ns();
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* Nanoseconds of one product, the best of several rounds. */
static double bench_time(bench *b)
{
    const size_t bytes = matrix_packed_bytes(b->type, BENCH_ROWS, BENCH_COLS);
    const size_t copies = BENCH_BYTES / bytes;
    const size_t products = b->tokens > 16 ? 1 : copies;
    double best = 1e18;
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        const double start = bench_now(b);
        for (size_t i = 0; i < products; i++) {
            b->m.panels = b->panels + b->next++ % copies * bytes;
            thread_pool_run(b->pool, bench_part, b);
        }
        const double took = (bench_now(b) - start) / (double)products;
        best = took < best ? took : best;
    }
    return best;
}

static void bench_format(bench *b, double gb_s, double gflops)
{
    static const size_t token_counts[] = {1, 2, 4, 8, 16, 64, 512};
    const activation_kind kind = activation_for(b->type, b->how);
    b->m = (matrix){.type = b->type, .rows = BENCH_ROWS, .cols = BENCH_COLS};
    memset(b->activation, 0, activation_bytes(kind, BENCH_TOKENS, BENCH_COLS));
    for (size_t i = 0; i < sizeof token_counts / sizeof token_counts[0]; i++) {
        b->tokens = token_counts[i];
        const double ns = bench_time(b);
        const double operations = 2.0 * BENCH_ROWS * BENCH_COLS * (double)b->tokens / ns;
        const double read = (double)matrix_packed_bytes(b->type, BENCH_ROWS, BENCH_COLS) / ns;
        printf("%-7s %d thread%s %-5s %-6s %4zu tokens %8.1f GOPS (%3.0f%%) %7.1f GB/s (%3.0f%%)\n", b->kernels->name,
               thread_pool_parts(b->pool), thread_pool_parts(b->pool) > 1 ? "s" : " ", dtype_get_info(b->type)->name,
               b->how == COMPUTE_F32 ? "f32" : "native", b->tokens, operations, 100 * operations / gflops, read,
               100 * read / gb_s);
        fflush(stdout);
    }
}

/* Percentages are of the fp32 peak for binary32 work, of the bf16 or int8 peak for the native rules. */
static void bench_formats(bench *b, const char *format)
{
    double gb_s = 0;
    double peaks[MEASURE_KINDS];
    if (measure_read_bandwidth(b->kernels, b->pool, 0, &gb_s, NULL) != HEARTH_OK) {
        return;
    }
    for (measure_kind kind = 0; kind < MEASURE_KINDS; kind++) {
        peaks[kind] = measure_peak(b->kernels, b->pool, kind);
    }
    printf("%-7s %d thread%s limits: read %.1f GB/s, fp32 %.0f, bf16 %.0f, int8 %.0f GOPS\n", b->kernels->name,
           thread_pool_parts(b->pool), thread_pool_parts(b->pool) > 1 ? "s" : " ", gb_s, peaks[MEASURE_FP32],
           peaks[MEASURE_BF16], peaks[MEASURE_INT8]);
    for (uint32_t type = 0; type < DTYPE_LIMIT; type++) {
        const dtype_info *info = dtype_get_info(type);
        if (info == NULL || panel_bytes((dtype)type, BENCH_COLS) == 0 ||
            (format != NULL && strcmp(format, "all") != 0 && strcmp(format, info->name) != 0)) {
            continue;
        }
        b->type = (dtype)type;
        for (compute how = COMPUTE_NATIVE; how <= COMPUTE_F32; how++) {
            static const measure_kind kinds[] = {MEASURE_FP32, MEASURE_BF16, MEASURE_INT8};
            b->how = how;
            bench_format(b, gb_s, peaks[kinds[activation_for(b->type, how)]]);
        }
    }
}

int matmul_bench(kernel_cpu cpu, const char *format, const char *variant)
{
    bench b = {.kernels = kernels_select(variant, cpu)};
    b.panels = pages_alloc(BENCH_BYTES);
    b.activation = mem_alloc_aligned(activation_bytes(ACTIVATION_F32, BENCH_TOKENS, BENCH_COLS), 64);
    b.y = mem_alloc_aligned(BENCH_TOKENS * BENCH_ROWS * sizeof(float), 64);
    b.scratch = mem_alloc_aligned(2 * MATMUL_SCRATCH_BYTES, 64);
    int code = 1;
    if (b.kernels != NULL && b.panels != NULL && b.activation != NULL && b.y != NULL && b.scratch != NULL) {
        memset(b.panels, 0, BENCH_BYTES);
        memset(b.y, 0, BENCH_TOKENS * BENCH_ROWS * sizeof(float));
        for (int threads = 1; threads <= 2; threads++) {
            if (thread_pool_create(threads, &b.pool, NULL) == HEARTH_OK) {
                bench_formats(&b, format);
                thread_pool_destroy(b.pool);
                code = 0;
            }
        }
    }
    pages_free(b.panels, BENCH_BYTES);
    mem_free(b.activation);
    mem_free(b.y);
    mem_free(b.scratch);
    return code;
}
