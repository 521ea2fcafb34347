/* GBNF, llama.cpp's form of grammars: NAME ::= alternatives, over characters. docs/structured-output.md. */
#include "generate/grammar.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "generate/grammar_characters.h"
#include "generate/grammar_thinking.h"

#include <stdio.h>
#include <string.h>

typedef struct named_rule {
    uint32_t rule;
    size_t used;    /* where it is named first */
    size_t defined; /* SIZE_MAX: nowhere */
} named_rule;

typedef struct parser {
    const char *text;
    size_t length, at;
    grammar_rules *rules;
    json_t *names; /* to numbers in `named` */
    named_rule *named;
    size_t named_count, named_capacity;
    uint32_t rule;     /* the one at hand */
    automaton nowhere; /* stands in where rules could not be made: it has failed */
    unsigned depth;
    hearth_error *error;
} parser;

static hearth_status wrong(parser *p, size_t at, hearth_status status, const char *expected, const char *found)
{
    char place[64];
    unsigned line = 1;
    size_t begin = 0;
    for (size_t i = 0; i < at && i < p->length; i++) {
        if (p->text[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    unsigned column = 1;
    for (size_t i = begin; i < at && i < p->length; i++) {
        column += ((uint8_t)p->text[i] & 0xc0) != 0x80;
    }
    snprintf(place, sizeof place, "line %u, column %u", line, column);
    return error_set(p->error, status, place, expected, "%s", found);
}

/* What stands at a place, for an error. */
static hearth_status unexpected(parser *p, const char *expected)
{
    char found[32];
    uint32_t code = 0;
    if (p->at >= p->length) {
        return wrong(p, p->at, HEARTH_E_FORMAT, expected, "the end");
    }
    const size_t size = utf8_decode(p->text + p->at, p->length - p->at, &code);
    if (size == 0 || code < 0x20) {
        snprintf(found, sizeof found, "byte %u", (uint8_t)p->text[p->at]);
    } else {
        snprintf(found, sizeof found, "'%.*s'", (int)size, p->text + p->at);
    }
    return wrong(p, p->at, HEARTH_E_FORMAT, expected, found);
}

static char peek(const parser *p)
{
    return p->at < p->length ? p->text[p->at] : '\0';
}

static void skip_space(parser *p, bool lines)
{
    scan_space(p->text, p->length, &p->at, lines);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static automaton *current(parser *p)
{
    p->nowhere.failed = HEARTH_E_MEMORY;
    return p->rules->failed == HEARTH_OK ? &p->rules->rules[p->rule] : &p->nowhere;
}

/* ---- names ---- */

/* The rule that is called as the text at hand says; it may be defined later. */
static hearth_status parse_name(parser *p, named_rule **ret)
{
    const size_t begin = p->at;
    while (is_name_byte(peek(p))) {
        p->at++;
    }
    if (p->at == begin) {
        return unexpected(p, "the name of a rule");
    }
    char *name = text_format("%.*s", (int)(p->at - begin), p->text + begin);
    const json_t *known = name == NULL ? NULL : json_object_get(p->names, name);
    size_t number = known != NULL ? (size_t)json_integer_value(known) : p->named_count;
    bool made = name != NULL;
    if (made && known == NULL) {
        made = grammar_grow(&p->named, &p->named_capacity, number + 1, sizeof *p->named) &&
               json_object_set_new(p->names, name, json_integer((json_int_t)number)) == 0;
        if (made) {
            p->named[p->named_count++] = (named_rule){grammar_add_rule(p->rules), begin, SIZE_MAX};
        }
    }
    mem_free(name);
    if (!made) {
        return error_memory(p->error, p->named_capacity * sizeof *p->named);
    }
    *ret = &p->named[number];
    return HEARTH_OK;
}

/* ---- characters ---- */

static hearth_status parse_hex(parser *p, unsigned digits, uint32_t *ret)
{
    return scan_hex(p->text, p->length, &p->at, digits, ret) ? HEARTH_OK : unexpected(p, "a hexadecimal digit");
}

static hearth_status parse_escape(parser *p, uint32_t *ret)
{
    const size_t begin = p->at++;
    const char c = peek(p);
    p->at++;
    static const char letters[] = "n\nr\rt\t\\\\\"\"[[]]";
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if (c == letters[i]) {
            *ret = (uint8_t)letters[i + 1];
            return HEARTH_OK;
        }
    }
    if (c != 'x' && c != 'u' && c != 'U') {
        p->at = begin + 1 < p->length ? begin + 1 : p->length;
        return unexpected(p, "an escape: n, r, t, \\, \", [, ], x, u or U");
    }
    TRY(parse_hex(p, c == 'x' ? 2 : c == 'u' ? 4 : 8, ret));
    if (*ret > 0x10ffff || (*ret >= 0xd800 && *ret < 0xe000)) {
        return wrong(p, begin, HEARTH_E_FORMAT, "a character of Unicode", "an escape that is none");
    }
    return HEARTH_OK;
}

static hearth_status parse_character(parser *p, uint32_t *ret)
{
    if (peek(p) == '\\') {
        return parse_escape(p, ret);
    }
    const size_t size = utf8_decode(p->text + p->at, p->length - p->at, ret);
    if (size == 0 || *ret == 0) {
        return unexpected(p, "a character");
    }
    p->at += size;
    return HEARTH_OK;
}

static hearth_status parse_literal(parser *p, uint32_t from, uint32_t to)
{
    p->at++;
    while (peek(p) != '"') {
        uint32_t code = 0;
        if (p->at >= p->length || peek(p) == '\n') {
            return unexpected(p, "\" at the end of the literal");
        }
        TRY(parse_character(p, &code));
        const uint32_t next = automaton_add_state(current(p));
        automaton_add_characters(current(p), from, code, code, next);
        from = next;
    }
    p->at++;
    automaton_add_nothing(current(p), from, to);
    return HEARTH_OK;
}

static hearth_status parse_ranges(parser *p, ranges *r)
{
    while (peek(p) != ']') {
        uint32_t first = 0;
        if (p->at >= p->length) {
            return unexpected(p, "] at the end of the class");
        }
        TRY(parse_character(p, &first));
        uint32_t last = first;
        if (peek(p) == '-' && p->at + 1 < p->length && p->text[p->at + 1] != ']') {
            const size_t begin = p->at++;
            TRY(parse_character(p, &last));
            if (last < first) {
                return wrong(p, begin, HEARTH_E_FORMAT, "a range from a lower character to a higher one",
                             "one the other way round");
            }
        }
        ranges_add(r, first, last);
    }
    p->at++;
    return ranges_check(r, p->error);
}

static hearth_status parse_class(parser *p, uint32_t from, uint32_t to)
{
    p->at++;
    ranges given = {0};
    ranges others = {0};
    const bool negated = peek(p) == '^';
    p->at += negated;
    hearth_status status = parse_ranges(p, &given);
    if (status == HEARTH_OK && negated) {
        ranges_add_others(&others, &given);
        status = ranges_check(&others, p->error);
    }
    const ranges *r = negated ? &others : &given;
    for (size_t i = 0; status == HEARTH_OK && i < r->count; i++) {
        automaton_add_characters(current(p), from, r->list[i][0], r->list[i][1], to);
    }
    ranges_free(&given);
    ranges_free(&others);
    return status;
}

/* ---- sequences ---- */

static hearth_status parse_alternatives(parser *p, uint32_t from, uint32_t to, bool nested);

static hearth_status parse_group(parser *p, uint32_t from, uint32_t to)
{
    const size_t begin = p->at++;
    if (++p->depth > LIMIT_GRAMMAR_DEPTH) {
        return wrong(p, begin, HEARTH_E_LIMIT, "at most 200 groups in each other", "more");
    }
    skip_space(p, true);
    TRY(parse_alternatives(p, from, to, true));
    if (peek(p) != ')') {
        return unexpected(p, "), | or more of the sequence");
    }
    p->at++;
    p->depth--;
    return HEARTH_OK;
}

/* Where p is at the beginning of one; *ret_none otherwise. */
static hearth_status parse_element(parser *p, uint32_t from, uint32_t to, bool *ret_none)
{
    const char c = peek(p);
    *ret_none = false;
    if (c == '"') {
        return parse_literal(p, from, to);
    }
    if (c == '[') {
        return parse_class(p, from, to);
    }
    if (c == '(') {
        return parse_group(p, from, to);
    }
    if (c == '.') {
        p->at++;
        automaton_add_characters(current(p), from, 0, 0x10ffff, to);
        return HEARTH_OK;
    }
    *ret_none = !is_name_byte(c);
    if (!*ret_none) {
        named_rule *called = NULL;
        TRY(parse_name(p, &called));
        grammar_add_call(p->rules, p->rule, from, called->rule, to);
    }
    return HEARTH_OK;
}

/* *, +, ?, {m}, {m,}, {m,n}; *ret_most UINT32_MAX: any number. */
static hearth_status parse_times(parser *p, uint32_t *ret_least, uint32_t *ret_most)
{
    switch (scan_times(p->text, p->length, &p->at, true, ret_least, ret_most)) {
    case SCAN_DONE:
        return HEARTH_OK;
    case SCAN_NO_NUMBER:
        return unexpected(p, "a number");
    case SCAN_TOO_MANY:
        return wrong(p, p->at, HEARTH_E_LIMIT, "at most 100000 times", "more");
    case SCAN_NOT_CLOSED:
        return unexpected(p, "}");
    default:
        return wrong(p, p->at, HEARTH_E_FORMAT, "{least,most}", "most below least");
    }
}

static hearth_status parse_sequence(parser *p, uint32_t from, uint32_t to, bool nested)
{
    for (;;) {
        automaton_part e = automaton_part_begin(current(p));
        bool none = false;
        uint32_t least = 1;
        uint32_t most = 1;
        TRY(parse_element(p, e.from, e.to, &none));
        TRY(grammar_rules_check(p->rules, p->error));
        if (none) {
            automaton_add_nothing(current(p), from, to);
            return HEARTH_OK;
        }
        automaton_part_end(current(p), &e);
        skip_space(p, nested);
        TRY(parse_times(p, &least, &most));
        from = automaton_add_times(current(p), from, &e, least, most);
        skip_space(p, nested);
    }
}

static hearth_status parse_alternatives(parser *p, uint32_t from, uint32_t to, bool nested)
{
    TRY(parse_sequence(p, from, to, nested));
    while (peek(p) == '|') {
        p->at++;
        skip_space(p, true);
        TRY(parse_sequence(p, from, to, nested));
    }
    return HEARTH_OK;
}

/* ---- rules ---- */

static hearth_status parse_rule(parser *p)
{
    const size_t begin = p->at;
    named_rule *named = NULL;
    TRY(parse_name(p, &named));
    if (named->defined != SIZE_MAX) {
        return wrong(p, begin, HEARTH_E_FORMAT, "each rule once", "a second one of this name");
    }
    named->defined = begin;
    p->rule = named->rule;
    skip_space(p, false);
    if (p->length - p->at < 3 || memcmp(p->text + p->at, "::=", 3) != 0) {
        return unexpected(p, "::=");
    }
    p->at += 3;
    skip_space(p, true);
    TRY(grammar_rules_check(p->rules, p->error));
    TRY(parse_alternatives(p, RULE_BEGIN, RULE_END, false));
    if (p->at < p->length && peek(p) != '\n' && peek(p) != '\r') {
        return unexpected(p, "more of the rule, or the end of the line");
    }
    skip_space(p, true);
    return HEARTH_OK;
}

static hearth_status parse_rules(parser *p, const grammar_before *before)
{
    const uint32_t text = grammar_add_rule(p->rules);
    skip_space(p, true);
    while (p->at < p->length) {
        TRY(parse_rule(p));
    }
    for (size_t i = 0; i < p->named_count; i++) {
        if (p->named[i].defined == SIZE_MAX) {
            return wrong(p, p->named[i].used, HEARTH_E_FORMAT, "a rule that is defined", "one that is not");
        }
    }
    const json_t *root = json_object_get(p->names, "root");
    if (root == NULL) {
        return wrong(p, p->at, HEARTH_E_FORMAT, "a rule named root", "none");
    }
    return grammar_add_whole(p->rules, text, p->named[json_integer_value(root)].rule, before, p->error);
}

static hearth_status compile(parser *p, grammar **ret)
{
    uint32_t recursive = NO_STATE;
    const hearth_status status = grammar_compile(p->rules, ret, &recursive, p->error);
    for (size_t i = 0; i < p->named_count && recursive != NO_STATE; i++) {
        if (p->named[i].rule == recursive) {
            return wrong(p, p->named[i].defined, HEARTH_E_UNSUPPORTED, "a rule that begins with something else",
                         "one that begins with itself, or with such a one");
        }
    }
    return status;
}

hearth_status grammar_make_gbnf(const char *text, size_t length, const grammar_before *before, grammar **ret,
                                hearth_error *error)
{
    if (length > LIMIT_GRAMMAR_TEXT_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, "grammar", "at most 4 MiB", "%zu bytes", length);
    }
    grammar_rules rules = {0};
    parser p = {.text = text, .length = length, .rules = &rules, .names = json_object(), .error = error};
    hearth_status status = p.names != NULL ? parse_rules(&p, before) : error_memory(error, sizeof p);
    if (status == HEARTH_OK) {
        status = compile(&p, ret);
    }
    json_decref(p.names);
    mem_free(p.named);
    grammar_rules_free(&rules);
    return status;
}
