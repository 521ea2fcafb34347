/* Marks of answers within rules, and the thinking that may stand before a text. For the files of structured output. */
#ifndef GENERATE_GRAMMAR_THINKING_H
#define GENERATE_GRAMMAR_THINKING_H

#include "generate/grammar_json.h"

/* A mark: its token, or its text; without one: nothing. */
uint32_t grammar_then_mark(json_rules *j, uint32_t rule, uint32_t from, const answer_mark_text *mark);
/* The end of a line, or nothing. */
uint32_t grammar_then_line(json_rules *j, uint32_t rule, uint32_t from);
/* The thinking with its marks and what ends of lines follow it; *ret: the state behind it. */
hearth_status grammar_then_thinking(json_rules *j, uint32_t rule, uint32_t from, const grammar_before *before,
                                    uint32_t *ret, hearth_error *error);
/* Makes `rule` what stands before (NULL: nothing), then what `callee` has. */
hearth_status grammar_add_whole(grammar_rules *r, uint32_t rule, uint32_t callee, const grammar_before *before,
                                hearth_error *error);

/* The kinds of grammar_make. */
hearth_status grammar_make_schema(const json_t *schema, const grammar_before *before, grammar **ret,
                                  hearth_error *error);
hearth_status grammar_make_object(const grammar_before *before, grammar **ret, hearth_error *error);
hearth_status grammar_make_gbnf(const char *text, size_t length, const grammar_before *before, grammar **ret,
                                hearth_error *error);

#endif
