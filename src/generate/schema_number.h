/* Numbers in a range as automata over their digits. */
#ifndef GENERATE_SCHEMA_NUMBER_H
#define GENERATE_SCHEMA_NUMBER_H

#include "base/json.h"
#include "generate/grammar_automaton.h"

/* A number's absolute value in decimal digits: whole 0.fraction, no zero at either outer end. */
#define DECIMAL_MOST 40
typedef struct decimal {
    bool negative;
    unsigned whole_count, fraction_count;
    uint8_t digits[2 * DECIMAL_MOST]; /* whole ones, then those of the fraction */
} decimal;

/* false: not a number, or more digits than DECIMAL_MOST on a side. */
bool decimal_read(const json_t *number, decimal *ret);
int decimal_compare(const decimal *a, const decimal *b);
/* `of` is not zero. */
bool decimal_is_multiple(const decimal *a, const decimal *of);

typedef struct number_range {
    bool integers;  /* only whole numbers, written without a point */
    bool fractions; /* only others */
    bool has_low, has_high, low_excluded, high_excluded;
    decimal low, high;
} number_range;

/* *ret: deterministic; may be empty. Without an exponent. */
hearth_status schema_number_range(const number_range *r, automaton *ret, hearth_error *error);
/* Numbers without an exponent whose digits, where they have a point, are no more than binary64 tells apart (15): read
 * as such, they are on the same side of a bound of as many digits. */
hearth_status schema_number_told_apart(automaton *ret, hearth_error *error);
/* Multiples of a positive number of few digits. HEARTH_E_UNSUPPORTED where the automaton would be large. */
hearth_status schema_number_multiple(const decimal *of, automaton *ret, hearth_error *error);

#endif
