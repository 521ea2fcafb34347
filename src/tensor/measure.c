/* Measuring the machine: each number is the best of a few short rounds on all threads. */
#include "tensor/measure.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "platform/pages.h"

#include <string.h>

#define MEASURE_ROUNDS 5
#define MEASURE_READ_BYTES ((size_t)512 << 20)
#define MEASURE_PEAK_ROUNDS 20u /* at first; then as many as take MEASURE_PEAK_SECONDS */
#define MEASURE_PEAK_ROUNDS_MOST 20000u
#define MEASURE_PEAK_SECONDS 0.02

typedef struct measure_work {
    const kernel_table *k;
    uint8_t *bytes;
    size_t size;
    measure_kind kind;
    uint64_t rounds;
} measure_work;

static void fill_part(void *context, int part, int parts)
{
    const measure_work *work = context;
    const thread_range range = thread_split(work->size, 4096, part, parts);
    memset(work->bytes + range.begin, 1, range.end - range.begin);
}

static void read_part(void *context, int part, int parts)
{
    const measure_work *work = context;
    const thread_range range = thread_split(work->size, 4096, part, parts);
    work->k->measure_read(work->bytes + range.begin, range.end - range.begin);
}

static void peak_part(void *context, int part, int parts)
{
    (void)part;
    (void)parts;
    const measure_work *work = context;
    (void)work->k->measure_peak[work->kind](work->rounds);
}

/* Seconds of the fastest of MEASURE_ROUNDS runs. */
static double fastest_run(thread_pool *pool, thread_fn fn, measure_work *work)
{
    double best = 0;
    for (int round = 0; round < MEASURE_ROUNDS; round++) {
        const double start = time_seconds();
        thread_pool_run(pool, fn, work);
        const double seconds = time_seconds() - start;
        best = round == 0 || seconds < best ? seconds : best;
    }
    return best;
}

hearth_status measure_read_bandwidth(const kernel_table *k, thread_pool *pool, size_t size_bytes, double *ret_gb_s,
                                     hearth_error *error)
{
    measure_work work = {.k = k, .size = size_bytes == 0 ? MEASURE_READ_BYTES : size_bytes};
    work.bytes = pages_alloc(work.size);
    if (work.bytes == NULL) {
        return error_memory(error, work.size);
    }
    thread_pool_run(pool, fill_part, &work);
    *ret_gb_s = (double)work.size / fastest_run(pool, read_part, &work) * 1e-9;
    pages_free(work.bytes, work.size);
    return HEARTH_OK;
}

double measure_peak(const kernel_table *k, thread_pool *pool, measure_kind kind)
{
    measure_work work = {.k = k, .kind = kind, .rounds = MEASURE_PEAK_ROUNDS};
    const double one = fastest_run(pool, peak_part, &work) / MEASURE_PEAK_ROUNDS;
    const double wanted = one > 0 ? MEASURE_PEAK_SECONDS / one : MEASURE_PEAK_ROUNDS_MOST;
    work.rounds = wanted > MEASURE_PEAK_ROUNDS_MOST ? MEASURE_PEAK_ROUNDS_MOST
                  : wanted > MEASURE_PEAK_ROUNDS    ? (uint64_t)wanted
                                                    : MEASURE_PEAK_ROUNDS;
    const double operations = (double)k->measure_peak[kind](1) * (double)work.rounds * thread_pool_parts(pool);
    return operations / fastest_run(pool, peak_part, &work) * 1e-9;
}
