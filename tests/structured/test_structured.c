/* generate/constraint.h and tool_grammar.h: what masks and accepting say is the same; forks go their own way; tokens
 * that are terminals; what is refused, and where; what is hostile ends in an error. */
#include "byte_vocabulary.h"

#include "base/memory.h"
#include "base/random.h"
#include "generate/tool_grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const pieces[] = {"{\"",          "\":",      "\": \"", "\",\"", "\"}", "true", "nul", "abc",
                                     "abcdefgh",     "a b",      "e9",     "12",    "345", "0.5",  "\\u", "\\n",
                                     "\xc3\xa9\xc3", "\xe2\x82", "]}",     "[[",    ", ",  "\n  ", "name"};
enum { PIECES = sizeof pieces / sizeof *pieces, CALL = 256 + PIECES, END, VOCABULARY };

typedef struct fixture {
    tokenizer *t;
    grammar_vocabulary *v;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    size_t lengths[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        lengths[i] = strlen(pieces[i]);
    }
    f.t = byte_vocabulary(pieces, lengths, PIECES);
    *state = &f;
    return f.t == NULL || grammar_vocabulary_create(f.t, VOCABULARY, &f.v, NULL) != HEARTH_OK;
}

static int tear_down(void **state)
{
    const fixture *f = *state;
    grammar_vocabulary_free(f->v);
    tokenizer_free(f->t);
    return 0;
}

static void ok(hearth_status status, const hearth_error *error)
{
    char line[1100];
    if (status != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(error, line, sizeof line));
    }
}

static json_t *parse(const char *text)
{
    hearth_error error;
    json_t *value = NULL;
    ok(json_door_parse(text, strlen(text), "test", &value, &error), &error);
    return value;
}

static grammar *from_schema(const char *text)
{
    hearth_error error;
    grammar *g = NULL;
    json_t *schema = parse(text);
    ok(grammar_from_schema(schema, &g, &error), &error);
    json_decref(schema);
    return g;
}

static grammar *from_gbnf(const char *text)
{
    hearth_error error;
    grammar *g = NULL;
    ok(grammar_from_gbnf(text, strlen(text), &g, &error), &error);
    return g;
}

static constraint *begin(const fixture *f, grammar *g)
{
    hearth_error error;
    constraint *c = NULL;
    ok(constraint_create(g, f->v, &c, &error), &error);
    return c;
}

static const uint64_t *mask_of(constraint *c)
{
    hearth_error error;
    const uint64_t *mask = NULL;
    ok(constraint_allowed(c, &mask, &error), &error);
    return mask;
}

static bool has(const uint64_t *mask, int32_t id)
{
    return (mask[id / 64] >> id % 64 & 1) != 0;
}

static bool accept(constraint *c, int32_t id)
{
    return constraint_accept(c, id, NULL) == HEARTH_OK;
}

static void accept_text(constraint *c, const char *text)
{
    for (; *text != 0; text++) {
        assert_true(has(mask_of(c), (uint8_t)*text));
        assert_true(accept(c, (uint8_t)*text));
    }
}

/* ---- masks and accepting ---- */

static void compare_all(constraint *c)
{
    hearth_error error;
    uint64_t kept[(VOCABULARY + 63) / 64];
    memcpy(kept, mask_of(c), sizeof kept);
    for (int32_t id = 0; id < VOCABULARY; id++) {
        constraint *fork = NULL;
        ok(constraint_fork(c, &fork, &error), &error);
        assert_true(has(mask_of(fork), id) == has(kept, id)); /* the copy stands at the same place */
        if (accept(fork, id) != has(kept, id)) {
            fail_msg("token %d: mask %d", id, has(kept, id));
        }
        constraint_free(fork);
    }
    assert_int_equal(has(kept, END), constraint_complete(c));
}

static void walk(const fixture *f, grammar *g, uint64_t seed)
{
    constraint *c = begin(f, g);
    for (uint64_t n = 0; n < 12; n++) {
        compare_all(c);
        float best = -1;
        int32_t token = -1;
        for (int32_t id = 0; id < VOCABULARY; id++) {
            const float weight = random_uniform(seed, RANDOM_SAMPLING, n, (uint32_t)id) * (id >= 256 ? 3.0f : 1.0f);
            if (has(mask_of(c), id) && weight > best) {
                best = weight;
                token = id;
            }
        }
        assert_true(token >= 0 && accept(c, token));
        if (token == END) {
            break;
        }
    }
    constraint_free(c);
}

static void mask_is_what_is_accepted(void **state)
{
    static const char *const schemas[] = {
        "{\"type\":\"object\"}",
        "{\"type\":\"string\",\"maxLength\":5}",
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":9},\"abc\":{"
        "\"type\":"
        "\"integer\",\"minimum\":12,\"maximum\":3456}},\"required\":[\"abc\"]}",
        ("{\"type\":\"array\",\"items\":{\"anyOf\":[{\"const\":\"abc\"},{\"type\":\"string\",\"pattern\":\"^[a-h]+$\"},"
         "{\"type\":\"number\"}]},\"minItems\":2}"),
        "{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":[\"array\",\"null\"],\"items\":{\"$ref\":\"#/$defs/n\"}}}}",
    };
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        grammar *g = from_schema(schemas[i]);
        for (uint64_t seed = 0; seed < 3; seed++) {
            walk(*state, g, seed);
        }
        grammar_release(g);
    }
    grammar *g = from_gbnf("root ::= a* [^a]{0,7} \"name\"?\na ::= \"ab\" | \"abc\" a | .");
    walk(*state, g, 5);
    grammar_release(g);
}

static void forks_go_their_own_way(void **state)
{
    grammar *g = from_schema("{\"enum\":[\"ab\",\"ac\",12]}");
    constraint *c = begin(*state, g);
    constraint *fork = NULL;
    hearth_error error;
    accept_text(c, "\"a");
    ok(constraint_fork(c, &fork, &error), &error);
    accept_text(c, "b\"");
    assert_true(constraint_complete(c) && accept(c, END) && !accept(c, 'x'));
    assert_false(constraint_complete(fork));
    assert_false(accept(fork, END));
    accept_text(fork, "c\"");
    assert_true(constraint_complete(fork));
    constraint_free(fork);
    constraint_free(c);
    for (int32_t id = -1; id <= VOCABULARY; id += VOCABULARY + 1) { /* outside the vocabulary */
        c = begin(*state, g);
        assert_int_equal(constraint_accept(c, id, &error), HEARTH_E_ARGUMENT);
        constraint_free(c);
    }
    grammar_release(g);
}

/* Two vocabularies in turn, more of them than are kept. */
static void vocabularies_are_told_apart(void **state)
{
    const fixture *f = *state;
    grammar *g = from_schema("{\"const\":\"abc\"}");
    for (size_t i = 1; i < 8; i++) {
        size_t lengths[PIECES];
        grammar_vocabulary *v = NULL;
        hearth_error error;
        for (size_t j = 0; j < i; j++) {
            lengths[j] = strlen(pieces[j + 1]);
        }
        tokenizer *t = byte_vocabulary(pieces + 1, lengths, i);
        ok(grammar_vocabulary_create(t, 258 + i, &v, &error), &error);
        constraint *c = NULL;
        ok(constraint_create(g, v, &c, &error), &error);
        constraint *other = begin(f, g);
        accept_text(c, "\"");
        accept_text(other, "\"");
        assert_int_equal(has(mask_of(c), 256 + 6), i >= 7); /* "abc" */
        assert_true(has(mask_of(other), 256 + 7));
        constraint_free(other);
        constraint_free(c);
        grammar_vocabulary_free(v);
        tokenizer_free(t);
    }
    grammar_release(g);
}

/* ---- calls of tools ---- */

static const char weather[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{\"type\":\"object\",\"properties\":{"
    "\"city\":{"
    "\"type\":\"string\"},\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}},\"required\":[\"city\"],"
    "\"additionalProperties\":false}}},{\"name\":\"now\"}]";

static bool takes(const fixture *f, const char *calls, const tool_grammar_options *o, const char *text)
{
    hearth_error error;
    answer_format format;
    grammar *g = NULL;
    assert_true(answer_format_named(o->thinks ? (strcmp(calls, "harmony") == 0 ? "harmony" : "think") : NULL, calls,
                                    NULL, &format));
    ok(grammar_from_tools(&format, o, &g, &error), &error);
    constraint *c = begin(f, g);
    bool good = true;
    for (; *text != 0 && good; text++) {
        good = has(mask_of(c), (uint8_t)*text);
        assert_true(accept(c, (uint8_t)*text) == good);
    }
    good = good && constraint_complete(c);
    constraint_free(c);
    grammar_release(g);
    return good;
}

static void calls_in_each_form(void **state)
{
    json_t *tools = parse(weather);
    const tool_grammar_options any = {.tools = tools};
    const tool_grammar_options many = {.tools = tools, .parallel = true};
    const tool_grammar_options named = {.tools = tools, .name = "now"};
    const tool_grammar_options thinks = {.tools = tools, .thinks = true};
    static const struct {
        const char *calls, *one, *two, *now;
    } rows[] = {
        {"hermes",
         "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 3}}\n</tool_call>",
         "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"weather\", "
         "\"arguments\": {\"city\": "
         "\"\"}}</tool_call>",
         "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>"},
        {"llama", "{\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\"}}", NULL,
         "{\"name\": \"now\", \"parameters\": {}}"},
        {"mistral", "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}]",
         "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}}, {\"name\": \"now\", \"arguments\": {}}]",
         "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {\"x\": 1}}]"},
        {"harmony", "commentary to=functions.weather json{\"city\": \"Oslo\"}", NULL,
         "commentary to=functions.now json{}"},
        {"kimi",
         "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>{\"city\": "
         "\"Oslo\"}<|tool_call_end|><|tool_calls_section_end|>",
         NULL,
         "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>{}<|tool_call_end|>"
         "<|tool_calls_section_end|>"},
        {"deepseek",
         "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": "
         "\"Oslo\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
         NULL, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
        {"granite", "<|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}]", NULL,
         "<|tool_call|>[{\"name\": \"now\", \"arguments\": {}}]"},
        {"functools", "functools[{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}]", NULL,
         "functools[{\"name\": \"now\", \"arguments\": {}}]"},
        {"functionary", "<function=weather>{\"city\": \"Oslo\"}</function>",
         "<function=now>{}</function><function=now>{}</function>", "<function=now>{}</function>"},
        {"apertus", "<|tools_prefix|>[{\"weather\": {\"city\": \"Oslo\"}}]<|tools_suffix|>", NULL,
         "<|tools_prefix|>[{\"now\": {}}]<|tools_suffix|>"},
        {"command",
         "<|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"weather\", \"parameters\": {\"city\": "
         "\"Oslo\"}}]<|END_ACTION|>",
         NULL, "<|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"now\", \"parameters\": {}}]<|END_ACTION|>"},
        {"nemotron", "<TOOLCALL>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}]</TOOLCALL>", NULL,
         "<TOOLCALL>[{\"name\": \"now\", \"arguments\": {}}]</TOOLCALL>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *calls = rows[i].calls;
        assert_true(takes(*state, calls, &any, rows[i].one) && takes(*state, calls, &many, rows[i].one));
        assert_true(takes(*state, calls, &any, rows[i].now) && takes(*state, calls, &named, rows[i].now));
        assert_false(takes(*state, calls, &named, rows[i].one));
        assert_false(takes(*state, calls, &any, "Oslo is cold."));
        if (rows[i].two != NULL) {
            assert_true(takes(*state, calls, &many, rows[i].two));
            assert_false(takes(*state, calls, &any, rows[i].two));
        }
    }
    const char *bad =
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 30}}\n</tool_call>";
    assert_false(takes(*state, "hermes", &any, bad));
    assert_true(
        takes(*state, "hermes", &thinks,
              "Hm <b> </thin\xc3\xa9</think>\n\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>"));
    assert_false(takes(*state, "hermes", &thinks,
                       "a</think>b</think>\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>"));
    json_decref(tools);
}

static void marks_are_tokens(void **state)
{
    json_t *tools = parse(weather);
    const tool_grammar_options any = {.tools = tools, .thinks = true};
    hearth_error error;
    answer_format format;
    grammar *g = NULL;
    assert_true(answer_format_named("think", "hermes", NULL, &format));
    format.marks[MARK_CALL_OPEN].id = format.marks[MARK_THINK_CLOSE].id = CALL;
    ok(grammar_from_tools(&format, &any, &g, &error), &error);
    constraint *c = begin(*state, g);
    assert_true(has(mask_of(c), CALL) && has(mask_of(c), '<') && !has(mask_of(c), END));
    accept_text(c, "</think>"); /* text that spells the mark */
    assert_true(accept(c, CALL) && !has(mask_of(c), '<') && has(mask_of(c), CALL));
    compare_all(c);
    assert_true(accept(c, CALL));
    accept_text(c, "{\"name\":\"now\",\"arguments\":{}}</tool_call>");
    assert_true(constraint_complete(c));
    constraint_free(c);
    grammar_release(g);
    json_decref(tools);
}

/* ---- thinking first ---- */

static bool takes_after(const fixture *f, const grammar_before *before, const char *text)
{
    hearth_error error;
    grammar *g = NULL;
    json_t *schema = parse("{\"enum\":[\"a\",\"bc\"]}");
    ok(grammar_make(GRAMMAR_SCHEMA, schema, before, &g, &error), &error);
    json_decref(schema);
    constraint *c = begin(f, g);
    bool good = true;
    for (; *text != 0 && good; text++) {
        good = has(mask_of(c), (uint8_t)*text);
        assert_true(accept(c, (uint8_t)*text) == good);
    }
    good = good && constraint_complete(c) && has(mask_of(c), END);
    constraint_free(c);
    grammar_release(g);
    return good;
}

static void thinking_comes_first(void **state)
{
    answer_format format, harmony;
    assert_true(answer_format_named("think", NULL, NULL, &format));
    assert_true(answer_format_named("harmony", NULL, NULL, &harmony));
    const grammar_before none = {.format = &format};
    const grammar_before opened = {.format = &format, .thinks = true, .may_think = true};
    const grammar_before may = {.format = &format, .may_think = true};
    const grammar_before channels = {.format = &harmony, .may_think = true};
    const grammar_before quiet = {.format = &harmony};
    assert_true(takes_after(*state, NULL, "\"bc\"") && takes_after(*state, &none, "\"bc\""));
    assert_false(takes_after(*state, &none, "<think>x</think>\"bc\""));
    assert_false(grammar_before_any(NULL) || grammar_before_any(&none));
    assert_true(takes_after(*state, &opened, "\"a\" </thin\xc3\xa9k></think>\n\n\"bc\""));
    assert_true(takes_after(*state, &opened, "</think>\"a\""));
    assert_false(takes_after(*state, &opened, "\"a\""));
    assert_false(takes_after(*state, &opened, "x</think>\n\n\n\"a\""));
    assert_true(takes_after(*state, &may, "<think>\nHm </think>\n\"a\"") && takes_after(*state, &may, "\"a\""));
    assert_false(takes_after(*state, &may, "Hm </think>\"a\""));
    assert_true(takes_after(*state, &channels, "<|channel|>final<|message|>\"a\""));
    const char *analysis = "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>\"a\"";
    assert_true(takes_after(*state, &channels, analysis));
    assert_true(takes_after(*state, &quiet, "<|channel|>final<|message|>\"a\""));
    assert_false(takes_after(*state, &quiet, analysis) || takes_after(*state, &quiet, "\"a\""));
    /* a mark that is a token of text, too, is the mark */
    hearth_error error;
    grammar *g = NULL;
    format.marks[MARK_THINK_CLOSE].id = 256;
    ok(grammar_make(GRAMMAR_OBJECT, NULL, &opened, &g, &error), &error);
    constraint *c = begin(*state, g);
    accept_text(c, "x</think>");
    assert_true(accept(c, 256) && has(mask_of(c), '{') && has(mask_of(c), '\n') && !has(mask_of(c), 'x'));
    constraint_free(c);
    grammar_release(g);
}

static void tools_refused(void **state)
{
    (void)state;
    hearth_error error;
    grammar *g = NULL;
    answer_format format;
    json_t *tools =
        parse("[{\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"uniqueItems\":true,\"type\":\"array\"}}}}]");
    tool_grammar_options o = {.tools = tools};
    assert_true(answer_format_named(NULL, "qwen3-coder", NULL, &format));
    assert_int_equal(grammar_from_tools(&format, &o, &g, &error), HEARTH_E_UNSUPPORTED);
    assert_true(answer_format_named(NULL, "hermes", NULL, &format));
    assert_int_equal(grammar_from_tools(&format, &o, &g, &error), HEARTH_E_UNSUPPORTED);
    assert_string_equal(error.place, "f#/properties/a/uniqueItems");
    o.name = "g";
    assert_int_equal(grammar_from_tools(&format, &o, &g, &error), HEARTH_E_ARGUMENT);
    assert_string_equal(error.found, "g");
    format.calls = NULL;
    assert_int_equal(grammar_from_tools(&format, &o, &g, &error), HEARTH_E_UNSUPPORTED);
    json_decref(tools);
}

/* ---- values ---- */

static bool has_text(const fixture *f, grammar *g, const char *text)
{
    constraint *c = begin(f, g);
    bool good = true;
    for (; *text != 0 && good; text++) {
        good = accept(c, (uint8_t)*text);
    }
    good = good && constraint_complete(c);
    constraint_free(c);
    return good;
}

static void given_values(void **state)
{
    static const struct {
        const char *schema, *good, *bad;
    } rows[] = {
        {"{\"enum\":[0.07,0.075],\"multipleOf\":0.01}", "0.07", "0.075"},
        {"{\"enum\":[4.35,4.355],\"multipleOf\":0.01}", "4.35", "4.355"},
        {"{\"enum\":[9007199254740993,9007199254740992],\"maximum\":9007199254740992}", "9007199254740992",
         "9007199254740993"},
        {"{\"enum\":[9007199254740993,9007199254740990],\"multipleOf\":2}", "9007199254740990", "9007199254740993"},
        {"{\"enum\":[-370371,370370],\"multipleOf\":123457}", "-370371", "370370"},
        {"{\"enum\":[1e300,5],\"minimum\":7}", "1e+300", "5"},
        {"{\"allOf\":[{\"enum\":[1.0,9007199254740993]},{\"enum\":[1,9007199254740992.0]}]}", "1", "9007199254740993"},
        {"{\"enum\":[[1],[]],\"contains\":{},\"minContains\":0,\"minItems\":1}", "[1]", "[]"},
        {"{\"pattern\":\"^\\\\ud83d\\\\ude00$\"}", "\"\xf0\x9f\x98\x80\"", "\"a\""},
        {"{\"enum\":[{\"a\":1},{\"a\":{\"a\":1}},{\"a\":2}],\"properties\":{\"a\":{\"anyOf\":[{\"const\":1},{\"$ref\":"
         "\"#\"}]}}}",
         "{\"a\":{\"a\":1}}", "{\"a\":2}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        grammar *g = from_schema(rows[i].schema);
        if (!has_text(*state, g, rows[i].good) || has_text(*state, g, rows[i].bad)) {
            fail_msg("%s", rows[i].schema);
        }
        grammar_release(g);
    }
}

/* ---- what is refused ---- */

static void schema_errors(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        hearth_status status;
        const char *place;
    } rows[] = {
        {"{\"properties\":{\"a/b\":{\"contains\":{}}}}", HEARTH_E_UNSUPPORTED, "#/properties/a~1b/contains"},
        {"{\"unevaluatedProperties\":false}", HEARTH_E_UNSUPPORTED, "#/unevaluatedProperties"},
        {"{\"items\":{\"uniqueItems\":true}}", HEARTH_E_UNSUPPORTED, "#/items/uniqueItems"},
        {"{\"items\":{\"lenght\":3}}", HEARTH_E_UNSUPPORTED, "#/items/lenght"},
        {"{\"pattern\":\"(?=a)b\"}", HEARTH_E_UNSUPPORTED, "#/pattern"},
        {"{\"pattern\":\"a(b\"}", HEARTH_E_FORMAT, "#/pattern"},
        {"{\"type\":\"strnig\"}", HEARTH_E_ARGUMENT, "#/type"},
        {"{\"minLength\":-1}", HEARTH_E_ARGUMENT, "#/minLength"},
        {"{\"$ref\":\"http://example.org/\"}", HEARTH_E_UNSUPPORTED, "#/$ref"},
        {"{\"$ref\":\"#/$defs/none\"}", HEARTH_E_ARGUMENT, "#/$ref"},
        {"{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", HEARTH_E_ARGUMENT, "#"},
        {"{\"$ref\":\"#\"}", HEARTH_E_LIMIT, "#"},
        {"{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"null\"}]}", HEARTH_E_LIMIT, "#"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", HEARTH_E_ARGUMENT, "#"},
        {"{\"maxLength\":1000000}", HEARTH_E_LIMIT, "#/maxLength"},
        {"{\"pattern\":\"^(a|b)*a(a|b){30}$\"}", HEARTH_E_LIMIT, NULL},
        {"{\"pattern\":\"^((((((((a{99}){99}){99}){99}){99}){99}){99}){99})$\"}", HEARTH_E_LIMIT, NULL},
        {"{\"multipleOf\":0}", HEARTH_E_ARGUMENT, "#/multipleOf"},
        {"{\"multipleOf\":0,\"const\":1}", HEARTH_E_ARGUMENT, "#/multipleOf"},
        {"{\"multipleOf\":0.01,\"const\":1e300}", HEARTH_E_UNSUPPORTED, "#/multipleOf"},
        {"{\"const\":[1],\"contains\":{}}", HEARTH_E_UNSUPPORTED, "#/contains"},
        {"{\"pattern\":\"\\\\ud800\\\\u0041\"}", HEARTH_E_UNSUPPORTED, "#/pattern"},
        {"{\"multipleOf\":123457}", HEARTH_E_UNSUPPORTED, "#/multipleOf"},
        {"[]", HEARTH_E_ARGUMENT, "#"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hearth_error error = {0};
        grammar *g = NULL;
        json_t *schema = parse(rows[i].schema);
        const hearth_status status = grammar_from_schema(schema, &g, &error);
        if (status != rows[i].status || (rows[i].place != NULL && strcmp(error.place, rows[i].place) != 0)) {
            fail_msg("%s: %s at %s", rows[i].schema, hearth_status_name(status), error.place);
        }
        json_decref(schema);
    }
}

static void gbnf_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        hearth_status status;
        const char *place;
    } rows[] = {
        {"root ::= \"a", HEARTH_E_FORMAT, "line 1, column 12"},
        {"root ::= \"a\" )", HEARTH_E_FORMAT, "line 1, column 14"},
        {"root ::= (\"a\"\n\n", HEARTH_E_FORMAT, "line 3, column 1"},
        {"root ::= a\n", HEARTH_E_FORMAT, "line 1, column 10"},
        {"rooot ::= \"a\"", HEARTH_E_FORMAT, "line 1, column 14"},
        {"root ::= [z-a]", HEARTH_E_FORMAT, "line 1, column 12"},
        {"root ::= \"\\q\"", HEARTH_E_FORMAT, "line 1, column 12"},
        {"root ::= \"\\ud800\"", HEARTH_E_FORMAT, "line 1, column 11"},
        {"root = \"a\"", HEARTH_E_FORMAT, "line 1, column 6"},
        {"root ::= \"a\"{3,2}", HEARTH_E_FORMAT, "line 1, column 13"},
        {"root ::= \"a\"{200000}", HEARTH_E_LIMIT, "line 1, column 14"},
        {"root ::= \"a\"\nroot ::= \"b\"", HEARTH_E_FORMAT, "line 2, column 1"},
        {"# one\nroot ::= root \"a\" | \"b\"", HEARTH_E_UNSUPPORTED, "line 2, column 1"},
        {"root ::= x \"b\"\nx ::= y? root", HEARTH_E_UNSUPPORTED, NULL},
        {"root ::= \"a\" root", HEARTH_E_ARGUMENT, NULL},
        {"root ::= ((((\"a\"{99}){99}){99}){99}){99}", HEARTH_E_LIMIT, NULL},
        {"", HEARTH_E_FORMAT, "line 1, column 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hearth_error error = {0};
        grammar *g = NULL;
        const hearth_status status = grammar_from_gbnf(rows[i].text, strlen(rows[i].text), &g, &error);
        if (i == 13 && status == HEARTH_E_FORMAT) {
            continue; /* y is not defined either */
        }
        if (status != rows[i].status || (rows[i].place != NULL && strcmp(error.place, rows[i].place) != 0)) {
            fail_msg("%s: %s at %s", rows[i].text, hearth_status_name(status), error.place);
        }
    }
}

/* ---- what is large ---- */

static void deep_nesting(void **state)
{
    grammar *g = from_schema(
        "{\"$defs\":{\"n\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"}}},\"$ref\":\"#/$defs/n\"}");
    constraint *c = begin(*state, g);
    for (int i = 0; i < 20000; i++) {
        assert_true(accept(c, '['));
    }
    assert_true(has(mask_of(c), ']') && !has(mask_of(c), ',') && !constraint_complete(c));
    constraint *fork = NULL;
    hearth_error error;
    ok(constraint_fork(c, &fork, &error), &error);
    for (int i = 0; i < 20000; i++) {
        assert_true(accept(fork, ']'));
    }
    assert_true(constraint_complete(fork));
    constraint_free(fork);
    constraint_free(c);
    grammar_release(g);
}

static void large_schemas(void **state)
{
    json_t *names = json_array();
    json_t *properties = json_object();
    hearth_error error;
    grammar *g = NULL;
    for (int i = 0; i < 5000; i++) {
        char name[32];
        snprintf(name, sizeof name, "name-%d", i * 7919);
        json_array_append_new(names, json_string(name));
        if (i < 200) {
            json_object_set_new(properties, name, json_pack("{s:[s,s]}", "type", "integer", "boolean"));
        }
    }
    json_t *schema = json_pack("{s:s,s:o,s:{s:o}}", "type", "object", "properties", properties, "additionalProperties",
                               "enum", names);
    ok(grammar_from_schema(schema, &g, &error), &error);
    constraint *c = begin(*state, g);
    accept_text(c, "{\"name-7919\": 4, \"name-1575881\": true, \"other\": \"name-39587081\"}");
    assert_true(constraint_complete(c));
    constraint_free(c);
    grammar_release(g);
    json_decref(schema);
}

/* 40,000 rules, each of which calls the one before: looked at rule by rule, or checked at each element, that would
 * take hours. */
static void many_rules(void **state)
{
    hearth_error error;
    grammar *g = NULL;
    buffer text;
    buffer_init(&text, 0);
    for (int i = 0; i < 40000; i++) {
        ok(i == 0 ? buffer_printf(&text, &error, "r0 ::= \"a\"\n")
                  : buffer_printf(&text, &error, "r%d ::= \"(\" r%d\n", i, i - 1),
           &error);
    }
    ok(buffer_printf(&text, &error, "root ::= r39999\n"), &error);
    ok(grammar_from_gbnf(buffer_text(&text), text.length, &g, &error), &error);
    constraint *c = begin(*state, g);
    accept_text(c, "(((((((((");
    assert_false(has(mask_of(c), 'a'));
    constraint_free(c);
    grammar_release(g);
    buffer_free(&text);
}

/* Edges are counted over all rules: one state of each class has thousands. */
static void many_edges(void **state)
{
    (void)state;
    hearth_error error;
    grammar *g = NULL;
    buffer text;
    buffer_init(&text, 0);
    for (int i = 0; i < 20; i++) {
        ok(buffer_printf(&text, &error, "r%d ::= [", i), &error);
        for (unsigned code = 0x4000; code < 0x8000; code += 8) {
            ok(buffer_printf(&text, &error, "\\u%04x", code), &error);
        }
        ok(buffer_printf(&text, &error, "]{300}\n"), &error);
    }
    ok(buffer_printf(&text, &error, "root ::= r0\n"), &error);
    assert_int_equal(grammar_from_gbnf(buffer_text(&text), text.length, &g, &error), HEARTH_E_LIMIT);
    buffer_free(&text);
}

/* Every prefix of an ambiguous text stands at few places, or an error comes. */
static void ambiguous(void **state)
{
    grammar *g = from_gbnf("root ::= s*\ns ::= \"(\" s* \")\" | \"(\" t* \")\" | \"(\" s t \")\" | \"a\"\nt ::= s | "
                           "\"(\" s* t* \")\" | \"a\" \"a\"");
    constraint *c = begin(*state, g);
    for (int i = 0; i < 60; i++) {
        assert_true(accept(c, i % 3 == 2 ? 'a' : '('));
    }
    mask_of(c);
    for (int i = 0; i < 40; i++) {
        assert_true(accept(c, ')'));
    }
    assert_true(constraint_complete(c));
    constraint_free(c);
    grammar_release(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_is_what_is_accepted),
        cmocka_unit_test(forks_go_their_own_way),
        cmocka_unit_test(vocabularies_are_told_apart),
        cmocka_unit_test(calls_in_each_form),
        cmocka_unit_test(marks_are_tokens),
        cmocka_unit_test(thinking_comes_first),
        cmocka_unit_test(tools_refused),
        cmocka_unit_test(given_values),
        cmocka_unit_test(schema_errors),
        cmocka_unit_test(gbnf_errors),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(large_schemas),
        cmocka_unit_test(many_rules),
        cmocka_unit_test(many_edges),
        cmocka_unit_test(ambiguous),
    };
    return cmocka_run_group_tests_name("structured", tests, set_up, tear_down);
}
