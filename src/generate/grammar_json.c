/* JSON's rules. */
#include "generate/grammar_json.h"

#include "base/memory.h"
#include "generate/grammar_thinking.h"

#include <string.h>

enum { MOST_INDENT = 40 };

uint32_t json_add_state(json_rules *j, uint32_t rule)
{
    return j->rules->failed == HEARTH_OK ? automaton_add_state(&j->rules->rules[rule]) : 0;
}

static void add_edge(json_rules *j, uint32_t rule, uint32_t from, uint32_t first, uint32_t last, uint32_t to)
{
    if (j->rules->failed == HEARTH_OK) {
        automaton_add_edge(&j->rules->rules[rule], from, first, last, to);
    }
}

uint32_t json_then_text(json_rules *j, uint32_t rule, uint32_t from, const char *text)
{
    const uint32_t to = json_add_state(j, rule);
    if (j->rules->failed == HEARTH_OK) {
        automaton_add_bytes(&j->rules->rules[rule], from, text, strlen(text), to);
    }
    return to;
}

uint32_t json_then_call(json_rules *j, uint32_t rule, uint32_t from, uint32_t callee)
{
    const uint32_t to = json_add_state(j, rule);
    grammar_add_call(j->rules, rule, from, callee, to);
    return to;
}

uint32_t json_then_space(json_rules *j, uint32_t rule, uint32_t from)
{
    return json_then_call(j, rule, from, json_rule_space(j));
}

void json_finish(json_rules *j, uint32_t rule, uint32_t from)
{
    add_edge(j, rule, from, SYMBOL_NOTHING, SYMBOL_NOTHING, RULE_END);
}

uint32_t json_rule_space(json_rules *j)
{
    if (j->space == 0) {
        const uint32_t rule = j->space = grammar_add_rule(j->rules);
        json_finish(j, rule, RULE_BEGIN);
        add_edge(j, rule, RULE_BEGIN, ' ', ' ', RULE_END);
        uint32_t at = json_add_state(j, rule);
        add_edge(j, rule, RULE_BEGIN, '\n', '\n', at);
        for (int i = 0; i < MOST_INDENT; i++) {
            const uint32_t next = json_add_state(j, rule);
            json_finish(j, rule, at);
            add_edge(j, rule, at, ' ', ' ', next);
            add_edge(j, rule, at, '\t', '\t', next);
            at = next;
        }
        json_finish(j, rule, at);
    }
    return j->space;
}

/* ---- strings ---- */

static uint32_t then_hex(json_rules *j, uint32_t rule, uint32_t from, const char *digits)
{
    const uint32_t to = json_add_state(j, rule);
    for (; *digits != 0; digits++) {
        add_edge(j, rule, from, (uint8_t)*digits, (uint8_t)*digits, to);
    }
    return to;
}

/* After \u: four digits that are no surrogate, or a pair of surrogates. */
static void add_unicode_escape(json_rules *j, uint32_t rule, uint32_t from, uint32_t to)
{
    static const char any[] = "0123456789abcdefABCDEF";
    const uint32_t second = then_hex(j, rule, from, "0123456789abcefABCEF");
    uint32_t third = then_hex(j, rule, second, any);
    const uint32_t after_d = then_hex(j, rule, from, "dD");
    const uint32_t low = then_hex(j, rule, after_d, "01234567");
    add_edge(j, rule, low, SYMBOL_NOTHING, SYMBOL_NOTHING, third);
    const uint32_t fourth = then_hex(j, rule, third, any);
    const uint32_t end = then_hex(j, rule, fourth, any);
    add_edge(j, rule, end, SYMBOL_NOTHING, SYMBOL_NOTHING, to);
    uint32_t pair = then_hex(j, rule, after_d, "89abAB");
    pair = then_hex(j, rule, then_hex(j, rule, pair, any), any);
    pair = json_then_text(j, rule, pair, "\\u");
    pair = then_hex(j, rule, then_hex(j, rule, pair, "dD"), "cdefCDEF");
    add_edge(j, rule, then_hex(j, rule, then_hex(j, rule, pair, any), any), SYMBOL_NOTHING, SYMBOL_NOTHING, to);
}

/* Characters beyond ASCII and those that are escaped. */
static uint32_t rule_other_character(json_rules *j)
{
    if (j->other_character == 0) {
        const uint32_t rule = j->other_character = grammar_add_rule(j->rules);
        if (j->rules->failed == HEARTH_OK) {
            automaton_add_characters(&j->rules->rules[rule], RULE_BEGIN, 0x80, 0x10ffff, RULE_END);
        }
        const uint32_t escape = json_add_state(j, rule);
        const uint32_t unicode = json_add_state(j, rule);
        add_edge(j, rule, RULE_BEGIN, '\\', '\\', escape);
        for (const char *c = "\"\\/bfnrt"; *c != 0; c++) {
            add_edge(j, rule, escape, (uint8_t)*c, (uint8_t)*c, RULE_END);
        }
        add_edge(j, rule, escape, 'u', 'u', unicode);
        add_unicode_escape(j, rule, unicode, RULE_END);
    }
    return j->other_character;
}

void json_add_character(json_rules *j, uint32_t rule, uint32_t from, uint32_t to)
{
    add_edge(j, rule, from, 0x20, 0x21, to);
    add_edge(j, rule, from, 0x23, 0x5b, to);
    add_edge(j, rule, from, 0x5d, 0x7f, to);
    grammar_add_call(j->rules, rule, from, rule_other_character(j), to);
}

uint32_t json_rule_string(json_rules *j)
{
    if (j->string == 0) {
        const uint32_t rule = j->string = grammar_add_rule(j->rules);
        const uint32_t inside = json_then_text(j, rule, RULE_BEGIN, "\"");
        json_add_character(j, rule, inside, inside);
        add_edge(j, rule, inside, '"', '"', RULE_END);
    }
    return j->string;
}

/* Those below 0x20 that have an escape of one letter. */
static bool has_letter(uint32_t code)
{
    return code == '\b' || code == '\f' || code == '\n' || code == '\r' || code == '\t';
}

void json_add_written(automaton *a, uint32_t from, uint32_t first, uint32_t last, uint32_t to)
{
    static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        const uint32_t code = (uint8_t)letters[i];
        if (first <= code && code <= last) {
            const char text[2] = {'\\', letters[i + 1]};
            automaton_add_bytes(a, from, text, 2, to);
        }
    }
    for (uint32_t code = first; code < 0x20 && code <= last; code++) {
        if (!has_letter(code)) {
            const char *hex = "0123456789abcdef";
            const char text[6] = {'\\', 'u', '0', '0', hex[code >> 4], hex[code & 15]};
            automaton_add_bytes(a, from, text, 6, to);
        }
    }
    static const uint32_t raw[][2] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x10ffff}};
    for (size_t i = 0; i < 3; i++) {
        const uint32_t low = first > raw[i][0] ? first : raw[i][0];
        const uint32_t high = last < raw[i][1] ? last : raw[i][1];
        if (low <= high) {
            automaton_add_characters(a, from, low, high, to);
        }
    }
}

/* ---- numbers ---- */

static void add_digits(json_rules *j, uint32_t rule, uint32_t from, uint32_t to)
{
    add_edge(j, rule, from, '0', '9', to);
    add_edge(j, rule, to, '0', '9', to);
}

static uint32_t then_integer(json_rules *j, uint32_t rule)
{
    const uint32_t signed_ = json_then_text(j, rule, RULE_BEGIN, "-");
    const uint32_t digits = json_add_state(j, rule);
    const uint32_t whole = json_add_state(j, rule);
    add_edge(j, rule, RULE_BEGIN, SYMBOL_NOTHING, SYMBOL_NOTHING, signed_);
    add_edge(j, rule, signed_, '0', '0', whole);
    add_edge(j, rule, signed_, '1', '9', digits);
    add_edge(j, rule, digits, '0', '9', digits);
    add_edge(j, rule, digits, SYMBOL_NOTHING, SYMBOL_NOTHING, whole);
    return whole;
}

uint32_t json_rule_integer(json_rules *j)
{
    if (j->integer == 0) {
        j->integer = grammar_add_rule(j->rules);
        json_finish(j, j->integer, then_integer(j, j->integer));
    }
    return j->integer;
}

uint32_t json_rule_number(json_rules *j)
{
    if (j->number == 0) {
        const uint32_t rule = j->number = grammar_add_rule(j->rules);
        const uint32_t whole = then_integer(j, rule);
        const uint32_t point = json_then_text(j, rule, whole, ".");
        const uint32_t decimals = json_add_state(j, rule);
        const uint32_t fraction = json_add_state(j, rule);
        add_digits(j, rule, point, decimals);
        add_edge(j, rule, decimals, SYMBOL_NOTHING, SYMBOL_NOTHING, fraction);
        add_edge(j, rule, whole, SYMBOL_NOTHING, SYMBOL_NOTHING, fraction);
        json_finish(j, rule, fraction);
        const uint32_t sign = json_add_state(j, rule);
        const uint32_t exponent = json_add_state(j, rule);
        const uint32_t digits = json_add_state(j, rule);
        add_edge(j, rule, fraction, 'e', 'e', sign);
        add_edge(j, rule, fraction, 'E', 'E', sign);
        add_edge(j, rule, sign, '+', '+', exponent);
        add_edge(j, rule, sign, '-', '-', exponent);
        add_edge(j, rule, sign, SYMBOL_NOTHING, SYMBOL_NOTHING, exponent);
        add_digits(j, rule, exponent, digits);
        json_finish(j, rule, digits);
    }
    return j->number;
}

/* ---- values ---- */

/* OPEN [item (, item)*] CLOSE */
static void add_list(json_rules *j, uint32_t rule, const char *open, uint32_t item, const char *close)
{
    const uint32_t inside = json_then_text(j, rule, RULE_BEGIN, open);
    const uint32_t after = json_then_call(j, rule, json_then_space(j, rule, inside), item);
    const uint32_t comma = json_then_space(j, rule, json_then_text(j, rule, after, ","));
    grammar_add_call(j->rules, rule, comma, item, after);
    json_finish(j, rule, json_then_text(j, rule, json_then_space(j, rule, inside), close));
    json_finish(j, rule, json_then_text(j, rule, json_then_space(j, rule, after), close));
}

static uint32_t rule_array(json_rules *j)
{
    if (j->array == 0) {
        const uint32_t rule = j->array = grammar_add_rule(j->rules);
        add_list(j, rule, "[", json_rule_value(j), "]");
    }
    return j->array;
}

uint32_t json_rule_object(json_rules *j)
{
    if (j->object == 0) {
        const uint32_t rule = j->object = grammar_add_rule(j->rules);
        const uint32_t member = grammar_add_rule(j->rules);
        uint32_t at = json_then_call(j, member, RULE_BEGIN, json_rule_string(j));
        at = json_then_space(j, member, json_then_text(j, member, at, ":"));
        grammar_add_call(j->rules, member, at, json_rule_value(j), RULE_END);
        add_list(j, rule, "{", member, "}");
    }
    return j->object;
}

uint32_t json_rule_value(json_rules *j)
{
    if (j->value == 0) {
        const uint32_t rule = j->value = grammar_add_rule(j->rules);
        static const char *const words[] = {"true", "false", "null"};
        for (size_t i = 0; i < 3; i++) {
            json_finish(j, rule, json_then_text(j, rule, RULE_BEGIN, words[i]));
        }
        grammar_add_call(j->rules, rule, RULE_BEGIN, json_rule_string(j), RULE_END);
        grammar_add_call(j->rules, rule, RULE_BEGIN, json_rule_number(j), RULE_END);
        grammar_add_call(j->rules, rule, RULE_BEGIN, json_rule_object(j), RULE_END);
        grammar_add_call(j->rules, rule, RULE_BEGIN, rule_array(j), RULE_END);
    }
    return j->value;
}

hearth_status grammar_make_object(const grammar_before *before, grammar **ret, hearth_error *error)
{
    grammar_rules rules = {0};
    json_rules j = {.rules = &rules};
    uint32_t recursive = NO_STATE;
    const uint32_t text = grammar_add_rule(&rules);
    const hearth_status status = grammar_add_whole(&rules, text, json_rule_object(&j), before, error);
    if (status != HEARTH_OK) {
        grammar_rules_free(&rules);
        return status;
    }
    return grammar_compile(&rules, ret, &recursive, error);
}

/* ---- values that are given ---- */

static uint32_t then_scalar(json_rules *j, uint32_t rule, uint32_t from, const json_t *value)
{
    buffer text;
    buffer_init(&text, 0);
    char digits[JSON_REAL_SIZE];
    hearth_status status = HEARTH_OK;
    if (json_is_real(value)) {
        json_real_digits(json_real_value(value), 15, digits); /* a whole one without a point */
        status = buffer_append_text(&text, digits, NULL);
    } else {
        status = json_door_write(value, 0, &text, NULL);
    }
    if (status != HEARTH_OK && j->rules->failed == HEARTH_OK) {
        j->rules->failed = HEARTH_E_MEMORY;
    }
    const uint32_t to = json_then_text(j, rule, from, buffer_text(&text));
    buffer_free(&text);
    return to;
}

uint32_t json_then_value(json_rules *j, uint32_t rule, uint32_t from, const json_t *value)
{
    const char *key = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    if (json_is_array(value)) {
        from = json_then_text(j, rule, from, "[");
        json_array_foreach(value, i, inner)
        {
            from = json_then_space(j, rule, i == 0 ? from : json_then_text(j, rule, from, ","));
            from = json_then_value(j, rule, from, inner);
        }
        return json_then_text(j, rule, json_then_space(j, rule, from), "]");
    }
    if (!json_is_object(value)) {
        return then_scalar(j, rule, from, value);
    }
    from = json_then_text(j, rule, from, "{");
    json_object_foreach((json_t *)value, key, inner)
    {
        json_t *name = json_string(key);
        from = json_then_space(j, rule, i++ == 0 ? from : json_then_text(j, rule, from, ","));
        from = then_scalar(j, rule, from, name);
        from = json_then_space(j, rule, json_then_text(j, rule, from, ":"));
        from = json_then_value(j, rule, from, inner);
        json_decref(name);
    }
    return json_then_text(j, rule, json_then_space(j, rule, from), "}");
}
