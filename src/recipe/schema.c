/* A schema's objects by the rows of keys. What two numbers owe each other (heads and width) no schema says. */
#include "recipe/schema.h"
#include "recipe/keys.h"

#include <string.h>

static json_t *choices_schema(const char *const *choices)
{
    json_t *names = json_array();
    for (size_t i = 0; choices[i] != NULL; i++) {
        names = json_door_append(names, json_string(choices[i]));
    }
    return json_pack("{s:o}", "enum", names);
}

static json_t *text_schema(const recipe_key *k)
{
    if (k->choices != NULL) {
        return choices_schema(k->choices);
    }
    json_t *made = json_pack("{s:s}", "type", "string");
    return k->form != NULL && k->form->pattern != NULL ? json_door_put(made, "pattern", json_string(k->form->pattern))
                                                       : made;
}

/* A whole number is written as one, also where it is a bound. */
static json_t *bound(double value)
{
    return value >= RECIPE_SEED_MOST                              ? json_integer(INT64_MAX)
           : value == (double)(json_int_t)value && value < 0x1p53 ? json_integer((json_int_t)value)
                                                                  : json_door_number(value);
}

static json_t *number_schema(const recipe_key *k)
{
    json_t *made = json_pack("{s:s}", "type", k->type == KEY_REAL ? "number" : "integer");
    made = json_door_put(made, k->above ? "exclusiveMinimum" : "minimum", bound(k->least));
    return json_door_put(made, "maximum", bound(k->most));
}

static json_t *table_schema(const recipe_key *keys);

static json_t *list_schema(const recipe_key *k, json_t *item)
{
    json_t *made = json_pack("{s:s, s:o}", "type", "array", "items", item);
    made = k->least > 0 ? json_door_put(made, "minItems", bound(k->least)) : made;
    return k->most > 0 ? json_door_put(made, "maxItems", bound(k->most)) : made;
}

/* A rule's name, or a mapping with it and parameters, whose table is the corpus's. */
static json_t *rule_schema(void)
{
    json_t *scalar = json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    json_t *parameter = json_pack("{s:[O, {s:s, s:O}]}", "anyOf", scalar, "type", "array", "items", scalar);
    json_decref(scalar);
    json_t *name = json_pack("{s:s, s:s}", "type", "string", "pattern", form_rule.pattern);
    json_t *made = json_pack("{s:[O, {s:s, s:[s], s:{s:O}, s:o}]}", "anyOf", name, "type", "object", "required", "rule",
                             "properties", "rule", name, "additionalProperties", parameter);
    json_decref(name);
    return made;
}

static json_t *value_schema(const recipe_key *k)
{
    switch (k->type) {
    case KEY_TEXT:
        return text_schema(k);
    case KEY_U32:
    case KEY_U64:
    case KEY_REAL:
        return number_schema(k);
    case KEY_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case KEY_CHOICE:
        return choices_schema(k->choices);
    case KEY_TEXTS:
        return list_schema(k, text_schema(k));
    case KEY_MAP:
        return table_schema(k->keys);
    case KEY_LIST:
        return list_schema(k, table_schema(k->keys));
    case KEY_RULES:
        return list_schema(k, rule_schema());
    }
    return NULL;
}

static json_t *fallback(const recipe_key *k)
{
    if (k->required || k->derived != NULL || k->needed != 0) {
        return NULL;
    }
    switch (k->type) {
    case KEY_TEXT:
        return k->text != NULL ? json_string(k->text) : NULL;
    case KEY_U32:
    case KEY_U64:
    case KEY_REAL:
        return bound(k->fallback);
    case KEY_BOOL:
        return json_false();
    default:
        return NULL;
    }
}

/* For choice `index` of the selector: which keys it needs and which it does not have. */
static json_t *condition(const recipe_key *keys, const recipe_key *selector, unsigned index)
{
    json_t *needed = json_array(), *forbidden = json_object();
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        const bool mine = k->selector != NULL && strcmp(k->selector, selector->name) == 0;
        if (mine && (k->needed >> index & 1) != 0) {
            needed = json_door_append(needed, json_string(k->name));
        }
        if (mine && (k->allowed >> index & 1) == 0) {
            forbidden = json_door_put(forbidden, k->name, json_false());
        }
    }
    return json_pack("{s:{s:{s:{s:s}}, s:[s]}, s:{s:o, s:o}}", "if", "properties", selector->name, "const",
                     selector->choices[index], "required", selector->name, "then", "required", needed, "properties",
                     forbidden);
}

static bool selects(const recipe_key *keys, const recipe_key *selector)
{
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        if (k->selector != NULL && strcmp(k->selector, selector->name) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *conditions(const recipe_key *keys)
{
    json_t *all = json_array();
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        for (unsigned i = 0; selects(keys, k) && k->choices[i] != NULL; i++) {
            all = json_door_append(all, condition(keys, k, i));
        }
    }
    return all;
}

static json_t *table_schema(const recipe_key *keys)
{
    json_t *properties = json_object(), *required = json_array();
    for (const recipe_key *k = keys; k->name != NULL; k++) {
        json_t *value = json_door_put(value_schema(k), "description", json_string(k->help));
        json_t *absent = fallback(k);
        value = absent != NULL ? json_door_put(value, "default", absent) : value;
        properties = json_door_put(properties, k->name, value);
        required = k->required ? json_door_append(required, json_string(k->name)) : required;
    }
    json_t *all = conditions(keys);
    json_t *made = json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0, "required", required,
                             "properties", properties);
    if (json_array_size(all) == 0) {
        json_decref(all);
        return made;
    }
    return json_door_put(made, "allOf", all);
}

json_t *recipe_schema(void)
{
    json_t *made = json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema", "title",
                             "A recipe of hearth (docs/formats/recipe.md)");
    json_t *table = table_schema(recipe_keys);
    if (made == NULL || table == NULL || json_object_update(made, table) != 0) {
        json_decref(made);
        made = NULL;
    }
    json_decref(table);
    return made;
}
