/* Threads that wait for a function, run it side by side, and meet at barriers: spinning first, then asleep on a futex.
 */
#define _GNU_SOURCE
#include "threads/pool.h"

#include "base/fault.h"
#include "base/limits.h"
#include "base/memory.h"
#include "platform/cpu.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Invariants:
 * - `generation` counts runs. A worker runs when it sees a new value; `arrived` counts those that finished.
 * - A barrier is a counter and a phase: the last one in resets the counter and moves the phase.
 * - Whoever waits spins spin_ns at most, announces itself in `sleepers` and sleeps on the word. With more parts than
 *   cores nobody spins: the core is another part's. */
struct thread_pool {
    int parts;
    int64_t spin_ns;
    thread_fn fn;
    void *context;
    _Alignas(64) atomic_uint generation;
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint barrier_count;
    _Alignas(64) atomic_uint barrier_phase;
    _Alignas(64) atomic_uint sleepers;
    atomic_bool stopping;
    pthread_t *threads;
    int started;
};

typedef struct worker_start {
    thread_pool *pool;
    int part;
} worker_start;

#define SPINS_BETWEEN_CLOCKS 64u
#define SPIN_NS 200000

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Returns once *word differs from `seen`. */
static void wait_while(thread_pool *pool, atomic_uint *word, unsigned seen)
{
    int64_t deadline = 0;
    while (pool->spin_ns > 0) {
        for (unsigned i = 0; i < SPINS_BETWEEN_CLOCKS; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != seen) {
                return;
            }
            pause_briefly();
        }
        const int64_t now = now_ns();
        if (deadline == 0) {
            deadline = now + pool->spin_ns;
        } else if (now > deadline) {
            break;
        }
    }
    atomic_fetch_add(&pool->sleepers, 1);
    while (atomic_load(word) == seen) {
        (void)syscall(SYS_futex, (void *)word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    }
    atomic_fetch_sub(&pool->sleepers, 1);
}

static void wake_all(thread_pool *pool, atomic_uint *word)
{
    if (atomic_load(&pool->sleepers) != 0) {
        (void)syscall(SYS_futex, (void *)word, FUTEX_WAKE_PRIVATE, LIMIT_THREADS, NULL, NULL, 0);
    }
}

static void *worker(void *argument)
{
    const worker_start start = *(worker_start *)argument;
    thread_pool *pool = start.pool;
    mem_free(argument);
    unsigned seen = 0;
    for (;;) {
        wait_while(pool, &pool->generation, seen);
        seen = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (atomic_load(&pool->stopping)) {
            return NULL;
        }
        pool->fn(pool->context, start.part, pool->parts);
        atomic_fetch_add(&pool->arrived, 1);
        wake_all(pool, &pool->arrived);
    }
}

/* Signals are the caller's: one that a worker took would not end the caller's wait for it. */
static int start_thread(pthread_t *ret, worker_start *start)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int failed = pthread_create(ret, NULL, worker, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

hearth_status thread_pool_create(int parts, thread_pool **ret, hearth_error *error)
{
    if (parts < 1 || parts > LIMIT_THREADS) {
        return error_set(error, HEARTH_E_ARGUMENT, "threads", "1 to 256", "%d", parts);
    }
    thread_pool *pool = mem_alloc_aligned(sizeof *pool, 64);
    if (pool == NULL) {
        return error_memory(error, sizeof *pool);
    }
    *pool = (thread_pool){.parts = parts, .spin_ns = parts <= cpu_usable_cores() ? SPIN_NS : 0};
    pool->threads = mem_calloc((size_t)parts, sizeof *pool->threads);
    if (pool->threads == NULL) {
        thread_pool_destroy(pool);
        return error_memory(error, (size_t)parts * sizeof *pool->threads);
    }
    for (int part = 1; part < parts; part++) {
        worker_start *start = mem_alloc(sizeof *start);
        if (start == NULL) {
            thread_pool_destroy(pool);
            return error_memory(error, sizeof *start);
        }
        *start = (worker_start){pool, part};
        const int failed = fault_here(FAULT_THREAD) ? 11 : start_thread(&pool->threads[pool->started], start);
        if (failed != 0) {
            mem_free(start);
            thread_pool_destroy(pool);
            return error_errno(error, NULL, "start a thread", failed);
        }
        pool->started++;
    }
    *ret = pool;
    return HEARTH_OK;
}

void thread_pool_destroy(thread_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    atomic_store(&pool->stopping, true);
    atomic_fetch_add(&pool->generation, 1);
    wake_all(pool, &pool->generation);
    for (int i = 0; i < pool->started; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    mem_free(pool->threads);
    mem_free(pool);
}

int thread_pool_parts(const thread_pool *pool)
{
    return pool->parts;
}

void thread_pool_run(thread_pool *pool, thread_fn fn, void *context)
{
    if (pool->parts == 1) {
        fn(context, 0, 1);
        return;
    }
    pool->fn = fn;
    pool->context = context;
    atomic_store(&pool->arrived, 0);
    atomic_fetch_add(&pool->generation, 1);
    wake_all(pool, &pool->generation);
    fn(context, 0, pool->parts);
    for (;;) {
        const unsigned arrived = atomic_load_explicit(&pool->arrived, memory_order_acquire);
        if (arrived == (unsigned)pool->parts - 1) {
            return;
        }
        wait_while(pool, &pool->arrived, arrived);
    }
}

void thread_barrier(thread_pool *pool)
{
    if (pool->parts == 1) {
        return;
    }
    const unsigned phase = atomic_load_explicit(&pool->barrier_phase, memory_order_acquire);
    if (atomic_fetch_add(&pool->barrier_count, 1) + 1 == (unsigned)pool->parts) {
        atomic_store(&pool->barrier_count, 0);
        atomic_fetch_add(&pool->barrier_phase, 1);
        wake_all(pool, &pool->barrier_phase);
    } else {
        wait_while(pool, &pool->barrier_phase, phase);
    }
}

thread_range thread_split(size_t count, size_t grain, int part, int parts)
{
    const size_t grains = (count + grain - 1) / grain;
    const size_t each = grains / (size_t)parts;
    const size_t more = grains % (size_t)parts;
    const size_t index = (size_t)part;
    size_t begin = (each * index + (index < more ? index : more)) * grain;
    size_t end = begin + (each + (index < more ? 1 : 0)) * grain;
    begin = begin < count ? begin : count;
    end = end < count ? end : count;
    return (thread_range){begin, end};
}
