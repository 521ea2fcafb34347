/* A reasoning model thinks first: the grammar begins behind that. */
#include "generate/grammar_thinking.h"

#include <string.h>

#define MARK_STATES 10000 /* of an automaton that looks for a mark: many more than any has */

const char *const grammar_kind_names[] = {"schema", "object", "gbnf", NULL};

void grammar_add_nothing(grammar_rules *r, uint32_t rule, uint32_t from, uint32_t to)
{
    if (r->failed == HEARTH_OK) {
        automaton_add_nothing(&r->rules[rule], from, to);
    }
}

uint32_t grammar_then_mark(json_rules *j, uint32_t rule, uint32_t from, const answer_mark_text *mark)
{
    if (mark->text == NULL || mark->id < 0) {
        return json_then_text(j, rule, from, mark->text == NULL ? "" : mark->text);
    }
    const uint32_t to = json_add_state(j, rule);
    grammar_add_token(j->rules, rule, from, mark->id, to);
    return to;
}

uint32_t grammar_then_line(json_rules *j, uint32_t rule, uint32_t from)
{
    const uint32_t to = json_then_text(j, rule, from, "\n");
    grammar_add_nothing(j->rules, rule, from, to);
    return to;
}

/* Text up to the first time that the mark is written. */
static hearth_status then_text_until(json_rules *j, uint32_t rule, uint32_t from, const char *mark, uint32_t *ret,
                                     hearth_error *error)
{
    automaton any = {0};
    automaton until = {0};
    const uint32_t begin = automaton_add_state(&any);
    const uint32_t end = automaton_add_state(&any);
    automaton_add_characters(&any, begin, 0, 0x10ffff, begin);
    automaton_add_bytes(&any, begin, mark, strlen(mark), end);
    if (any.failed == HEARTH_OK) {
        any.states[end].final = true;
    }
    const hearth_status status = automaton_determinize(&any, MARK_STATES, &until, error);
    automaton_free(&any);
    for (uint32_t s = 0; status == HEARTH_OK && s < until.state_count; s++) {
        if (until.states[s].final) {
            until.states[s].first_edge = until.states[s].last_edge = NO_STATE;
        }
    }
    *ret = json_add_state(j, rule);
    if (status == HEARTH_OK && j->rules->failed == HEARTH_OK) {
        automaton_trim(&until);
        automaton_add_copy(&j->rules->rules[rule], from, &until, *ret);
    }
    automaton_free(&until);
    return status;
}

/* Any text, then the mark. */
static hearth_status then_text_and_mark(json_rules *j, uint32_t rule, uint32_t from, const answer_mark_text *mark,
                                        uint32_t *ret, hearth_error *error)
{
    if (mark->id < 0) {
        return then_text_until(j, rule, from, mark->text, ret, error);
    }
    const uint32_t text = json_add_state(j, rule);
    grammar_add_nothing(j->rules, rule, from, text);
    if (j->rules->failed == HEARTH_OK) {
        automaton_add_characters(&j->rules->rules[rule], text, 0, 0x10ffff, text);
    }
    *ret = grammar_then_mark(j, rule, text, mark);
    return HEARTH_OK;
}

/* A message of its own, or none. */
static hearth_status then_analysis(json_rules *j, uint32_t rule, uint32_t from, const answer_format *f, uint32_t *ret,
                                   hearth_error *error)
{
    uint32_t at = grammar_then_mark(j, rule, from, &f->marks[MARK_CHANNEL]);
    at = grammar_then_mark(j, rule, json_then_text(j, rule, at, "analysis"), &f->marks[MARK_MESSAGE]);
    TRY(then_text_and_mark(j, rule, at, &f->marks[MARK_END], &at, error));
    at = json_then_text(j, rule, grammar_then_mark(j, rule, at, &f->marks[MARK_START]), "assistant");
    *ret = json_add_state(j, rule);
    grammar_add_nothing(j->rules, rule, from, *ret);
    grammar_add_nothing(j->rules, rule, at, *ret);
    return HEARTH_OK;
}

hearth_status grammar_then_thinking(json_rules *j, uint32_t rule, uint32_t from, const grammar_before *before,
                                    uint32_t *ret, hearth_error *error)
{
    const answer_format *f = before->format;
    const answer_mark_text *open = &f->marks[MARK_THINK_OPEN], *close = &f->marks[MARK_THINK_CLOSE];
    *ret = from;
    if (f->harmony) {
        return before->may_think ? then_analysis(j, rule, from, f, ret, error) : HEARTH_OK;
    }
    if (close->text == NULL || (!before->thinks && (!before->may_think || open->text == NULL))) {
        return HEARTH_OK;
    }
    uint32_t at = before->thinks ? from : grammar_then_mark(j, rule, from, open);
    TRY(then_text_and_mark(j, rule, at, close, &at, error));
    at = grammar_then_line(j, rule, grammar_then_line(j, rule, at));
    *ret = at;
    if (!before->thinks) { /* or without it */
        *ret = json_add_state(j, rule);
        grammar_add_nothing(j->rules, rule, from, *ret);
        grammar_add_nothing(j->rules, rule, at, *ret);
    }
    return HEARTH_OK;
}

bool grammar_before_any(const grammar_before *before)
{
    const answer_format *f = before != NULL ? before->format : NULL;
    return f != NULL &&
           (f->harmony || (f->marks[MARK_THINK_CLOSE].text != NULL &&
                           (before->thinks || (before->may_think && f->marks[MARK_THINK_OPEN].text != NULL))));
}

hearth_status grammar_add_whole(grammar_rules *r, uint32_t rule, uint32_t callee, const grammar_before *before,
                                hearth_error *error)
{
    json_rules j = {.rules = r};
    uint32_t from = RULE_BEGIN;
    if (grammar_before_any(before)) {
        const answer_mark_text *marks = before->format->marks;
        TRY(grammar_then_thinking(&j, rule, from, before, &from, error));
        if (before->format->harmony) {
            from = json_then_text(&j, rule, grammar_then_mark(&j, rule, from, &marks[MARK_CHANNEL]), "final");
            from = grammar_then_mark(&j, rule, from, &marks[MARK_MESSAGE]);
        }
    }
    TRY(grammar_rules_check(r, error));
    grammar_add_call(r, rule, from, callee, RULE_END);
    return HEARTH_OK;
}

hearth_status grammar_make(grammar_kind kind, const json_t *source, const grammar_before *before, grammar **ret,
                           hearth_error *error)
{
    switch (kind) {
    case GRAMMAR_OBJECT:
        return grammar_make_object(before, ret, error);
    case GRAMMAR_GBNF:
        return grammar_make_gbnf(json_string_value(source), json_string_length(source), before, ret, error);
    default:
        return grammar_make_schema(source, before, ret, error);
    }
}

hearth_status grammar_from_schema(const json_t *schema, grammar **ret, hearth_error *error)
{
    return grammar_make_schema(schema, NULL, ret, error);
}

hearth_status grammar_from_json_object(grammar **ret, hearth_error *error)
{
    return grammar_make_object(NULL, ret, error);
}

hearth_status grammar_from_gbnf(const char *text, size_t length, grammar **ret, hearth_error *error)
{
    return grammar_make_gbnf(text, length, NULL, ret, error);
}
