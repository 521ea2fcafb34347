/* threads/: every part runs once a run, a barrier separates stages, ranges cover without overlap. */
#include "base/memory.h"
#include "threads/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(barriers_separate_stages),
        cmocka_unit_test(split_covers_exactly),
        cmocka_unit_test(wrong_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
