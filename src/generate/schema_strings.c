/* Strings: lengths, patterns, formats, and what "not" takes out. */
#include "generate/schema.h"

#include "base/limits.h"
#include "base/memory.h"
#include "generate/schema_pattern.h"

#include <string.h>

/* ---- content ---- */

hearth_status schema_pattern_of(compiler *c, const json_t *schema, const char *key, const char *pattern, size_t length,
                                const automaton **ret)
{
    const json_t *known = json_object_getn(c->patterns, pattern, length);
    if (known != NULL) {
        *ret = c->made[json_integer_value(known)];
        return HEARTH_OK;
    }
    automaton *a = mem_calloc(1, sizeof *a);
    if (a == NULL || !grammar_grow(&c->made, &c->made_capacity, c->made_count + 1, sizeof(void *))) {
        mem_free(a);
        return schema_memory(c);
    }
    c->made[c->made_count] = a;
    *ret = a;
    const json_int_t number = (json_int_t)c->made_count++;
    TRY(schema_error_at(c, schema_pattern(pattern, length, a, c->error), schema, key));
    TRY(schema_spend(c, a->work));
    return json_object_setn_new(c->patterns, pattern, length, json_integer(number)) == 0 ? HEARTH_OK : schema_memory(c);
}

hearth_status schema_restrict(compiler *c, automaton *a, const automaton *with, bool inside)
{
    automaton result = {0};
    const hearth_status status = automaton_product(a, with, inside, &result, c->error);
    automaton_free(a);
    *a = result;
    return status == HEARTH_OK ? schema_spend(c, a->work) : status;
}

hearth_status schema_strings_of(compiler *c, const json_t *list, automaton *ret)
{
    automaton all = {0};
    const uint32_t begin = automaton_add_state(&all);
    const uint32_t end = automaton_add_state(&all);
    hearth_status status = automaton_check(&all, c->error);
    for (size_t i = 0; i < json_array_size(list) && status == HEARTH_OK; i++) {
        const json_t *text = json_array_get(list, i);
        automaton one = {0};
        if (json_is_string(text)) {
            status = schema_string(json_string_value(text), json_string_length(text), &one, c->error);
            automaton_add_copy(&all, begin, &one, end);
            automaton_free(&one);
        }
    }
    if (status == HEARTH_OK && all.failed == HEARTH_OK) {
        all.states[end].final = true;
    }
    status = status == HEARTH_OK ? automaton_determinize(&all, LIMIT_GRAMMAR_STATES, ret, c->error) : status;
    automaton_free(&all);
    return status == HEARTH_OK ? schema_spend(c, ret->work) : status;
}

/* *a without states: every string. */
static hearth_status combine(compiler *c, automaton *a, const automaton *with, bool inside)
{
    if (a->state_count == 0 && inside) {
        return automaton_clone(with, a, c->error);
    }
    if (a->state_count == 0) {
        TRY(schema_length(0, UINT32_MAX, a, c->error));
    }
    return schema_restrict(c, a, with, inside);
}

static hearth_status combine_pattern(compiler *c, automaton *a, const json_t *schema, const char *key,
                                     const char *pattern, size_t length, bool inside)
{
    const automaton *with = NULL;
    TRY(schema_pattern_of(c, schema, key, pattern, length, &with));
    return combine(c, a, with, inside);
}

/* All strings but those of a list. */
static hearth_status combine_others(compiler *c, automaton *a, const json_t *list)
{
    automaton with = {0};
    size_t strings = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        strings += json_is_string(json_array_get(list, i));
    }
    if (strings == 0) {
        return HEARTH_OK;
    }
    TRY(schema_strings_of(c, list, &with));
    const hearth_status status = combine(c, a, &with, false);
    automaton_free(&with);
    return status;
}

static hearth_status combine_element(compiler *c, automaton *a, const element *e)
{
    const bool not = e->kind == ELEMENT_NOT_KEY;
    const json_t *pattern = !not || strcmp(e->key, "pattern") == 0 ? json_object_get(e->schema, "pattern") : NULL;
    const json_t *format = not ? NULL : json_object_get(e->schema, "format");
    if (pattern != NULL) {
        if (!json_is_string(pattern)) {
            return schema_error(c, HEARTH_E_ARGUMENT, e->schema, "pattern", "a string", "another type");
        }
        TRY(combine_pattern(c, a, e->schema, "pattern", json_string_value(pattern), json_string_length(pattern),
                            !not ));
    }
    const char *known = json_is_string(format) ? schema_format_pattern(json_string_value(format)) : NULL;
    if (known != NULL) {
        TRY(combine_pattern(c, a, e->schema, "format", known, strlen(known), true));
    }
    const json_t *value = not &&strcmp(e->key, "const") == 0 ? json_object_get(e->schema, "const") : NULL;
    if (json_is_string(value)) {
        json_t *list = json_pack("[O]", value);
        const hearth_status status = list == NULL ? schema_memory(c) : combine_others(c, a, list);
        json_decref(list);
        return status;
    }
    const json_t *list = not &&strcmp(e->key, "enum") == 0 ? json_object_get(e->schema, "enum") : NULL;
    return list == NULL ? HEARTH_OK : combine_others(c, a, list);
}

/* All but lengths; no states: every string. */
static hearth_status combine_all(compiler *c, const element_set *s, automaton *ret)
{
    *ret = (automaton){0};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < s->count && status == HEARTH_OK; i++) {
        if (s->list[i].kind == ELEMENT_LEAF || s->list[i].kind == ELEMENT_NOT_KEY) {
            status = combine_element(c, ret, &s->list[i]);
        }
    }
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    return status;
}

static hearth_status combine_lengths(compiler *c, const counts *l, automaton *a)
{
    automaton with = {0};
    if (l->least > l->most) {
        automaton_free(a);
        automaton_add_state(a); /* one that never ends */
        return automaton_check(a, c->error);
    }
    if (l->least == 0 && l->most == UINT32_MAX && a->state_count != 0) {
        return HEARTH_OK;
    }
    TRY(schema_length(l->least, l->most, &with, c->error));
    hearth_status status = schema_spend(c, with.work);
    status = status == HEARTH_OK ? combine(c, a, &with, true) : status;
    automaton_free(&with);
    return status;
}

/* Deterministic: what stands between the quotation marks of the strings that leaves allow, in our own spelling. */
static hearth_status string_content(compiler *c, const element_set *s, automaton *ret)
{
    counts l;
    TRY(schema_counts(c, s, "minLength", "maxLength", &l));
    TRY(combine_all(c, s, ret));
    const hearth_status status = combine_lengths(c, &l, ret);
    if (status != HEARTH_OK) {
        automaton_free(ret);
    }
    return status;
}

static hearth_status add_name_value(compiler *c, const element_set *alternative, const json_t *value, automaton *all,
                                    uint32_t end)
{
    automaton one = {0};
    bool valid = json_is_string(value);
    TRY(valid ? schema_valid(c, value, alternative, &valid) : HEARTH_OK);
    if (valid) {
        TRY(schema_string(json_string_value(value), json_string_length(value), &one, c->error));
        automaton_add_copy(all, 0, &one, end);
        automaton_free(&one);
    }
    return HEARTH_OK;
}

static hearth_status add_content(compiler *c, const element_set *alternative, automaton *all, uint32_t end)
{
    unsigned types = 0;
    automaton content = {0};
    TRY(schema_types(c, alternative, &types));
    for (size_t i = 0; i < alternative->count; i++) {
        const json_t *schema = alternative->list[i].kind == ELEMENT_LEAF ? alternative->list[i].schema : NULL;
        const json_t *value = json_object_get(schema, "const");
        const json_t *list = json_object_get(schema, "enum");
        if (value != NULL) {
            return add_name_value(c, alternative, value, all, end);
        }
        for (size_t j = 0; j < json_array_size(list); j++) {
            TRY(add_name_value(c, alternative, json_array_get(list, j), all, end));
        }
        if (list != NULL) {
            return HEARTH_OK;
        }
    }
    if ((types & TYPE_STRING) == 0) {
        return HEARTH_OK;
    }
    TRY(string_content(c, alternative, &content));
    automaton_add_copy(all, 0, &content, end);
    automaton_free(&content);
    return HEARTH_OK;
}

hearth_status schema_string_content_of_set(compiler *c, const element_set *s, automaton *ret)
{
    alternatives a = {0};
    automaton all = {0};
    TRY(schema_spread(c, s, &a));
    automaton_add_state(&all);
    const uint32_t end = automaton_add_state(&all);
    if (all.failed == HEARTH_OK) {
        all.states[end].final = true;
    }
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < a.count && status == HEARTH_OK; i++) {
        status = add_content(c, &a.list[i], &all, end);
    }
    automaton_trim(&all);
    if (status == HEARTH_OK) {
        status = automaton_determinize(&all, 50000, ret, c->error);
        status = status == HEARTH_OK ? schema_spend(c, ret->work) : status;
    }
    automaton_free(&all);
    alternatives_free(&a);
    return status;
}

/* ---- rules ---- */

/* Any spelling: `least` to `most` characters one after another. */
static void add_counted(compiler *c, uint32_t rule, const counts *l)
{
    json_rules *j = &c->json;
    uint32_t at = json_then_text(j, rule, RULE_BEGIN, "\"");
    const uint32_t last = l->most == UINT32_MAX ? l->least : l->most;
    for (uint32_t i = 0; i <= last && grammar_rules_check(c->rules, NULL) == HEARTH_OK; i++) {
        if (i >= l->least) {
            const uint32_t end = json_then_text(j, rule, at, "\"");
            json_finish(j, rule, end);
        }
        const uint32_t next = i < last ? json_add_state(j, rule) : at;
        if (i < last || l->most == UINT32_MAX) {
            json_add_character(j, rule, at, next);
        }
        at = next;
    }
}

hearth_status schema_add_strings(compiler *c, uint32_t rule, const element_set *s)
{
    counts l;
    automaton content = {0};
    TRY(schema_counts(c, s, "minLength", "maxLength", &l));
    TRY(combine_all(c, s, &content));
    if (content.state_count == 0 && l.least == 0 && l.most == UINT32_MAX) {
        grammar_add_call(c->rules, rule, RULE_BEGIN, json_rule_string(&c->json), RULE_END);
        return HEARTH_OK;
    }
    if (content.state_count == 0) {
        if (l.least <= l.most) {
            add_counted(c, rule, &l);
        }
        return HEARTH_OK;
    }
    const hearth_status status = combine_lengths(c, &l, &content);
    if (status == HEARTH_OK && !automaton_is_empty(&content)) {
        const uint32_t begin = json_then_text(&c->json, rule, RULE_BEGIN, "\"");
        const uint32_t end = json_add_state(&c->json, rule);
        automaton_add_copy(&c->rules->rules[rule], begin, &content, end);
        json_finish(&c->json, rule, json_then_text(&c->json, rule, end, "\""));
    }
    automaton_free(&content);
    return status;
}
