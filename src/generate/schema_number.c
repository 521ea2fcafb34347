/* Digits are compared with those of the bounds as they come: as long as they are the same, a text stands on the bound.
 */
#include "generate/schema_number.h"

#include <math.h>
#include <string.h>

enum { MOST_STATES = 100000 };

/* ---- decimals ---- */

static bool read_text(const char *text, decimal *ret)
{
    uint8_t digits[400];
    unsigned count = 0;
    long point = -1;
    long exponent = 0;
    *ret = (decimal){.negative = text[0] == '-'};
    for (text += ret->negative; *text != 0 && *text != 'e' && *text != 'E' && count < sizeof digits; text++) {
        if (*text == '.') {
            point = (long)count;
        } else {
            digits[count++] = (uint8_t)(*text - '0');
        }
    }
    for (bool minus = false; *text == 'e' || *text == 'E' || *text == '+' || *text == '-' || *text != 0; text++) {
        minus = minus || *text == '-';
        if (*text >= '0' && *text <= '9' && exponent > -1000 && exponent < 1000) {
            exponent = exponent * 10 + (minus ? '0' - *text : *text - '0');
        }
    }
    point = (point < 0 ? (long)count : point) + exponent;
    unsigned first = 0;
    while (first < count && digits[first] == 0) {
        first++;
    }
    while (count > first && digits[count - 1] == 0) {
        count--;
    }
    if (first == count) {
        ret->negative = false;
        return true;
    }
    const long whole = point > (long)first ? point - (long)first : 0;
    const long fraction = (long)count > point ? (long)count - point : 0;
    if (whole > DECIMAL_MOST || fraction > DECIMAL_MOST) {
        return false;
    }
    ret->whole_count = (unsigned)whole;
    ret->fraction_count = (unsigned)fraction;
    for (long i = 0; i < whole + fraction; i++) {
        const long at = point - whole + i;
        ret->digits[i] = at >= (long)first && at < (long)count ? digits[at] : 0;
    }
    return true;
}

bool decimal_read(const json_t *number, decimal *ret)
{
    char text[JSON_REAL_SIZE] = "";
    buffer b;
    if (json_is_real(number)) {
        json_real_digits(json_real_value(number), 15, text);
        return isfinite(json_real_value(number)) && read_text(text, ret);
    }
    if (!json_is_integer(number)) {
        return false;
    }
    buffer_init(&b, 0);
    const bool read = buffer_printf(&b, NULL, "%lld", (long long)json_integer_value(number)) == HEARTH_OK &&
                      read_text(buffer_text(&b), ret);
    buffer_free(&b);
    return read;
}

/* The digit at a place: places of the fraction count from 0, whole ones from -1 downwards. */
static unsigned digit_at(const decimal *d, int at)
{
    const int index = (int)d->whole_count + at;
    return index < 0 || index >= (int)(d->whole_count + d->fraction_count) ? 0 : d->digits[index];
}

static int compare_sizes(const decimal *a, const decimal *b)
{
    for (int at = -DECIMAL_MOST; at < DECIMAL_MOST; at++) {
        const int difference = (int)digit_at(a, at) - (int)digit_at(b, at);
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

int decimal_compare(const decimal *a, const decimal *b)
{
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }
    return a->negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

/* Long division, all places of both numbers at a time: `rest` has one place more. */
bool decimal_is_multiple(const decimal *a, const decimal *of)
{
    enum { PLACES = 2 * DECIMAL_MOST };
    uint8_t rest[PLACES + 1] = {0};
    uint8_t step[PLACES + 1] = {0};
    bool zero = true;
    for (int i = 0; i < PLACES; i++) {
        step[i + 1] = (uint8_t)digit_at(of, i - DECIMAL_MOST);
    }
    for (int at = -DECIMAL_MOST; at < DECIMAL_MOST; at++) {
        memmove(rest, rest + 1, PLACES);
        rest[PLACES] = (uint8_t)digit_at(a, at);
        while (memcmp(rest, step, sizeof rest) >= 0) { /* nine times at most */
            int borrowed = 0;
            for (int i = PLACES; i >= 0; i--) {
                const int digit = rest[i] - step[i] - borrowed;
                borrowed = digit < 0;
                rest[i] = (uint8_t)(digit + 10 * borrowed);
            }
        }
    }
    for (int i = 0; i <= PLACES; i++) {
        zero = zero && rest[i] == 0;
    }
    return zero;
}

/* ---- absolute values between two bounds ---- */

typedef struct bounds {
    automaton *a;
    uint32_t to;
    bool integers, fractions;
    bool has_low, has_high, low_excluded, high_excluded;
    decimal low, high;
    int most_fraction; /* digits of the longer fraction */
} bounds;

/* What is known of the digits so far. */
typedef struct standing {
    bool on_low, on_high; /* the same as the bound's */
    bool nonzero;         /* of the fraction */
} standing;

static bool rest_is_zero(const decimal *d, int from)
{
    for (int at = from; at < (int)d->fraction_count; at++) {
        if (digit_at(d, at) != 0) {
            return false;
        }
    }
    return true;
}

/* A number that ends before the place `at`. */
static bool may_end(const bounds *b, standing s, int at)
{
    if (b->fractions && !s.nonzero) {
        return false;
    }
    const bool above = !s.on_low || (rest_is_zero(&b->low, at) && !b->low_excluded);
    const bool below = !s.on_high || !rest_is_zero(&b->high, at) || !b->high_excluded;
    return above && below;
}

static bool take_digit(const bounds *b, standing s, int at, unsigned digit, standing *ret)
{
    const unsigned low = digit_at(&b->low, at);
    const unsigned high = digit_at(&b->high, at);
    if ((s.on_low && digit < low) || (s.on_high && digit > high)) {
        return false;
    }
    *ret = (standing){s.on_low && digit == low, s.on_high && digit == high, s.nonzero || (at >= 0 && digit != 0)};
    return true;
}

/* Numbers for the states of one place: index by standing. */
static uint32_t state_for(const bounds *b, uint32_t states[8], standing s)
{
    const unsigned index = (unsigned)s.on_low | (unsigned)s.on_high << 1 | (unsigned)s.nonzero << 2;
    if (states[index] == NO_STATE) {
        states[index] = automaton_add_state(b->a);
    }
    return states[index];
}

static standing standing_of(unsigned index)
{
    return (standing){index & 1, index >> 1 & 1, index >> 2 & 1};
}

static void clear(uint32_t states[8])
{
    memset(states, 0xff, 8 * sizeof *states);
}

/* The digits at one place, from `here` to `next`, which may be the same. */
static void add_place(const bounds *b, uint32_t here[8], uint32_t next[8], int at, unsigned first_digit)
{
    bool done[8] = {false};
    for (bool more = true; more;) { /* where both are the same, states come up on the way */
        more = false;
        for (unsigned i = 0; i < 8; i++) {
            standing after;
            if (here[i] == NO_STATE || done[i]) {
                continue;
            }
            done[i] = more = true;
            for (unsigned digit = first_digit; digit < 10; digit++) {
                if (take_digit(b, standing_of(i), at, digit, &after)) {
                    automaton_add_edge(b->a, here[i], '0' + digit, '0' + digit, state_for(b, next, after));
                }
            }
        }
    }
}

static void end_place(const bounds *b, const uint32_t states[8], int at)
{
    for (unsigned i = 0; i < 8; i++) {
        if (states[i] != NO_STATE && may_end(b, standing_of(i), at)) {
            automaton_add_nothing(b->a, states[i], b->to);
        }
    }
}

/* After the point: digits of the longer bound one by one, then any number of them. */
static void add_fraction(const bounds *b, const uint32_t first[8])
{
    uint32_t here[8];
    uint32_t next[8];
    memcpy(here, first, sizeof here);
    for (int at = 0; at <= b->most_fraction; at++) {
        clear(next);
        add_place(b, here, next, at, 0);
        end_place(b, next, at + 1);
        memcpy(here, next, sizeof here);
    }
    add_place(b, here, here, b->most_fraction + 1, 0);
    end_place(b, here, b->most_fraction + 2);
}

static void after_whole(const bounds *b, const uint32_t states[8])
{
    uint32_t points[8];
    clear(points);
    end_place(b, states, 0);
    for (unsigned i = 0; i < 8; i++) {
        if (states[i] == NO_STATE) {
            continue;
        }
        if (!b->integers) {
            points[i] = automaton_add_state(b->a);
            automaton_add_edge(b->a, states[i], '.', '.', points[i]);
        }
    }
    if (!b->integers) {
        add_fraction(b, points);
    }
}

/* `count` whole digits. */
static void add_length(const bounds *b, uint32_t from, unsigned count)
{
    uint32_t here[8];
    uint32_t next[8];
    clear(here);
    const bool on_low = b->has_low && count <= b->low.whole_count + (b->low.whole_count == 0);
    const bool on_high = b->has_high && count >= b->high.whole_count;
    here[(unsigned)on_low | (unsigned)on_high << 1] = from;
    for (int at = -(int)count; at < 0; at++) {
        clear(next);
        add_place(b, here, next, at, at == -(int)count && count > 1);
        memcpy(here, next, sizeof here);
    }
    after_whole(b, here);
}

/* Absolute values from `low` to `high`, from a state on. */
static void add_bounds(bounds *b, uint32_t from)
{
    const unsigned least = b->has_low && b->low.whole_count > 1 ? b->low.whole_count : 1;
    const unsigned most = b->has_high ? (b->high.whole_count > 1 ? b->high.whole_count : 1) : least;
    b->most_fraction = (int)(b->has_low ? b->low.fraction_count : 0);
    if (b->has_high && (int)b->high.fraction_count > b->most_fraction) {
        b->most_fraction = (int)b->high.fraction_count;
    }
    for (unsigned count = least; count <= most; count++) {
        add_length(b, from, count);
    }
    if (!b->has_high) { /* longer ones */
        uint32_t states[8];
        uint32_t at = from;
        for (unsigned i = 0; i <= least; i++) {
            const uint32_t next = automaton_add_state(b->a);
            automaton_add_edge(b->a, at, i == 0 ? '1' : '0', '9', next);
            at = next;
        }
        automaton_add_edge(b->a, at, '0', '9', at);
        clear(states);
        states[0] = at;
        after_whole(b, states);
    }
}

hearth_status schema_number_range(const number_range *r, automaton *ret, hearth_error *error)
{
    automaton a = {0};
    const uint32_t begin = automaton_add_state(&a);
    const uint32_t end = automaton_add_state(&a);
    if (a.failed == HEARTH_OK) {
        a.states[end].final = true;
    }
    bounds b = {.a = &a, .to = end, .integers = r->integers, .fractions = r->fractions};
    if (!r->has_high || !r->high.negative) { /* from 0 on */
        b.has_low = r->has_low && !r->low.negative;
        b.low = b.has_low ? r->low : (decimal){0};
        b.low_excluded = b.has_low && r->low_excluded;
        b.has_high = r->has_high;
        b.high = r->high;
        b.high_excluded = r->high_excluded;
        add_bounds(&b, begin);
    }
    if (!r->has_low || r->low.negative) { /* below 0: the absolute values, the other way round */
        const uint32_t minus = automaton_add_state(&a);
        automaton_add_edge(&a, begin, '-', '-', minus);
        b.has_low = true;
        b.low = r->has_high && r->high.negative ? r->high : (decimal){0};
        b.low_excluded = !(r->has_high && r->high.negative) || r->high_excluded;
        b.has_high = r->has_low;
        b.high = r->low;
        b.high_excluded = r->low_excluded;
        add_bounds(&b, minus);
    }
    return automaton_finish(&a, MOST_STATES, ret, error);
}

hearth_status schema_number_told_apart(automaton *ret, hearth_error *error)
{
    enum { MOST_DIGITS = 15 };
    automaton a = {0};
    uint32_t whole = automaton_add_state(&a);
    uint32_t fraction[MOST_DIGITS + 1]; /* by the number of all digits */
    automaton_add_edge(&a, whole, '-', '-', whole);
    for (size_t i = 0; i <= MOST_DIGITS; i++) {
        fraction[i] = automaton_add_state(&a);
        if (a.failed == HEARTH_OK) {
            a.states[fraction[i]].final = true;
        }
    }
    for (size_t i = 1; i <= MOST_DIGITS + 1; i++) { /* the last one: so many or more, and no point */
        const uint32_t next = automaton_add_state(&a);
        automaton_add_edge(&a, whole, '0', '9', next);
        whole = next;
        if (a.failed == HEARTH_OK) {
            a.states[whole].final = true;
        }
        if (i < MOST_DIGITS) {
            const uint32_t point = automaton_add_state(&a);
            automaton_add_edge(&a, whole, '.', '.', point);
            automaton_add_edge(&a, point, '0', '9', fraction[i + 1]);
            automaton_add_edge(&a, fraction[i], '0', '9', fraction[i + 1]);
        }
    }
    automaton_add_edge(&a, whole, '0', '9', whole);
    return automaton_finish(&a, MOST_STATES, ret, error);
}

/* ---- multiples ---- */

enum { MOST_REMAINDERS = 4096 };

hearth_status schema_number_multiple(const decimal *of, automaton *ret, hearth_error *error)
{
    uint64_t step = 0; /* in units of the last place of the fraction */
    for (unsigned i = 0; i < of->whole_count + of->fraction_count && step <= MOST_REMAINDERS; i++) {
        step = step * 10 + of->digits[i];
    }
    if (step == 0 || step > MOST_REMAINDERS) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "multipleOf", "a step of 1 to 4096 units of its last digit", "%s",
                         step == 0 ? "none" : "more");
    }
    automaton a = {0};
    const unsigned places = of->fraction_count;
    const uint32_t begin = automaton_add_state(&a);
    const uint32_t signed_ = automaton_add_state(&a);
    const uint32_t base = a.state_count; /* states: digits of the fraction, then the remainder */
    for (uint64_t i = 0; i < (places + 2) * step; i++) {
        automaton_add_state(&a);
    }
    automaton_add_edge(&a, begin, '-', '-', signed_);
    automaton_add_nothing(&a, begin, signed_);
    for (uint64_t digit = 0; digit < 10; digit++) {
        automaton_add_edge(&a, signed_, '0' + (uint32_t)digit, '0' + (uint32_t)digit, base + (uint32_t)(digit % step));
    }
    /* Layer 0: whole digits; layer 1: after the point; layer 1 + j: after j digits of the fraction. */
    for (unsigned layer = 0; layer < places + 2; layer++) {
        const unsigned used = layer == 0 ? 0 : layer - 1;
        uint64_t left = 1;
        for (unsigned i = used; i < places; i++) {
            left = left * 10 % step;
        }
        for (uint64_t r = 0; r < step; r++) {
            const uint32_t s = base + (uint32_t)(layer * step + r);
            if (a.failed == HEARTH_OK) {
                a.states[s].final = layer != 1 && r * left % step == 0;
            }
            if (layer == 0 && places != 0) {
                automaton_add_edge(&a, s, '.', '.', base + (uint32_t)(step + r));
            }
            const unsigned next = layer == 0 ? 0 : layer + 1;
            for (uint64_t digit = 0; next < places + 2 && digit < 10; digit++) {
                const uint64_t remainder = (r * 10 + digit) % step;
                automaton_add_edge(&a, s, '0' + (uint32_t)digit, '0' + (uint32_t)digit,
                                   base + (uint32_t)(next * step + remainder));
            }
        }
    }
    return automaton_finish(&a, MOST_STATES, ret, error);
}
