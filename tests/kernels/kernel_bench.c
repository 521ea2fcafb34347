/* Throughput per operation and variant, in processor time of this thread. */
#include "base/memory.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/kernel_test.h"
#include "kernels/test_cache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LENGTH 4096

typedef struct bench_data {
    float *x, *y, *out;
    void *storage;
    cache_shape shape;
    test_cache cache;
    void *scratch;
    uint32_t heads, length;
} bench_data;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run_operation(const kernel_table *k, size_t operation, bench_data *d)
{
    void (*const functions[])(const float *, size_t, float *) = {k->exp, k->log, k->sin, k->cos, k->tanh};
    switch (operation) {
    case 5:
        k->rms_norm(d->x, d->y, 1e-5f, LENGTH, d->out);
        break;
    case 6:
        k->silu_mul(d->x, d->y, LENGTH, d->out);
        break;
    case 7:
        k->add(d->x, d->y, LENGTH, d->out);
        break;
    case 8:
        d->out[0] = k->sum(d->x, LENGTH);
        break;
    case 9:
        d->out[0] = k->exp_sum(d->x, 4.0f, LENGTH, d->out);
        break;
    case 10:
        d->out[0] = (float)k->argmax(d->x, LENGTH);
        break;
    case 11:
        k->activation_prepare[ACTIVATION_Q8](d->x, LENGTH, 1, LENGTH, 0, 1, d->storage);
        break;
    case 12:
        k->activation_prepare[ACTIVATION_BF16](d->x, LENGTH, 1, LENGTH, 0, 1, d->storage);
        break;
    default:
        functions[operation](d->x, LENGTH, d->out);
    }
}

static void bench_operations(const kernel_table *k, bench_data *d, const char *only)
{
    static const char *const names[] = {
        "exp", "log", "sin",     "cos",    "tanh",          "rms_norm",       "silu_mul",
        "add", "sum", "exp_sum", "argmax", "activation_q8", "activation_bf16"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (only != NULL && strstr(names[i], only) == NULL) {
            continue;
        }
        size_t rounds = 0;
        const double start = seconds();
        while (seconds() - start < 0.05) {
            run_operation(k, i, d);
            rounds++;
        }
        const double each = (seconds() - start) / (double)rounds;
        print_message("%-16s %-16s %8.2f ns per 16 values\n", k->name, names[i], each * 1e9 * 16 / LENGTH);
    }
}

static void bench_attention(const kernel_table *k, bench_data *d, uint32_t position, uint32_t tokens)
{
    const size_t row = (size_t)d->heads * d->shape.head_dim;
    size_t rounds = 0;
    const double start = seconds();
    do {
        k->attention->attend(d->shape, d->cache.view, position, tokens, d->x, row, d->heads, 0, d->heads, 0.125f, NULL,
                             d->out, row, d->scratch);
        rounds++;
    } while (seconds() - start < 0.1);
    const double each = (seconds() - start) / (double)rounds;
    const double pairs = (double)tokens * ((double)position + ((double)tokens + 1) / 2);
    const double bytes =
        (double)(cache_keys_bytes(d->shape) + cache_values_bytes(d->shape)) * (position + tokens) / ATTENTION_BLOCK;
    print_message("%-16s attention %s, %u/%u heads of %u, %u tokens at %u: %.3f ms, %.1f GFLOPS, cache at %.1f GB/s\n",
                  k->name, cache_type_names[d->shape.type], d->heads, d->shape.kv_heads, d->shape.head_dim, tokens,
                  position, each * 1e3, 4 * pairs * (double)row / each * 1e-9, bytes / each * 1e-9);
}

static void bench_cache(const kernel_table *k, cache_type type, uint32_t kv_heads, uint32_t heads, uint32_t dim)
{
    bench_data d = {.shape = {type, kv_heads, dim}, .heads = heads};
    const size_t values = (size_t)512 * heads * dim;
    d.x = mem_alloc_aligned(values * sizeof(float), 64);
    d.out = mem_alloc_aligned(values * sizeof(float), 64);
    d.cache = test_cache_make(d.shape, 4096);
    d.scratch = mem_alloc_aligned(ATTENTION_SCRATCH_BYTES, 64);
    if (d.x != NULL && d.out != NULL && d.scratch != NULL) {
        test_fill(d.x, values, VALUES_USUAL);
        for (uint32_t p = 0; p < 4096; p++) {
            k->attention->store(d.shape, d.cache.view, p, d.x + p, d.x + p, 0, kv_heads);
        }
        bench_attention(k, &d, 4000, 1);
        if (strcmp(k->name, "scalar") != 0) {
            bench_attention(k, &d, 0, 512);
            bench_attention(k, &d, 3500, 512);
        }
    }
    void *blocks[] = {d.x, d.out, d.scratch};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        mem_free(blocks[i]);
    }
    test_cache_free(&d.cache);
}

void kernel_bench(const char *only)
{
    static float x[LENGTH];
    static float y[LENGTH];
    static float out[LENGTH];
    static float storage[LENGTH + 64];
    bench_data d = {.x = x, .y = y, .out = out, .storage = storage};
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_fill(x, LENGTH, VALUES_USUAL);
    test_fill(y, LENGTH, VALUES_USUAL);
    for (size_t v = 0; v < count; v++) {
        bench_operations(variants[v], &d, only);
        if (only == NULL || strstr("attention", only) != NULL) {
            for (int type = CACHE_F32; type < CACHE_TYPES; type++) {
                bench_cache(variants[v], (cache_type)type, 8, 32, 64);
                bench_cache(variants[v], (cache_type)type, 3, 9, 64);
                bench_cache(variants[v], (cache_type)type, 8, 8, 128);
            }
        }
    }
}
