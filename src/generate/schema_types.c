/* What leaves say of types: which are left, what enumerations give and forbid, and numbers. */
#include "generate/schema.h"

#include "base/limits.h"

#include <math.h>
#include <string.h>

/* ---- types ---- */

/* 0: none */
static unsigned type_named(const char *name)
{
    static const struct {
        const char *name;
        unsigned types;
    } rows[] = {{"null", TYPE_NULL},       {"boolean", TYPE_BOOLEAN},
                {"integer", TYPE_INTEGER}, {"number", TYPE_INTEGER | TYPE_FRACTION},
                {"string", TYPE_STRING},   {"array", TYPE_ARRAY},
                {"object", TYPE_OBJECT}};
    for (size_t i = 0; name != NULL && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].types;
        }
    }
    return 0;
}

static hearth_status types_of(compiler *c, const json_t *schema, unsigned *ret)
{
    const json_t *type = json_object_get(schema, "type");
    const bool list = json_is_array(type);
    const size_t count = list ? json_array_size(type) : 1;
    TRY(schema_spend(c, count));
    *ret = type == NULL ? TYPE_ALL : 0;
    for (size_t i = 0; type != NULL && i < count; i++) {
        const unsigned named = type_named(json_string_value(list ? json_array_get(type, i) : type));
        if (named == 0) {
            return schema_error(c, HEARTH_E_ARGUMENT, schema, "type", "the name of a type, or an array of names",
                                "another value");
        }
        *ret |= named;
    }
    return HEARTH_OK;
}

/* What must be so where an assertion fails: the types that it is about. 0: we cannot say it. */
static hearth_status types_without(compiler *c, const element *e, unsigned *ret)
{
    static const struct {
        const char *key;
        unsigned types;
    } rows[] = {{"minimum", TYPE_INTEGER | TYPE_FRACTION},
                {"maximum", TYPE_INTEGER | TYPE_FRACTION},
                {"exclusiveMinimum", TYPE_INTEGER | TYPE_FRACTION},
                {"exclusiveMaximum", TYPE_INTEGER | TYPE_FRACTION},
                {"minLength", TYPE_STRING},
                {"maxLength", TYPE_STRING},
                {"pattern", TYPE_STRING},
                {"minItems", TYPE_ARRAY},
                {"maxItems", TYPE_ARRAY},
                {"minProperties", TYPE_OBJECT},
                {"maxProperties", TYPE_OBJECT},
                {"enum", TYPE_ALL},
                {"const", TYPE_ALL}};
    *ret = 0;
    if (strcmp(e->key, "type") == 0) {
        TRY(types_of(c, e->schema, ret));
        *ret = TYPE_ALL & ~*ret;
        return HEARTH_OK;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        *ret = strcmp(rows[i].key, e->key) == 0 ? rows[i].types : *ret;
    }
    return *ret != 0 ? HEARTH_OK
                     : schema_error(c, HEARTH_E_UNSUPPORTED, e->schema, e->key,
                                    "under \"not\" or \"if\", keywords that docs/structured-output.md has", e->key);
}

hearth_status schema_types(compiler *c, const element_set *s, unsigned *ret)
{
    *ret = TYPE_ALL;
    for (size_t i = 0; i < s->count; i++) {
        const element *e = &s->list[i];
        unsigned types = TYPE_ALL;
        if (e->kind == ELEMENT_LEAF) {
            TRY(types_of(c, e->schema, &types));
        } else if (e->kind == ELEMENT_NOT_KEY) {
            TRY(types_without(c, e, &types));
        } else if (e->kind == ELEMENT_WRONG || (e->kind == ELEMENT_PRESENT && e->key == NULL)) {
            types = TYPE_OBJECT;
        }
        *ret &= types;
    }
    return HEARTH_OK;
}

hearth_status schema_count(compiler *c, const json_t *schema, const char *key, uint32_t otherwise, uint32_t *ret)
{
    const json_t *value = json_object_get(schema, key);
    const double number = json_number_value(value);
    *ret = otherwise;
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_number(value) || number < 0 || number != floor(number)) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, key, "a number of things: 0, 1, …", "another value");
    }
    if (number > LIMIT_GRAMMAR_REPEATS) {
        return schema_error(c, HEARTH_E_LIMIT, schema, key, "at most 100000", "more");
    }
    *ret = (uint32_t)number;
    return HEARTH_OK;
}

hearth_status schema_counts(compiler *c, const element_set *s, const char *least_key, const char *most_key, counts *ret)
{
    *ret = (counts){0, UINT32_MAX};
    for (size_t i = 0; i < s->count; i++) {
        const element *e = &s->list[i];
        uint32_t least = 0;
        uint32_t most = UINT32_MAX;
        uint32_t n = 0;
        if (e->kind == ELEMENT_LEAF) {
            TRY(schema_count(c, e->schema, least_key, 0, &least));
            TRY(schema_count(c, e->schema, most_key, UINT32_MAX, &most));
        } else if (e->kind == ELEMENT_NOT_KEY && strcmp(e->key, least_key) == 0) {
            TRY(schema_count(c, e->schema, least_key, 0, &n));
            least = n == 0 ? 1 : 0; /* not at least 0: never */
            most = n == 0 ? 0 : n - 1;
        } else if (e->kind == ELEMENT_NOT_KEY && strcmp(e->key, most_key) == 0) {
            TRY(schema_count(c, e->schema, most_key, 0, &n));
            least = n + 1;
        }
        ret->least = least > ret->least ? least : ret->least;
        ret->most = most < ret->most ? most : ret->most;
    }
    return HEARTH_OK;
}

/* ---- values that an enumeration gives ---- */

const json_t *schema_enumeration(const element_set *s, const json_t **ret_schema)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const json_t *value = s->list[i].kind == ELEMENT_LEAF ? json_object_get(s->list[i].schema, "const") : NULL;
        const json_t *list = s->list[i].kind == ELEMENT_LEAF ? json_object_get(s->list[i].schema, "enum") : NULL;
        if (value != NULL || (list != NULL && found == NULL)) {
            found = value != NULL ? value : list;
            *ret_schema = s->list[i].schema;
            if (value != NULL) {
                return found;
            }
        }
    }
    return found;
}

static hearth_status add_value(compiler *c, uint32_t rule, const json_t *value, const element_set *s)
{
    bool valid = false;
    TRY(schema_valid(c, value, s, &valid));
    if (valid) {
        json_finish(&c->json, rule, json_then_value(&c->json, rule, RULE_BEGIN, value));
    }
    return grammar_rules_check(c->rules, c->error);
}

hearth_status schema_add_enumeration(compiler *c, uint32_t rule, const json_t *values, const json_t *schema,
                                     const element_set *s)
{
    if (json_object_get(schema, "const") == values) {
        return add_value(c, rule, values, s);
    }
    if (!json_is_array(values)) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, "enum", "an array of values", "another value");
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < json_array_size(values) && status == HEARTH_OK; i++) {
        c->listed = values;
        c->listed_value = json_array_get(values, i);
        status = add_value(c, rule, c->listed_value, s);
    }
    c->listed = c->listed_value = NULL;
    return status;
}

hearth_status schema_forbid(compiler *c, const element_set *s, unsigned *types, bool ret_booleans[2])
{
    for (size_t i = 0; i < s->count; i++) {
        const element *e = &s->list[i];
        const bool one = e->kind == ELEMENT_NOT_KEY && strcmp(e->key, "const") == 0;
        const bool list = e->kind == ELEMENT_NOT_KEY && strcmp(e->key, "enum") == 0;
        const json_t *values = one || list ? json_object_get(e->schema, e->key) : NULL;
        for (size_t j = 0; values != NULL && j < (one ? 1 : json_array_size(values)); j++) {
            const json_t *value = one ? values : json_array_get(values, j);
            const unsigned other = json_is_number(value)  ? TYPE_INTEGER | TYPE_FRACTION
                                   : json_is_array(value) ? TYPE_ARRAY
                                                          : TYPE_OBJECT;
            if (json_is_null(value)) {
                *types &= ~(unsigned)TYPE_NULL;
            } else if (json_is_boolean(value)) {
                ret_booleans[json_is_true(value)] = false;
            } else if (!json_is_string(value) && (*types & other) != 0) {
                return schema_error(c, HEARTH_E_UNSUPPORTED, e->schema, e->key,
                                    "under \"not\", strings, true, false and null", "another value");
            }
        }
    }
    return HEARTH_OK;
}

/* ---- numbers ---- */

hearth_status schema_read_decimal(compiler *c, const json_t *schema, const char *key, decimal *ret)
{
    const json_t *value = json_object_get(schema, key);
    *ret = (decimal){0};
    if (!json_is_number(value)) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, key, "a number", "another value");
    }
    return decimal_read(value, ret) ? HEARTH_OK
                                    : schema_error(c, HEARTH_E_UNSUPPORTED, schema, key,
                                                   "a number of at most 40 digits before and after the point", "more");
}

hearth_status schema_read_step(compiler *c, const json_t *schema, decimal *ret)
{
    TRY(schema_read_decimal(c, schema, "multipleOf", ret));
    return ret->negative || ret->whole_count + ret->fraction_count == 0
               ? schema_error(c, HEARTH_E_ARGUMENT, schema, "multipleOf", "a positive number", "another")
               : HEARTH_OK;
}

static void raise_low(number_range *r, const decimal *bound, bool excluded)
{
    const int order = r->has_low ? decimal_compare(bound, &r->low) : 1;
    if (order >= 0) {
        r->low_excluded = excluded || (order == 0 && r->low_excluded);
        r->low = *bound;
        r->has_low = true;
    }
}

static void lower_high(number_range *r, const decimal *bound, bool excluded)
{
    const int order = r->has_high ? decimal_compare(bound, &r->high) : -1;
    if (order <= 0) {
        r->high_excluded = excluded || (order == 0 && r->high_excluded);
        r->high = *bound;
        r->has_high = true;
    }
}

static hearth_status narrow(compiler *c, number_range *r, const element_set *s)
{
    static const struct {
        const char *key;
        bool low, excluded;
    } rows[] = {{"minimum", true, false},
                {"exclusiveMinimum", true, true},
                {"maximum", false, false},
                {"exclusiveMaximum", false, true}};
    for (size_t i = 0; i < s->count; i++) {
        const element *e = &s->list[i];
        for (size_t j = 0; j < 4; j++) {
            const bool holds = e->kind == ELEMENT_LEAF && json_object_get(e->schema, rows[j].key) != NULL;
            const bool fails = e->kind == ELEMENT_NOT_KEY && strcmp(e->key, rows[j].key) == 0;
            decimal bound;
            if (!holds && !fails) {
                continue;
            }
            TRY(schema_read_decimal(c, e->schema, rows[j].key, &bound));
            if (rows[j].low == holds) {
                raise_low(r, &bound, rows[j].excluded == holds);
            } else {
                lower_high(r, &bound, rows[j].excluded == holds);
            }
        }
    }
    return HEARTH_OK;
}

static hearth_status add_multiples(compiler *c, automaton *a, const element_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const json_t *schema = s->list[i].kind == ELEMENT_LEAF ? s->list[i].schema : NULL;
        if (json_object_get(schema, "multipleOf") == NULL) {
            continue;
        }
        decimal step;
        automaton multiples = {0};
        TRY(schema_read_step(c, schema, &step));
        TRY(schema_error_at(c, schema_number_multiple(&step, &multiples, c->error), schema, "multipleOf"));
        hearth_status status = schema_spend(c, multiples.work);
        status = status == HEARTH_OK ? schema_restrict(c, a, &multiples, true) : status;
        automaton_free(&multiples);
        TRY(status);
    }
    return HEARTH_OK;
}

static bool has_multiples(const element_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].kind == ELEMENT_LEAF && json_object_get(s->list[i].schema, "multipleOf") != NULL) {
            return true;
        }
    }
    return false;
}

hearth_status schema_add_numbers(compiler *c, uint32_t rule, const element_set *s, unsigned types)
{
    number_range range = {.integers = (types & TYPE_FRACTION) == 0, .fractions = (types & TYPE_INTEGER) == 0};
    TRY(narrow(c, &range, s));
    if (!range.has_low && !range.has_high && !range.fractions && !has_multiples(s)) {
        const uint32_t any = range.integers ? json_rule_integer(&c->json) : json_rule_number(&c->json);
        grammar_add_call(c->rules, rule, RULE_BEGIN, any, RULE_END);
        return HEARTH_OK;
    }
    automaton numbers = {0};
    hearth_status status = schema_number_range(&range, &numbers, c->error);
    if (status == HEARTH_OK) {
        status = add_multiples(c, &numbers, s);
    }
    if (status == HEARTH_OK && !range.integers) {
        automaton few = {0};
        status = schema_number_told_apart(&few, c->error);
        status = status == HEARTH_OK ? schema_restrict(c, &numbers, &few, true) : status;
        automaton_free(&few);
    }
    if (status == HEARTH_OK && !automaton_is_empty(&numbers)) {
        automaton_add_copy(&c->rules->rules[rule], RULE_BEGIN, &numbers, RULE_END);
    }
    automaton_free(&numbers);
    return status;
}
