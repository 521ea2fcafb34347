/* Who is taken next, who gets the room of a step and who gives pages back: by the order in which requests end, and by
 * what became of each. */
#include "support.h"

#include "generate/scheduler_state.h"
#include "platform/cpu.h"

#include <ctype.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MOST = 32, PROMPT_MOST = 250 };

typedef struct table table;

typedef struct asked {
    table *t;
    char name;
    bool holds; /* the scheduler's thread, at its first token, until the table is open */
    generation *running;
    struct asked *cancels; /* at its fifth token; NULL: nobody */
    generation_outcome outcome;
} asked;

/* A scheduler, and those who asked it. */
struct table {
    model *m;
    scheduler *s;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool held, open;
    asked all[ASKED_MOST];
    size_t count;
    char ended[ASKED_MOST + 1]; /* their names, in order; '-': one that did not end as it should */
    size_t end_count;
};

/* With so many pages; 0: plenty. */
static void sit_down(table *t, scheduler_options options, size_t pages)
{
    *t = (table){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    t->m = open_model(make_engine(1, NULL), golden_path("llama-gqa.gguf"), COMPUTE_NATIVE);
    options.cache_bytes = pages * kv_cache_page_bytes(&t->m->config, kv_cache_choose(t->m->compute, -1));
    OK(scheduler_create(t->m, &options, &t->s, error));
}

static void wait_for_all(table *t)
{
    pthread_mutex_lock(&t->lock);
    while (t->end_count < t->count) {
        pthread_cond_wait(&t->moved, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

static void rise(table *t)
{
    engine *e = t->m->engine;
    wait_for_all(t);
    scheduler_free(t->s);
    model_close(t->m);
    engine_free(e);
}

static bool token_came(void *context, const generation_token *token)
{
    asked *a = context;
    table *t = a->t;
    pthread_mutex_lock(&t->lock);
    if (a->holds && token->index == 0) {
        t->held = true;
        pthread_cond_broadcast(&t->moved);
        while (!t->open) {
            pthread_cond_wait(&t->moved, &t->lock);
        }
    }
    pthread_mutex_unlock(&t->lock);
    if (a->cancels != NULL && token->index == 4) {
        generation_cancel(a->cancels->running);
    }
    return true;
}

static void it_ended(void *context, const generation_outcome *outcome)
{
    asked *a = context;
    table *t = a->t;
    pthread_mutex_lock(&t->lock);
    a->outcome = *outcome;
    t->ended[t->end_count++] = outcome->end == GENERATION_END_LENGTH ? a->name : '-';
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

/* The prompt is the name's; its first ten tokens are those of the capital letter's. */
static hearth_status ask_as(table *t, char name, char group, size_t prompt, size_t tokens, bool holds)
{
    int32_t ids[PROMPT_MOST];
    for (size_t i = 0; i < prompt; i++) {
        const size_t of = (size_t)(i < 10 ? toupper(name) : name);
        ids[i] = (int32_t)((i * i + of * (i + 1)) % 64);
    }
    asked *a = &t->all[t->count];
    *a = (asked){.t = t, .name = name, .holds = holds};
    const char group_name[2] = {group, '\0'};
    const generation_request request = {.prompt = ids,
                                        .prompt_count = prompt,
                                        .sampling = sampling_default(),
                                        .most_tokens = tokens,
                                        .ignore_end = true,
                                        .group = group_name,
                                        .token = token_came,
                                        .done = it_ended,
                                        .context = a};
    const hearth_status status = scheduler_submit(t->s, &request, &a->running, NULL);
    t->count += status == HEARTH_OK;
    return status;
}

static void ask(table *t, char name, char group, size_t prompt, size_t tokens)
{
    assert_int_equal(ask_as(t, name, group, prompt, tokens, false), HEARTH_OK);
}

/* Has one of a single token's prompt running, which lets nobody else go on until let_go. */
static void hold(table *t, char name, char group, size_t tokens)
{
    assert_int_equal(ask_as(t, name, group, 1, tokens, true), HEARTH_OK);
    pthread_mutex_lock(&t->lock);
    while (!t->held) {
        pthread_cond_wait(&t->moved, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
}

static void let_go(table *t)
{
    pthread_mutex_lock(&t->lock);
    t->open = true;
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

/* ---- turns ---- */

/* A group that asks once waits for no more than one request of a group that asked five times before. */
static void groups_take_turns(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1, .most_running = 1, .most_waiting = 8};
    const char names[] = "aaaaabca";
    sit_down(&t, options, 0);
    hold(&t, 'h', 'h', 3);
    for (size_t i = 0; i < 8; i++) {
        ask(&t, names[i], names[i], 1, 3);
    }
    assert_int_equal(ask_as(&t, 'a', 'a', 1, 3, false), HEARTH_E_LIMIT);
    let_go(&t);
    rise(&t);
    /* groups are looked at in an order that is nobody's business, but each once before any twice */
    assert_int_equal(t.ended[0], 'h');
    assert_non_null(memchr(t.ended + 1, 'b', 3));
    assert_non_null(memchr(t.ended + 1, 'c', 3));
    assert_non_null(memchr(t.ended + 1, 'a', 3));
    assert_null(memchr(t.ended, '-', 9));
}

static generation *taken(scheduler *s)
{
    generation *g = scheduler_dequeue(s);
    assert_non_null(g);
    return g;
}

/* Whoever was put back comes before all others, also of groups of which fewer run, and the oldest first. */
static void who_is_put_back_comes_first(void **state)
{
    (void)state;
    scheduler s = {.most_waiting = 8};
    generation g[6];
    memset(g, 0, sizeof g);
    for (size_t i = 0; i < 6; i++) {
        OK(scheduler_enqueue(&s, &g[i], i == 5 ? "other" : "one", error));
    }
    for (size_t i = 0; i < 2; i++) { /* of one, of the other, and two more */
        (void)taken(&s);
    }
    assert_ptr_equal(taken(&s), &g[1]);
    assert_ptr_equal(taken(&s), &g[2]);
    scheduler_requeue(&s, &g[1]);
    scheduler_requeue(&s, &g[2]);
    scheduler_leave(&s, &g[5]);
    OK(scheduler_enqueue(&s, &g[5], "third", error));
    assert_ptr_equal(taken(&s), &g[1]);
    assert_ptr_equal(taken(&s), &g[2]);
    assert_ptr_equal(taken(&s), &g[5]);
    assert_ptr_equal(taken(&s), &g[3]);
    scheduler_requeue(&s, &g[5]);
    scheduler_requeue(&s, &g[2]);
    assert_ptr_equal(taken(&s), &g[2]);
    assert_ptr_equal(taken(&s), &g[5]);
    assert_ptr_equal(taken(&s), &g[4]);
    assert_null(scheduler_dequeue(&s));
    assert_int_equal(s.waiting, 0);
    scheduler_free_groups(&s);
}

/* One that needs all pages gets them though another group, of which fewer run, asks again and again for one. */
static void who_does_not_fit_is_next(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1, .most_running = 3, .chunk = 64, .without_prefixes = true};
    sit_down(&t, options, 4);
    hold(&t, 'H', 'a', 100);
    ask(&t, 'b', 'b', 1, 3);
    ask(&t, 'X', 'a', 200, 1);
    for (size_t i = 0; i < 4; i++) {
        ask(&t, 'b', 'b', 1, 3);
    }
    let_go(&t);
    rise(&t);
    assert_string_equal(t.ended, "bHXbbbb");
    assert_int_equal(t.all[2].outcome.preempted, 0);
}

/* Pages are promised once: the rest of a running prompt's are not there for one that asks later. */
static void pages_are_promised_once(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1,
                                       .most_running = 4,

                                       .chunk = 33,
                                       .without_prefixes = true};
    sit_down(&t, options, 8);
    hold(&t, 'H', 'a', 60);
    ask(&t, 'P', 'a', 200, 40);
    ask(&t, 'Q', 'a', 200, 40);
    let_go(&t);
    rise(&t);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(t.all[i].outcome.preempted, 0);
    }
    assert_null(strchr(t.ended, '-'));
}

/* Those that decode take pages, too. The oldest of those that lack some keeps its own until there are more. */
static void the_oldest_keeps_its_pages(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1,
                                       .most_running = 3,

                                       .chunk = 3,
                                       .without_prefixes = true};
    sit_down(&t, options, 7);
    hold(&t, 'H', 'a', 2);
    ask(&t, 'P', 'a', 200, 1);
    ask(&t, 'd', 'a', 1, 190);
    ask(&t, 'e', 'a', 1, 190);
    let_go(&t);
    rise(&t);
    assert_int_equal(t.all[1].outcome.preempted, 0);
    assert_int_equal(t.all[3].outcome.preempted, 1);
    assert_null(strchr(t.ended, '-'));
}

/* A short prompt is not kept waiting by longer ones that came before it, with much room in a step and with little. */
static void nobody_waits_behind_long_prompts(void **state)
{
    (void)state;
    for (unsigned chunk = 16; chunk <= 48; chunk += 32) {
        table t;
        const scheduler_options options = {.cache = -1, .most_running = 8, .chunk = chunk, .without_prefixes = true};
        sit_down(&t, options, 0);
        hold(&t, 'H', 'a', 60);
        for (char name = 'P'; name < 'T'; name++) {
            ask(&t, name, 'a', 200, 1);
        }
        ask(&t, 's', 'a', 5, 1);
        let_go(&t);
        rise(&t);
        assert_int_equal(t.ended[0], 's');
        assert_int_equal(t.ended[1], 'P'); /* the oldest is no worse off than the others */
        assert_null(strchr(t.ended, '-'));
    }
}

/* Of four equal prompts that came together two go on at a time: 24 and 23 tokens a step, 9 steps. In turns, the second
 * would take as long as the last, 17 steps. */
static void prompts_end_one_after_the_other(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1, .most_running = 8, .chunk = 48, .without_prefixes = true};
    sit_down(&t, options, 0);
    hold(&t, 'H', 'a', 14);
    for (char name = 'P'; name < 'T'; name++) {
        ask(&t, name, 'a', 200, 1);
    }
    let_go(&t);
    rise(&t);
    assert_string_equal(t.ended, "PQHRS");
}

/* Half of the room is the oldest prompt's: 24 tokens a step, while 23 go to short ones that keep coming, which would
 * else all end before it. */
static void a_long_prompt_ends(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1, .most_running = 8, .chunk = 48, .without_prefixes = true};
    sit_down(&t, options, 0);
    hold(&t, 'H', 'a', 60);
    ask(&t, 'L', 'a', 240, 1);
    for (char name = 'a'; name < 'u'; name++) {
        ask(&t, name, 'a', 40, 1);
    }
    let_go(&t);
    rise(&t);
    assert_non_null(memchr(t.ended, 'L', 8));
    assert_null(strchr(t.ended, '-'));
}

/* Of two groups with prompts, the one that has a single one does not wait for the other's eight. */
static void groups_share_the_room(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1, .most_running = 10, .chunk = 48, .without_prefixes = true};
    sit_down(&t, options, 0);
    hold(&t, 'H', 'h', 60);
    for (char name = 'P'; name < 'X'; name++) {
        ask(&t, name, 'a', 200, 1);
    }
    ask(&t, 'z', 'b', 201, 1);
    let_go(&t);
    rise(&t);
    assert_non_null(memchr(t.ended, 'z', 2));
    assert_null(strchr(t.ended, '-'));
}

/* ---- the engine ---- */

typedef struct computing {
    engine *e;
    char name; /* 'a': aside */
    char *log; /* [5]; one at a time writes */
} computing;

static void *take_turn(void *context)
{
    computing *c = context;
    engine_user user = {0};
    c->name == 'a' ? engine_begin_aside(c->e) : engine_begin(c->e, &user);
    c->log[strlen(c->log)] = c->name;
    c->name == 'a' ? engine_end_aside(c->e) : engine_end(c->e, &user);
    return NULL;
}

static void wait_for_ticket(turnstile *t, uint64_t drawn)
{
    while (turnstile_drawn(t) != drawn) {
        sched_yield();
    }
}

/* Three that compute aside have one turn before a scheduler's step that asks after them. */
static void vectors_do_not_hold_up_a_step(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    char log[5] = "";
    computing all[4];
    pthread_t threads[4];
    engine_begin(e, NULL);
    for (size_t i = 0; i < 4; i++) {
        all[i] = (computing){e, i < 3 ? 'a' : 's', log};
        assert_int_equal(pthread_create(&threads[i], NULL, take_turn, &all[i]), 0);
        wait_for_ticket(i < 3 ? &e->aside : &e->busy, i < 3 ? i + 1 : 3);
        wait_for_ticket(&e->busy, i < 3 ? 2 : 3);
    }
    engine_end(e, NULL);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_string_equal(log, "asaa");
    engine_free(e);
}

static void *take_long_turn(void *context)
{
    engine *e = context;
    engine_begin(e, NULL);
    time_sleep(0.2);
    engine_end(e, NULL);
    return NULL;
}

/* Whoever had a turn of 30 ms while another asked rests as long, as long as the other wants the engine; a turn of
 * half a second costs nothing once it left. */
static void long_turns_are_followed_by_a_rest(void **state)
{
    (void)state;
    engine *e = make_engine(1, NULL);
    pthread_t thread;
    engine_user user = {0};
    engine_rest(e, &user);
    assert_false(user.shared);
    for (unsigned round = 0; round < 2; round++) {
        engine_begin(e, &user);
        assert_int_equal(pthread_create(&thread, NULL, take_long_turn, e), 0);
        wait_for_ticket(&e->busy, 2 * round + 2);
        time_sleep(round == 0 ? 0.03 : 0.5);
        engine_end(e, &user);
        if (round == 1) {
            pthread_join(thread, NULL);
            user.end = time_seconds(); /* as if it had left at once */
        }
        engine_rest(e, &user);
        const double rested = time_seconds() - user.end;
        assert_true(user.shared && (round == 0 ? rested >= 0.029 : rested < 0.4));
        if (round == 0) {
            pthread_join(thread, NULL);
        }
    }
    engine_free(e);
}

/* One that waits for room takes no page in the meantime, which would be one that another has left. */
static void who_waits_takes_no_pages(void **state)
{
    (void)state;
    table t;
    const scheduler_options options = {.cache = -1, .most_running = 2};
    sit_down(&t, options, 4);
    ask(&t, 'K', 'a', 70, 1); /* leaves a page and a part of one */
    wait_for_all(&t);
    hold(&t, 'H', 'a', 20);
    t.all[1].cancels = &t.all[2];
    ask(&t, 'k', 'a', 200, 1); /* needs all pages; begins as the first one did */
    let_go(&t);
    wait_for_all(&t);
    ask(&t, 'K', 'a', 70, 1);
    rise(&t);
    assert_string_equal(t.ended, "K-HK");
    assert_int_equal(t.all[2].outcome.end, GENERATION_END_CANCELLED);
    assert_int_equal(t.all[2].outcome.kept_tokens, 0);
    assert_int_equal(t.all[3].outcome.kept_tokens, 69);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_take_turns),
        cmocka_unit_test(who_is_put_back_comes_first),
        cmocka_unit_test(who_does_not_fit_is_next),
        cmocka_unit_test(pages_are_promised_once),
        cmocka_unit_test(the_oldest_keeps_its_pages),
        cmocka_unit_test(nobody_waits_behind_long_prompts),
        cmocka_unit_test(prompts_end_one_after_the_other),
        cmocka_unit_test(a_long_prompt_ends),
        cmocka_unit_test(groups_share_the_room),
        cmocka_unit_test(vectors_do_not_hold_up_a_step),
        cmocka_unit_test(long_turns_are_followed_by_a_rest),
        cmocka_unit_test(who_waits_takes_no_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
