/* Sets of schemas that hold together, and their alternatives. */
#include "generate/schema.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 200, MOST_NESTING = 2000, MOST_ELEMENTS = 4096 };

/* ---- sets ---- */

static int by_address(const void *a, const void *b)
{
    const element *x = a;
    const element *y = b;
    if (x->schema != y->schema) {
        return (uintptr_t)x->schema < (uintptr_t)y->schema ? -1 : 1;
    }
    if (x->kind != y->kind) {
        return (int)x->kind - (int)y->kind;
    }
    return x->key == y->key ? 0 : (x->key == NULL ? -1 : y->key == NULL ? 1 : strcmp(x->key, y->key));
}

hearth_status set_add(compiler *c, element_set *s, element e)
{
    for (size_t i = 0; i < s->count; i++) {
        if (by_address(&s->list[i], &e) == 0) {
            return HEARTH_OK;
        }
    }
    if (s->count >= MOST_ELEMENTS) {
        return schema_error(c, HEARTH_E_LIMIT, c->root, NULL, "at most 4096 assertions that hold together", "more");
    }
    TRY(schema_spend(c, s->count / 16));
    if (!grammar_grow(&s->list, &s->capacity, s->count + 1, sizeof e)) {
        return schema_memory(c);
    }
    s->list[s->count++] = e;
    return HEARTH_OK;
}

void set_free(element_set *s)
{
    mem_free(s->list);
    *s = (element_set){0};
}

static hearth_status set_copy(compiler *c, const element_set *s, element_set *ret)
{
    *ret = (element_set){0};
    if (s->count != 0 && !grammar_grow(&ret->list, &ret->capacity, s->count, sizeof *s->list)) {
        return schema_memory(c);
    }
    for (size_t i = 0; i < s->count; i++) {
        ret->list[i] = s->list[i];
    }
    ret->count = s->count;
    return HEARTH_OK;
}

static hearth_status set_text(compiler *c, const element_set *s, buffer *ret)
{
    element_set sorted = {0};
    TRY(schema_spend(c, s->count));
    TRY(set_copy(c, s, &sorted));
    if (sorted.count != 0) {
        qsort(sorted.list, sorted.count, sizeof *sorted.list, by_address);
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < sorted.count && status == HEARTH_OK; i++) {
        const element *e = &sorted.list[i];
        status = buffer_printf(ret, c->error, "%d %p %s\n", (int)e->kind, (const void *)e->schema,
                               e->key == NULL ? "" : e->key);
    }
    set_free(&sorted);
    return status;
}

static hearth_status find_rule(compiler *c, const char *text, element_set *s, uint32_t *ret)
{
    const json_t *known = json_object_get(c->known, text);
    if (known != NULL) {
        *ret = (uint32_t)json_integer_value(known);
        return HEARTH_OK;
    }
    *ret = grammar_add_rule(c->rules);
    TRY(grammar_rules_check(c->rules, c->error));
    if (json_object_set_new(c->known, text, json_integer((json_int_t)*ret)) != 0 ||
        !grammar_grow(&c->pending, &c->pending_capacity, c->pending_count + 1, sizeof *c->pending)) {
        return schema_memory(c);
    }
    c->pending[c->pending_count++] = (pending_set){*ret, *s};
    *s = (element_set){0};
    return HEARTH_OK;
}

hearth_status schema_rule(compiler *c, element_set *s, uint32_t *ret)
{
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = set_text(c, s, &text);
    if (status == HEARTH_OK) {
        status = find_rule(c, buffer_text(&text), s, ret);
    }
    buffer_free(&text);
    set_free(s);
    return status;
}

void alternatives_free(alternatives *a)
{
    for (size_t i = 0; i < a->count; i++) {
        set_free(&a->list[i]);
    }
    mem_free(a->list);
    *a = (alternatives){0};
}

/* ---- spreading out ---- */

/* One alternative in the making: elements still to be looked at, and the leaves so far. */
typedef struct branch {
    element_set leaves;
    struct {
        element e;
        unsigned depth;
    } * open;
    size_t open_count, open_capacity;
} branch;

static void branch_free(branch *b)
{
    set_free(&b->leaves);
    mem_free(b->open);
}

static hearth_status open_element(compiler *c, branch *b, element e, unsigned depth)
{
    if (depth > MOST_DEPTH) {
        return schema_error(c, HEARTH_E_LIMIT, e.schema, NULL, "references that do not lead in a circle",
                            "a schema that is defined by itself");
    }
    if (!grammar_grow(&b->open, &b->open_capacity, b->open_count + 1, sizeof *b->open)) {
        return schema_memory(c);
    }
    b->open[b->open_count].e = e;
    b->open[b->open_count++].depth = depth;
    return HEARTH_OK;
}

static hearth_status branch_copy(compiler *c, const branch *b, branch *ret)
{
    *ret = (branch){0};
    TRY(schema_spend(c, b->leaves.count + b->open_count));
    TRY(set_copy(c, &b->leaves, &ret->leaves));
    if (b->open_count != 0 && !grammar_grow(&ret->open, &ret->open_capacity, b->open_count, sizeof *b->open)) {
        return schema_memory(c);
    }
    for (size_t i = 0; i < b->open_count; i++) {
        ret->open[i] = b->open[i];
    }
    ret->open_count = b->open_count;
    return HEARTH_OK;
}

static hearth_status spread(compiler *c, branch *b, alternatives *ret);

/* `b`, in which also `elements` hold, and what follows. */
static hearth_status spread_with(compiler *c, const branch *b, const element *elements, size_t count, unsigned depth,
                                 alternatives *ret)
{
    branch copy = {0};
    hearth_status status = branch_copy(c, b, &copy);
    for (size_t i = count; i-- > 0 && status == HEARTH_OK;) { /* the last opened is looked at first */
        status = open_element(c, &copy, elements[i], depth);
    }
    if (status == HEARTH_OK) {
        status = spread(c, &copy, ret);
    }
    branch_free(&copy);
    return status;
}

/* Keywords that give several branches are taken one after another: 0 anyOf, 1 oneOf, 2 if, 3 dependent keys. What is
 * left of them is an element, too: the whole schema, with the stage in its key. */
static const char *const stages[] = {"\1", "\2", "\3", "\4"};

static const json_t *schema_list(const json_t *schema, const char *key, size_t *ret_count)
{
    const json_t *list = json_object_get(schema, key);
    *ret_count = json_array_size(list);
    return json_is_array(list) && *ret_count != 0 ? list : NULL;
}

/* Branches of oneOf must not have a value together. */
static hearth_status pair_branches(compiler *c, const json_t *schema)
{
    char address[32];
    size_t count = 0;
    const json_t *list = schema_list(schema, "oneOf", &count);
    schema_address(schema, address);
    if (json_object_get(c->paired, address) != NULL) {
        return HEARTH_OK;
    }
    if (json_object_set_new(c->paired, address, json_true()) != 0) {
        return schema_memory(c);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            element_set both = {0};
            uint32_t rule = 0;
            TRY(set_add(c, &both, (element){ELEMENT_LEAF, schema, NULL}));
            hearth_status status = set_add(c, &both, (element){ELEMENT_WHOLE, json_array_get(list, i), NULL});
            if (status == HEARTH_OK) {
                status = set_add(c, &both, (element){ELEMENT_WHOLE, json_array_get(list, j), NULL});
            }
            if (status != HEARTH_OK) {
                set_free(&both);
                return status;
            }
            TRY(schema_rule(c, &both, &rule));
            if (!grammar_grow(&c->pairs, &c->pair_capacity, c->pair_count + 1, sizeof *c->pairs)) {
                return schema_memory(c);
            }
            c->pairs[c->pair_count++] = (disjoint_pair){rule, schema};
        }
    }
    return HEARTH_OK;
}

static hearth_status spread_branch(compiler *c, branch *b, const json_t *schema, const element *elements, size_t count,
                                   unsigned next_stage, unsigned depth, alternatives *ret)
{
    element all[8];
    for (size_t i = 0; i < count; i++) {
        all[i] = elements[i];
    }
    all[count] = (element){ELEMENT_WHOLE, schema, stages[next_stage]};
    return spread_with(c, b, all, count + 1, depth, ret);
}

static hearth_status spread_list(compiler *c, branch *b, const json_t *schema, const char *key, unsigned next_stage,
                                 unsigned depth, alternatives *ret)
{
    const json_t *list = json_object_get(schema, key);
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, key, "an array of schemas", "none");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const element e = {ELEMENT_WHOLE, json_array_get(list, i), NULL};
        TRY(spread_branch(c, b, schema, &e, 1, next_stage, depth + 1, ret));
    }
    return HEARTH_OK;
}

/* Branches that overlap: each one with the others not holding. */
static hearth_status spread_exactly_one(compiler *c, const branch *b, const json_t *schema, unsigned depth,
                                        alternatives *ret)
{
    const json_t *list = json_object_get(schema, "oneOf");
    for (size_t i = 0; i < json_array_size(list); i++) {
        branch copy = {0};
        hearth_status status = branch_copy(c, b, &copy);
        if (status == HEARTH_OK) {
            status = open_element(c, &copy, (element){ELEMENT_WHOLE, schema, stages[2]}, depth + 1);
        }
        for (size_t j = 0; j < json_array_size(list) && status == HEARTH_OK; j++) {
            const element e = {i == j ? ELEMENT_WHOLE : ELEMENT_NOT, json_array_get(list, j), NULL};
            status = open_element(c, &copy, e, depth + 1);
        }
        if (status == HEARTH_OK) {
            status = spread(c, &copy, ret);
        }
        branch_free(&copy);
        TRY(status);
    }
    return HEARTH_OK;
}

/* Branches of oneOf must not have a value together: where they do, the grammar is made again, with them told apart. */
static hearth_status spread_one_of(compiler *c, branch *b, const json_t *schema, unsigned depth, alternatives *ret)
{
    char address[32];
    schema_address(schema, address);
    if (json_object_get(c->overlapping, address) != NULL && json_array_size(json_object_get(schema, "oneOf")) != 0) {
        return spread_exactly_one(c, b, schema, depth, ret);
    }
    TRY(pair_branches(c, schema));
    return spread_list(c, b, schema, "oneOf", 2, depth, ret);
}

static hearth_status spread_if(compiler *c, branch *b, const json_t *schema, unsigned depth, alternatives *ret)
{
    const json_t *condition = json_object_get(schema, "if");
    const json_t *then = json_object_get(schema, "then");
    const json_t *otherwise = json_object_get(schema, "else");
    const element holds[2] = {{ELEMENT_WHOLE, condition, NULL}, {ELEMENT_WHOLE, then, NULL}};
    const element fails[2] = {{ELEMENT_NOT, condition, NULL}, {ELEMENT_WHOLE, otherwise, NULL}};
    TRY(spread_branch(c, b, schema, holds, then == NULL ? 1 : 2, 3, depth + 1, ret));
    return spread_branch(c, b, schema, fails, otherwise == NULL ? 1 : 2, 3, depth + 1, ret);
}

/* Of each key of dependentSchemas and dependentRequired: it is absent, or what depends on it holds. */
static hearth_status spread_dependent(compiler *c, branch *b, const json_t *schema, const json_t *keys, size_t from,
                                      unsigned depth, alternatives *ret)
{
    if (from == json_array_size(keys)) {
        return spread_with(c, b, NULL, 0, depth, ret);
    }
    if (from > MOST_DEPTH) {
        return schema_error(c, HEARTH_E_LIMIT, schema, NULL, "at most 200 keys that something depends on", "more");
    }
    const char *key = json_string_value(json_array_get(keys, from));
    const json_t *dependent = json_object_get(json_object_get(schema, "dependentSchemas"), key);
    const json_t *required = json_object_get(json_object_get(schema, "dependentRequired"), key);
    const char *stable = json_object_iter_key(json_object_iter_at(
        (json_t *)json_object_get(schema, dependent != NULL ? "dependentSchemas" : "dependentRequired"), key));
    branch with = {0};
    branch without = {0};
    hearth_status status = branch_copy(c, b, &without);
    if (status == HEARTH_OK) {
        status = set_add(c, &without.leaves, (element){ELEMENT_ABSENT, schema, stable});
    }
    if (status == HEARTH_OK) {
        status = spread_dependent(c, &without, schema, keys, from + 1, depth, ret);
    }
    if (status == HEARTH_OK) {
        status = branch_copy(c, b, &with);
    }
    if (status == HEARTH_OK) {
        status = set_add(c, &with.leaves, (element){ELEMENT_PRESENT, schema, stable});
    }
    for (size_t i = 0; i < json_array_size(required) && status == HEARTH_OK; i++) {
        const char *name = json_string_value(json_array_get(required, i));
        status = name == NULL ? schema_error(c, HEARTH_E_ARGUMENT, schema, "dependentRequired", "names", "another type")
                              : set_add(c, &with.leaves, (element){ELEMENT_PRESENT, schema, name});
    }
    if (status == HEARTH_OK && dependent != NULL) {
        status = open_element(c, &with, (element){ELEMENT_WHOLE, dependent, NULL}, depth + 1);
    }
    if (status == HEARTH_OK) {
        status = spread_dependent(c, &with, schema, keys, from + 1, depth, ret);
    }
    branch_free(&with);
    branch_free(&without);
    return status;
}

static hearth_status spread_dependents(compiler *c, branch *b, const json_t *schema, unsigned depth, alternatives *ret)
{
    json_t *keys = json_array();
    const char *key = NULL;
    json_t *inner = NULL;
    bool good = keys != NULL;
    json_object_foreach(json_object_get(schema, "dependentSchemas"), key, inner)
    {
        good = good && json_array_append_new(keys, json_string(key)) == 0;
    }
    json_object_foreach(json_object_get(schema, "dependentRequired"), key, inner)
    {
        if (json_object_get(json_object_get(schema, "dependentSchemas"), key) == NULL) {
            good = good && json_array_append_new(keys, json_string(key)) == 0;
        }
    }
    const hearth_status status = good ? spread_dependent(c, b, schema, keys, 0, depth, ret) : schema_memory(c);
    json_decref(keys);
    return status;
}

static hearth_status spread_stage(compiler *c, branch *b, const json_t *schema, unsigned stage, unsigned depth,
                                  alternatives *ret)
{
    if (stage == 0 && json_object_get(schema, "anyOf") != NULL) {
        return spread_list(c, b, schema, "anyOf", 1, depth, ret);
    }
    if (stage <= 1 && json_object_get(schema, "oneOf") != NULL) {
        return spread_one_of(c, b, schema, depth, ret);
    }
    if (stage <= 2 && json_object_get(schema, "if") != NULL) {
        return spread_if(c, b, schema, depth, ret);
    }
    const bool dependent = json_object_size(json_object_get(schema, "dependentSchemas")) +
                               json_object_size(json_object_get(schema, "dependentRequired")) !=
                           0;
    return dependent ? spread_dependents(c, b, schema, depth, ret) : spread_with(c, b, NULL, 0, depth, ret);
}

/* ---- keywords ---- */

typedef enum keyword_kind { KEY_NOTE, KEY_LEAF, KEY_COMBINES, KEY_OTHER } keyword_kind;

static keyword_kind kind_of(const char *key)
{
    static const char *const notes[] = {
        "$comment",         "title",         "description", "default", "examples",     "deprecated", "readOnly",
        "writeOnly",        "$schema",       "$id",         "$defs",   "definitions",  "$anchor",    "contentEncoding",
        "contentMediaType", "contentSchema", "then",        "else",    "discriminator"};
    static const char *const leaves[] = {"type",
                                         "enum",
                                         "const",
                                         "multipleOf",
                                         "minimum",
                                         "maximum",
                                         "exclusiveMinimum",
                                         "exclusiveMaximum",
                                         "minLength",
                                         "maxLength",
                                         "pattern",
                                         "format",
                                         "items",
                                         "prefixItems",
                                         "minItems",
                                         "maxItems",
                                         "uniqueItems",
                                         "contains",
                                         "minContains",
                                         "maxContains",
                                         "properties",
                                         "patternProperties",
                                         "additionalProperties",
                                         "required",
                                         "minProperties",
                                         "maxProperties",
                                         "propertyNames"};
    static const char *const combining[] = {
        "$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependentRequired"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        if (strcmp(key, notes[i]) == 0) {
            return KEY_NOTE;
        }
    }
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        if (strcmp(key, leaves[i]) == 0) {
            return KEY_LEAF;
        }
    }
    for (size_t i = 0; i < sizeof combining / sizeof *combining; i++) {
        if (strcmp(key, combining[i]) == 0) {
            return KEY_COMBINES;
        }
    }
    return strncmp(key, "x-", 2) == 0 ? KEY_NOTE : KEY_OTHER;
}

static hearth_status check_keys(compiler *c, const json_t *schema, bool *ret_leaf)
{
    const char *key = NULL;
    json_t *inner = NULL;
    *ret_leaf = false;
    if (!json_is_object(schema)) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, NULL, "a schema: an object, true or false", "another type");
    }
    TRY(schema_spend(c, json_object_size(schema)));
    json_object_foreach((json_t *)schema, key, inner)
    {
        const keyword_kind kind = kind_of(key);
        *ret_leaf = *ret_leaf || kind == KEY_LEAF;
        if (kind == KEY_OTHER) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, schema, key, "keywords that docs/structured-output.md has",
                                key);
        }
        if (strcmp(key, "$schema") == 0 &&
            (!json_is_string(inner) || strstr(json_string_value(inner), "json-schema.org/") == NULL)) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, schema, key, "a schema of json-schema.org", "another dialect");
        }
        if (strcmp(key, "$id") == 0 && schema != c->root) {
            return schema_error(c, HEARTH_E_UNSUPPORTED, schema, key, "$id at the schema's root alone", key);
        }
    }
    return HEARTH_OK;
}

/* ---- one element ---- */

static hearth_status spread_whole(compiler *c, branch *b, const json_t *schema, unsigned depth, alternatives *ret)
{
    bool leaf = false;
    size_t count = 0;
    if (json_is_boolean(schema)) {
        return json_is_true(schema) ? spread(c, b, ret) : HEARTH_OK;
    }
    TRY(check_keys(c, schema, &leaf));
    TRY(open_element(c, b, (element){ELEMENT_WHOLE, schema, stages[0]}, depth));
    if (leaf) {
        TRY(set_add(c, &b->leaves, (element){ELEMENT_LEAF, schema, NULL}));
    }
    const json_t *not = json_object_get(schema, "not");
    if (not != NULL) {
        TRY(open_element(c, b, (element){ELEMENT_NOT, not, NULL}, depth + 1));
    }
    const json_t *all = json_object_get(schema, "allOf");
    if (all != NULL && schema_list(schema, "allOf", &count) == NULL) {
        return schema_error(c, HEARTH_E_ARGUMENT, schema, "allOf", "an array of schemas", "none");
    }
    for (size_t i = count; i-- > 0;) {
        TRY(open_element(c, b, (element){ELEMENT_WHOLE, json_array_get(all, i), NULL}, depth + 1));
    }
    if (json_object_get(schema, "$ref") != NULL) {
        const json_t *target = NULL;
        TRY(schema_resolve(c, schema, &target));
        TRY(open_element(c, b, (element){ELEMENT_WHOLE, target, NULL}, depth + 1));
    }
    return spread(c, b, ret);
}

/* A schema does not hold where one of its keywords does not. */
static hearth_status spread_not_key(compiler *c, branch *b, const json_t *schema, const char *key, unsigned depth,
                                    alternatives *ret)
{
    const json_t *value = json_object_get(schema, key);
    const char *name = NULL;
    json_t *inner = NULL;
    element e = {ELEMENT_NOT_KEY, schema, key};
    if (strcmp(key, "not") == 0 || strcmp(key, "$ref") == 0) {
        e = (element){key[0] == 'n' ? ELEMENT_WHOLE : ELEMENT_NOT, value, NULL};
        if (key[0] == '$') {
            TRY(schema_resolve(c, schema, &e.schema));
        }
    } else if (strcmp(key, "allOf") == 0) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            e = (element){ELEMENT_NOT, json_array_get(value, i), NULL};
            TRY(spread_with(c, b, &e, 1, depth + 1, ret));
        }
        return HEARTH_OK;
    } else if (strcmp(key, "anyOf") == 0) {
        branch copy = {0};
        hearth_status status = branch_copy(c, b, &copy);
        for (size_t i = 0; i < json_array_size(value) && status == HEARTH_OK; i++) {
            status = open_element(c, &copy, (element){ELEMENT_NOT, json_array_get(value, i), NULL}, depth + 1);
        }
        status = status == HEARTH_OK ? spread(c, &copy, ret) : status;
        branch_free(&copy);
        return status;
    } else if (strcmp(key, "properties") == 0) {
        json_object_foreach((json_t *)value, name, inner)
        {
            e = (element){ELEMENT_WRONG, inner, name};
            TRY(spread_with(c, b, &e, 1, depth + 1, ret));
        }
        return HEARTH_OK;
    } else if (strcmp(key, "required") == 0) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            e = (element){ELEMENT_NOT_KEY, schema, json_string_value(json_array_get(value, i))};
            if (e.key != NULL) {
                e.kind = ELEMENT_ABSENT;
                const element object[2] = {e, {ELEMENT_PRESENT, NULL, NULL}}; /* and it is an object */
                TRY(spread_with(c, b, object, 2, depth + 1, ret));
            }
        }
        return HEARTH_OK;
    }
    return spread_with(c, b, &e, 1, depth + 1, ret);
}

static hearth_status spread_not(compiler *c, branch *b, const json_t *schema, unsigned depth, alternatives *ret)
{
    const char *key = NULL;
    json_t *inner = NULL;
    bool leaf = false;
    if (json_is_boolean(schema)) {
        return json_is_true(schema) ? HEARTH_OK : spread(c, b, ret);
    }
    TRY(check_keys(c, schema, &leaf));
    json_object_foreach((json_t *)schema, key, inner)
    {
        if (kind_of(key) != KEY_NOTE) {
            TRY(spread_not_key(c, b, schema, key, depth, ret));
        }
    }
    return HEARTH_OK;
}

static hearth_status spread_next(compiler *c, branch *b, alternatives *ret)
{
    TRY(schema_spend(c, 1));
    if (ret->count >= LIMIT_GRAMMAR_ALTERNATIVES) {
        return schema_error(c, HEARTH_E_LIMIT, c->root, NULL, "at most 1024 alternatives of one value", "more");
    }
    if (b->open_count == 0) {
        if (!grammar_grow(&ret->list, &ret->capacity, ret->count + 1, sizeof *ret->list)) {
            return schema_memory(c);
        }
        ret->list[ret->count++] = b->leaves;
        b->leaves = (element_set){0};
        return HEARTH_OK;
    }
    const element e = b->open[--b->open_count].e;
    const unsigned depth = b->open[b->open_count].depth;
    if (e.kind == ELEMENT_WHOLE && e.key != NULL) {
        return spread_stage(c, b, e.schema, (unsigned)e.key[0] - 1, depth, ret);
    }
    if (e.kind == ELEMENT_WHOLE || e.kind == ELEMENT_NOT) {
        return e.kind == ELEMENT_WHOLE ? spread_whole(c, b, e.schema, depth, ret)
                                       : spread_not(c, b, e.schema, depth, ret);
    }
    TRY(set_add(c, &b->leaves, e));
    return spread(c, b, ret);
}

static hearth_status spread(compiler *c, branch *b, alternatives *ret)
{
    if (++c->nesting > MOST_NESTING) {
        return schema_error(c, HEARTH_E_LIMIT, c->root, NULL, "at most 2000 schemas that hold together", "more");
    }
    const hearth_status status = spread_next(c, b, ret);
    c->nesting--;
    return status;
}

hearth_status schema_spread(compiler *c, const element_set *s, alternatives *ret)
{
    branch b = {0};
    hearth_status status = HEARTH_OK;
    for (size_t i = s->count; i-- > 0 && status == HEARTH_OK;) {
        status = open_element(c, &b, s->list[i], 0);
    }
    if (status == HEARTH_OK) {
        status = spread(c, &b, ret);
    }
    branch_free(&b);
    if (status != HEARTH_OK) {
        alternatives_free(ret);
    }
    return status;
}
