/* JSON's own rules, for grammars of JSON texts. docs/structured-output.md has the spelling that they allow. */
#ifndef GENERATE_GRAMMAR_JSON_H
#define GENERATE_GRAMMAR_JSON_H

#include "generate/grammar.h"

/* Of the rules that are made when they are first asked for; 0: not yet. */
typedef struct json_rules {
    grammar_rules *rules;
    uint32_t space, string, value, object, array, number, integer, other_character;
} json_rules;

/* Nothing, a space, or a line break and what indents the next line. */
uint32_t json_rule_space(json_rules *j);
uint32_t json_rule_string(json_rules *j);
uint32_t json_rule_number(json_rules *j);
uint32_t json_rule_integer(json_rules *j);
uint32_t json_rule_object(json_rules *j);
uint32_t json_rule_value(json_rules *j);

/* Within `rule`: bytes, white space, a call. */
uint32_t json_then_text(json_rules *j, uint32_t rule, uint32_t from, const char *text);
uint32_t json_then_call(json_rules *j, uint32_t rule, uint32_t from, uint32_t callee);
uint32_t json_then_space(json_rules *j, uint32_t rule, uint32_t from);
void json_finish(json_rules *j, uint32_t rule, uint32_t from);
uint32_t json_add_state(json_rules *j, uint32_t rule);

/* One character of a string, in any spelling, from a state to another of `rule`. */
void json_add_character(json_rules *j, uint32_t rule, uint32_t from, uint32_t to);
/* A character within a string, as we write it where its spelling is ours: raw but for those that must be escaped. */
void json_add_written(automaton *a, uint32_t from, uint32_t first, uint32_t last, uint32_t to);
/* A JSON text of `value` as json_door_write has it, spaces allowed where they are. */
uint32_t json_then_value(json_rules *j, uint32_t rule, uint32_t from, const json_t *value);

#endif
