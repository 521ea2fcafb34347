/* serve/grammars.h: the last grammars are kept, as far as they and their masks fit. */
#include "serve/grammars.h"

#include "../structured/byte_vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Held, so that no later grammar has its address. */
static grammar *take(grammars *g, int number)
{
    hearth_error error;
    grammar *made = NULL;
    json_t *schema = json_pack("{s:{s:{s:i}}}", "properties", "a", "minimum", 1000 + number);
    assert_int_equal(grammars_take(g, GRAMMAR_SCHEMA, schema, NULL, &made, &error), HEARTH_OK);
    json_decref(schema);
    return made;
}

static bool is_kept(grammars *g, int number, grammar *made)
{
    grammar *now = take(g, number);
    const bool kept = now == made;
    grammar_release(now);
    return kept;
}

static grammars *create(size_t most_bytes)
{
    hearth_error error;
    grammars *g = NULL;
    assert_int_equal(grammars_create(most_bytes, &g, &error), HEARTH_OK);
    return g;
}

static void the_oldest_goes(void **state)
{
    (void)state;
    grammars *g = create(SIZE_MAX);
    grammar *made[4] = {take(g, 0)};
    const size_t bytes = grammar_bytes(made[0]);
    assert_true(is_kept(g, 0, made[0]));
    grammars_free(g);
    grammar_release(made[0]);
    g = create(bytes * 7 / 2); /* three, and no fourth */
    for (int i = 0; i < 3; i++) {
        made[i] = take(g, i);
    }
    assert_true(is_kept(g, 0, made[0]) && is_kept(g, 1, made[1]) && is_kept(g, 2, made[2]) && is_kept(g, 0, made[0]));
    made[3] = take(g, 3);
    assert_true(is_kept(g, 3, made[3]) && is_kept(g, 0, made[0]) && is_kept(g, 2, made[2]));
    assert_false(is_kept(g, 1, made[1]));
    for (int i = 0; i < 4; i++) {
        grammar_release(made[i]);
    }
    grammars_free(g);
    g = create(0); /* the last one is kept in any case */
    made[0] = take(g, 0);
    assert_true(is_kept(g, 0, made[0]));
    grammar_release(made[0]);
    grammars_free(g);
}

static void masks_are_counted(void **state)
{
    (void)state;
    hearth_error error;
    grammar_vocabulary *v = NULL;
    constraint *c = NULL;
    tokenizer *t = byte_vocabulary(NULL, NULL, 0);
    assert_int_equal(grammar_vocabulary_create(t, 258, &v, &error), HEARTH_OK);
    grammars *g = create(SIZE_MAX);
    grammar *first = take(g, 0);
    const size_t bytes = grammar_bytes(first);
    grammar_release(first);
    grammars_free(g);
    g = create(2 * bytes + bytes / 2);
    first = take(g, 0);
    grammar *second = take(g, 1);
    assert_true(is_kept(g, 0, first) && is_kept(g, 1, second));
    assert_int_equal(constraint_create(second, v, &c, &error), HEARTH_OK);
    for (const char *text = "{\"some text\": [\"another\", true, 12.5e+3, {\"a\": null}, \"\\u00e9\"]}"; *text != 0;
         text++) {
        const uint64_t *mask = NULL;
        assert_int_equal(constraint_allowed(c, &mask, &error), HEARTH_OK);
        assert_int_equal(constraint_accept(c, (uint8_t)*text, &error), HEARTH_OK);
    }
    assert_true(grammar_bytes(second) > 2 * bytes);
    assert_true(is_kept(g, 1, second)); /* asking for it leaves no room for the other */
    assert_false(is_kept(g, 0, first));
    constraint_free(c);
    grammar_release(first);
    grammar_release(second);
    grammars_free(g);
    grammar_vocabulary_free(v);
    tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_goes),
        cmocka_unit_test(masks_are_counted),
    };
    return cmocka_run_group_tests_name("serve_grammars", tests, NULL, NULL);
}
