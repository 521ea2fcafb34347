/* Who computes when: turns in order of arrival, and a rest behind a long one. */
#include "model/engine.h"
#include "platform/cpu.h"

void engine_run(engine *e, thread_fn fn, void *context)
{
    turnstile_begin(&e->busy);
    thread_pool_run(e->pool, fn, context);
    turnstile_end(&e->busy);
}

#define REST_SLICE_S 0.0015
#define REST_FREE_SLICES 2 /* who asks again at once is not taken for one that left */

void engine_rest(engine *e, engine_user *user)
{
    const double took = user->end - user->begin;
    const double until = user->end + (took < ENGINE_REST_S ? took : ENGINE_REST_S);
    user->shared = turnstile_drawn(&e->busy) != user->ticket;
    for (int free = 0; user->shared && free < REST_FREE_SLICES && time_seconds() < until;) {
        time_sleep(REST_SLICE_S);
        free = turnstile_is_free(&e->busy) ? free + 1 : 0;
    }
}

void engine_begin(engine *e, engine_user *user)
{
    turnstile_begin(&e->busy);
    if (user != NULL) {
        user->begin = time_seconds();
    }
}

void engine_end(engine *e, engine_user *user)
{
    if (user != NULL) {
        user->end = time_seconds();
        user->ticket = turnstile_next(&e->busy);
    }
    turnstile_end(&e->busy);
}

void engine_begin_aside(engine *e)
{
    turnstile_begin(&e->aside);
    engine_rest(e, &e->all_aside);
    engine_begin(e, &e->all_aside);
}

void engine_end_aside(engine *e)
{
    engine_end(e, &e->all_aside);
    turnstile_end(&e->aside);
}
