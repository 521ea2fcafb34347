/* Arrays and objects. */
#include "generate/schema.h"

#include "base/limits.h"
#include "base/memory.h"
#include "generate/schema_pattern.h"

#include <string.h>

/* ---- arrays ---- */

static const json_t *leaf_key(const element *e, const char *key)
{
    return e->kind == ELEMENT_LEAF ? json_object_get(e->schema, key) : NULL;
}

static hearth_status check_array(compiler *c, const element_set *s, const counts *n)
{
    for (size_t i = 0; i < s->count; i++) {
        const element *e = &s->list[i];
        const json_t *contains = leaf_key(e, "contains");
        const json_t *least = leaf_key(e, "minContains");
        if (json_is_true(leaf_key(e, "uniqueItems")) && n->most > 1) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, e->schema, "uniqueItems", "false, or maxItems of 1", "true");
        }
        if (contains != NULL && n->most > 0 &&
            !(json_is_number(least) && json_number_value(least) == 0 && leaf_key(e, "maxContains") == NULL)) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, e->schema, "contains", "items, prefixItems", "contains");
        }
        if (leaf_key(e, "prefixItems") != NULL && !json_is_array(leaf_key(e, "prefixItems"))) {
            return schema_error(c, HEARTH_E_ARGUMENT, e->schema, "prefixItems", "an array of schemas", "another type");
        }
        if (json_is_array(leaf_key(e, "items"))) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, e->schema, "items",
                                "one schema (an array is prefixItems since 2020-12)", "an array");
        }
    }
    return HEARTH_OK;
}

/* The rule of the item number `index`; one past all prefixes stands for all others. */
static hearth_status item_rule(compiler *c, const element_set *s, size_t index, uint32_t *ret)
{
    element_set item = {0};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < s->count && status == HEARTH_OK; i++) {
        const json_t *prefix = leaf_key(&s->list[i], "prefixItems");
        const json_t *schema =
            index < json_array_size(prefix) ? json_array_get(prefix, index) : leaf_key(&s->list[i], "items");
        if (schema != NULL) {
            status = set_add(c, &item, (element){ELEMENT_WHOLE, schema, NULL});
        }
    }
    if (status != HEARTH_OK) {
        set_free(&item);
        return status;
    }
    return schema_rule(c, &item, ret);
}

static void close_array(compiler *c, uint32_t rule, uint32_t from)
{
    json_finish(&c->json, rule, json_then_text(&c->json, rule, json_then_space(&c->json, rule, from), "]"));
}

/* From after `made` items: a comma and another one; where it ends. */
static uint32_t then_item(compiler *c, uint32_t rule, uint32_t from, uint32_t made, uint32_t item)
{
    json_rules *j = &c->json;
    from = made == 0 ? from : json_then_text(j, rule, from, ",");
    return json_then_call(j, rule, json_then_space(j, rule, from), item);
}

hearth_status schema_add_array(compiler *c, uint32_t outer, const element_set *s)
{
    counts n;
    size_t prefixes = 0;
    TRY(schema_counts(c, s, "minItems", "maxItems", &n));
    TRY(check_array(c, s, &n));
    if (n.least > n.most) {
        return HEARTH_OK;
    }
    for (size_t i = 0; i < s->count; i++) {
        const size_t count = json_array_size(leaf_key(&s->list[i], "prefixItems"));
        prefixes = count > prefixes ? count : prefixes;
    }
    const uint32_t rule = grammar_add_rule(c->rules);
    uint32_t at = json_then_text(&c->json, rule, RULE_BEGIN, "[");
    uint32_t item = 0;
    uint32_t before_last = at;
    const uint32_t fixed = n.most != UINT32_MAX ? n.most : prefixes > n.least ? (uint32_t)prefixes : n.least;
    for (uint32_t made = 0; made <= fixed; made++) {
        TRY(grammar_rules_check(c->rules, c->error));
        if (made >= n.least) {
            close_array(c, rule, at);
        }
        if (made < fixed || n.most == UINT32_MAX) {
            if (made <= prefixes) {
                TRY(item_rule(c, s, made, &item));
            }
            before_last = at;
            at = then_item(c, rule, at, made, item);
        }
    }
    if (n.most == UINT32_MAX) { /* any number more: back to before the comma */
        close_array(c, rule, at);
        if (fixed == 0) {
            before_last = at;
            at = then_item(c, rule, at, 1, item);
        }
        grammar_rules_check(c->rules, NULL);
        automaton_add_nothing(&c->rules->rules[rule], at, before_last);
    }
    grammar_add_call(c->rules, outer, RULE_BEGIN, rule, RULE_END);
    return grammar_rules_check(c->rules, c->error);
}

/* ---- objects ---- */

enum { MOST_PATTERNS = 6 };

typedef struct member {
    const char *name;
    bool required, absent;
    uint32_t rule; /* of "name": value */
} member;

typedef struct shape {
    member *members;
    json_t *names; /* to numbers in `members` */
    size_t count, capacity;
    struct {
        const json_t *schema; /* the leaf that has it */
        const char *text;
    } patterns[MOST_PATTERNS];
    size_t pattern_count;
    bool names_told; /* by propertyNames */
} shape;

static hearth_status find_member(compiler *c, shape *o, const char *name, member **ret)
{
    const json_t *known = json_object_get(o->names, name);
    TRY(schema_spend(c, 1));
    if (known != NULL) {
        *ret = &o->members[json_integer_value(known)];
        return HEARTH_OK;
    }
    if (o->count >= LIMIT_GRAMMAR_RULES) {
        return schema_error(c, HEARTH_E_LIMIT, c->root, NULL, "at most 65536 properties of one object", "more");
    }
    if (!grammar_grow(&o->members, &o->capacity, o->count + 1, sizeof *o->members) ||
        json_object_set_new(o->names, name, json_integer((json_int_t)o->count)) != 0) {
        return schema_memory(c);
    }
    o->members[o->count] = (member){.name = name};
    *ret = &o->members[o->count++];
    return HEARTH_OK;
}

static hearth_status note_object(compiler *c, const json_t *schema, const char *key, const json_t **ret)
{
    *ret = json_object_get(schema, key);
    return *ret == NULL || json_is_object(*ret)
               ? HEARTH_OK
               : schema_error(c, HEARTH_E_ARGUMENT, schema, key, "an object of schemas", "another type");
}

static hearth_status note_leaf(compiler *c, shape *o, const json_t *schema)
{
    const json_t *properties = NULL;
    const json_t *patterns = NULL;
    const json_t *required = json_object_get(schema, "required");
    const char *name = NULL;
    json_t *inner = NULL;
    member *m = NULL;
    TRY(note_object(c, schema, "properties", &properties));
    TRY(note_object(c, schema, "patternProperties", &patterns));
    json_object_foreach((json_t *)properties, name, inner)
    {
        TRY(find_member(c, o, name, &m));
    }
    json_object_foreach((json_t *)patterns, name, inner)
    {
        if (o->pattern_count == MOST_PATTERNS) {
            return schema_error(c, HEARTH_E_LIMIT, schema, "patternProperties", "at most 6 patterns", "more");
        }
        o->patterns[o->pattern_count].schema = schema;
        o->patterns[o->pattern_count++].text = name;
    }
    if (required != NULL && !json_is_array(required)) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, "required", "an array of names", "another type");
    }
    for (size_t i = 0; i < json_array_size(required); i++) {
        name = json_string_value(json_array_get(required, i));
        if (name == NULL) {
            return schema_error(c, HEARTH_E_ARGUMENT, schema, "required", "an array of names", "another type in it");
        }
        TRY(find_member(c, o, name, &m));
        m->required = true;
    }
    o->names_told = o->names_told || json_object_get(schema, "propertyNames") != NULL;
    return HEARTH_OK;
}

static hearth_status note_members(compiler *c, shape *o, const element_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const element *e = &s->list[i];
        member *m = NULL;
        if (e->kind == ELEMENT_LEAF) {
            TRY(note_leaf(c, o, e->schema));
        } else if (e->key != NULL && e->kind != ELEMENT_NOT_KEY) {
            TRY(find_member(c, o, e->key, &m));
            m->required = m->required || e->kind != ELEMENT_ABSENT;
            m->absent = m->absent || e->kind == ELEMENT_ABSENT;
        }
    }
    return HEARTH_OK;
}

/* What one leaf says of a name. */
static hearth_status add_name(compiler *c, element_set *value, const json_t *schema, const char *name)
{
    const json_t *own = json_object_get(json_object_get(schema, "properties"), name);
    const json_t *rest = json_object_get(schema, "additionalProperties");
    const char *pattern = NULL;
    json_t *inner = NULL;
    bool told = own != NULL;
    if (own != NULL) {
        TRY(set_add(c, value, (element){ELEMENT_WHOLE, own, NULL}));
    }
    json_object_foreach(json_object_get(schema, "patternProperties"), pattern, inner)
    {
        bool matches = false;
        TRY(schema_name_matches(c, schema, pattern, name, &matches));
        told = told || matches;
        if (matches) {
            TRY(set_add(c, value, (element){ELEMENT_WHOLE, inner, NULL}));
        }
    }
    return told || rest == NULL ? HEARTH_OK : set_add(c, value, (element){ELEMENT_WHOLE, rest, NULL});
}

static hearth_status name_allowed(compiler *c, const element_set *s, const char *name, bool *ret)
{
    json_t *text = json_string(name);
    hearth_status status = text == NULL ? schema_memory(c) : HEARTH_OK;
    *ret = true;
    for (size_t i = 0; i < s->count && status == HEARTH_OK && *ret; i++) {
        const json_t *names = leaf_key(&s->list[i], "propertyNames");
        if (names != NULL) {
            status = schema_valid_whole(c, text, names, ret);
        }
    }
    json_decref(text);
    return status;
}

/* `"name" : value` as a rule; 0 where it cannot be there. */
static hearth_status member_rule(compiler *c, member *m, const element_set *s)
{
    element_set value = {0};
    bool allowed = !m->absent;
    uint32_t rule = 0;
    hearth_status status = allowed ? name_allowed(c, s, m->name, &allowed) : HEARTH_OK;
    for (size_t i = 0; i < s->count && status == HEARTH_OK && allowed; i++) {
        const element *e = &s->list[i];
        if (e->kind == ELEMENT_LEAF) {
            status = add_name(c, &value, e->schema, m->name);
        } else if (e->kind == ELEMENT_WRONG && strcmp(e->key, m->name) == 0) {
            status = set_add(c, &value, (element){ELEMENT_NOT, e->schema, NULL});
        }
    }
    if (status != HEARTH_OK || !allowed) {
        set_free(&value);
        return status;
    }
    TRY(schema_rule(c, &value, &rule));
    json_t *name = json_string(m->name);
    m->rule = grammar_add_rule(c->rules);
    uint32_t at = name == NULL ? RULE_BEGIN : json_then_value(&c->json, m->rule, RULE_BEGIN, name);
    at = json_then_text(&c->json, m->rule, at, ":");
    grammar_add_call(c->rules, m->rule, json_then_space(&c->json, m->rule, at), rule, RULE_END);
    json_decref(name);
    return name == NULL ? schema_memory(c) : grammar_rules_check(c->rules, c->error);
}

/* ---- names that are not told one by one ---- */

/* All names but those told. */
static hearth_status other_names(compiler *c, const shape *o, const element_set *s, automaton *ret)
{
    automaton with = {0};
    TRY(schema_length(0, UINT32_MAX, ret, c->error));
    json_t *told = json_array();
    bool good = told != NULL;
    for (size_t i = 0; i < o->count && good; i++) {
        good = json_array_append_new(told, json_string(o->members[i].name)) == 0;
    }
    hearth_status status = good ? schema_strings_of(c, told, &with) : schema_memory(c);
    json_decref(told);
    status = status == HEARTH_OK && o->count != 0 ? schema_restrict(c, ret, &with, false) : status;
    automaton_free(&with);
    for (size_t i = 0; i < s->count && status == HEARTH_OK; i++) {
        const json_t *names = leaf_key(&s->list[i], "propertyNames");
        element_set set = {0};
        if (names == NULL) {
            continue;
        }
        status = set_add(c, &set, (element){ELEMENT_WHOLE, names, NULL});
        status = status == HEARTH_OK ? schema_string_content_of_set(c, &set, &with) : status;
        set_free(&set);
        status = status == HEARTH_OK ? schema_restrict(c, ret, &with, true) : status;
        automaton_free(&with);
    }
    return status;
}

/* What leaves say of a name that matches just these patterns. */
static hearth_status value_of_patterns(compiler *c, const shape *o, const element_set *s, unsigned matched,
                                       element_set *ret)
{
    for (size_t i = 0; i < s->count; i++) {
        const json_t *schema = s->list[i].kind == ELEMENT_LEAF ? s->list[i].schema : NULL;
        const json_t *rest = json_object_get(schema, "additionalProperties");
        bool told = false;
        for (size_t p = 0; p < o->pattern_count; p++) {
            if (o->patterns[p].schema == schema && (matched >> p & 1) != 0) {
                const json_t *inner =
                    json_object_get(json_object_get(schema, "patternProperties"), o->patterns[p].text);
                told = true;
                TRY(set_add(c, ret, (element){ELEMENT_WHOLE, inner, NULL}));
            }
        }
        if (!told && rest != NULL) {
            TRY(set_add(c, ret, (element){ELEMENT_WHOLE, rest, NULL}));
        }
    }
    return HEARTH_OK;
}

static bool has_false(const element_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (json_is_false(s->list[i].schema)) {
            return true;
        }
    }
    return false;
}

/* The names that match just these patterns, and their values, added to the rule of other members. */
static hearth_status add_matched(compiler *c, const shape *o, const element_set *s, unsigned matched,
                                 const automaton *names, uint32_t rule)
{
    element_set value = {0};
    automaton here = {0};
    uint32_t value_rule = 0;
    hearth_status status = value_of_patterns(c, o, s, matched, &value);
    if (status != HEARTH_OK || has_false(&value)) {
        set_free(&value);
        return status;
    }
    TRY(schema_rule(c, &value, &value_rule));
    status = automaton_clone(names, &here, c->error);
    for (size_t p = 0; p < o->pattern_count && status == HEARTH_OK; p++) {
        const automaton *with = NULL;
        status = schema_pattern_of(c, o->patterns[p].schema, "patternProperties", o->patterns[p].text,
                                   strlen(o->patterns[p].text), &with);
        status = status == HEARTH_OK ? schema_restrict(c, &here, with, (matched >> p & 1) != 0) : status;
    }
    if (status == HEARTH_OK && !automaton_is_empty(&here)) {
        json_rules *j = &c->json;
        const uint32_t begin = json_then_text(j, rule, RULE_BEGIN, "\"");
        uint32_t at = json_add_state(j, rule);
        automaton_add_copy(&c->rules->rules[rule], begin, &here, at);
        at = json_then_space(j, rule, json_then_text(j, rule, at, "\":"));
        grammar_add_call(c->rules, rule, at, value_rule, RULE_END);
    }
    automaton_free(&here);
    return status;
}

/* The rule of members whose names are not told; 0 where there can be none. */
static hearth_status other_members(compiler *c, const shape *o, const element_set *s, uint32_t *ret)
{
    element_set rest = {0};
    automaton names = {0};
    *ret = 0;
    hearth_status status = value_of_patterns(c, o, s, 0, &rest);
    const bool none = status == HEARTH_OK && o->pattern_count == 0 && has_false(&rest);
    set_free(&rest);
    if (status != HEARTH_OK || none) {
        return status;
    }
    status = other_names(c, o, s, &names);
    if (status == HEARTH_OK) {
        *ret = grammar_add_rule(c->rules);
        status = grammar_rules_check(c->rules, c->error);
    }
    for (unsigned matched = 0; matched < 1u << o->pattern_count && status == HEARTH_OK; matched++) {
        status = add_matched(c, o, s, matched, &names, *ret);
    }
    automaton_free(&names);
    return status;
}

/* ---- the members one after another ---- */

/* Where the text stands once the first members were looked at, by the number of those that are there, up to `cap`. */
typedef struct member_row {
    uint32_t *states; /* [cap + 1] */
    uint32_t cap;
} member_row;

static uint32_t then_member(compiler *c, uint32_t rule, uint32_t from, bool first, uint32_t callee)
{
    json_rules *j = &c->json;
    from = first ? from : json_then_text(j, rule, from, ",");
    return json_then_call(j, rule, json_then_space(j, rule, from), callee);
}

static uint32_t next_count(uint32_t count, uint32_t cap)
{
    return count < cap ? count + 1 : cap;
}

static void add_member(compiler *c, uint32_t rule, const member *m, const member_row *from, const member_row *to)
{
    for (uint32_t count = 0; count <= from->cap; count++) {
        if (!m->required) {
            automaton_add_nothing(&c->rules->rules[rule], from->states[count], to->states[count]);
        }
        if (m->rule != 0) {
            const uint32_t end = then_member(c, rule, from->states[count], count == 0, m->rule);
            automaton_add_nothing(&c->rules->rules[rule], end, to->states[next_count(count, from->cap)]);
        }
        if (grammar_rules_check(c->rules, NULL) != HEARTH_OK) {
            return;
        }
    }
}

/* `cap` stands for itself and all above. `counted`: each name is there once, so members can be counted. */
static hearth_status add_members(compiler *c, uint32_t rule, const shape *o, uint32_t others, const counts *n,
                                 uint32_t *states, uint32_t cap)
{
    json_rules *j = &c->json;
    member_row row = {states, cap};
    member_row next = {states + cap + 1, cap};
    row.states[0] = json_then_text(j, rule, RULE_BEGIN, "{");
    for (uint32_t count = 1; count <= cap; count++) {
        row.states[count] = json_add_state(j, rule);
    }
    for (size_t i = 0; i < o->count; i++) {
        for (uint32_t count = 0; count <= cap; count++) {
            next.states[count] = json_add_state(j, rule);
        }
        TRY(grammar_rules_check(c->rules, c->error));
        add_member(c, rule, &o->members[i], &row, &next);
        TRY(grammar_rules_check(c->rules, c->error));
        const member_row kept = row;
        row = next;
        next = kept;
    }
    for (uint32_t count = 0; count <= cap; count++) {
        if (others != 0) {
            const uint32_t end = then_member(c, rule, row.states[count], count == 0, others);
            TRY(grammar_rules_check(c->rules, c->error));
            automaton_add_nothing(&c->rules->rules[rule], end, row.states[next_count(count, cap)]);
        }
        if (count >= n->least && (count <= n->most || n->most == UINT32_MAX)) {
            json_finish(j, rule, json_then_text(j, rule, json_then_space(j, rule, row.states[count]), "}"));
        }
    }
    return grammar_rules_check(c->rules, c->error);
}

/* Names that are not told may come twice, so that fewer are there than were counted. */
static hearth_status check_counts(compiler *c, const element_set *s, const shape *o, uint32_t others, counts *n)
{
    size_t required = 0;
    for (size_t i = 0; i < o->count; i++) {
        required += o->members[i].required;
    }
    if (n->least <= required) {
        n->least = 0;
    }
    for (size_t i = 0; i < s->count && others != 0 && n->least > required + 1; i++) {
        if (leaf_key(&s->list[i], "minProperties") != NULL) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, s->list[i].schema, "minProperties",
                                "one more than \"required\" has, or additionalProperties: false", "more");
        }
    }
    return HEARTH_OK;
}

static hearth_status add_object(compiler *c, uint32_t outer, const element_set *s, shape *o)
{
    counts n;
    uint32_t others = 0;
    TRY(schema_counts(c, s, "minProperties", "maxProperties", &n));
    TRY(note_members(c, o, s));
    for (size_t i = 0; i < o->count; i++) {
        TRY(member_rule(c, &o->members[i], s));
    }
    if (n.most != 0) {
        TRY(other_members(c, o, s, &others));
    }
    TRY(check_counts(c, s, o, others, &n));
    if (n.least > n.most || (n.least > o->count && others == 0)) {
        return HEARTH_OK;
    }
    if (n.most != UINT32_MAX && n.most >= o->count && others == 0) {
        n.most = UINT32_MAX;
    }
    const uint32_t cap = n.most != UINT32_MAX ? n.most + 1 : n.least > 1 ? n.least : 1;
    uint32_t *states = mem_calloc(2 * ((size_t)cap + 1), sizeof *states);
    if (states == NULL) {
        return schema_memory(c);
    }
    const uint32_t rule = grammar_add_rule(c->rules);
    hearth_status status = grammar_rules_check(c->rules, c->error);
    if (status == HEARTH_OK) {
        status = add_members(c, rule, o, others, &n, states, cap);
    }
    mem_free(states);
    grammar_add_call(c->rules, outer, RULE_BEGIN, rule, RULE_END);
    return status;
}

static bool is_free(const element_set *s)
{
    static const char *const keys[] = {"properties",    "patternProperties", "additionalProperties", "required",
                                       "minProperties", "maxProperties",     "propertyNames"};
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            if (leaf_key(&s->list[i], keys[k]) != NULL) {
                return false;
            }
        }
        if (s->list[i].kind != ELEMENT_LEAF) {
            return false;
        }
    }
    return true;
}

hearth_status schema_add_object(compiler *c, uint32_t rule, const element_set *s)
{
    if (is_free(s)) {
        grammar_add_call(c->rules, rule, RULE_BEGIN, json_rule_object(&c->json), RULE_END);
        return HEARTH_OK;
    }
    shape o = {.names = json_object()};
    const hearth_status status = o.names == NULL ? schema_memory(c) : add_object(c, rule, s, &o);
    mem_free(o.members);
    json_decref(o.names);
    return status;
}
