/* Schemas, grammars and answers that would take hours, or all memory, end in HEARTH_E_LIMIT, or take the work that they
 * should. */
#include "byte_vocabulary.h"

#include "base/limits.h"
#include "base/random.h"
#include "generate/grammar_machine.h"
#include "generate/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Takes the schema over. The steps that it took. */
static size_t steps_of(json_t *schema, hearth_status expected)
{
    hearth_error error;
    char line[1100];
    grammar_rules rules = {0};
    uint32_t rule = 0;
    const hearth_status status = schema_add_to(&rules, schema, &rule, &error);
    if (status != expected) {
        fail_msg("%s: %s", hearth_status_name(status),
                 status == HEARTH_OK ? "" : hearth_error_line(&error, line, sizeof line));
    }
    const size_t steps = rules.steps;
    grammar_rules_free(&rules);
    json_decref(schema);
    return steps;
}

static void refused(json_t *schema)
{
    steps_of(schema, HEARTH_E_LIMIT);
}

/* {"a0": value, "a1": value, …} */
static json_t *members(int count, json_t *value)
{
    json_t *out = json_object();
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        json_object_set(out, name, value);
    }
    json_decref(value);
    return out;
}

/* [0, 1, …] */
static json_t *numbers(int count)
{
    json_t *out = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(out, json_integer(i));
    }
    return out;
}

/* ---- schemas ---- */

static void size_of_a_schema(void **state)
{
    (void)state;
    char *text = calloc(1, LIMIT_GRAMMAR_TEXT_BYTES + 1);
    memset(text, 'a', LIMIT_GRAMMAR_TEXT_BYTES);
    refused(json_pack("{s:s}", "title", text));
    text[LIMIT_GRAMMAR_TEXT_BYTES / 2] = 0;
    steps_of(json_pack("{s:s}", "title", text), HEARTH_OK);
    free(text);
    refused(json_pack("{s:o}", "enum", numbers(3000000)));
}

static void many_properties(void **state)
{
    (void)state;
    refused(json_pack("{s:o}", "properties", members(200000, json_true())));
    assert_true(steps_of(json_pack("{s:o}", "properties", members(10000, json_true())), HEARTH_OK) < 2000000);
    json_t *names = json_array();
    for (int i = 0; i < 200000; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        json_array_append_new(names, json_string(name));
    }
    refused(json_pack("{s:O}", "required", names));
    refused(json_pack("{s:{s:o}}", "dependentRequired", "a", names));
    refused(json_pack("{s:o}", "dependentRequired", members(200000, json_array())));
}

/* A value of the list is in the list. */
static void many_values(void **state)
{
    (void)state;
    refused(json_pack("{s:o}", "enum", numbers(200000)));
    assert_true(steps_of(json_pack("{s:o}", "enum", numbers(30000)), HEARTH_OK) < 200000);
    refused(json_pack("{s:[{s:o},{s:o}]}", "allOf", "enum", numbers(20000), "enum", numbers(20000)));
    refused(json_pack("{s:[o],s:b}", "enum", numbers(200000), "uniqueItems", 1));
}

/* A pattern is made once, however many names it is asked about, in however many objects. */
static void patterns_and_names(void **state)
{
    (void)state;
    json_t *leaf = json_pack("{s:s}", "pattern", "^[a-z]{3}(-[0-9]{1,20}){1,20}$");
    const size_t one = steps_of(json_pack("{s:{s:O}}", "properties", "a0", leaf), HEARTH_OK);
    const size_t many =
        steps_of(json_pack("{s:o,s:{s:b,s:b},s:b}", "properties", members(200, leaf), "patternProperties",
                           "^a[0-9]*[13579]$", 1, "^b(ab|ba){1,40}$", 1, "additionalProperties", 0),
                 HEARTH_OK);
    if (many > 3 * one + 200000) {
        fail_msg("%zu steps, %zu for one", many, one);
    }
}

/* References to anchors do not walk the schema each. */
static void anchors(void **state)
{
    (void)state;
    json_t *schema = json_pack("{s:o,s:{s:{s:s,s:s}}}", "properties", members(4000, json_pack("{s:s}", "$ref", "#x")),
                               "$defs", "x", "$anchor", "x", "type", "null");
    assert_true(steps_of(schema, HEARTH_OK) < 1000000);
}

/* Steps are counted over all sets: each of these has 40,000 alternatives that come to nothing. */
static void many_alternatives(void **state)
{
    (void)state;
    json_t *ways = json_array();
    json_t *none = json_array();
    for (int i = 0; i < 200; i++) {
        json_array_append_new(ways, json_true());
        json_array_append_new(none, json_false());
    }
    json_t *both = json_pack("{s:[{s:o},{s:o}]}", "allOf", "anyOf", ways, "anyOf", none);
    json_t *properties = json_object();
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%d", i);
        json_object_set_new(properties, name, json_deep_copy(both));
    }
    json_decref(both);
    refused(json_pack("{s:o}", "properties", properties));
}

/* ---- answers ---- */

/* Made of a and b; which of the last `count` are a is all that there is to know, so no two places are the same. */
static grammar *with_memory(int count)
{
    hearth_error error;
    char text[64];
    grammar *g = NULL;
    const int length = snprintf(text, sizeof text, "root ::= [ab]* \"a\" [ab]{%d}", count);
    assert_int_equal(grammar_from_gbnf(text, (size_t)length, &g, &error), HEARTH_OK);
    return g;
}

static char either(uint32_t i)
{
    return random_uniform(7, RANDOM_SAMPLING, 0, i) < 0.5f ? 'a' : 'b';
}

static void memory_of_a_machine(void **state)
{
    (void)state;
    hearth_error error;
    machine *m = NULL;
    grammar *g = with_memory(200);
    assert_int_equal(machine_create(g, &m, &error), HEARTH_OK);
    uint32_t at = machine_begin(m);
    for (uint32_t i = 0; i < 200000 && m->failed == HEARTH_OK; i++) {
        m->steps = 0;
        at = machine_step(m, at, (uint8_t)either(i));
        assert_true(machine_bytes(m) < 4 * (size_t)LIMIT_GRAMMAR_WORK_BYTES);
    }
    assert_int_equal(machine_check(m, &error), HEARTH_E_LIMIT);
    assert_string_equal(error.found, "one step that needs more than 128 MiB");
    machine_free(m);
    grammar_release(g);
}

/* As many rules that each remember ten letters. */
static grammar *with_rules(int count)
{
    hearth_error error;
    grammar *g = NULL;
    buffer text;
    buffer_init(&text, 0);
    for (int i = 0; i < count; i++) {
        assert_int_equal(buffer_printf(&text, &error, "r%d ::= [ab]* \"a\" [ab]{9}\n", i), HEARTH_OK);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(buffer_printf(&text, &error, "%s r%d", i == 0 ? "root ::=" : " |", i), HEARTH_OK);
    }
    assert_int_equal(grammar_from_gbnf(buffer_text(&text), text.length, &g, &error), HEARTH_OK);
    buffer_free(&text);
    return g;
}

/* A vocabulary of all texts of nine letters a or b, each of which stands at thousands of places. */
static void work_of_a_mask(void **state)
{
    (void)state;
    enum { LETTERS = 9, COUNT = 1 << LETTERS };
    static char texts[COUNT][LETTERS];
    const char *list[COUNT];
    size_t lengths[COUNT];
    hearth_error error;
    grammar_vocabulary *v = NULL;
    constraint *c = NULL;
    const uint64_t *mask = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < LETTERS; j++) {
            texts[i][j] = (i >> j & 1) != 0 ? 'a' : 'b';
        }
        list[i] = texts[i];
        lengths[i] = LETTERS;
    }
    tokenizer *t = byte_vocabulary(list, lengths, COUNT);
    grammar *g = with_rules(400);
    assert_int_equal(grammar_vocabulary_create(t, 258 + COUNT, &v, &error), HEARTH_OK);
    assert_int_equal(constraint_create(g, v, &c, &error), HEARTH_OK);
    assert_int_equal(constraint_allowed(c, &mask, &error), HEARTH_E_LIMIT);
    assert_string_equal(error.found, "one step that looks at more than 33554432 places");
    constraint_free(c);
    grammar_vocabulary_free(v);
    tokenizer_free(t);
    grammar_release(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_of_a_schema),    cmocka_unit_test(many_properties), cmocka_unit_test(many_values),
        cmocka_unit_test(patterns_and_names),  cmocka_unit_test(anchors),         cmocka_unit_test(many_alternatives),
        cmocka_unit_test(memory_of_a_machine), cmocka_unit_test(work_of_a_mask),
    };
    return cmocka_run_group_tests_name("structured_limits", tests, NULL, NULL);
}
