/* Regular expressions to automata. */
#include "generate/schema_pattern.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "generate/grammar_characters.h"
#include "generate/grammar_json.h"

#include <stdio.h>
#include <string.h>

/* Edges that are passed only where the text begins or ends, until add_phases has resolved them. */
#define SYMBOL_AT_BEGIN 0x200u
#define SYMBOL_AT_END 0x201u

enum { MOST_STATES = 50000 }; /* of one string's automaton */

typedef struct pattern {
    const char *text;
    size_t length, at;
    automaton *a;
    unsigned depth;
    hearth_error *error;
} pattern;

static hearth_status wrong(const pattern *p, hearth_status status, const char *expected, const char *what)
{
    return error_set(p->error, status, "pattern", expected, "%s at byte %zu", what, p->at);
}

static char peek(const pattern *p)
{
    return p->at < p->length ? p->text[p->at] : '\0';
}

static bool next_is(const pattern *p, const char *text)
{
    const size_t n = strlen(text);
    return p->length - p->at >= n && memcmp(p->text + p->at, text, n) == 0;
}

/* ---- sets of characters ---- */

static void add_named(ranges *s, char name)
{
    static const struct {
        char name;
        uint32_t list[12][2]; /* ended by 0, 0 */
    } rows[] = {{'d', {{'0', '9'}}},
                {'w', {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
                {'s',
                 {{9, 13},
                  {32, 32},
                  {0xa0, 0xa0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200a},
                  {0x2028, 0x2029},
                  {0x202f, 0x202f},
                  {0x205f, 0x205f},
                  {0x3000, 0x3000},
                  {0xfeff, 0xfeff}}}};
    static const char others[] = "DWS";
    for (size_t r = 0; r < 3; r++) {
        ranges named = {0};
        for (size_t i = 0; rows[r].list[i][1] != 0; i++) {
            ranges_add(name == rows[r].name ? s : &named, rows[r].list[i][0], rows[r].list[i][1]);
        }
        if (name == others[r]) {
            ranges_add_others(s, &named);
        }
        ranges_free(&named);
    }
}

static void add_ranges(const pattern *p, const ranges *s, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < s->count; i++) {
        json_add_written(p->a, from, s->list[i][0], s->list[i][1], to);
    }
}

/* ---- characters and escapes ---- */

static hearth_status parse_hex(pattern *p, unsigned digits, uint32_t *ret)
{
    return scan_hex(p->text, p->length, &p->at, digits, ret)
               ? HEARTH_OK
               : wrong(p, HEARTH_E_FORMAT, "a regular expression", "no hexadecimal digit");
}

static hearth_status parse_unicode(pattern *p, uint32_t *ret)
{
    if (peek(p) == '{') {
        unsigned digits = 0;
        while (p->at + 1 + digits < p->length && p->text[p->at + 1 + digits] != '}') {
            digits++;
        }
        p->at++;
        if (digits == 0 || digits > 6) {
            return wrong(p, HEARTH_E_FORMAT, "a regular expression", "\\u{} without 1 to 6 digits");
        }
        TRY(parse_hex(p, digits, ret));
        p->at++;
    } else {
        TRY(parse_hex(p, 4, ret));
        uint32_t low = 0;
        if (*ret >= 0xd800 && *ret < 0xdc00 && next_is(p, "\\u")) {
            p->at += 2;
            TRY(parse_hex(p, 4, &low));
            *ret = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00) : *ret;
        }
    }
    return *ret > 0x10ffff || (*ret >= 0xd800 && *ret < 0xe000)
               ? wrong(p, HEARTH_E_UNSUPPORTED, "characters of Unicode", "a lone surrogate")
               : HEARTH_OK;
}

/* After the backslash: one character, or a named set (*ret_set true, added to `s`). */
static hearth_status parse_escape(pattern *p, bool in_class, ranges *s, uint32_t *ret, bool *ret_set)
{
    const char c = peek(p);
    static const char letters[] = "t\tn\nv\vf\fr\r";
    *ret_set = c != '\0' && strchr("dDwWsS", c) != NULL;
    if (*ret_set) {
        p->at++;
        add_named(s, c);
        return HEARTH_OK;
    }
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL && (letter - letters) % 2 == 0) {
        p->at++;
        *ret = (uint8_t)letter[1];
        return HEARTH_OK;
    }
    if (c == 'b' && in_class) {
        p->at++;
        *ret = 8;
        return HEARTH_OK;
    }
    if (c == 'x' || c == 'u') {
        p->at++;
        return c == 'x' ? parse_hex(p, 2, ret) : parse_unicode(p, ret);
    }
    if (c == '0' && !(p->at + 1 < p->length && p->text[p->at + 1] >= '0' && p->text[p->at + 1] <= '9')) {
        p->at++;
        *ret = 0;
        return HEARTH_OK;
    }
    if (c == 'c' && p->at + 1 < p->length) {
        *ret = (uint8_t)p->text[p->at + 1] & 31;
        p->at += 2;
        return HEARTH_OK;
    }
    if (c == 'b' || c == 'B' || c == 'k' || (c >= '0' && c <= '9') || c == 'p' || c == 'P') {
        return wrong(p, HEARTH_E_UNSUPPORTED, "a regular expression without \\b, \\p and references", "one");
    }
    if (c == '\0' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        return wrong(p, HEARTH_E_FORMAT, "a regular expression", "an unknown escape");
    }
    const size_t size = utf8_decode(p->text + p->at, p->length - p->at, ret);
    p->at += size == 0 ? 1 : size;
    return HEARTH_OK;
}

static hearth_status parse_member(pattern *p, bool in_class, ranges *s, uint32_t *ret, bool *ret_set)
{
    *ret_set = false;
    if (peek(p) == '\\') {
        p->at++;
        return parse_escape(p, in_class, s, ret, ret_set);
    }
    const size_t size = utf8_decode(p->text + p->at, p->length - p->at, ret);
    p->at += size == 0 ? 1 : size;
    return size == 0 ? wrong(p, HEARTH_E_FORMAT, "a regular expression", "no character") : HEARTH_OK;
}

static hearth_status parse_ranges(pattern *p, ranges *ret)
{
    while (peek(p) != ']' || p->at >= p->length) {
        uint32_t first = 0;
        bool named = false;
        if (p->at >= p->length) {
            return wrong(p, HEARTH_E_FORMAT, "a regular expression", "no ] of a class");
        }
        TRY(parse_member(p, true, ret, &first, &named));
        uint32_t last = first;
        if (!named && peek(p) == '-' && !next_is(p, "-]")) {
            p->at++;
            TRY(parse_member(p, true, ret, &last, &named));
            if (named || last < first) {
                return wrong(p, HEARTH_E_FORMAT, "a regular expression", "a range from higher to lower");
            }
        }
        if (!named) {
            ranges_add(ret, first, last);
        }
    }
    p->at++;
    return HEARTH_OK;
}

static hearth_status parse_class(pattern *p, ranges *ret)
{
    ranges given = {0};
    p->at++;
    const bool others = peek(p) == '^';
    p->at += others;
    const hearth_status status = parse_ranges(p, others ? &given : ret);
    if (others) {
        ranges_add_others(ret, &given);
        ranges_free(&given);
    }
    return status;
}

/* ---- terms ---- */

static hearth_status parse_choices(pattern *p, uint32_t from, uint32_t to);

static hearth_status parse_group(pattern *p, uint32_t from, uint32_t to)
{
    p->at++;
    if (++p->depth > LIMIT_GRAMMAR_DEPTH) {
        return wrong(p, HEARTH_E_LIMIT, "at most 200 groups in each other", "more");
    }
    if (next_is(p, "?=") || next_is(p, "?!") || next_is(p, "?<=") || next_is(p, "?<!")) {
        return wrong(p, HEARTH_E_UNSUPPORTED, "a regular expression without looking around", "a group that does");
    }
    if (next_is(p, "?:")) {
        p->at += 2;
    } else if (next_is(p, "?<")) {
        while (p->at < p->length && p->text[p->at] != '>') {
            p->at++;
        }
        p->at++;
    } else if (peek(p) == '?') {
        return wrong(p, HEARTH_E_UNSUPPORTED, "groups that are (…), (?:…) or (?<name>…)", "another");
    }
    TRY(parse_choices(p, from, to));
    if (peek(p) != ')') {
        return wrong(p, HEARTH_E_FORMAT, "a regular expression", "no ) of a group");
    }
    p->at++;
    p->depth--;
    return HEARTH_OK;
}

static hearth_status parse_set(pattern *p, uint32_t from, uint32_t to)
{
    ranges s = {0};
    hearth_status status = HEARTH_OK;
    const char c = peek(p);
    if (c == '[') {
        status = parse_class(p, &s);
    } else if (c == '.') {
        static uint32_t lines[][2] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
        const ranges ends = {.list = lines, .count = 3};
        p->at++;
        ranges_add_others(&s, &ends);
    } else {
        uint32_t code = 0;
        bool named = false;
        status = parse_member(p, false, &s, &code, &named);
        if (status == HEARTH_OK && !named) {
            ranges_add(&s, code, code);
        }
    }
    status = status == HEARTH_OK ? ranges_check(&s, p->error) : status;
    if (status == HEARTH_OK) {
        add_ranges(p, &s, from, to);
    }
    ranges_free(&s);
    return status;
}

static hearth_status parse_times(pattern *p, uint32_t *ret_least, uint32_t *ret_most)
{
    static const char *const found[] = {
        [SCAN_NO_NUMBER] = "no number in {}", [SCAN_NOT_CLOSED] = "no {least,most}", [SCAN_BELOW] = "no {least,most}"};
    const size_t begin = p->at;
    const scan_result result = scan_times(p->text, p->length, &p->at, false, ret_least, ret_most);
    if (result == SCAN_TOO_MANY) {
        return wrong(p, HEARTH_E_LIMIT, "at most 100000 times", "more");
    }
    if (result != SCAN_DONE) {
        return wrong(p, HEARTH_E_FORMAT, "a regular expression", found[result]);
    }
    p->at += p->at != begin && peek(p) == '?'; /* lazy: the same strings */
    return HEARTH_OK;
}

static hearth_status parse_sequence(pattern *p, uint32_t from, uint32_t to)
{
    while (p->at < p->length && peek(p) != '|' && peek(p) != ')') {
        const char c = peek(p);
        uint32_t least = 1;
        uint32_t most = 1;
        if (c == '*' || c == '+' || c == '?' || c == '{') {
            return wrong(p, HEARTH_E_FORMAT, "a regular expression", "a quantifier of nothing");
        }
        TRY(automaton_check(p->a, p->error));
        if (c == '^' || c == '$') {
            const uint32_t symbol = c == '^' ? SYMBOL_AT_BEGIN : SYMBOL_AT_END;
            const uint32_t next = automaton_add_state(p->a);
            automaton_add_edge(p->a, from, symbol, symbol, next);
            p->at++;
            from = next;
            continue;
        }
        automaton_part part = automaton_part_begin(p->a);
        TRY(c == '(' ? parse_group(p, part.from, part.to) : parse_set(p, part.from, part.to));
        automaton_part_end(p->a, &part);
        TRY(parse_times(p, &least, &most));
        TRY(automaton_check(p->a, p->error));
        from = automaton_add_times(p->a, from, &part, least, most);
    }
    automaton_add_nothing(p->a, from, to);
    return HEARTH_OK;
}

static hearth_status parse_choices(pattern *p, uint32_t from, uint32_t to)
{
    TRY(parse_sequence(p, from, to));
    while (peek(p) == '|') {
        p->at++;
        TRY(parse_sequence(p, from, to));
    }
    return HEARTH_OK;
}

/* ---- where the text begins and ends ---- */

/* Each state four times: whether a character was read before it, and whether none may be read any more. */
static void add_phases(const automaton *a, automaton *ret)
{
    for (uint32_t s = 0; s < 4 * a->state_count; s++) {
        automaton_add_state(ret);
    }
    for (uint32_t s = 0; s < a->state_count && ret->failed == HEARTH_OK; s++) {
        for (uint32_t phase = 0; phase < 4; phase++) {
            const bool read = phase & 1;
            const bool ended = phase & 2;
            ret->states[4 * s + phase].final = a->states[s].final;
            for (uint32_t e = a->states[s].first_edge; e != NO_STATE; e = a->edges[e].next) {
                const automaton_edge *edge = &a->edges[e];
                if (edge->first == SYMBOL_NOTHING || (edge->first == SYMBOL_AT_BEGIN && !read)) {
                    automaton_add_nothing(ret, 4 * s + phase, 4 * edge->to + phase);
                } else if (edge->first == SYMBOL_AT_END) {
                    automaton_add_nothing(ret, 4 * s + phase, 4 * edge->to + (phase | 2));
                } else if (edge->first < 256 && !ended) {
                    automaton_add_edge(ret, 4 * s + phase, edge->first, edge->last, 4 * edge->to + 1);
                }
            }
        }
    }
}

static hearth_status parse(pattern *p)
{
    const uint32_t begin = automaton_add_state(p->a);
    const uint32_t end = automaton_add_state(p->a);
    TRY(automaton_check(p->a, p->error));
    p->a->states[end].final = true;
    json_add_written(p->a, begin, 0, 0x10ffff, begin); /* it is found anywhere */
    json_add_written(p->a, end, 0, 0x10ffff, end);
    const uint32_t from = automaton_add_state(p->a);
    automaton_add_nothing(p->a, begin, from);
    TRY(parse_choices(p, from, end));
    return p->at < p->length ? wrong(p, HEARTH_E_FORMAT, "a regular expression", "a ) too many") : HEARTH_OK;
}

hearth_status schema_pattern(const char *text, size_t length, automaton *ret, hearth_error *error)
{
    automaton parsed = {0};
    automaton phases = {0};
    pattern p = {.text = text, .length = length, .a = &parsed, .error = error};
    hearth_status status = parse(&p);
    if (status == HEARTH_OK) {
        status = automaton_check(&parsed, error);
    }
    if (status == HEARTH_OK) {
        add_phases(&parsed, &phases);
    }
    automaton_free(&parsed);
    return status == HEARTH_OK ? automaton_finish(&phases, MOST_STATES, ret, error) : status;
}

hearth_status schema_length(uint32_t least, uint32_t most, automaton *ret, hearth_error *error)
{
    automaton a = {0};
    const uint32_t begin = automaton_add_state(&a);
    automaton_part part = automaton_part_begin(&a);
    json_add_written(&a, part.from, 0, 0x10ffff, part.to);
    automaton_part_end(&a, &part);
    const uint32_t end = automaton_add_times(&a, begin, &part, least, most);
    if (a.failed == HEARTH_OK) {
        a.states[end].final = true;
    }
    return automaton_finish(&a, MOST_STATES, ret, error);
}

hearth_status schema_string(const char *text, size_t length, automaton *ret, hearth_error *error)
{
    *ret = (automaton){0};
    uint32_t at = automaton_add_state(ret);
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        const size_t size = utf8_decode(text + i, length - i, &code);
        const uint32_t next = automaton_add_state(ret);
        json_add_written(ret, at, code, code, next);
        at = next;
        i += size == 0 ? 1 : size;
    }
    if (ret->failed == HEARTH_OK) {
        ret->states[at].final = true;
    }
    const hearth_status status = automaton_check(ret, error);
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    return status;
}

/* ---- formats ---- */

#define YEAR_LEAP "(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
#define DATE                                                                                                           \
    "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))|"       \
    "" YEAR_LEAP "-02-29)"
#define TIME "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"
#define LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define ATOM "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
#define BYTE "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define IPV4 BYTE "(\\." BYTE "){3}"
#define H16 "[0-9A-Fa-f]{1,4}"
#define LS32 "(" H16 ":" H16 "|" IPV4 ")"
#define IPV6                                                                                                           \
    "((" H16 ":){6}" LS32 "|::(" H16 ":){5}" LS32 "|(" H16 ")?::(" H16 ":){4}" LS32 "|((" H16 ":){0,1}" H16            \
    ")?::(" H16 ":){3}" LS32 "|((" H16 ":){0,2}" H16 ")?::(" H16 ":){2}" LS32 "|((" H16 ":){0,3}" H16 ")?::" H16       \
    ":" LS32 "|((" H16 ":){0,4}" H16 ")?::" LS32 "|((" H16 ":){0,5}" H16 ")?::" H16 "|((" H16 ":){0,6}" H16 ")?::)"
#define URI_CHARACTER "([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})"

const char *schema_format_pattern(const char *format)
{
    static const char *const rows[][2] = {
        {"date", "^" DATE "$"},
        {"time", "^" TIME "$"},
        {"date-time", "^" DATE "T" TIME "$"},
        {"duration",
         "^P(\\d+W|(\\d+Y(\\d+M(\\d+D)?)?|\\d+M(\\d+D)?|\\d+D)(T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S))?|"
         "T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S))$"},
        {"uuid", "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"},
        {"email", "^" ATOM "(\\." ATOM ")*@" LABEL "(\\." LABEL ")+$"},
        {"hostname", "^" LABEL "(\\." LABEL ")*$"},
        {"ipv4", "^" IPV4 "$"},
        {"ipv6", "^" IPV6 "$"},
        {"uri", "^[A-Za-z][A-Za-z0-9+.-]*:" URI_CHARACTER "+(#" URI_CHARACTER "*)?$"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i][0], format) == 0) {
            return rows[i][1];
        }
    }
    return NULL;
}
