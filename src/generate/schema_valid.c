/* Whether a given value is valid: for enum and const beside other keywords, and for the names of properties. */
#include "generate/schema.h"

#include "generate/schema_pattern.h"

#include <math.h>
#include <string.h>

static bool equal_kinds(const json_t *integer, const json_t *real)
{
    const double x = json_real_value(real);
    return x == floor(x) && x >= -0x1p63 && x < 0x1p63 && (json_int_t)x == json_integer_value(integer);
}

/* As JSON Schema has it: 1 and 1.0 are. */
static bool are_equal(const json_t *a, const json_t *b, size_t *steps)
{
    const char *key = NULL;
    json_t *inner = NULL;
    ++*steps;
    if (json_is_number(a) && json_is_number(b)) {
        return json_is_integer(a) && json_is_integer(b) ? json_integer_value(a) == json_integer_value(b)
               : json_is_real(a) && json_is_real(b)     ? json_real_value(a) == json_real_value(b)
                                                        : equal_kinds(json_is_real(a) ? b : a, json_is_real(a) ? a : b);
    }
    if (json_typeof(a) != json_typeof(b)) {
        return false;
    }
    if (json_is_array(a)) {
        bool equal = json_array_size(a) == json_array_size(b);
        for (size_t i = 0; equal && i < json_array_size(a); i++) {
            equal = are_equal(json_array_get(a, i), json_array_get(b, i), steps);
        }
        return equal;
    }
    if (json_is_object(a)) {
        bool equal = json_object_size(a) == json_object_size(b);
        json_object_foreach((json_t *)a, key, inner)
        {
            const json_t *other = json_object_get(b, key);
            equal = equal && other != NULL && are_equal(inner, other, steps);
        }
        return equal;
    }
    return json_equal(a, b);
}

static hearth_status equal_values(compiler *c, const json_t *a, const json_t *b, bool *ret)
{
    size_t steps = 0;
    *ret = are_equal(a, b, &steps);
    return schema_spend(c, steps);
}

/* Whether a string has a match of a pattern. */
static hearth_status matches(compiler *c, const json_t *schema, const char *key, const char *pattern,
                             size_t pattern_length, const char *text, size_t length, bool *ret)
{
    const automaton *a = NULL;
    automaton one = {0};
    TRY(schema_spend(c, length));
    TRY(schema_pattern_of(c, schema, key, pattern, pattern_length, &a));
    TRY(schema_string(text, length, &one, c->error));
    *ret = automaton_has(a, &one);
    automaton_free(&one);
    return HEARTH_OK;
}

hearth_status schema_name_matches(compiler *c, const json_t *schema, const char *pattern, const char *name, bool *ret)
{
    return matches(c, schema, "patternProperties", pattern, strlen(pattern), name, strlen(name), ret);
}

/* ---- one type each ---- */

static unsigned type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
        return TYPE_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return TYPE_BOOLEAN;
    case JSON_STRING:
        return TYPE_STRING;
    case JSON_ARRAY:
        return TYPE_ARRAY;
    case JSON_OBJECT:
        return TYPE_OBJECT;
    default:
        return json_number_value(value) == floor(json_number_value(value)) ? TYPE_INTEGER : TYPE_FRACTION;
    }
}

static hearth_status valid_string(compiler *c, const json_t *value, const json_t *schema, const char *key, bool *ret)
{
    const char *text = json_string_value(value);
    const size_t length = json_string_length(value);
    const json_t *wanted = json_object_get(schema, key);
    uint32_t count = 0;
    size_t characters = 0;
    TRY(schema_spend(c, length / 16));
    for (size_t i = 0; i < length; i++) {
        characters += ((uint8_t)text[i] & 0xc0) != 0x80;
    }
    if (strcmp(key, "minLength") == 0 || strcmp(key, "maxLength") == 0) {
        TRY(schema_count(c, schema, key, 0, &count));
        *ret = key[1] == 'i' ? characters >= count : characters <= count;
        return HEARTH_OK;
    }
    const char *pattern = json_string_value(wanted);
    size_t pattern_length = json_string_length(wanted);
    if (strcmp(key, "format") == 0 && pattern != NULL) {
        pattern = schema_format_pattern(pattern);
        pattern_length = pattern == NULL ? 0 : strlen(pattern);
    }
    return pattern == NULL ? HEARTH_OK : matches(c, schema, key, pattern, pattern_length, text, length, ret);
}

/* By the digits, as the rules of numbers have it. */
static hearth_status valid_number(compiler *c, const json_t *value, const json_t *schema, const char *key, bool *ret)
{
    decimal x;
    decimal bound;
    const bool few = decimal_read(value, &x);
    if (strcmp(key, "multipleOf") == 0) {
        TRY(schema_read_step(c, schema, &bound));
        TRY(schema_spend(c, 64));
        *ret = few && decimal_is_multiple(&x, &bound);
        return few ? HEARTH_OK
                   : schema_error(c, HEARTH_E_UNSUPPORTED, schema, key,
                                  "values of at most 40 digits before and after the point", "more");
    }
    TRY(schema_read_decimal(c, schema, key, &bound));
    const double far = json_number_value(value); /* of more digits: it is not near any bound of fewer */
    const double near = json_number_value(json_object_get(schema, key));
    const int order = few ? decimal_compare(&x, &bound) : (far > near) - (far < near);
    *ret = strcmp(key, "minimum") == 0            ? order >= 0
           : strcmp(key, "maximum") == 0          ? order <= 0
           : strcmp(key, "exclusiveMinimum") == 0 ? order > 0
                                                  : order < 0;
    return HEARTH_OK;
}

static hearth_status valid_array(compiler *c, const json_t *value, const json_t *schema, const char *key, bool *ret)
{
    uint32_t count = 0;
    const size_t size = json_array_size(value);
    const json_t *wanted = json_object_get(schema, key);
    if (strcmp(key, "minItems") == 0 || strcmp(key, "maxItems") == 0) {
        TRY(schema_count(c, schema, key, 0, &count));
        *ret = key[1] == 'i' ? size >= count : size <= count;
        return HEARTH_OK;
    }
    if (strcmp(key, "uniqueItems") == 0) {
        for (size_t i = 0; json_is_true(wanted) && i < size; i++) {
            for (size_t j = 0; j < i; j++) {
                bool equal = false;
                TRY(equal_values(c, json_array_get(value, i), json_array_get(value, j), &equal));
                *ret = *ret && !equal;
            }
        }
        return HEARTH_OK;
    }
    const bool prefix = strcmp(key, "prefixItems") == 0;
    const size_t from = prefix ? 0 : json_array_size(json_object_get(schema, "prefixItems"));
    const size_t end = prefix && json_array_size(wanted) < size ? json_array_size(wanted) : size;
    if (!prefix && strcmp(key, "items") != 0) {
        const json_t *least = json_object_get(schema, "minContains");
        const bool nothing = json_is_number(least) && json_number_value(least) == 0 && /* it says nothing */
                             json_object_get(schema, "maxContains") == NULL;
        return nothing || json_object_get(schema, "contains") == NULL
                   ? HEARTH_OK
                   : schema_error(c, HEARTH_E_UNSUPPORTED, schema, "contains", "items, prefixItems", "contains");
    }
    for (size_t i = from; i < end && *ret; i++) {
        TRY(schema_valid_whole(c, json_array_get(value, i), prefix ? json_array_get(wanted, i) : wanted, ret));
    }
    return HEARTH_OK;
}

/* The value of one property under `properties`, `patternProperties` and `additionalProperties` together. */
static hearth_status valid_member(compiler *c, const char *name, const json_t *value, const json_t *schema, bool *ret)
{
    const json_t *own = json_object_get(json_object_get(schema, "properties"), name);
    const json_t *rest = json_object_get(schema, "additionalProperties");
    const char *pattern = NULL;
    json_t *inner = NULL;
    bool told = own != NULL;
    if (own != NULL) {
        TRY(schema_valid_whole(c, value, own, ret));
    }
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, inner)
    {
        bool has = false;
        TRY(schema_name_matches(c, schema, pattern, name, &has));
        told = told || has;
        if (has && *ret) {
            TRY(schema_valid_whole(c, value, inner, ret));
        }
    }
    return told || rest == NULL || !*ret ? HEARTH_OK : schema_valid_whole(c, value, rest, ret);
}

static hearth_status valid_object(compiler *c, const json_t *value, const json_t *schema, bool *ret)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *names = json_object_get(schema, "propertyNames");
    uint32_t least = 0;
    uint32_t most = 0;
    const char *name = NULL;
    json_t *inner = NULL;
    TRY(schema_spend(c, json_array_size(required) + json_object_size(value)));
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *needed = json_string_value(json_array_get(required, i));
        *ret = *ret && needed != NULL && json_object_get(value, needed) != NULL;
    }
    TRY(schema_count(c, schema, "minProperties", 0, &least));
    TRY(schema_count(c, schema, "maxProperties", UINT32_MAX, &most));
    *ret = *ret && json_object_size(value) >= least && json_object_size(value) <= most;
    json_object_foreach((json_t *)value, name, inner)
    {
        json_t *text = names == NULL || !*ret ? NULL : json_string(name);
        if (text != NULL) {
            const hearth_status status = schema_valid_whole(c, text, names, ret);
            json_decref(text);
            TRY(status);
        }
        if (*ret) {
            TRY(valid_member(c, name, inner, schema, ret));
        }
    }
    return HEARTH_OK;
}

/* ---- one keyword, one element ---- */

static hearth_status valid_any_type(compiler *c, const json_t *value, const json_t *schema, const char *key, bool *ret)
{
    const json_t *wanted = json_object_get(schema, key);
    if (strcmp(key, "const") == 0) {
        return equal_values(c, value, wanted, ret);
    } else if (strcmp(key, "enum") == 0) {
        *ret = wanted == c->listed && value == c->listed_value;
        for (size_t i = 0; i < json_array_size(wanted) && !*ret; i++) {
            TRY(equal_values(c, value, json_array_get(wanted, i), ret));
        }
    } else if (strcmp(key, "type") == 0) {
        const element_set one = {&(element){ELEMENT_LEAF, schema, NULL}, 1, 0};
        unsigned types = 0;
        TRY(schema_types(c, &one, &types));
        *ret = (types & type_of(value)) != 0;
    }
    return HEARTH_OK;
}

static bool is_one_of(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (strcmp(key, *keys) == 0) {
            return true;
        }
    }
    return false;
}

/* Keywords of one schema but for those that combine schemas; those of objects are looked at together. */
static hearth_status valid_keyword(compiler *c, const json_t *value, const json_t *schema, const char *key, bool *ret)
{
    static const char *const of_strings[] = {"minLength", "maxLength", "pattern", "format", NULL};
    static const char *const of_arrays[] = {"items",       "prefixItems", "minItems",    "maxItems", "contains",
                                            "uniqueItems", "minContains", "maxContains", NULL};
    static const char *const of_numbers[] = {"multipleOf",       "minimum",          "maximum",
                                             "exclusiveMinimum", "exclusiveMaximum", NULL};
    *ret = true;
    if (is_one_of(key, of_strings)) {
        return json_is_string(value) ? valid_string(c, value, schema, key, ret) : HEARTH_OK;
    }
    if (is_one_of(key, of_arrays)) {
        return json_is_array(value) ? valid_array(c, value, schema, key, ret) : HEARTH_OK;
    }
    if (is_one_of(key, of_numbers)) {
        return json_is_number(value) ? valid_number(c, value, schema, key, ret) : HEARTH_OK;
    }
    return valid_any_type(c, value, schema, key, ret);
}

static hearth_status valid_leaf(compiler *c, const json_t *value, const json_t *schema, bool *ret)
{
    const char *key = NULL;
    json_t *inner = NULL;
    *ret = true;
    TRY(schema_spend(c, json_object_size(schema)));
    json_object_foreach((json_t *)schema, key, inner)
    {
        if (*ret) {
            TRY(valid_keyword(c, value, schema, key, ret));
        }
    }
    return json_is_object(value) && *ret ? valid_object(c, value, schema, ret) : HEARTH_OK;
}

static hearth_status valid_not_key(compiler *c, const json_t *value, const element *e, bool *ret)
{
    static const char *const of_objects[] = {"minProperties", "maxProperties", NULL};
    uint32_t count = 0;
    if (is_one_of(e->key, of_objects)) {
        const size_t size = json_object_size(value);
        TRY(schema_count(c, e->schema, e->key, 0, &count));
        *ret = json_is_object(value) && !(e->key[1] == 'i' ? size >= count : size <= count);
        return HEARTH_OK;
    }
    TRY(valid_keyword(c, value, e->schema, e->key, ret));
    *ret = !*ret;
    return HEARTH_OK;
}

static hearth_status valid_element(compiler *c, const json_t *value, const element *e, bool *ret)
{
    const json_t *member = e->key == NULL ? NULL : json_object_get(value, e->key);
    switch (e->kind) {
    case ELEMENT_LEAF:
        return valid_leaf(c, value, e->schema, ret);
    case ELEMENT_NOT_KEY:
        return valid_not_key(c, value, e, ret);
    case ELEMENT_PRESENT:
        *ret = e->key == NULL ? json_is_object(value) : !json_is_object(value) || member != NULL;
        return HEARTH_OK;
    case ELEMENT_ABSENT:
        *ret = member == NULL;
        return HEARTH_OK;
    case ELEMENT_WRONG:
        *ret = member != NULL;
        if (*ret) {
            TRY(schema_valid_whole(c, member, e->schema, ret));
            *ret = !*ret;
        }
        return HEARTH_OK;
    default: /* spread out before */
        *ret = false;
        return HEARTH_OK;
    }
}

hearth_status schema_valid(compiler *c, const json_t *value, const element_set *s, bool *ret)
{
    *ret = true;
    for (size_t i = 0; i < s->count && *ret; i++) {
        TRY(valid_element(c, value, &s->list[i], ret));
    }
    return HEARTH_OK;
}

hearth_status schema_valid_whole(compiler *c, const json_t *value, const json_t *schema, bool *ret)
{
    element_set s = {0};
    alternatives a = {0};
    TRY(set_add(c, &s, (element){ELEMENT_WHOLE, schema, NULL}));
    hearth_status status = schema_spread(c, &s, &a);
    *ret = false;
    for (size_t i = 0; i < a.count && status == HEARTH_OK && !*ret; i++) {
        status = schema_valid(c, value, &a.list[i], ret);
    }
    alternatives_free(&a);
    set_free(&s);
    return status;
}
