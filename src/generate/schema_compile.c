/* From a schema's alternatives to rules, type by type. */
#include "generate/grammar_thinking.h"
#include "generate/schema.h"

#include "base/memory.h"

/* ---- one alternative, one set, all of them ---- */

static hearth_status add_types(compiler *c, uint32_t rule, const element_set *s, unsigned types, const bool booleans[2])
{
    json_rules *j = &c->json;
    if ((types & TYPE_NULL) != 0) {
        json_finish(j, rule, json_then_text(j, rule, RULE_BEGIN, "null"));
    }
    for (int i = 0; i < 2; i++) {
        if ((types & TYPE_BOOLEAN) != 0 && booleans[i]) {
            json_finish(j, rule, json_then_text(j, rule, RULE_BEGIN, i == 0 ? "false" : "true"));
        }
    }
    TRY(grammar_rules_check(c->rules, c->error));
    if ((types & (TYPE_INTEGER | TYPE_FRACTION)) != 0) {
        TRY(schema_add_numbers(c, rule, s, types));
    }
    if ((types & TYPE_STRING) != 0) {
        TRY(schema_add_strings(c, rule, s));
    }
    if ((types & TYPE_ARRAY) != 0) {
        TRY(schema_add_array(c, rule, s));
    }
    return (types & TYPE_OBJECT) != 0 ? schema_add_object(c, rule, s) : HEARTH_OK;
}

static hearth_status add_alternative(compiler *c, uint32_t rule, const element_set *s)
{
    const json_t *schema = NULL;
    const json_t *values = schema_enumeration(s, &schema);
    unsigned types = 0;
    bool booleans[2] = {true, true};
    TRY(schema_types(c, s, &types));
    if (values != NULL) {
        return schema_add_enumeration(c, rule, values, schema, s);
    }
    if (s->count == 0) {
        grammar_add_call(c->rules, rule, RULE_BEGIN, json_rule_value(&c->json), RULE_END);
        return HEARTH_OK;
    }
    TRY(schema_forbid(c, s, &types, booleans));
    return add_types(c, rule, s, types, booleans);
}

static hearth_status make_rule(compiler *c, uint32_t rule, const element_set *s)
{
    alternatives a = {0};
    TRY(schema_spread(c, s, &a));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < a.count && status == HEARTH_OK; i++) {
        status = add_alternative(c, rule, &a.list[i]);
        status = status == HEARTH_OK ? grammar_rules_check(c->rules, c->error) : status;
    }
    alternatives_free(&a);
    return status;
}

/* Notes which schemas' branches overlap; *ret_again: some that were not known. */
static hearth_status check_pairs(compiler *c, bool *ret_again)
{
    bool *productive = mem_calloc(c->rules->count, sizeof *productive);
    if (productive == NULL) {
        return schema_memory(c);
    }
    hearth_status status = grammar_productive(c->rules, productive, c->error);
    for (size_t i = 0; i < c->pair_count && status == HEARTH_OK; i++) {
        char address[32];
        schema_address(c->pairs[i].schema, address);
        if (productive[c->pairs[i].rule]) {
            *ret_again = true;
            status = json_object_set_new(c->overlapping, address, json_true()) == 0 ? HEARTH_OK : schema_memory(c);
        }
    }
    mem_free(productive);
    return status;
}

static hearth_status make_rules(compiler *c, const json_t *schema, uint32_t *ret, bool *ret_again)
{
    element_set s = {0};
    TRY(set_add(c, &s, (element){ELEMENT_WHOLE, schema, NULL}));
    TRY(schema_rule(c, &s, ret));
    for (; c->pending_done < c->pending_count; c->pending_done++) {
        const pending_set p = c->pending[c->pending_done]; /* the list grows */
        TRY(make_rule(c, p.rule, &p.set));
    }
    return c->pair_count == 0 ? HEARTH_OK : check_pairs(c, ret_again);
}

static void compiler_free(compiler *c)
{
    for (size_t i = 0; i < c->pending_count; i++) {
        set_free(&c->pending[i].set);
    }
    mem_free(c->pending);
    mem_free(c->pairs);
    for (size_t i = 0; i < c->made_count; i++) {
        automaton_free(c->made[i]);
        mem_free(c->made[i]);
    }
    mem_free(c->made);
    json_decref(c->patterns);
    json_decref(c->anchors);
    json_decref(c->known);
    json_decref(c->paired);
}

/* Rules of an attempt that did not know of all overlaps stay; nobody calls them. */
static hearth_status attempt(grammar_rules *rules, const json_t *schema, json_t *overlapping, uint32_t *ret,
                             bool *ret_again, hearth_error *error)
{
    compiler c = {.root = schema,
                  .rules = rules,
                  .json = {.rules = rules},
                  .known = json_object(),
                  .paired = json_object(),
                  .patterns = json_object(),
                  .overlapping = overlapping,
                  .error = error};
    hearth_status status = c.known != NULL && c.paired != NULL && c.patterns != NULL && overlapping != NULL
                               ? make_rules(&c, schema, ret, ret_again)
                               : error_memory(error, sizeof c);
    compiler_free(&c);
    return status;
}

hearth_status schema_add_to(grammar_rules *rules, const json_t *schema, uint32_t *ret, hearth_error *error)
{
    TRY(schema_check_size(schema, error));
    json_t *overlapping = json_object();
    hearth_status status = HEARTH_OK;
    bool again = true;
    while (again && status == HEARTH_OK) {
        again = false;
        status = attempt(rules, schema, overlapping, ret, &again, error);
    }
    if (status == HEARTH_E_UNSUPPORTED && json_object_size(overlapping) != 0 && error != NULL) {
        const hearth_error kept = *error;
        error_set(error, status, kept.place, "branches of oneOf that exclude each other, or anyOf", "%s", kept.found);
    }
    json_decref(overlapping);
    return status;
}

static hearth_status compile(grammar_rules *rules, const json_t *schema, const grammar_before *before, grammar **ret,
                             hearth_error *error)
{
    uint32_t rule = 0;
    uint32_t recursive = NO_STATE;
    const uint32_t text = grammar_add_rule(rules);
    TRY(grammar_rules_check(rules, error));
    TRY(schema_add_to(rules, schema, &rule, error));
    TRY(grammar_add_whole(rules, text, rule, before, error));
    const hearth_status status = grammar_compile(rules, ret, &recursive, error);
    if (status == HEARTH_E_ARGUMENT) {
        return error_set(error, status, "#", "a schema under which some value is valid", "one that allows none");
    }
    return recursive != NO_STATE
               ? error_set(error, HEARTH_E_LIMIT, "#", "references that do not lead in a circle", "one that does")
               : status;
}

hearth_status grammar_make_schema(const json_t *schema, const grammar_before *before, grammar **ret,
                                  hearth_error *error)
{
    grammar_rules rules = {0};
    const hearth_status status = compile(&rules, schema, before, ret, error);
    grammar_rules_free(&rules);
    return status;
}
