/* threads/: every part runs once a run, a barrier separates stages, ranges cover without overlap. */
#include "base/memory.h"
#include "threads/pool.h"
#include "threads/turnstile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STAGES 50

typedef struct staged {
    thread_pool *pool;
    int done[STAGES][16];
    atomic_int wrong;
} staged;

static void stage_work(void *context, int part, int parts)
{
    staged *s = context;
    for (int stage = 0; stage < STAGES; stage++) {
        s->done[stage][part] += 1;
        thread_barrier(s->pool);
        for (int other = 0; other < parts; other++) {
            if (s->done[stage][other] != s->done[0][other]) {
                atomic_fetch_add(&s->wrong, 1);
            }
        }
    }
    thread_barrier(s->pool);
}

static void barriers_separate_stages(void **state)
{
    (void)state;
    for (int parts = 1; parts <= 5; parts++) {
        staged s = {0};
        assert_int_equal(thread_pool_create(parts, &s.pool, NULL), HEARTH_OK);
        for (int run = 0; run < 40; run++) {
            thread_pool_run(s.pool, stage_work, &s);
        }
        assert_int_equal(atomic_load(&s.wrong), 0);
        for (int part = 0; part < parts; part++) {
            assert_int_equal(s.done[STAGES - 1][part], 40);
        }
        thread_pool_destroy(s.pool);
    }
}

#define CLAIM_STAGES 400u

typedef struct claimed {
    thread_pool *pool;
    thread_claims *claims;
    atomic_uchar taken[CLAIM_STAGES][64];
    atomic_int wrong;
    uint32_t first; /* stage: counters wrap */
} claimed;

/* Stages follow each other without a barrier; some have nothing to take. */
static void claim_work(void *context, int part, int parts)
{
    claimed *c = context;
    (void)parts;
    for (uint32_t stage = 0; stage < CLAIM_STAGES; stage++) {
        const size_t count = stage % 65;
        for (;;) {
            const thread_range got = thread_claim(c->claims, c->first + stage, count, 1 + stage % 3, part);
            if (got.begin >= got.end) {
                break;
            }
            for (size_t i = got.begin; i < got.end; i++) {
                atomic_fetch_add(&c->taken[stage][i], 1);
            }
            if (got.end > count || (part == 0 && stage % 50 == 0 && got.begin == 0)) {
                atomic_fetch_add(&c->wrong, got.end > count);
                (void)sched_yield(); /* the others go ahead */
            }
        }
    }
}

static void everything_is_taken_once(void **state)
{
    (void)state;
    static const uint32_t firsts[] = {1, UINT32_MAX - 200, (uint32_t)INT32_MAX - 100};
    for (int parts = 1; parts <= 5; parts++) {
        for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++) {
            claimed *c = mem_calloc(1, sizeof *c);
            c->first = firsts[f];
            c->claims = thread_claims_create(parts);
            assert_int_equal(thread_pool_create(parts, &c->pool, NULL), HEARTH_OK);
            for (uint64_t stage = 1; stage < c->first; stage += UINT32_C(1) << 30) { /* as if many had been before */
                for (size_t i = 0; i < (size_t)parts; i++) {
                    thread_claim(c->claims, (uint32_t)stage, (size_t)parts, 1, 0);
                }
            }
            thread_pool_run(c->pool, claim_work, c);
            assert_int_equal(atomic_load(&c->wrong), 0);
            for (uint32_t stage = 0; stage < CLAIM_STAGES; stage++) {
                for (size_t i = 0; i < stage % 65; i++) {
                    assert_int_equal(atomic_load(&c->taken[stage][i]), 1);
                }
            }
            thread_pool_destroy(c->pool);
            thread_claims_free(c->claims);
            mem_free(c);
        }
    }
}

static void split_covers_exactly(void **state)
{
    (void)state;
    for (size_t count = 0; count < 200; count += 7) {
        for (size_t grain = 1; grain < 40; grain += 13) {
            for (int parts = 1; parts < 9; parts++) {
                size_t at = 0;
                for (int part = 0; part < parts; part++) {
                    const thread_range r = thread_split(count, grain, part, parts);
                    assert_int_equal(r.begin, at);
                    assert_true(r.end >= r.begin);
                    at = r.end;
                }
                assert_int_equal(at, count);
            }
        }
    }
}

static void wrong_counts_are_refused(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(0, &pool, NULL), HEARTH_E_ARGUMENT);
    assert_int_equal(thread_pool_create(1000, &pool, NULL), HEARTH_E_ARGUMENT);
    assert_null(pool);
}

typedef struct waiter {
    turnstile *t;
    char name;
    char *log; /* [4]; one at a time writes */
} waiter;

static void *take_turn(void *context)
{
    waiter *w = context;
    turnstile_begin(w->t);
    turnstile_begin(w->t); /* its own */
    turnstile_end(w->t);
    w->log[strlen(w->log)] = w->name;
    turnstile_end(w->t);
    return NULL;
}

/* Whoever leaves and asks again comes behind those who waited. */
static void turns_go_round(void **state)
{
    (void)state;
    turnstile t;
    char log[4] = "";
    waiter waiters[2] = {{&t, 'b', log}, {&t, 'c', log}};
    pthread_t threads[2];
    turnstile_init(&t);
    turnstile_begin(&t);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &waiters[i]), 0);
        while (turnstile_drawn(&t) != i + 2) {
            sched_yield();
        }
    }
    turnstile_end(&t);
    turnstile_begin(&t);
    assert_string_equal(log, "bc");
    turnstile_end(&t);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    turnstile_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(barriers_separate_stages), cmocka_unit_test(everything_is_taken_once),
        cmocka_unit_test(split_covers_exactly),     cmocka_unit_test(wrong_counts_are_refused),
        cmocka_unit_test(turns_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
