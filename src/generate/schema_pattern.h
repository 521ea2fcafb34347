/* Regular expressions of schemas (ECMA-262's, the regular part) as automata over what stands between a JSON string's
 * quotation marks, in our own spelling (json_add_written). */
#ifndef GENERATE_SCHEMA_PATTERN_H
#define GENERATE_SCHEMA_PATTERN_H

#include "generate/grammar_automaton.h"

/* *ret: deterministic: strings that the pattern `text` is found in. HEARTH_E_FORMAT for one that is
 * none, HEARTH_E_UNSUPPORTED naming what a finite automaton cannot say. */
hearth_status schema_pattern(const char *text, size_t length, automaton *ret, hearth_error *error);
/* The pattern of a format ("date", …), or NULL. */
const char *schema_format_pattern(const char *format);
/* Deterministic: strings of `least` to `most` characters (UINT32_MAX: any number). */
hearth_status schema_length(uint32_t least, uint32_t most, automaton *ret, hearth_error *error);
/* Deterministic: these strings, escaped (json_door_write's text between the quotation marks). */
hearth_status schema_string(const char *text, size_t length, automaton *ret, hearth_error *error);

#endif
